/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/cri_messages.h"

#include "metadata/protobuf.h"
#include "state/json_text.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

enum { NAMESPACE_MODE_NODE = 2, CNI_MAX = 4096 };

/* Everything that one container's draft points to. */
struct draft {
	struct container_info info;
	struct container_label labels[CONTAINER_ITEMS_MAX], pod_labels[CONTAINER_ITEMS_MAX];
	struct container_mount mounts[CONTAINER_ITEMS_MAX];
	char image[CONTAINER_TEXT_MAX];
	json_t *json, *sandbox_json; /* texts of the draft may be theirs */
	char *cni;
};

static void cleanup_draft(struct draft *d)
{
	json_decref(d->json);
	json_decref(d->sandbox_json);
	free(d->cni);
}
#define CLEANUP_DRAFT __attribute__((cleanup(cleanup_draft)))

static json_t *parse(struct str json)
{
	return json.n ? json_loadb(json.p, json.n, 0, NULL) : NULL;
}

enum container_type cri_runtime_type(struct str version)
{
	struct str name = protobuf_bytes(version, 2);

	return str_equal_c(name, "containerd") ? CONTAINER_CONTAINERD
	       : str_equal_c(name, "cri-o")    ? CONTAINER_CRIO
					       : CONTAINER_CRI;
}

/* Entries of a map<string, string>. */
static struct str map_value(struct str message, uint32_t number, const char *key)
{
	struct str found = {"", 0};
	struct protobuf_field f;

	while (protobuf_next(&message, &f))
		if (f.number == number && str_equal_c(protobuf_bytes(f.bytes, 1), key))
			found = protobuf_bytes(f.bytes, 2);
	return found;
}

static void add_label(struct container_label *labels, uint32_t *count, struct str key,
		      struct str value)
{
	if (*count < CONTAINER_ITEMS_MAX && key.n)
		labels[(*count)++] = (struct container_label){key, value};
}

static void take_labels(struct str message, uint32_t number, struct container_label *labels,
			uint32_t *count, uint32_t label_max)
{
	struct protobuf_field f;

	while (protobuf_next(&message, &f)) {
		struct str value;

		if (f.number != number)
			continue;
		value = protobuf_bytes(f.bytes, 2);
		if (value.n <= label_max)
			add_label(labels, count, protobuf_bytes(f.bytes, 1), value);
	}
}

static void take_mounts(struct draft *d, struct str status)
{
	static const struct str propagations[] = {{"private", 7}, {"rslave", 6}, {"rshared", 7}};
	struct protobuf_field f;

	while (protobuf_next(&status, &f) && d->info.mount_count < CONTAINER_ITEMS_MAX) {
		uint64_t propagation;

		if (f.number != 14)
			continue;
		propagation = protobuf_integer(f.bytes, 5);
		d->mounts[d->info.mount_count++] = (struct container_mount){
		    .source = protobuf_bytes(f.bytes, 2),
		    .dest = protobuf_bytes(f.bytes, 1),
		    .mode = {"", 0},
		    .is_writable = !protobuf_integer(f.bytes, 3),
		    .propagation = propagation < 3 ? propagations[propagation] : STR("unknown"),
		};
	}
}

/* Which of the places in which runtimes say it comes first, and says anything. */
static bool is_privileged(const json_t *info)
{
	const json_t *in_config = json_object_get(
	    json_object_get(json_object_get(json_object_get(info, "config"), "linux"),
			    "security_context"),
	    "privileged");

	if (in_config)
		return json_is_true(in_config);
	return json_is_true(json_object_get(info, "privileged"));
}

static struct str annotation_of(const json_t *info, const char *key)
{
	return json_text(json_object_get(json_object_get(info, "runtimeSpec"), "annotations"), key);
}

/*
 * The image's names. What was asked for may be an id alone: then annotations say more. With a
 * digest the name is the one before it, and the tag that of what was asked for.
 */
