/* SPDX-License-Identifier: Apache-2.0 */
#include "app/monitor.h"

#include "app/alert_capture.h"
#include "app/replay_command.h"
#include "app/wants.h"
#include "output/alert.h"
#include "output/outputs.h"
#include "source/source.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	DRAIN_MS = 2000, /* where output_timeout is 0 */
	CRITICAL_RING_BYTES = 1024 * 1024,
	RECORDING_RING_BYTES = 32 * 1024 * 1024, /* at least */
	SWEEP_COUNT = 64, /* remembered processes that are looked after in one go */
	MATCHES_MAX = 1024,
};
#define SECOND UINT64_C(1000000000)
#define CHORES_NS SECOND      /* how often the chores below are done while events come */
#define PAUSE_NS (SECOND / 4) /* how often a view is told that time passes */
#define USERS_NS (5 * SECOND) /* how often passwd and group are looked at */

struct monitor {
	const struct monitor_options *options;
	bool is_replay;
	struct probe *probe; /* NULL: a capture is replayed */
	struct state *state;
	struct evaluator *evaluator;
	struct outputs *outputs;
	struct source *source;
	struct replay replay;
	struct alert_capture *capture; /* NULL: alerts make no captures */
	bool has_seen_enough;          /* says the view */
	uint64_t pause_at;
	int signal_fd;
	int stop_signal;
	char hostname[256];
	const char *host_root;
	struct alert_options alert_options;
	struct match matches[MATCHES_MAX];
	size_t match_room;
	int own_pid;
	uint32_t own_pidns;
	uint64_t events, alerts;
	uint64_t alerts_by_priority[SEVERITY_COUNT];
	uint64_t chores_at, users_at; /* when they are due, CLOCK_MONOTONIC */
	struct timespec users_changed[2];
	uint64_t drops_told;
	char line[ALERT_LINE_MAX];
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/*
 * What we do ourselves is remembered but not judged: an alert of ours that is written to a file
 * must not be able to raise the next one.
 */
static bool is_own(const struct monitor *m, const struct task_facts *task)
{
	return task->vpid == m->own_pid && task->pidns == m->own_pidns;
}

static void show(struct monitor *m, const struct match *match)
{
	const struct monitor_view *view = m->options->view;
	struct monitor_event e = {
	    .context = evaluator_context(m->evaluator),
	    .rule = match->rule,
	    .duration = m->probe ? 0 : source_capture_duration(m->source),
	};

	if (!m->has_seen_enough)
		m->has_seen_enough = !view->show(view->context, &e);
}

static void send_alert(struct monitor *m, const struct rule *rule, struct str line)
{
	struct alert alert = {
	    .priority = rule->priority,
	    .line = line,
	    .rule = rule->name,
	    .source = str_from(alert_source_name(rule->source)),
	    .tags = rule->tags,
	    .tag_count = rule->tag_count,
	};

	outputs_send(m->outputs, &alert);
}

/* The alerts of a judged event make captures, or one ends with it. */
static void on_capture(struct monitor *m, struct event *e, size_t count)
{
	for (size_t i = 0; i < count && i < m->match_room; i++)
		alert_capture_match(m->capture, m->matches[i].rule, e);
	alert_capture_judged(m->capture, e);
}

static void on_event(void *context, struct event *e)
{
	struct monitor *m = context;
	struct recording *recording = m->options->recording;
	size_t count;

	state_bind(m->state, e);
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
	m->events++;
	count = evaluator_judge(m->evaluator, e, m->matches, m->match_room);
	if (recording && recording->options.is_filtered)
		recording_event(recording, e, count > 0);
	if (m->capture)
		on_capture(m, e, count);
	if (__builtin_expect(count == 0, 1))
		return;
	for (size_t i = 0; i < count && i < m->match_room; i++) {
		const struct match *match = &m->matches[i];
		struct buffer line = BUFFER(m->line);

		e->name_view = match->name_view;
		if (m->options->view) {
			show(m, match);
			continue;
		}
		alert_format(&m->alert_options, match->rule, evaluator_context(m->evaluator),
			     &line);
		send_alert(m, match->rule, buffer_str(&line));
		m->alerts++;
		m->alerts_by_priority[match->rule->priority]++;
	}
}

/* An event of a capture that no rule wants. */
static void on_passed_event(void *context, const struct event_header *header)
{
	struct monitor *m = context;

	state_pass(m->state, header);
	m->events++;
	evaluator_pass(m->evaluator, event_schema_get(header->type), header->ts);
}

static void on_task(void *context, const void *record, size_t size)
{
	struct monitor *m = context;
	struct event e;

	if (event_decode(&e, record, size, NULL) < 0)
		return;
	e.time = e.header->ts + now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME);
	state_bind(m->state, &e);
}

