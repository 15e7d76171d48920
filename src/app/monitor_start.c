/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the monitor begins: each kind of source brings a state, a judge and what else its events go
 * through, in the order that app/monitor.h tells of.
 */
#include "app/monitor_internal.h"
#include "base/clock.h"
#include "base/wake.h"
#include "source/container_record.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>

int monitor_open_signals(struct monitor *m, struct error *err)
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

int monitor_start_live(struct monitor *m, struct error *err)
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

int monitor_start_idle(struct monitor *m, struct error *err)
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

int monitor_start_replay(struct monitor *m, struct error *err)
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
	monitor_pass_events(m);
	return 0;
}
