/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comparisons say of an event of which only a few facts are known. A field that the facts
 * speak of can have one of some values; the comparison is asked with samples of them, chosen so
 * that between two samples no answer changes. What all say is known.
 */
#include "engine/discard.h"

#include "base/vec.h"
#include "event/names.h"
#include "event/schema.h"
#include "fields/extractors.h"
#include "fields/fd_text.h"
#include "fields/param_text.h"

#include <stdlib.h>

enum { SAMPLES_MAX = 512, ERRORS_MAX = 133, IN_PROGRESS = 115, FLAG_NAMES_MAX = 128 };

/* Values that a field can have. */
struct samples {
	struct value values[SAMPLES_MAX];
	size_t count;
	bool may_be_absent, may_be_there;
	bool is_unknown;
};

static const struct shape {
	const char *event;
	enum discard_shape shape;
	bool makes_file;
} shapes[] = {
    {"open", DISCARD_OPEN, true},           {"openat", DISCARD_OPEN, true},
    {"creat", DISCARD_OPEN, true},          {"connect", DISCARD_SOCKET, false},
    {"accept", DISCARD_SOCKET, true},       {"accept4", DISCARD_SOCKET, true},
    {"sendto", DISCARD_SOCKET, false},      {"sendmsg", DISCARD_SOCKET, false},
    {"recvfrom", DISCARD_SOCKET, false},    {"recvmsg", DISCARD_SOCKET, false},
    {"dup", DISCARD_COPY, false},           {"dup2", DISCARD_COPY, false},
    {"dup3", DISCARD_COPY, false},          {"fcntl", DISCARD_BY_ARGUMENT, false},
    {"socket", DISCARD_BY_ARGUMENT, false}, {"bpf", DISCARD_BY_ARGUMENT, false},
};

/* Of DISCARD_BY_ARGUMENT: the parameter, and what it is shown as where it is marked. */
static const struct argument {
	const char *event, *param, *marked[DISCARD_MARKS][2];
} arguments[] = {
    {"fcntl",
     "cmd",
     {[DISCARD_MARKED] = {"F_DUPFD", "F_DUPFD_CLOEXEC"}, [DISCARD_MARKED_SECOND] = {"F_SETFL"}}},
    {"socket", "domain", {[DISCARD_MARKED] = {"AF_PACKET"}}},
    {"bpf", "cmd", {[DISCARD_MARKED] = {"BPF_PROG_LOAD"}}},
};

static const struct shape *shape_find(uint16_t kind)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strcmp(shapes[i].event, event_kind_name(kind)) == 0)
			return &shapes[i];
	return NULL;
}

enum discard_shape discard_shape_of(uint16_t kind)
{
	const struct shape *shape = shape_find(kind);

	return shape ? shape->shape : DISCARD_NEVER;
}

static const struct argument *argument_of(uint16_t kind)
{
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		if (strcmp(arguments[i].event, event_kind_name(kind)) == 0)
			return &arguments[i];
	return NULL;
}

const char *const *discard_marked(uint16_t kind, enum discard_mark mark)
{
	const struct argument *argument = argument_of(kind);

	return argument && argument->marked[mark][0] ? argument->marked[mark] : NULL;
}

static bool has_failed(const struct discard_facts *facts)
{
	return facts->result == DISCARD_FAILED || facts->result == DISCARD_UNDER_WAY;
}

bool discard_facts_of(enum discard_shape shape, uint16_t kind, uint32_t number,
		      struct discard_facts *out)
{
	uint32_t rest = number >> DISCARD_RESULT_BITS;
	const struct shape *of_kind = shape_find(kind);

