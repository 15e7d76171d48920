/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of captures that tell of containers: JSON as Falco's container plugin and the programs
 * before it wrote it, in container events, and in async events named container_added. And of pods:
 * state/pod_event.h.
 */
#include "state/container_event.h"

#include "state/json_text.h"
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

enum { TYPE_OTHER = 5 }; /* of no engine that has a number */

static enum container_type type_of(const json_t *number)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (json_is_integer(number) && json_integer_value(number) == types[i].number)
			return types[i].type;
	return CONTAINER_RUNC;
}

static struct str string_at(const json_t *list, size_t i)
{
	return json_text_of(json_array_get(list, i));
}

static uint32_t mounts_of(const json_t *list, struct container_mount *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < json_array_size(list) && n < CONTAINER_ITEMS_MAX; i++) {
		const json_t *m = json_array_get(list, i);

		out[n++] = (struct container_mount){
		    .source = json_text(m, "Source"),
		    .dest = json_text(m, "Destination"),
		    .mode = json_text(m, "Mode"),
		    .propagation = json_text(m, "Propagation"),
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
	    .full_id = json_text(c, "full_id"),
	    .name = json_text(c, "name"),
	    .image = json_text(c, "image"),
	    .image_id = json_text(c, "imageid"),
	    .image_repository = json_text(c, "imagerepo"),
	    .image_tag = json_text(c, "imagetag"),
	    .image_digest = json_text(c, "imagedigest"),
	    .ip = json_text(c, "ip"),
	    .cni_json = json_text(c, "cni_json"),
	    .sandbox_id = json_text(c, "pod_sandbox_id"),
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
		draft.full_id = json_text(c, "id");
	draft.label_count = json_labels(json_object_get(c, "labels"), labels, CONTAINER_ITEMS_MAX);
	draft.pod_label_count =
	    json_labels(json_object_get(c, "pod_sandbox_labels"), pod_labels, CONTAINER_ITEMS_MAX);
	draft.mount_count = mounts_of(json_object_get(c, "Mounts"), mounts);
	return draft.full_id.n ? container_info_new(&draft) : NULL;
}

static json_t *parse(struct str json)
{
	/* A text ends with a NUL that is of no use here. */
	json = str_slice(json, 0, str_find_byte(json, '\0', 0));
	return json_loadb(json.p ? json.p : "", json.n, 0, NULL);
}

struct container_info *container_info_from_event(struct str json)
{
	json_t *root = parse(json), *inner = json_object_get(root, "container");
	struct container_info *info = NULL;

	if (json_is_object(root))
		info = info_of(json_is_object(inner) ? inner : root);
	json_decref(root);
	return info;
}

#define OURS "saker" /* the key of what other readers have no name for */

static const char *const metadata_names[] = {
    [CONTAINER_UNASKED] = "unasked", [CONTAINER_ASKED] = "asked", [CONTAINER_TOLD] = "told",
    [CONTAINER_UNTOLD] = "untold",   [CONTAINER_LATE] = "late",
};
static const char *const users_names[] = {
    [CONTAINER_USERS_HOSTS] = "hosts",
    [CONTAINER_USERS_ASKED] = "asked",
    [CONTAINER_USERS_UNKNOWN] = "unknown",
    [CONTAINER_USERS_OWN] = "own",
};

/* Bytes that are no UTF-8 have no place in JSON. */
static json_t *string(struct str s)
{
	json_t *v = json_stringn(s.n ? s.p : "", s.n);

	return v ? v : json_string("");
}

static json_t *labels_to(const struct container_label *labels, uint32_t count)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < count; i++)
		json_object_setn_new(object, labels[i].key.p, labels[i].key.n,
				     string(labels[i].value));
	return object;
}

static json_t *mounts_to(const struct container_info *info)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < info->mount_count; i++) {
		const struct container_mount *m = &info->mounts[i];

		json_array_append_new(
		    list, json_pack("{s:o,s:o,s:o,s:b,s:o}", "Source", string(m->source),
				    "Destination", string(m->dest), "Mode", string(m->mode), "RW",
				    (int)m->is_writable, "Propagation", string(m->propagation)));
	}
	return list;
}

static int number_of(enum container_type type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type)
			return types[i].number;
	return TYPE_OTHER;
}