static bool users_changed(struct monitor *m)
{
	static const char *const files[] = {"etc/passwd", "etc/group"};
	bool has_changed = false;

	for (int i = 0; i < 2; i++) {
		char path[512];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", m->host_root, files[i]);
		if (stat(path, &st) < 0)
			continue;
		if (st.st_mtim.tv_sec == m->users_changed[i].tv_sec &&
		    st.st_mtim.tv_nsec == m->users_changed[i].tv_nsec)
			continue;
		m->users_changed[i] = st.st_mtim;
		has_changed = true;
	}
	return has_changed;
}

/* What must be seen to now and then; not on the way of an event. */
static void do_chores(struct monitor *m)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), dropped;
	struct error err;

	if (now < m->chores_at)
		return;
	m->chores_at = now + CHORES_NS;
	if (now >= m->users_at) {
		m->users_at = now + USERS_NS;
		if (users_changed(m)) {
			if (user_table_read(state_users(m->state), m->host_root, &err) < 0)
				log_warning("users: %s", err.message);
			evaluator_forget(m->evaluator);
		}
	}
	state_set_boot_time(m->state, now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME));
	state_sweep(m->state, SWEEP_COUNT);
	outputs_check(m->outputs);
	if (m->options->recording)
		recording_look(m->options->recording);
	if (m->capture)
		alert_capture_look(m->capture);
	dropped = source_counters(m->source).dropped;
	if (dropped > m->drops_told) {
		log_warning("%llu events were lost (%llu in all): the rings are full; a larger "
			    "engine.modern_ebpf.buf_size_preset may help",
			    (unsigned long long)(dropped - m->drops_told),
			    (unsigned long long)dropped);
		m->drops_told = dropped;
	}
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
	/* Whoever started us may have ignored it; then no program's end could be seen. */
	signal(SIGCHLD, SIG_DFL);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0)
		return error_set(err, -errno, "signalfd: %s", strerror(errno));
	return 0;
}

static int read_tasks(struct monitor *m, struct error *err)
{
	uint64_t before = now_ns(CLOCK_MONOTONIC);
	const char *from = "the kernel's task iterator";
	struct state_counters counters;
	int status = -EOPNOTSUPP;

	if (!m->options->config->disable_iterators)
		status = probe_iterate_tasks(m->probe, on_task, m, err);
	if (status < 0) {
		if (status != -EOPNOTSUPP)
			log_warning("task iterator: %s", err->message);
		from = "/proc";
		status = state_scan_proc(m->state, err);
	}
	if (status < 0)
		return status;
	counters = state_counters(m->state);
	log_info("state: %llu processes with %llu threads, from %s in %.1f ms",
		 (unsigned long long)counters.processes, (unsigned long long)counters.threads, from,
		 (double)(now_ns(CLOCK_MONOTONIC) - before) / 1e6);
	return 0;
}

static void unknown_syscall(const char *name)
{
	log_warning("base_syscalls.custom_set: no such system call: %s", name);
}

static int attach(struct monitor *m, struct error *err)
{
	const struct config *c = m->options->config;
	struct probe_options options = {
	    .ring_bytes = config_ring_bytes(c),
	    .critical_ring_bytes = CRITICAL_RING_BYTES,
	    .cpus_per_ring = (uint32_t)c->cpus_for_each_buffer,
	    .drop_failed = c->drop_failed_exit,
	    .snaplen = (uint32_t)c->snaplen,
	};
	struct probe_wants wants;
	struct probe_ring rings[512];
	const char *attached[32];
	char list[512] = "";
	size_t syscalls, count, common = 0, n = 0;
	int status;

	/* More comes than rules ask for. */
	if ((m->options->recording || m->capture) && options.ring_bytes < RECORDING_RING_BYTES)
		options.ring_bytes = RECORDING_RING_BYTES;
	m->probe = probe_open(&options, err);
	if (!m->probe)
		return -EINVAL;
	wants_of_plan(plan_needs(m->options->plan), c, unknown_syscall, &wants);
	if (m->options->recording)
		recording_wants(m->options->recording, &wants);
	if (m->capture)
		alert_capture_wants(m->capture, &wants);
	syscalls = wants_count(&wants);
	status = probe_set_wants(m->probe, &wants, err);
	if (status < 0)
		return status;

	count = probe_attached(m->probe, attached, 32);
	for (size_t i = 0; i < count && i < 32 && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
				      attached[i]);
	log_info("probe: modern_ebpf, attached to %s", list);
	count = probe_rings(m->probe, rings, 512);
	for (size_t i = 0; i < count && i < 512; i++)
		common += rings[i].kind == RING_COMMON;
	log_info("probe: %zu system calls are collected; %zu ring%s of %u MiB, one of %u KiB for "
		 "what must not be lost",
		 syscalls, common, common == 1 ? "" : "s", options.ring_bytes >> 20,
		 options.critical_ring_bytes >> 10);
	return 0;
}

