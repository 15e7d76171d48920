/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `capture:` feature: which alerts make captures (source/capture_ring.h), for how long, and the
 * filter that ends them.
 */
#ifndef SAKER_APP_ALERT_CAPTURE_H
#define SAKER_APP_ALERT_CAPTURE_H

#include "app/config.h"
#include "probe/probe.h"
#include "source/capture_ring.h"

struct alert_capture;

/*
 * Sets *out to NULL where no alert of these rules makes a capture. An error is one of the stop
 * filter.
 */
int alert_capture_new(const struct config *config, const struct rule_set *rules,
		      struct alert_capture **out, struct error *err);
/* Whether alerts of these rules would make captures. */
bool alert_capture_is_wanted(const struct config *config, const struct rule_set *rules);
void alert_capture_free(struct alert_capture *a);

/* Adds what captures hold to what the probe collects. */
void alert_capture_wants(const struct alert_capture *a, struct probe_wants *wants);
/* The processes are known; the events come from now on. */
int alert_capture_start(struct alert_capture *a, struct state *state,
			const struct capture_host *host, struct error *err);
/* Every event of the live source, bound; before it is judged. */
void alert_capture_event(struct alert_capture *a, const struct event *e);
/* What is known of a container, before the next event. */
void alert_capture_container(struct alert_capture *a, const struct record *container);
/* An alert of that event. */
void alert_capture_match(struct alert_capture *a, const struct rule *rule, const struct event *e);
/* The event has been judged: it may be the last of a capture. */
void alert_capture_judged(struct alert_capture *a, struct event *e);
/* Now and then: warns of what was lost. */
void alert_capture_look(struct alert_capture *a);
/* Ends what goes on and says to stderr what was captured. */
void alert_capture_stop(struct alert_capture *a);

#endif
