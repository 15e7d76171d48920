/* SPDX-License-Identifier: Apache-2.0 */
/* What the web hook needs of the system: a place to listen at, and certificates. */
#ifndef SAKER_SOURCE_AUDIT_LISTEN_H
#define SAKER_SOURCE_AUDIT_LISTEN_H

#include "base/error.h"

/* Listens at an address (empty: all, of both versions of IP). *bound is the port, for port 0. */
int audit_listen(const char *address, uint16_t port, uint16_t *bound, struct error *err);

/* A whole file as text, which the caller frees. key is the configuration's, for messages. */
int audit_read_pem(const char *path, const char *key, char **out, struct error *err);

#endif
