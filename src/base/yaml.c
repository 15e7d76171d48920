/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <yaml.h>

/*
 * libyaml counts characters, people's editors and this program count bytes: the cursor goes along
 * with the events, which come in the order of the file, so that the whole way is linear.
 */
struct cursor {
	struct str text;
	size_t characters;
	size_t offset;
};

static size_t cursor_move(struct cursor *c, size_t characters)
{
	while (c->characters < characters && c->offset < c->text.n) {
		c->offset++;
		while (c->offset < c->text.n && (c->text.p[c->offset] & 0xc0) == 0x80)
			c->offset++;
		c->characters++;
	}
	while (c->characters > characters && c->offset > 0) {
		c->offset--;
		while (c->offset > 0 && (c->text.p[c->offset] & 0xc0) == 0x80)
			c->offset--;
		c->characters--;
	}
	return c->offset;
}

struct anchor {
	struct yaml_node *node;
	uint64_t weight;
	bool is_open;
};

/* A sequence or mapping that has begun and not ended. */
struct frame {
	struct yaml_node *node;
	struct anchor *anchor;
	size_t first_child;
	uint64_t weight; /* nodes in it, those behind aliases counted each time */
};

typedef VEC(struct yaml_node *) node_vec;

enum {
	SHARED_TEXTS = 256,
	SHARED_TEXT_MAX = 32,
	PIPE_PATIENCE_MS = 10000,
};

struct builder {
	struct yaml_file *file;
	struct arena *arena;
	struct cursor cursor;
	size_t base; /* bytes of a byte order mark before what libyaml sees */
	struct frame frames[YAML_DEPTH_MAX];
	size_t depth;
	node_vec children; /* of all open frames */
	node_vec documents;
	node_vec duplicates;
	struct strmap anchors;
	uint64_t aliased;
	struct str texts[SHARED_TEXTS]; /* short scalars, by hash: the last one met */
};

static uint32_t builder_offset(struct builder *b, const yaml_mark_t *mark)
{
	return (uint32_t)(b->base + cursor_move(&b->cursor, mark->index));
}

static int fail_at(struct builder *b, struct error *err, size_t offset, const char *message)
{
	struct yaml_position at = yaml_locate(b->file, offset);

	error_set_at(err, -EINVAL, offset, "%s", message);
	error_locate(err, b->file->name, at.line, at.column);
	return -EINVAL;
}

static struct str yaml_chars(const yaml_char_t *p)
{
	return str_from((const char *)p);
}

/* Behind the anchor and tag that stand before a node's own text. */
static uint32_t skip_properties(struct str text, size_t offset)
{
	while (offset < text.n && (text.p[offset] == '&' || text.p[offset] == '!')) {
		while (offset < text.n && !strchr(" \t\r\n", text.p[offset]))
			offset++;
		while (offset < text.n && strchr(" \t\r\n", text.p[offset]))
			offset++;
	}
	return (uint32_t)offset;
}

static struct yaml_node *new_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *event,
				  const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct yaml_node *n = ARENA_NEW(b->arena, struct yaml_node);

	n->kind = (uint8_t)kind;
	n->offset = builder_offset(b, &event->start_mark);
	if (anchor || tag)
		n->offset = skip_properties(b->file->text, n->offset);
	n->end = builder_offset(b, &event->end_mark);
	if (n->end < n->offset)
		n->end = n->offset;
	n->has_tag = tag != NULL;
	return n;
}

static struct anchor *new_anchor(struct builder *b, const yaml_char_t *name, struct yaml_node *node)
{
	if (!name)
		return NULL;

	struct anchor *a = ARENA_NEW(b->arena, struct anchor);

	*a = (struct anchor){.node = node, .weight = 1};
	strmap_put(&b->anchors, arena_str(b->arena, yaml_chars(name)), a);
	return a;
}