	*out = (struct discard_facts){
	    .shape = shape,
	    .kind = kind,
	    .result = number & (DISCARD_RESULTS - 1),
	    .makes_file = of_kind && of_kind->makes_file,
	};
	switch (shape) {
	case DISCARD_BY_ARGUMENT:
		out->mark = number >> DISCARD_MARK_SHIFT & 3;
		out->is_of_ip = number & DISCARD_OF_IP;
		if (out->mark == DISCARD_UNMARKED)
			return rest == 0;
		return out->mark < DISCARD_MARKS && number < DISCARD_OF_IP * 2 &&
		       discard_marked(kind, out->mark);
	case DISCARD_OPEN:
		out->open = number & (DISCARD_OPEN_READ | DISCARD_OPEN_WRITE |
				      DISCARD_OPEN_MAY_CREATE | DISCARD_OPEN_CREATED);
		out->file = number >> DISCARD_FILE_SHIFT;
		/* Of a call that failed there is nothing more to be known. */
		return out->result == DISCARD_HIGH || out->result == DISCARD_LOW
			   ? out->file <= DISCARD_FILE_DIRECTORY
			   : rest == 0;
	case DISCARD_SOCKET:
		out->socket = number >> DISCARD_SOCKET_SHIFT & 7;
		out->is_low_fd = number & DISCARD_SOCKET_LOW;
		return out->socket < DISCARD_SOCKET_NONE && number < DISCARD_SOCKET_LOW * 2 &&
		       (out->result != DISCARD_FAILED || !out->socket);
	case DISCARD_COPY:
		out->socket = number >> DISCARD_SOCKET_SHIFT;
		return out->socket == DISCARD_SOCKET_OTHER ||
		       (out->socket == DISCARD_SOCKET_NONE && !has_failed(out));
	case DISCARD_NEVER:
	case DISCARD_SHAPE_COUNT:
		break;
	}
	return false;
}

static void add(struct samples *s, struct value v)
{
	if (s->count == SAMPLES_MAX)
		s->is_unknown = true;
	else
		s->values[s->count++] = v;
	s->may_be_there = true;
}

static void add_number(struct samples *s, enum value_type type, int64_t v)
{
	add(s, (struct value){.type = type, .i64 = v});
}

/* All from low to high, by what the operands make differ. */
static void add_range(struct samples *s, const struct comparison *c, enum value_type type,
		      int64_t low, int64_t high)
{
	add_number(s, type, low);
	add_number(s, type, high);
	for (size_t i = 0; i < c->operand_count; i++) {
		int64_t v = c->operands[i].value.i64;

		for (int64_t near = -1; near <= 1; near++)
			if (v > INT64_MIN && v < INT64_MAX && v + near > low && v + near < high)
				add_number(s, type, v + near);
	}
}

/* Descriptors that were given and are no standard streams; of a call that failed none at all. */
static void add_other_fds(struct samples *s, const struct comparison *c)
{
	add_range(s, c, VALUE_I64, INT64_MIN, -1);
	add_range(s, c, VALUE_I64, 3, INT64_MAX);
}

static void add_text(struct samples *s, const char *text)
{
	add(s, value_str(str_from(text)));
}

static void sample_result(struct samples *s, const struct comparison *c,
			  const struct discard_facts *facts, enum value_type type)
{
	switch (facts->result) {
	case DISCARD_LOW:
		for (int i = 0; i <= 2; i++)
			add_number(s, type, i);
		break;
	case DISCARD_HIGH:
		add_range(s, c, type, 3, INT64_MAX);
		break;
	case DISCARD_UNDER_WAY:
		add_number(s, type, -IN_PROGRESS);
		break;
	default:
		add_range(s, c, type, INT64_MIN, -IN_PROGRESS - 1);
		add_range(s, c, type, -IN_PROGRESS + 1, -1);
	}
}

static void sample_result_name(struct samples *s, const struct discard_facts *facts)
{
	if (!has_failed(facts)) {
		add_text(s, "SUCCESS");
		return;
	}
	if (facts->result == DISCARD_UNDER_WAY) {
		add_text(s, errno_name(IN_PROGRESS));
		return;
	}
	for (int i = 1; i <= ERRORS_MAX; i++)
		if (i != IN_PROGRESS && errno_name(i))
			add_text(s, errno_name(i));
	/* Errors without a name are shown as numbers. */
	add_text(s, "-4000");
}

