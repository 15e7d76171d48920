/* SPDX-License-Identifier: Apache-2.0 */
#include "app/made_event.h"

#include "app/made_param.h"
#include "base/vec.h"
#include "condition/convert.h"
#include "event/tape.h"
#include "fields/extractors.h"
#include "fields/fd_text.h"
#include "state/path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

enum {
	ANCESTORS_MAX = 32,
	SCRATCH_SIZE = 256 * 1024,
	DEFAULT_PID = 4242,
	DEFAULT_FD = 3,
};
#define DEFAULT_TIME UINT64_C(1767225600000000000) /* 2026-01-01, so that runs are alike */

/* A field as it was given: where, and what it means. */
struct wanted {
	struct field_use use;
	const struct yaml_node *key, *node;
	struct given_field given;
	bool is_default;
};

/* A process of the made chain: the event's own, its parent, and so on. */
struct made_process {
	struct process process;
	struct program program;
};

struct made_event {
	struct state *state;
	struct arena *arena; /* of one event */
	const struct yaml_file *file;
	VEC(struct wanted) wanted;
	VEC(struct given_field) overrides;
	struct given_fields given;
	struct made_process chain[ANCESTORS_MAX + 1];
	unsigned generations; /* ancestors that were spoken of */
	struct thread thread;
	struct event event;
	struct event_fd fd;
	bool has_fd;
	struct str fd_path;
	struct str *params; /* as text, by index; p NULL: not given */
	bool is_audit;
	struct tape *tape;   /* what an audit event says beside what is given: nothing */
	uint64_t number;     /* of the event */
	uint64_t generation; /* of what was last made of a process */
	struct arena scratch;
	char *scratch_memory;
	_Alignas(8) uint8_t record[RECORD_SIZE_MAX];
};

static const char nothing[] = "{}";

struct made_event *made_event_new(struct error *err)
{
	struct made_event *m = calloc(1, sizeof(*m));

	if (!m) {
		error_set(err, -ENOMEM, "no memory for events");
		return NULL;
	}
	m->scratch_memory = malloc(SCRATCH_SIZE);
	m->state = state_new(&(struct state_options){.host_root = "", .max_threads = 64}, err);
	m->tape = tape_new(sizeof(nothing));
	if (!m->state || !m->scratch_memory || !m->tape ||
	    tape_read(m->tape, str_from(nothing), err) < 0) {
		made_event_free(m);
		return NULL;
	}
	arena_fixed(&m->scratch, m->scratch_memory, SCRATCH_SIZE);
	return m;
}

void made_event_free(struct made_event *m)
{
	if (!m)
		return;
	if (m->arena)
		arena_free(m->arena);
	state_free(m->state);
	tape_free(m->tape);
	free(m->scratch_memory);
	VEC_FREE(&m->wanted);
	VEC_FREE(&m->overrides);
	free(m);
}

struct event *made_event_get(struct made_event *m)
{
	return &m->event;
}

const struct given_fields *made_event_given(const struct made_event *m)
{
	return &m->given;
}

enum event_source made_event_source(const struct made_event *m)
{
	return m->is_audit ? SOURCE_K8S_AUDIT : SOURCE_SYSCALL;
}

struct state *made_event_state(struct made_event *m)
{
	return m->state;
}

static int fail_at(const struct made_event *m, const struct yaml_node *node, struct error *err)
{
	struct yaml_position at = yaml_locate(m->file, node->offset);

	error_locate(err, m->file->name, at.line, at.column);
	return -EINVAL;
}

/* What was given, read as values of the fields' types */

static int read_scalar(struct made_event *m, const struct wanted *w, const struct yaml_node *node,
		       struct value *out, struct error *err)
{
	const struct comparable_type *type = comparable_type_find(w->use.type_name);
	struct operand o = {.text = node->text};
	const char *note;
	bool truth;

