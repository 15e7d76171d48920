/* SPDX-License-Identifier: Apache-2.0 */
#include "source/host_fds.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"
#include "event/record.h"
#include "state/fd_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NET_FILE_MAX = 64 * 1024 * 1024, /* sockets beyond that have no names */
	SOCKET_PATH_MAX = 108,
};

struct host_socket {
	struct listed_fd fd;
	char path[SOCKET_PATH_MAX];
};

struct host_fds {
	int proc_fd;
	struct u64map
	    namespaces;        /* inode of a network namespace whose sockets were read -> itself */
	struct u64map sockets; /* inode -> struct host_socket */
};

struct host_fds *host_fds_new(int proc_fd)
{
	struct host_fds *h = calloc(1, sizeof(*h));

	if (h)
		h->proc_fd = proc_fd;
	return h;
}

void host_fds_free(struct host_fds *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->sockets.size; i++)
		free(h->sockets.entries[i].value);
	u64map_free(&h->sockets);
	u64map_free(&h->namespaces);
	free(h);
}

static struct str next_word(struct str *line)
{
	size_t from = 0, to;

	while (from < line->n && line->p[from] == ' ')
		from++;
	for (to = from; to < line->n && line->p[to] != ' ';)
		to++;
	struct str word = str_slice(*line, from, to);
	*line = str_slice(*line, to, line->n);
	return word;
}

static bool hex_number(struct str s, uint64_t *out)
{
	*out = 0;
	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return false;
		*out = *out << 4 | (uint64_t)digit;
	}
	return true;
}

/* ADDRESS:PORT; of the address each 32 bits are a number in host byte order. 0: damaged. */
static size_t parse_address(struct str word, uint8_t *address, uint16_t *port)
{
	size_t colon = str_find_byte(word, ':', 0), size = colon / 2;
	uint64_t v;

	if ((size != 4 && size != 16) || colon >= word.n)
		return 0;
	for (size_t i = 0; i < size / 4; i++) {
		uint32_t part;

		if (!hex_number(str_slice(word, i * 8, i * 8 + 8), &v))
			return 0;
		part = (uint32_t)v;
		memcpy(address + i * 4, &part, sizeof(part));
	}
	if (!hex_number(str_slice(word, colon + 1, word.n), &v))
		return 0;
	*port = (uint16_t)v;
	return size;
}

static bool is_any(const uint8_t *address, uint16_t port)
{
	static const uint8_t zeros[16];

	return port == 0 && memcmp(address, zeros, sizeof(zeros)) == 0;
}

bool host_fds_parse_socket(struct str line, uint8_t l4proto, struct listed_fd *fd)
{
	enum { STATE_LISTEN = 0x0A, WORDS_TO_INODE = 5 };
	uint64_t state;
	size_t size;

	*fd = (struct listed_fd){.l4proto = l4proto};
	next_word(&line); /* its number in this list */
	size = parse_address(next_word(&line), fd->local, &fd->local_port);
	if (size == 0 || parse_address(next_word(&line), fd->remote, &fd->remote_port) != size ||
	    !hex_number(next_word(&line), &state))
		return false;
	/* Queues, timer, retransmits, user, timeout. */
	for (int i = 0; i < WORDS_TO_INODE; i++)
		next_word(&line);
	if (!str_to_u64(next_word(&line), &fd->ino))
		return false;
	bool is_server =
	    (l4proto == FD_L4_TCP && state == STATE_LISTEN) || is_any(fd->remote, fd->remote_port);
	if (size == 4)
		fd->type = is_server ? LISTED_FD_IPV4_SERVER : LISTED_FD_IPV4;
	else
		fd->type = is_server ? LISTED_FD_IPV6_SERVER : LISTED_FD_IPV6;
	return true;
}

bool host_fds_parse_unix(struct str line, struct listed_fd *fd)
{
	enum { WORDS_TO_INODE = 5 };
	uint64_t self;
	struct str address = next_word(&line);

	*fd = (struct listed_fd){.type = LISTED_FD_UNIX};
	if (address.n && address.p[address.n - 1] == ':')
		address.n--;
	if (!hex_number(address, &self))
		return false;
	fd->unix_source = self;
	/* References, protocol, flags, type, state. */
	for (int i = 0; i < WORDS_TO_INODE; i++)
		next_word(&line);
	if (!str_to_u64(next_word(&line), &fd->ino))
		return false;
	/* One blank, then the path, which may have more of them. */
	fd->name = line.n ? str_slice(line, 1, line.n) : (struct str){"", 0};
	return true;
}

