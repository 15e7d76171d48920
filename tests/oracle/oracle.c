/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <errno.h>
#include <unistd.h>

void oracle_path(const char *name, char *path, size_t room)
{
	const char *shared = getenv("SAKER_SHARED");
	const char *ci = getenv("CI");

	snprintf(path, room, "%s/upstream/captures/%s", shared ? shared : "../shared", name);
	if (access(path, R_OK) == 0)
		return;
	if (ci && strcmp(ci, "true") == 0) {
		fprintf(stderr, "%s is missing\n", path);
		fail();
	}
	fprintf(stderr, "SKIP: %s is missing\n", path);
	skip();
}

FILE *oracle_open(const char *name, const char *filter)
{
	char path[4096], command[4200];
	FILE *f;

	oracle_path(name, path, sizeof(path));
	snprintf(command, sizeof(command), "%s '%s'", filter, path);
	f = popen(command, "re");
	assert_non_null(f);
	return f;
}

void oracle_close(FILE **f)
{
	if (*f)
		pclose(*f);
}

struct replaying_test {
	struct state *state;
	oracle_event_fn *handle;
	void *context;
};

static void on_event(void *context, struct event *e)
{
	struct replaying_test *t = context;

	state_bind(t->state, e);
	if (!(e->record->flags & RECORD_STATE_ONLY))
		t->handle(t->context, t->state, e);
}

void oracle_replay(const char *name, oracle_event_fn *handle, void *context)
{
	struct replaying_test t = {.handle = handle, .context = context};
	struct error err = {0};
	struct source *source;
	char path[4096];
	int got;

	oracle_path(name, path, sizeof(path));
	t.state = state_new(&(struct state_options){.max_threads = 131072}, &err);
	source = source_capture_new(path, t.state, &err);
	if (!source) {
		fprintf(stderr, "%s: %s\n", name, err.message);
		fail();
	}
	while ((got = source_poll(source, -1, on_event, &t)) > 0)
		;
	if (got != -ENODATA)
		fprintf(stderr, "%s: %s\n", name, source_error(source)->message);
	assert_int_equal(got, -ENODATA);
	check_i64(source_counters(source).damaged, 0, "damaged events");
	source_free(source);
	state_free(t.state);
}
