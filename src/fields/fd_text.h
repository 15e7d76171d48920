/* SPDX-License-Identifier: Apache-2.0 */
/* How descriptors read: their type, and the name that fd.name and arguments show. */
#ifndef SAKER_FIELDS_FD_TEXT_H
#define SAKER_FIELDS_FD_TEXT_H

#include "base/buffer.h"
#include "event/address.h"

/* False for events whose descriptor is not known, a failed open's among them. */
static inline bool fd_is_known(const struct event_fd *fd)
{
	return fd->is_known && (fd->num >= 0 || fd->is_registered);
}

static inline bool fd_is_ip(const struct event_fd *fd)
{
	return fd->type == FD_IPV4 || fd->type == FD_IPV6;
}

/* "file", "ipv4", "pipe" ...; "<NA>" for types that have no name. */
const char *fd_type_name(enum fd_type type);
char fd_type_letter(enum fd_type type);
/* "tcp", "udp", "icmp", "raw"; "<NA>" for others. */
const char *fd_l4proto_name(uint8_t l4proto);

/*
 * True where the name is a view that the event holds already (files, unnamed descriptors); else it
 * has to be composed with fd_name_print.
 */
bool fd_name_view(const struct event_fd *fd, enum name_view view, struct str *out);
void fd_name_print(const struct event_fd *fd, enum name_view view, struct buffer *out);

#endif