/* /proc/net/netlink: the inode is the last word. */
static bool parse_netlink(struct str line, struct listed_fd *fd)
{
	struct str word, last = {"", 0};

	*fd = (struct listed_fd){.type = LISTED_FD_NETLINK};
	while ((word = next_word(&line)).n)
		last = word;
	return str_to_u64(last, &fd->ino);
}

enum net_form { NET_INET, NET_UNIX, NET_NETLINK };

static const struct {
	const char *name;
	enum net_form form;
	uint8_t l4proto;
} net_files[] = {
    {"tcp", NET_INET, FD_L4_TCP},      {"tcp6", NET_INET, FD_L4_TCP},
    {"udp", NET_INET, FD_L4_UDP},      {"udp6", NET_INET, FD_L4_UDP},
    {"icmp", NET_INET, FD_L4_ICMP},    {"icmp6", NET_INET, FD_L4_ICMP},
    {"raw", NET_INET, FD_L4_RAW},      {"raw6", NET_INET, FD_L4_RAW},
    {"unix", NET_UNIX, FD_L4_UNKNOWN}, {"netlink", NET_NETLINK, FD_L4_UNKNOWN},
};

static void add_socket(struct host_fds *h, const struct listed_fd *fd)
{
	struct host_socket *socket;

	if (!fd->ino || u64map_get(&h->sockets, fd->ino))
		return;
	socket = calloc(1, sizeof(*socket));
	if (!socket)
		return;
	socket->fd = *fd;
	socket->fd.name.n = fd->name.n < SOCKET_PATH_MAX ? fd->name.n : SOCKET_PATH_MAX;
	socket->fd.name.p = socket->path;
	if (fd->name.n)
		memcpy(socket->path, fd->name.p, socket->fd.name.n);
	u64map_put(&h->sockets, fd->ino, socket);
}

static void parse_net_file(struct host_fds *h, size_t file, struct str text)
{
	bool is_heading = true;

	while (text.n) {
		size_t n = str_find_byte(text, '\n', 0);
		struct str line = str_slice(text, 0, n);
		struct listed_fd fd;
		bool is_socket = false;

		text = str_slice(text, n < text.n ? n + 1 : n, text.n);
		if (is_heading) {
			is_heading = false;
			continue;
		}
		if (net_files[file].form == NET_INET)
			is_socket = host_fds_parse_socket(line, net_files[file].l4proto, &fd);
		else if (net_files[file].form == NET_UNIX)
			is_socket = host_fds_parse_unix(line, &fd);
		else
			is_socket = parse_netlink(line, &fd);
		if (is_socket)
			add_socket(h, &fd);
	}
}

static void read_net_file(struct host_fds *h, int dir, size_t file)
{
	VEC(char) text = {0};
	char name[32];

	snprintf(name, sizeof(name), "net/%s", net_files[file].name);
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && text.count < NET_FILE_MAX) {
		ssize_t n;

		while (text.room - text.count < 64 * 1024)
			text.items = vec_grow(text.items, &text.room, 1);
		n = read(fd, text.items + text.count, text.room - text.count);
		if (n <= 0)
			break;
		text.count += (size_t)n;
	}
	parse_net_file(h, file, (struct str){text.items, text.count});
	VEC_FREE(&text);
}

static void know_namespace(struct host_fds *h, int dir)
{
	struct stat st;

	if (fstatat(dir, "ns/net", &st, 0) < 0 || u64map_get(&h->namespaces, st.st_ino))
		return;
	u64map_put(&h->namespaces, st.st_ino, h);
	for (size_t i = 0; i < sizeof(net_files) / sizeof(net_files[0]); i++)
		read_net_file(h, dir, i);
}

