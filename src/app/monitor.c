/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: what is done for each event, what is seen to now and then, and the end. */
#include "app/monitor_internal.h"
#include "base/clock.h"
#include "base/wake.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LOOK_MS = 1000,   /* how long the main thread sleeps at most where it watches */
	SWEEP_COUNT = 64, /* remembered processes that are looked after in one go */
};
#define SECOND UINT64_C(1000000000)
#define CHORES_NS SECOND        /* how often the chores below are done */
#define PAUSE_NS (SECOND / 4)   /* how often a view is told that time passes */
#define STATUS_NS (10 * SECOND) /* how often a service manager is told what was counted */
#define USERS_NS (5 * SECOND)   /* how often passwd and group are looked at */

/*
 * What we do ourselves is remembered but not judged: an alert of ours that is written to a file
 * must not be able to raise the next one.
 */
static bool is_own(const struct monitor *m, const struct task_facts *task)
{
	return task->vpid == m->own_pid && task->pidns == m->own_pidns;
}

static void show(struct monitor *m, struct event *e)
{
	const struct monitor_view *view = m->options->view;
	const struct judge *j = m->judge;

	for (size_t i = 0; i < j->match_count && !m->has_seen_enough; i++) {
		struct monitor_event shown = {
		    .context = evaluator_context(judge_evaluator(j)),
		    .rule = j->matches[i].rule,
		    .duration = m->probe ? 0 : source_capture_duration(m->source),
		};

		e->name_view = j->matches[i].name_view;
		m->has_seen_enough = !view->show(view->context, &shown);
	}
}

/* The alerts of a judged event make captures, or one ends with it. */
static void on_capture(struct monitor *m, struct event *e)
{
	for (size_t i = 0; i < m->judge->match_count; i++)
		alert_capture_match(m->capture, m->judge->matches[i].rule, e);
	alert_capture_judged(m->capture, e);
}

static void on_event(void *context, struct event *e)
{
	struct monitor *m = context;
	struct recording *recording = m->options->recording;
	size_t count;

	state_bind(m->state, e);
	if (__builtin_expect(m->heart.is_awaited, 0) && e->record->flags & RECORD_HAS_TASK &&
	    is_own(m, &e->record->task)) {
		heart_hears(&m->heart, e);
		return;
	}
	if (recording &&
	    (!recording->options.is_filtered || e->record->flags & RECORD_STATE_ONLY)) {
		recording_event(recording, e, true);
		/* There is nothing but the filter to judge by. */
		if (m->options->view)
			return;
	}
	if (m->capture)
		alert_capture_event(m->capture, e);
	if (e->record->flags & RECORD_STATE_ONLY)
		return;
	if (e->record->flags & RECORD_HAS_TASK && is_own(m, &e->record->task))
		return;
	count = judge_event(m->judge, e);
	if (recording && recording->options.is_filtered)
		recording_event(recording, e, count > 0);
	if (m->capture)
		on_capture(m, e);
	if (__builtin_expect(count == 0, 1))
		return;
	if (m->options->view)
		show(m, e);
	else
		judge_alert(m->judge, e);
}

/* An event of a capture that no rule wants. */
static void on_passed_event(void *context, const struct event_header *header)
{
	struct monitor *m = context;

	state_pass(m->state, header);
	judge_count(&m->judge->counters.judged, 1);
	evaluator_pass(judge_evaluator(m->judge), event_schema_get(header->type), header->ts);
}

/* The event loop goes on. */
static void notify_watchdog(struct monitor *m)
{
	uint64_t now;

	if (!m->notify.watchdog_ns)
		return;
	now = clock_monotonic_ns();
	if (now < m->watchdog_at)
		return;
	m->watchdog_at = now + m->notify.watchdog_ns / 4;
	notify_send(&m->notify, "WATCHDOG=1");
}

static void tell_status(struct monitor *m, uint64_t now)
{
	if (m->notify.fd < 0 || now < m->status_at)
		return;
	m->status_at = now + STATUS_NS;
	notify_send(&m->notify, "STATUS=%llu events judged, %llu alerts, %llu events lost",
		    (unsigned long long)m->counts.all.judged, (unsigned long long)m->counts.alerts,
		    (unsigned long long)m->counts.all.dropped);
}