static void add_child(struct builder *b, struct yaml_node *node, uint64_t weight)
{
	if (b->depth) {
		b->frames[b->depth - 1].weight += weight;
		VEC_PUSH(&b->children, node);
	} else {
		VEC_PUSH(&b->documents, node);
	}
}

static int open_frame(struct builder *b, struct yaml_node *node, struct anchor *anchor,
		      struct error *err)
{
	if (b->depth == YAML_DEPTH_MAX) {
		char message[80];

		snprintf(message, sizeof(message), "nested deeper than %d levels", YAML_DEPTH_MAX);
		return fail_at(b, err, node->offset, message);
	}
	if (anchor)
		anchor->is_open = true;
	b->frames[b->depth++] = (struct frame){node, anchor, b->children.count, 1};
	return 0;
}

static bool is_plain_equal(const struct yaml_node *a, const struct yaml_node *b)
{
	return a->kind == YAML_SCALAR && b->kind == YAML_SCALAR && str_equal(a->text, b->text);
}

/* Small mappings by comparing, large ones by a map: linear either way. */
static void find_duplicates(struct builder *b, const struct yaml_node *mapping)
{
	enum { SMALL = 16 };
	struct strmap seen = {0};

	for (uint32_t i = 0; i < mapping->count; i++) {
		struct yaml_node *key = mapping->pairs[i].key;
		bool is_duplicate = false;

		if (key->kind != YAML_SCALAR)
			continue;
		if (mapping->count > SMALL)
			is_duplicate = strmap_put(&seen, key->text, key) != NULL;
		else
			for (uint32_t j = 0; j < i && !is_duplicate; j++)
				is_duplicate = is_plain_equal(mapping->pairs[j].key, key);
		if (is_duplicate)
			VEC_PUSH(&b->duplicates, key);
	}
	strmap_free(&seen);
}

static void close_frame(struct builder *b)
{
	struct frame *f = &b->frames[b->depth - 1];
	size_t count = b->children.count - f->first_child;
	struct yaml_node **children = ARENA_ARRAY(b->arena, struct yaml_node *, count);

	if (count)
		memcpy(children, b->children.items + f->first_child, count * sizeof(*children));
	b->children.count = f->first_child;
	f->node->items = children;
	f->node->count = (uint32_t)count;
	if (f->node->kind == YAML_MAPPING) {
		f->node->count = (uint32_t)(count / 2);
		find_duplicates(b, f->node);
	}
	if (f->anchor) {
		f->anchor->is_open = false;
		f->anchor->weight = f->weight;
	}

	struct yaml_node *node = f->node;
	uint64_t weight = f->weight;

	b->depth--;
	add_child(b, node, weight);
}

static int add_alias(struct builder *b, const yaml_event_t *event, struct error *err)
{
	struct str name = yaml_chars(event->data.alias.anchor);
	struct anchor *a = strmap_get(&b->anchors, name);
	uint32_t offset = builder_offset(b, &event->start_mark);
	char message[160];

	if (!a) {
		snprintf(message, sizeof(message), "the alias *%.60s has no anchor before it",
			 name.p);
		return fail_at(b, err, offset, message);
	}
	if (a->is_open) {
		snprintf(message, sizeof(message), "the alias *%.60s stands inside its own anchor",
			 name.p);
		return fail_at(b, err, offset, message);
	}
	b->aliased += a->weight;
	if (b->aliased > YAML_ALIASED_NODES_MAX) {
		snprintf(message, sizeof(message), "aliases expand to more than %d nodes",
			 YAML_ALIASED_NODES_MAX);
		return fail_at(b, err, offset, message);
	}
	add_child(b, a->node, a->weight);
	return 0;
}

static enum yaml_style style_of(yaml_scalar_style_t style)
{
	switch (style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
		return YAML_SINGLE_QUOTED;
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		return YAML_DOUBLE_QUOTED;
	case YAML_LITERAL_SCALAR_STYLE:
		return YAML_LITERAL;
	case YAML_FOLDED_SCALAR_STYLE:
		return YAML_FOLDED;
	default:
		return YAML_PLAIN;
	}
}

