/* SPDX-License-Identifier: Apache-2.0 */
#include "app/recording.h"

#include "app/wants.h"
#include "base/log.h"
#include "state/snapshot.h"

#include <errno.h>
#include <stdio.h>

void recording_wants(const struct recording *r, struct probe_wants *wants)
{
	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		if (!r->options.is_filtered)
			wants->wanted[nr] |= syscall_schema_get(nr) != NULL;
		if (wants->wanted[nr])
			wants->facts[nr] |= WANTS_ALL_FACTS;
	}
	if (!r->options.is_filtered)
		wants->signals = true;
}

int recording_start(struct recording *r, struct state *state, const struct capture_host *host,
		    struct error *err)
{
	struct recorder_options recorder_options = {.queue_bytes = r->options.queue_bytes};
	struct capture_write_options write_options = {
	    .is_compressed =
		r->options.is_compressed || str_ends_with(str_from(r->options.path), STR(".gz")),
	    .has_enter_events = !r->options.is_exit_only,
	};
	struct capture_writer *writer = capture_writer_open(r->options.path, &write_options, err);
	int status;

	if (!writer)
		return -EIO;
	capture_write_lists(writer, state, state_users(state), host);
	status = capture_writer_flush(writer);
	if (status < 0) {
		capture_writer_close(writer);
		return error_set(err, status, "cannot write %s: %s", r->options.path,
				 strerror(-status));
	}
	r->state = state;
	r->recorder = recorder_new(writer, &recorder_options, err);
	return r->recorder ? 0 : -ENOMEM;
}

/* Without them a reader would take processes for others. */
static bool is_for_state(const struct event *e)
{
	return e->record->flags & RECORD_STATE_ONLY ||
	       (e->schema->category == CATEGORY_PROCESS &&
		event_kind_flags(e->kind) & EVENT_MODIFIES_STATE);
}

void recording_event(struct recording *r, const struct event *e, bool matches)
{
	bool is_wanted =
	    (matches || !r->options.is_filtered) && !(e->record->flags & RECORD_STATE_ONLY);

	if (!is_wanted && !is_for_state(e))
		return;

	/* Records have a limit that an option in a capture keeps to. */
	size_t room = e->record->size < sizeof(r->annex) ? sizeof(r->annex) - e->record->size : 0;
	struct str annex = {(const char *)r->annex, state_lookup_annex(r->state, r->annex, room)};

	recorder_push(r->recorder, e, annex, state_boot_time(r->state), !is_wanted);
}

void recording_container(struct recording *r, const struct record *container)
{
	if (r->recorder)
		recorder_push_record(r->recorder, container, state_boot_time(r->state));
}

void recording_look(struct recording *r)
{
	struct recorder_counters c = recorder_counters(r->recorder);
	uint64_t dropped = c.dropped + c.lost;

	if (dropped == r->dropped_told)
		return;
	log_warning("recording: %llu events were not written (%llu in all): %s",
		    (unsigned long long)(dropped - r->dropped_told), (unsigned long long)dropped,
		    c.last_error ? strerror(-c.last_error) : "the disk is too slow");
	r->dropped_told = dropped;
}

int recording_stop(struct recording *r, uint64_t missed)
{
	struct recorder_counters c;

	if (!r->recorder)
		return 0;
	recorder_stop(r->recorder);
	c = recorder_counters(r->recorder);
	fprintf(stderr, "Recorded: %llu events, %llu bytes in %s\n", (unsigned long long)c.recorded,
		(unsigned long long)c.bytes, r->options.path);
	if (c.for_state)
		fprintf(stderr, "  and so that readers know the processes: %llu\n",
			(unsigned long long)c.for_state);
	if (missed)
		fprintf(stderr, "  lost before, the rings of the probe were full: %llu\n",
			(unsigned long long)missed);
	if (c.dropped)
		fprintf(stderr, "  not recorded, the disk was too slow: %llu\n",
			(unsigned long long)c.dropped);
	if (c.lost)
		fprintf(stderr, "  not recorded, %s: %llu\n", strerror(-c.last_error),
			(unsigned long long)c.lost);
	recorder_free(r->recorder);
	r->recorder = NULL;
	return c.last_error;
}
