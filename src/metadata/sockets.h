/* SPDX-License-Identifier: Apache-2.0 */
/* Where runtimes are spoken to, for the sources of metadata/ alone. */
#ifndef SAKER_METADATA_SOCKETS_H
#define SAKER_METADATA_SOCKETS_H

#include "metadata/metadata.h"

/*
 * All that are configured, or else where they usually are, with the host's root; the first error of
 * visit, or 0. Rootless Podman has a socket for each user who runs it: of users who are there, and
 * of those who may run containers (/etc/subuid) and come later.
 */
typedef int sockets_visit(void *context, enum metadata_engine engine, const char *socket,
			  struct error *err);
int sockets_each(const struct metadata_options *options, sockets_visit *visit, void *context,
		 struct error *err);

#endif
