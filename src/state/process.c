/* SPDX-License-Identifier: Apache-2.0 */
#include "state/pool.h"
#include "state/table.h"

/*
 * Ids are looked up in an array of chunks that exist where there are threads. Ids that no Linux
 * kernel gives out (captures of other sources may have them) are in a hash map.
 */
enum {
	CHUNK_SLOTS = 256,
	NEAR_IDS = 1 << 22, /* the kernel's PID_MAX_LIMIT */
	NEAR_CHUNKS = NEAR_IDS / CHUNK_SLOTS,
	ANCESTORS_MAX = 1024, /* longer chains are cut, which also ends damaged captures' circles */
	DESCENDANTS_TOLD = 64, /* one by one; more of them at once */
};

struct slot {
	struct thread *thread;
	struct process *process; /* the newest of that pid */
};

struct chunk {
	uint32_t used;
	struct slot slots[CHUNK_SLOTS];
};

enum { MISSED_PARENT_BITS = 1 << 15 };

struct process_table {
	struct chunk *chunks[NEAR_CHUNKS];
	struct u64map far; /* id -> struct slot */
	struct pool chunk_pool, slot_pool, thread_pool, process_pool;
	struct block_pool blocks;
	struct fd_store fds;
	struct container_set *containers;
	struct program *unknown; /* of processes of which nothing is known */
	uint32_t max_threads;
	uint64_t lineage_generation; /* counts changes that descendants may see */
	uint64_t next_generation;
	/* Pids, by their low bits, of parents that were looked for in vain and may yet come. */
	uint64_t missed_parents[MISSED_PARENT_BITS / 64];
};

static uint64_t *missed_parent_word(struct process_table *t, int32_t pid)
{
	return &t->missed_parents[(uint32_t)pid % MISSED_PARENT_BITS / 64];
}

static uint64_t missed_parent_bit(int32_t pid)
{
	return UINT64_C(1) << ((uint32_t)pid % 64);
}

