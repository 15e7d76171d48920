/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/kube_pods.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>

enum { OWNERS_MOST = 4 /* a cron job's job's pod has two */, KEY_MAX = 3 + 3 * POD_TEXT_MAX };

enum related_state { WANTED, PRESENT, ABSENT };

/* An object that pods belong to, or the services of a namespace. */
struct related {
	struct kube_need need;
	enum related_state state;
	uint64_t asked_at;
	bool is_used;
	struct kube_kept **items;
	size_t count, bytes;
	struct str key; /* "kind/namespace/name" */
	char texts[];
};

struct known_pod {
	struct pod_info *base; /* as the API has it */
	struct pod_info *told; /* with all that it belongs to; NULL: not told yet */
	bool is_asked, is_listed;
};

struct kube_pods {
	struct inbox *inbox;
	struct strmap pods;    /* key -> struct known_pod */
	struct strmap objects; /* key -> struct related */
	size_t incomplete;     /* pods */
	size_t pod_bytes, told_bytes, object_bytes;
	uint64_t refused;
};

struct kube_pods *kube_pods_new(struct inbox *inbox)
{
	struct kube_pods *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->inbox = inbox;
	return p;
}

static void free_items(struct kube_kept **items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(items[i]);
	free(items);
}

static void free_related(struct related *r)
{
	free_items(r->items, r->count);
	free(r);
}

static void free_pod(struct known_pod *pod)
{
	pod_info_release(pod->base);
	pod_info_release(pod->told);
	free(pod);
}

void kube_pods_free(struct kube_pods *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->pods.size; i++)
		if (p->pods.entries[i].value)
			free_pod(p->pods.entries[i].value);
	for (size_t i = 0; i < p->objects.size; i++)
		if (p->objects.entries[i].value)
			free_related(p->objects.entries[i].value);
	strmap_free(&p->pods);
	strmap_free(&p->objects);
	free(p);
}

static struct str key_of(char *memory, unsigned kind, struct str ns, struct str name)
{
	int n = snprintf(memory, KEY_MAX, "%u/%.*s/%.*s", kind, STR_ARG(ns), STR_ARG(name));

	return (struct str){memory, n < KEY_MAX ? (size_t)n : KEY_MAX - 1};
}

static struct related *related_new(struct str key, unsigned kind, struct str ns, struct str name)
{
	struct related *r = calloc(1, sizeof(*r) + key.n + ns.n + name.n + 2);
	char *at;

	if (!r)
		abort();
	at = r->texts;
	memcpy(at, key.p, key.n);
	r->key = (struct str){at, key.n};
	at += key.n;
	memcpy(at, ns.n ? ns.p : "", ns.n);
	r->need = (struct kube_need){.kind = kind, .ns = at, .name = at + ns.n + 1};
	memcpy(at + ns.n + 1, name.n ? name.p : "", name.n);
	r->bytes = sizeof(*r) + key.n + ns.n + name.n + 2;
	return r;
}

/* NULL: there is no room for another one. */
static struct related *related_of(struct kube_pods *p, unsigned kind, struct str ns,
				  struct str name)
{
	char memory[KEY_MAX];
	struct str key = key_of(memory, kind, ns, name);
	struct related *r = strmap_get(&p->objects, key);

	if (r)
		return r;
	if (p->objects.count == KUBE_OBJECTS_MOST ||
	    p->object_bytes + key.n + sizeof(*r) > KUBE_OBJECTS_BYTES_MOST) {
		p->refused++;
		return NULL;
	}
	r = related_new(key, kind, ns, name);
	p->object_bytes += r->bytes;
	strmap_put(&p->objects, r->key, r);
	return r;
}

/* A pod and what is known of it, put together in memory of the caller. */
struct joining {
	struct pod_info draft;
	struct kube_object services[POD_SERVICES_MAX];
	struct related *missing; /* the first; NULL: nothing is */
};

/* The object of that name; NULL: nothing is known of it, or nothing yet. */
static const struct kube_kept *find(struct kube_pods *p, struct joining *j, unsigned kind,
				    struct str ns, struct str name)
{
	struct related *r = related_of(p, kind, ns, name);

