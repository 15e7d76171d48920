/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the channels share. */
#ifndef SAKER_TESTS_OUTPUTS_UNIT_H
#define SAKER_TESTS_OUTPUTS_UNIT_H

#include "../unit.h"
#include "output/outputs.h"
#include "output/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static inline void send_text(struct outputs *o, enum severity priority, const char *text)
{
	static const struct str tags[] = {{"host", 4}, {"T1036", 5}};
	struct alert alert = {.priority = priority,
			      .line = str_from(text),
			      .rule = STR("Some rule"),
			      .source = STR("syscall"),
			      .tags = tags,
			      .tag_count = 2};

	outputs_send(o, &alert);
}

static inline struct outputs *outputs_or_fail(const struct outputs_options *options)
{
	struct error err = {0};
	struct outputs *o = outputs_new(options, &err);

	if (!o)
		fail_msg("%s", err.message);
	return o;
}

static inline struct channel_counters counters_of(const struct outputs *o)
{
	struct channel_counters counters = {0};

	outputs_counters(o, &counters, 1);
	return counters;
}

/* Waits for a condition; the test fails where it does not come. */
#define WAIT_UNTIL(condition)                                                                      \
	do {                                                                                       \
		int64_t wait_end = worker_now() + PATIENCE_MS * INT64_C(1000000);                  \
		while (!(condition)) {                                                             \
			if (worker_now() > wait_end)                                               \
				fail_msg("did not come: %s", #condition);                          \
			poll(NULL, 0, 2);                                                          \
		}                                                                                  \
	} while (0)

/* The whole file, NUL-terminated; NULL where there is none. The next call frees it. */
static inline const char *text_of(const char *path)
{
	static char *text;
	FILE *f = fopen(path, "re");
	size_t n = 0, room = 1 << 20;

	if (!f)
		return NULL;
	free(text);
	text = malloc(room + 1);
	for (size_t got; (got = fread(text + n, 1, room - n, f)) > 0;) {
		n += got;
		if (n == room)
			text = realloc(text, (room *= 2) + 1);
	}
	fclose(f);
	text[n] = '\0';
	return text;
}

/* A directory of the test's own; and names in it, each valid until the eighth next. */
static char test_directory[64];

static inline int make_directory(void **state)
{
	(void)state;
	strcpy(test_directory, "/tmp/saker-test-XXXXXX");
	return mkdtemp(test_directory) ? 0 : -1;
}

static inline const char *in_directory(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", test_directory, name);
	return path;
}

static inline int remove_directory(void **state)
{
	char command[128];
	(void)state;

	text_of("/dev/null");
	snprintf(command, sizeof(command), "rm -rf '%s'", test_directory);
	return system(command);
}

#endif
