/* SPDX-License-Identifier: Apache-2.0 */
#include "source/audit_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, PEM_MOST = 1024 * 1024 };

static int listen_at(const struct addrinfo *a)
{
	int fd =
	    socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	int on = 1, off = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		int status = -errno;

		close(fd);
		return status;
	}
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage storage;
	socklen_t size = sizeof(storage);

	if (getsockname(fd, (struct sockaddr *)&storage, &size) < 0)
		return 0;
	return storage.ss_family == AF_INET6
		   ? ntohs(((const struct sockaddr_in6 *)&storage)->sin6_port)
		   : ntohs(((const struct sockaddr_in *)&storage)->sin_port);
}

int audit_listen(const char *address, uint16_t port, uint16_t *bound, struct error *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	char service[8];
	int status, fd = -EADDRNOTAVAIL;

	snprintf(service, sizeof(service), "%u", port);
	status = getaddrinfo(*address ? address : NULL, service, &hints, &found);
	if (status != 0)
		return error_set(err, -EADDRNOTAVAIL, "the web hook cannot listen at %s: %s",
				 address, gai_strerror(status));
	/* Where there is IPv6, that serves IPv4 as well. */
	for (int wants_ipv6 = 1; wants_ipv6 >= 0 && fd < 0; wants_ipv6--)
		for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
			if ((a->ai_family == AF_INET6) == wants_ipv6)
				fd = listen_at(a);
	freeaddrinfo(found);
	if (fd < 0)
		return error_set(err, fd, "the web hook cannot listen at %s:%u: %s", address, port,
				 strerror(-fd));
	*bound = port_of(fd);
	return fd;
}

int audit_read_pem(const char *path, const char *key, char **out, struct error *err)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n = 0;

	if (!f)
		return error_set(err, -errno, "%s: %s: %s", key, path, strerror(errno));
	text = malloc(PEM_MOST);
	if (text)
		n = fread(text, 1, PEM_MOST - 1, f);
	fclose(f);
	if (!text || n == 0) {
		free(text);
		return error_set(err, -EINVAL, "%s: %s: nothing can be read", key, path);
	}
	text[n] = '\0';
	*out = text;
	return 0;
}
