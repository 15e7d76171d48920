/* SPDX-License-Identifier: Apache-2.0 */
/* Extractors of proc.*, thread.*, user.* and group.*. */
#include "fields/extractors.h"
#include "fields/fd_text.h"

enum {
	ANCESTORS_LISTED = 128, /* of fields that stand for all ancestors */
	ENV_ANCESTORS = 20,     /* whose environments proc.aenv[NAME] looks into */
	CODE_PROCEXIT = 186,
	CODE_PROCINFO = 234,
};

/* Bits of the execve_flags table. */
enum { EXE_WRITABLE = 1, EXE_UPPER_LAYER = 2, EXE_FROM_MEMFD = 4, EXE_LOWER_LAYER = 8 };

/* What stands where a user or group has no name. */
#define NOT_AVAILABLE STR("<NA>")

/* A process, and the thread that the event is of where it is the event's own process. */
struct subject {
	struct process *process;
	const struct thread *thread;
};

static struct str name_of(struct subject s)
{
	if (s.thread)
		return (struct str){s.thread->comm,
				    strnlen(s.thread->comm, sizeof(s.thread->comm))};
	return process_name(s.process);
}

static bool set_str(struct value *out, struct str s)
{
	return answer_str(out, s);
}

/* All numeric types of the condition language share their bits. */
static bool set_number(const struct field_use *use, struct value *out, uint64_t v)
{
	return answer_number(out, use->field->type, v);
}

/* Lists of NUL-terminated strings, as arguments and environments are kept */

/* Cuts the first string off; false at the end. */
static bool next_string(struct str *list, struct str *out)
{
	if (list->n == 0)
		return false;
	size_t end = str_find_byte(*list, '\0', 0);

	*out = str_slice(*list, 0, end);
	*list = str_slice(*list, end + 1, list->n);
	return true;
}

static struct str without_last_nul(struct str list)
{
	return list.n && list.p[list.n - 1] == '\0' ? str_slice(list, 0, list.n - 1) : list;
}

/* first, separator, then the list with blanks between its strings, all in one piece. */
static bool set_joined(struct field_context *ctx, struct str first, struct str separator,
		       struct str list, struct value *out)
{
	list = without_last_nul(list);

	size_t n = first.n + separator.n + list.n;
	char *memory = arena_bytes(ctx->scratch, n);
	if (!memory)
		return false;
	char *at = memory;
	if (first.n)
		at = mempcpy(at, first.p, first.n);
	if (separator.n)
		at = mempcpy(at, separator.p, separator.n);
	for (size_t i = 0; i < list.n; i++)
		at[i] = list.p[i] ? list.p[i] : ' ';
	return set_str(out, (struct str){memory, n});
}

static struct str nth_string(struct str list, int64_t n)
{
	struct str s;

	while (n >= 0 && next_string(&list, &s))
		if (n-- == 0)
			return s;
	return STR("");
}

/* The value of NAME=value without blanks around it; empty where there is none. */
static struct str find_variable(struct str env, struct str name)
{
	struct str s;

	while (next_string(&env, &s)) {
		/* One without a value does not count: a later one of that name may have one. */
		if (s.n <= name.n + 1 || s.p[name.n] != '=' || !str_starts_with(s, name))
			continue;
		s = str_slice(s, name.n + 1, s.n);
		while (s.n && s.p[0] == ' ')
			s = str_slice(s, 1, s.n);
		while (s.n && s.p[s.n - 1] == ' ')
			s.n--;
		return s;
	}
	return STR("");
}

static uint64_t count_strings(struct str list)
{
	struct str s;
	uint64_t count = 0;

	while (next_string(&list, &s))
		count++;
	return count;
}

static uint64_t sum_of_lengths(struct str list)
{
	struct str s;
	uint64_t sum = 0;

	while (next_string(&list, &s))
		sum += s.n;
	return sum;
}

/* Relatives */

static struct process_table *table(const struct field_context *ctx)
{
	return state_processes(ctx->state);
}

/* Live, records tell ids as the machine knows them; captures a process' own view of some. */
static bool is_live(const struct field_context *ctx)
{
	return ctx->event->record->flags & RECORD_HAS_TASK;
}

