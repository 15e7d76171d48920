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
    {DISCARD_OPEN, DISCARD_HIGH | DISCARD_OPEN_READ | DISCARD_FILE_DIRECTORY << DISCARD_FILE_SHIFT,
     "a directory"},
    {DISCARD_OPEN, DISCARD_HIGH | DISCARD_OPEN_READ, "anything else"},
    {DISCARD_SOCKET, DISCARD_FAILED, "failed"},
    {DISCARD_SOCKET, DISCARD_HIGH | DISCARD_SOCKET_TCP4 << DISCARD_SOCKET_SHIFT,
     "TCP over loopback"},
    {DISCARD_SOCKET, DISCARD_HIGH | DISCARD_SOCKET_UDP4 << DISCARD_SOCKET_SHIFT,
     "UDP over loopback"},
    {DISCARD_SOCKET, DISCARD_HIGH | DISCARD_SOCKET_UNIX << DISCARD_SOCKET_SHIFT, "a unix socket"},
    {DISCARD_SOCKET, DISCARD_HIGH, "anything else"},
    {DISCARD_BY_RESULT, DISCARD_FAILED, "failed"},
    {DISCARD_BY_RESULT, DISCARD_LOW, "0, 1 or 2"},
    {DISCARD_BY_RESULT, DISCARD_HIGH, "3 or more"},
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
		if (sorts[i].shape != shape)
			continue;
		const char *becomes = what_becomes(t, t->first[nr] + sorts[i].number);

		/* Sorts of the same fate stand together. */
		if (before && strcmp(before, becomes) == 0)
			fprintf(out, ", %s", sorts[i].text);
		else
			fprintf(out, "%s%s: %s", before ? "; " : "", becomes, sorts[i].text);
		before = becomes;
	}
	return true;
}
