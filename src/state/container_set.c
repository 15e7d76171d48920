/* SPDX-License-Identifier: Apache-2.0 */
#include "state/container_set.h"

#include "base/clock.h"
#include "base/map.h"
#include "state/pool.h"
#include "state/user.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
	CONTAINER_ID_MAX = 255, /* a component of a cgroup's path: NAME_MAX */
	KNOWN_MOST = 16384,
	KNOWN_BYTES_MOST = 64 * 1024 * 1024,
	USERS_ASKED_MOST = 16,               /* by processes of one container, at once */
	USERS_BYTES_MOST = 64 * 1024 * 1024, /* of the files that they are from */
	SAID_MOST = 2, /* runtimes that know the same id: Docker, and the containerd below it */
};
#define SECOND UINT64_C(1000000000)
#define USERS_KEPT (5 * SECOND) /* before they are looked for again */
#define GONE_KEPT (30 * SECOND) /* events of it may still be in the rings */

struct entry {
	struct container container; /* first: the one is found from the other */
	uint32_t references;
	uint32_t awaited;               /* answers of runtimes */
	bool is_runtime_asked, is_told; /* is_told: the listener has heard of it */
	uint32_t users_awaited;         /* answers */
	size_t users_bytes;
	uint64_t asked_at, users_asked_at;
	char key[1 + CONTAINER_ID_MAX + 1];
};

/* What was said of an id. */
struct known {
	struct container_info *infos[SAID_MOST];
	uint64_t gone_at; /* 0: it is there */
	struct str id;
	char bytes[];
};

struct container_set {
	struct strmap entries; /* the type's byte and the id -> struct entry */
	struct strmap known;   /* id -> struct known */
	struct pool entry_pool;
	struct container_asker asker;
	struct container_inbox inbox;
	struct pod_set *pods;
	uint32_t pending, gone;
	uint64_t generation;
	uint64_t sweep_at;
	size_t users_bytes;
	uint32_t ignored;
	struct container_info *fixed;
	container_told *told;
	void *told_context;
	struct container_counters counters;
};

struct container_set *container_set_new(void)
{
	struct container_set *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->entry_pool.item_size = sizeof(struct entry);
	s->pods = pod_set_new();
	return s;
}

static void known_free(struct known *k)
{
	for (int i = 0; i < SAID_MOST; i++)
		container_info_release(k->infos[i]);
	free(k);
}

/* What it holds, not its place. */
static void entry_release(struct container_set *s, struct entry *e)
{
	container_info_release(e->container.info);
	user_table_free((struct user_table *)(uintptr_t)e->container.own_users);
	e->container.own_users = NULL;
	s->users_bytes -= e->users_bytes;
	e->users_bytes = 0;
}

void container_set_free(struct container_set *s)
{
	struct container_news *news, *next;

	if (!s)
		return;
	for (news = container_inbox_take(&s->inbox); news; news = next) {
		next = container_news_next(news);
		container_news_free(news);
	}
	for (size_t i = 0; i < s->entries.size; i++)
		if (s->entries.entries[i].value)
			entry_release(s, s->entries.entries[i].value);
	for (size_t i = 0; i < s->known.size; i++)
		if (s->known.entries[i].value)
			known_free(s->known.entries[i].value);
	strmap_free(&s->entries);
	strmap_free(&s->known);
	pool_release(&s->entry_pool);
	container_info_release(s->fixed);
	pod_set_free(s->pods);
	free(s);
}

void container_set_ask(struct container_set *s, const struct container_asker *asker)
{
	s->asker = *asker;
}

struct container_inbox *container_set_inbox(struct container_set *s)
{
	return &s->inbox;
}

struct pod_set *container_set_pods(struct container_set *s)
{
	return s->pods;
}

bool container_is_awaited(const struct container *c)
{
	return c->metadata == CONTAINER_ASKED || (c->pod && c->pod->metadata == CONTAINER_ASKED);
}

bool container_is_late(const struct container *c)
{
	return c->metadata == CONTAINER_LATE && !c->info;
}

bool container_pod_is_late(const struct container *c)
{
	return c->pod && c->pod->metadata == CONTAINER_LATE;
}