static int32_t group_id(const struct field_context *ctx, const struct process *p,
			enum process_relation relation)
{
	switch (relation) {
	case OF_SESSION:
		return p->facts.sid;
	case OF_VPGROUP:
		return is_live(ctx) ? p->facts.pgid : p->facts.vpgid;
	default:
		return p->facts.pgid;
	}
}

/* The process that leads a session or group, or the eldest ancestor that is in it too. */
static struct process *find_leader(struct field_context *ctx, struct process *p,
				   enum process_relation relation)
{
	int32_t id = group_id(ctx, p, relation);
	/* An id of another namespace says nothing about who has it here. */
	bool is_ours = relation == OF_PGROUP || !p->is_in_pidns;
	struct process *leader = is_ours && id >= 0 ? process_find(table(ctx), id, 0) : NULL;

	if (id == -1)
		return NULL;
	if (leader && !leader->is_exited)
		return leader;
	leader = NULL;
	for (unsigned n = 0; n < ANCESTORS_LISTED; n++) {
		p = process_parent(table(ctx), p);
		if (!p || group_id(ctx, p, relation) != id)
			break;
		leader = p;
	}
	return leader;
}

static bool is_shell(struct str name)
{
	return str_ends_with(name, STR("sh"));
}

static bool set_login_shell(struct field_context *ctx, const struct field_use *use,
			    struct process *p, struct value *out)
{
	const struct process *shell = NULL;

	for (unsigned n = 0; p && n < ANCESTORS_LISTED; n++) {
		if (is_shell(process_name(p)))
			shell = p;
		p = process_parent(table(ctx), p);
	}
	return shell && set_number(use, out, (uint64_t)(int64_t)shell->facts.pid);
}

static uint64_t start_of(struct subject s)
{
	return s.thread && s.thread->has_own ? s.thread->clone_time : s.process->clone_time;
}

static bool set_duration(struct field_context *ctx, const struct field_use *use, struct subject s,
			 struct value *out)
{
	uint64_t now = ctx->event->time, start = start_of(s);

	/* The clocks of start times and events differ by a little. */
	return start && set_number(use, out, now > start ? now - start : 0);
}

static bool set_id(const struct field_use *use, int32_t id, struct value *out)
{
	return set_number(use, out, (uint64_t)(int64_t)id);
}

/* The exiting thread no longer counts. */
static bool is_exiting(const struct field_context *ctx, const struct process *p)
{
	return ctx->event->header->type == CODE_PROCEXIT && ctx->event->process == p;
}

static uint64_t thread_count(const struct field_context *ctx, const struct process *p)
{
	uint64_t n = p->is_unknown ? 0 : p->thread_count;

	return n && is_exiting(ctx, p) ? n - 1 : n;
}

/* Threads beside the main one. */
static uint64_t other_threads(const struct field_context *ctx, const struct process *p)
{
	uint64_t n = thread_count(ctx, p);
	bool is_main_gone =
	    p->is_main_gone || (is_exiting(ctx, p) && ctx->event->thread->tid == p->facts.pid);

	return n && !is_main_gone ? n - 1 : n;
}

static int32_t process_id(const struct process *p)
{
	return p->is_unknown ? -1 : p->facts.pid;
}

static bool set_fd_usage(const struct field_context *ctx, const struct process *p,
			 struct value *out)
{
	double limit = (double)(int64_t)p->fdlimit, open = (double)p->fds.count;

	if (is_live(ctx))
		return false;
	*out = (struct value){.type = VALUE_DOUBLE};
	if (!p->is_unknown && limit > 0)
		out->real = open <= limit ? open * 100 / limit : 100;
	return true;
}

static bool set_standard_fd(const struct process *p, enum process_value which, struct value *out)
{
	bool is_type = which <= PROC_STDERR_TYPE;
	int64_t num = which - (is_type ? PROC_STDIN_TYPE : PROC_STDIN_NAME);
	const struct fd_entry *fd = process_fd(p, num);

	if (!fd)
		return false;
	return set_str(out, is_type ? str_from(fd_type_name(fd->type)) : fd_text_str(fd->name));
}

