/* SPDX-License-Identifier: Apache-2.0 */
#include "app/discards.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdatomic.h>

/* By so much the times of events may be off: they are told in time since the boot. */
#define CLOCK_NS UINT64_C(100000000)

void discards_none(struct probe_wants *wants)
{
	wants->discard_table = NULL;
	wants->discard_sample = 0;
	memset(wants->discards, 0, sizeof(wants->discards));
}

static bool is_named(const struct config *config, const char *syscall)
{
	for (size_t i = 0; i < config->base_syscalls.count; i++)
		if (strcmp(config->base_syscalls.items[i], syscall) == 0)
			return true;
	return false;
}

void discards_of_plan(const struct plan *plan, const struct config *config,
		      struct probe_wants *wants)
{
	const struct discard_table *table = plan_discards(plan);

	discards_none(wants);
	if (!table || !config->discard_in_kernel || config->base_syscalls_all)
		return;
	wants->discard_table = table;
	wants->discard_sample = (uint32_t)config->discard_sample;
	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		wants->discards[nr] =
		    s && table->shape[nr] != DISCARD_NEVER && !is_named(config, s->name);
	}
}

void discards_change(struct discards_check *c)
{
	atomic_store(&c->since, UINT64_MAX);
}

void discards_changed(struct discards_check *c)
{
	atomic_store(&c->since, clock_realtime_ns() + CLOCK_NS);
}

void discards_matched(struct discards_check *c, const struct event *e, const struct rule *rule)
{
	if (!(e->record->flags & RECORD_SAMPLED) || e->time < atomic_load(&c->since))
		return;
	atomic_fetch_add(&c->wrong, 1);
	if (probe_keep(c->probe, e->record->syscall_nr))
		log_error("discards: the kernel would have discarded an event of %s for which the "
			  "rule \"%.*s\" holds; from now on it discards none of these",
			  event_kind_name(e->kind), STR_ARG(rule->name));
}
