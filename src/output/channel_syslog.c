/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system's log: journald in its own protocol where it listens, so that rule, source and tags
 * are fields of the entry; else what listens at /dev/log.
 *
 * The datagrams are sent from here and not by syslog(3) and libsystemd, because those wait without
 * end for a service that has stopped reading. Here an alert is lost after the configured time.
 *
 * Formats: systemd.io/JOURNAL_NATIVE_PROTOCOL and RFC 3164 in the local form of syslog(3).
 */
#include "output/channel.h"

#include "base/buffer.h"
#include "output/system_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	SEND_BUFFER = 1024 * 1024, /* asked for; an alert fits in */
	ENTRY_OVERHEAD = 8192,     /* of fields beside the message */
	RETRY_MOST_MS = 500,
	CUT_LEAST = 1024,
};

enum target { TARGET_NONE, TARGET_JOURNAL, TARGET_DATAGRAM, TARGET_STREAM };

struct syslog_channel {
	char *journal_socket, *socket;
	enum target target;
	bool is_absence_told;
	int fd;
	char *entry;
	size_t room;
};

void *channel_syslog_open(const char *journal_socket, const char *socket)
{
	struct syslog_channel *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = -1;
	c->journal_socket = strdup(journal_socket ? journal_socket : "/run/systemd/journal/socket");
	c->socket = strdup(socket ? socket : SYSTEM_LOG_SOCKET);
	if (c->journal_socket && c->socket)
		return c;
	channel_syslog.close(c);
	return NULL;
}

static void disconnect(struct syslog_channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->target = TARGET_NONE;
}

static int connect_to(struct syslog_channel *c, enum target target)
{
	const char *path = target == TARGET_JOURNAL ? c->journal_socket : c->socket;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int type = target == TARGET_STREAM ? SOCK_STREAM : SOCK_DGRAM, size = SEND_BUFFER;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	c->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int status = -errno;

		disconnect(c);
		return status;
	}
	c->target = target;
	return 0;
}

/* What went wrong with the last target that is there. */
static int open_target(struct syslog_channel *c)
{
	int journal = connect_to(c, TARGET_JOURNAL), status;

	if (journal == 0)
		return 0;
	status = connect_to(c, TARGET_DATAGRAM);
	if (status == -EPROTOTYPE)
		status = connect_to(c, TARGET_STREAM);
	return status == -ENOENT && journal != -ENOENT ? journal : status;
}

static bool make_room(struct syslog_channel *c, size_t size)
{
	char *entry;

	if (size <= c->room)
		return true;
	entry = realloc(c->entry, size);
	if (!entry)
		return false;
	c->entry = entry;
	c->room = size;
	return true;
}

/* NAME=value, or the name, a line end, the length and the value where that has line ends. */
static void put_field(struct buffer *out, const char *name, struct str value)
{
	buffer_put(out, str_from(name));
	if (str_find_byte(value, '\n', 0) == value.n) {
		buffer_putc(out, '=');
	} else {
		buffer_putc(out, '\n');
		for (unsigned i = 0; i < 64; i += 8)
			buffer_putc(out, (char)((uint64_t)value.n >> i));
	}
	buffer_put(out, value);
	buffer_putc(out, '\n');
}

static void put_journal_entry(struct buffer *out, const struct channel_line *line)
{
	char number[2] = {(char)('0' + line->priority), '\0'}, pid[16];
	size_t end;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	put_field(out, "MESSAGE", str_slice(line->text, 0, line->text.n - 1));
	put_field(out, "PRIORITY", str_from(number));
	number[0] = '0' + SYSTEM_LOG_FACILITY;
	put_field(out, "SYSLOG_FACILITY", str_from(number));
	put_field(out, "SYSLOG_IDENTIFIER", STR(SYSTEM_LOG_NAME));
	put_field(out, "SYSLOG_PID", str_from(pid));
	if (line->rule.n)
		put_field(out, "RULE", line->rule);
	if (line->source.n)
		put_field(out, "SOURCE", line->source);
	/* A field may be there several times, so that each tag can be asked for. */
	for (size_t at = 0; at < line->tags.n; at = end + 1) {
		end = str_find_byte(line->tags, '\n', at);
		put_field(out, "TAGS", str_slice(line->tags, at, end));
	}
}