/* What must be seen to now and then; not on the way of an event. */
static void do_chores(struct monitor *m)
{
	uint64_t now = clock_monotonic_ns();

	if (now < m->chores_at) {
		if (atomic_load_explicit(&m->wants_counts, memory_order_relaxed))
			monitor_take_counts(m);
		return;
	}
	m->chores_at = now + CHORES_NS;
	if (now >= m->users_at) {
		m->users_at = now + USERS_NS;
		if (users_watch_look(&m->users, m->state))
			evaluator_forget(judge_evaluator(m->judge));
	}
	state_set_boot_time(m->state, clock_boot_epoch_ns(m->boot_shift));
	state_sweep(m->state, SWEEP_COUNT, clock_boot_ns(m->boot_shift));
	outputs_check(m->judge->terms->outputs);
	if (m->options->recording)
		recording_look(m->options->recording);
	if (m->capture)
		alert_capture_look(m->capture);
	monitor_take_counts(m);
	tell_status(m, now);
	if (!m->probe)
		return;
	heart_look(&m->heart, m->judge, m->counts.sources[0].read, m->counts.sources[0].dropped,
		   now);
	if (!event_drops_look(&m->drops, m->judge, &m->counts, now))
		m->must_end = true;
}

void monitor_pass_events(struct monitor *m)
{
	if (m->source && !m->options->recording && !m->options->view && !m->capture)
		source_capture_pass(m->source, plan_needs(m->regime.policy->plan)->kinds,
				    on_passed_event);
}

