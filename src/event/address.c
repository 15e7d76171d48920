/* SPDX-License-Identifier: Apache-2.0 */
#include "event/address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

bool ip_address_is_mapped(const struct ip_address *ip)
{
	static const uint8_t zeros[16];
	const uint8_t *b = ip->bytes;

	return ip->size == 16 && memcmp(b, zeros, 10) == 0 &&
	       ((b[10] == 0xff && b[11] == 0xff) || memcmp(b, zeros, 16) == 0);
}

void ip_address_unmap(struct ip_address *ip)
{
	memmove(ip->bytes, ip->bytes + 12, 4);
	memset(ip->bytes + 4, 0, 12);
	ip->size = 4;
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static uint8_t address_size(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

/* An address and its port; answers what stands behind them. The bytes must be there. */
static const char *read_endpoint(const char *p, uint8_t size, struct ip_address *ip, uint16_t *port)
{
	*ip = (struct ip_address){.size = size};
	memcpy(ip->bytes, p, size);
	memcpy(port, p + size, sizeof(*port));
	return p + size + sizeof(*port);
}

bool socket_address_read(struct str bytes, struct socket_address *out)
{
	*out = (struct socket_address){.path = {"", 0}};
	if (bytes.n == 0)
		return false;
	out->family = (uint8_t)bytes.p[0];

	uint8_t size = address_size(out->family);
	if (size) {
		if (bytes.n < 1 + size + sizeof(out->port))
			return false;
		read_endpoint(bytes.p + 1, size, &out->ip, &out->port);
	} else if (out->family == AF_UNIX) {
		if (bytes.n < 2)
			return false;
		out->path = str_slice(bytes, 1, bytes.n);
		out->path.n = str_find_byte(out->path, '\0', 0);
	}
	return true;
}

bool socket_tuple_read(struct str bytes, struct socket_tuple *out)
{
	*out = (struct socket_tuple){.path = {"", 0}};
	if (bytes.n == 0)
		return false;
	out->family = (uint8_t)bytes.p[0];

	uint8_t size = address_size(out->family);
	if (size) {
		if (bytes.n < 1 + 2 * (size + sizeof(uint16_t)))
			return false;
		const char *p = read_endpoint(bytes.p + 1, size, &out->source, &out->source_port);
		read_endpoint(p, size, &out->destination, &out->destination_port);
		if (ip_address_is_mapped(&out->source) && ip_address_is_mapped(&out->destination)) {
			ip_address_unmap(&out->source);
			ip_address_unmap(&out->destination);
		}
	} else if (out->family == AF_UNIX) {
		if (bytes.n < 1 + 2 * sizeof(uint64_t) + 1)
			return false;
		memcpy(&out->unix_source, bytes.p + 1, 8);
		memcpy(&out->unix_destination, bytes.p + 9, 8);
		out->path = str_slice(bytes, 17, bytes.n);
		out->path.n = str_find_byte(out->path, '\0', 0);
	}
	return true;
}

void ip_address_print(const struct ip_address *ip, struct buffer *out)
{
	char text[INET6_ADDRSTRLEN];

	if (ip->size == 4) {
		for (int i = 0; i < 4; i++) {
			if (i)
				buffer_putc(out, '.');
			buffer_put_u64(out, ip->bytes[i]);
		}
	} else if (ip->size == 16 && inet_ntop(AF_INET6, ip->bytes, text, sizeof(text))) {
		buffer_put(out, str_from(text));
	}
}

void ip_endpoint_print(const struct ip_address *ip, uint16_t port, struct buffer *out)
{
	ip_address_print(ip, out);
	buffer_putc(out, ':');
	buffer_put_u64(out, port);
}

static void print_invalid(uint8_t family, struct buffer *out)
{
	buffer_put(out, family == AF_UNIX   ? STR("INVALID PATH")
			: family == AF_INET ? STR("INVALID IPv4")
					    : STR("INVALID IPv6"));
}

void socket_address_print(struct str bytes, struct buffer *out)
{
	struct socket_address a;

	if (bytes.n == 0)
		return;
	if (!socket_address_read(bytes, &a))
		print_invalid(a.family, out);
	else if (a.ip.size)
		ip_endpoint_print(&a.ip, a.port, out);
	else if (a.family == AF_UNIX)
		buffer_put(out, a.path);
	else
		buffer_printf(out, "family %u", a.family);
}

void unix_tuple_print(uint64_t source, uint64_t destination, struct str path, struct buffer *out)
{
	buffer_printf(out, "%llx->%llx ", (unsigned long long)source,
		      (unsigned long long)destination);
	buffer_put(out, path);
}

void socket_tuple_print(struct str bytes, struct buffer *out)
{
	struct socket_tuple t;

	if (bytes.n == 0)
		return;
	if (!socket_tuple_read(bytes, &t)) {
		print_invalid(t.family, out);
	} else if (t.source.size) {
		ip_endpoint_print(&t.source, t.source_port, out);
		buffer_put(out, STR("->"));
		ip_endpoint_print(&t.destination, t.destination_port, out);
	} else if (t.family == AF_UNIX) {
		unix_tuple_print(t.unix_source, t.unix_destination, t.path, out);
	} else {
		buffer_printf(out, "family %u", t.family);
	}
}