static uint32_t open_flag(enum event_value which)
{
	switch (which) {
	case EVT_IS_OPEN_READ:
		return DISCARD_OPEN_READ;
	case EVT_IS_OPEN_WRITE:
		return DISCARD_OPEN_WRITE;
	default:
		return DISCARD_OPEN_CREATED;
	}
}

static void sample_event(struct samples *s, const struct comparison *c,
			 const struct discard_facts *facts, enum event_value which)
{
	uint32_t open = facts->open;
	bool is_creat = strcmp(event_kind_name(facts->kind), "creat") == 0;
	bool is_open = facts->shape == DISCARD_OPEN;

	switch (which) {
	case EVT_RES:
		sample_result_name(s, facts);
		return;
	case EVT_RAWRES:
		sample_result(s, c, facts, VALUE_I64);
		return;
	case EVT_FAILED:
		add(s, value_bool(has_failed(facts)));
		return;
	case EVT_DIR:
		add_text(s, "<");
		return;
	case EVT_IS_OPEN_READ:
	case EVT_IS_OPEN_WRITE:
	case EVT_IS_OPEN_CREATE:
	case EVT_IS_OPEN_EXEC:
		if (!is_open) {
			add(s, value_bool(false));
			return;
		}
		if (has_failed(facts) || (is_creat && which == EVT_IS_OPEN_EXEC))
			break;
		if (is_creat)
			open = 0;
		if (which == EVT_IS_OPEN_EXEC && !(open & DISCARD_OPEN_MAY_CREATE))
			add(s, value_bool(false));
		else if (which == EVT_IS_OPEN_EXEC)
			break;
		else
			add(s, value_bool(open & open_flag(which)));
		return;
	default:
		break;
	}
	s->is_unknown = true;
}

static enum fd_type type_of(const struct discard_facts *facts)
{
	if (facts->shape == DISCARD_OPEN && !has_failed(facts))
		return facts->file == DISCARD_FILE_PLAIN       ? FD_FILE
		       : facts->file == DISCARD_FILE_DIRECTORY ? FD_DIRECTORY
							       : FD_UNKNOWN;
	switch (facts->socket) {
	case DISCARD_SOCKET_TCP4:
	case DISCARD_SOCKET_UDP4:
		return FD_IPV4;
	case DISCARD_SOCKET_TCP6:
	case DISCARD_SOCKET_UDP6:
		return FD_IPV6;
	case DISCARD_SOCKET_UNIX:
		return FD_UNIX;
	default:
		return FD_UNKNOWN;
	}
}

/* Addresses of the loopback networks: the ends, and what the operands make differ. */
static void add_addresses(struct samples *s, const struct comparison *c, enum fd_type type,
			  enum value_type as)
{
	struct value v = {.type = as};
	struct ip_address first = {.size = 4, .bytes = {127}}, last = {.size = 4};

	if (type == FD_IPV6) {
		first = last = (struct ip_address){.size = 16, .bytes = {[15] = 1}};
	} else {
		memset(last.bytes, 0xff, 4);
		last.bytes[0] = 127;
		/* A network within, or an address, could tell some from others. */
		for (size_t i = 0; i < c->operand_count; i++) {
			const struct value *o = &c->operands[i].value;
			const struct ip_address *a =
			    o->type == VALUE_NET ? &o->net.address : &o->ip;

			if ((o->type != VALUE_NET && o->type != VALUE_IP) ||
			    (a->size == 4 && a->bytes[0] == 127 &&
			     !(o->type == VALUE_NET && o->net.prefix == 8)))
				s->is_unknown = true;
		}
	}
	for (int i = 0; i < 2; i++) {
		const struct ip_address *a = i ? &last : &first;

		if (as == VALUE_NET)
			v.net = (struct ip_network){*a, (uint8_t)(a->size * 8u)};
		else
			v.ip = *a;
		add(s, v);
	}
}

