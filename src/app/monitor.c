/* SPDX-License-Identifier: Apache-2.0 */
#include "app/monitor.h"

#include "app/containers.h"
#include "app/counts.h"
#include "app/discards.h"
#include "app/event_drops.h"
#include "app/event_sources.h"
#include "app/heart.h"
#include "app/judge.h"
#include "app/live.h"
#include "app/notify.h"
#include "app/regime.h"
#include "app/reload.h"
#include "app/replay_command.h"
#include "app/telemetry.h"
#include "app/users_watch.h"
#include "base/clock.h"
#include "base/wake.h"
#include "source/container_record.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 1000,     /* how long the main thread sleeps at most where it watches */
	ANSWER_TRIES = 100, /* half a millisecond each: how long counts are waited for */
	SWEEP_COUNT = 64,   /* remembered processes that are looked after in one go */
};
#define SECOND UINT64_C(1000000000)
#define CHORES_NS SECOND        /* how often the chores below are done */
#define PAUSE_NS (SECOND / 4)   /* how often a view is told that time passes */
#define STATUS_NS (10 * SECOND) /* how often a service manager is told what was counted */
#define USERS_NS (5 * SECOND)   /* how often passwd and group are looked at */

struct monitor {
	const struct monitor_options *options;
	struct policy *start_policy; /* lives as long: its configuration is looked into */
	const struct config *config; /* its */
	bool is_replay;
	struct probe *probe; /* NULL: a capture is replayed */
	struct state *state;
	struct judge *judge;           /* of the main thread's source */
	struct containers *containers; /* NULL: nothing waits for runtimes */
	struct regime regime;
	struct reload *reload; /* NULL: nothing is reloaded */
	struct notify notify;
	uint64_t watchdog_at, status_at; /* when they are due, CLOCK_MONOTONIC */
	struct source *source;
	struct event_sources *others;
	struct telemetry *telemetry;
	struct replay replay;
	struct alert_capture *capture; /* NULL: alerts make no captures */
	bool has_seen_enough;          /* says the view */
	uint64_t pause_at;
	int signal_fd;
	int wake_fd; /* an eventfd: the main thread should look what there is */
	int stop_signal;
	char hostname[256];
	const char *host_root;
	uint64_t tasks_told; /* by the kernel's iterator, at the start */
	int own_pid;
	uint32_t own_pidns;
	int64_t boot_shift;           /* base/clock.h */
	uint64_t chores_at, users_at; /* when they are due, CLOCK_MONOTONIC */
	struct users_watch users;
	struct event_drops drops;
	struct heart heart;
	struct discards_check discards;
	bool must_end; /* lost events are a reason */

	pthread_mutex_t lock;     /* never waited for on the way of an event */
	struct counts counts;     /* of the last second */
	uint64_t counted_at;      /* CLOCK_MONOTONIC */
	atomic_bool wants_counts; /* before the second is over */
	atomic_bool is_over;      /* the judge is asked nothing any more */
};

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

/* Where it is being read just now the next time is early enough. */
static void take_counts(struct monitor *m)
{
	struct counts c = {0};
	struct source_counters source = {0};

	atomic_store_explicit(&m->wants_counts, false, memory_order_relaxed);
	if (m->is_replay)
		source = replay_counters(&m->replay, m->source, &c.blocks_skipped);
	else
		source = source_counters(m->source);
	counts_add_source(&c, m->judge, source);
	event_sources_add_counts(m->others, &c);
	if (m->probe)
		c.probe = probe_counters(m->probe);
	c.discards_wrong = atomic_load(&m->discards.wrong);
	c.tasks_told = m->tasks_told;
	c.state = state_counters(m->state);
	if (m->containers) {
		containers_count(m->containers, &c.containers);
		c.kube = containers_kubernetes(m->containers);
		c.pods = pod_set_counters(container_set_pods(state_containers(m->state)));
	}
	c.is_blind = m->heart.is_blind;
	c.heartbeats = m->heart.beats;
	c.heartbeats_lost = m->heart.lost;
	c.held_up = m->heart.held_up;
	if (!regime_add_counts(&m->regime, m->judge->terms->outputs, &c))
		return;
	if (pthread_mutex_trylock(&m->lock) != 0)
		return;
	m->counts = c;
	m->counted_at = clock_monotonic_ns();
	pthread_mutex_unlock(&m->lock);
}

/* The main thread counts when it is asked to; where nothing happens it sleeps, and is woken. */
uint64_t monitor_silence(struct monitor *m)
{
	const struct timespec pause = {.tv_nsec = 500000};
	uint64_t asked_at = clock_monotonic_ns(), age = 0, one = 1;

	for (int tries = 0; tries < ANSWER_TRIES; tries++) {
		pthread_mutex_lock(&m->lock);
		age = m->counted_at >= asked_at ? 0 : asked_at - m->counted_at;
		pthread_mutex_unlock(&m->lock);
		if (age == 0)
			break;
		if (tries % 16 == 0) {
			atomic_store(&m->wants_counts, true);
			if (write(m->wake_fd, &one, sizeof(one)) < 0)
				break;
		}
		nanosleep(&pause, NULL);
	}
	return age;
}

