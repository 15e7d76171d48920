/* SPDX-License-Identifier: Apache-2.0 */
#include "state/snapshot.h"
#include "state/proc.h"
#include "state/replay.h"
#include "state/state_internal.h"

#include <errno.h>
#include <stdlib.h>

enum saved_flag {
	SAVED_EXITED = 1 << 0,
	SAVED_MAIN_GONE = 1 << 1,
	SAVED_PARTIAL = 1 << 2,
	SAVED_EXEC_ID_KNOWN = 1 << 3,
	SAVED_ARGS_CUT = 1 << 4,
	SAVED_ENV_CUT = 1 << 5,
};

enum saved_text {
	TEXT_EXE,
	TEXT_EXEPATH,
	TEXT_ARGS,
	TEXT_ENV,
	TEXT_PROGRAM_COMM,
	TEXT_CWD,
	TEXT_CGROUPS,
	TEXT_COUNT
};

struct saved_thread {
	uint64_t clone_time;
	uint64_t last_event_time;
	int32_t tid;
	uint32_t reserved;
	char comm[PROCESS_NAME_SIZE];
};

/* Then the texts, back to back, then the threads. */
struct saved_process {
	uint32_t size; /* of this structure */
	uint32_t thread_size;
	uint32_t text_sizes[TEXT_COUNT];
	uint32_t listed_threads; /* that follow */
	uint32_t flags;
	uint32_t thread_count;
	uint32_t exe_dev;
	uint32_t exe_flags;
	struct task_facts facts;
	char comm[PROCESS_NAME_SIZE];
	uint64_t clone_time, exec_time, pidns_start_time, exe_ctime_in_pidns;
	uint64_t cap_inheritable, cap_permitted, cap_effective;
	uint64_t fdlimit, vm_size_kb, vm_rss_kb, vm_swap_kb, pgft_maj, pgft_min;
	uint64_t program_exec_id;
	uint64_t exe_ino, exe_ctime, exe_mtime, exe_ctime_age;
};

static uint32_t flags_of(const struct process *p)
{
	return (p->is_exited ? SAVED_EXITED : 0) | (p->is_main_gone ? SAVED_MAIN_GONE : 0) |
	       (p->is_partial ? SAVED_PARTIAL : 0) |
	       (p->is_exec_id_known ? SAVED_EXEC_ID_KNOWN : 0) |
	       (p->program->args_cut ? SAVED_ARGS_CUT : 0) |
	       (p->program->env_cut ? SAVED_ENV_CUT : 0);
}

typedef VEC(char) byte_vec;

static void put(byte_vec *v, const void *bytes, size_t n)
{
	while (v->room - v->count < n)
		v->items = vec_grow(v->items, &v->room, 1);
	if (n)
		memcpy(v->items + v->count, bytes, n);
	v->count += n;
}

static void put_texts(byte_vec *out, struct saved_process *saved, const struct str *texts)
{
	for (int i = 0; i < TEXT_COUNT; i++)
		saved->text_sizes[i] = (uint32_t)texts[i].n;
	put(out, saved, sizeof(*saved));
	for (int i = 0; i < TEXT_COUNT; i++)
		put(out, texts[i].p, texts[i].n);
}