static void take_image(struct draft *d, struct str status)
{
	struct container_info *info = &d->info;
	struct str asked = protobuf_bytes(protobuf_bytes(status, 8), 1), name = asked;
	struct str ref = protobuf_bytes(status, 9), tag, unused;
	const char *digest = ref.n ? memmem(ref.p, ref.n, "sha256:", 7) : NULL;
	size_t at = digest ? (size_t)(digest - ref.p) : 0;
	bool is_by_digest = digest && at > 0 && ref.p[at - 1] == '@';

	if (digest && (at == 0 || is_by_digest))
		info->image_digest = str_slice(ref, at, ref.n);
	if (is_by_digest)
		name = str_slice(ref, 0, at - 1);
	if (!name.n || str_starts_with(name, STR("sha256"))) {
		struct str told = annotation_of(d->json, "io.kubernetes.cri.image-name");

		if (!told.n)
			told = annotation_of(d->json, "io.kubernetes.cri-o.Image");
		if (!told.n)
			told = annotation_of(d->json, "io.kubernetes.cri-o.ImageName");
		if (told.n) {
			name = told;
			is_by_digest = false;
		}
	}
	info->image = name;
	container_image_split(name, &info->image_repository, &info->image_tag);
	container_image_split(asked, &unused, &tag);
	if (is_by_digest && tag.n && name.n + tag.n + 1 < sizeof(d->image)) {
		info->image_tag = tag;
		info->image.p = d->image;
		info->image.n = (size_t)snprintf(d->image, sizeof(d->image), "%.*s:%.*s",
						 STR_ARG(name), STR_ARG(tag));
	}
	/* A kubelet asks for an image by its id. */
	info->image_id =
	    json_text(json_object_get(json_object_get(d->json, "config"), "image"), "image");
	if (!str_starts_with(info->image_id, STR("sha256:")))
		info->image_id = str_starts_with(ref, STR("sha256:")) ? ref : STR("");
	info->image_id = str_slice(info->image_id, 7, info->image_id.n);
}

static void take_network(struct draft *d, struct str sandbox_info)
{
	const json_t *result;

	d->sandbox_json = parse(sandbox_info);
	result = json_object_get(d->sandbox_json, "cniResult");
	if (result)
		d->cni = json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	d->info.cni_json = d->cni ? str_from(d->cni)
				  : annotation_of(d->sandbox_json, "io.kubernetes.cri-o.CNIResult");
	d->info.cni_json = str_slice(d->info.cni_json, 0, CNI_MAX);
}

/* The pod's facts, from PodSandboxStatusResponse. */
static void take_pod(struct draft *d, struct str response, uint32_t label_max)
{
	struct str status = protobuf_bytes(response, 1);
	struct str metadata = protobuf_bytes(status, 2);
	struct str options = protobuf_bytes(protobuf_bytes(protobuf_bytes(status, 6), 1), 2);
	struct container_info *info = &d->info;

	if (!status.n)
		return;
	info->sandbox_id = protobuf_bytes(status, 1);
	info->ip = protobuf_bytes(protobuf_bytes(status, 5), 1);
	info->is_host_network = protobuf_integer(options, 1) == NAMESPACE_MODE_NODE;
	info->is_host_pid = protobuf_integer(options, 2) == NAMESPACE_MODE_NODE;
	info->is_host_ipc = protobuf_integer(options, 3) == NAMESPACE_MODE_NODE;
	take_labels(status, 7, d->pod_labels, &info->pod_label_count, label_max);
	add_label(d->labels, &info->label_count, STR("io.kubernetes.pod.name"),
		  protobuf_bytes(metadata, 1));
	add_label(d->labels, &info->label_count, STR("io.kubernetes.pod.uid"),
		  protobuf_bytes(metadata, 2));
	add_label(d->labels, &info->label_count, STR("io.kubernetes.pod.namespace"),
		  protobuf_bytes(metadata, 3));
	add_label(d->labels, &info->label_count, STR("io.kubernetes.sandbox.id"), info->sandbox_id);
	take_network(d, map_value(response, 2, "info"));
}

static struct container_info *finish(struct draft *d, struct error *err)
{
	d->info.labels = d->labels;
	d->info.pod_labels = d->pod_labels;
	d->info.mounts = d->mounts;
	if (d->info.full_id.n)
		return container_info_new(&d->info);
	error_set(err, -EBADMSG, "a container without an id");
	return NULL;
}

struct container_info *cri_container(struct str response, struct str sandbox,
				     enum container_type type, uint32_t label_max,
				     struct error *err)
{
	CLEANUP_DRAFT struct draft d = {.info.type = type};
	struct str status = protobuf_bytes(response, 1);

	d.json = parse(map_value(response, 2, "info"));
	d.info.full_id = protobuf_bytes(status, 1);
	d.info.name = protobuf_bytes(protobuf_bytes(status, 2), 1);
	d.info.is_privileged = is_privileged(d.json);
	/* The pod's first: of labels with one key one stays. */
	take_pod(&d, sandbox, label_max);
	take_labels(status, 12, d.labels, &d.info.label_count, label_max);
	take_mounts(&d, status);
	take_image(&d, status);
	return finish(&d, err);
}