/* Both ends, as a list of two; the four ways to have them. */
static void pair_up(struct samples *s, struct value lists[4][2])
{
	struct value one[2] = {s->values[0], s->values[1]};
	enum value_type type = one[0].type;

	s->count = 0;
	for (int i = 0; i < 4; i++) {
		lists[i][0] = one[i & 1];
		lists[i][1] = one[i >> 1];
		add(s, (struct value){.type = type, .is_list = true, .count = 2, .list = lists[i]});
	}
}

/* Of descriptors that are none of sockets. */
static void add_other_types(struct samples *s)
{
	for (int type = FD_UNKNOWN; type < FD_TYPE_COUNT; type++)
		if (type != FD_IPV4 && type != FD_IPV6 && type != FD_UNIX)
			add_text(s, fd_type_name(type));
	s->may_be_absent = true;
}

static void add_ip_types(struct samples *s)
{
	add_text(s, fd_type_name(FD_IPV4));
	add_text(s, fd_type_name(FD_IPV6));
	s->may_be_absent = true;
}

/* Names of IP sockets are their ends, of which it is known that they are no absolute paths. */
static void sample_ends(struct samples *s, const struct atom *a)
{
	const struct comparison *c = a->comparison;
	bool is_told = c->operator== OP_EQ || c->operator== OP_NE || c->operator== OP_IN ||
		       c->
		       operator== OP_STARTSWITH || c->
		       operator== OP_PMATCH;

	for (size_t i = 0; i < c->operand_count; i++) {
		const struct value *v = &c->operands[i].value;

		is_told &= v->type == VALUE_STRING && !v->is_list && v->str.n && v->str.p[0] == '/';
	}
	s->is_unknown |= !is_told || a->form == ATOM_PRESENT;
	add_text(s, "127.0.0.1:1");
	s->may_be_absent = true;
}

static void sample_fd(struct samples *s, const struct comparison *c,
		      const struct discard_facts *facts, const struct field *field,
		      struct value lists[4][2])
{
	enum fd_type type = type_of(facts);
	enum fd_value which = field->selector;
	bool is_ip = type == FD_IPV4 || type == FD_IPV6;
	static const char letters[] = "fd46u";
	const char *letter;

	switch (which) {
	case FDV_NUM:
		if (facts->makes_file && has_failed(facts))
			add_number(s, VALUE_I64, -1);
		else if (facts->makes_file)
			sample_result(s, c, facts, VALUE_I64);
		else if (facts->shape == DISCARD_SOCKET && facts->is_low_fd)
			for (int i = 0; i <= 2; i++)
				add_number(s, VALUE_I64, i);
		else if (facts->shape == DISCARD_SOCKET)
			add_other_fds(s, c);
		else
			break;
		return;
	case FDV_TYPE:
		if (facts->is_of_ip)
			add_ip_types(s);
		else if (facts->socket == DISCARD_SOCKET_NONE)
			add_other_types(s);
		else if (type == FD_UNKNOWN)
			break;
		else
			add_text(s, fd_type_name(type));
		return;
	case FDV_TYPECHAR:
		letter = strchr(letters, fd_type_letter(type));
		if (type == FD_UNKNOWN || !letter)
			break;
		add(s, value_str((struct str){letter, 1}));
		return;
	case FDV_L4PROTO:
		if (!is_ip)
			break;
		add_text(s, facts->socket == DISCARD_SOCKET_TCP4 ||
				    facts->socket == DISCARD_SOCKET_TCP6
				? "tcp"
				: "udp");
		return;
	case FDV_SOCKFAMILY:
		if (!is_ip && type != FD_UNIX)
			break;
		add_text(s, is_ip ? "ip" : "unix");
		return;
	case FDV_IP:
	case FDV_CIP:
	case FDV_SIP:
	case FDV_LIP:
	case FDV_RIP:
		if (!is_ip || (field->type != VALUE_IP && field->type != VALUE_NET))
			break;
		add_addresses(s, c, type, field->type);
		if (which == FDV_IP)
			pair_up(s, lists);
		/* Which end is the client is not always known. */
		s->may_be_absent = which == FDV_CIP || which == FDV_SIP;
		return;
	default:
		break;
	}
	s->is_unknown = true;
}

