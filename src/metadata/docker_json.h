/* SPDX-License-Identifier: Apache-2.0 */
/* What Docker and Podman answer, as JSON: the Docker Engine API, Podman's libpod API. */
#ifndef SAKER_METADATA_DOCKER_JSON_H
#define SAKER_METADATA_DOCKER_JSON_H

#include "base/error.h"
#include "state/container_info.h"

/* An image's names, of Docker, whose containers name it by its id alone. */
struct docker_image {
	char repository[512], tag[160], digest[160];
};

/* GET /containers/ID/json; image: NULL where it is not known. NULL where it is none. */
struct container_info *docker_container(struct str json, const struct docker_image *image,
					uint32_t label_max, struct error *err);
/* The image's id, to look it up by; empty: none. It is cut to room. */
void docker_container_image(struct str json, char *id, size_t room);
/* GET /images/ID/json */
bool docker_image(struct str json, struct docker_image *out);
/* GET /libpod/containers/ID/json */
struct container_info *podman_container(struct str json, uint32_t label_max, struct error *err);

/* The ids of a list of containers; at most that many bytes of JSON are looked at at all. */
typedef void docker_take_id(void *context, struct str id);
int docker_list(struct str json, docker_take_id *take, void *context, struct error *err);

/* A line of the stream of events. */
enum docker_event { DOCKER_OTHER, DOCKER_ADDED, DOCKER_GONE };
enum docker_event docker_event(struct str json, char *id, size_t room);

#endif
