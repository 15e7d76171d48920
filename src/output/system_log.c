/* SPDX-License-Identifier: Apache-2.0 */
#include "output/system_log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void system_log_format(struct buffer *out, enum severity severity, struct str text)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = time(NULL);
	struct tm tm;

	/* Not strftime: the names must not follow the locale. */
	localtime_r(&now, &tm);
	buffer_printf(out,
		      "<%d>%s %2d %02d:%02d:%02d %s[%d]: ", SYSTEM_LOG_FACILITY * 8 + (int)severity,
		      months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		      SYSTEM_LOG_NAME, (int)getpid());
	buffer_put(out, text);
}

int system_log_send(const char *socket_path, enum severity severity, struct str text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char memory[2304];
	struct buffer line = BUFFER(memory);
	int fd, status = 0;

	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, socket_path);
	system_log_format(&line, severity, text);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, line.p, line.n, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof(address)) <
	    0)
		status = -errno;
	close(fd);
	return status;
}