/* A signal came, or one of our threads has something to say. True: it is over. */
static bool has_stop_signal(struct monitor *m)
{
	struct signalfd_siginfo info;

	wake_take(m->wake_fd);
	while (read(m->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			outputs_reopen(m->judge->terms->outputs);
		else if (info.ssi_signo == SIGHUP && m->reload)
			reload_request(m->reload);
		else
			m->stop_signal = (int)info.ssi_signo;
	}
	return m->stop_signal != 0;
}

/* Whether anything can still come; status: of a source that failed. */
static bool is_watching(struct monitor *m, int *status)
{
	size_t count = event_sources_count(m->others),
	       running = event_sources_running(m->others, status);

	if (*status < 0)
		return false;
	/* Where nothing but other sources is read, their end is ours. */
	return m->probe || m->is_replay || count == 0 || running > 0;
}

/* How long to wait for events, in ms; 0: the time is over. */
static int time_to_wait(const struct monitor *m, uint64_t end)
{
	uint64_t now = clock_monotonic_ns(), next = end, most = LOOK_MS * UINT64_C(1000000);

	if (now >= end)
		return 0;
	if (m->options->view && m->pause_at < next)
		next = m->pause_at;
	if (m->is_replay && next == UINT64_MAX)
		return -1;
	if (now >= next)
		return 1;
	if (m->notify.watchdog_ns && m->notify.watchdog_ns / 4 < most)
		most = m->notify.watchdog_ns / 4;
	return (int)((next - now < most ? next - now : most) / 1000000 + 1);
}

/* False: the view has seen enough. */
static bool pause_view(struct monitor *m)
{
	const struct monitor_view *view = m->options->view;
	uint64_t now;

	if (!view || m->has_seen_enough)
		return !m->has_seen_enough;
	now = clock_monotonic_ns();
	if (now < m->pause_at)
		return true;
	m->pause_at = now + PAUSE_NS;
	return view->pause(view->context, false);
}

/* The source cannot go on: answers whether there is another one. */
static bool has_next_source(struct monitor *m, int status)
{
	const char *why = source_error(m->source)->message;

	if (m->probe) {
		log_error("reading events: %s", *why ? why : strerror(-status));
		return false;
	}
	replay_end_of(&m->replay, m->source, status);
	containers_finish(m->containers, m->judge);
	m->source = replay_next(&m->replay, m->source);
	monitor_pass_events(m);
	evaluator_forget(judge_evaluator(m->judge));
	return m->source;
}

/* Alerts of containers may be due when no event comes. */
static int look_at_containers(struct monitor *m, int wait)
{
	int look = m->containers ? containers_look(m->containers, m->judge) : -1;

	return look >= 0 && (wait < 0 || look < wait) ? look : wait;
}

static int watch(struct monitor *m)
{
	uint64_t end =
	    m->options->seconds ? clock_monotonic_ns() + m->options->seconds * SECOND : UINT64_MAX;

	while (m->source) {
		int wait = time_to_wait(m, end), status, others;

		if (wait == 0)
			return 0;
		wait = look_at_containers(m, wait);
		status = source_poll(m->source, wait, on_event, m);
		notify_watchdog(m);
		if (status == -EINTR && has_stop_signal(m))
			return 0;
		if (!is_watching(m, &others))
			return others;
		judge_renew(m->judge);
		if (!pause_view(m))
			return 0;
		if (status < 0 && status != -EINTR && !has_next_source(m, status) && m->probe)
			return status;
		if (outputs_must_exit(m->judge->terms->outputs)) {
			log_error("an output's queue is full and outputs_queue.recovery is exit");
			return -ENOBUFS;
		}
		if (!m->is_replay)
			do_chores(m);
		else if (m->source)
			replay_progress(&m->replay, m->source);
		if (m->must_end)
			return -ENOBUFS;
	}
	return 0;
}

static void release(struct monitor *m)
{
	event_sources_stop(m->others);
	if (m->containers)
		containers_finish(m->containers, m->judge);
	if (m->state)
		container_set_listen(state_containers(m->state), NULL, NULL);
	atomic_store(&m->is_over, true);
	reload_stop(m->reload);
	event_sources_free(m->others);
	source_free(m->source);
	if (m->probe)
		probe_close(m->probe);
	judge_free(m->judge);
	containers_free(m->containers);
	alert_capture_free(m->capture);
	regime_release(&m->regime);
	state_free(m->state);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	if (m->wake_fd >= 0)
		close(m->wake_fd);
	notify_close(&m->notify);
	pthread_mutex_destroy(&m->lock);
	policy_release(m->start_policy);
	free(m);
}

static void find_self(struct monitor *m)
{
	const char *hostname = getenv("FALCO_HOSTNAME");
	struct stat pidns;

	/* What is replayed did not happen here and now. */
	m->own_pid = m->is_replay ? -1 : getpid();
	m->boot_shift = clock_boot_shift_ns();
	if (stat("/proc/self/ns/pid", &pidns) == 0)
		m->own_pidns = (uint32_t)pidns.st_ino;
	if (hostname && *hostname) {
		snprintf(m->hostname, sizeof(m->hostname), "%s", hostname);
		log_info("host name of FALCO_HOSTNAME: %s", m->hostname);
	} else
		gethostname(m->hostname, sizeof(m->hostname) - 1);
}

static struct monitor *monitor_new(const struct monitor_options *options)
{
	const char *host_root = getenv("HOST_ROOT");
	struct monitor *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	m->options = options;
	m->start_policy = policy_keep(options->policy);
	m->config = options->policy->config;
	m->signal_fd = m->wake_fd = m->notify.fd = -1;
	if (!options->view)
		notify_open(&m->notify);
	m->host_root = host_root ? host_root : "";
	m->users.host_root = m->host_root;
	m->is_replay = m->config->engine_kind == ENGINE_REPLAY;
	find_self(m);
	return m;
}

/* What has been judged reaches the outputs; then all is told that was counted. */
static int finish(struct monitor *m, int status)
{
	struct recording *recording = m->options->recording;

	notify_send(&m->notify, "STOPPING=1\nSTATUS=Delivering what waits in the outputs");
	telemetry_stop(m->telemetry);
	event_sources_stop(m->others);
	if (m->containers)
		containers_finish(m->containers, m->judge);
	atomic_store(&m->is_over, true);
	reload_stop(m->reload);
	m->reload = NULL;
	replay_progress_end(&m->replay);
	if (m->options->view) {
		m->options->view->pause(m->options->view->context, true);
	} else {
		outputs_drain(m->regime.outputs, regime_drain_ms(&m->regime));
		monitor_print_counts(m);
	}
	if (m->capture)
		alert_capture_stop(m->capture);
	if (recording && recording_stop(recording, source_counters(m->source).dropped) < 0)
		status = -EIO;
	if (m->replay.failed)
		status = -EBADMSG;
	return status;
}

int monitor_run(const struct monitor_options *options)
{
	struct monitor *m = monitor_new(options);
	struct error err = {0};
	bool is_idle;
	int status;

	if (!m) {
		log_error("no memory for the monitor");
		return 1;
	}
	status = monitor_open_signals(m, &err);
	if (regime_init(&m->regime, options->policy, m->hostname, !options->view, &err) < 0)
		status = -EINVAL;
	is_idle = m->config->engine_kind == ENGINE_NODRIVER ||
		  !(m->config->sources & SOURCE_BIT(SOURCE_SYSCALL));
	if (status == 0)
		status = m->is_replay ? monitor_start_replay(m, &err)
			 : is_idle    ? monitor_start_idle(m, &err)
				      : monitor_start_live(m, &err);
	if (status == 0 && options->reloads && !m->is_replay) {
		m->reload = reload_start(options->reloads, &m->regime, &m->notify,
					 options->started_time, &err);
		status = m->reload ? 0 : -EINVAL;
	}
	if (status == 0 && !m->is_replay && !options->view) {
		m->telemetry = telemetry_start(m, &err);
		status = m->telemetry ? 0 : -EINVAL;
	}
	if (status < 0) {
		log_error("%s", err.message);
		release(m);
		return 1;
	}
	/* What loading rules and programs took and gave back. */
	malloc_trim(0);
	notify_send(&m->notify, "READY=1\nSTATUS=Watching");
	/* No capture could be opened: that was told, and nothing follows. */
	if (!options->view && (!m->is_replay || m->source))
		log_info("ready, %.0f ms after the start",
			 (double)(clock_monotonic_ns() - options->started_at) / 1e6);
	status = finish(m, watch(m));
	release(m);
	return status < 0 ? 1 : 0;
}