/* Of what is too large for a datagram the journal takes a sealed file. */
static int send_as_file(const struct syslog_channel *c, struct str entry)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof(control)};
	int fd = memfd_create("saker-alert", MFD_CLOEXEC | MFD_ALLOW_SEALING), status = 0;

	if (fd < 0)
		return -errno;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (write(fd, entry.p, entry.n) != (ssize_t)entry.n ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 ||
	    sendmsg(c->fd, &message, MSG_NOSIGNAL) < 0)
		status = errno ? -errno : -EIO;
	close(fd);
	return status;
}

static int send_datagram(struct syslog_channel *c, struct worker *w, struct str bytes)
{
	for (;;) {
		int status = worker_await(w, c->fd, POLLOUT);

		if (status <= 0)
			return status < 0 ? status : -ETIMEDOUT;
		if (send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL) >= 0)
			return 0;
		if (c->target == TARGET_JOURNAL && (errno == EMSGSIZE || errno == ENOBUFS))
			status = send_as_file(c, bytes);
		else
			status = -errno;
		if (status == -EAGAIN) {
			/* The receiver's queue is full, though there is room in our buffer. */
			if (!worker_pause(w, 1))
				return -ETIMEDOUT;
		} else if (status != -EINTR) {
			return status;
		}
	}
}

static int send_stream(struct syslog_channel *c, struct worker *w, struct str bytes)
{
	size_t written;

	/* Ends with NUL, by which the lines of a stream are told apart. */
	return worker_write(w, c->fd, true, (struct str){bytes.p, bytes.n + 1}, &written);
}

static int send_line(struct syslog_channel *c, struct worker *w, const struct channel_line *line)
{
	struct str text = str_slice(line->text, 0, line->text.n - 1);
	int status = c->target == TARGET_NONE ? open_target(c) : 0;
	struct buffer entry;

	if (status < 0)
		return status;
	if (!make_room(c, line->text.n + line->rule.n + line->source.n + 8 * line->tags.n +
			      ENTRY_OVERHEAD))
		return -ENOMEM;
	for (;;) {
		entry = (struct buffer){.p = c->entry, .room = c->room - 1};
		if (c->target == TARGET_JOURNAL)
			put_journal_entry(&entry, line);
		else
			system_log_format(&entry, line->priority, text);
		entry.p[entry.n] = '\0';
		if (c->target == TARGET_STREAM)
			return send_stream(c, w, buffer_str(&entry));
		status = send_datagram(c, w, buffer_str(&entry));
		if (status != -EMSGSIZE || c->target == TARGET_JOURNAL || text.n < CUT_LEAST)
			return status;
		text = str_slice(text, 0, text.n / 2);
		while (text.n > 0 && (uint8_t)text.p[text.n - 1] >= 0x80)
			text.n--;
	}
}

static void syslog_deliver(void *context, struct worker *w, const struct channel_line *line)
{
	struct syslog_channel *c = context;
	unsigned backoff = 0;
	bool is_first = true;
	int status;

	worker_limit(w, worker_timeout(w));
	for (;;) {
		status = send_line(c, w, line);
		if (status == 0) {
			worker_sent(w, 1);
			worker_works(w);
			c->is_absence_told = false;
			return;
		}
		disconnect(c);
		/* Where there is no service at all there is nothing to wait for. */
		if (status == -ETIMEDOUT || status == -ENOENT || status == -ENOMEM)
			break;
		/* It was started anew: the new one listens already. */
		if (!is_first && !worker_pause(w, channel_backoff(&backoff, RETRY_MOST_MS)))
			break;
		is_first = false;
		worker_retried(w);
	}
	worker_lost(w, 1);
	if (status != -ENOENT)
		worker_complain(w, "%s: %s", c->socket, strerror(-status));
	else if (!c->is_absence_told)
		worker_complain(w, "%s: there is no system log here", c->socket);
	c->is_absence_told = status == -ENOENT;
}

static void syslog_reopen(void *context, struct worker *w)
{
	(void)w;
	disconnect(context);
}

static void syslog_close(void *context)
{
	struct syslog_channel *c = context;

	disconnect(c);
	free(c->journal_socket);
	free(c->socket);
	free(c->entry);
	free(c);
}

const struct channel_type channel_syslog = {
    .name = "syslog",
    .deliver = syslog_deliver,
    .reopen = syslog_reopen,
    .close = syslog_close,
};
