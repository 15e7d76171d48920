/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/docker_json.h"

#include "state/json_text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/* Everything that one container's draft points to. */
struct draft {
	struct container_info info;
	struct container_label labels[CONTAINER_ITEMS_MAX];
	struct container_mount mounts[CONTAINER_ITEMS_MAX];
};

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}
#define CLEANUP_JSON __attribute__((cleanup(cleanup_json)))

static json_t *parse(struct str json, struct error *err)
{
	json_error_t why;
	json_t *root = json_loadb(json.n ? json.p : "", json.n, 0, &why);

	if (!root)
		error_set(err, -EBADMSG, "broken JSON at byte %d: %.128s", why.position, why.text);
	return root;
}

static struct str after(struct str s, struct str prefix)
{
	return str_starts_with(s, prefix) ? str_slice(s, prefix.n, s.n) : s;
}

static void take_labels(struct draft *d, const json_t *object, uint32_t label_max)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, key, v)
	{
		if (!json_is_string(v) || json_string_length(v) > label_max ||
		    d->info.label_count == CONTAINER_ITEMS_MAX)
			continue;
		d->labels[d->info.label_count++] = (struct container_label){
		    str_from(key), {json_string_value(v), json_string_length(v)}};
	}
	d->info.labels = d->labels;
}

static void take_mounts(struct draft *d, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && i < CONTAINER_ITEMS_MAX; i++) {
		const json_t *m = json_array_get(list, i);

		d->mounts[d->info.mount_count++] = (struct container_mount){
		    .source = json_text(m, "Source"),
		    .dest = json_text(m, "Destination"),
		    .mode = json_text(m, "Mode"),
		    .propagation = json_text(m, "Propagation"),
		    .is_writable = json_is_true(json_object_get(m, "RW")),
		};
	}
	d->info.mounts = d->mounts;
}

/* The first network's address where there is none for all. */
static struct str address_of(const json_t *settings)
{
	struct str address = json_text(settings, "IPAddress");
	const char *name;
	json_t *network;

	json_object_foreach(json_object_get(settings, "Networks"), name, network)
	{
		if (!address.n)
			address = json_text(network, "IPAddress");
	}
	return address;
}

/* What both APIs call alike. */
static bool take_common(struct draft *d, const json_t *root, uint32_t label_max, struct error *err)
{
	const json_t *host = json_object_get(root, "HostConfig");
	struct container_info *info = &d->info;

	info->full_id = json_text(root, "Id");
	info->name = after(json_text(root, "Name"), STR("/"));
	info->is_sandbox = info->name.n && memmem(info->name.p, info->name.n, "k8s_POD", 7);
	info->ip = address_of(json_object_get(root, "NetworkSettings"));
	info->is_privileged = json_is_true(json_object_get(host, "Privileged"));
	info->is_host_pid = str_equal(json_text(host, "PidMode"), STR("host"));
	info->is_host_network = str_equal(json_text(host, "NetworkMode"), STR("host"));
	info->is_host_ipc = str_equal(json_text(host, "IpcMode"), STR("host"));
	take_labels(d, json_object_get(json_object_get(root, "Config"), "Labels"), label_max);
	take_mounts(d, json_object_get(root, "Mounts"));
	if (!info->full_id.n || info->full_id.n > CONTAINER_TEXT_MAX) {
		error_set(err, -EBADMSG, "a container without an id");
		return false;
	}
	return true;
}

struct container_info *docker_container(struct str json, const struct docker_image *image,
					uint32_t label_max, struct error *err)
{
	CLEANUP_JSON json_t *root = parse(json, err);
	struct draft d = {.info.type = CONTAINER_DOCKER};

	if (!root || !take_common(&d, root, label_max, err))
		return NULL;
	d.info.image = json_text(json_object_get(root, "Config"), "Image");
	d.info.image_id = after(json_text(root, "Image"), STR("sha256:"));
	/* By which of its names an image was asked for, it does not say; and it may have none. */
	container_image_split(d.info.image, &d.info.image_repository, &d.info.image_tag);
	if (image) {
		if (image->repository[0])
			d.info.image_repository = str_from(image->repository);
		if (image->tag[0])
			d.info.image_tag = str_from(image->tag);
		d.info.image_digest = str_from(image->digest);
	}
	return container_info_new(&d.info);
}