	*out = value_str(node->text);
	if (node->kind != YAML_SCALAR) {
		error_set(err, -EINVAL, "expected one value for %.*s", STR_ARG(w->use.text));
		return fail_at(m, node, err);
	}
	if (type->class == COMPARABLE_NOT)
		return 0;
	if (type->class == COMPARABLE_BOOL && yaml_bool(node, &truth)) {
		*out = value_bool(truth);
		return 0;
	}
	if (type->class == COMPARABLE_NUMBER && w->use.type != VALUE_DOUBLE &&
	    (w->use.type == VALUE_I64 ? str_to_i64(node->text, &out->i64)
				      : str_to_u64(node->text, &out->u64))) {
		*out = (struct value){.type = w->use.type, .u64 = out->u64};
		return 0;
	}
	if (operand_convert(&o, type, w->use.type, OP_EQ, m->arena, &note, err) < 0)
		return fail_at(m, node, err);
	*out = o.value;
	return 0;
}

static int read_value(struct made_event *m, struct wanted *w, struct error *err)
{
	bool may_be_list = w->use.field->flags & (FIELD_LIST | FIELD_ANY_OF) && !w->use.is_index;
	struct value *items;

	w->given = (struct given_field){.field = w->use.field, .key = w->use.key};
	if (yaml_is_null(w->node))
		return 0;
	w->given.has_value = true;
	if (!may_be_list)
		return read_scalar(m, w, w->node, &w->given.value, err);

	/* One value for a field of several is a list of one. */
	const struct yaml_node *one = w->node;
	bool is_sequence = one->kind == YAML_SEQUENCE;
	uint32_t count = is_sequence ? one->count : 1;

	items = ARENA_ARRAY(m->arena, struct value, count + 1);
	for (uint32_t i = 0; i < count; i++) {
		int status = read_scalar(m, w, is_sequence ? one->items[i] : one, &items[i], err);

		if (status < 0)
			return status;
	}
	w->given.value =
	    (struct value){.type = w->use.type, .is_list = true, .count = count, .list = items};
	return 0;
}

static const struct wanted *find_wanted(const struct made_event *m, const struct field_use *use)
{
	VEC_FOREACH (w, &m->wanted) {
		if (w->use.field == use->field && str_equal(w->use.key, use->key))
			return w;
	}
	return NULL;
}

static int read_fields(struct made_event *m, const struct yaml_node *fields, bool is_default,
		       struct error *err)
{
	if (fields->kind != YAML_MAPPING) {
		error_set(err, -EINVAL, "expected fields with their values, as in evt.type: open");
		return fail_at(m, fields, err);
	}
	for (uint32_t i = 0; i < fields->count; i++) {
		struct wanted w = {.key = fields->pairs[i].key,
				   .node = fields->pairs[i].value,
				   .is_default = is_default};
		int status;

		if (w.key->kind != YAML_SCALAR) {
			error_set(err, -EINVAL, "expected a field's name");
			return fail_at(m, w.key, err);
		}
		if (field_resolve(w.key->text, SOURCES_ALL, m->arena, &w.use, err) < 0)
			return fail_at(m, w.key, err);
		if (find_wanted(m, &w.use)) {
			if (is_default)
				continue;
			error_set(err, -EINVAL, "%.*s is given twice", STR_ARG(w.use.text));
			return fail_at(m, w.key, err);
		}
		status = read_value(m, &w, err);
		if (status < 0)
			return status;
		VEC_PUSH(&m->wanted, w);
	}
	return 0;
}

/* The process and its ancestors */

static struct made_process *generation(struct made_event *m, int64_t n)
{
	if (n < 0 || n > ANCESTORS_MAX)
		return NULL;
	if (n > m->generations)
		m->generations = (unsigned)n;
	return &m->chain[n];
}

/* "a  b c" → "a\0b\0c\0", as arguments are kept. */
static struct str split_arguments(struct made_event *m, struct str text)
{
	char *out = arena_bytes(m->arena, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != ' ')
			out[n++] = text.p[i];
		else if (n && out[n - 1])
			out[n++] = '\0';
	}
	if (n && out[n - 1])
		out[n++] = '\0';
	return (struct str){out, n};
}

