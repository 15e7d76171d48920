/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/users_reader.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/wake.h"
#include "state/user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	REQUESTS = 256,
	ID_MAX = 255,
	FILE_MAX = 256 * 1024,
	YOUNG_MS = 500,
	RETRY_MS = 2,
	ID_RANGES_MOST = 340, /* the kernel's own limit */
	END_S = 2,
};

struct request {
	int32_t pid;
	enum container_type type;
	uint16_t n;
	char id[ID_MAX];
	uint64_t until; /* ms; it is tried again until then */
};

struct users_reader {
	struct container_inbox *inbox;
	int proc_fd, root_fd, wake_fd;
	pthread_t thread;
	_Atomic bool must_stop;
	_Atomic uint32_t head, tail; /* the asker writes tail, the thread head */
	struct request requests[REQUESTS];
	/* The thread's own. */
	struct request waiting[REQUESTS]; /* to be tried again */
	size_t waiting_count;
};

/* A file as whoever is in that root would open it, if it is a plain one. */
static int open_in(int root, const char *path)
{
	struct open_how how = {
	    .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	struct stat st;

	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	return -1;
}

/* What can be read of it at once; more than room is not. */
static struct str read_all(int fd, char *memory, size_t room)
{
	size_t n = 0;
	ssize_t got = 1;

	while (fd >= 0 && got > 0 && n < room) {
		got = read(fd, memory + n, room - n);
		n += got > 0 ? (size_t)got : 0;
	}
	/* The last line of one that goes on is cut. */
	while (n == room && n > 0 && memory[n - 1] != '\n')
		n--;
	return (struct str){memory, n};
}

struct id_range {
	uint64_t inside, outside, count;
};
struct id_map {
	struct id_range ranges[ID_RANGES_MOST];
	size_t count;
};

static void read_map(int proc, int32_t pid, const char *name, struct id_map *out)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	char path[64];
	int fd;

	out->count = 0;
	snprintf(path, sizeof(path), "%d/%s", pid, name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	f = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!f && fd >= 0)
		close(fd);
	while (f && out->count < ID_RANGES_MOST) {
		struct id_range *r = &out->ranges[out->count];
		unsigned long inside, outside, count;

		if (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) != 3)
			return;
		*r = (struct id_range){inside, outside, count};
		out->count++;
	}
}

/* False: no process can have that id. */
static bool map_id(const struct id_map *map, uint32_t *id)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_range *r = &map->ranges[i];

		if (*id < r->inside || *id - r->inside >= r->count)
			continue;
		*id = (uint32_t)(r->outside + (*id - r->inside));
		return true;
	}
	return map->count == 0;
}

struct mapping {
	struct user_table *to;
	const struct id_map *uids, *gids;
};

static void map_user(void *context, const struct user *u)
{
	struct mapping *m = context;
	struct user mapped = *u;

	if (map_id(m->uids, &mapped.uid))
		user_table_add_user(m->to, &mapped);
}

static void map_group(void *context, const struct group *g)
{
	struct mapping *m = context;
	struct group mapped = *g;

	if (map_id(m->gids, &mapped.gid))
		user_table_add_group(m->to, &mapped);
}

/* With ids as the host knows them. */
static struct user_table *mapped(int proc, int32_t pid, struct user_table *from)
{
	CLEANUP_FREE struct id_map *maps = calloc(2, sizeof(*maps));
	struct mapping m = {.uids = maps, .gids = maps + 1};

	if (!maps)
		abort();
	read_map(proc, pid, "uid_map", &maps[0]);
	read_map(proc, pid, "gid_map", &maps[1]);
	if (maps[0].count == 1 && maps[0].ranges[0].inside == maps[0].ranges[0].outside)
		return from;
	m.to = user_table_new();
	user_table_each_user(from, map_user, &m);
	user_table_each_group(from, map_group, &m);
	user_table_free(from);
	return m.to;
}