/* What the link of a descriptor that is no file begins with. */
static const struct {
	const char *prefix;
	enum listed_fd_type type;
} links[] = {
    {"pipe:", LISTED_FD_FIFO},
    {"anon_inode:[eventpoll]", LISTED_FD_EVENTPOLL},
    {"anon_inode:[eventfd]", LISTED_FD_EVENT},
    {"anon_inode:inotify", LISTED_FD_INOTIFY},
    {"anon_inode:[signalfd]", LISTED_FD_SIGNALFD},
    {"anon_inode:[timerfd]", LISTED_FD_TIMERFD},
    {"anon_inode:bpf-", LISTED_FD_BPF},
    {"anon_inode:[userfaultfd]", LISTED_FD_USERFAULTFD},
    {"anon_inode:[io_uring]", LISTED_FD_IO_URING},
    {"anon_inode:[pidfd]", LISTED_FD_PIDFD},
    {"/memfd:", LISTED_FD_MEMFD},
};

/* As the dev parameter of open events has it. */
static uint32_t device_number(uint32_t major_number, uint32_t minor_number)
{
	return (minor_number & 0xff) | major_number << 8 | (minor_number & ~UINT32_C(0xff)) << 12;
}

/* The flags line of /proc/PID/fdinfo/N is octal. */
static uint32_t open_flags(int dir, const char *number)
{
	char name[32], text[256];
	unsigned flags = 0;
	ssize_t n;

	snprintf(name, sizeof(name), "fdinfo/%s", number);
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (n <= 0)
		return 0;
	text[n] = '\0';
	const char *line = strstr(text, "flags:");
	if (line && sscanf(line, "flags:%o", &flags) != 1)
		return 0;
	return fd_open_flags(flags);
}

static bool describe_fd(struct host_fds *h, int dir, int fds, const char *number, char *link,
			size_t room, struct listed_fd *out)
{
	ssize_t n = readlinkat(fds, number, link, room);
	struct str text = {link, n > 0 ? (size_t)n : 0};
	uint64_t num;
	struct statx st;

	if (n <= 0 || !str_to_u64(str_from(number), &num))
		return false;
	*out = (struct listed_fd){.num = (int64_t)num, .name = text};
	/* Of a network's file system that does not answer what is remembered has to do. */
	if (statx(fds, number, AT_STATX_DONT_SYNC, STATX_INO | STATX_TYPE, &st) == 0) {
		out->ino = st.stx_ino;
		out->dev = device_number(st.stx_dev_major, st.stx_dev_minor);
	} else {
		st.stx_mode = S_IFREG;
	}
	if (str_starts_with(text, STR("socket:"))) {
		const struct host_socket *socket = u64map_get(&h->sockets, out->ino);

		out->type = LISTED_FD_UNSUPPORTED;
		if (!socket)
			return true;
		*out = socket->fd;
		out->num = (int64_t)num;
		if (out->type == LISTED_FD_NETLINK)
			out->name = text;
		return true;
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (str_starts_with(text, str_from(links[i].prefix))) {
			out->type = (uint8_t)links[i].type;
			return true;
		}
	}
	if (text.p[0] != '/') {
		out->type = LISTED_FD_UNSUPPORTED;
	} else if (S_ISDIR(st.stx_mode)) {
		out->type = LISTED_FD_DIRECTORY;
	} else {
		out->type = LISTED_FD_FILE_V2;
		out->open_flags = open_flags(dir, number);
	}
	return true;
}

int host_fds_visit(struct host_fds *h, int32_t pid, host_fd_fn *visit, void *context)
{
	char name[16], link[RECORD_PATH_MAX];
	struct dirent *entry;
	int count = 0;

	snprintf(name, sizeof(name), "%d", pid);
	CLEANUP_CLOSE int dir = openat(h->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fds = dir < 0 ? -1 : openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds < 0)
		return -errno;
	DIR *list = fdopendir(fds);
	if (!list) {
		close(fds);
		return -ENOMEM;
	}
	know_namespace(h, dir);
	while ((entry = readdir(list))) {
		struct listed_fd fd;

		if (entry->d_name[0] == '.' ||
		    !describe_fd(h, dir, fds, entry->d_name, link, sizeof(link), &fd))
			continue;
		fd.tid = pid;
		visit(context, &fd);
		count++;
	}
	closedir(list);
	return count;
}