static void save_process(const struct process *p, byte_vec *out)
{
	const struct program *program = p->program;
	struct str texts[TEXT_COUNT] = {
	    [TEXT_EXE] = program->exe,   [TEXT_EXEPATH] = program->exepath,
	    [TEXT_ARGS] = program->args, [TEXT_ENV] = program->env,
	    [TEXT_CWD] = p->cwd,         [TEXT_PROGRAM_COMM] = program->comm,
	    [TEXT_CGROUPS] = p->cgroups,
	};
	struct saved_process saved = {
	    .size = sizeof(saved),
	    .thread_size = sizeof(struct saved_thread),
	    .flags = flags_of(p),
	    .thread_count = p->thread_count,
	    .exe_dev = program->exe_dev,
	    .exe_flags = program->exe_flags,
	    .facts = p->facts,
	    .clone_time = p->clone_time,
	    .exec_time = p->exec_time,
	    .pidns_start_time = p->pidns_start_time,
	    .exe_ctime_in_pidns = p->exe_ctime_in_pidns,
	    .cap_inheritable = p->cap_inheritable,
	    .cap_permitted = p->cap_permitted,
	    .cap_effective = p->cap_effective,
	    .fdlimit = p->fdlimit,
	    .vm_size_kb = p->vm_size_kb,
	    .vm_rss_kb = p->vm_rss_kb,
	    .vm_swap_kb = p->vm_swap_kb,
	    .pgft_maj = p->pgft_maj,
	    .pgft_min = p->pgft_min,
	    .program_exec_id = p->program_exec_id,
	    .exe_ino = program->exe_ino,
	    .exe_ctime = program->exe_ctime,
	    .exe_mtime = program->exe_mtime,
	    .exe_ctime_age = program->exe_ctime_age,
	};

	memcpy(saved.comm, p->comm, sizeof(saved.comm));
	for (const struct thread *th = p->threads; th; th = th->next)
		saved.listed_threads++;
	out->count = 0;
	put_texts(out, &saved, texts);
	for (const struct thread *th = p->threads; th; th = th->next) {
		struct saved_thread thread = {
		    .clone_time = th->clone_time,
		    .last_event_time = th->last_event_time,
		    .tid = th->tid,
		};

		memcpy(thread.comm, th->comm, sizeof(thread.comm));
		put(out, &thread, sizeof(thread));
	}
}

void state_save(struct state *s, snapshot_fn *take, void *context)
{
	byte_vec bytes = {0};
	uint32_t next = 0;

	state_finish_exit(s);
	for (struct process *p; (p = process_next(s->processes, next));) {
		next = (uint32_t)p->facts.pid + 1;
		save_process(p, &bytes);
		take(context, (struct str){bytes.items, bytes.count});
	}
	VEC_FREE(&bytes);
}

/* What was told of a container when it was recorded, an event tells. */
static uint32_t ask_recording(void *context, const struct container *c)
{
	(void)context;
	(void)c;
	return 1;
}

void state_become_recorded(struct state *s)
{
	state_forget(s);
	container_set_ask(state_containers(s), &(struct container_asker){.ask = ask_recording});
	u64map_free(&s->pidns_starts);
	replay_free(s, s->replay);
	s->replay = NULL;
	if (!s->reading)
		s->reading = malloc(sizeof(*s->reading));
	if (!s->reading)
		abort();
}

/* Copies what there is of a structure that may be shorter or longer than ours. */
static bool take_struct(struct str *bytes, void *out, size_t size, size_t given)
{
	if (given > bytes->n)
		return false;
	memset(out, 0, size);
	memcpy(out, bytes->p, given < size ? given : size);
	*bytes = str_slice(*bytes, given, bytes->n);
	return true;
}

static void restore_program(struct state *s, struct process *p, const struct saved_process *saved,
			    const struct str *texts)
{
	struct program_strings strings = {
	    .exe = texts[TEXT_EXE],
	    .exepath = texts[TEXT_EXEPATH],
	    .args = texts[TEXT_ARGS],
	    .env = texts[TEXT_ENV],
	    .comm = texts[TEXT_PROGRAM_COMM],
	};
	struct program *program = program_new(s->processes, &strings);

	program->exe_ino = saved->exe_ino;
	program->exe_ctime = saved->exe_ctime;
	program->exe_mtime = saved->exe_mtime;
	program->exe_ctime_age = saved->exe_ctime_age;
	program->exe_dev = saved->exe_dev;
	program->exe_flags = saved->exe_flags;
	program->args_cut = saved->flags & SAVED_ARGS_CUT;
	program->env_cut = saved->flags & SAVED_ENV_CUT;
	process_give_program(s->processes, p, program);
}