static void set_name(struct process *p, struct str name)
{
	memset(p->comm, 0, sizeof(p->comm));
	memcpy(p->comm, name.p, name.n < sizeof(p->comm) ? name.n : sizeof(p->comm) - 1);
}

/* A command line: its first word, which goes to `first` where that is empty, and its arguments. */
static void set_command(struct made_event *m, struct made_process *p, struct str line, bool is_exe)
{
	size_t space = str_find_byte(line, ' ', 0);
	struct str first = str_slice(line, 0, space);

	if (is_exe && !p->program.exe.n)
		p->program.exe = first;
	if (!is_exe && !p->process.comm[0])
		set_name(&p->process, first);
	if (!p->program.args.n)
		p->program.args = split_arguments(m, str_slice(line, space, line.n));
}

static void set_process_value(struct made_event *m, struct made_process *p,
			      enum process_value which, const struct value *v)
{
	struct process *process = &p->process;

	switch (which) {
	case PROC_NAME:
		set_name(process, v->str);
		break;
	case PROC_EXE:
		p->program.exe = v->str;
		break;
	case PROC_EXEPATH:
		p->program.exepath = v->str;
		break;
	case PROC_ARGS:
		if (v->type == VALUE_STRING)
			p->program.args = split_arguments(m, v->str);
		break;
	case PROC_CMDLINE:
		set_command(m, p, v->str, false);
		break;
	case PROC_EXELINE:
		set_command(m, p, v->str, true);
		break;
	case PROC_CWD:
		process->cwd = v->str;
		break;
	case PROC_PID:
		process->facts.pid = (int32_t)v->i64;
		break;
	case PROC_VPID:
		process->facts.vpid = (int32_t)v->i64;
		break;
	case PROC_TTY:
		process->facts.tty = (uint32_t)v->u64;
		break;
	default:
		break;
	}
}

static void take_process(struct made_event *m, const struct wanted *w)
{
	enum process_relation relation = PROCESS_SELECTOR_RELATION(w->use.field->selector);
	enum process_value which = PROCESS_SELECTOR_VALUE(w->use.field->selector);
	const struct value *v = &w->given.value;
	struct made_process *p = NULL;

	if (relation == OF_ANCESTOR && !w->use.has_argument && v->is_list) {
		for (uint32_t i = 0; i < v->count; i++) {
			p = generation(m, i + 1);
			if (p)
				set_process_value(m, p, which, &v->list[i]);
		}
		return;
	}
	if (relation == OF_SELF && !w->use.has_argument)
		p = generation(m, 0);
	else if (relation == OF_PARENT && !w->use.has_argument)
		p = generation(m, 1);
	else if (relation == OF_ANCESTOR && w->use.is_index)
		p = generation(m, w->use.index);
	if (p && !v->is_list)
		set_process_value(m, p, which, v);
}

static void take_user(struct made_event *m, const struct wanted *w)
{
	struct task_facts *facts = &m->chain[0].process.facts;

	if (w->use.field->selector == USER_UID)
		facts->uid = facts->ruid = (uint32_t)w->given.value.u64;
	else if (w->use.field->selector == USER_LOGINUID)
		facts->loginuid = (uint32_t)w->given.value.i64;
}