struct process_table *process_table_new(uint32_t max_threads)
{
	struct process_table *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->max_threads = max_threads;
	t->chunk_pool.item_size = sizeof(struct chunk);
	t->slot_pool.item_size = sizeof(struct slot);
	/* Of whole cache lines: what each event reads of them stands first in each. */
	t->thread_pool.item_size =
	    (sizeof(struct thread) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	t->process_pool.item_size =
	    (sizeof(struct process) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	t->containers = container_set_new();
	fd_store_init(&t->fds, &t->blocks);
	t->unknown = program_new(t, &(struct program_strings){0});
	return t;
}

struct container_set *process_table_containers(struct process_table *t)
{
	return t->containers;
}

void process_table_changed(struct process_table *t)
{
	t->lineage_generation++;
}

struct fd_store *process_table_fds(struct process_table *t)
{
	return &t->fds;
}

size_t process_table_thread_count(const struct process_table *t)
{
	return t->thread_pool.count;
}

size_t process_table_process_count(const struct process_table *t)
{
	return t->process_pool.count;
}

static struct slot *slot_find(struct process_table *t, int32_t id)
{
	if ((uint32_t)id < NEAR_IDS) {
		struct chunk *c = t->chunks[(uint32_t)id / CHUNK_SLOTS];

		return c ? &c->slots[(uint32_t)id % CHUNK_SLOTS] : NULL;
	}
	return u64map_get(&t->far, (uint32_t)id);
}

static struct slot *slot_make(struct process_table *t, int32_t id)
{
	if ((uint32_t)id < NEAR_IDS) {
		struct chunk **c = &t->chunks[(uint32_t)id / CHUNK_SLOTS];

		if (!*c)
			*c = pool_take(&t->chunk_pool);
		return &(*c)->slots[(uint32_t)id % CHUNK_SLOTS];
	}
	struct slot *s = u64map_get(&t->far, (uint32_t)id);
	if (!s) {
		s = pool_take(&t->slot_pool);
		u64map_put(&t->far, (uint32_t)id, s);
	}
	return s;
}

/* Changes what a slot holds; chunks that hold nothing are given back. */
static void slot_set(struct process_table *t, int32_t id, struct thread *thread,
		     struct process *process)
{
	struct slot *s = thread || process ? slot_make(t, id) : slot_find(t, id);

	if (!s)
		return;
	bool was_used = s->thread || s->process;
	bool is_used = thread || process;
	*s = (struct slot){thread, process};
	if (was_used == is_used)
		return;
	if ((uint32_t)id < NEAR_IDS) {
		struct chunk **c = &t->chunks[(uint32_t)id / CHUNK_SLOTS];

		(*c)->used += is_used ? 1 : -1U;
		if (!(*c)->used) {
			pool_give(&t->chunk_pool, *c);
			*c = NULL;
		}
	} else if (!is_used) {
		u64map_remove(&t->far, (uint32_t)id);
		pool_give(&t->slot_pool, s);
	}
}

static void slot_set_thread(struct process_table *t, int32_t id, struct thread *thread)
{
	struct slot *s = slot_find(t, id);

	slot_set(t, id, thread, s ? s->process : NULL);
}

static void slot_set_process(struct process_table *t, int32_t id, struct process *process)
{
	struct slot *s = slot_find(t, id);

	slot_set(t, id, s ? s->thread : NULL, process);
}

struct thread *thread_find(struct process_table *t, int32_t tid)
{
	struct slot *s = slot_find(t, tid);

	/* Most threads are main ones: their process comes into the cache beside them, not after. */
	if (s && s->process) {
		__builtin_prefetch(s->process);
		__builtin_prefetch((const char *)s->process + 64);
		__builtin_prefetch((const char *)s->process + 128);
	}
	return s ? s->thread : NULL;
}

struct process *process_find(struct process_table *t, int32_t pid, uint64_t start_time)
{
	struct slot *s = slot_find(t, pid);
	struct process *p = s ? s->process : NULL;

	while (p && start_time && !start_time_equal(p->facts.start_time, start_time))
		p = p->older;
	return p;
}

/* Strings */

static struct str copy_string(char **at, struct str s)
{
	struct str copy = {*at, s.n};

	if (s.n)
		memcpy(*at, s.p, s.n);
	(*at)[s.n] = '\0';
	*at += s.n + 1;
	return copy;
}

struct program *program_new(struct process_table *t, const struct program_strings *s)
{
	size_t size =
	    sizeof(struct program) + s->exe.n + s->exepath.n + s->args.n + s->env.n + s->comm.n + 5;
	struct program *program = block_take(&t->blocks, size);
	char *at = program->bytes;

	memset(program, 0, sizeof(*program));
	program->references = 1;
	program->exe = copy_string(&at, s->exe);
	program->exepath = copy_string(&at, s->exepath);
	program->args = copy_string(&at, s->args);
	program->env = copy_string(&at, s->env);
	program->comm = copy_string(&at, s->comm);
	return program;
}

struct program *program_unknown(struct process_table *t)
{
	return t->unknown;
}

void program_release(struct process_table *t, struct program *program)
{
	if (program && --program->references == 0)
		block_give(&t->blocks, program);
}

void process_set_program(struct process_table *t, struct process *p, struct program *program)
{
	struct program *old = p->program;

	if (old == program)
		return;
	program->references++;
	p->program = program;
	program_release(t, old);
	process_lineage_changed(t, p);
}

static void text_release(struct process_table *t, struct shared_text *text)
{
	if (!text || --text->references)
		return;
	container_set_give(t->containers, text->container);
	block_give(&t->blocks, text);
}

static struct shared_text *text_new(struct process_table *t, struct str s, struct str end)
{
	struct shared_text *text = block_take(&t->blocks, sizeof(*text) + s.n + end.n);

	*text = (struct shared_text){.references = 1, .text = {text->bytes, s.n + end.n}};
	memcpy(text->bytes, s.p, s.n);
	memcpy(text->bytes + s.n, end.p, end.n);
	return text;
}

static void set_cwd_text(struct process_table *t, struct process *p, struct shared_text *text)
{
	text_release(t, p->cwd_text);
	p->cwd_text = text;
	p->cwd = text ? text->text : (struct str){"", 0};
}

static void set_cgroups_text(struct process_table *t, struct process *p, struct shared_text *text)
{
	text_release(t, p->cgroups_text);
	p->cgroups_text = text;
	p->cgroups = text ? text->text : (struct str){"", 0};
	p->container = text ? text->container : NULL;
}

void process_release_copy(struct process_table *t, const struct process *copy)
{
	program_release(t, copy->program);
	text_release(t, copy->cwd_text);
	text_release(t, copy->cgroups_text);
}

void process_give_program(struct process_table *t, struct process *p, struct program *program)
{
	process_set_program(t, p, program);
	program_release(t, program);
}

void process_set_cwd(struct process_table *t, struct process *p, struct str cwd)
{
	bool has_slash = cwd.n && cwd.p[cwd.n - 1] == '/';

	if (cwd.n == 0 || (p->cwd.n == cwd.n + !has_slash && str_starts_with(p->cwd, cwd)))
		return;
	set_cwd_text(t, p, text_new(t, cwd, has_slash ? STR("") : STR("/")));
	process_changed(p);
}

void process_set_cgroups(struct process_table *t, struct process *p, struct str cgroups)
{
	struct container c;

	if (cgroups.n == 0 || str_equal(p->cgroups, cgroups))
		return;
	/* Not where the text came from: that may be a record. */
	struct shared_text *text = text_new(t, cgroups, STR(""));
	if (container_set_find(t->containers, text->text, &c)) {
		c.pid = p->facts.pid;
		text->container = container_set_take(t->containers, &c);
	}
	set_cgroups_text(t, p, text);
	process_changed(p);
}

void process_inherit(struct process_table *t, struct process *p, const struct process *from)
{
	process_set_program(t, p, from->program);
	if (from->cwd_text)
		from->cwd_text->references++;
	set_cwd_text(t, p, from->cwd_text);
	if (from->cgroups_text)
		from->cgroups_text->references++;
	set_cgroups_text(t, p, from->cgroups_text);
	p->exec_time = from->exec_time;
	p->cap_inheritable = from->cap_inheritable;
	p->cap_permitted = from->cap_permitted;
	p->cap_effective = from->cap_effective;
	p->fdlimit = from->fdlimit;
	if (p->facts.pidns == from->facts.pidns && from->pidns_start_time)
		p->pidns_start_time = from->pidns_start_time;
	p->program_exec_id = from->program_exec_id;
	p->is_exec_id_known = from->is_exec_id_known;
	p->is_partial = from->is_partial;
}

/* What depends on processes */

void process_changed(struct process *p)
{
	p->scope_generation++;
}

/* The process that comes after p in a walk through the descendants of top; NULL at the end. */
static struct process *next_descendant(const struct process *top, struct process *p)
{
	if (p->first_child)
		return p->first_child;
	while (p != top && !p->next_sibling)
		p = p->parent;
	return p == top ? NULL : p->next_sibling;
}

/*
 * Descendants are told one by one, so that what is remembered of all other processes stays. Where
 * there are many of them all processes are told instead, which takes no longer the more there are.
 */
void process_lineage_changed(struct process_table *t, struct process *p)
{
	unsigned n = 0;

	p->scope_generation++;
	for (struct process *q = next_descendant(p, p); q; q = next_descendant(p, q)) {
		if (++n > DESCENDANTS_TOLD) {
			t->lineage_generation++;
			return;
		}
		q->scope_generation++;
	}
}

void process_refresh_scope(struct process_table *t, struct process *p)
{
	if (p->lineage_generation != t->lineage_generation) {
		p->lineage_generation = t->lineage_generation;
		p->scope_generation++;
	}
}

/* Families */

static void child_link(struct process *parent, struct process *p)
{
	p->parent = parent;
	p->prev_sibling = NULL;
	p->next_sibling = parent->first_child;
	if (parent->first_child)
		parent->first_child->prev_sibling = p;
	parent->first_child = p;
	parent->references++;
	parent->child_count++;
}

/* Answers the parent it had, which may have to be freed now. */
static struct process *child_unlink(struct process *p)
{
	struct process *parent = p->parent;

	if (!parent)
		return NULL;
	if (p->prev_sibling)
		p->prev_sibling->next_sibling = p->next_sibling;
	else
		parent->first_child = p->next_sibling;
	if (p->next_sibling)
		p->next_sibling->prev_sibling = p->prev_sibling;
	p->parent = p->next_sibling = p->prev_sibling = NULL;
	parent->references--;
	parent->child_count--;
	return parent;
}

static void process_unlist(struct process_table *t, struct process *p)
{
	struct process *newest = process_find(t, p->facts.pid, 0);

	if (newest == p) {
		slot_set_process(t, p->facts.pid, p->older);
		return;
	}
	for (struct process *q = newest; q; q = q->older) {
		if (q->older == p) {
			q->older = p->older;
			return;
		}
	}
}

/* Frees p if nothing needs it, then its parent if nothing needs that any more, and so on. */
static void free_unneeded(struct process_table *t, struct process *p)
{
	while (p && p->is_exited && !p->references && !p->threads) {
		struct process *parent = child_unlink(p);

		process_unlist(t, p);
		fd_table_clear(&t->fds, &p->fds);
		program_release(t, p->program);
		text_release(t, p->cwd_text);
		text_release(t, p->cgroups_text);
		pool_give(&t->process_pool, p);
		p = parent;
	}
}

static bool is_ancestor(const struct process *p, const struct process *of)
{
	unsigned n = 0;

	for (; of; of = of->parent)
		if (of == p || ++n > ANCESTORS_MAX)
			return true;
	return false;
}

void process_find_parent(struct process_table *t, struct process *p)
{
	struct process *parent = NULL;

	if (p->facts.ppid > 0)
		parent = process_find(t, p->facts.ppid, p->facts.parent_start_time);
	if (!parent && p->facts.ppid > 0)
		*missed_parent_word(t, p->facts.ppid) |= missed_parent_bit(p->facts.ppid);
	if (parent == p->parent || (parent && is_ancestor(p, parent)))
		return;
	struct process *old = child_unlink(p);
	if (parent)
		child_link(parent, p);
	process_lineage_changed(t, p);
	free_unneeded(t, old);
}

void process_reparent_children(struct process_table *t, struct process *p, struct process *to)
{
	if (!p->first_child || to == p || (to && is_ancestor(p, to)))
		return;
	process_lineage_changed(t, p);
	while (p->first_child) {
		struct process *child = p->first_child;

		child_unlink(child);
		if (to)
			child_link(to, child);
		child->facts.ppid = to ? to->facts.pid : 0;
		child->facts.parent_start_time = to ? to->facts.start_time : 0;
	}
}

struct process *process_next(struct process_table *t, uint32_t from)
{
	for (uint32_t id = from; id < NEAR_IDS;) {
		struct chunk *c = t->chunks[id / CHUNK_SLOTS];

		if (c && c->slots[id % CHUNK_SLOTS].process)
			return c->slots[id % CHUNK_SLOTS].process;
		id = c ? id + 1 : (id / CHUNK_SLOTS + 1) * CHUNK_SLOTS;
	}
	return NULL;
}

struct process *process_parent(struct process_table *t, const struct process *p)
{
	if (p->is_unlisted)
		return process_find(t, p->facts.ppid, p->facts.parent_start_time);
	if (!p->parent && p->facts.ppid > 0)
		process_find_parent(t, (struct process *)(uintptr_t)p);
	return p->parent;
}

struct process *process_ancestor(struct process_table *t, struct process *p, unsigned n)
{
	if (n > ANCESTORS_MAX)
		return NULL;
	while (p && n--)
		p = process_parent(t, p);
	return p;
}

struct str process_name(const struct process *p)
{
	return (struct str){p->comm, strnlen(p->comm, sizeof(p->comm))};
}

/* Coming and going */

void thread_remove(struct process_table *t, struct thread *th)
{
	struct process *p = th->process;
	struct thread **link = &p->threads;

	while (*link && *link != th)
		link = &(*link)->next;
	if (*link)
		*link = th->next;
	slot_set_thread(t, th->tid, NULL);
	pool_give(&t->thread_pool, th);
	p->known_threads--;
	if (p->thread_count)
		p->thread_count--;
	if (!p->threads && !p->thread_count) {
		p->is_exited = true;
		free_unneeded(t, p);
	}
}

void process_remove_threads(struct process_table *t, struct process *p, const struct thread *keep)
{
	struct thread *kept = NULL;

	while (p->threads) {
		struct thread *th = p->threads;

		p->threads = th->next;
		if (th == keep) {
			kept = th;
			continue;
		}
		slot_set_thread(t, th->tid, NULL);
		pool_give(&t->thread_pool, th);
	}
	p->threads = kept;
	p->known_threads = p->thread_count = kept ? 1 : 0;
	if (kept) {
		kept->next = NULL;
	} else {
		p->is_exited = true;
		free_unneeded(t, p);
	}
}

struct thread *thread_add(struct process_table *t, struct process *p, int32_t tid)
{
	struct thread *th = thread_find(t, tid);

	if (th && th->process == p)
		return th;
	/* Who was taken for exited and shows a thread is not; nor may what follows free it. */
	p->is_exited = false;
	if (th) {
		struct process *other = th->process;

		/* A thread id that is a process id again ends that process. */
		if (other->facts.pid == tid)
			process_remove_threads(t, other, NULL);
		else
			thread_remove(t, th);
	}
	if (t->thread_pool.count >= t->max_threads)
		return NULL;
	th = pool_take(&t->thread_pool);
	th->tid = tid;
	th->process = p;
	th->next = p->threads;
	th->clone_time = p->clone_time;
	p->threads = th;
	p->known_threads++;
	if (p->thread_count < p->known_threads)
		p->thread_count = p->known_threads;
	slot_set_thread(t, tid, th);
	return th;
}

struct process *process_add(struct process_table *t, const struct task_facts *facts)
{
	struct process *known = process_find(t, facts->pid, 0);

	if (known && !known->is_exited)
		process_remove_threads(t, known, NULL);
	/* Exited ones wait for their children's end, so they are bounded as threads are. */
	if (t->process_pool.count >= 2 * (size_t)t->max_threads ||
	    t->thread_pool.count >= t->max_threads)
		return NULL;

	struct process *p = pool_take(&t->process_pool);
	p->facts = *facts;
	memcpy(p->comm, facts->comm, sizeof(facts->comm));
	p->program = t->unknown;
	p->program->references++;
	p->cwd = p->cgroups = (struct str){"", 0};
	p->is_partial = true;
	/* Never a generation that some other process in this memory had. */
	p->scope_generation = t->next_generation += UINT64_C(1) << 32;
	/* Those that found no parent by this pid have one now, and so have their descendants. */
	if (*missed_parent_word(t, facts->pid) & missed_parent_bit(facts->pid)) {
		*missed_parent_word(t, facts->pid) &= ~missed_parent_bit(facts->pid);
		t->lineage_generation++;
	}
	p->lineage_generation = t->lineage_generation;
	p->older = process_find(t, facts->pid, 0);
	slot_set_process(t, facts->pid, p);
	process_find_parent(t, p);
	return p;
}

static void release_strings(struct process_table *t, struct process *newest)
{
	for (struct process *p = newest; p; p = p->older) {
		program_release(t, p->program);
		text_release(t, p->cwd_text);
		text_release(t, p->cgroups_text);
		fd_table_clear(&t->fds, &p->fds);
	}
}

void process_table_free(struct process_table *t)
{
	if (!t)
		return;
	/* Pools hold all structures; only blocks have to be given back one by one. */
	for (size_t c = 0; c < NEAR_CHUNKS; c++) {
		for (size_t i = 0; t->chunks[c] && i < CHUNK_SLOTS; i++)
			release_strings(t, t->chunks[c]->slots[i].process);
	}
	for (size_t i = 0; i < t->far.size; i++) {
		struct slot *s = t->far.entries[i].value;

		release_strings(t, s ? s->process : NULL);
	}
	program_release(t, t->unknown);
	u64map_free(&t->far);
	container_set_free(t->containers);
	pool_release(&t->chunk_pool);
	pool_release(&t->slot_pool);
	pool_release(&t->thread_pool);
	pool_release(&t->process_pool);
	fd_store_release(&t->fds);
	block_pool_release(&t->blocks);
	free(t);
}