/*
 * A copy of a scalar's text; short ones that were just met, as keys are again and again, share one.
 */
static struct str keep_text(struct builder *b, struct str text)
{
	struct str *known = &b->texts[str_hash(text) % SHARED_TEXTS];

	if (text.n > SHARED_TEXT_MAX)
		return arena_str(b->arena, text);
	if (!known->p || !str_equal(*known, text))
		*known = arena_str(b->arena, text);
	return *known;
}

static int take_event(struct builder *b, const yaml_event_t *event, struct error *err)
{
	struct yaml_node *n;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		strmap_free(&b->anchors);
		return 0;
	case YAML_ALIAS_EVENT:
		return add_alias(b, event, err);
	case YAML_SCALAR_EVENT:
		n = new_node(b, YAML_SCALAR, event, event->data.scalar.anchor,
			     event->data.scalar.tag);
		n->style = (uint8_t)style_of(event->data.scalar.style);
		n->text = keep_text(
		    b, (struct str){(char *)event->data.scalar.value, event->data.scalar.length});
		new_anchor(b, event->data.scalar.anchor, n);
		add_child(b, n, 1);
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		n = new_node(b, YAML_SEQUENCE, event, event->data.sequence_start.anchor,
			     event->data.sequence_start.tag);
		return open_frame(b, n, new_anchor(b, event->data.sequence_start.anchor, n), err);
	case YAML_MAPPING_START_EVENT:
		n = new_node(b, YAML_MAPPING, event, event->data.mapping_start.anchor,
			     event->data.mapping_start.tag);
		return open_frame(b, n, new_anchor(b, event->data.mapping_start.anchor, n), err);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->frames[b->depth - 1].node->end = builder_offset(b, &event->end_mark);
		close_frame(b);
		return 0;
	default:
		return 0;
	}
}

/* libyaml's words for the two mistakes that people make most say little; ours come first. */
static int parser_error(struct builder *b, const yaml_parser_t *p, struct error *err)
{
	struct str text = b->file->text;
	const char *problem = p->problem ? p->problem : "no valid YAML";
	char message[256];

	if (p->error == YAML_READER_ERROR)
		return fail_at(b, err, b->base + p->problem_offset, problem);

	size_t offset = builder_offset(b, &p->problem_mark);

	if (offset < text.n && text.p[offset] == '\t')
		return fail_at(b, err, offset,
			       "a tab where YAML wants spaces: indent with spaces only");
	if (p->context && p->context_mark.line != p->problem_mark.line)
		snprintf(message, sizeof(message), "%s (%s that begins in line %zu)", problem,
			 p->context, p->context_mark.line + 1);
	else if (p->context)
		snprintf(message, sizeof(message), "%s (%s)", problem, p->context);
	else
		snprintf(message, sizeof(message), "%s", problem);
	return fail_at(b, err, offset, message);
}

static int run_parser(struct builder *b, yaml_parser_t *parser, struct error *err)
{
	for (;;) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event))
			return parser_error(b, parser, err);

		bool is_end = event.type == YAML_STREAM_END_EVENT;
		int r = take_event(b, &event, err);

		yaml_event_delete(&event);
		if (r < 0 || is_end)
			return r;
	}
}

static void index_lines(struct yaml_file *file, struct arena *arena)
{
	struct str t = file->text;
	size_t count = 1;

	for (size_t i = 0; i < t.n; i++)
		count += t.p[i] == '\n' || (t.p[i] == '\r' && !(i + 1 < t.n && t.p[i + 1] == '\n'));
	file->lines = ARENA_ARRAY(arena, uint32_t, count);
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] == '\n' || (t.p[i] == '\r' && !(i + 1 < t.n && t.p[i + 1] == '\n')))
			file->lines[++file->line_count] = (uint32_t)(i + 1);
	file->line_count++;
}

