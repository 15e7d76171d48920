/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay_command.h"

#include "base/clock.h"

#include <errno.h>
#include <unistd.h>

enum { PROGRESS_NS = 200 * 1000 * 1000 };

static const char *path_of(const struct replay *r)
{
	return r->paths.items[r->next - 1];
}

struct source_counters replay_counters(const struct replay *r, const struct source *s,
				       uint64_t *blocks_skipped)
{
	struct source_counters sum = r->counters;

	*blocks_skipped = r->blocks_skipped;
	if (s) {
		struct source_counters own = source_counters(s);

		sum.events += own.events;
		sum.damaged += own.damaged;
		sum.dropped += own.dropped;
		*blocks_skipped += source_capture_counters(s).blocks_skipped;
	}
	return sum;
}

struct source *replay_next(struct replay *r, struct source *done)
{
	r->counters = replay_counters(r, done, &r->blocks_skipped);
	source_free(done);
	while (r->next < r->paths.count) {
		struct error err = {0};
		struct source *s;

		if (r->next++)
			state_forget(r->state);
		s = source_capture_new(path_of(r), r->state, &err);
		if (s && source_watch(s, r->watched_fd, &err) == 0) {
			if (!r->is_quiet)
				log_info("replay: %s", path_of(r));
			return s;
		}
		source_free(s);
		replay_progress_end(r);
		log_error("%s%s%s", err.file, err.file[0] ? ": " : "", err.message);
		r->failed++;
	}
	return NULL;
}

void replay_end_of(struct replay *r, const struct source *s, int status)
{
	const char *why = source_error(s)->message;

	replay_progress_end(r);
	if (status == -ENODATA)
		return;
	log_error("%s: %s", path_of(r), *why ? why : strerror(-status));
	r->failed++;
}

void replay_progress_text(const char *path, struct capture_position position, char *text,
			  size_t room)
{
	if (position.size)
		snprintf(text, room, "%s: %llu %%", path,
			 (unsigned long long)(position.at < position.size
						  ? position.at * 100 / position.size
						  : 100));
	else
		snprintf(text, room, "%s: %llu MB", path,
			 (unsigned long long)(position.at / 1000000));
}

void replay_progress(struct replay *r, const struct source *s)
{
	char text[256];
	uint64_t now;

	if (r->is_quiet || !isatty(STDERR_FILENO))
		return;
	now = clock_monotonic_ns();
	if (now < r->progress_at)
		return;
	/* A short capture is over before anybody wants to know. */
	if (r->progress_at) {
		replay_progress_text(path_of(r), source_capture_position(s), text, sizeof(text));
		fprintf(stderr, "\r%s\033[K", text);
		r->has_progress = true;
	}
	r->progress_at = now + PROGRESS_NS;
}

void replay_progress_end(struct replay *r)
{
	if (r->has_progress)
		fputs("\r\033[K", stderr);
	r->has_progress = false;
}
