/* SPDX-License-Identifier: Apache-2.0 */
#include "state/pod_event.h"

#include "base/map.h"
#include "state/json_text.h"

#include <jansson.h>
#include <stdlib.h>

enum { OBJECTS_MOST = 16384, BYTES_MOST = 32 * 1024 * 1024 };

/* Pods and others, by uid. Of others the info has a name, a uid and labels alone. */
struct pod_story {
	struct strmap pods, objects; /* -> struct pod_info */
	size_t bytes;
};

struct pod_story *pod_story_new(void)
{
	struct pod_story *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	return s;
}

static void free_all(struct strmap *m)
{
	for (size_t i = 0; i < m->size; i++)
		pod_info_release(m->entries[i].value);
	strmap_free(m);
}

void pod_story_free(struct pod_story *s)
{
	if (!s)
		return;
	free_all(&s->pods);
	free_all(&s->objects);
	free(s);
}

/* JSON that stands in a text; NULL: there is none. */
static json_t *inner(const json_t *object, const char *key)
{
	struct str s = json_text(object, key);

	return s.n ? json_loadb(s.p, s.n, 0, NULL) : NULL;
}

static void forget(struct pod_story *s, struct strmap *m, struct str uid)
{
	struct pod_info *info = strmap_remove(m, uid);

	if (info)
		s->bytes -= info->bytes;
	pod_info_release(info);
}

/* Takes over the reference; NULL where there is no room. */
static const struct pod_info *keep(struct pod_story *s, struct strmap *m, struct pod_info *info)
{
	forget(s, m, info->key);
	if (!info->key.n || s->pods.count + s->objects.count >= OBJECTS_MOST ||
	    s->bytes + info->bytes > BYTES_MOST) {
		pod_info_release(info);
		return NULL;
	}
	s->bytes += info->bytes;
	strmap_put(m, info->key, info);
	return info;
}

static struct str reference(const json_t *resources, const char *kind, size_t at)
{
	const json_t *list = json_object_get(json_object_get(resources, kind), "list");

	return json_text_of(json_array_get(list, at));
}

/* What a pod belongs to, as far as the pod itself tells it: by uid. */
static struct pod_info *read_pod(const json_t *root, struct pod_info *draft)
{
	const json_t *resources = json_object_get(json_object_get(root, "refs"), "resources");
	struct kube_object services[POD_SERVICES_MAX] = {0};
	json_t *status = inner(root, "status"), *spec = inner(root, "spec");
	struct pod_info *info;

	draft->ip = json_text(status, "podIP");
	draft->node = json_text(spec, "nodeName");
	draft->service_account = json_text(spec, "serviceAccountName");
	for (int i = 0; i < KUBE_KINDS; i++)
		draft->related[i].uid = reference(resources, kube_kind_name((enum kube_kind)i), 0);
	while (draft->service_count < POD_SERVICES_MAX) {
		struct str uid = reference(resources, "Service", draft->service_count);

		if (!uid.n)
			break;
		services[draft->service_count++].uid = uid;
	}
	draft->services = services;
	info = pod_info_new(draft);
	json_decref(status);
	json_decref(spec);
	return info;
}

static void fill(const struct pod_story *s, struct kube_object *o)
{
	const struct pod_info *object = o->uid.n ? strmap_get(&s->objects, o->uid) : NULL;

	if (object)
		*o = (struct kube_object){object->name, object->uid, object->labels,
					  object->label_count};
}

static bool tell(const struct pod_story *s, const struct pod_info *pod, struct pod_set *pods)
{
	static const enum kube_kind owners[] = {KUBE_DEPLOYMENT,   KUBE_CRON_JOB,
						KUBE_STATEFUL_SET, KUBE_DAEMON_SET,
						KUBE_JOB,          KUBE_REPLICATION_CONTROLLER,
						KUBE_REPLICA_SET};
	struct kube_object services[POD_SERVICES_MAX];
	struct pod_info draft = *pod;

	for (int i = 0; i < KUBE_KINDS; i++)
		fill(s, &draft.related[i]);
	for (uint32_t i = 0; i < pod->service_count; i++) {
		services[i] = pod->services[i];
		fill(s, &services[i]);
	}
	draft.services = services;
	for (size_t i = 0; i < sizeof(owners) / sizeof(*owners) && !draft.owner_kind.n; i++)
		if (draft.related[owners[i]].name.n) {
			draft.owner_kind = str_from(kube_kind_name(owners[i]));
			draft.owner = draft.related[owners[i]];
		}
	draft.is_complete = true;
	return pod_set_learn(pods, pod_info_new(&draft));
}

static bool refers(const struct pod_info *pod, struct str uid)
{
	for (int i = 0; i < KUBE_KINDS; i++)
		if (str_equal(pod->related[i].uid, uid))
			return true;
	for (uint32_t i = 0; i < pod->service_count; i++)
		if (str_equal(pod->services[i].uid, uid))
			return true;
	return false;
}

static bool tell_all_of(const struct pod_story *s, struct str uid, struct pod_set *pods)
{
	bool has_changed = false;

	for (size_t i = 0; i < s->pods.size; i++) {
		const struct pod_info *pod = s->pods.entries[i].value;

		if (pod && refers(pod, uid))
			has_changed |= tell(s, pod, pods);
	}
	return has_changed;
}

static bool take(struct pod_story *s, const json_t *root, bool is_pod, struct pod_set *pods)
{
	json_t *meta = inner(root, "meta");
	struct container_label labels[POD_LABELS_MAX];
	struct pod_info draft = {
	    .key = json_text(root, "uid"),
	    .uid = json_text(root, "uid"),
	    .name = json_text(meta, "name"),
	    .ns = json_text(meta, "namespace"),
	    .labels = labels,
	    .label_count = json_labels(json_object_get(meta, "labels"), labels, POD_LABELS_MAX),
	};
	const struct pod_info *kept;
	bool has_changed = false;

	if (is_pod) {
		kept = keep(s, &s->pods, read_pod(root, &draft));
		has_changed = kept && tell(s, kept, pods);
	} else {
		kept = keep(s, &s->objects, pod_info_new(&draft));
		has_changed = kept && tell_all_of(s, kept->uid, pods);
	}
	json_decref(meta);
	return has_changed;
}

bool pod_story_tell(struct pod_story *s, struct str json, struct pod_set *pods)
{
	json_t *root = json_loadb(json.n ? json.p : "", json.n, 0, NULL);
	struct str reason = json_text(root, "reason"), uid = json_text(root, "uid");
	bool is_pod = str_equal(json_text(root, "kind"), STR("Pod")), has_changed = false;

	if (str_equal(reason, STR("Create")) || str_equal(reason, STR("Update"))) {
		has_changed = take(s, root, is_pod, pods);
	} else if (str_equal(reason, STR("Delete"))) {
		forget(s, is_pod ? &s->pods : &s->objects, uid);
		/* Its events may still come. */
		if (is_pod)
			pod_set_forget(pods, uid);
	}
	json_decref(root);
	return has_changed;
}
