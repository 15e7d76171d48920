/* SPDX-License-Identifier: Apache-2.0 */
#include "state/proc_wait.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { WAIT_NS = 100 * 1000 * 1000, HANGING_MAX = 8, STACK_BYTES = 64 * 1024 };

/* One thread and what it reads. Who is last lets it go: the thread where it was left behind. */
struct worker {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum { IDLE, ASKED, DONE, LEFT } state;
	int dir;
	struct hanging *hanging;
	struct proc_told told;
};

/* Outlives who waits, where threads hang. */
struct hanging {
	int count, references; /* atomic */
};

struct proc_wait {
	struct worker *worker; /* NULL: none */
	struct hanging *hanging;
	uint64_t given_up;
};

static size_t read_file(int dir, const char *name, char *memory, size_t room, int *is_cut)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	while (fd >= 0 && n < room) {
		ssize_t got = read(fd, memory + n, room - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	*is_cut = n == room;
	return n;
}

static uint64_t timestamp_ns(struct statx_timestamp t)
{
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void read_all(int dir, struct proc_told *told)
{
	struct statx st;
	ssize_t n;

	told->cmdline_size =
	    read_file(dir, "cmdline", told->cmdline, sizeof(told->cmdline), &told->is_cmdline_cut);
	told->environ_size =
	    read_file(dir, "environ", told->environ, sizeof(told->environ), &told->is_environ_cut);
	n = readlinkat(dir, "exe", told->link, sizeof(told->link));
	told->link_size = n > 0 ? (size_t)n : 0;
	told->has_stat =
	    n > 0 && statx(dir, "exe", AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) == 0;
	if (!told->has_stat)
		return;
	told->ino = st.stx_ino;
	told->dev = (uint32_t)makedev(st.stx_dev_major, st.stx_dev_minor);
	told->ctime = timestamp_ns(st.stx_ctime);
	told->mtime = timestamp_ns(st.stx_mtime);
	told->mode = st.stx_mode;
	told->uid = st.stx_uid;
	told->gid = st.stx_gid;
	told->links = st.stx_nlink;
}

static void hanging_release(struct hanging *h)
{
	if (__atomic_sub_fetch(&h->references, 1, __ATOMIC_ACQ_REL) == 0)
		free(h);
}

static void worker_free(struct worker *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
	free(w);
}

static void *work(void *context)
{
	struct worker *w = context;
	struct hanging *hanging;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->state != ASKED && w->state != LEFT)
			pthread_cond_wait(&w->changed, &w->lock);
		if (w->state == LEFT)
			break;
		pthread_mutex_unlock(&w->lock);
		read_all(w->dir, &w->told);
		close(w->dir);
		pthread_mutex_lock(&w->lock);
		if (w->state == LEFT) {
			__atomic_sub_fetch(&w->hanging->count, 1, __ATOMIC_RELAXED);
			break;
		}
		w->state = DONE;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	hanging = w->hanging;
	worker_free(w);
	hanging_release(hanging);
	return NULL;
}

static struct worker *worker_new(struct hanging *hanging)
{
	struct worker *w = calloc(1, sizeof(*w));
	pthread_condattr_t clock;
	pthread_attr_t detached;
	sigset_t all, before;
	pthread_t thread;
	int status;

	if (!w)
		abort();
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &clock);
	pthread_condattr_destroy(&clock);
	w->hanging = hanging;
	__atomic_add_fetch(&hanging->references, 1, __ATOMIC_RELAXED);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&detached, STACK_BYTES);
	/* Signals are others' to hear. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&thread, &detached, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&detached);
	if (status == 0)
		return w;
	hanging_release(hanging);
	worker_free(w);
	return NULL;
}

struct proc_wait *proc_wait_new(void)
{
	struct proc_wait *w = calloc(1, sizeof(*w));

	if (!w || !(w->hanging = calloc(1, sizeof(*w->hanging))))
		abort();
	w->hanging->references = 1;
	return w;
}

/* The thread lets its memory go itself, at once or when it comes back. */
static void leave(struct proc_wait *w)
{
	struct worker *worker = w->worker;

	w->worker = NULL;
	worker->state = LEFT;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

void proc_wait_free(struct proc_wait *w)
{
	if (!w)
		return;
	if (w->worker) {
		pthread_mutex_lock(&w->worker->lock);
		leave(w);
	}
	hanging_release(w->hanging);
	free(w);
}

const struct proc_told *proc_wait_read(struct proc_wait *w, int dir)
{
	uint64_t end = clock_monotonic_ns() + WAIT_NS;
	struct timespec until = {.tv_sec = (time_t)(end / 1000000000),
				 .tv_nsec = (long)(end % 1000000000)};
	struct worker *worker = w->worker;
	int own_dir, status = 0;

	if (!worker && __atomic_load_n(&w->hanging->count, __ATOMIC_RELAXED) < HANGING_MAX)
		worker = w->worker = worker_new(w->hanging);
	/* Its own, for it may outlive the caller's. */
	own_dir = worker ? fcntl(dir, F_DUPFD_CLOEXEC, 0) : -1;
	if (own_dir < 0) {
		w->given_up++;
		return NULL;
	}
	pthread_mutex_lock(&worker->lock);
	worker->dir = own_dir;
	worker->state = ASKED;
	pthread_cond_signal(&worker->changed);
	while (worker->state != DONE && status != ETIMEDOUT)
		status = pthread_cond_timedwait(&worker->changed, &worker->lock, &until);
	if (worker->state == DONE) {
		pthread_mutex_unlock(&worker->lock);
		return &worker->told;
	}
	w->given_up++;
	__atomic_add_fetch(&w->hanging->count, 1, __ATOMIC_RELAXED);
	leave(w);
	return NULL;
}

uint64_t proc_wait_given_up(const struct proc_wait *w)
{
	return w->given_up;
}
