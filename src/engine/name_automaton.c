/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/name_automaton.h"

#include "base/bitset.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>

/*
 * A place in a pattern: the bytes by which it is passed. At PLACE_SOME any number of them are
 * taken, none too. Behind the last one of each pattern is one that ends it.
 */
enum place_kind { PLACE_BYTE, PLACE_ONE, PLACE_SOME, PLACE_END };
struct place {
	uint8_t kind;
	uint8_t byte;  /* PLACE_BYTE */
	uint8_t bytes; /* PLACE_ONE, PLACE_SOME: enum name_bytes */
	uint32_t label;
};

/* The label of names of which nothing is said. */
#define LABEL_ANY UINT32_MAX

struct name_patterns {
	VEC(struct place) places;
	VEC(uint32_t) starts;   /* of patterns */
	VEC(uint32_t) floating; /* of those that begin with any bytes: behind these */
	uint32_t start, label;  /* of the pattern at hand */
};

static bool is_any(const struct place *p)
{
	return p->kind == PLACE_SOME && p->bytes == NAME_BYTES_ANY;
}

static void push(struct name_patterns *p, struct place place)
{
	place.label = p->label;
	VEC_PUSH(&p->places, place);
}

void name_pattern_begin(struct name_patterns *p, uint32_t label)
{
	p->label = label;
	p->start = (uint32_t)p->places.count;
}

/* That a text was somewhere would have to be remembered beside all others that may be there. */
static bool asks_for_memory(const struct name_patterns *p)
{
	const struct place *first = p->places.items + p->start,
			   *end = p->places.items + p->places.count;

	if (first == end || !is_any(end - 1))
		return false;
	for (const struct place *at = first; at < end - 1; at++)
		if (at->kind == PLACE_SOME)
			return true;
	return false;
}

void name_pattern_end(struct name_patterns *p)
{
	uint32_t begin = p->start;

	if (asks_for_memory(p)) {
		p->label = LABEL_ANY;
		for (size_t i = p->start; i < p->places.count; i++)
			p->places.items[i].label = LABEL_ANY;
	}
	push(p, (struct place){.kind = PLACE_END});
	while (p->places.items[begin].kind == PLACE_SOME)
		begin++;
	/* What matches all names says how they begin. */
	if (is_any(&p->places.items[p->start]) && p->places.items[begin].kind != PLACE_END)
		VEC_PUSH(&p->floating, begin);
	else
		VEC_PUSH(&p->starts, p->start);
}

void name_pattern_text(struct name_patterns *p, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		push(p, (struct place){.kind = PLACE_BYTE, .byte = (uint8_t)text.p[i]});
}

void name_pattern_one(struct name_patterns *p, enum name_bytes bytes)
{
	push(p, (struct place){.kind = PLACE_ONE, .bytes = (uint8_t)bytes});
}

void name_pattern_some(struct name_patterns *p, enum name_bytes bytes)
{
	push(p, (struct place){.kind = PLACE_SOME, .bytes = (uint8_t)bytes});
}

bool name_glob_is_plain(struct str glob)
{
	return !memchr(glob.p, '[', glob.n) && !memchr(glob.p, '\\', glob.n);
}

void name_pattern_glob(struct name_patterns *p, struct str glob, enum name_bytes bytes)
{
	for (size_t i = 0; i < glob.n; i++) {
		if (glob.p[i] == '*')
			name_pattern_some(p, bytes);
		else if (glob.p[i] == '?')
			name_pattern_one(p, bytes);
		else
			name_pattern_text(p, str_slice(glob, i, i + 1));
	}
}

/* A name that has the text in it, or at its end. */
static void add_not_normal(struct name_patterns *p, struct str text, bool is_at_end)
{
	name_pattern_begin(p, LABEL_ANY);
	name_pattern_some(p, NAME_BYTES_ANY);
	name_pattern_text(p, text);
	if (!is_at_end)
		name_pattern_some(p, NAME_BYTES_ANY);
	name_pattern_end(p);
}