static void restore_facts(struct process *p, const struct saved_process *saved)
{
	memcpy(p->comm, saved->comm, sizeof(p->comm));
	p->comm[sizeof(p->comm) - 1] = '\0';
	p->clone_time = saved->clone_time;
	p->exec_time = saved->exec_time;
	p->pidns_start_time = saved->pidns_start_time;
	p->exe_ctime_in_pidns = saved->exe_ctime_in_pidns;
	p->cap_inheritable = saved->cap_inheritable;
	p->cap_permitted = saved->cap_permitted;
	p->cap_effective = saved->cap_effective;
	p->fdlimit = saved->fdlimit;
	p->vm_size_kb = saved->vm_size_kb;
	p->vm_rss_kb = saved->vm_rss_kb;
	p->vm_swap_kb = saved->vm_swap_kb;
	p->pgft_maj = saved->pgft_maj;
	p->pgft_min = saved->pgft_min;
	p->program_exec_id = saved->program_exec_id;
	p->is_exec_id_known = saved->flags & SAVED_EXEC_ID_KNOWN;
	p->is_main_gone = saved->flags & SAVED_MAIN_GONE;
	p->is_partial = saved->flags & SAVED_PARTIAL;
}

static bool restore_threads(struct state *s, struct process *p, const struct saved_process *saved,
			    struct str bytes)
{
	for (uint32_t i = 0; i < saved->listed_threads; i++) {
		struct saved_thread thread;
		struct thread *th;

		if (!take_struct(&bytes, &thread, sizeof(thread), saved->thread_size))
			return false;
		th = thread.tid >= 0 ? thread_add(s->processes, p, thread.tid) : NULL;
		if (!th) {
			s->counters.table_full++;
			continue;
		}
		s->counters.added++;
		memcpy(th->comm, thread.comm, sizeof(th->comm));
		th->comm[sizeof(th->comm) - 1] = '\0';
		th->clone_time = thread.clone_time;
		th->last_event_time = thread.last_event_time;
	}
	return true;
}

/* What is left of bytes afterwards are threads. */
static bool take_saved(struct str *bytes, struct saved_process *saved, struct str *texts)
{
	uint32_t size;

	if (bytes->n < sizeof(size))
		return false;
	memcpy(&size, bytes->p, sizeof(size));
	if (!take_struct(bytes, saved, sizeof(*saved), size))
		return false;
	for (int i = 0; i < TEXT_COUNT; i++) {
		if (saved->text_sizes[i] > bytes->n)
			return false;
		texts[i] = str_slice(*bytes, 0, saved->text_sizes[i]);
		*bytes = str_slice(*bytes, saved->text_sizes[i], bytes->n);
	}
	return true;
}

int state_restore(struct state *s, struct str bytes)
{
	struct saved_process saved;
	struct str texts[TEXT_COUNT];

	if (!take_saved(&bytes, &saved, texts))
		return -EBADMSG;
	/* Threads without bytes would be any number of them. */
	if (saved.facts.pid < 0 || (saved.listed_threads && saved.thread_size < sizeof(uint64_t)))
		return -EBADMSG;

	struct process *p = process_add(s->processes, &saved.facts);
	if (!p) {
		s->counters.table_full++;
		return 0;
	}
	restore_facts(p, &saved);
	restore_program(s, p, &saved, texts);
	process_set_cwd(s->processes, p, texts[TEXT_CWD]);
	process_set_cgroups(s->processes, p, texts[TEXT_CGROUPS]);
	if (p->facts.pidns && p->pidns_start_time)
		u64map_put(&s->pidns_starts, p->facts.pidns,
			   (void *)(uintptr_t)p->pidns_start_time);

	bool is_whole = restore_threads(s, p, &saved, bytes);
	p->thread_count =
	    saved.thread_count > p->known_threads ? saved.thread_count : p->known_threads;
	/* Until all are there: somebody may be its child. */
	p->is_exited = false;
	return is_whole ? 0 : -EBADMSG;
}

void state_restored(struct state *s)
{
	uint32_t next = 0;

	for (struct process *p; (p = process_next(s->processes, next));) {
		next = (uint32_t)p->facts.pid + 1;
		process_find_parent(s->processes, p);
	}
	next = 0;
	for (struct process *p; (p = process_next(s->processes, next));) {
		next = (uint32_t)p->facts.pid + 1;
		if (!p->threads)
			process_remove_threads(s->processes, p, NULL);
	}
}

void state_each_process(struct state *s, state_process_fn *visit, void *context)
{
	uint32_t next = 0;

	for (struct process *p; (p = process_next(s->processes, next));) {
		next = (uint32_t)p->facts.pid + 1;
		visit(context, p);
	}
}

/* What /proc told */