static void finish_chain(struct made_event *m)
{
	for (unsigned i = 0; i <= m->generations; i++) {
		struct made_process *p = &m->chain[i];
		struct task_facts *facts = &p->process.facts;

		p->process.program = &p->program;
		p->program.references = 1;
		if (!facts->pid)
			facts->pid = DEFAULT_PID - (int32_t)i;
		if (!facts->vpid)
			facts->vpid = facts->pid;
		facts->tid = facts->pid;
		facts->vtid = facts->vpid;
		facts->sid = facts->pgid = facts->vsid = facts->vpgid = facts->pid;
		facts->start_time = ANCESTORS_MAX + 1 - i;
		/* A process whose arguments alone are told still has a name in them. */
		if (!p->process.comm[0] && p->program.exepath.n)
			set_name(&p->process, path_basename(p->program.exepath));
		if (!p->program.exe.n)
			p->program.exe = process_name(&p->process);
		memcpy(facts->comm, p->process.comm, sizeof(facts->comm) - 1);
		p->process.clone_time = DEFAULT_TIME;
		p->process.scope_generation = ++m->generation;
		if (i < m->generations) {
			p->process.parent = &m->chain[i + 1].process;
			if (!m->chain[i + 1].process.facts.pid)
				m->chain[i + 1].process.facts.pid = DEFAULT_PID - (int32_t)i - 1;
			facts->ppid = m->chain[i + 1].process.facts.pid;
			facts->parent_start_time = ANCESTORS_MAX - i;
		}
	}
	m->thread =
	    (struct thread){.tid = m->chain[0].process.facts.tid, .process = &m->chain[0].process};
	memcpy(m->thread.comm, m->chain[0].process.comm, sizeof(m->thread.comm));
}

/* The descriptor */

static bool read_endpoint(struct str text, struct ip_address *ip, uint16_t *port)
{
	char host[INET6_ADDRSTRLEN + 1];
	size_t colon = text.n;
	uint64_t number = 0;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || colon - 1 >= sizeof(host) ||
	    !str_to_u64(str_slice(text, colon, text.n), &number) || number > UINT16_MAX)
		return false;
	memcpy(host, text.p, colon - 1);
	host[colon - 1] = '\0';
	ip->size = 4;
	if (inet_pton(AF_INET, host, ip->bytes) != 1) {
		ip->size = 16;
		if (inet_pton(AF_INET6, host, ip->bytes) != 1)
			return false;
	}
	*port = (uint16_t)number;
	return true;
}

/* "10.0.0.1:4000->10.0.0.2:80": client and server. */
static bool read_tuple(struct event_fd *fd, struct str name)
{
	const char *arrow = name.n ? memmem(name.p, name.n, "->", 2) : NULL;
	struct ip_address client, server;
	uint16_t client_port, server_port;

	if (!arrow)
		return false;
	if (!read_endpoint(str_slice(name, 0, (size_t)(arrow - name.p)), &client, &client_port) ||
	    !read_endpoint(str_slice(name, (size_t)(arrow - name.p) + 2, name.n), &server,
			   &server_port))
		return false;
	fd->local = fd->is_server ? server : client;
	fd->remote = fd->is_server ? client : server;
	fd->local_port = fd->is_server ? server_port : client_port;
	fd->remote_port = fd->is_server ? client_port : server_port;
	return true;
}

static enum fd_type fd_type_by_name(struct str name)
{
	for (int type = FD_FILE; type <= FD_OTHER; type++) {
		const char *known = fd_type_name((enum fd_type)type);

		if (known && str_equal_c(name, known))
			return (enum fd_type)type;
	}
	return FD_UNKNOWN;
}

static void take_fd(struct made_event *m, const struct wanted *w)
{
	const struct value *v = &w->given.value;
	struct event_fd *fd = &m->fd;

	m->has_fd = true;
	if (w->use.field->extract == field_fd_name) {
		fd->is_known = true;
		if (!read_tuple(fd, v->str))
			m->fd_path = v->str;
		return;
	}
	switch (w->use.field->selector) {
	case FDV_NUM:
		fd->num = v->i64;
		break;
	case FDV_TYPE:
		fd->type = (uint8_t)fd_type_by_name(v->str);
		break;
	case FDV_SIP:
	case FDV_RIP:
		*(fd->is_server && w->use.field->selector == FDV_SIP ? &fd->local : &fd->remote) =
		    v->ip;
		break;
	case FDV_CIP:
	case FDV_LIP:
		*(fd->is_server && w->use.field->selector == FDV_CIP ? &fd->remote : &fd->local) =
		    v->ip;
		break;
	case FDV_SPORT:
	case FDV_RPORT:
		*(fd->is_server && w->use.field->selector == FDV_SPORT ? &fd->local_port
								       : &fd->remote_port) =
		    (uint16_t)v->u64;
		break;
	case FDV_CPORT:
	case FDV_LPORT:
		*(fd->is_server && w->use.field->selector == FDV_CPORT ? &fd->remote_port
								       : &fd->local_port) =
		    (uint16_t)v->u64;
		break;
	case FDV_L4PROTO:
		fd->l4proto = str_equal_c(v->str, "udp")    ? IPPROTO_UDP
			      : str_equal_c(v->str, "icmp") ? IPPROTO_ICMP
							    : IPPROTO_TCP;
		break;
	case FDV_NAME_RESOLVED:
		fd->path_resolved = v->str;
		break;
	default:
		break;
	}
	fd->is_known |= w->use.field->selector != FDV_NUM;
}