static struct yaml_node **keep_nodes(struct arena *arena, node_vec *v, size_t *count)
{
	struct yaml_node **nodes = ARENA_ARRAY(arena, struct yaml_node *, v->count);

	if (v->count)
		memcpy(nodes, v->items, v->count * sizeof(*nodes));
	*count = v->count;
	VEC_FREE(v);
	return nodes;
}

/* Of a document that broke off, the complete items of its outermost sequence are worth keeping. */
static void keep_complete_items(struct builder *b)
{
	if (b->depth == 0 || b->frames[0].node->kind != YAML_SEQUENCE)
		return;
	if (b->depth > 1)
		b->children.count = b->frames[1].first_child;
	b->depth = 1;
	close_frame(b);
}

static int check_encoding(struct builder *b, struct error *err)
{
	struct str t = b->file->text;

	if (t.n >= 2 && ((t.p[0] == (char)0xff && t.p[1] == (char)0xfe) ||
			 (t.p[0] == (char)0xfe && t.p[1] == (char)0xff)))
		return fail_at(b, err, 0, "the file is UTF-16; UTF-8 is wanted");

	size_t valid = utf8_valid_prefix(t);
	char message[80];

	if (valid == t.n)
		return 0;
	snprintf(message, sizeof(message), "the byte 0x%02x is not UTF-8 here",
		 (unsigned char)t.p[valid]);
	return fail_at(b, err, valid, message);
}

int yaml_parse(struct yaml_file *file, const char *name, struct str text, struct arena *arena,
	       struct error *err)
{
	struct builder b = {.file = file, .arena = arena};
	yaml_parser_t parser;
	int r;

	*file = (struct yaml_file){.name = name, .is_broken = true};
	if (text.n > YAML_SIZE_MAX) {
		index_lines(file, arena);
		return fail_at(&b, err, 0, "the file is larger than 256 MiB");
	}
	file->text = text;
	index_lines(file, arena);
	r = check_encoding(&b, err);
	if (r < 0)
		return r;
	if (str_starts_with(text, STR("\xef\xbb\xbf")))
		b.base = 3;
	b.cursor.text = str_slice(text, b.base, text.n);
	if (!yaml_parser_initialize(&parser))
		return error_set(err, -ENOMEM, "out of memory");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)b.cursor.text.p,
				     b.cursor.text.n);
	r = run_parser(&b, &parser, err);
	yaml_parser_delete(&parser);
	if (r < 0)
		keep_complete_items(&b);
	file->is_broken = r < 0;
	file->documents = keep_nodes(arena, &b.documents, &file->document_count);
	file->duplicates = keep_nodes(arena, &b.duplicates, &file->duplicate_count);
	VEC_FREE(&b.children);
	strmap_free(&b.anchors);
	return r;
}

/*
 * As read, which would wait for ever where the file is a pipe that somebody has put there and does
 * not write to.
 */
static ssize_t read_some(int fd, bool may_wait, char *to, size_t room)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int ready = may_wait ? poll(&wait, 1, PIPE_PATIENCE_MS) : 1;

	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0 ? read(fd, to, room) : -1;
}