static void save_proc(const struct proc_process *proc, byte_vec *out)
{
	struct str texts[TEXT_COUNT] = {
	    [TEXT_EXE] = proc->strings.exe,   [TEXT_EXEPATH] = proc->strings.exepath,
	    [TEXT_ARGS] = proc->strings.args, [TEXT_ENV] = proc->strings.env,
	    [TEXT_CWD] = proc->cwd,           [TEXT_PROGRAM_COMM] = proc->strings.comm,
	    [TEXT_CGROUPS] = proc->cgroups,
	};
	struct saved_process saved = {
	    .size = sizeof(saved),
	    .flags = (proc->args_cut ? SAVED_ARGS_CUT : 0) | (proc->env_cut ? SAVED_ENV_CUT : 0),
	    .thread_count = proc->thread_count,
	    .exe_dev = proc->exe_dev,
	    .exe_flags = proc->exe_flags,
	    .facts = proc->facts,
	    .cap_inheritable = proc->cap_inheritable,
	    .cap_permitted = proc->cap_permitted,
	    .cap_effective = proc->cap_effective,
	    .fdlimit = proc->fdlimit,
	    .vm_size_kb = proc->vm_size_kb,
	    .vm_rss_kb = proc->vm_rss_kb,
	    .vm_swap_kb = proc->vm_swap_kb,
	    .pgft_maj = proc->pgft_maj,
	    .pgft_min = proc->pgft_min,
	    .exe_ino = proc->exe_ino,
	    .exe_ctime = proc->exe_ctime,
	    .exe_mtime = proc->exe_mtime,
	};

	put_texts(out, &saved, texts);
}

int proc_restore(struct str bytes, struct proc_process *out)
{
	struct saved_process saved;
	struct str texts[TEXT_COUNT];

	if (!take_saved(&bytes, &saved, texts))
		return -EBADMSG;
	memset(out, 0, offsetof(struct proc_process, cmdline));
	out->facts = saved.facts;
	out->strings = (struct program_strings){
	    .exe = texts[TEXT_EXE],
	    .exepath = texts[TEXT_EXEPATH],
	    .args = texts[TEXT_ARGS],
	    .env = texts[TEXT_ENV],
	    .comm = texts[TEXT_PROGRAM_COMM],
	};
	out->cwd = texts[TEXT_CWD];
	out->cgroups = texts[TEXT_CGROUPS];
	out->args_cut = saved.flags & SAVED_ARGS_CUT;
	out->env_cut = saved.flags & SAVED_ENV_CUT;
	out->thread_count = saved.thread_count;
	out->exe_dev = saved.exe_dev;
	out->exe_flags = saved.exe_flags;
	out->exe_ino = saved.exe_ino;
	out->exe_ctime = saved.exe_ctime;
	out->exe_mtime = saved.exe_mtime;
	out->cap_inheritable = saved.cap_inheritable;
	out->cap_permitted = saved.cap_permitted;
	out->cap_effective = saved.cap_effective;
	out->fdlimit = saved.fdlimit;
	out->vm_size_kb = saved.vm_size_kb;
	out->vm_rss_kb = saved.vm_rss_kb;
	out->vm_swap_kb = saved.vm_swap_kb;
	out->pgft_maj = saved.pgft_maj;
	out->pgft_min = saved.pgft_min;
	return 0;
}

size_t state_lookup_annex(const struct state *s, uint8_t *memory, size_t room)
{
	byte_vec bytes = {0};
	struct annex_item item = {.kind = ANNEX_CGROUPS, .subject = ANNEX_OF_TASK};
	size_t size = 0;

	if (s->read_of == READ_NOTHING)
		return 0;
	if (s->read_of == READ_PROCESS) {
		item.kind = ANNEX_PROC;
		save_proc(s->reading, &bytes);
	} else {
		put(&bytes, s->reading->cgroups.p, s->reading->cgroups.n);
	}
	if (bytes.count <= UINT16_MAX && sizeof(item) + bytes.count + 8 <= room) {
		item.size = (uint16_t)bytes.count;
		size = (sizeof(item) + bytes.count + 7) & ~(size_t)7;
		memset(memory, 0, size);
		memcpy(memory, &item, sizeof(item));
		memcpy(memory + sizeof(item), bytes.items, bytes.count);
	}
	VEC_FREE(&bytes);
	return size;
}