	if (r && r->state == WANTED && !j->missing)
		j->missing = r;
	return r && r->state == PRESENT && r->count ? r->items[0] : NULL;
}

/* Deployments name their sets so; for where nobody may read the sets. */
static bool guess_deployment(const struct pod_info *pod, struct kube_reference *owner)
{
	struct str set = pod->related[KUBE_REPLICA_SET].name, hash;

	if (!container_label_find(pod->labels, pod->label_count, STR("pod-template-hash"), &hash) ||
	    hash.n == 0 || set.n <= hash.n + 1 || !str_ends_with(set, hash) ||
	    set.p[set.n - hash.n - 1] != '-')
		return false;
	*owner = (struct kube_reference){STR("Deployment"), str_slice(set, 0, set.n - hash.n - 1),
					 STR("")};
	return true;
}

static void join_owners(struct kube_pods *p, struct joining *j, const struct pod_info *pod)
{
	struct kube_reference owner = {pod->owner_kind, pod->owner.name, pod->owner.uid};
	struct pod_info *d = &j->draft;

	for (int i = 0; i < OWNERS_MOST && owner.kind.n; i++) {
		enum kube_kind kind = kube_kind_by_name(owner.kind);
		const struct kube_kept *kept;

		d->owner_kind = owner.kind;
		d->owner = (struct kube_object){.name = owner.name, .uid = owner.uid};
		if (kind == KUBE_KINDS || kind == KUBE_NAMESPACE)
			return;
		kept = find(p, j, kind, pod->ns, owner.name);
		/* One of the same name that was made later is another one. */
		if (kept && owner.uid.n && !str_equal(kept->object.uid, owner.uid))
			kept = NULL;
		d->related[kind] = kept ? kept->object : d->owner;
		d->owner.uid = d->related[kind].uid;
		if (kept)
			owner = kept->owner;
		else if (j->missing || kind != KUBE_REPLICA_SET || !guess_deployment(pod, &owner))
			return;
	}
}

static bool selects(const struct kube_kept *service, const struct pod_info *pod)
{
	struct str value;

	for (uint32_t i = 0; i < service->selector_count; i++)
		if (!container_label_find(pod->labels, pod->label_count, service->selector[i].key,
					  &value) ||
		    !str_equal(value, service->selector[i].value))
			return false;
	return service->selector_count > 0;
}

static void join_services(struct kube_pods *p, struct joining *j, const struct pod_info *pod)
{
	struct related *r = related_of(p, KUBE_SERVICES, pod->ns, STR(""));

	if (!r)
		return;
	if (r->state == WANTED && !j->missing)
		j->missing = r;
	for (size_t i = 0; i < r->count && j->draft.service_count < POD_SERVICES_MAX; i++)
		if (selects(r->items[i], pod))
			j->services[j->draft.service_count++] = r->items[i]->object;
	j->draft.services = j->services;
}

static void join(struct kube_pods *p, struct joining *j, const struct pod_info *pod)
{
	const struct kube_kept *ns;

	j->draft = *pod;
	j->missing = NULL;
	join_owners(p, j, pod);
	ns = find(p, j, KUBE_NAMESPACE, STR(""), pod->ns);
	if (ns)
		j->draft.related[KUBE_NAMESPACE] = ns->object;
	join_services(p, j, pod);
	j->draft.is_complete = !j->missing;
}

static void tell(struct kube_pods *p, struct known_pod *pod, struct joining *j)
{
	struct pod_info *info = pod_info_new(&j->draft);
	size_t before = pod->told ? pod->told->bytes : 0;

	/* Where there is no room for all, the pod itself is told. */
	if (p->told_bytes - before + info->bytes > KUBE_TOLD_BYTES_MOST) {
		p->refused++;
		pod_info_release(info);
		j->draft = *pod->base;
		j->draft.is_complete = true;
		info = pod_info_new(&j->draft);
	}
	if (pod->told && pod_info_equal(pod->told, info)) {
		pod_info_release(info);
		return;
	}
	p->incomplete -= pod->told && !pod->told->is_complete;
	p->incomplete += !info->is_complete;
	p->told_bytes += info->bytes - before;
	pod_info_release(pod->told);
	pod->told = info;
	pod->is_asked &= !info->is_complete;
	pod_inbox_put(p->inbox, pod_info_keep(info));
}

