/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of captures that tell of containers: JSON as Falco's container plugin and the programs
 * before it wrote it, in container events, and in async events named container_added. And of pods:
 * state/pod_event.h.
 */
#include "state/container_event.h"

#include "state/replay.h"
#include "state/state_internal.h"

#include <jansson.h>

/* Numbers of kinds of containers in captures. */
static const struct {
	int number;
	enum container_type type;
} types[] = {
    {0, CONTAINER_DOCKER}, {1, CONTAINER_LXC},        {2, CONTAINER_LIBVIRT_LXC},
    {6, CONTAINER_CRI},    {7, CONTAINER_CONTAINERD}, {8, CONTAINER_CRIO},
    {9, CONTAINER_BPM},    {10, CONTAINER_STATIC},    {11, CONTAINER_PODMAN},
};

static enum container_type type_of(const json_t *number)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (json_is_integer(number) && json_integer_value(number) == types[i].number)
			return types[i].type;
	return CONTAINER_RUNC;
}

static struct str text(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)}
				 : (struct str){"", 0};
}

static uint32_t labels_of(const json_t *object, struct container_label *out)
{
	uint32_t n = 0;

	for (void *i = json_object_iter((json_t *)(uintptr_t)object); i && n < CONTAINER_ITEMS_MAX;
	     i = json_object_iter_next((json_t *)(uintptr_t)object, i)) {
		const json_t *v = json_object_iter_value(i);

		if (json_is_string(v))
			out[n++] =
			    (struct container_label){str_from(json_object_iter_key(i)),
						     {json_string_value(v), json_string_length(v)}};
	}
	return n;
}

static uint32_t mounts_of(const json_t *list, struct container_mount *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < json_array_size(list) && n < CONTAINER_ITEMS_MAX; i++) {
		const json_t *m = json_array_get(list, i);

		out[n++] = (struct container_mount){
		    .source = text(m, "Source"),
		    .dest = text(m, "Destination"),
		    .mode = text(m, "Mode"),
		    .propagation = text(m, "Propagation"),
		    .is_writable = json_is_true(json_object_get(m, "RW")),
		};
	}
	return n;
}

static struct container_info *info_of(const json_t *c)
{
	struct container_label labels[CONTAINER_ITEMS_MAX], pod_labels[CONTAINER_ITEMS_MAX];
	struct container_mount mounts[CONTAINER_ITEMS_MAX];
	struct container_info draft = {
	    .type = type_of(json_object_get(c, "type")),
	    .full_id = text(c, "full_id"),
	    .name = text(c, "name"),
	    .image = text(c, "image"),
	    .image_id = text(c, "imageid"),
	    .image_repository = text(c, "imagerepo"),
	    .image_tag = text(c, "imagetag"),
	    .image_digest = text(c, "imagedigest"),
	    .ip = text(c, "ip"),
	    .cni_json = text(c, "cni_json"),
	    .sandbox_id = text(c, "pod_sandbox_id"),
	    .is_privileged = json_is_true(json_object_get(c, "privileged")),
	    .is_host_pid = json_is_true(json_object_get(c, "host_pid")),
	    .is_host_network = json_is_true(json_object_get(c, "host_network")),
	    .is_host_ipc = json_is_true(json_object_get(c, "host_ipc")),
	    .is_sandbox = json_is_true(json_object_get(c, "is_pod_sandbox")),
	    .labels = labels,
	    .pod_labels = pod_labels,
	    .mounts = mounts,
	};

	/* What was written before there were whole ids. */
	if (!draft.full_id.n)
		draft.full_id = text(c, "id");
	draft.label_count = labels_of(json_object_get(c, "labels"), labels);
	draft.pod_label_count = labels_of(json_object_get(c, "pod_sandbox_labels"), pod_labels);
	draft.mount_count = mounts_of(json_object_get(c, "Mounts"), mounts);
	return draft.full_id.n ? container_info_new(&draft) : NULL;
}

struct container_info *container_info_from_event(struct str json)
{
	json_t *root, *inner;
	struct container_info *info = NULL;

	/* A text ends with a NUL that is of no use here. */
	json = str_slice(json, 0, str_find_byte(json, '\0', 0));
	root = json_loadb(json.p ? json.p : "", json.n, 0, NULL);
	inner = json_object_get(root, "container");
	if (json_is_object(root))
		info = info_of(json_is_object(inner) ? inner : root);
	json_decref(root);
	return info;
}

static void learn(struct replaying *r, struct str json)
{
	struct container_info *info = container_info_from_event(json);

	if (!info)
		return;
	container_set_learn(state_containers(r->s), info);
	process_table_changed(r->s->processes);
}

static void do_container(struct replaying *r)
{
	learn(r, replay_bytes(r, 0));
}

static void learn_pod(struct replaying *r, struct str json)
{
	struct replay *replay = r->s->replay;

	if (!replay->pods)
		replay->pods = pod_story_new();
	json = str_slice(json, 0, str_find_byte(json, '\0', 0));
	if (pod_story_tell(replay->pods, json, container_set_pods(state_containers(r->s))))
		process_table_changed(r->s->processes);
}

enum { ASYNC_NAME = 1, ASYNC_DATA };

static void do_async(struct replaying *r)
{
	struct str name = replay_bytes(r, ASYNC_NAME);

	name = str_slice(name, 0, str_find_byte(name, '\0', 0));
	if (str_equal_c(name, "container_added"))
		learn(r, replay_bytes(r, ASYNC_DATA));
	else if (str_equal_c(name, "k8s"))
		learn_pod(r, replay_bytes(r, ASYNC_DATA));
}

const struct replay_handler replay_container_handlers[] = {
    {"container", do_container, NULL, NULL}, {"asyncevent", do_async, NULL, NULL}, {0}};

struct container_set *state_containers(struct state *s)
{
	return process_table_containers(s->processes);
}

void state_expire_containers(struct state *s, uint64_t patience_ns)
{
	struct container_set *containers = state_containers(s);
	bool has_changed = container_set_update(containers);

	if (container_set_expire(containers, patience_ns) || has_changed)
		process_table_changed(s->processes);
}
