/* SPDX-License-Identifier: Apache-2.0 */
#include "app/reload.h"

#include "app/watch_files.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wake.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	NICE = 10,
	/* Who changes one file often changes others, too: until nothing has happened for so long,
	 */
	QUIET_MS = 100,
	/* but no longer than this. */
	UNQUIET_MS = 1000,
};

struct reload {
	const struct cli *cli;
	struct regime *regime;
	const struct notify *notify;
	struct watch_files *files; /* NULL: not watched */
	int request_fd;
	pthread_t thread;
	atomic_bool is_stopping, is_requested;
	uint64_t read_at;
	bool cannot_watch; /* that has been told */
};

static void watch_file(void *context, const char *path, bool is_directory)
{
	struct reload *r = context;
	struct error err;

	if (!r->files ||
	    (is_directory ? watch_files_add_directory : watch_files_add)(r->files, path, &err) == 0)
		return;
	if (!r->cannot_watch)
		log_warning("watch_config_files: %s", err.message);
	r->cannot_watch = true;
}

static void tell_restart_key(const char *key, void *context)
{
	(void)context;
	log_warning("reload: a change of %s takes effect at the next start", key);
}

/* Rules that would make captures need what is prepared at the start. */
static void tell_captures(const struct reload *r, const struct policy *policy)
{
	if (r->regime->start->capture.enabled && r->regime->probe && !r->regime->live.capture &&
	    alert_capture_is_wanted(r->regime->start, policy->rules))
		log_warning("reload: rules make captures now, and did not at the start; they will "
			    "from the next start on");
}

static void put_in_force(struct reload *r, struct policy *policy, uint64_t began)
{
	struct error err = {0};
	uint64_t compiled = clock_monotonic_ns();

	config_restart_keys(r->regime->start, policy->config, tell_restart_key, NULL);
	tell_captures(r, policy);
	if (regime_replace(r->regime, policy, &err) < 0) {
		log_error("reload: %s; what was in use stays", err.message);
		regime_count_failure(r->regime);
		return;
	}
	policy_set_log(r->cli, r->regime->start, policy->config);
	log_notice("reload: done, %.0f ms for reading and compiling, %.0f ms for going over",
		   (double)(compiled - began) / 1e6,
		   (double)(clock_monotonic_ns() - compiled) / 1e6);
}

static void do_reload(struct reload *r, const char *why)
{
	uint64_t began = clock_monotonic_ns();
	struct policy *policy;

	log_notice("reload: %s", why);
	notify_reloading(r->notify);
	r->read_at = clock_ns(CLOCK_REALTIME_COARSE);
	if (r->files)
		watch_files_begin(r->files);
	policy = policy_reload(r->cli, watch_file, r);
	if (policy) {
		put_in_force(r, policy, began);
		policy_release(policy);
	} else {
		log_error("reload: failed; the configuration and rules in use stay");
		regime_count_failure(r->regime);
	}
	if (r->files) {
		/* Where it failed what is in use may be what is put right. */
		policy_each_file(r->cli, r->regime->policy->config, watch_file, r);
		watch_files_end(r->files);
	}
	notify_send(r->notify, "READY=1\nSTATUS=%s",
		    policy ? "Watching, with what was reloaded"
			   : "Watching; the last reload failed, see the log");
}

/* Waits until those who change files seem to be done. */
static void await_quiet(struct reload *r)
{
	uint64_t end = clock_monotonic_ns() + UNQUIET_MS * UINT64_C(1000000);
	struct pollfd fds[] = {{.fd = watch_files_fd(r->files), .events = POLLIN},
			       {.fd = r->request_fd, .events = POLLIN}};

	while (clock_monotonic_ns() < end && poll(fds, 2, QUIET_MS) > 0 && !fds[1].revents)
		watch_files_take(r->files);
}

static void *run(void *argument)
{
	struct reload *r = argument;
	/* poll passes over negative descriptors. */
	struct pollfd fds[] = {{.fd = r->request_fd, .events = POLLIN},
			       {.fd = r->files ? watch_files_fd(r->files) : -1, .events = POLLIN}};

	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	while (!atomic_load(&r->is_stopping)) {
		bool has_changed = false;
		uint64_t count;

		if (r->files && watch_files_has_changed(r->files, r->read_at))
			has_changed = true;
		else if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (read(r->request_fd, &count, sizeof(count)) < 0)
			count = 0;
		if (r->files)
			has_changed |= watch_files_take(r->files);
		if (atomic_load(&r->is_stopping))
			break;
		if (atomic_exchange(&r->is_requested, false)) {
			do_reload(r, "on request");
		} else if (has_changed) {
			await_quiet(r);
			if (!atomic_load(&r->is_stopping))
				do_reload(r, "files have changed");
		}
	}
	return NULL;
}

static void watch(struct reload *r)
{
	struct error err;

	if (!r->regime->start->watch_config_files)
		return;
	r->files = watch_files_new(&err);
	if (!r->files) {
		log_warning("watch_config_files: %s", err.message);
		return;
	}
	watch_files_begin(r->files);
	policy_each_file(r->cli, r->regime->start, watch_file, r);
	watch_files_end(r->files);
}

static void release(struct reload *r)
{
	watch_files_free(r->files);
	if (r->request_fd >= 0)
		close(r->request_fd);
	free(r);
}

struct reload *reload_start(const struct cli *cli, struct regime *regime,
			    const struct notify *notify, uint64_t read_at, struct error *err)
{
	struct reload *r = calloc(1, sizeof(*r));
	sigset_t all, before;
	int status;

	if (!r) {
		error_set(err, -ENOMEM, "no memory for reloads");
		return NULL;
	}
	r->cli = cli;
	r->regime = regime;
	r->notify = notify;
	r->read_at = read_at;
	r->request_fd = wake_open();
	if (r->request_fd < 0) {
		error_set(err, -errno, "eventfd: %s", strerror(errno));
		release(r);
		return NULL;
	}
	watch(r);
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status == 0)
		return r;
	error_set(err, -status, "cannot start the thread for reloads");
	release(r);
	return NULL;
}

void reload_request(struct reload *r)
{
	atomic_store(&r->is_requested, true);
	wake_send(r->request_fd);
}

void reload_stop(struct reload *r)
{
	if (!r)
		return;
	atomic_store(&r->is_stopping, true);
	wake_send(r->request_fd);
	pthread_join(r->thread, NULL);
	release(r);
}
