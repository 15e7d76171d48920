/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/kube_json.h"

#include "state/json_text.h"
#include "state/label_block.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#define MIRROR "kubernetes.io/config.mirror"

static json_t *load(struct str json, struct error *err)
{
	json_error_t why;
	json_t *root = json_loadb(json.n ? json.p : "", json.n, 0, &why);

	if (json_is_object(root))
		return root;
	error_set(err, -EBADMSG, "broken JSON: %s", root ? "it is no object" : why.text);
	json_decref(root);
	return NULL;
}

struct labels {
	struct container_label list[POD_LABELS_MAX];
	uint32_t count;
};

static void read_labels(const json_t *object, struct labels *out)
{
	out->count = json_labels(object, out->list, POD_LABELS_MAX);
}

static const struct {
	enum kube_kind kind;
	const char *group; /* with the slash; "": the core's */
} groups[] = {
    {KUBE_REPLICA_SET, "apps/"}, {KUBE_DEPLOYMENT, "apps/"},
    {KUBE_DAEMON_SET, "apps/"},  {KUBE_STATEFUL_SET, "apps/"},
    {KUBE_JOB, "batch/"},        {KUBE_CRON_JOB, "batch/"},
    {KUBE_NAMESPACE, ""},        {KUBE_REPLICATION_CONTROLLER, ""},
};

/* Whether a kind of that name is Kubernetes' own. */
static bool is_own(struct str kind, struct str version)
{
	struct str group = str_slice(version, 0, str_find_byte(version, '/', 0) + 1);

	if (group.n && group.p[group.n - 1] != '/')
		group.n = 0;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (str_equal_c(kind, kube_kind_name(groups[i].kind)))
			return str_equal_c(group, groups[i].group);
	return true;
}

/* memory: for a kind with its group. */
static struct kube_reference controller_of(const json_t *metadata, char *memory, size_t room)
{
	const json_t *owners = json_object_get(metadata, "ownerReferences");

	for (size_t i = 0; i < json_array_size(owners); i++) {
		const json_t *o = json_array_get(owners, i);
		struct kube_reference r = {json_text(o, "kind"), json_text(o, "name"),
					   json_text(o, "uid")};
		struct str version = json_text(o, "apiVersion");

		if (!json_is_true(json_object_get(o, "controller")) || !r.kind.n || !r.name.n)
			continue;
		if (!is_own(r.kind, version)) {
			struct str group = str_slice(version, 0, str_find_byte(version, '/', 0));
			int n =
			    snprintf(memory, room, "%.*s.%.*s", STR_ARG(r.kind), STR_ARG(group));

			r.kind = (struct str){memory, n < (int)room ? (size_t)n : room - 1};
		}
		return r;
	}
	return (struct kube_reference){0};
}

/* As it stands in paths of cgroups. */
static bool is_key(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-')
			return false;
	return s.n > 0 && s.n <= POD_KEY_MAX;
}

/*
 * The hash by which a kubelet knows a static pod, of which this is the mirror. Anybody who may make
 * pods may write the annotation: no uid of another pod has that form.
 */
static bool is_mirror(struct str hash, const struct kube_reference *owner)
{
	for (size_t i = 0; i < hash.n; i++)
		if (!isxdigit((unsigned char)hash.p[i]))
			return false;
	return hash.n == 32 && str_equal(owner->kind, STR("Node"));
}

static bool has_ended(const json_t *pod)
{
	struct str phase = json_text(json_object_get(pod, "status"), "phase");

	return str_equal(phase, STR("Succeeded")) || str_equal(phase, STR("Failed"));
}

static struct pod_info *pod_of(const json_t *pod, struct error *err)
{
	const json_t *metadata = json_object_get(pod, "metadata");
	const json_t *spec = json_object_get(pod, "spec");
	struct str mirror = json_text(json_object_get(metadata, "annotations"), MIRROR);
	struct pod_info draft = {
	    .uid = json_text(metadata, "uid"),
	    .name = json_text(metadata, "name"),
	    .ns = json_text(metadata, "namespace"),
	    .node = json_text(spec, "nodeName"),
	    .service_account = json_text(spec, "serviceAccountName"),
	    .ip = json_text(json_object_get(pod, "status"), "podIP"),
	};
	char memory[POD_TEXT_MAX];
	struct labels labels;
	struct kube_reference owner = controller_of(metadata, memory, sizeof(memory));
	enum kube_kind kind = kube_kind_by_name(owner.kind);

	draft.key = is_mirror(mirror, &owner) ? mirror : draft.uid;
	if (!is_key(draft.key) || !draft.name.n || !draft.ns.n) {
		error_set(err, -EBADMSG, "a pod without uid, name or namespace");
		return NULL;
	}
	read_labels(json_object_get(metadata, "labels"), &labels);
	draft.labels = labels.list;
	draft.label_count = labels.count;
	draft.owner_kind = owner.kind;
	draft.owner = (struct kube_object){.name = owner.name, .uid = owner.uid};
	draft.related[KUBE_NAMESPACE].name = draft.ns;
	if (kind < KUBE_KINDS && kind != KUBE_NAMESPACE)
		draft.related[kind] = draft.owner;
	return pod_info_new(&draft);
}

struct pod_info *kube_pod(struct str json, bool *is_over, struct error *err)
{
	json_t *root = load(json, err);
	struct pod_info *pod = root ? pod_of(root, err) : NULL;

	*is_over = has_ended(root);
	json_decref(root);
	return pod;
}