struct monitor_facts monitor_facts(const struct monitor *m)
{
	return (struct monitor_facts){
	    .probe = m->probe,
	    .hostname = m->hostname,
	    .host_root = m->host_root,
	    .started_at = m->options->started_at,
	};
}

struct policy *monitor_policy(struct monitor *m)
{
	return regime_policy(&m->regime);
}

void monitor_send(struct monitor *m, const struct alert *alert)
{
	regime_send(&m->regime, alert);
}

void monitor_read_counts(struct monitor *m, struct counts *out)
{
	monitor_silence(m);
	pthread_mutex_lock(&m->lock);
	*out = m->counts;
	pthread_mutex_unlock(&m->lock);
}

void monitor_each_rule(struct monitor *m, rule_counts_fn *visit, void *context)
{
	regime_each_rule(&m->regime, visit, context);
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
			take_counts(m);
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
	take_counts(m);
	tell_status(m, now);
	if (!m->probe)
		return;
	heart_look(&m->heart, m->judge, m->counts.sources[0].read, m->counts.sources[0].dropped,
		   now);
	if (!event_drops_look(&m->drops, m->judge, &m->counts, now))
		m->must_end = true;
}

static int open_signals(struct monitor *m, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A limit to the size of files is an error of what is written, not our end. */
	signal(SIGXFSZ, SIG_IGN);
	/* Whoever started us may have ignored it; then no program's end could be seen. */
	signal(SIGCHLD, SIG_DFL);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0)
		return error_set(err, -errno, "signalfd: %s", strerror(errno));
	m->wake_fd = wake_open();
	if (m->wake_fd < 0)
		return error_set(err, -errno, "eventfd: %s", strerror(errno));
	return 0;
}

static void wake_main(void *context)
{
	const struct monitor *m = context;

	wake_send(m->wake_fd);
}

static bool is_over(void *context)
{
	const struct monitor *m = context;

	return atomic_load(&m->is_over);
}

/* What is shown, or recorded if a rule holds, is so as it comes, and does not wait. */
static bool may_wait(const struct monitor *m)
{
	const struct recording *recording = m->options->recording;

	return !m->options->view && !(recording && recording->options.is_filtered);
}

/* What every source's events go through. */
static int start_judging(struct monitor *m, struct error *err)
{
	struct regime_judge judge = {.wake = wake_main, .context = m, .has_ended = is_over};

	/* evt.hostname is the machine's that is watched; a capture's is not told to the rules. */
	m->judge = judge_new(SOURCE_SYSCALL, m->state, m->is_replay ? "" : m->hostname);
	if (!m->judge)
		return error_set(err, -ENOMEM, "no memory for judging");
	m->judge->is_live = !m->is_replay;
	if (m->containers && may_wait(m))
		m->judge->waiting = containers_waiting(m->containers);
	judge.judge = m->judge;
	return regime_add_judge(&m->regime, &judge, err);
}

static int open_state(struct monitor *m, bool is_live, struct error *err)
{
	struct state_options options = {
	    .is_live = is_live,
	    .host_root = m->host_root,
	    .max_threads = (uint32_t)m->config->thread_table_size,
	};

	m->state = state_new(&options, err);
	return m->state ? 0 : -ENOMEM;
}

/* Everything that writes captures of what happens from now on. */
static int start_recording(struct monitor *m, struct error *err)
{
	int status = 0;

	struct capture_host host = {
	    .host_root = m->host_root,
	    .hostname = str_from(m->hostname),
	    .boot_time = state_boot_time(m->state),
	};

	if (m->options->recording)
		status = recording_start(m->options->recording, m->state, &host, err);
	if (status == 0 && m->capture)
		status = alert_capture_start(m->capture, m->state, &host, err);
	return status;
}

/* The other sources, where there are any to be read. */
static int start_others(struct monitor *m, struct error *err)
{
	if (m->options->view)
		return 0;
	m->others = event_sources_open(&m->regime, m->wake_fd, err);
	return m->others ? event_sources_start(m->others, err) : -EINVAL;
}

static int watch_own(struct monitor *m, struct error *err)
{
	int status = source_watch(m->source, m->signal_fd, err);

	return status < 0 ? status : source_watch(m->source, m->wake_fd, err);
}

/* An event that has waited is no longer among those that captures keep: its alert makes one. */
static void on_late(void *context, struct judge *j, struct event *e)
{
	struct monitor *m = context;

	for (size_t i = 0; m->capture && i < j->match_count; i++)
		alert_capture_match(m->capture, j->matches[i].rule, e);
}