static bool extract_value(struct field_context *ctx, const struct field_use *use, struct subject s,
			  struct value *out)
{
	const struct process *p = s.process;
	const struct program *program = p->program;
	bool has_key = use->has_argument && !use->is_index;
	bool is_own = PROCESS_SELECTOR_RELATION(use->field->selector) == OF_SELF;
	const struct thread *own = s.thread && s.thread->has_own ? s.thread : NULL;

	switch (PROCESS_SELECTOR_VALUE(use->field->selector)) {
	case PROC_EXE:
		return set_str(out, program->exe);
	case PROC_EXEPATH:
		return set_str(out, program->exepath);
	case PROC_NAME:
		return set_str(out, name_of(s));
	case PROC_ARGS:
		if (is_own && use->has_argument)
			return set_str(out, nth_string(program->args, use->index));
		return set_joined(ctx, STR(""), STR(""), program->args, out);
	case PROC_CMDLINE:
		if (!program->args.n)
			return set_str(out, name_of(s));
		return set_joined(ctx, name_of(s), STR(" "), program->args, out);
	case PROC_CMDNARGS:
		return set_number(use, out, count_strings(program->args));
	case PROC_CMDLENARGS:
		return set_number(use, out, sum_of_lengths(program->args));
	case PROC_EXELINE:
		return set_joined(ctx, program->exe, STR(" "), program->args, out);
	case PROC_ENV:
		if (has_key)
			return set_str(out, find_variable(program->env, use->key));
		return set_joined(ctx, STR(""), STR(""), program->env, out);
	case PROC_CWD:
		return set_str(out, p->is_unknown ? STR("./") : p->cwd);
	case PROC_LOGINSHELLID:
		return set_login_shell(ctx, use, s.process, out);
	case PROC_TTY:
		return set_number(use, out, p->facts.tty);
	case PROC_PID:
		return set_id(use, process_id(p), out);
	case PROC_VPID:
		return (p->facts.vpid != -1 || !is_own) && set_id(use, p->facts.vpid, out);
	case PROC_SID:
		return set_id(use, p->facts.sid, out);
	case PROC_PGID:
		return set_id(use, p->facts.pgid, out);
	case PROC_VPGID:
		return set_id(use, p->facts.vpgid, out);
	case PROC_DURATION:
		return set_duration(ctx, use, s, out);
	case PROC_TS:
		return (start_of(s) || !is_own) && set_number(use, out, start_of(s));
	case PROC_IS_EXE_WRITABLE:
		return set_number(use, out, !!(program->exe_flags & EXE_WRITABLE));
	case PROC_IS_EXE_UPPER_LAYER:
		return set_number(use, out, !!(program->exe_flags & EXE_UPPER_LAYER));
	case PROC_IS_EXE_LOWER_LAYER:
		return set_number(use, out, !!(program->exe_flags & EXE_LOWER_LAYER));
	case PROC_IS_EXE_FROM_MEMFD:
		return set_number(use, out, !!(program->exe_flags & EXE_FROM_MEMFD));
	case PROC_IS_EXE_MOVED:
		return set_number(use, out, !!(program->exe_flags & EXE_MOVED));
	case PROC_IS_SID_LEADER:
		return set_number(use, out,
				  p->facts.sid == (is_live(ctx) ? p->facts.pid : p->facts.vpid));
	case PROC_IS_VPGID_LEADER:
		return set_number(use, out, p->facts.vpgid == p->facts.vpid);
	case PROC_IS_PGID_LEADER:
		return set_number(use, out, p->facts.pgid == process_id(p));
	case PROC_EXE_INO:
		return program->exe_ino && set_number(use, out, program->exe_ino);
	case PROC_EXE_INO_CTIME:
		return program->exe_ctime && set_number(use, out, program->exe_ctime);
	case PROC_EXE_INO_MTIME:
		return program->exe_mtime && set_number(use, out, program->exe_mtime);
	case PROC_EXE_INO_CTIME_DURATION_PROC_START:
		return program->exe_ctime_age && set_number(use, out, program->exe_ctime_age);
	case PROC_EXE_INO_CTIME_DURATION_PIDNS_START:
		return p->exe_ctime_in_pidns && set_number(use, out, p->exe_ctime_in_pidns);
	case PROC_PIDNS_INIT_START_TS:
		return p->pidns_start_time && set_number(use, out, p->pidns_start_time);
	case PROC_FDLIMIT:
		return set_number(use, out, p->is_unknown ? 0 : p->fdlimit);
	case PROC_VMSIZE:
		return set_number(use, out, own ? own->vm_size_kb : p->vm_size_kb);
	case PROC_VMRSS:
		return set_number(use, out, own ? own->vm_rss_kb : p->vm_rss_kb);
	case PROC_VMSWAP:
		return set_number(use, out, own ? own->vm_swap_kb : p->vm_swap_kb);
	case PROC_NTHREADS:
		return set_number(use, out, thread_count(ctx, p));
	case PROC_NCHILDS:
		return set_number(use, out, other_threads(ctx, p));
	/* Nothing keeps descriptors while events come from the kernel. */
	case PROC_FDOPENCOUNT:
		return !is_live(ctx) && set_number(use, out, p->is_unknown ? 0 : p->fds.count);
	case PROC_FDUSAGE:
		return set_fd_usage(ctx, p, out);
	case PROC_STDIN_TYPE:
	case PROC_STDOUT_TYPE:
	case PROC_STDERR_TYPE:
	case PROC_STDIN_NAME:
	case PROC_STDOUT_NAME:
	case PROC_STDERR_NAME:
		return set_standard_fd(p, PROCESS_SELECTOR_VALUE(use->field->selector), out);
	}
	return false;
}