struct name_patterns *name_patterns_new(void)
{
	struct name_patterns *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	add_not_normal(p, STR("//"), false);
	add_not_normal(p, STR("/./"), false);
	add_not_normal(p, STR("/../"), false);
	add_not_normal(p, STR("/"), true);
	add_not_normal(p, STR("/."), true);
	add_not_normal(p, STR("/.."), true);
	/* Empty, and relative. */
	name_pattern_begin(p, LABEL_ANY);
	name_pattern_end(p);
	name_pattern_begin(p, LABEL_ANY);
	name_pattern_one(p, NAME_BYTES_NO_SLASH);
	name_pattern_some(p, NAME_BYTES_ANY);
	name_pattern_end(p);
	return p;
}

void name_patterns_free(struct name_patterns *p)
{
	if (!p)
		return;
	VEC_FREE(&p->places);
	VEC_FREE(&p->starts);
	VEC_FREE(&p->floating);
	free(p);
}

/* Bytes that no pattern names are class 0; each other byte, the slash among them, has its own. */
uint32_t name_patterns_classes(const struct name_patterns *p, uint8_t classes[256])
{
	uint32_t count = 1;

	memset(classes, 0, 256);
	VEC_FOREACH (place, &p->places)
		if (place->kind == PLACE_BYTE && !classes[place->byte] && count < 256)
			classes[place->byte] = (uint8_t)count++;
	return count;
}

/* The automaton */

struct place_list {
	uint32_t *items;
	size_t count, room;
};

/*
 * A state: the places at which a name may be, in order, in builder.members. Of floating patterns
 * their beginnings, where it always is, are left out.
 */
struct state {
	uint32_t first, count;
	uint64_t hash;
};

struct builder {
	const struct place *places;
	struct name_automaton *out;
	VEC(uint32_t) members;
	VEC(struct state) states;
	uint32_t *table; /* hash of states: number + 1 */
	uint32_t table_mask;
	struct place_list by_class[256];    /* where the state at hand goes by each */
	struct place_list everywhere;       /* and by all */
	struct place_list no_slash;         /* and by all but a slash */
	struct place_list begin_class[256]; /* where floating patterns go on to by each ... */
	struct place_list begin_all, begin_no_slash;
	struct place_list target;
	/* Where any bytes may follow, a pattern's end is as good as another's of its label: the
	 * place that stands for all of these, by label. The last label is LABEL_ANY. */
	uint32_t *decided_at;
	uint64_t *decided; /* labels, of the list at hand */
	uint32_t label_count, words;
	uint32_t slash_class;
	uint32_t sink; /* where nothing is said whatever follows; UINT32_MAX: not there yet */
	bool is_full;
};

static uint32_t label_of(const struct builder *b, uint32_t place)
{
	uint32_t label = b->places[place].label;

	return label == LABEL_ANY ? b->label_count - 1 : label;
}

static bool decides(const struct builder *b, uint32_t place)
{
	return is_any(&b->places[place]) && b->places[place + 1].kind == PLACE_END;
}

/* The place, and what can be reached from it without a byte. */
static void list_add(const struct builder *b, struct place_list *list, uint32_t place)
{
	if (decides(b, place))
		place = b->decided_at[label_of(b, place)];
	VEC_PUSH(list, place);
	while (b->places[place].kind == PLACE_SOME) {
		place++;
		VEC_PUSH(list, place);
	}
}

static void list_append(struct place_list *to, const struct place_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		VEC_PUSH(to, from->items[i]);
}