/* What it lacks, if anything. Tells it as it is now; without must_tell, once it lacks nothing. */
static struct related *renew(struct kube_pods *p, struct known_pod *pod, bool must_tell)
{
	struct joining j;

	join(p, &j, pod->base);
	if (must_tell || !j.missing)
		tell(p, pod, &j);
	return j.missing;
}

static void remove_pod(struct kube_pods *p, struct known_pod *pod)
{
	struct str key = pod->base->key;

	pod_inbox_put_gone(p->inbox, key);
	p->incomplete -= pod->told && !pod->told->is_complete;
	p->pod_bytes -= pod->base->bytes;
	p->told_bytes -= pod->told ? pod->told->bytes : 0;
	strmap_remove(&p->pods, key);
	free_pod(pod);
}

void kube_pods_put(struct kube_pods *p, struct pod_info *base)
{
	struct known_pod *pod = strmap_get(&p->pods, base->key);
	size_t before = pod ? pod->base->bytes : 0;

	if ((!pod && p->pods.count >= KUBE_PODS_MOST) ||
	    p->pod_bytes - before + base->bytes > KUBE_PODS_BYTES_MOST) {
		p->refused++;
		pod_info_release(base);
		return;
	}
	p->pod_bytes += base->bytes - before;
	if (pod) {
		struct pod_info *old = pod->base;

		/* The key's memory is the info's. */
		strmap_remove(&p->pods, old->key);
		pod->base = base;
		pod->is_listed = true;
		strmap_put(&p->pods, base->key, pod);
		if (!pod_info_equal(old, base))
			renew(p, pod, true);
		pod_info_release(old);
		return;
	}
	pod = calloc(1, sizeof(*pod));
	if (!pod)
		abort();
	pod->base = base;
	pod->is_listed = true;
	strmap_put(&p->pods, base->key, pod);
	renew(p, pod, true);
}

void kube_pods_remove(struct kube_pods *p, struct str key)
{
	struct known_pod *pod = strmap_get(&p->pods, key);

	if (pod)
		remove_pod(p, pod);
}

void kube_pods_begin_list(struct kube_pods *p)
{
	for (size_t i = 0; i < p->pods.size; i++)
		if (p->pods.entries[i].value)
			((struct known_pod *)p->pods.entries[i].value)->is_listed = false;
}

void kube_pods_end_list(struct kube_pods *p)
{
	for (size_t i = 0; i < p->pods.size; i++) {
		struct known_pod *pod = p->pods.entries[i].value;

		if (!pod || pod->is_listed)
			continue;
		remove_pod(p, pod);
		i--; /* another may have taken its place */
	}
}

bool kube_pods_ask(struct kube_pods *p, struct str key)
{
	struct known_pod *pod = strmap_get(&p->pods, key);

	if (pod)
		pod->is_asked = pod->told && !pod->told->is_complete;
	return pod;
}

/* Of the pods that lack something; those that somebody waits for, or all. */
static struct related *next_missing(struct kube_pods *p, bool is_asked)
{
	for (size_t i = 0; i < p->pods.size && p->incomplete; i++) {
		struct known_pod *pod = p->pods.entries[i].value;
		struct related *missing;

		if (!pod || pod->told->is_complete || (is_asked && !pod->is_asked))
			continue;
		missing = renew(p, pod, false);
		if (missing)
			return missing;
	}
	return NULL;
}

bool kube_pods_next(struct kube_pods *p, struct kube_need *out)
{
	struct related *missing = next_missing(p, true);

	if (!missing)
		missing = next_missing(p, false);
	if (missing)
		*out = missing->need;
	return missing;
}

/* What owns sets and jobs changes; sets and jobs themselves are made and deleted. */
static bool may_change(const struct related *r)
{
	return r->state == ABSENT || (r->state == PRESENT && r->need.kind != KUBE_REPLICA_SET &&
				      r->need.kind != KUBE_JOB);
}

