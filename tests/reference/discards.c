/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/discards.h"

#include "base/cleanup.h"
#include "engine/discard.h"
#include "reference/generate.h"
#include "reference/reference.h"
#include "reference/set.h"

#include <errno.h>
#include <netinet/in.h>

/* Few rules, so that there is something that none of them wants. */
enum { RULES_MAX = 4, EVENTS = 200, RECORD_ROOM = 16384, SCRATCH = 1 << 20 };
enum {
	SCAP_O_RDONLY = 1,
	SCAP_O_WRONLY = 2,
	SCAP_O_CREAT = 4,
	SCAP_O_TMPFILE = 1 << 13,
	SCAP_O_F_CREATED = 1 << 14
};

static uint32_t open_number(const struct event *e)
{
	uint32_t flags = e->fd.open_flags, number = 0;

	if (flags & SCAP_O_RDONLY)
		number |= DISCARD_OPEN_READ;
	if (flags & SCAP_O_WRONLY)
		number |= DISCARD_OPEN_WRITE;
	if (flags & SCAP_O_CREAT)
		number |= DISCARD_OPEN_MAY_CREATE;
	if (flags & SCAP_O_F_CREATED)
		number |= DISCARD_OPEN_CREATED;
	if (flags & SCAP_O_TMPFILE)
		number |= DISCARD_OPEN_MAY_CREATE | DISCARD_OPEN_CREATED;
	if (e->fd.type == FD_FILE)
		number |= DISCARD_FILE_PLAIN << DISCARD_FILE_SHIFT;
	if (e->fd.type == FD_DIRECTORY)
		number |= DISCARD_FILE_DIRECTORY << DISCARD_FILE_SHIFT;
	return number;
}

static bool is_loopback(const struct ip_address *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->size == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, sizeof(one)) == 0;
}

static uint32_t socket_number(const struct event *e)
{
	const struct event_fd *fd = &e->fd;
	bool is_tcp = fd->l4proto == IPPROTO_TCP;
	uint32_t class = DISCARD_SOCKET_OTHER;

	if (fd->is_known && fd->type == FD_UNIX)
		class = DISCARD_SOCKET_UNIX;
	else if (fd->is_known && (fd->type == FD_IPV4 || fd->type == FD_IPV6) &&
		 (is_tcp || fd->l4proto == IPPROTO_UDP) && fd->local.size && fd->remote.size &&
		 is_loopback(&fd->local) && is_loopback(&fd->remote))
		class = fd->type == FD_IPV4 ? (is_tcp ? DISCARD_SOCKET_TCP4 : DISCARD_SOCKET_UDP4)
					    : (is_tcp ? DISCARD_SOCKET_TCP6 : DISCARD_SOCKET_UDP6);
	return class << DISCARD_SOCKET_SHIFT;
}

static bool find_call(const struct event *e, uint16_t *nr)
{
	for (*nr = 0; *nr < SYSCALL_NR_LIMIT; ++*nr) {
		const struct syscall_schema *s = syscall_schema_get(*nr);

		if (s && s->kind == e->kind)
			return true;
	}
	return false;
}

/* No open answers a socket, or has its file in two places. */
static bool is_likely_open(const struct event *e)
{
	for (const struct annex_item *i = event_annex_next(e, NULL); i; i = event_annex_next(e, i))
		if (i->kind == ANNEX_PATH_RESOLVED && !str_equal(annex_str(i), e->fd.path_resolved))
			return false;
	return e->fd.type != FD_IPV4 && e->fd.type != FD_IPV6;
}

/* Whether the argument is shown as one of those that are marked so. */
static bool is_marked(const struct event *e, enum discard_mark mark)
{
	const char *const *marked = discard_marked(e->kind, mark);

	for (unsigned i = 0; marked && i < e->nparams; i++) {
		const struct flag_table *table = e->schema->params[i].flags;
		uint64_t value;

		for (unsigned k = 0; table && k < table->count; k++)
			if (event_param_u64(e, i, &value) && table->flags[k].value == value &&
			    (strcmp(table->flags[k].name, marked[0]) == 0 ||
			     (marked[1] && strcmp(table->flags[k].name, marked[1]) == 0)))
				return true;
	}
	return false;
}