/* The thread of its parent that made a process, as captures tell it: it may have its own name. */
static const struct thread *parent_thread(const struct field_context *ctx, const struct process *p,
					  const struct process *parent)
{
	struct thread *th = p->parent_tid ? thread_find(table(ctx), p->parent_tid) : NULL;

	return th && th->process == parent ? th : NULL;
}

/* Texts as one, with a blank before each but those that nothing stands before. */
static bool set_texts(struct field_context *ctx, const struct value *texts, uint32_t count,
		      struct value *out)
{
	struct buffer b = {0};

	for (uint32_t i = 0; i < count; i++)
		b.room += texts[i].str.n + 1;
	b.p = arena_bytes(ctx->scratch, b.room + 1);
	if (!b.p)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (b.n)
			buffer_putc(&b, ' ');
		buffer_put(&b, texts[i].str);
	}
	return b.n && set_str(out, buffer_str(&b));
}

/*
 * The values of all ancestors, the parent's first: a list, or one text where the field does not
 * compare with any of them.
 */
static bool extract_ancestors(struct field_context *ctx, const struct field_use *use,
			      struct process *p, struct value *out)
{
	struct subject ancestors[ANCESTORS_LISTED];
	uint32_t count = 0;
	uint32_t n = 0;

	while (count < ANCESTORS_LISTED) {
		struct process *parent = process_parent(table(ctx), p);

		if (!parent)
			break;
		ancestors[count++] = (struct subject){parent, parent_thread(ctx, p, parent)};
		p = parent;
	}
	struct value *values = count ? ARENA_ARRAY(ctx->scratch, struct value, count) : NULL;
	if (!values)
		return false;
	for (uint32_t i = 0; i < count; i++)
		n += extract_value(ctx, use, ancestors[i], &values[n]);
	if (!(use->field->flags & FIELD_ANY_OF))
		return set_texts(ctx, values, n, out);
	*out =
	    (struct value){.type = use->field->type, .is_list = true, .count = n, .list = values};
	return n > 0;
}

/* proc.aenv[NAME]: of the nearest ancestor that has it. */
static bool extract_inherited_variable(struct field_context *ctx, const struct field_use *use,
				       struct process *p, struct value *out)
{
	struct str value = STR("");

	for (int n = 0; n < ENV_ANCESTORS && !value.n; n++) {
		p = process_parent(table(ctx), p);
		if (!p)
			break;
		value = find_variable(p->program->env, use->key);
	}
	return set_str(out, value);
}

