/* SPDX-License-Identifier: Apache-2.0 */
#include "state/pod_set.h"

#include "base/clock.h"
#include "base/map.h"

#include <stdlib.h>

enum {
	KNOWN_MOST = 4096, /* pods; a node has some hundreds */
	KNOWN_BYTES_MOST = 8 * 1024 * 1024,
	GONE_MOST = 512, /* that are kept for a while */
};
#define SECOND UINT64_C(1000000000)
#define GONE_KEPT (30 * SECOND) /* events of it may still be in the rings */

struct entry {
	struct pod pod; /* first: the one is found from the other */
	uint32_t references;
	uint64_t asked_at, gone_at; /* 0: not */
	char key[POD_KEY_MAX];
};

struct pod_set {
	struct strmap entries; /* those that are known or referred to */
	struct pod_asker asker;
	struct inbox inbox;
	uint32_t pending, gone;
	uint64_t generation, sweep_at;
	struct pod_counters counters;
};

struct pod_set *pod_set_new(void)
{
	struct pod_set *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	return s;
}

static struct pod_news *next_of(const struct pod_news *news)
{
	return (struct pod_news *)news->item.next;
}

void pod_set_free(struct pod_set *s)
{
	struct pod_news *news, *next;

	if (!s)
		return;
	for (news = pod_inbox_take(&s->inbox); news; news = next) {
		next = next_of(news);
		pod_news_free(news);
	}
	for (size_t i = 0; i < s->entries.size; i++) {
		struct entry *e = s->entries.entries[i].value;

		if (e)
			pod_info_release(e->pod.info);
		free(e);
	}
	strmap_free(&s->entries);
	free(s);
}

void pod_set_ask(struct pod_set *s, const struct pod_asker *asker)
{
	s->asker = *asker;
}

struct inbox *pod_set_inbox(struct pod_set *s)
{
	return &s->inbox;
}

static void settle(struct pod_set *s, struct entry *e, enum container_metadata metadata)
{
	if (e->pod.metadata == CONTAINER_ASKED) {
		s->pending--;
		s->counters.told += metadata == CONTAINER_TOLD;
		s->counters.late += metadata == CONTAINER_LATE;
		s->generation++;
	}
	e->pod.metadata = metadata;
}

static struct entry *entry_make(struct pod_set *s, struct str key)
{
	struct entry *e = strmap_get(&s->entries, key);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		abort();
	memcpy(e->key, key.p, key.n);
	e->pod.key = (struct str){e->key, key.n};
	strmap_put(&s->entries, e->pod.key, e);
	return e;
}

static void forget_info(struct pod_set *s, struct entry *e)
{
	if (!e->pod.info)
		return;
	s->counters.known--;
	s->counters.known_bytes -= e->pod.info->bytes;
	pod_info_release(e->pod.info);
	e->pod.info = NULL;
}

static void remove_entry(struct pod_set *s, struct entry *e)
{
	s->gone -= e->gone_at != 0;
	forget_info(s, e);
	strmap_remove(&s->entries, e->pod.key);
	free(e);
}

static void ask(struct pod_set *s, struct entry *e)
{
	if (!s->asker.ask || !s->asker.ask(s->asker.context, e->pod.key))
		return;
	e->asked_at = clock_monotonic_ns();
	e->pod.metadata = CONTAINER_ASKED;
	s->pending++;
	s->counters.asked++;
}

/* As the API writes it, and in lower case; false: it cannot be one. */
static bool plain_uid(struct str uid, char *out)
{
	if (uid.n == 0 || uid.n > POD_KEY_MAX)
		return false;
	for (size_t i = 0; i < uid.n; i++)
		out[i] = uid.p[i] == '_' ? '-' : uid.p[i];
	return true;
}

struct pod *pod_set_take(struct pod_set *s, struct str uid)
{
	char key[POD_KEY_MAX];
	struct entry *e;

	if (!plain_uid(uid, key))
		return NULL;
	e = entry_make(s, (struct str){key, uid.n});
	if (e->references++ == 0) {
		if (e->pod.info && e->pod.info->is_complete)
			e->pod.metadata = CONTAINER_TOLD;
		else
			ask(s, e);
	}
	return &e->pod;
}

