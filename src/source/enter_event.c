/* SPDX-License-Identifier: Apache-2.0 */
#include "source/enter_event.h"

#include <stdlib.h>

/* The last code that schema has, and how many parameters it knows of events that have more today.
 */
enum { LAST_CODE = 335, SYSCALL_LIMIT = 329 };

static const struct {
	uint16_t code;
	uint8_t params;
} known_params[] = {
    {1, 1},    {3, 5},    {5, 1},   {7, 2},   {9, 2},    {19, 1},   {21, 2},   {23, 2},   {25, 1},
    {31, 2},   {33, 2},   {35, 3},  {37, 1},  {43, 5},   {49, 2},   {51, 0},   {53, 4},   {55, 0},
    {59, 4},   {63, 1},   {65, 1},  {71, 1},  {79, 1},   {81, 2},   {87, 1},   {89, 1},   {97, 1},
    {113, 2},  {115, 2},  {117, 3}, {119, 2}, {121, 3},  {123, 2},  {127, 1},  {129, 1},  {131, 1},
    {133, 1},  {135, 1},  {137, 1}, {139, 1}, {141, 3},  {143, 3},  {145, 5},  {151, 1},  {159, 4},
    {161, 4},  {163, 4},  {165, 4}, {167, 1}, {169, 3},  {171, 1},  {186, 4},  {189, 2},  {191, 14},
    {193, 1},  {195, 1},  {199, 1}, {201, 1}, {223, 20}, {225, 20}, {227, 20}, {237, 1},  {239, 1},
    {241, 1},  {243, 1},  {251, 8}, {253, 1}, {255, 2},  {257, 4},  {263, 1},  {265, 2},  {277, 2},
    {285, 1},  {293, 20}, {295, 1}, {299, 1}, {307, 6},  {327, 6},  {329, 1},  {331, 20}, {333, 3},
    {335, 20},
};

static const char *const clones[] = {"clone", "clone3", "fork", "vfork"};

/* By exit code; -1: the parameter has no twin. */
struct enter_rule {
	uint8_t known; /* parameters of the exit event */
	bool is_clone;
	const struct event_schema *enter; /* NULL: none is made */
	int8_t from[RECORD_PARAMS_MAX];   /* by the enter event's parameter: the exit event's */
};

struct enter_rules {
	uint16_t count;
	struct enter_rule rules[];
};

/* Enter events' parameters that the exit event has under another name. */
static const struct {
	const char *event, *enter, *exit;
} renamed[] = {
    {"dup", "fd", "oldfd"},
    {"brk", "size", "addr"},
};

static int twin_of(const struct event_schema *exit, const char *name)
{
	int found = event_schema_param(exit, str_from(name));

	for (size_t i = 0; found < 0 && i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (strcmp(renamed[i].event, exit->name) == 0 &&
		    strcmp(renamed[i].enter, name) == 0)
			found = event_schema_param(exit, str_from(renamed[i].exit));
	return found;
}

/*
 * Readers need it where the event is about a descriptor or changes what they know, and where the
 * exit event has lost parameters. The codes of a call's enter and exit are neighbours.
 */
static const struct event_schema *enter_of(const struct event_schema *exit, uint8_t known)
{
	enum {
		NEEDS = EVENT_USES_FD | EVENT_CREATES_FD | EVENT_DESTROYS_FD | EVENT_MODIFIES_STATE
	};
	const struct event_schema *enter;

	if (exit->flags & (EVENT_ENTER | EVENT_UNUSED) || !(exit->flags & EVENT_SYSCALL) ||
	    exit->code == 0 || exit->code > LAST_CODE)
		return NULL;
	enter = event_schema_get((uint16_t)(exit->code - 1));
	if (!enter || !(enter->flags & EVENT_ENTER) || strcmp(enter->name, exit->name) != 0)
		return NULL;
	return known != UINT8_MAX || (enter->flags | exit->flags) & NEEDS ? enter : NULL;
}

struct enter_rules *enter_rules_new(void)
{
	struct enter_rules *r =
	    calloc(1, sizeof(*r) + (size_t)event_code_count * sizeof(struct enter_rule));

	if (!r)
		return NULL;
	r->count = event_code_count;
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *exit = event_schema_get(code);
		struct enter_rule *rule = &r->rules[code];

		rule->known = UINT8_MAX;
		for (size_t i = 0; i < sizeof(known_params) / sizeof(known_params[0]); i++)
			if (known_params[i].code == code)
				rule->known = known_params[i].params;
		rule->enter = exit ? enter_of(exit, rule->known) : NULL;
		for (size_t i = 0; rule->enter && i < sizeof(clones) / sizeof(clones[0]); i++)
			rule->is_clone |= strcmp(clones[i], exit->name) == 0;
		for (int i = 0; rule->enter && i < rule->enter->nparams; i++)
			rule->from[i] = (int8_t)twin_of(exit, rule->enter->params[i].name);
	}
	return r;
}

uint8_t enter_known_params(const struct enter_rules *r, uint16_t code)
{
	return r->rules[code].known;
}

bool enter_knows_syscall(uint64_t scap_nr)
{
	return scap_nr < SYSCALL_LIMIT;
}

void enter_rules_free(struct enter_rules *r)
{
	free(r);
}

size_t enter_event_make(const struct enter_rules *r, const struct event *e, uint64_t time,
			uint8_t *out, size_t room)
{
	static const char zeros[8];
	const struct enter_rule *rule = &r->rules[e->header->type];
	const struct event_schema *enter = rule->enter;
	struct event_header h = {.ts = time, .tid = e->header->tid};
	size_t width, at;
	int64_t result;

	/* What a clone made did not enter it: readers would take it for a thread they know. */
	if (!enter || (rule->is_clone && event_result(e, &result) && result == 0))
		return 0;
	width = enter->flags & EVENT_LARGE_PAYLOAD ? sizeof(uint32_t) : sizeof(uint16_t);
	at = sizeof(h) + enter->nparams * width;
	for (unsigned i = 0; i < enter->nparams; i++) {
		size_t fixed = param_number_size(enter->params[i].type);
		int from = rule->from[i];
		struct str value = {zeros, fixed};
		uint32_t length;

		/* Numbers of another size than the enter event's are as good as none. */
		if (from >= 0 && (unsigned)from < e->nparams &&
		    (!fixed || e->params[from].n == fixed))
			value = e->params[from];
		length = (uint32_t)value.n;
		if (at + length > room)
			return 0;
		memcpy(out + sizeof(h) + i * width, &length, width);
		if (length)
			memcpy(out + at, value.p, length);
		at += length;
	}
	h.len = (uint32_t)at;
	h.type = enter->code;
	h.nparams = enter->nparams;
	memcpy(out, &h, sizeof(h));
	return at;
}