static void finish_fd(struct made_event *m)
{
	struct event_fd *fd = &m->fd;
	uint8_t size = fd->remote.size ? fd->remote.size : fd->local.size;

	if (!m->has_fd)
		return;
	if (fd->num < 0)
		fd->num = DEFAULT_FD;
	fd->path = fd->path_raw = m->fd_path;
	if (!fd->type)
		fd->type = size == 4 ? FD_IPV4 : size == 16 ? FD_IPV6 : FD_FILE;
	if (fd->type == FD_IPV4 || fd->type == FD_IPV6) {
		fd->family = fd->type == FD_IPV4 ? AF_INET : AF_INET6;
		fd->local.size = fd->remote.size = fd->type == FD_IPV4 ? 4 : 16;
		fd->is_role_known = fd->is_connected = true;
		if (!fd->l4proto)
			fd->l4proto = IPPROTO_TCP;
	} else if (fd->type == FD_UNIX) {
		fd->family = AF_UNIX;
	}
	m->event.fd = *fd;
	m->event.has_second_name = fd->path_resolved.n && !str_equal(fd->path_resolved, fd->path);
}

/* The record */

static struct str number_text(struct made_event *m, int64_t number)
{
	return arena_printf(m->arena, "%lld", (long long)number);
}

/* What evt.arg and evt.res, evt.rawres and evt.failed say of the parameters. */
static void take_event(struct made_event *m, const struct event_schema *schema,
		       const struct wanted *w)
{
	const struct field *field = w->use.field;
	const struct value *v = &w->given.value;
	int i = -1;

	if (field->extract == field_argument || field->extract == field_raw_argument) {
		i = w->use.is_index ? (w->use.index < schema->nparams ? (int)w->use.index : -1)
				    : event_schema_param(schema, w->use.key);
		if (i >= 0 && w->node->kind == YAML_SCALAR)
			m->params[i] = w->node->text;
		return;
	}
	if (field->extract != field_event || !schema->nparams || m->params[0].p)
		return;
	if (field->selector == EVT_RES && schema->params[0].type == PARAM_ERRNO)
		m->params[0] = str_equal_c(v->str, "SUCCESS") ? STR("0") : v->str;
	else if (field->selector == EVT_RAWRES)
		m->params[0] = number_text(m, v->i64);
	else if (field->selector == EVT_FAILED && v->u64)
		m->params[0] = number_text(m, -EPERM);
}

static bool is_result(const struct param_schema *param)
{
	return param->type == PARAM_ERRNO || param->type == PARAM_FD || param->type == PARAM_FD32;
}

/* What is not said of a call's parameters but follows from the descriptor. */
static void complete_params(struct made_event *m, const struct event_schema *schema)
{
	bool creates = schema->flags & EVENT_CREATES_FD;

	for (int i = 0; i < schema->nparams; i++) {
		const struct param_schema *param = &schema->params[i];

		if (m->params[i].p)
			continue;
		if (i == 0 && is_result(param))
			m->params[i] = param->type == PARAM_ERRNO || !m->has_fd
					   ? STR("0")
					   : number_text(m, m->fd.num < 0 ? DEFAULT_FD : m->fd.num);
		else if (strcmp(param->name, "fd") == 0 && m->has_fd)
			m->params[i] = number_text(m, m->fd.num < 0 ? DEFAULT_FD : m->fd.num);
		else if (creates && m->fd_path.n && strcmp(param->name, "name") == 0)
			m->params[i] = m->fd_path;
	}
}