void docker_container_image(struct str json, char *id, size_t room)
{
	CLEANUP_JSON json_t *root = parse(json, NULL);

	snprintf(id, room, "%.*s", STR_ARG(json_text(root, "Image")));
}

struct container_info *podman_container(struct str json, uint32_t label_max, struct error *err)
{
	CLEANUP_JSON json_t *root = parse(json, err);
	struct draft d = {.info.type = CONTAINER_PODMAN};

	if (!root || !take_common(&d, root, label_max, err))
		return NULL;
	d.info.image = json_text(root, "ImageName");
	d.info.image_id = json_text(root, "Image");
	d.info.image_digest = json_text(root, "ImageDigest");
	container_image_split(d.info.image, &d.info.image_repository, &d.info.image_tag);
	return container_info_new(&d.info);
}

static bool contains(struct str s, const char *part)
{
	return s.n && memmem(s.p, s.n, part, strlen(part));
}

static struct str item(const json_t *list, size_t i)
{
	const json_t *v = json_array_get(list, i);

	return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)}
				 : (struct str){"", 0};
}

/* The first "repository@digest", and the first "repository:tag" of the same repository. */
bool docker_image(struct str json, struct docker_image *out)
{
	CLEANUP_JSON json_t *root = parse(json, NULL);
	const json_t *digests = json_object_get(root, "RepoDigests");
	const json_t *tags = json_object_get(root, "RepoTags");

	*out = (struct docker_image){{0}, {0}, {0}};
	for (size_t i = 0; i < json_array_size(digests) && !out->digest[0]; i++) {
		struct str name = item(digests, i);
		size_t at = str_find_byte(name, '@', 0);

		if (at == name.n || at >= sizeof(out->repository))
			continue;
		snprintf(out->repository, sizeof(out->repository), "%.*s",
			 STR_ARG(str_slice(name, 0, at)));
		snprintf(out->digest, sizeof(out->digest), "%.*s",
			 STR_ARG(str_slice(name, at + 1, name.n)));
	}
	for (size_t i = 0; i < json_array_size(tags) && !out->tag[0]; i++) {
		struct str repository, tag, name = item(tags, i);

		container_image_split(name, &repository, &tag);
		if (!tag.n || repository.n >= sizeof(out->repository))
			continue;
		if (!out->repository[0])
			snprintf(out->repository, sizeof(out->repository), "%.*s",
				 STR_ARG(repository));
		if (contains(name, out->repository))
			snprintf(out->tag, sizeof(out->tag), "%.*s", STR_ARG(tag));
	}
	return root;
}

int docker_list(struct str json, docker_take_id *take, void *context, struct error *err)
{
	CLEANUP_JSON json_t *root = parse(json, err);

	if (!root)
		return -EBADMSG;
	if (!json_is_array(root))
		return error_set(err, -EBADMSG, "a list of containers that is none");
	for (size_t i = 0; i < json_array_size(root); i++) {
		struct str id = json_text(json_array_get(root, i), "Id");

		if (id.n)
			take(context, id);
	}
	return 0;
}

enum docker_event docker_event(struct str json, char *id, size_t room)
{
	CLEANUP_JSON json_t *root = parse(json, NULL);
	struct str action = json_text(root, "Action"), actor, status = json_text(root, "status");

	actor = json_text(json_object_get(root, "Actor"), "ID");
	if (!actor.n)
		actor = json_text(root, "id");
	if (!action.n)
		action = status.n ? status : json_text(root, "Status");
	if (!actor.n || actor.n >= room)
		return DOCKER_OTHER;
	snprintf(id, room, "%.*s", STR_ARG(actor));
	if (str_equal_c(action, "create") || str_equal_c(action, "start"))
		return DOCKER_ADDED;
	if (str_equal_c(action, "destroy") || str_equal_c(action, "remove"))
		return DOCKER_GONE;
	return DOCKER_OTHER;
}