/* Whoever replays what is recorded knows of containers what was known then. */
static void on_container(void *context, const struct container *c)
{
	struct monitor *m = context;
	struct record *record = container_record_new(c, clock_realtime_ns());

	if (record && m->options->recording)
		recording_container(m->options->recording, record);
	if (record && m->capture)
		alert_capture_container(m->capture, record);
	free(record);
}

static int open_containers(struct monitor *m, struct error *err)
{
	m->containers = containers_new(m->config, m->state, on_late, m, err);
	return m->containers
		   ? containers_start(m->containers, m->config, m->host_root, m->hostname, err)
		   : -ENOMEM;
}

static void beat(void *context)
{
	probe_beat(context);
}

static int start(struct monitor *m, struct error *err)
{
	struct live_options live = {
	    .config = m->config,
	    .plan = m->regime.policy->plan,
	    .recording = m->options->recording,
	};
	int status = open_state(m, true, err);

	if (status < 0)
		return status;
	users_watch_look(&m->users, m->state);
	status = open_containers(m, err);
	if (status == 0)
		status = start_judging(m, err);
	if (status == 0 && !m->options->view)
		status = alert_capture_new(m->config, m->regime.policy->rules, &m->capture, err);
	if (status < 0)
		return status;
	live.capture = m->capture;
	live.discards = &m->discards;
	m->probe = live_attach(&live, err);
	if (!m->probe)
		return -EINVAL;
	m->discards.probe = m->probe;
	discards_changed(&m->discards);
	m->judge->discards = &m->discards;
	regime_set_probe(&m->regime, m->probe, &live);
	heart_init(&m->heart, m->options->view ? NULL : beat, m->probe);
	event_drops_init(&m->drops, m->probe, m->config);
	status = live_read_tasks(m->probe, m->state, m->config, &m->tasks_told, err);
	if (status == 0)
		status = start_recording(m, err);
	if (status < 0)
		return status;
	if (m->options->recording || m->capture)
		container_set_listen(state_containers(m->state), on_container, m);
	m->source = source_syscalls_new(m->probe, err);
	if (!m->source)
		return -EINVAL;
	status = watch_own(m, err);
	return status < 0 ? status : start_others(m, err);
}

/* Without a driver, or with the system calls left out: other sources only, of which there may be
 * none. */
static int start_idle(struct monitor *m, struct error *err)
{
	int status = open_state(m, true, err);

	if (status == 0)
		status = start_judging(m, err);
	if (status < 0)
		return status;
	m->source = source_idle_new(err);
	if (!m->source)
		return -ENOMEM;
	log_info("system calls are not watched");
	status = watch_own(m, err);
	return status < 0 ? status : start_others(m, err);
}

/* Events that no rule wants need not be decoded where nobody else sees them. */
static void pass_events(struct monitor *m)
{
	if (m->source && !m->options->recording && !m->options->view && !m->capture)
		source_capture_pass(m->source, plan_needs(m->regime.policy->plan)->kinds,
				    on_passed_event);
}

/* The events of a capture instead of the system's. Users and processes are those it lists. */
static int start_replay(struct monitor *m, struct error *err)
{
	int status = open_state(m, false, err);

	if (status == 0)
		m->containers = containers_new(m->config, m->state, on_late, m, err);
	if (!m->containers)
		return -ENOMEM;
	containers_await_recording(m->containers);
	status = start_judging(m, err);
	if (status < 0)
		return status;
	m->replay = (struct replay){
	    .paths = m->options->captures,
	    .state = m->state,
	    .watched_fd = m->signal_fd,
	    .is_quiet = m->options->view != NULL,
	};
	m->source = replay_next(&m->replay, NULL);
	pass_events(m);
	return 0;
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
	pass_events(m);
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

struct matches {
	uint64_t *of; /* by rule id */
};

static void keep_matches(void *context, const struct rule *rule, const struct rule_counts *counts)
{
	struct matches *matches = context;

	matches->of[rule->id] = counts->matches;
}

static void print_counts(struct monitor *m)
{
	const struct rule_set *rules = m->regime.policy->rules;
	struct matches matches = {calloc(rules->rule_count + 1, sizeof(*matches.of))};

	if (!matches.of)
		return;
	take_counts(m);
	monitor_each_rule(m, keep_matches, &matches);
	counts_print(&m->counts, rules, matches.of);
	if (m->probe)
		counts_print_drops(m->probe);
	if (m->probe)
		counts_print_discards(m->probe);
	if (m->containers)
		containers_print(m->containers);
	free(matches.of);
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
		print_counts(m);
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
	status = open_signals(m, &err);
	if (regime_init(&m->regime, options->policy, m->hostname, !options->view, &err) < 0)
		status = -EINVAL;
	is_idle = m->config->engine_kind == ENGINE_NODRIVER ||
		  !(m->config->sources & SOURCE_BIT(SOURCE_SYSCALL));
	if (status == 0)
		status = m->is_replay ? start_replay(m, &err)
			 : is_idle    ? start_idle(m, &err)
				      : start(m, &err);
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