static int make_record(struct made_event *m, const struct event_schema *schema, uint16_t code,
		       struct error *err)
{
	struct record_builder b;
	size_t size;

	record_begin(&b, m->record, sizeof(m->record), code, DEFAULT_TIME,
		     &m->chain[0].process.facts, 0);
	for (int i = 0; i < schema->nparams; i++)
		if (!m->params[i].p || !made_param_put(&b, &schema->params[i], m->params[i]))
			record_param(&b, (struct str){NULL, 0});
	size = record_end(&b);
	if (!size)
		return error_set(err, -E2BIG, "the values are too long for an event");
	if (event_decode(&m->event, m->record, size, err) < 0)
		return -EINVAL;
	m->event.time = DEFAULT_TIME + m->number;
	m->event.number = m->number;
	return 0;
}

/* What does not read back as it was given is laid over the event */

static bool values_equal(const struct value *a, const struct value *b)
{
	if (a->is_list != b->is_list || a->type != b->type)
		return false;
	if (a->is_list) {
		bool equal = a->count == b->count;

		for (uint32_t i = 0; equal && i < a->count; i++)
			equal = values_equal(&a->list[i], &b->list[i]);
		return equal;
	}
	switch (a->type) {
	case VALUE_STRING:
	case VALUE_BYTES:
		return str_equal(a->str, b->str);
	case VALUE_IP:
		return a->ip.size == b->ip.size && !memcmp(a->ip.bytes, b->ip.bytes, a->ip.size);
	case VALUE_DOUBLE:
		return a->real == b->real;
	default:
		return a->u64 == b->u64;
	}
}

/* Defaults of processes that the event's own fields changed: proc.aname below a proc.pname. */
static bool is_replaced(const struct wanted *w)
{
	enum process_value which = PROCESS_SELECTOR_VALUE(w->use.field->selector);

	return w->is_default && w->given.has_value && w->use.field->extract == field_process &&
	       (which == PROC_NAME || which == PROC_EXE || which == PROC_EXEPATH ||
		which == PROC_ARGS || which == PROC_CMDLINE || which == PROC_EXELINE ||
		which == PROC_CWD || which == PROC_PID || which == PROC_VPID);
}

static void find_overrides(struct made_event *m)
{
	struct field_context ctx = {.event = &m->event,
				    .state = m->state,
				    .scratch = &m->scratch,
				    .hostname = "",
				    .source = made_event_source(m)};

	m->overrides.count = 0;
	VEC_FOREACH (w, &m->wanted) {
		struct value v;
		bool has_value;

		arena_reset_to(&m->scratch, m->scratch_memory);
		has_value = field_extract(&ctx, &w->use, &v);
		if (!is_replaced(w) && (has_value != w->given.has_value ||
					(has_value && !values_equal(&v, &w->given.value))))
			VEC_PUSH(&m->overrides, w->given);
	}
	m->given = (struct given_fields){m->overrides.items, m->overrides.count};
}

/* A call without an event of its own: it travels as the generic one, which carries its number. */
static const struct syscall_schema *find_generic(struct str name)
{
	int kind = event_kind_by_name(name);

	for (uint16_t nr = 0; kind >= 0 && nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *call = syscall_schema_get(nr);

		if (call && call->kind == kind)
			return call;
	}
	return NULL;
}