static void put_all(struct label_block *w, const struct kube_kept *from, struct kube_kept *to)
{
	*to = *from;
	to->object.name = label_block_put(w, from->object.name);
	to->object.uid = label_block_put(w, from->object.uid);
	to->ns = label_block_put(w, from->ns);
	to->owner.kind = label_block_put(w, from->owner.kind);
	to->owner.name = label_block_put(w, from->owner.name);
	to->owner.uid = label_block_put(w, from->owner.uid);
	label_block_put_labels(w, from->object.labels, from->object.label_count, &to->object.labels,
			       &to->object.label_count);
	label_block_put_labels(w, from->selector, from->selector_count, &to->selector,
			       &to->selector_count);
}

struct kube_kept *kube_kept(struct str json, struct error *err)
{
	json_t *root = load(json, err);
	const json_t *metadata = json_object_get(root, "metadata");
	char memory[POD_TEXT_MAX];
	struct labels labels, selector;
	struct kube_kept draft = {
	    .object = {.name = json_text(metadata, "name"), .uid = json_text(metadata, "uid")},
	    .ns = json_text(metadata, "namespace"),
	    .owner = controller_of(metadata, memory, sizeof(memory)),
	};
	struct kube_kept scratch, *kept = NULL;
	struct label_block w = {.text_max = POD_TEXT_MAX};

	read_labels(json_object_get(metadata, "labels"), &labels);
	read_labels(json_object_get(json_object_get(root, "spec"), "selector"), &selector);
	draft.object.labels = labels.list;
	draft.object.label_count = labels.count;
	draft.selector = selector.list;
	draft.selector_count = selector.count;
	if (root && draft.object.name.n && draft.object.uid.n) {
		put_all(&w, &draft, &scratch);
		draft.bytes = sizeof(*kept) + label_block_size(&w);
		kept = malloc(draft.bytes);
		if (!kept)
			abort();
		w = label_block_begin(&w, kept + 1);
		put_all(&w, &draft, kept);
	} else if (root) {
		error_set(err, -EBADMSG, "an object without name or uid");
	}
	json_decref(root);
	return kept;
}

static bool labels_equal(const struct container_label *a, const struct container_label *b,
			 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!str_equal(a[i].key, b[i].key) || !str_equal(a[i].value, b[i].value))
			return false;
	return true;
}

bool kube_kept_equal(const struct kube_kept *a, const struct kube_kept *b)
{
	return a->bytes == b->bytes && a->object.label_count == b->object.label_count &&
	       a->selector_count == b->selector_count &&
	       str_equal(a->object.name, b->object.name) &&
	       str_equal(a->object.uid, b->object.uid) && str_equal(a->owner.uid, b->owner.uid) &&
	       labels_equal(a->object.labels, b->object.labels, a->object.label_count) &&
	       labels_equal(a->selector, b->selector, a->selector_count);
}

static bool copy(char *out, size_t room, struct str s)
{
	out[0] = '\0';
	if (s.n >= room)
		return false;
	memcpy(out, s.n ? s.p : "", s.n);
	out[s.n] = '\0';
	return true;
}

static void copy_cut(char *out, size_t room, struct str s)
{
	copy(out, room, str_slice(s, 0, room - 1));
}

static enum kube_change change_of(struct str type)
{
	static const struct {
		const char *name;
		enum kube_change change;
	} changes[] = {{"ADDED", KUBE_ADDED},
		       {"MODIFIED", KUBE_MODIFIED},
		       {"DELETED", KUBE_DELETED},
		       {"BOOKMARK", KUBE_BOOKMARK},
		       {"ERROR", KUBE_ERROR}};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		if (str_equal_c(type, changes[i].name))
			return changes[i].change;
	return KUBE_OTHER;
}

static int read_event(const json_t *root, struct kube_event *out, struct error *err)
{
	const json_t *object = json_object_get(root, "object");
	const json_t *code = json_object_get(object, "code");

	out->change = change_of(json_text(root, "type"));
	if (out->change == KUBE_OTHER)
		return error_set(err, -EBADMSG, "an event of no known type");
	if (out->change == KUBE_ERROR) {
		out->code = json_is_integer(code) ? (int)json_integer_value(code) : 0;
		copy_cut(out->message, sizeof(out->message), json_text(object, "message"));
		return 0;
	}
	if (!copy(out->version, sizeof(out->version),
		  json_text(json_object_get(object, "metadata"), "resourceVersion")))
		return error_set(err, -EBADMSG, "a resource version of more than %d bytes",
				 KUBE_VERSION_MAX);
	if (out->change == KUBE_BOOKMARK)
		return 0;
	out->pod = pod_of(object, err);
	out->is_over = has_ended(object);
	return out->pod ? 0 : -EBADMSG;
}

int kube_event(struct str json, struct kube_event *out, struct error *err)
{
	json_t *root = load(json, err);
	int status;

	*out = (struct kube_event){0};
	if (!root)
		return -EBADMSG;
	status = read_event(root, out, err);
	json_decref(root);
	return status;
}

int kube_list(struct str rest, struct kube_list *out, struct error *err)
{
	json_t *root = load(rest, err);
	const json_t *metadata = json_object_get(root, "metadata");
	bool is_good;

	*out = (struct kube_list){0};
	if (!root)
		return -EBADMSG;
	is_good =
	    copy(out->version, sizeof(out->version), json_text(metadata, "resourceVersion")) &&
	    copy(out->continuing, sizeof(out->continuing), json_text(metadata, "continue"));
	json_decref(root);
	return is_good ? 0 : error_set(err, -EBADMSG, "the list's metadata are too long");
}

void kube_status_message(struct str json, char *out, size_t room)
{
	json_t *root = json_loadb(json.n ? json.p : "", json.n, 0, NULL);

	copy_cut(out, room, json_text(root, "message"));
	json_decref(root);
}