static struct outputs_options outputs_options_of(const struct config *c)
{
	const struct config_http_output *http = &c->http_output;

	return (struct outputs_options){
	    .to_stdout = c->stdout_enabled,
	    .is_buffered = c->buffered_outputs,
	    .is_json = c->json_output,
	    .queue_capacity = (uint32_t)c->queue_capacity,
	    .recovery = (enum outputs_recovery)c->queue_recovery,
	    .timeout_ms = (uint32_t)c->output_timeout_ms,
	    .file = {c->file_output.enabled, c->file_output.filename, c->file_output.keep_alive},
	    .syslog = {.is_enabled = c->syslog_enabled},
	    .program = {c->program_output.enabled, c->program_output.program,
			c->program_output.keep_alive},
	    .http = {.is_enabled = http->enabled,
		     .url = http->url,
		     .user_agent = http->user_agent,
		     .is_insecure = http->insecure,
		     .ca_cert = http->ca_cert,
		     .ca_bundle = http->ca_bundle,
		     .ca_path = http->ca_path,
		     .is_mutual = http->mtls,
		     .client_cert = http->client_cert,
		     .client_key = http->client_key,
		     .keep_alive = http->keep_alive,
		     .compress = http->compress_uploads,
		     .echo = http->echo,
		     .max_consecutive_timeouts = (unsigned)http->max_consecutive_timeouts},
	};
}

/* What every source's events go through. */
static int start_judging(struct monitor *m, struct error *err)
{
	const struct config *c = m->options->config;
	struct outputs_options outputs_options = outputs_options_of(c);

	/* evt.hostname is the machine's that is watched; a capture's is not told to the rules. */
	m->evaluator = evaluator_new(m->options->plan, m->state,
				     c->engine_kind == ENGINE_REPLAY ? "" : m->hostname);
	if (!m->evaluator)
		return error_set(err, -ENOMEM, "no memory for the evaluator");
	if (m->options->view)
		return 0;
	m->outputs = outputs_new(&outputs_options, err);
	return m->outputs ? 0 : -EINVAL;
}

static int open_state(struct monitor *m, bool is_live, struct error *err)
{
	struct state_options options = {
	    .is_live = is_live,
	    .host_root = m->host_root,
	    .max_threads = (uint32_t)m->options->config->thread_table_size,
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
	    .boot_time = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME),
	};

	if (m->options->recording)
		status = recording_start(m->options->recording, m->state, &host, err);
	if (status == 0 && m->capture)
		status = alert_capture_start(m->capture, m->state, &host, err);
	return status;
}

static int start(struct monitor *m, struct error *err)
{
	int status = open_state(m, true, err);

	if (status < 0)
		return status;
	users_changed(m); /* remembers the times of what is read here */
	if (user_table_read(state_users(m->state), m->host_root, err) < 0)
		log_warning("users: %s", err->message);
	status = start_judging(m, err);
	if (status == 0 && !m->options->view)
		status = alert_capture_new(m->options->config, m->options->rules, &m->capture, err);
	if (status < 0)
		return status;
	status = attach(m, err);
	if (status < 0)
		return status;
	status = read_tasks(m, err);
	if (status == 0)
		status = start_recording(m, err);
	if (status < 0)
		return status;
	m->source = source_syscalls_new(m->probe, err);
	if (!m->source)
		return -EINVAL;
	return source_watch(m->source, m->signal_fd, err);
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
	return source_watch(m->source, m->signal_fd, err);
}

