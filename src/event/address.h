/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of sockets as events carry them, and as text.
 *
 * A sockaddr parameter is a byte of family, then an address and a port (host byte order), or the
 * path of a unix socket with its NUL. A socktuple is a byte of family, then source and destination,
 * each an address and a port; of unix sockets two kernel addresses and the path. Families are
 * numbered as Linux does.
 */
#ifndef SAKER_EVENT_ADDRESS_H
#define SAKER_EVENT_ADDRESS_H

#include "base/buffer.h"
#include "event/event.h"

struct socket_address {
	uint8_t family;
	struct ip_address ip; /* of IPv4 and IPv6 */
	uint16_t port;
	struct str path; /* of unix sockets: a view, without the NUL */
};

struct socket_tuple {
	uint8_t family;
	struct ip_address source,
	    destination; /* IPv4 where both are IPv6 addresses that hold one */
	uint16_t source_port, destination_port;
	uint64_t unix_source, unix_destination;
	struct str path;
};

/* False where the bytes are none: empty, or shorter than the family asks for. */
bool socket_address_read(struct str bytes, struct socket_address *out);
bool socket_tuple_read(struct str bytes, struct socket_tuple *out);

/* An IPv6 address that stands for an IPv4 one: ::ffff:a.b.c.d, and :: itself. */
bool ip_address_is_mapped(const struct ip_address *ip);
void ip_address_unmap(struct ip_address *ip);
bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);

void ip_address_print(const struct ip_address *ip, struct buffer *out);
void ip_endpoint_print(const struct ip_address *ip, uint16_t port, struct buffer *out);
/* "127.0.0.1:80", "/run/socket", "family 16"; nothing for no bytes. */
void socket_address_print(struct str bytes, struct buffer *out);
/* "10.0.0.1:4000->10.0.0.2:80", "ffff888109c19b00->ffff888109c1ba80 /run/socket". */
void socket_tuple_print(struct str bytes, struct buffer *out);
void unix_tuple_print(uint64_t source, uint64_t destination, struct str path, struct buffer *out);

#endif
