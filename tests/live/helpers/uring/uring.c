/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does one thing by io_uring or, as the control, by the plain call:
 *
 *     uring WAY OPERATION DIRECTORY
 *
 * WAY is "plain", or what a ring is to be like, joined by commas: ring, async (workers do it),
 * sqpoll (the kernel's thread takes it from the ring), fixed (on a registered file), direct (what
 * is opened goes to the ring's table), deferred (completions are posted by the task itself), quiet
 * (no word on a success), full (completions have no room), disabled (made so, then enabled), bare
 * (without an array of indexes), linked (behind another request), drained (behind all others),
 * personality (with the rights that were registered before the process gave its own up), urgent
 * (before all else that the processor has to do).
 *
 * Prints the result. Exit status 0: done; 1: refused; 3: this kernel has no such operation or way.
 * Only kernel interfaces, so that it needs no library and runs anywhere.
 */
#include "ring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void read_way(char *text)
{
	const struct {
		const char *name;
		bool *is_set;
	} ways[] = {
	    {"plain", &way.is_plain},          {"async", &way.is_async},
	    {"sqpoll", &way.is_sqpoll},        {"fixed", &way.is_fixed},
	    {"direct", &way.is_direct},        {"deferred", &way.is_deferred},
	    {"quiet", &way.is_quiet},          {"full", &way.is_full},
	    {"disabled", &way.is_disabled},    {"bare", &way.is_bare},
	    {"linked", &way.is_linked},        {"drained", &way.is_drained},
	    {"personality", &way.is_borrowed}, {"urgent", &way.is_urgent},
	};

	for (char *word = strtok(text, ","); word; word = strtok(NULL, ","))
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			if (strcmp(word, ways[i].name) == 0)
				*ways[i].is_set = true;
}

static const struct operation *find(const char *name)
{
	static const struct operation *const tables[] = {file_operations, socket_operations,
							 pipe_operations, passed_operations};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct operation *o = tables[i]; o->name; o++)
			if (strcmp(name, o->name) == 0)
				return o;
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: uring WAY OPERATION DIRECTORY\n");
		return 2;
	}
	read_way(argv[1]);
	directory = argv[3];
	if (!way.is_plain)
		ring_start();
	const struct operation *found = find(argv[2]);

	if (found) {
		long result = found->act();

		printf("result %ld\n", result);
		return result == -EINVAL || result == -EBADF || result == -EOPNOTSUPP ||
			       result == -ENOSYS
			   ? NO_SUCH_THING
			   : 0;
	}
	fprintf(stderr, "uring: no operation is named %s\n", argv[2]);
	return 2;
}