int yaml_read_file(const char *path, struct arena *arena, struct str *text, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	VEC(char) bytes = {0};

	if (fd < 0 || fstat(fd, &st) < 0) {
		int code = errno;

		error_set(err, -code, "cannot read the file: %s", strerror(code));
		error_locate(err, path, 0, 0);
		return -code;
	}
	if (S_ISDIR(st.st_mode)) {
		error_set(err, -EISDIR, "cannot read the file: it is a directory");
		error_locate(err, path, 0, 0);
		return -EISDIR;
	}
	for (;;) {
		if (bytes.room - bytes.count < 64 * 1024) {
			size_t room = bytes.room < 64 * 1024 ? 64 * 1024 : bytes.room;

			bytes.items = vec_grow(bytes.items, &room, 1);
			bytes.room = room;
		}
		ssize_t n = read_some(fd, !S_ISREG(st.st_mode), bytes.items + bytes.count,
				      bytes.room - bytes.count);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0) {
			int code = errno;

			VEC_FREE(&bytes);
			error_set(err, -code, "cannot read the file: %s",
				  code == ETIMEDOUT ? "nothing comes out of it" : strerror(code));
			error_locate(err, path, 0, 0);
			return -code;
		}
		if (n == 0)
			break;
		bytes.count += (size_t)n;
		if (bytes.count > YAML_SIZE_MAX)
			break; /* yaml_parse tells of it */
	}
	*text = arena_str(arena, (struct str){bytes.items, bytes.count});
	VEC_FREE(&bytes);
	return 0;
}

struct yaml_position yaml_locate(const struct yaml_file *file, size_t offset)
{
	size_t low = 0, high = file->line_count;

	if (offset > file->text.n)
		offset = file->text.n;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (file->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return (struct yaml_position){(uint32_t)(low + 1),
				      (uint32_t)(offset - file->lines[low] + 1)};
}

struct str yaml_line(const struct yaml_file *file, uint32_t line)
{
	if (line < 1 || line > file->line_count)
		return STR("");

	size_t from = file->lines[line - 1];
	size_t to = line < file->line_count ? file->lines[line] : file->text.n;

	while (to > from && (file->text.p[to - 1] == '\n' || file->text.p[to - 1] == '\r'))
		to--;
	return str_slice(file->text, from, to);
}

struct yaml_pair *yaml_find(const struct yaml_node *mapping, const char *key)
{
	struct str name = str_from(key);

	if (!mapping || mapping->kind != YAML_MAPPING)
		return NULL;
	for (uint32_t i = 0; i < mapping->count; i++) {
		struct yaml_node *k = mapping->pairs[i].key;

		if (k->kind == YAML_SCALAR && str_equal(k->text, name))
			return &mapping->pairs[i];
	}
	return NULL;
}

struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
	struct yaml_pair *pair = yaml_find(mapping, key);

	return pair ? pair->value : NULL;
}

static bool is_any_of(struct str s, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal_c(s, names[i]))
			return true;
	return false;
}
#define IS_ANY_OF(s, names) is_any_of((s), (names), sizeof(names) / sizeof((names)[0]))

bool yaml_is_null(const struct yaml_node *node)
{
	static const char *const names[] = {"", "~", "null", "Null", "NULL"};

	return node->kind == YAML_SCALAR && node->style == YAML_PLAIN && !node->has_tag &&
	       IS_ANY_OF(node->text, names);
}

bool yaml_bool(const struct yaml_node *node, bool *out)
{
	static const char *const yes[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
					  "True", "TRUE", "on",  "On",  "ON"};
	static const char *const no[] = {"n",     "N",     "no",  "No",  "NO", "false",
					 "False", "FALSE", "off", "Off", "OFF"};

	if (node->kind != YAML_SCALAR)
		return false;
	if (IS_ANY_OF(node->text, yes))
		*out = true;
	else if (IS_ANY_OF(node->text, no))
		*out = false;
	else
		return false;
	return true;
}

bool yaml_u64(const struct yaml_node *node, uint64_t *out)
{
	return node->kind == YAML_SCALAR && str_to_u64(node->text, out);
}

bool yaml_real(const struct yaml_node *node, double *out)
{
	char *end;
	double v;

	/* strtod takes infinities, names and hexadecimal, too. */
	if (node->kind != YAML_SCALAR || node->text.n == 0 ||
	    strspn(node->text.p, "0123456789+-.eE") != node->text.n)
		return false;
	v = strtod(node->text.p, &end);
	if (end != node->text.p + node->text.n || !isfinite(v))
		return false;
	*out = v;
	return true;
}
