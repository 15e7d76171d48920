/* SPDX-License-Identifier: Apache-2.0 */
#include "app/live.h"

#include "app/discards.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <time.h>

enum {
	CRITICAL_RING_BYTES = 1024 * 1024,
	RECORDING_RING_BYTES = 32 * 1024 * 1024, /* at least */
	ATTACHED_MAX = 32,
	RINGS_MAX = 512,
};

struct learning {
	struct state *state;
	uint64_t told;
	uint64_t boot_time; /* ns since the epoch */
};

static void on_task(void *context, const void *record, size_t size)
{
	struct learning *learning = context;
	struct event e;

	learning->told++;
	if (event_decode(&e, record, size, NULL) < 0)
		return;
	e.time = e.header->ts + learning->boot_time;
	state_bind(learning->state, &e);
}

int live_read_tasks(struct probe *probe, struct state *state, const struct config *config,
		    uint64_t *told, struct error *err)
{
	uint64_t before = clock_monotonic_ns();
	const char *from = "the kernel's task iterator";
	struct state_counters counters;
	struct learning learning = {.state = state, .boot_time = state_boot_time(state)};
	int status = -EOPNOTSUPP;

	if (!config->disable_iterators)
		status = probe_iterate_tasks(probe, on_task, &learning, err);
	*told = learning.told;
	if (status < 0) {
		if (status != -EOPNOTSUPP)
			log_warning("task iterator: %s", err->message);
		from = "/proc";
		status = state_scan_proc(state, err);
	} else {
		/* Kernels that keep a process from the iterator list it there: it may be a parent.
		 */
		if (state_scan_proc(state, err) < 0)
			log_warning("%s", err->message);
	}
	if (status < 0)
		return status;
	counters = state_counters(state);
	log_info("state: %llu processes with %llu threads, from %s in %.1f ms",
		 (unsigned long long)counters.processes, (unsigned long long)counters.threads, from,
		 (double)(clock_monotonic_ns() - before) / 1e6);
	return 0;
}

static void unknown_syscall(const char *name)
{
	log_warning("base_syscalls.custom_set: no such system call: %s", name);
}

size_t live_wants(const struct live_options *options, struct probe_wants *wants)
{
	wants_of_plan(plan_needs(options->plan), options->config, unknown_syscall, wants);
	discards_of_plan(options->plan, options->config, wants);
	if (options->recording || options->capture)
		discards_none(wants);
	if (options->recording)
		recording_wants(options->recording, wants);
	if (options->capture)
		alert_capture_wants(options->capture, wants);
	return wants_count(wants);
}

static void tell_attached(const struct probe *probe, const struct probe_options *options,
			  size_t syscalls)
{
	struct probe_ring rings[RINGS_MAX];
	const char *attached[ATTACHED_MAX];
	char list[1024] = "";
	size_t count = probe_attached(probe, attached, ATTACHED_MAX), common = 0, n = 0;

	for (size_t i = 0; i < count && i < ATTACHED_MAX && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
				      attached[i]);
	log_info("probe: modern_ebpf, attached to %s", list);
	count = probe_rings(probe, rings, RINGS_MAX);
	for (size_t i = 0; i < count && i < RINGS_MAX; i++)
		common += rings[i].kind == RING_COMMON;
	log_info("probe: %zu system calls are collected; %zu ring%s of %u MiB, one of %u KiB for "
		 "what must not be lost",
		 syscalls, common, common == 1 ? "" : "s", options->ring_bytes >> 20,
		 options->critical_ring_bytes >> 10);
}

struct probe *live_attach(const struct live_options *options, struct error *err)
{
	const struct config *c = options->config;
	struct probe_options probe_options = {
	    .ring_bytes = config_ring_bytes(c),
	    .critical_ring_bytes = CRITICAL_RING_BYTES,
	    .cpus_per_ring = (uint32_t)c->cpus_for_each_buffer,
	    .drop_failed = c->drop_failed_exit,
	    .snaplen = (uint32_t)c->snaplen,
	};
	struct probe_wants wants;
	struct probe *probe;
	size_t syscalls;

	/* More comes than rules ask for. */
	if ((options->recording || options->capture) &&
	    probe_options.ring_bytes < RECORDING_RING_BYTES)
		probe_options.ring_bytes = RECORDING_RING_BYTES;
	probe = probe_open(&probe_options, err);
	if (!probe)
		return NULL;
	syscalls = live_wants(options, &wants);
	if (probe_set_wants(probe, &wants, err) < 0) {
		probe_close(probe);
		return NULL;
	}
	tell_attached(probe, &probe_options, syscalls);
	return probe;
}
