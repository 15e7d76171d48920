/* SPDX-License-Identifier: Apache-2.0 */
/* What the probe's programs count, summed up over CPUs for those who show it. Nothing is changed.
 */
#include "base/cleanup.h"
#include "probe/probe_internal.h"

#include <stdlib.h>

bool probe_counters_of_cpu(const struct probe *p, unsigned cpu, struct probe_counters *out)
{
	const struct probe_cpu_counters *cpus = (const void *)p->programs->bss->counters;

	if (cpu >= (unsigned)p->ncpus || cpu >= PROBE_CPUS)
		return false;
	out->events = __atomic_load_n(&cpus[cpu].events, __ATOMIC_RELAXED);
	out->faults = __atomic_load_n(&cpus[cpu].faults, __ATOMIC_RELAXED);
	out->sampled = __atomic_load_n(&cpus[cpu].sampled, __ATOMIC_RELAXED);
	out->discarded = __atomic_load_n(&cpus[cpu].discarded, __ATOMIC_RELAXED) - out->sampled;
	for (int cause = 0; cause < DROP_CAUSE_COUNT; cause++)
		out->drops[cause] = __atomic_load_n(&cpus[cpu].drops[cause], __ATOMIC_RELAXED);
	return true;
}

struct probe_counters probe_counters(const struct probe *p)
{
	struct probe_counters sum = {0}, one;

	for (unsigned cpu = 0; probe_counters_of_cpu(p, cpu, &one); cpu++) {
		sum.events += one.events;
		sum.faults += one.faults;
		sum.sampled += one.sampled;
		sum.discarded += one.discarded;
		for (int cause = 0; cause < DROP_CAUSE_COUNT; cause++)
			sum.drops[cause] += one.drops[cause];
	}
	return sum;
}

uint64_t probe_drops_of(const struct probe *p, uint16_t code, enum drop_cause cause)
{
	uint32_t key = (uint32_t)code * DROP_CAUSE_COUNT + cause;
	CLEANUP_FREE uint64_t *values = calloc((size_t)p->ncpus, sizeof(*values));
	uint64_t sum = 0;
	if (!values || code >= PROBE_CODES ||
	    bpf_map_lookup_elem(bpf_map__fd(p->programs->maps.drops_by_code), &key, values))
		return 0;
	for (int cpu = 0; cpu < p->ncpus; cpu++)
		sum += values[cpu];
	return sum;
}

uint64_t probe_discards_of(const struct probe *p, uint16_t code, int cpu)
{
	uint64_t sum = 0;

	if (!p->discards || code >= PROBE_CODES)
		return 0;
	for (int i = cpu < 0 ? 0 : cpu; i < p->ncpus && (cpu < 0 || i == cpu); i++)
		sum +=
		    __atomic_load_n(&p->discards[(size_t)i * PROBE_CODES + code], __ATOMIC_RELAXED);
	return sum;
}

bool probe_run(const struct probe *p, size_t number, struct probe_run *run)
{
	struct bpf_program *program;
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	bpf_object__for_each_program(program, p->programs->obj)
	{
		int fd = bpf_program__fd(program);

		/* Those that this kernel has no use for are not loaded. */
		if (fd < 0 || number-- > 0)
			continue;
		*run = (struct probe_run){.name = bpf_program__name(program)};
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0) {
			run->count = info.run_cnt;
			run->ns = info.run_time_ns;
			run->instructions = info.xlated_prog_len / sizeof(struct bpf_insn);
			run->native_bytes = info.jited_prog_len;
			run->verified = info.verified_insns;
		}
		return true;
	}
	return false;
}

void probe_each_drop(const struct probe *p, probe_drop_fn *visit, void *context)
{
	CLEANUP_FREE uint64_t *values = calloc((size_t)p->ncpus, sizeof(*values));
	int map = bpf_map__fd(p->programs->maps.drops_by_code);

	for (uint32_t key = 0; values && key < PROBE_CODES * DROP_CAUSE_COUNT; key++) {
		if (bpf_map_lookup_elem(map, &key, values))
			continue;
		for (int cpu = 0; cpu < p->ncpus; cpu++)
			if (values[cpu])
				visit(context, (uint16_t)(key / DROP_CAUSE_COUNT),
				      (enum drop_cause)(key % DROP_CAUSE_COUNT), (unsigned)cpu,
				      values[cpu]);
	}
}