/* Whether the runtime is one that makes cgroups of that form. */
static bool fits(enum container_type cgroup, enum container_type runtime)
{
	if (cgroup == runtime || cgroup == CONTAINER_RUNC)
		return true;
	if (cgroup == CONTAINER_CRI)
		return runtime == CONTAINER_CONTAINERD || runtime == CONTAINER_CRIO ||
		       runtime == CONTAINER_DOCKER;
	return cgroup == CONTAINER_CONTAINERD && runtime == CONTAINER_CRI;
}

/* Of two that both may be right, one that names an image says more. */
static unsigned worth(enum container_type cgroup, const struct container_info *info)
{
	return info ? 1 + 4 * (unsigned)fits(cgroup, info->type) +
			  2 * (unsigned)(info->sandbox_id.n > 0) + (unsigned)(info->image.n > 0)
		    : 0;
}

static struct container_info *best_of(const struct known *k, enum container_type cgroup)
{
	struct container_info *best = NULL;

	for (int i = 0; k && i < SAID_MOST; i++)
		if (worth(cgroup, k->infos[i]) > worth(cgroup, best))
			best = k->infos[i];
	return best;
}

static struct known *known_of(const struct container_set *s, struct str id)
{
	struct known *k = strmap_get(&s->known, id);

	/* Old captures tell the shown part of the id alone. */
	return k ? k : strmap_get(&s->known, container_short_id(id));
}

static void tell_listener(struct container_set *s, struct entry *e)
{
	if (!s->told || e->container.metadata == CONTAINER_ASKED)
		return;
	e->is_told = true;
	s->told(s->told_context, &e->container);
}

static void settle(struct container_set *s, struct entry *e, enum container_metadata metadata)
{
	if (e->container.metadata == CONTAINER_ASKED) {
		s->pending--;
		if (e->is_runtime_asked) {
			s->counters.told += metadata == CONTAINER_TOLD;
			s->counters.untold += metadata == CONTAINER_UNTOLD;
			s->counters.late += metadata == CONTAINER_LATE;
		}
		s->generation++;
	}
	e->is_runtime_asked = false;
	e->container.metadata = metadata;
	if (e->references)
		tell_listener(s, e);
}

/* A container whose cgroup does not tell the pod may be labelled with it. */
static void link_pod(struct container_set *s, struct entry *e, struct str uid)
{
	if (!e->container.pod)
		e->container.pod = pod_set_take(s->pods, uid);
}

/* What there is to know where nobody is waited for; true: that is so since now. */
static bool settle_answered(struct container_set *s, struct entry *e)
{
	const struct container_info *info = e->container.info;

	if (e->container.metadata != CONTAINER_ASKED ||
	    e->container.users == CONTAINER_USERS_ASKED ||
	    (e->awaited && !(info && fits(e->container.type, info->type))))
		return false;
	settle(s, e,
	       info                  ? CONTAINER_TOLD
	       : e->is_runtime_asked ? CONTAINER_UNTOLD
				     : CONTAINER_UNASKED);
	return true;
}

/* Links what is known; true: that is another thing than before. */
static bool link_info(struct container_set *s, struct entry *e)
{
	struct container_info *info = best_of(known_of(s, e->container.full_id), e->container.type);
	struct str uid;

	if (!info || info == e->container.info)
		return false;
	container_info_release(e->container.info);
	e->container.info = container_info_keep(info);
	s->generation++;
	if (container_label_find(info->labels, info->label_count, STR(LABEL_POD_UID), &uid))
		link_pod(s, e, uid);
	if (e->container.metadata == CONTAINER_ASKED)
		settle_answered(s, e);
	else
		settle(s, e, CONTAINER_TOLD);
	return true;
}

/* Somebody is waited for. */
static void await(struct container_set *s, struct entry *e)
{
	/* From the first question on, so that further ones do not make it longer. */
	if (e->container.metadata == CONTAINER_ASKED)
		return;
	e->asked_at = clock_monotonic_ns();
	e->container.metadata = CONTAINER_ASKED;
	s->pending++;
	if (s->told && e->is_told)
		s->told(s->told_context, &e->container);
}