static int compare_places(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Most lists are short, and their parts in order already. */
static void list_sort(struct place_list *list)
{
	enum { SHORT = 32 };
	uint32_t *p = list->items;
	size_t n = 0;

	if (list->count > SHORT)
		qsort(p, list->count, sizeof(*p), compare_places);
	for (size_t i = 1; i < list->count && list->count <= SHORT; i++) {
		uint32_t place = p[i];
		size_t k = i;

		for (; k && p[k - 1] > place; k--)
			p[k] = p[k - 1];
		p[k] = place;
	}
	for (size_t i = 0; i < list->count; i++)
		if (!n || p[n - 1] != p[i])
			p[n++] = p[i];
	list->count = n;
}

/* A label that is decided needs no other places. False where nothing is said of the name. */
static bool list_prune(struct builder *b, struct place_list *list)
{
	size_t kept = 0;

	memset(b->decided, 0, b->words * sizeof(*b->decided));
	for (size_t i = 0; i < list->count; i++)
		if (decides(b, list->items[i]))
			bitset_add(b->decided, label_of(b, list->items[i]));
	if (bitset_has(b->decided, b->label_count - 1))
		return false;
	for (size_t i = 0; i < list->count; i++) {
		uint32_t place = list->items[i], label = label_of(b, place);

		if (!bitset_has(b->decided, label) || place == b->decided_at[label] ||
		    place == b->decided_at[label] + 1)
			list->items[kept++] = place;
	}
	list->count = kept;
	return true;
}

static uint32_t add_state(struct builder *b, const struct place_list *list, uint64_t hash)
{
	struct state s = {(uint32_t)b->members.count, (uint32_t)list->count, hash};

	if (b->states.count == b->out->state_room) {
		b->is_full = true;
		return 0;
	}
	for (size_t i = 0; i < list->count; i++)
		VEC_PUSH(&b->members, list->items[i]);
	VEC_PUSH(&b->states, s);
	return (uint32_t)b->states.count - 1;
}

static bool is_state(const struct builder *b, uint32_t number, const struct place_list *list,
		     uint64_t hash)
{
	const struct state *s = &b->states.items[number];

	return s->hash == hash && s->count == list->count &&
	       (s->count == 0 || memcmp(b->members.items + s->first, list->items,
					s->count * sizeof(*list->items)) == 0);
}

/* The state of these places. */
static uint32_t state_of(struct builder *b, struct place_list *list)
{
	uint64_t hash = 0;
	uint32_t slot, number;

	list_sort(list);
	if (!list_prune(b, list)) {
		if (b->sink == UINT32_MAX)
			b->sink = add_state(b, &(struct place_list){.count = 0}, 1);
		return b->sink;
	}
	for (size_t i = 0; i < list->count; i++)
		hash = hash * UINT64_C(0x9e3779b97f4a7c15) + list->items[i] + 1;
	hash = hash_u64(hash) << 1; /* the sink's is odd */
	for (slot = (uint32_t)(hash >> 1) & b->table_mask; b->table[slot];
	     slot = (slot + 1) & b->table_mask)
		if (is_state(b, b->table[slot] - 1, list, hash))
			return b->table[slot] - 1;
	number = add_state(b, list, hash);
	if (!b->is_full)
		b->table[slot] = number + 1;
	return number;
}

/* What passes the place, to the lists of where it leads. */
static void follow_place(const struct builder *b, uint32_t at, struct place_list *by_class,
			 struct place_list *all, struct place_list *no_slash)
{
	const struct place *p = &b->places[at];
	struct place_list *list = p->bytes == NAME_BYTES_ANY ? all : no_slash;

	switch ((enum place_kind)p->kind) {
	case PLACE_BYTE:
		list_add(b, &by_class[b->out->classes[p->byte]], at + 1);
		break;
	case PLACE_ONE:
		list_add(b, list, at + 1);
		break;
	case PLACE_SOME:
		list_add(b, list, at);
		break;
	case PLACE_END:
		break;
	}
}

static uint32_t follow_class(struct builder *b, uint32_t class)
{
	b->target.count = 0;
	list_append(&b->target, &b->everywhere);
	list_append(&b->target, &b->begin_all);
	list_append(&b->target, &b->begin_class[class]);
	list_append(&b->target, &b->by_class[class]);
	if (class != b->slash_class) {
		list_append(&b->target, &b->no_slash);
		list_append(&b->target, &b->begin_no_slash);
	}
	return state_of(b, &b->target);
}

static void follow(struct builder *b, uint32_t from)
{
	uint32_t count = b->out->class_count;
	uint16_t *next = b->out->next + (size_t)from * count;
	struct state s = b->states.items[from];
	uint32_t usual;

	for (uint32_t i = 0; from == b->sink && i < count; i++)
		next[i] = (uint16_t)from;
	if (from == b->sink)
		return;
	b->everywhere.count = b->no_slash.count = 0;
	for (uint32_t i = 0; i < count; i++)
		b->by_class[i].count = 0;
	for (uint32_t i = 0; i < s.count; i++)
		follow_place(b, b->members.items[s.first + i], b->by_class, &b->everywhere,
			     &b->no_slash);
	/* Where nearly all bytes lead: those that no pattern goes on with here. */
	usual = follow_class(b, 0);
	for (uint32_t i = 0; i < count && !b->is_full; i++)
		next[i] = (uint16_t)(i && (b->by_class[i].count || b->begin_class[i].count ||
					   i == b->slash_class)
					 ? follow_class(b, i)
					 : usual);
}

/* The set in which a name ends there: one that is there already, or one more. */
static void end_state(struct builder *b, uint32_t number)
{
	struct name_automaton *a = b->out;
	struct state s = b->states.items[number];
	size_t size = b->words * sizeof(*b->decided);
	bool is_any_name = number == b->sink;
	uint32_t set = 1;

	memset(b->decided, 0, size);
	for (uint32_t i = 0; i < s.count; i++) {
		uint32_t place = b->members.items[s.first + i];

		if (b->places[place].kind == PLACE_END)
			bitset_add(b->decided, label_of(b, place));
	}
	is_any_name |= bitset_has(b->decided, b->label_count - 1);
	while (set < a->set_count &&
	       memcmp(a->labels + (size_t)set * b->words, b->decided, size) != 0)
		set++;
	if (is_any_name) {
		set = NAME_SET_ANY;
	} else if (set == a->set_room) {
		b->is_full = true;
		return;
	} else if (set == a->set_count) {
		memcpy(a->labels + (size_t)set * b->words, b->decided, size);
		a->set_count++;
	}
	a->sets[number] = (uint8_t)set;
}

static void *zeros(size_t count, size_t size)
{
	void *p = calloc(count + 1, size);

	if (!p)
		abort();
	return p;
}

static void begin(struct builder *b, const struct name_patterns *p, enum name_automaton_kind kind)
{
	struct place_list start = {0};
	uint32_t size = 16;

	while (size < b->out->state_room * 2)
		size *= 2;
	b->table = zeros(size, sizeof(*b->table));
	b->table_mask = size - 1;
	b->words = (uint32_t)BITSET_WORDS((size_t)b->label_count);
	b->decided = zeros(b->words, sizeof(*b->decided));
	b->decided_at = zeros(b->label_count, sizeof(*b->decided_at));
	for (uint32_t i = 0; i < p->places.count; i++)
		if (decides(b, i))
			b->decided_at[label_of(b, i)] = i;
	b->out->labels = zeros((size_t)b->out->set_room * b->words, sizeof(*b->out->labels));
	b->out->label_words = b->words;
	b->out->set_count = 1;
	for (size_t i = 0; kind == NAME_ANCHORED && i < p->starts.count; i++)
		list_add(b, &start, p->starts.items[i]);
	for (size_t i = 0; kind == NAME_FLOATING && i < p->floating.count; i++)
		follow_place(b, p->floating.items[i], b->begin_class, &b->begin_all,
			     &b->begin_no_slash);
	state_of(b, &start);
	VEC_FREE(&start);
}

static void release(struct builder *b)
{
	for (size_t i = 0; i < 256; i++) {
		VEC_FREE(&b->by_class[i]);
		VEC_FREE(&b->begin_class[i]);
	}
	VEC_FREE(&b->everywhere);
	VEC_FREE(&b->no_slash);
	VEC_FREE(&b->begin_all);
	VEC_FREE(&b->begin_no_slash);
	VEC_FREE(&b->target);
	VEC_FREE(&b->members);
	VEC_FREE(&b->states);
	free(b->table);
	free(b->decided);
	free(b->decided_at);
	free(b);
}

int name_automaton_build(const struct name_patterns *p, enum name_automaton_kind kind,
			 uint32_t label_count, struct name_automaton *a)
{
	struct builder *b = zeros(1, sizeof(*b));
	bool is_full;

	b->places = p->places.items;
	b->out = a;
	b->label_count = label_count + 1;
	b->sink = UINT32_MAX;
	b->slash_class = a->classes['/'];
	begin(b, p, kind);
	for (uint32_t i = 0; i < b->states.count && !b->is_full; i++)
		follow(b, i);
	for (uint32_t i = 0; i < b->states.count && !b->is_full; i++)
		end_state(b, i);
	is_full = b->is_full;
	a->state_count = (uint32_t)b->states.count;
	release(b);
	return is_full ? -E2BIG : 0;
}
