/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/discard.h"

#include "event/schema.h"

#include <stdio.h>

/* Facts that stand for the others of their sort. */
static const struct sort {
	enum discard_shape shape;
	uint32_t number;
	const char *text;
} sorts[] = {
    {DISCARD_OPEN, DISCARD_FAILED, "failed"},
    {DISCARD_OPEN, DISCARD_HIGH | DISCARD_OPEN_READ | DISCARD_FILE_PLAIN << DISCARD_FILE_SHIFT,
     "a file to read"},
    {DISCARD_OPEN, DISCARD_HIGH | DISCARD_OPEN_WRITE | DISCARD_FILE_PLAIN << DISCARD_FILE_SHIFT,
     "a file to write"},
    {DISCARD_OPEN,
     DISCARD_HIGH | DISCARD_OPEN_READ | DISCARD_OPEN_MAY_CREATE | DISCARD_OPEN_CREATED |
	 DISCARD_FILE_DIRECTORY << DISCARD_FILE_SHIFT,
     "a directory"},
    {DISCARD_OPEN, DISCARD_HIGH | DISCARD_OPEN_READ, "anything else"},
    {DISCARD_SOCKET, DISCARD_FAILED, "failed"},
    {DISCARD_SOCKET, DISCARD_HIGH | DISCARD_SOCKET_TCP4 << DISCARD_SOCKET_SHIFT,
     "TCP over loopback"},
    {DISCARD_SOCKET, DISCARD_HIGH | DISCARD_SOCKET_UDP4 << DISCARD_SOCKET_SHIFT,
     "UDP over loopback"},
    {DISCARD_SOCKET, DISCARD_HIGH | DISCARD_SOCKET_UNIX << DISCARD_SOCKET_SHIFT, "a unix socket"},
    {DISCARD_SOCKET, DISCARD_HIGH, "anything else"},
    {DISCARD_COPY, DISCARD_FAILED, "failed"},
    {DISCARD_COPY, DISCARD_LOW, "sockets as 0, 1 or 2"},
    {DISCARD_COPY, DISCARD_HIGH, "sockets as 3 or more"},
    {DISCARD_COPY, DISCARD_LOW | DISCARD_SOCKET_NONE << DISCARD_SOCKET_SHIFT,
     "anything else as 0, 1 or 2"},
    {DISCARD_COPY, DISCARD_HIGH | DISCARD_SOCKET_NONE << DISCARD_SOCKET_SHIFT,
     "anything else as 3 or more"},
    {DISCARD_BY_ARGUMENT, DISCARD_FAILED | DISCARD_MARKED << DISCARD_MARK_SHIFT, "that failed"},
    {DISCARD_BY_ARGUMENT, DISCARD_LOW | DISCARD_MARKED << DISCARD_MARK_SHIFT, "with 0, 1 or 2"},
    {DISCARD_BY_ARGUMENT, DISCARD_HIGH | DISCARD_MARKED << DISCARD_MARK_SHIFT, "with 3 or more"},
    {DISCARD_BY_ARGUMENT, DISCARD_FAILED | DISCARD_MARKED_SECOND << DISCARD_MARK_SHIFT,
     "that failed"},
    {DISCARD_BY_ARGUMENT, DISCARD_LOW | DISCARD_MARKED_SECOND << DISCARD_MARK_SHIFT,
     "with 0, 1 or 2"},
    {DISCARD_BY_ARGUMENT, DISCARD_LOW | DISCARD_MARKED_SECOND << DISCARD_MARK_SHIFT | DISCARD_OF_IP,
     "with 0, 1 or 2 of an IP socket"},
    {DISCARD_BY_ARGUMENT, DISCARD_FAILED, "that failed"},
    {DISCARD_BY_ARGUMENT, DISCARD_LOW, "with 0, 1 or 2"},
    {DISCARD_BY_ARGUMENT, DISCARD_HIGH, "with 3 or more"},
};

static const char *what_becomes(const struct discard_table *t, uint32_t place)
{
	uint8_t verdict = t->verdicts[place];
	uint64_t clauses = t->clauses[verdict];
	bool named = clauses && !(clauses & ~t->named);
	bool of_process = clauses && !(clauses & ~t->of_process);

	if (verdict == DISCARD_KEEP)
		return "kept";
	if (!clauses)
		return "discarded";
	if (named && of_process)
		return "discarded by name or process";
	/* Some clauses ask this, others that: either may leave none. */
	return named        ? "discarded by name"
	       : of_process ? "discarded by process"
			    : "discarded by name and process";
}

static enum discard_mark mark_of(const struct sort *sort)
{
	return sort->shape == DISCARD_BY_ARGUMENT ? sort->number >> DISCARD_MARK_SHIFT & 3
						  : DISCARD_UNMARKED;
}

static void print_sort(const struct sort *sort, uint16_t kind, FILE *out)
{
	const char *const *marked = discard_marked(kind, mark_of(sort));

	if (sort->shape == DISCARD_BY_ARGUMENT && !mark_of(sort))
		fputs("anything else ", out);
	else if (sort->shape == DISCARD_BY_ARGUMENT)
		fprintf(out, "%s%s%s ", marked[0], marked[1] ? " or " : "",
			marked[1] ? marked[1] : "");
	fputs(sort->text, out);
}

bool discard_describe(const struct discard_table *t, uint16_t kind, FILE *out)
{
	enum discard_shape shape = discard_shape_of(kind);
	const char *before = NULL;
	uint16_t nr = 0;

	while (nr < DISCARD_CALLS &&
	       !(syscall_schema_get(nr) && syscall_schema_get(nr)->kind == kind))
		nr++;
	if (!t || nr == DISCARD_CALLS || t->shape[nr] == DISCARD_NEVER)
		return false;
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (sorts[i].shape != shape ||
		    (mark_of(&sorts[i]) && !discard_marked(kind, mark_of(&sorts[i]))))
			continue;
		const char *becomes = what_becomes(t, t->first[nr] + sorts[i].number);

		/* Sorts of the same fate stand together. */
		if (before && strcmp(before, becomes) == 0)
			fputs(", ", out);
		else
			fprintf(out, "%s%s: ", before ? "; " : "", becomes);
		print_sort(&sorts[i], kind, out);
		before = becomes;
	}
	return true;
}
