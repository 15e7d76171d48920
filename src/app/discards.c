/* SPDX-License-Identifier: Apache-2.0 */
#include "app/discards.h"

#include "base/clock.h"
#include "base/log.h"
#include "state/process.h"

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

/* Whether what the record says of its thread is what the judge has judged by. */
static bool is_as_known(const struct event *e)
{
	const struct record *r = e->record;

	return r->flags & RECORD_HAS_TASK && !(r->flags & RECORD_IO_URING) && e->thread &&
	       e->process && !e->process->is_unlisted && !e->process->is_partial &&
	       e->process->is_exec_id_known && e->process->program_exec_id == r->task.exec_id &&
	       memcmp(e->thread->comm, r->task.comm, sizeof(r->task.comm)) == 0;
}

void discards_judged(struct discards_check *c, const struct plan *plan, struct evaluator *ev,
		     const struct event *e)
{
	const struct discard_table *t = plan_discards(plan);
	uint16_t nr = e->record->syscall_nr;

	if (!t || !t->of_process || nr >= DISCARD_CALLS || t->shape[nr] == DISCARD_NEVER ||
	    !is_as_known(e) || !evaluator_recurs(ev))
		return;
	probe_tell_process(c->probe, &e->record->task, evaluator_clauses(ev));
}
