/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A judge: what one source's events go through. It judges them by its terms (policy, evaluator,
 * outputs), forms alerts of what holds, and counts. It belongs to the thread that reads the source;
 * each source has one of its own. What other threads may do is said below.
 *
 * Terms are replaced between two events: another thread makes new ones and leaves them at the
 * judge, who takes them before its next event (or when it looks, judge_renew) and lays the old ones
 * out, to be fetched and freed by the other thread. No event waits, and none is judged by half of
 * each.
 */
#ifndef SAKER_APP_JUDGE_H
#define SAKER_APP_JUDGE_H

#include "app/policy.h"
#include "output/alert.h"
#include "output/outputs.h"

/* How events are judged; immutable but for the evaluator, which is the judge's. */
struct judge_terms {
	struct policy *policy;
	struct evaluator *evaluator;
	/* For events that wait (app/waiting.h); NULL where none do. */
	struct evaluator *perhaps, *late;
	struct outputs *outputs; /* not owned; NULL: nobody is told */
	struct alert_options alert_options;
	size_t match_room;
};

/* Written by the judge's thread alone, readable from any. */
struct judge_counters {
	_Atomic uint64_t judged; /* events */
	_Atomic uint64_t alerts;
	_Atomic uint64_t alerts_by_priority[SEVERITY_COUNT];
};

struct waiting;
struct discards_check;

struct judge {
	enum event_source source;
	struct state *state;  /* of the source; evaluators look into it */
	bool is_live;         /* events happen now: how long their alerts take is measured */
	const char *hostname; /* evt.hostname; "" where it is not told */
	struct judge_terms *terms;
	struct judge_counters counters;
	_Atomic(struct judge_terms *) next; /* left for the judge; NULL: none */
	_Atomic(struct judge_terms *) old;  /* laid out by the judge */
	struct match *matches;              /* of the event that was judged last */
	size_t match_count;                 /* as many of them as are there */
	char *line;                         /* ALERT_LINE_MAX bytes */
	struct waiting *waiting;            /* NULL: no event waits; not owned */
	struct discards_check *discards;    /* told of what holds; NULL: nobody is; not owned */
};

/* Terms and state are set by the caller before the first event. NULL without memory. */
struct judge *judge_new(enum event_source source, struct state *state, const char *hostname);
/* Frees its terms, too, those that were left and those laid out; not the state. */
void judge_free(struct judge *j);

/*
 * New terms for a judge, from any thread; hostname is the one of alerts and lives as long. Keeps
 * the policy. NULL with the reason.
 */
struct judge_terms *judge_terms_new(const struct judge *j, struct policy *policy,
				    struct outputs *outputs, const char *hostname,
				    struct error *err);
void judge_terms_free(struct judge_terms *t);

/* From any thread: leaves terms, where none are left already. */
void judge_leave_terms(struct judge *j, struct judge_terms *terms);
/* The terms that were replaced, which are the caller's from then on; NULL: not yet. */
struct judge_terms *judge_fetch_old_terms(struct judge *j);

/*
 * Judges an event that has waited, now that its container is known or given up; alerts are sent.
 * first, previous: times that fields tell of, as they were for it.
 */
void judge_late(struct judge *j, struct event *e, uint64_t first, uint64_t previous);

/* Takes what was left for it. */
void judge_renew(struct judge *j);

/*
 * Judges an event, and answers how many rules hold; as many as there was room for are in
 * matches. Then judge_alert sends alerts of them. Of an event that waits none hold yet.
 */
size_t judge_event(struct judge *j, struct event *e);
void judge_alert(struct judge *j, struct event *e);

/*
 * Sends what the program tells of itself where the judge's alerts go (see alert_format_internal);
 * not where events are shown instead. Like Falco's, whatever the least priority of rules is.
 */
void judge_alert_internal(struct judge *j, enum severity priority, struct str rule,
			  struct str message, struct alert_fact *facts, size_t count);

/* Both, for sources whose events need nothing else: a source_event_fn. */
void judge_handle(void *judge, struct event *e);

/* The evaluator of the terms. */
static inline struct evaluator *judge_evaluator(const struct judge *j)
{
	return j->terms->evaluator;
}

/* Counters have one writer, so that adding needs no lock; others see it late, not half. */
static inline void judge_count(_Atomic uint64_t *counter, uint64_t n)
{
	__atomic_store_n((uint64_t *)counter,
			 __atomic_load_n((uint64_t *)counter, __ATOMIC_RELAXED) + n,
			 __ATOMIC_RELAXED);
}

#endif