bool discards_number(const struct event *e, uint16_t *nr, uint32_t *number)
{
	enum discard_shape shape = discard_shape_of(e->kind);
	int64_t result;

	if (shape == DISCARD_OPEN && !is_likely_open(e))
		return false;
	if (shape == DISCARD_NEVER || !event_result(e, &result) || !find_call(e, nr))
		return false;
	*number = result == -EINPROGRESS ? DISCARD_UNDER_WAY
		  : result < 0           ? DISCARD_FAILED
		  : result <= 2          ? DISCARD_LOW
					 : DISCARD_HIGH;
	for (int mark = DISCARD_MARKED; shape == DISCARD_BY_ARGUMENT && mark < DISCARD_MARKS;
	     mark++)
		if (is_marked(e, mark))
			*number |= (uint32_t)mark << DISCARD_MARK_SHIFT;
	if (shape == DISCARD_BY_ARGUMENT && result >= 0 && *number >> DISCARD_MARK_SHIFT &&
	    e->fd.is_known && (e->fd.type == FD_IPV4 || e->fd.type == FD_IPV6) &&
	    strcmp(e->schema->name, "fcntl") == 0)
		*number |= DISCARD_OF_IP;
	if (shape == DISCARD_OPEN && result >= 0) {
		*number |= open_number(e);
		return !(e->fd.open_flags & SCAP_O_TMPFILE) || e->fd.type == FD_DIRECTORY;
	}
	if (shape == DISCARD_SOCKET && *number != DISCARD_FAILED)
		*number |= socket_number(e);
	if (shape == DISCARD_COPY && result >= 0 && e->fd.is_known && e->fd.type != FD_UNKNOWN &&
	    e->fd.type != FD_IPV4 && e->fd.type != FD_IPV6 && e->fd.type != FD_UNIX)
		*number |= DISCARD_SOCKET_NONE << DISCARD_SOCKET_SHIFT;
	if (shape == DISCARD_SOCKET && !(e->schema->flags & EVENT_CREATES_FD) && e->fd.num >= 0 &&
	    e->fd.num <= 2)
		*number |= DISCARD_SOCKET_LOW;
	return true;
}

static bool check_event(const struct rule_set *set, const struct plan *plan, struct evaluator *ev,
			struct event *e, struct arena *scratch, struct discards_counts *counts,
			struct buffer *out)
{
	const struct discard_table *t = plan_discards(plan);
	struct field_context ctx = *evaluator_context(ev);
	struct match match;
	uint32_t number;
	uint16_t nr;

	counts->events++;
	if (!t || !discards_number(e, &nr, &number) || t->shape[nr] == DISCARD_NEVER)
		return true;
	uint8_t verdict = t->verdicts[t->first[nr] + number];
	uint64_t alive = evaluator_clauses(ev);
	struct str resolved = e->fd.path_resolved.n ? e->fd.path_resolved : e->fd.path;

	if (!discard_decides(t, nr, number, alive, e->fd.path, resolved))
		return true;
	counts->discarded++;
	counts->by_argument += t->shape[nr] == DISCARD_BY_ARGUMENT;
	counts->by_name += (t->clauses[verdict] & t->named) != 0;
	counts->by_process += (t->clauses[verdict] & t->of_process & ~alive) != 0;
	ctx.scratch = scratch;
	if (reference_judge(set, false, &ctx, e, &match, 1) == 0)
		return true;
	buffer_printf(out,
		      "event %s, facts %#x, fd %lld of type %u \"%.*s\" / \"%.*s\": discarded, "
		      "but (view %d): %.*s",
		      event_kind_name(e->kind), number, (long long)e->fd.num, e->fd.type,
		      STR_ARG(e->fd.path), STR_ARG(resolved), match.name_view,
		      STR_ARG(match.rule->condition_text));
	return false;
}

static bool check_events(struct generator *g, const struct rule_set *set,
			 struct discards_counts *counts, struct buffer *out)
{
	struct plan *plan = plan_compile(set, &(struct plan_options){.want_discards = true}, NULL);
	struct state *state = state_new(
	    &(struct state_options){.host_root = "/nonexistent", .max_threads = 64}, NULL);
	struct evaluator *ev = evaluator_new(plan, state, "host");
	CLEANUP_FREE char *memory = malloc(RECORD_ROOM);
	CLEANUP_FREE char *scratch_memory = malloc(SCRATCH);
	bool is_right = true;

	for (int i = 0; i < EVENTS && is_right; i++) {
		struct arena scratch;
		struct match match;
		struct event e;
		size_t size = generate_event(g, memory, RECORD_ROOM);

		if (!size || event_decode(&e, memory, size, NULL))
			continue;
		e.number = (uint64_t)i + 1;
		state_bind(state, &e);
		evaluator_judge(ev, &e, &match, 1);
		arena_fixed(&scratch, scratch_memory, SCRATCH);
		is_right = check_event(set, plan, ev, &e, &scratch, counts, out);
	}
	evaluator_free(ev);
	state_free(state);
	plan_free(plan);
	return is_right;
}

bool discards_check(uint64_t seed, struct discards_counts *counts, char *message, size_t room)
{
	struct generator g = generator_new(seed);
	struct buffer out = {.p = message, .room = room - 1};
	struct rule_set set = set_new(RULES_MAX);
	uint64_t rules = seed % 4 == 3 ? RULES_MAX : seed % 2 + 1;
	bool is_right;

	while (set.rule_count < rules) {
		char text[4096];
		struct buffer b = BUFFER(text);

		if (generate_below(&g, 8))
			generate_early_condition(&g, &b);
		else
			generate_condition(&g, &b);
		if (!b.is_truncated)
			set_add_rule(&set, buffer_str(&b));
	}
	buffer_printf(&out, "seed %llu, ", (unsigned long long)seed);
	is_right = check_events(&g, &set, counts, &out);
	message[out.n] = '\0';
	set_free(&set);
	return is_right;
}