static void ask(struct container_set *s, struct entry *e)
{
	if (e->container.metadata == CONTAINER_TOLD || !s->asker.ask)
		return;
	e->awaited = s->asker.ask(s->asker.context, &e->container);
	if (!e->awaited)
		return;
	e->is_runtime_asked = true;
	s->counters.asked++;
	await(s, e);
}

static void ask_users(struct container_set *s, struct entry *e, int32_t pid, bool is_young)
{
	if (!s->asker.ask_users ||
	    e->users_awaited >= (is_young ? USERS_ASKED_MOST / 2 : USERS_ASKED_MOST))
		return;
	e->container.pid = pid;
	if (!s->asker.ask_users(s->asker.context, &e->container, is_young)) {
		if (e->container.users == CONTAINER_USERS_HOSTS)
			e->container.users = CONTAINER_USERS_UNKNOWN;
		return;
	}
	e->users_awaited++;
	e->users_asked_at = clock_monotonic_ns();
	e->container.users = CONTAINER_USERS_ASKED;
	await(s, e);
}

void container_set_ignore(struct container_set *s, uint32_t types)
{
	s->ignored = types;
}

void container_set_fix(struct container_set *s, struct container_info *info)
{
	container_info_release(s->fixed);
	s->fixed = container_info_keep(info);
	container_set_learn(s, info);
}

bool container_set_find(const struct container_set *s, struct str cgroups, struct container *out)
{
	if (__builtin_expect(!!s->fixed, 0)) {
		*out = (struct container){
		    .type = s->fixed->type, .full_id = s->fixed->full_id, .id = s->fixed->full_id};
		return true;
	}
	return container_from_cgroups(cgroups, out) && !(s->ignored & 1u << out->type);
}

static struct str entry_key(char *memory, const struct container *c)
{
	size_t n = c->full_id.n < CONTAINER_ID_MAX ? c->full_id.n : CONTAINER_ID_MAX;

	memory[0] = (char)c->type;
	memcpy(memory + 1, c->full_id.p, n);
	memory[1 + n] = '\0';
	return (struct str){memory, 1 + n};
}

/* Made where it is not there. */
static struct entry *entry_of(struct container_set *s, const struct container *c, bool *is_new)
{
	char memory[1 + CONTAINER_ID_MAX + 1];
	struct str key = entry_key(memory, c);
	struct entry *e = strmap_get(&s->entries, key);

	*is_new = !e;
	if (e)
		return e;
	e = pool_take(&s->entry_pool);
	key = entry_key(e->key, c);
	e->container = (struct container){
	    .type = c->type,
	    .full_id = str_slice(key, 1, key.n),
	    .id = str_slice(key, 1, 1 + c->id.n),
	};
	strmap_put(&s->entries, key, e);
	link_pod(s, e, c->pod_uid);
	return e;
}

const struct container *container_set_take(struct container_set *s, const struct container *c)
{
	bool is_new;
	struct entry *e = entry_of(s, c, &is_new);

	e->references++;
	if (!is_new)
		return &e->container;
	if (!link_info(s, e) || e->container.metadata != CONTAINER_TOLD)
		ask(s, e);
	ask_users(s, e, c->pid, true);
	if (e->container.metadata == CONTAINER_UNASKED)
		tell_listener(s, e);
	return &e->container;
}

void container_set_listen(struct container_set *s, container_told *told, void *context)
{
	s->told = told;
	s->told_context = context;
}

void container_set_each(const struct container_set *s, container_told *visit, void *context)
{
	for (size_t i = 0; i < s->entries.size; i++)
		if (s->entries.entries[i].value)
			visit(context, &((struct entry *)s->entries.entries[i].value)->container);
}

void container_set_retell(struct container_set *s, const struct container *c)
{
	char memory[1 + CONTAINER_ID_MAX + 1];
	bool is_new;
	struct entry *e;

	/* Who replays it waits as was waited then. */
	if (c->metadata == CONTAINER_ASKED) {
		e = strmap_get(&s->entries, entry_key(memory, c));
		if (e)
			await(s, e);
		return;
	}
	e = entry_of(s, c, &is_new);
	user_table_free((struct user_table *)(uintptr_t)e->container.own_users);
	e->container.own_users = c->own_users;
	e->container.users = c->users;
	link_info(s, e);
	settle(s, e, c->metadata);
	s->generation++;
}

