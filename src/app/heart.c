/* SPDX-License-Identifier: Apache-2.0 */
#include "app/heart.h"

#include "base/clock.h"
#include "base/log.h"

#include <sys/syscall.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)
#define BEAT_NS (5 * SECOND)
#define ALERT_AGAIN_NS (60 * SECOND)
#define HELD_UP_NS (10 * SECOND)
#define FALCO_WAIT_NS UINT64_C(30000000)

enum {
	LOOKS = 2,       /* the rings have been read in between, and nobody hurries */
	MISSED_MOST = 2, /* in a row */
};

void heart_init(struct heart *h, void (*beat)(void *context), void *context)
{
	*h = (struct heart){.beat = beat, .context = context};
}

bool heart_hears(struct heart *h, const struct event *e)
{
	if (e->record->syscall_nr != SYS_chdir)
		return false;
	h->is_awaited = false;
	h->is_heard = true;
	return true;
}

static void alert_blind(struct heart *h, struct judge *judge, uint64_t now)
{
	static const char rule[] = "Saker internal: events do not arrive";
	static const char text[] =
	    "Saker internal: events do not arrive. Calls that this program makes itself do not "
	    "come back from the kernel: it may have been blinded. Only a new start may help.";
	char missed[24];
	struct alert_fact fact = {STR("missed_heartbeats"), {missed, 0}};

	fact.json.n = (size_t)snprintf(missed, sizeof(missed), "%u", h->missed);
	h->alerted_at = now;
	log_line(SEVERITY_CRITICAL, "%s", text);
	judge_alert_internal(judge, SEVERITY_CRITICAL, str_from(rule), str_from(text), &fact, 1);
}

/* It has not been looked for so long. */
static void alert_held_up(struct heart *h, struct judge *judge, uint64_t ns)
{
	static const char rule[] = "Saker internal: held up";
	char text[160], seconds[24];
	struct alert_fact fact = {STR("seconds"), {seconds, 0}};
	size_t n = (size_t)snprintf(
	    text, sizeof(text),
	    "%s. For %llu seconds this program did not run: it was stopped, frozen or traced, or "
	    "the machine was.",
	    rule, (unsigned long long)(ns / SECOND));

	fact.json.n =
	    (size_t)snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)(ns / SECOND));
	h->held_up++;
	log_line(SEVERITY_CRITICAL, "%s", text);
	judge_alert_internal(judge, SEVERITY_CRITICAL, str_from(rule), (struct str){text, n}, &fact,
			     1);
}

/* A beat is answered, or it is time that it were. */
static void take_answer(struct heart *h, struct judge *judge, uint64_t dropped, uint64_t now)
{
	if (h->is_awaited) {
		if (++h->looks < LOOKS)
			return;
		h->is_awaited = false;
		/* Lost events are told of where they are counted. */
		if (dropped != h->dropped)
			return;
		h->lost++;
		h->missed++;
		if (h->missed < MISSED_MOST)
			return;
		if (!h->is_blind || now - h->alerted_at >= ALERT_AGAIN_NS)
			alert_blind(h, judge, now);
		h->is_blind = true;
		return;
	}
	if (!h->is_heard)
		return;
	h->is_heard = false;
	if (h->is_blind)
		log_notice("events arrive again");
	h->is_blind = false;
	h->missed = 0;
}

static void alert_silence(struct heart *h, struct judge *judge, uint64_t most, uint64_t now)
{
	static const char rule[] = "Falco internal: timeouts notification";
	char text[128], last[64] = "\"none\"";
	struct alert_fact fact = {STR("last_event_time"), {last, 0}};
	struct tm t;
	size_t n =
	    (size_t)snprintf(text, sizeof(text), "%s. %llu consecutive timeouts without event.",
			     rule, (unsigned long long)most);

	if (h->last_event) {
		time_t seconds = (time_t)(h->last_event / SECOND);

		localtime_r(&seconds, &t);
		snprintf(last, sizeof(last), "\"%02d:%02d:%02d.%09llu\"", t.tm_hour, t.tm_min,
			 t.tm_sec, (unsigned long long)(h->last_event % SECOND));
	}
	fact.json = str_from(last);
	h->silent_since = now;
	judge_alert_internal(judge, SEVERITY_DEBUG, str_from(rule), (struct str){text, n}, &fact,
			     1);
}

void heart_look(struct heart *h, struct judge *judge, uint64_t read, uint64_t dropped, uint64_t now)
{
	uint64_t most = judge->terms->policy->config->event_timeouts_max;

	if (!h->beat)
		return;
	if (h->looked_at && now - h->looked_at >= HELD_UP_NS)
		alert_held_up(h, judge, now - h->looked_at);
	h->looked_at = now;
	if (read != h->events || !h->silent_since) {
		if (h->silent_since)
			h->last_event = clock_realtime_ns();
		h->events = read;
		h->silent_since = now;
	} else if (now - h->silent_since > most * FALCO_WAIT_NS) {
		alert_silence(h, judge, most, now);
	}
	take_answer(h, judge, dropped, now);
	if (h->is_awaited || (h->beats && now - h->beat_at < BEAT_NS))
		return;
	h->is_awaited = true;
	h->looks = 0;
	h->dropped = dropped;
	h->beat_at = now;
	h->beats++;
	h->beat(h->context);
}