/* The name of the type, and today's event of it; *call is set where that is the generic one. */
static int find_type(struct made_event *m, const struct yaml_node *fields, uint16_t *code,
		     const struct syscall_schema **call, struct error *err)
{
	VEC_FOREACH (w, &m->wanted) {
		struct str name = w->given.value.str;
		int found;

		if (w->use.field->extract != field_event_type || !w->given.has_value)
			continue;
		found = event_code_by_name(name);
		*call = found < 0 ? find_generic(name) : NULL;
		if (*call)
			found = event_code_by_name(STR("syscall"));
		if (found < 0) {
			error_set(err, -ENOENT, "no event has the type '%.*s'", STR_ARG(name));
			return fail_at(m, w->node, err);
		}
		*code = (uint16_t)found;
		return 0;
	}
	error_set(err, -EINVAL, "an event needs its type, as in evt.type: open");
	return fail_at(m, fields, err);
}

/*
 * An audit event, which the fields that are given show it to be: its type need not be said.
 * Answers whether it is one; -EINVAL where it is something else as well.
 */
static int find_audit(struct made_event *m, struct error *err)
{
	const struct wanted *audit = NULL, *call = NULL;

	VEC_FOREACH (w, &m->wanted) {
		if (!(w->use.field->sources & SOURCE_BIT(SOURCE_SYSCALL)))
			audit = w;
		else if (!(w->use.field->sources & SOURCE_BIT(SOURCE_K8S_AUDIT)))
			call = w;
	}
	m->is_audit = audit != NULL;
	if (!audit || !call)
		return m->is_audit;
	error_set(err, -EINVAL, "no event has both %.*s and %.*s", STR_ARG(audit->use.text),
		  STR_ARG(call->use.text));
	return fail_at(m, call->key, err);
}

static bool is_accept(const struct event_schema *schema)
{
	return strncmp(schema->name, "accept", 6) == 0;
}

int made_event_make(struct made_event *m, const struct yaml_file *file,
		    const struct yaml_node *fields, const struct yaml_node *defaults,
		    struct error *err)
{
	const struct syscall_schema *call = NULL;
	const struct event_schema *schema;
	uint16_t code;

	if (m->arena)
		arena_free(m->arena);
	m->arena = arena_new();
	m->file = file;
	m->wanted.count = 0;
	m->generations = 0;
	m->has_fd = false;
	m->fd_path = (struct str){NULL, 0};
	m->number++;
	memset(m->chain, 0, sizeof(m->chain));
	m->chain[0].process.facts.loginuid = UINT32_MAX;

	if (read_fields(m, fields, false, err) < 0 ||
	    (defaults && read_fields(m, defaults, true, err) < 0) || find_audit(m, err) < 0)
		return -EINVAL;
	if (m->is_audit)
		code = (uint16_t)event_code_by_name(STR("pluginevent"));
	else if (find_type(m, fields, &code, &call, err) < 0)
		return -EINVAL;
	schema = event_schema_get(code);
	m->fd = (struct event_fd){.num = -1, .is_server = is_accept(schema)};
	m->params = ARENA_ARRAY(m->arena, struct str, schema->nparams + 1u);
	/* Defaults stand last and are taken first: the event's own fields replace what they made.
	 */
	for (size_t i = m->wanted.count; i-- > 0;) {
		const struct wanted *w = &m->wanted.items[i];
		field_extract_fn *extract = w->use.field->extract;

		if (!w->given.has_value)
			continue;
		if (extract == field_process)
			take_process(m, w);
		else if (extract == field_user)
			take_user(m, w);
		else if (extract == field_fd || extract == field_fd_name)
			take_fd(m, w);
		else
			take_event(m, schema, w);
	}
	if (call) {
		m->params[0] = number_text(m, call->scap_nr);
		m->params[1] = number_text(m, call->nr);
	}
	finish_chain(m);
	complete_params(m, schema);
	if (make_record(m, schema, code, err) < 0)
		return fail_at(m, fields, err);
	finish_fd(m);
	m->event.tape = m->is_audit ? m->tape : NULL;
	m->event.thread = &m->thread;
	m->event.process = &m->chain[0].process;
	find_overrides(m);
	return 0;
}