void container_set_give(struct container_set *s, const struct container *c)
{
	struct entry *e = (struct entry *)(uintptr_t)c;
	char key[1 + CONTAINER_ID_MAX + 1];

	if (!e || --e->references)
		return;
	settle(s, e, CONTAINER_UNASKED);
	pod_set_give(s->pods, e->container.pod);
	strmap_remove(&s->entries, entry_key(key, c));
	entry_release(s, e);
	pool_give(&s->entry_pool, e);
}

/* Tells all entries of that id (the whole, or what is shown of it); true: something changed. */
static bool tell(struct container_set *s, struct str id, bool is_answer)
{
	bool has_changed = false;

	for (size_t i = 0; i < s->entries.size; i++) {
		struct entry *e = s->entries.entries[i].value;

		if (!e || (!str_equal(e->container.full_id, id) && !str_equal(e->container.id, id)))
			continue;
		if (is_answer && e->awaited)
			e->awaited--;
		has_changed |= link_info(s, e);
		has_changed |= settle_answered(s, e);
	}
	return has_changed;
}

/* Takes over the users of the news. */
static bool take_users(struct container_set *s, struct container_news *news)
{
	struct container c = {.type = news->type, .full_id = news->id};
	char memory[1 + CONTAINER_ID_MAX + 1];
	struct entry *e = strmap_get(&s->entries, entry_key(memory, &c));

	if (!e)
		return false;
	e->users_awaited -= e->users_awaited > 0;
	if (news->users == CONTAINER_USERS_OWN &&
	    s->users_bytes - e->users_bytes + news->users_bytes > USERS_BYTES_MOST) {
		s->counters.refused++;
		news->users = CONTAINER_USERS_UNKNOWN;
	}
	if (news->users == CONTAINER_USERS_OWN) {
		user_table_free((struct user_table *)(uintptr_t)e->container.own_users);
		e->container.own_users = news->own_users;
		news->own_users = NULL;
		s->users_bytes += news->users_bytes - e->users_bytes;
		e->users_bytes = news->users_bytes;
	}
	/* One has been there, or another one may yet get there. */
	if (e->container.own_users)
		e->container.users = CONTAINER_USERS_OWN;
	else if (!e->users_awaited)
		e->container.users = news->users;
	s->generation++;
	if (!settle_answered(s, e))
		tell_listener(s, e);
	return true;
}

void container_set_made(struct container_set *s, const struct container *c, int32_t pid)
{
	if (c->users == CONTAINER_USERS_UNKNOWN || c->users == CONTAINER_USERS_ASKED)
		ask_users(s, (struct entry *)(uintptr_t)c, pid, true);
}

void container_set_executed(struct container_set *s, const struct container *c, int32_t pid,
			    uint32_t uid)
{
	struct entry *e = (struct entry *)(uintptr_t)c;

	if (c->users != CONTAINER_USERS_OWN ||
	    (c->users == CONTAINER_USERS_OWN && !user_find(c->own_users, uid) &&
	     clock_monotonic_ns() - e->users_asked_at > USERS_KEPT))
		ask_users(s, e, pid, false);
}

static void forget_known(struct container_set *s, struct known *k)
{
	for (int i = 0; i < SAID_MOST; i++)
		if (k->infos[i])
			s->counters.known_bytes -= k->infos[i]->bytes;
	s->gone -= k->gone_at != 0;
	strmap_remove(&s->known, k->id);
	known_free(k);
}

/* What has been gone for a while is dropped; looked at now and then, while something is gone. */
static void sweep(struct container_set *s)
{
	uint64_t now;

	if (!s->gone || (now = clock_monotonic_ns()) < s->sweep_at)
		return;
	s->sweep_at = now + GONE_KEPT / 8;
	for (size_t i = 0; i < s->known.size; i++) {
		struct known *k = s->known.entries[i].value;

		if (!k || !k->gone_at || now < k->gone_at + GONE_KEPT)
			continue;
		forget_known(s, k);
		i--; /* another may have taken its place */
	}
}

