/* SPDX-License-Identifier: Apache-2.0 */
#include "app/notify.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	int fd;

	if (n < 2 || n >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) {
		errno = EINVAL;
		return -1;
	}
	memcpy(address.sun_path, path, n);
	/* An abstract name. */
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0)
		return fd;
	close(fd);
	return -1;
}

static uint64_t watchdog_ns(void)
{
	const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us, of;

	if (!interval || !str_to_u64(str_from(interval), &us) || us > UINT64_MAX / 1000)
		return 0;
	if (pid && (!str_to_u64(str_from(pid), &of) || of != (uint64_t)getpid()))
		return 0;
	return us * 1000;
}

void notify_open(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*n = (struct notify){.fd = -1};
	if (path && *path) {
		n->fd = connect_to(path);
		if (n->fd < 0)
			log_warning("NOTIFY_SOCKET %s: %s", path, strerror(errno));
		n->watchdog_ns = n->fd < 0 ? 0 : watchdog_ns();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void notify_send(const struct notify *n, const char *format, ...)
{
	char text[512];
	va_list args;
	int size;

	if (n->fd < 0)
		return;
	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Where the manager does not listen there is nobody else to tell. */
	if (size > 0 && (size_t)size < sizeof(text))
		send(n->fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_reloading(const struct notify *n)
{
	notify_send(n, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reading configuration and rules",
		    (unsigned long long)clock_monotonic_ns() / 1000);
}