static bool is_same_place(int a, int b)
{
	struct stat first, second;

	return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

static int open_root(int proc, int32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/root", pid);
	return openat(proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/*
 * A container's first process has the host's root until it leaves that, which it does before it
 * executes the container's program.
 */
static enum container_users read_users(struct users_reader *u, int32_t pid, struct user_table **out,
				       size_t *bytes)
{
	CLEANUP_CLOSE int root = open_root(u->proc_fd, pid);
	CLEANUP_CLOSE int hosts = open_root(u->proc_fd, 1);
	CLEANUP_CLOSE int passwd = -1;
	CLEANUP_CLOSE int group = -1;
	CLEANUP_FREE char *memory = NULL;
	struct user_table *users;
	struct str text, groups;

	if (root < 0)
		return CONTAINER_USERS_UNKNOWN;
	if (is_same_place(root, u->root_fd) || (hosts >= 0 && is_same_place(root, hosts)))
		return CONTAINER_USERS_HOSTS;
	memory = malloc((size_t)FILE_MAX * 2);
	if (!memory)
		return CONTAINER_USERS_UNKNOWN;
	passwd = open_in(root, "etc/passwd");
	group = open_in(root, "etc/group");
	text = read_all(passwd, memory, FILE_MAX);
	groups = read_all(group, memory + FILE_MAX, FILE_MAX);
	users = user_table_new();
	user_table_parse(users, text, groups);
	*bytes = text.n + groups.n;
	*out = mapped(u->proc_fd, pid, users);
	return CONTAINER_USERS_OWN;
}

/* False: it is to be tried again. */
static bool answer(struct users_reader *u, const struct request *q)
{
	const struct container c = {.type = q->type, .full_id = {q->id, q->n}};
	struct user_table *users = NULL;
	size_t bytes = 0;
	enum container_users what = read_users(u, q->pid, &users, &bytes);

	if (what == CONTAINER_USERS_HOSTS && clock_monotonic_ms() < q->until)
		return false;
	if (atomic_load(&u->must_stop))
		user_table_free(users); /* the inbox may be gone */
	else
		container_inbox_put_users(u->inbox, &c, what, users, bytes);
	return true;
}

static bool next_request(struct users_reader *u, struct request *out)
{
	uint32_t head = atomic_load_explicit(&u->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&u->tail, memory_order_acquire))
		return false;
	*out = u->requests[head % REQUESTS];
	atomic_store_explicit(&u->head, head + 1, memory_order_release);
	return true;
}

static void *serve(void *context)
{
	struct users_reader *u = context;
	struct request q;

	pthread_setname_np(pthread_self(), "container_users");
	while (!atomic_load_explicit(&u->must_stop, memory_order_relaxed)) {
		struct pollfd p = {.fd = u->wake_fd, .events = POLLIN};
		uint64_t n;

		if (poll(&p, 1, u->waiting_count ? RETRY_MS : -1) > 0 &&
		    read(u->wake_fd, &n, sizeof(n)) < 0)
			continue;
		for (size_t i = 0; i < u->waiting_count;)
			if (answer(u, &u->waiting[i]))
				u->waiting[i] = u->waiting[--u->waiting_count];
			else
				i++;
		while (u->waiting_count < REQUESTS && next_request(u, &q))
			if (!answer(u, &q))
				u->waiting[u->waiting_count++] = q;
	}
	return NULL;
}

bool users_reader_ask(struct users_reader *u, const struct container *c, bool is_young)
{
	uint32_t tail = atomic_load_explicit(&u->tail, memory_order_relaxed);
	struct request *q = &u->requests[tail % REQUESTS];

	if (c->pid <= 0 || c->full_id.n > ID_MAX ||
	    tail - atomic_load_explicit(&u->head, memory_order_acquire) == REQUESTS)
		return false;
	*q = (struct request){
	    .pid = c->pid,
	    .type = c->type,
	    .n = (uint16_t)c->full_id.n,
	    .until = is_young ? clock_monotonic_ms() + YOUNG_MS : 0,
	};
	memcpy(q->id, c->full_id.p, c->full_id.n);
	atomic_store_explicit(&u->tail, tail + 1, memory_order_release);
	wake_send(u->wake_fd);
	return true;
}

static void release(struct users_reader *u)
{
	if (u->proc_fd >= 0)
		close(u->proc_fd);
	if (u->root_fd >= 0)
		close(u->root_fd);
	if (u->wake_fd >= 0)
		close(u->wake_fd);
	free(u);
}

struct users_reader *users_reader_start(const char *host_root, struct container_inbox *inbox,
					struct error *err)
{
	struct users_reader *u = calloc(1, sizeof(*u));
	char path[4096];
	int status;

	if (!u)
		abort();
	u->inbox = inbox;
	snprintf(path, sizeof(path), "%s/", host_root ? host_root : "");
	u->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/proc", host_root ? host_root : "");
	u->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status = u->proc_fd < 0 ? errno : 0;
	u->wake_fd = wake_open();
	if (!status && u->wake_fd < 0)
		status = errno;
	if (!status)
		status = pthread_create(&u->thread, NULL, serve, u);
	if (!status)
		return u;
	error_set(err, -status, "containers: their users cannot be read: %s: %s", path,
		  strerror(status));
	release(u);
	return NULL;
}

void users_reader_stop(struct users_reader *u)
{
	struct timespec end;

	if (!u)
		return;
	atomic_store(&u->must_stop, true);
	wake_send(u->wake_fd);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += END_S;
	/* A container's file system may never answer: its reader keeps what it uses. */
	if (pthread_timedjoin_np(u->thread, NULL, &end) == 0)
		release(u);
}