/*
 * Whether nothing that is but digits fits: what an argument is shown as that has no name. True and
 * false are told for one such number then as for all.
 */
static bool is_about_names(const struct comparison *c)
{
	switch (c->operator) {
	case OP_EXISTS:
	case OP_EQ:
	case OP_NE:
	case OP_IN:
	case OP_CONTAINS:
	case OP_ICONTAINS:
	case OP_STARTSWITH:
	case OP_ENDSWITH:
		break;
	default:
		return false;
	}
	for (size_t i = 0; i < c->operand_count; i++) {
		const struct value *v = &c->operands[i].value;
		size_t digits = 0;

		if (v->type != VALUE_STRING || v->is_list)
			return false;
		while (digits < v->str.n && v->str.p[digits] >= '0' && v->str.p[digits] <= '9')
			digits++;
		if (digits == v->str.n)
			return false;
	}
	return true;
}

static enum discard_mark mark_of(const struct argument *argument, const char *name)
{
	for (int mark = DISCARD_MARKED; mark < DISCARD_MARKS; mark++)
		for (int i = 0; i < 2; i++)
			if (argument->marked[mark][i] &&
			    strcmp(argument->marked[mark][i], name) == 0)
				return mark;
	return DISCARD_UNMARKED;
}

/* What the argument can be shown as that is marked so, or not at all. */
static void sample_argument(struct samples *s, const struct atom *a,
			    const struct discard_facts *facts, const struct field_use *use,
			    struct arena *scratch)
{
	const struct argument *argument = argument_of(facts->kind);
	const struct event_schema *schema =
	    event_schema_get((uint16_t)event_code_by_name(str_from(event_kind_name(facts->kind))));
	int param = schema ? event_schema_param(schema, use->key) : -1;
	const struct flag_table *table = param < 0 ? NULL : schema->params[param].flags;
	bool is_told = argument && table && !use->is_index &&
		       str_equal_c(use->key, argument->param) &&
		       (a->form == ATOM_PRESENT || is_about_names(a->comparison));

	for (unsigned i = 0; is_told && i < table->count; i++) {
		const struct flag_name *flag = &table->flags[i];
		char *memory = arena_bytes(scratch, FLAG_NAMES_MAX);
		struct buffer text = {.p = memory, .room = memory ? FLAG_NAMES_MAX : 0};

		if (mark_of(argument, flag->name) != facts->mark)
			continue;
		flags_print(table, flag->value, true, &text);
		s->is_unknown |= text.is_truncated;
		add(s, value_str(buffer_str(&text)));
	}
	if (facts->mark == DISCARD_UNMARKED)
		add_text(s, "4000");
	s->is_unknown |= !is_told;
}

/* Whether the field shows the name that is asked for, or a part of it. */
static bool is_name_field(const struct field *field, const struct discard_facts *facts)
{
	bool is_there = !has_failed(facts), is_plain = facts->file == DISCARD_FILE_PLAIN;

	if (facts->shape != DISCARD_OPEN || (is_there && facts->file == DISCARD_FILE_OTHER))
		return false;
	if (field->extract == field_fd_name)
		return true;
	if (field->extract == field_fd)
		return is_there && (field->selector == FDV_DIRECTORY ||
				    (field->selector == FDV_FILENAME && is_plain));
	return field->extract == field_fs_path && field->selector == FS_PATH_NAME && is_there &&
	       strcmp(event_kind_name(facts->kind), "creat") != 0;
}