bool field_process(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	struct process *p = ctx->event->process, *parent;
	enum process_relation relation = PROCESS_SELECTOR_RELATION(use->field->selector);

	if (!p)
		return false;
	switch (relation) {
	case OF_SELF:
		return extract_value(ctx, use, (struct subject){p, ctx->event->thread}, out);
	case OF_PARENT:
		parent = process_parent(table(ctx), p);
		/* The time alone is that of the thread that made it. */
		if (parent && PROCESS_SELECTOR_VALUE(use->field->selector) == PROC_TS)
			return extract_value(
			    ctx, use, (struct subject){parent, parent_thread(ctx, p, parent)}, out);
		p = parent;
		break;
	case OF_ANCESTOR:
		if (!use->has_argument)
			return extract_ancestors(ctx, use, p, out);
		if (!use->is_index)
			return extract_inherited_variable(ctx, use, p, out);
		if (use->index < 0 || use->index > UINT16_MAX)
			return false;
		p = process_ancestor(table(ctx), p, (unsigned)use->index);
		break;
	case OF_SESSION:
	case OF_PGROUP:
	case OF_VPGROUP:
		p = find_leader(ctx, p, relation);
		/* A group whose leader is gone has one without a name. */
		if (!p)
			return set_str(out, STR(""));
		break;
	}
	return p && extract_value(ctx, use, (struct subject){.process = p}, out);
}

