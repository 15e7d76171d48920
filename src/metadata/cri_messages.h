/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CRI and containerd answer: messages of cri-api's runtime/v1/api.proto and of containerd's
 * api/services. Views of the bytes they are read from.
 */
#ifndef SAKER_METADATA_CRI_MESSAGES_H
#define SAKER_METADATA_CRI_MESSAGES_H

#include "base/error.h"
#include "state/container_info.h"

/* VersionResponse: which kind of containers it runs. */
enum container_type cri_runtime_type(struct str version);
/*
 * ContainerStatusResponse, and the PodSandboxStatusResponse of its pod (empty: not known). NULL
 * with the reason where it names no container.
 */
struct container_info *cri_container(struct str status, struct str sandbox,
				     enum container_type type, uint32_t label_max,
				     struct error *err);
/* PodSandboxStatusResponse, as the container that the sandbox itself is. */
struct container_info *cri_sandbox(struct str sandbox, enum container_type type, uint32_t label_max,
				   struct error *err);

/* containerd's Container, and the digest of its image (empty: not known). */
struct container_info *containerd_container(struct str container, struct str digest,
					    uint32_t label_max, struct error *err);

#endif