static struct known *known_make(struct container_set *s, struct str id)
{
	struct known *k = strmap_get(&s->known, id);

	if (k)
		return k;
	k = calloc(1, sizeof(*k) + id.n);
	if (!k)
		abort();
	memcpy(k->bytes, id.p, id.n);
	k->id = (struct str){k->bytes, id.n};
	strmap_put(&s->known, k->id, k);
	return k;
}

static bool learn(struct container_set *s, struct container_info *info, bool is_answer)
{
	struct str id = info->full_id.n ? info->full_id : info->id;
	struct known *k = strmap_get(&s->known, id);
	int at = 0;

	if (id.n == 0 || (!k && s->known.count >= KNOWN_MOST) ||
	    s->counters.known_bytes + info->bytes > KNOWN_BYTES_MOST) {
		s->counters.refused++;
		container_info_release(info);
		return false;
	}
	k = known_make(s, id);
	s->gone -= k->gone_at != 0;
	k->gone_at = 0;
	while (at < SAID_MOST - 1 && k->infos[at] && k->infos[at]->type != info->type)
		at++;
	if (k->infos[at])
		s->counters.known_bytes -= k->infos[at]->bytes;
	s->counters.known_bytes += info->bytes;
	container_info_release(k->infos[at]);
	k->infos[at] = info;
	return tell(s, id, is_answer);
}

void container_set_learn(struct container_set *s, struct container_info *info)
{
	learn(s, info, false);
}

void container_set_forget(struct container_set *s, struct str id)
{
	struct known *k = known_of(s, id);

	if (!k || k->gone_at)
		return;
	k->gone_at = clock_monotonic_ns();
	s->gone++;
}

bool container_set_update(struct container_set *s)
{
	struct container_news *news = container_inbox_take(&s->inbox), *next;
	bool has_changed = pod_set_update(s->pods);

	if (__builtin_expect(!news, 1))
		return has_changed;
	for (; news; news = next) {
		next = container_news_next(news);
		if (news->kind == CONTAINER_KNOWN) {
			has_changed |= learn(s, container_info_keep(news->info), news->is_answer);
		} else if (news->kind == CONTAINER_NOT_HERE) {
			has_changed |= tell(s, news->id, true);
		} else if (news->kind == CONTAINER_USERS) {
			has_changed |= take_users(s, news);
		} else {
			container_set_forget(s, news->id);
		}
		container_news_free(news);
	}
	sweep(s);
	return has_changed;
}

bool container_set_expire(struct container_set *s, uint64_t patience_ns)
{
	uint64_t now;
	bool has_changed = pod_set_expire(s->pods, patience_ns);

	if (!s->pending)
		return has_changed;
	now = clock_monotonic_ns();
	for (size_t i = 0; i < s->entries.size; i++) {
		struct entry *e = s->entries.entries[i].value;

		if (!e || e->container.metadata != CONTAINER_ASKED ||
		    now - e->asked_at < patience_ns)
			continue;
		if (e->container.users == CONTAINER_USERS_ASKED)
			e->container.users =
			    e->container.own_users ? CONTAINER_USERS_OWN : CONTAINER_USERS_UNKNOWN;
		settle(s, e,
		       e->container.info     ? CONTAINER_TOLD
		       : e->is_runtime_asked ? CONTAINER_LATE
					     : CONTAINER_UNASKED);
		has_changed = true;
	}
	return has_changed;
}

uint32_t container_set_pending(const struct container_set *s)
{
	return s->pending;
}

uint64_t container_set_generation(const struct container_set *s)
{
	return s->generation + pod_set_generation(s->pods);
}

const struct container_info *container_set_info(const struct container_set *s, struct str id)
{
	struct known *k = known_of(s, id);

	return best_of(k, CONTAINER_CRI);
}

struct container_counters container_set_counters(const struct container_set *s)
{
	struct container_counters c = s->counters;

	c.known = s->known.count;
	return c;
}