struct container_info *cri_sandbox(struct str response, enum container_type type,
				   uint32_t label_max, struct error *err)
{
	CLEANUP_DRAFT struct draft d = {.info.type = type, .info.is_sandbox = true};
	struct str status = protobuf_bytes(response, 1);

	take_pod(&d, response, label_max);
	d.info.full_id = d.info.sandbox_id;
	d.info.name = protobuf_bytes(protobuf_bytes(status, 2), 1);
	d.json = parse(map_value(response, 2, "info"));
	d.info.image = json_text(d.json, "image");
	container_image_split(d.info.image, &d.info.image_repository, &d.info.image_tag);
	return finish(&d, err);
}

static bool has_option(const json_t *mount, const char *name)
{
	const json_t *options = json_object_get(mount, "options");

	for (size_t i = 0; i < json_array_size(options); i++) {
		const char *option = json_string_value(json_array_get(options, i));

		if (option && strcmp(option, name) == 0)
			return true;
	}
	return false;
}

/* As containerd itself makes a container privileged: nothing is masked, confined or read-only. */
static bool is_spec_privileged(const json_t *spec)
{
	const json_t *linux_part = json_object_get(spec, "linux");
	const json_t *process = json_object_get(spec, "process");
	const json_t *mounts = json_object_get(spec, "mounts");
	struct str apparmor = json_text(process, "apparmorProfile");

	if (!linux_part || !process || json_object_get(linux_part, "maskedPaths") ||
	    json_object_get(linux_part, "readonlyPaths") ||
	    json_object_get(linux_part, "seccomp") || json_text(process, "selinuxLabel").n ||
	    (apparmor.n && !str_equal_c(apparmor, "unconfined")))
		return false;
	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);
		struct str type = json_text(mount, "type");

		if ((str_equal_c(type, "sysfs") || str_equal_c(type, "cgroup")) &&
		    has_option(mount, "ro"))
			return false;
	}
	return true;
}

static bool has_namespace(const json_t *spec, const char *name)
{
	const json_t *list = json_object_get(json_object_get(spec, "linux"), "namespaces");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_equal_c(json_text(json_array_get(list, i), "type"), name))
			return true;
	return false;
}

static struct str mode_of(const json_t *mount)
{
	const json_t *options = json_object_get(mount, "options");

	for (size_t i = 0; i < json_array_size(options); i++) {
		struct str option = str_from(json_string_value(json_array_get(options, i)));

		if (str_starts_with(option, STR("mode=")))
			return str_slice(option, 5, option.n);
	}
	return (struct str){"", 0};
}

static void take_spec(struct draft *d, const json_t *spec)
{
	const json_t *mounts = json_object_get(spec, "mounts");
	struct str propagation = json_text(json_object_get(spec, "linux"), "rootfsPropagation");

	for (size_t i = 0; i < json_array_size(mounts) && i < CONTAINER_ITEMS_MAX; i++) {
		const json_t *m = json_array_get(mounts, i);

		d->mounts[d->info.mount_count++] = (struct container_mount){
		    .source = json_text(m, "source"),
		    .dest = json_text(m, "destination"),
		    .mode = mode_of(m),
		    .is_writable = !has_option(m, "ro"),
		    .propagation = propagation,
		};
	}
	d->info.is_privileged = is_spec_privileged(spec);
	d->info.is_host_pid = spec && !has_namespace(spec, "pid");
	d->info.is_host_network = spec && !has_namespace(spec, "network");
	d->info.is_host_ipc = spec && !has_namespace(spec, "ipc");
	d->info.sandbox_id =
	    json_text(json_object_get(spec, "annotations"), "io.kubernetes.cri.sandbox-id");
}

struct container_info *containerd_container(struct str container, struct str digest,
					    uint32_t label_max, struct error *err)
{
	CLEANUP_DRAFT struct draft d = {.info.type = CONTAINER_CONTAINERD};

	d.json = parse(protobuf_bytes(protobuf_bytes(container, 5), 2));
	d.info.full_id = protobuf_bytes(container, 1);
	d.info.name = container_short_id(d.info.full_id);
	d.info.image = protobuf_bytes(container, 3);
	d.info.image_digest = digest;
	container_image_split(d.info.image, &d.info.image_repository, &d.info.image_tag);
	take_labels(container, 2, d.labels, &d.info.label_count, label_max);
	take_spec(&d, d.json);
	if (!d.info.sandbox_id.n)
		d.info.sandbox_id = protobuf_bytes(container, 11);
	d.info.is_sandbox =
	    str_equal_c(map_value(container, 2, "io.cri-containerd.kind"), "sandbox");
	return finish(&d, err);
}