/* Events that no rule wants need not be decoded where nobody else sees them. */
static void pass_events(struct monitor *m)
{
	if (m->source && !m->options->recording && !m->options->view && !m->capture)
		source_capture_pass(m->source, plan_needs(m->options->plan)->kinds,
				    on_passed_event);
}

/* The events of a capture instead of the system's. Users and processes are those it lists. */
static int start_replay(struct monitor *m, struct error *err)
{
	int status = open_state(m, false, err);

	if (status == 0)
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

static bool has_stop_signal(struct monitor *m)
{
	struct signalfd_siginfo info;

	while (read(m->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			outputs_reopen(m->outputs);
		else
			m->stop_signal = (int)info.ssi_signo;
	}
	return m->stop_signal != 0;
}

/* How long to wait for events, in ms; 0: the time is over. */
static int time_to_wait(const struct monitor *m, uint64_t end)
{
	uint64_t now, next = end;

	if (m->options->view && m->pause_at < next)
		next = m->pause_at;
	if (next == UINT64_MAX)
		return -1;
	now = now_ns(CLOCK_MONOTONIC);
	if (now >= end)
		return 0;
	if (now >= next)
		return 1;
	return (int)((next - now) / 1000000 + 1 < INT32_MAX ? (next - now) / 1000000 + 1
							    : INT32_MAX);
}

/* False: the view has seen enough. */
static bool pause_view(struct monitor *m)
{
	const struct monitor_view *view = m->options->view;
	uint64_t now;

	if (!view || m->has_seen_enough)
		return !m->has_seen_enough;
	now = now_ns(CLOCK_MONOTONIC);
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
	m->source = replay_next(&m->replay, m->source);
	pass_events(m);
	evaluator_forget(m->evaluator);
	return m->source;
}

static int watch(struct monitor *m)
{
	uint64_t end = m->options->seconds ? now_ns(CLOCK_MONOTONIC) + m->options->seconds * SECOND
					   : UINT64_MAX;

	while (m->source) {
		int wait = time_to_wait(m, end), status;

		if (wait == 0)
			return 0;
		status = source_poll(m->source, wait, on_event, m);
		if (status == -EINTR && has_stop_signal(m))
			return 0;
		if (!pause_view(m))
			return 0;
		if (status < 0 && status != -EINTR && !has_next_source(m, status) && m->probe)
			return status;
		if (outputs_must_exit(m->outputs)) {
			log_error("an output's queue is full and outputs_queue.recovery is exit");
			return -ENOBUFS;
		}
		if (m->probe)
			do_chores(m);
		else if (m->source && m->is_replay)
			replay_progress(&m->replay, m->source);
	}
	return 0;
}

static const char *drop_cause_name(int cause)
{
	static const char *const names[DROP_CAUSE_COUNT] = {
	    [DROP_RING_FULL] = "ring full",
	    [DROP_TOO_LARGE] = "too large",
	    [DROP_NESTED] = "no scratch memory",
	    [DROP_COLLECTOR] = "collector not entered",
	};

	return names[cause] ? names[cause] : "other";
}

/* Goes to stderr whatever the log level: it is what Ctrl-C is for. */
static void print_counts(struct monitor *m)
{
	struct probe_counters probe =
	    m->probe ? probe_counters(m->probe) : (struct probe_counters){0};
	struct state_counters state = state_counters(m->state);
	uint64_t skipped = 0;
	struct source_counters source = !m->is_replay
					    ? source_counters(m->source)
					    : replay_counters(&m->replay, m->source, &skipped);
	struct channel_counters channels[CHANNELS_MAX];
	size_t count = outputs_counters(m->outputs, channels, CHANNELS_MAX);
	const uint64_t *matches = evaluator_match_counts(m->evaluator);

	fprintf(stderr, "Events: %llu read, %llu judged\n", (unsigned long long)source.events,
		(unsigned long long)m->events);
	fprintf(stderr, "Alerts: %llu\n", (unsigned long long)m->alerts);
	for (int i = 0; i < SEVERITY_COUNT; i++)
		if (m->alerts_by_priority[i])
			fprintf(stderr, "  %s: %llu\n", severity_name((enum severity)i),
				(unsigned long long)m->alerts_by_priority[i]);
	if (m->alerts)
		fprintf(stderr, "Alerts by rule:\n");
	for (size_t i = 0; i < m->options->rules->rule_count; i++)
		if (matches[i])
			fprintf(stderr, "  %.*s: %llu\n", STR_ARG(m->options->rules->rules[i].name),
				(unsigned long long)matches[i]);
	fprintf(stderr, "Drops: %llu\n", (unsigned long long)source.dropped);
	for (int i = 0; i < DROP_CAUSE_COUNT; i++)
		if (probe.drops[i])
			fprintf(stderr, "  %s: %llu\n", drop_cause_name(i),
				(unsigned long long)probe.drops[i]);
	if (source.damaged)
		fprintf(stderr, "Events that could not be decoded: %llu\n",
			(unsigned long long)source.damaged);
	if (state.table_full)
		fprintf(stderr, "Threads that could not be remembered: %llu events\n",
			(unsigned long long)state.table_full);
	if (state.fds_full)
		fprintf(stderr, "Descriptors or their names that could not be remembered: %llu\n",
			(unsigned long long)state.fds_full);
	if (skipped)
		fprintf(stderr, "Blocks of the captures that are not known: %llu\n",
			(unsigned long long)skipped);
	for (size_t i = 0; i < count; i++) {
		fprintf(stderr, "Output %s: %llu sent, %llu dropped, %llu failed", channels[i].name,
			(unsigned long long)channels[i].sent,
			(unsigned long long)channels[i].dropped,
			(unsigned long long)channels[i].failed);
		if (channels[i].retries)
			fprintf(stderr, ", %llu retries", (unsigned long long)channels[i].retries);
		fputc('\n', stderr);
	}
}

static void release(struct monitor *m)
{
	source_free(m->source);
	if (m->probe)
		probe_close(m->probe);
	outputs_free(m->outputs);
	alert_capture_free(m->capture);
	evaluator_free(m->evaluator);
	state_free(m->state);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	free(m);
}

int monitor_run(const struct monitor_options *options)
{
	const struct config *c = options->config;
	struct monitor *m = calloc(1, sizeof(*m));
	const char *host_root = getenv("HOST_ROOT"), *hostname = getenv("FALCO_HOSTNAME");
	struct error err = {0};
	struct stat pidns;
	bool is_idle;
	int status;

	if (!m) {
		log_error("no memory for the monitor");
		return 1;
	}
	m->options = options;
	m->signal_fd = -1;
	m->host_root = host_root ? host_root : "";
	/* What is replayed did not happen here and now. */
	m->own_pid = c->engine_kind == ENGINE_REPLAY ? -1 : getpid();
	if (stat("/proc/self/ns/pid", &pidns) == 0)
		m->own_pidns = (uint32_t)pidns.st_ino;
	if (hostname && *hostname) {
		snprintf(m->hostname, sizeof(m->hostname), "%s", hostname);
		log_info("host name of FALCO_HOSTNAME: %s", m->hostname);
	} else
		gethostname(m->hostname, sizeof(m->hostname) - 1);
	m->match_room = c->rule_matching == MATCH_ALL ? MATCHES_MAX : 1;
	m->alert_options = (struct alert_options){
	    .is_json = c->json_output,
	    .include_output = c->json_include_output,
	    .include_message = c->json_include_message,
	    .include_output_fields = c->json_include_output_fields,
	    .include_tags = c->json_include_tags,
	    .iso_8601 = c->time_iso_8601,
	    .hostname = m->hostname,
	};

	status = open_signals(m, &err);
	m->is_replay = c->engine_kind == ENGINE_REPLAY;
	is_idle = c->engine_kind == ENGINE_NODRIVER || !(c->sources & SOURCE_BIT(SOURCE_SYSCALL));
	if (status == 0)
		status = m->is_replay ? start_replay(m, &err)
			 : is_idle    ? start_idle(m, &err)
				      : start(m, &err);
	if (status < 0) {
		log_error("%s", err.message);
		release(m);
		return 1;
	}
	if (!options->view)
		log_info("ready, %.0f ms after the start",
			 (double)(now_ns(CLOCK_MONOTONIC) - options->started_at) / 1e6);
	status = watch(m);
	replay_progress_end(&m->replay);
	if (options->view) {
		options->view->pause(options->view->context, true);
	} else {
		outputs_drain(m->outputs,
			      c->output_timeout_ms ? (int)c->output_timeout_ms : DRAIN_MS);
		print_counts(m);
	}
	if (m->capture)
		alert_capture_stop(m->capture);
	if (options->recording &&
	    recording_stop(options->recording, source_counters(m->source).dropped) < 0)
		status = -EIO;
	if (m->replay.failed)
		status = -EBADMSG;
	release(m);
	return status < 0 ? 1 : 0;
}
