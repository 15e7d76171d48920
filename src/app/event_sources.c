/* SPDX-License-Identifier: Apache-2.0 */
#include "app/event_sources.h"

#include "base/log.h"
#include "base/wake.h"
#include "source/audit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* Their events name no processes; what is there is for the fields that all sources have. */
enum { STATE_THREADS = 64 };

static struct source *open_audit(const struct config *config, const struct config_plugin *plugin,
				 struct error *err)
{
	struct audit_options options;

	(void)config;
	if (audit_options_read(&options, plugin ? plugin->open_params : "",
			       plugin ? plugin->init_config : "", err) < 0)
		return NULL;
	return source_audit_new(&options, err);
}

const struct event_source_type event_source_types[SOURCE_COUNT] = {
    [SOURCE_K8S_AUDIT] = {.plugin = "k8saudit", .open = open_audit},
};

struct running {
	struct source *source;
	struct state *state;
	struct judge *judge;
	int wake_fd, ended_fd;
	pthread_t thread;
	bool has_thread;
	atomic_bool is_stopping, has_ended;
	atomic_int status;
};

struct event_sources {
	struct running running[SOURCE_COUNT];
	size_t count;
};

static void *run(void *argument)
{
	struct running *r = argument;
	int status = 0;
	uint64_t count;

	while (!atomic_load(&r->is_stopping)) {
		status = source_poll(r->source, -1, judge_handle, r->judge);
		judge_renew(r->judge);
		if (status == -EINTR && read(r->wake_fd, &count, sizeof(count)) < 0 &&
		    errno != EAGAIN)
			status = -errno;
		if (status < 0 && status != -EINTR)
			break;
	}
	/* What has been taken in already. */
	while (atomic_load(&r->is_stopping) &&
	       source_poll(r->source, 0, judge_handle, r->judge) > 0)
		;
	if (status < 0 && status != -EINTR && status != -ENODATA) {
		const char *why = source_error(r->source)->message;

		log_error("%s: %s", event_source_name(r->judge->source),
			  *why ? why : strerror(-status));
		atomic_store(&r->status, status);
	}
	atomic_store(&r->has_ended, true);
	wake_send(r->ended_fd);
	return NULL;
}

static const struct config_plugin *plugin_of(const struct config *c, const char *name)
{
	for (size_t i = 0; name && i < c->plugin_count; i++)
		if (strcmp(c->plugins[i].name, name) == 0)
			return &c->plugins[i];
	return NULL;
}

static void wake_one(void *context)
{
	const struct running *r = context;

	wake_send(r->wake_fd);
}

static bool has_ended(void *context)
{
	const struct running *r = context;

	return atomic_load(&r->has_ended);
}

static int open_one(struct running *r, enum event_source source, struct regime *regime,
		    struct error *err)
{
	const struct event_source_type *type = &event_source_types[source];
	const struct config_plugin *plugin = plugin_of(regime->start, type->plugin);
	struct state_options options = {.max_threads = STATE_THREADS};
	struct regime_judge judge = {.wake = wake_one, .context = r, .has_ended = has_ended};
	int status;

	r->wake_fd = wake_open();
	if (r->wake_fd < 0)
		return error_set(err, -errno, "eventfd: %s", strerror(errno));
	r->state = state_new(&options, err);
	if (!r->state)
		return -ENOMEM;
	r->judge = judge_new(source, r->state, regime->hostname);
	if (!r->judge)
		return error_set(err, -ENOMEM, "no memory for the event source");
	judge.judge = r->judge;
	status = regime_add_judge(regime, &judge, err);
	if (status < 0)
		return status;
	r->source = type->open(regime->start, plugin, err);
	return r->source ? source_watch(r->source, r->wake_fd, err) : -EINVAL;
}

struct event_sources *event_sources_open(struct regime *regime, int ended_fd, struct error *err)
{
	struct event_sources *s = calloc(1, sizeof(*s));

	if (!s) {
		error_set(err, -ENOMEM, "no memory for the event sources");
		return NULL;
	}
	for (int i = 0; i < SOURCE_COUNT; i++) {
		struct running *r = &s->running[s->count];

		if (!event_source_types[i].open || !(regime->start->sources & SOURCE_BIT(i)))
			continue;
		s->count++;
		r->ended_fd = ended_fd;
		if (open_one(r, (enum event_source)i, regime, err) < 0) {
			event_sources_free(s);
			return NULL;
		}
	}
	return s;
}

int event_sources_start(struct event_sources *s, struct error *err)
{
	sigset_t all, before;

	for (size_t i = 0; i < s->count; i++) {
		struct running *r = &s->running[i];
		int status;

		/* Signals are for the main thread. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		status = pthread_create(&r->thread, NULL, run, r);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (status != 0)
			return error_set(err, -status, "%s: cannot start its thread",
					 event_source_name(r->judge->source));
		r->has_thread = true;
	}
	return 0;
}

size_t event_sources_count(const struct event_sources *s)
{
	return s ? s->count : 0;
}

void event_sources_add_counts(const struct event_sources *s, struct counts *counts)
{
	for (size_t i = 0; s && i < s->count; i++) {
		counts_add_source(counts, s->running[i].judge,
				  source_counters(s->running[i].source));
		if (s->running[i].judge->source == SOURCE_K8S_AUDIT)
			counts->audit = source_audit_counters(s->running[i].source);
	}
}

size_t event_sources_running(struct event_sources *s, int *status)
{
	size_t count = 0;

	*status = 0;
	for (size_t i = 0; s && i < s->count; i++) {
		count += !atomic_load(&s->running[i].has_ended);
		if (*status == 0)
			*status = atomic_load(&s->running[i].status);
	}
	return count;
}

void event_sources_stop(struct event_sources *s)
{
	for (size_t i = 0; s && i < s->count; i++) {
		struct running *r = &s->running[i];

		if (!r->has_thread)
			continue;
		source_close(r->source);
		atomic_store(&r->is_stopping, true);
		wake_send(r->wake_fd);
		pthread_join(r->thread, NULL);
		r->has_thread = false;
	}
}

void event_sources_free(struct event_sources *s)
{
	if (!s)
		return;
	event_sources_stop(s);
	for (size_t i = 0; i < s->count; i++) {
		struct running *r = &s->running[i];

		source_free(r->source);
		judge_free(r->judge);
		state_free(r->state);
		if (r->wake_fd >= 0)
			close(r->wake_fd);
	}
	free(s);
}