bool kube_pods_stale(struct kube_pods *p, uint64_t now, uint64_t age_ms, struct kube_need *out)
{
	const struct related *oldest = NULL;

	for (size_t i = 0; i < p->objects.size; i++) {
		const struct related *r = p->objects.entries[i].value;

		if (r && may_change(r) && now - r->asked_at >= age_ms &&
		    (!oldest || r->asked_at < oldest->asked_at))
			oldest = r;
	}
	if (oldest)
		*out = oldest->need;
	return oldest;
}

static bool is_same(const struct related *r, struct kube_kept **items, size_t count)
{
	if (r->state != PRESENT || r->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!kube_kept_equal(r->items[i], items[i]))
			return false;
	return true;
}

static size_t bytes_of(struct kube_kept **items, size_t count)
{
	size_t n = count * sizeof(*items);

	for (size_t i = 0; i < count; i++)
		n += items[i]->bytes;
	return n;
}

/* The pods that may belong to it. */
static void renew_pods_of(struct kube_pods *p, const struct related *r)
{
	const char *ns = r->need.kind == KUBE_NAMESPACE ? r->need.name : r->need.ns;

	for (size_t i = 0; i < p->pods.size; i++) {
		struct known_pod *pod = p->pods.entries[i].value;

		if (pod && pod->told->is_complete && str_equal_c(pod->base->ns, ns))
			renew(p, pod, true);
	}
}

void kube_pods_found(struct kube_pods *p, const struct kube_need *need, struct kube_kept **items,
		     size_t count, uint64_t now)
{
	struct related *r = related_of(p, need->kind, str_from(need->ns), str_from(need->name));
	size_t bytes = bytes_of(items, count), before;
	bool was_wanted = r && r->state == WANTED;

	if (!r) {
		free_items(items, count);
		return;
	}
	r->asked_at = now;
	if (is_same(r, items, count)) {
		free_items(items, count);
		return;
	}
	before = bytes_of(r->items, r->count);
	if (p->object_bytes - before + bytes > KUBE_OBJECTS_BYTES_MOST) {
		p->refused++;
		free_items(items, count);
		items = NULL;
		count = bytes = 0;
	}
	p->object_bytes += bytes - before;
	free_items(r->items, r->count);
	r->items = items;
	r->count = count;
	/* A namespace without services is known as well as one with some. */
	r->state = count || need->kind == KUBE_SERVICES ? PRESENT : ABSENT;
	/* Pods that lack it are looked at when it is asked what is lacking. */
	if (!was_wanted)
		renew_pods_of(p, r);
}

static void use(struct kube_pods *p, unsigned kind, struct str ns, struct str name)
{
	char memory[KEY_MAX];
	struct related *r = strmap_get(&p->objects, key_of(memory, kind, ns, name));

	if (r)
		r->is_used = true;
}

void kube_pods_forget_unused(struct kube_pods *p)
{
	for (size_t i = 0; i < p->objects.size; i++)
		if (p->objects.entries[i].value)
			((struct related *)p->objects.entries[i].value)->is_used = false;
	for (size_t i = 0; i < p->pods.size; i++) {
		struct known_pod *pod = p->pods.entries[i].value;

		if (!pod)
			continue;
		use(p, KUBE_NAMESPACE, STR(""), pod->base->ns);
		use(p, KUBE_SERVICES, pod->base->ns, STR(""));
		for (unsigned kind = KUBE_NAMESPACE + 1; kind < KUBE_KINDS; kind++)
			if (pod->told->related[kind].name.n)
				use(p, kind, pod->base->ns, pod->told->related[kind].name);
	}
	for (size_t i = 0; i < p->objects.size; i++) {
		struct related *r = p->objects.entries[i].value;

		if (!r || r->is_used)
			continue;
		p->object_bytes -= r->bytes + bytes_of(r->items, r->count);
		strmap_remove(&p->objects, r->key);
		free_related(r);
		i--; /* another may have taken its place */
	}
}

struct kube_pods_counters kube_pods_counters(const struct kube_pods *p)
{
	return (struct kube_pods_counters){
	    .pods = p->pods.count,
	    .objects = p->objects.count,
	    .bytes = p->pod_bytes + p->told_bytes + p->object_bytes,
	    .refused = p->refused,
	};
}