/* What all samples say. */
static enum discard_truth ask(const struct samples *s, const struct atom *a, struct arena *scratch)
{
	struct field_context ctx = {.scratch = scratch};
	char *mark = scratch->next;
	int first = -1;

	if (a->form == ATOM_PRESENT) {
		if (s->may_be_absent == s->may_be_there)
			return DISCARD_UNKNOWN;
		return s->may_be_there ? DISCARD_TRUE : DISCARD_FALSE;
	}
	for (size_t i = 0; i < s->count; i++) {
		bool holds = comparison_holds_for(a->comparison, &ctx, true, &s->values[i]);

		arena_reset_to(scratch, mark);
		if (first < 0)
			first = holds;
		else if (first != holds)
			return DISCARD_UNKNOWN;
	}
	if (s->may_be_absent) {
		bool holds = comparison_holds_for(a->comparison, &ctx, false, NULL);

		if (first >= 0 && first != holds)
			return DISCARD_UNKNOWN;
		first = holds;
	}
	return first < 0 ? DISCARD_UNKNOWN : first ? DISCARD_TRUE : DISCARD_FALSE;
}

/*
 * Fields of the process that follow from what the probe compares (struct discard_process): the
 * program since the last exec, the thread's name, and the container since cgroup or program
 * changed.
 */
static bool is_process_field(const struct field_use *use)
{
	static const char *const names[] = {"proc.name",
					    "proc.exe",
					    "proc.exepath",
					    "proc.args",
					    "proc.cmdline",
					    "proc.exeline",
					    "container.id",
					    "proc.is_exe_upper_layer",
					    "proc.is_exe_lower_layer",
					    "proc.is_exe_writable",
					    "proc.is_exe_from_memfd"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], use->field->name) == 0)
			return !use->has_argument;
	return false;
}

static void find_others(const struct field_use *use, void *context)
{
	*(bool *)context |= !is_process_field(use);
}

static bool is_of_process(const struct expression *x, const struct comparison *c)
{
	bool has_others = false;

	expression_visit(x, find_others, &has_others);
	if (c->right)
		expression_visit(c->right, find_others, &has_others);
	return !has_others;
}

enum discard_truth discard_atom(const struct formula *f, const struct atom *a,
				const struct discard_facts *facts, struct arena *scratch)
{
	const struct expression *x = f->subjects.items[a->subject].expression;
	const struct field *field = x->use.field;
	struct samples s; /* not all of it: it is large */
	struct value lists[4][2];
	char *mark = scratch->next;

	s.count = 0;
	s.may_be_absent = s.may_be_there = s.is_unknown = false;

	if (a->flags & FORMULA_PROCESS && is_of_process(x, a->comparison))
		return DISCARD_BY_PROCESS;
	if (x->transformer != TRANSFORM_NONE || x->is_literal || a->comparison->right ||
	    (x->use.has_argument && field->extract != field_argument))
		return DISCARD_UNKNOWN;
	if (is_name_field(field, facts)) {
		if (a->form == ATOM_PRESENT)
			return DISCARD_TRUE;
		return discard_name_can(f, a, facts->file) ? DISCARD_BY_NAME : DISCARD_UNKNOWN;
	}
	if (field->extract == field_event)
		sample_event(&s, a->comparison, facts, field->selector);
	else if (field->extract == field_fd_name && facts->is_of_ip)
		sample_ends(&s, a);
	else if (field->extract == field_fd)
		sample_fd(&s, a->comparison, facts, field, lists);
	else if (field->extract == field_argument)
		sample_argument(&s, a, facts, &x->use, scratch);
	else
		s.is_unknown = true;
	enum discard_truth truth = s.is_unknown ? DISCARD_UNKNOWN : ask(&s, a, scratch);
	arena_reset_to(scratch, mark);
	return truth;
}