static void put_info(json_t *c, const struct container_info *info, bool is_whole)
{
	const struct {
		const char *key;
		struct str value;
	} texts[] = {
	    {"name", info->name},
	    {"image", info->image},
	    {"imageid", info->image_id},
	    {"imagerepo", info->image_repository},
	    {"imagetag", info->image_tag},
	    {"imagedigest", info->image_digest},
	    {"ip", info->ip},
	    {"cni_json", info->cni_json},
	    {"pod_sandbox_id", info->sandbox_id},
	};
	const struct {
		const char *key;
		bool value;
	} flags[] = {
	    {"privileged", info->is_privileged},     {"host_pid", info->is_host_pid},
	    {"host_network", info->is_host_network}, {"host_ipc", info->is_host_ipc},
	    {"is_pod_sandbox", info->is_sandbox},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		json_object_set_new(c, texts[i].key, string(texts[i].value));
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		json_object_set_new(c, flags[i].key, json_boolean(flags[i].value));
	if (!is_whole)
		return;
	json_object_set_new(c, "labels", labels_to(info->labels, info->label_count));
	json_object_set_new(c, "pod_sandbox_labels",
			    labels_to(info->pod_labels, info->pod_label_count));
	json_object_set_new(c, "Mounts", mounts_to(info));
}

static void put_user(void *context, const struct user *u)
{
	json_array_append_new(context,
			      json_pack("[I,I,o,o,o]", (json_int_t)u->uid, (json_int_t)u->gid,
					string(u->name), string(u->home), string(u->shell)));
}

static void put_group(void *context, const struct group *g)
{
	json_array_append_new(context, json_pack("[I,o]", (json_int_t)g->gid, string(g->name)));
}

static json_t *ours_of(const struct container *c, bool has_users)
{
	json_t *ours = json_pack("{s:s,s:i,s:s}", "metadata", metadata_names[c->metadata], "cgroup",
				 (int)c->type, "users", users_names[c->users]);
	json_t *users = json_array(), *groups = json_array();

	if (c->own_users && has_users) {
		user_table_each_user(c->own_users, put_user, users);
		user_table_each_group(c->own_users, put_group, groups);
	}
	json_object_set_new(ours, "passwd", users);
	json_object_set_new(ours, "group", groups);
	return ours;
}

static char *text_of(const struct container *c, bool has_users, bool is_whole)
{
	enum container_type type = c->info ? c->info->type : c->type;
	json_t *object = json_pack("{s:i,s:o,s:o}", "type", number_of(type), "id", string(c->id),
				   "full_id", string(c->full_id));
	json_t *root = json_pack("{s:o,s:o}", "container", object, OURS, ours_of(c, has_users));
	char *text;

	if (c->info)
		put_info(object, c->info, is_whole);
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

char *container_event_text(const struct container *c, size_t most)
{
	for (int less = 0; less < 3; less++) {
		char *text = text_of(c, less < 1, less < 2);

		if (text && strlen(text) < most)
			return text;
		free(text);
	}
	return NULL;
}

static int index_of(const char *name, const char *const *names, int count)
{
	for (int i = 0; name && i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0;
}

static struct user_table *users_from(const json_t *ours)
{
	struct user_table *users = user_table_new();
	const json_t *list = json_object_get(ours, "passwd"), *item;

	for (size_t i = 0; (item = json_array_get(list, i)); i++)
		user_table_add_user(
		    users, &(struct user){
			       .uid = (uint32_t)json_integer_value(json_array_get(item, 0)),
			       .gid = (uint32_t)json_integer_value(json_array_get(item, 1)),
			       .name = string_at(item, 2),
			       .home = string_at(item, 3),
			       .shell = string_at(item, 4),
			   });
	list = json_object_get(ours, "group");
	for (size_t i = 0; (item = json_array_get(list, i)); i++)
		user_table_add_group(
		    users, &(struct group){
			       .gid = (uint32_t)json_integer_value(json_array_get(item, 0)),
			       .name = string_at(item, 1),
			   });
	return users;
}

/* A recording of ours says how it was when it was recorded. */
static bool retell(struct container_set *set, const json_t *root)
{
	const json_t *c = json_object_get(root, "container"), *ours = json_object_get(root, OURS);
	json_int_t type = json_integer_value(json_object_get(ours, "cgroup"));
	struct container told = {
	    .type = type > CONTAINER_NONE && type <= CONTAINER_RUNC ? (enum container_type)type
								    : CONTAINER_RUNC,
	    .full_id = json_text(c, "full_id"),
	    .id = json_text(c, "id"),
	    .metadata = index_of(json_string_value(json_object_get(ours, "metadata")),
				 metadata_names, CONTAINER_LATE + 1),
	    .users = index_of(json_string_value(json_object_get(ours, "users")), users_names,
			      CONTAINER_USERS_OWN + 1),
	};
	struct container_info *info = json_object_get(c, "image") ? info_of(c) : NULL;

	if (!told.full_id.n || !str_starts_with(told.full_id, told.id) ||
	    (told.metadata != CONTAINER_ASKED && told.users == CONTAINER_USERS_ASKED)) {
		container_info_release(info);
		return false;
	}
	if (told.metadata != CONTAINER_ASKED && told.users == CONTAINER_USERS_OWN)
		told.own_users = users_from(ours);
	if (info)
		container_set_learn(set, info);
	container_set_retell(set, &told);
	return true;
}

bool container_event_take(struct container_set *set, struct str json)
{
	json_t *root = parse(json);
	bool is_ours = json_is_object(json_object_get(root, "container")) &&
		       json_is_object(json_object_get(root, OURS));
	bool is_good = is_ours && retell(set, root);
	struct container_info *info = is_ours ? NULL : container_info_from_event(json);

	json_decref(root);
	if (info)
		container_set_learn(set, info);
	return is_good || info;
}

static void learn(struct replaying *r, struct str json)
{
	if (container_event_take(state_containers(r->s), json))
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