/* capabilities(7), by number */
static const char *const capability_names[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

static bool set_capabilities(struct field_context *ctx, uint64_t caps, struct value *out)
{
	enum { ROOM = 1024 };
	char *memory = arena_bytes(ctx->scratch, ROOM);
	struct buffer text = {.p = memory, .room = memory ? ROOM : 0};

	for (size_t i = 0; i < sizeof(capability_names) / sizeof(capability_names[0]); i++) {
		if (!(caps >> i & 1))
			continue;
		if (text.n)
			buffer_putc(&text, ' ');
		buffer_put(&text, str_from(capability_names[i]));
	}
	return memory && set_str(out, buffer_str(&text));
}

/* Subsystems have the names that users know, whatever the kernel calls them by now. */
static struct str subsystem_name(struct str name)
{
	static const struct {
		struct str kernel, known;
	} names[] = {
	    {{"io", 2}, {"blkio", 5}},
	    {{"perf", 4}, {"perf_event", 10}},
	    {{"mem", 3}, {"memory", 6}},
	};

	if (str_ends_with(name, STR("_cgroup")))
		name = str_slice(name, 0, name.n - strlen("_cgroup"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_equal(name, names[i].kernel))
			return names[i].known;
	return name;
}

/* Cuts the first "subsystem=path" off. */
static bool next_cgroup(struct str *cgroups, struct str *name, struct str *path)
{
	struct str s;

	if (!next_string(cgroups, &s))
		return false;
	size_t equal = str_find_byte(s, '=', 0);

	*name = subsystem_name(str_slice(s, 0, equal));
	*path = str_slice(s, equal + 1, s.n);
	return true;
}

static bool set_cgroup(struct str cgroups, struct str wanted, struct value *out)
{
	struct str name, path;

	while (next_cgroup(&cgroups, &name, &path))
		if (str_equal(name, wanted))
			return set_str(out, path);
	return false;
}

static bool set_cgroups(struct field_context *ctx, struct str cgroups, struct value *out)
{
	enum { NAME_GROWTH = 6 }; /* of the longest known name over the kernel's */
	size_t room = cgroups.n + count_strings(cgroups) * NAME_GROWTH;
	struct buffer text = {.p = room ? arena_bytes(ctx->scratch, room) : NULL, .room = room};
	struct str name, path;

	if (!text.p)
		return false;
	while (next_cgroup(&cgroups, &name, &path)) {
		if (text.n)
			buffer_putc(&text, ' ');
		buffer_put(&text, name);
		buffer_putc(&text, '=');
		buffer_put(&text, path);
	}
	return set_str(out, buffer_str(&text));
}

bool field_thread(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event *e = ctx->event;
	const struct process *p = e->process;

	/* These two are known of any event. */
	if (use->field->selector == THREAD_TID)
		return set_number(use, out, e->header->tid);
	if (use->field->selector == THREAD_EXECTIME)
		return set_number(use, out, 0);
	if (!p || !e->thread)
		return false;
	bool is_main = e->thread->tid == process_id(p);
	const struct thread *own = e->thread->has_own ? e->thread : NULL;

	switch ((enum thread_value)use->field->selector) {
	case THREAD_CAP_PERMITTED:
		return set_capabilities(ctx, p->cap_permitted, out);
	case THREAD_CAP_INHERITABLE:
		return set_capabilities(ctx, p->cap_inheritable, out);
	case THREAD_CAP_EFFECTIVE:
		return set_capabilities(ctx, p->cap_effective, out);
	case THREAD_PFMAJOR:
		return set_number(use, out, own ? own->pgft_maj : p->pgft_maj);
	case THREAD_PFMINOR:
		return set_number(use, out, own ? own->pgft_min : p->pgft_min);
	case THREAD_ISMAIN:
		return set_number(use, out, is_main);
	case THREAD_VTID:
		if (own && own->vtid == -1)
			return false;
		return set_id(use, own ? own->vtid : p->facts.vtid, out);
	case THREAD_TOTEXECTIME:
		return set_number(use, out, 0);
	case THREAD_CGROUPS:
		return set_cgroups(ctx, p->cgroups, out);
	case THREAD_CGROUP:
		return set_cgroup(p->cgroups, use->key, out);
	case THREAD_VMSIZE:
		return set_number(use, out, !is_main ? 0 : own ? own->vm_size_kb : p->vm_size_kb);
	case THREAD_VMRSS:
		return set_number(use, out, !is_main ? 0 : own ? own->vm_rss_kb : p->vm_rss_kb);
	case THREAD_CPU:
	case THREAD_CPU_USER:
	case THREAD_CPU_SYSTEM:
		/* Told by an event that only old captures have, from the second one on. */
		*out = (struct value){.type = VALUE_DOUBLE};
		return e->header->type == CODE_PROCINFO;
	case THREAD_TID:
	case THREAD_EXECTIME:
		break;
	}
	return false;
}

bool field_user(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct process *p = ctx->event->process;
	enum user_value selector = use->field->selector;

	if (!p)
		return false;
	const struct thread *th = ctx->event->thread;
	uint32_t own = th && th->has_own ? th->uid : p->facts.uid;

	if (selector == USER_UID)
		return set_number(use, out, own);
	if (selector == USER_LOGINUID)
		return set_id(use, (int32_t)p->facts.loginuid, out);

	uint32_t uid = selector == USER_LOGINNAME ? p->facts.loginuid : own;
	static const struct user root = {
	    .name = {"root", 4}, .home = {"/root", 5}, .shell = {"<NA>", 4}};
	/* Who logged in did so at the host. */
	const struct user *u =
	    state_user_of(ctx->state, selector == USER_LOGINNAME ? NULL : p, uid);

	/* Root is root where no file says so. */
	if (!u && uid == 0)
		u = &root;
	if (!u)
		return set_str(out, NOT_AVAILABLE);
	switch (selector) {
	case USER_NAME:
	case USER_LOGINNAME:
		return set_str(out, u->name);
	case USER_HOMEDIR:
		return set_str(out, u->home);
	case USER_SHELL:
		return set_str(out, u->shell);
	case USER_UID:
	case USER_LOGINUID:
		break;
	}
	return false;
}

bool field_group(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct process *p = ctx->event->process;

	if (!p)
		return false;
	const struct thread *th = ctx->event->thread;
	uint32_t gid = th && th->has_own ? th->gid : p->facts.gid;

	if (use->field->selector == GROUP_GID)
		return set_number(use, out, gid);

	const struct group *g = state_group_of(ctx->state, p, gid);

	if (!g && gid == 0)
		return set_str(out, STR("root"));
	return set_str(out, g ? g->name : NOT_AVAILABLE);
}