void pod_set_give(struct pod_set *s, struct pod *pod)
{
	struct entry *e = (struct entry *)pod;

	if (!e || --e->references)
		return;
	settle(s, e, CONTAINER_UNASKED);
	if (!e->pod.info)
		remove_entry(s, e);
}

bool pod_set_learn(struct pod_set *s, struct pod_info *info)
{
	struct entry *e = info->key.n ? strmap_get(&s->entries, info->key) : NULL;
	size_t before = e && e->pod.info ? e->pod.info->bytes : 0;

	if (info->key.n == 0 || (!before && s->counters.known >= KNOWN_MOST) ||
	    s->counters.known_bytes - before + info->bytes > KNOWN_BYTES_MOST) {
		s->counters.refused++;
		pod_info_release(info);
		return false;
	}
	e = entry_make(s, info->key);
	s->gone -= e->gone_at != 0;
	e->gone_at = 0;
	forget_info(s, e);
	e->pod.info = info;
	s->counters.known++;
	s->counters.known_bytes += info->bytes;
	if (!e->references)
		return false;
	if (info->is_complete || e->pod.metadata != CONTAINER_ASKED)
		settle(s, e, info->is_complete ? CONTAINER_TOLD : e->pod.metadata);
	return true;
}

/* Those that containers refer to stay, and are as many as the containers at most. */
static void drop_longest_gone(struct pod_set *s)
{
	struct entry *longest = NULL;

	for (size_t i = 0; i < s->entries.size; i++) {
		struct entry *e = s->entries.entries[i].value;

		if (e && e->gone_at && !e->references &&
		    (!longest || e->gone_at < longest->gone_at))
			longest = e;
	}
	if (longest)
		remove_entry(s, longest);
}

void pod_set_forget(struct pod_set *s, struct str key)
{
	struct entry *e = key.n ? strmap_get(&s->entries, key) : NULL;

	if (!e || e->gone_at || !e->pod.info)
		return;
	e->gone_at = clock_monotonic_ns();
	if (++s->gone > GONE_MOST)
		drop_longest_gone(s);
}

/* What has been gone for a while is dropped, unless containers still refer to it. */
static void sweep(struct pod_set *s)
{
	uint64_t now;

	if (!s->gone || (now = clock_monotonic_ns()) < s->sweep_at)
		return;
	s->sweep_at = now + GONE_KEPT / 8;
	for (size_t i = 0; i < s->entries.size; i++) {
		struct entry *e = s->entries.entries[i].value;

		if (!e || !e->gone_at || e->references || now < e->gone_at + GONE_KEPT)
			continue;
		remove_entry(s, e);
		i--; /* another may have taken its place */
	}
}

bool pod_set_update(struct pod_set *s)
{
	struct pod_news *news = pod_inbox_take(&s->inbox), *next;
	bool has_changed = false;

	if (__builtin_expect(!news, 1))
		return false;
	for (; news; news = next) {
		next = next_of(news);
		if (news->info)
			has_changed |= pod_set_learn(s, pod_info_keep(news->info));
		else
			pod_set_forget(s, news->key);
		pod_news_free(news);
	}
	sweep(s);
	return has_changed;
}

bool pod_set_expire(struct pod_set *s, uint64_t patience_ns)
{
	uint64_t now;
	bool has_changed = false;

	if (!s->pending)
		return false;
	now = clock_monotonic_ns();
	for (size_t i = 0; i < s->entries.size; i++) {
		struct entry *e = s->entries.entries[i].value;

		if (!e || e->pod.metadata != CONTAINER_ASKED || now - e->asked_at < patience_ns)
			continue;
		settle(s, e, CONTAINER_LATE);
		has_changed = true;
	}
	return has_changed;
}

uint64_t pod_set_generation(const struct pod_set *s)
{
	return s->generation;
}

struct pod_counters pod_set_counters(const struct pod_set *s)
{
	return s->counters;
}
