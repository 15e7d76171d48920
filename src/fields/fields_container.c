/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extractors of container.* and k8s.*. Outside of containers texts are empty and the name is
 * "host"; of a container that no runtime told of yet there is but its id and what its cgroup says.
 */
#include "fields/extractors.h"
#include "fields/scratch.h"

#include <fnmatch.h>

enum { SHOWN_SANDBOX_ID = 12, PATTERN_MAX = 4096 };

static const struct container_info host_info = {
    .full_id = {"host", 4}, .id = {"host", 4}, .name = {"host", 4}};

/* Those that runtimes without a service make have no name but the one in their cgroup. */
static bool is_named_by_cgroup(const struct container *c)
{
	return c->type == CONTAINER_LXC || c->type == CONTAINER_LIBVIRT_LXC ||
	       c->type == CONTAINER_NSPAWN || c->type == CONTAINER_BPM;
}

static const char *metadata_of(const struct container *c)
{
	if (!c)
		return "host";
	if (c->info)
		return "complete";
	return c->metadata == CONTAINER_LATE || c->metadata == CONTAINER_ASKED ? "incomplete"
									       : "none";
}

bool field_container(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct process *p = ctx->event->process;
	const struct container *c;

	if (!p)
		return false;
	c = p->container;
	switch ((enum container_value)use->field->selector) {
	case CONTAINER_ID:
		return answer_str(out, c ? c->id : host_info.id);
	case CONTAINER_FULL_ID:
		return answer_str(out, c ? c->full_id : host_info.full_id);
	case CONTAINER_TYPE:
		return answer_str(
		    out, c ? str_from(container_type_name(c->info ? c->info->type : c->type))
			   : STR("host"));
	case CONTAINER_START_TS:
		return p->pidns_start_time &&
		       answer_number(out, VALUE_ABSTIME, p->pidns_start_time);
	case CONTAINER_DURATION:
		return p->pidns_start_time && ctx->event->time >= p->pidns_start_time &&
		       answer_number(out, VALUE_RELTIME, ctx->event->time - p->pidns_start_time);
	case CONTAINER_METADATA:
		return answer_str(out, str_from(metadata_of(c)));
	}
	return false;
}

/* What is known of the container; NULL: nothing, where it has any. */
static const struct container_info *info_of(const struct field_context *ctx)
{
	const struct process *p = ctx->event->process;

	if (!p)
		return NULL;
	return p->container ? p->container->info : &host_info;
}

/* "key:value, key"; those of kubelets, and annotations, are left out as Falco leaves them out. */
static bool answer_labels(struct field_context *ctx, const struct container_label *labels,
			  uint32_t count, struct value *out)
{
	struct buffer text = scratch_text(ctx->scratch);

	for (uint32_t i = 0; i < count; i++) {
		if (str_starts_with(labels[i].key, STR("annotation.")) ||
		    str_starts_with(labels[i].key, STR("io.kubernetes.")))
			continue;
		if (text.n)
			buffer_put(&text, STR(", "));
		buffer_put(&text, labels[i].key);
		if (!labels[i].value.n)
			continue;
		buffer_putc(&text, ':');
		buffer_put(&text, labels[i].value);
	}
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

static void put_mount(struct buffer *text, const struct container_mount *m)
{
	buffer_put(text, m->source);
	buffer_putc(text, ':');
	buffer_put(text, m->dest);
	buffer_putc(text, ':');
	buffer_put(text, m->mode);
	buffer_put(text, m->is_writable ? STR(":true:") : STR(":false:"));
	buffer_put(text, m->propagation);
}

static bool answer_mounts(struct field_context *ctx, const struct container_info *info,
			  struct value *out)
{
	struct buffer text = scratch_text(ctx->scratch);

	for (uint32_t i = 0; i < info->mount_count; i++) {
		if (i)
			buffer_putc(&text, ',');
		put_mount(&text, &info->mounts[i]);
	}
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

static bool answer_label(const struct container_label *labels, uint32_t count, struct str key,
			 struct value *out)
{
	struct str text;

	return container_label_find(labels, count, key, &text) && answer_str(out, text);
}

/* Of a pod, what Kubernetes says of it where no runtime says anything. */
static bool kube_value(const struct field_context *ctx, enum container_info_value value,
		       struct value *out)
{
	const struct process *p = ctx->event->process;
	const struct pod *pod = p && p->container ? p->container->pod : NULL;

	if (!pod)
		return false;
	/* Kubelets name cgroups by it. */
	if (value == INFO_POD_UID)
		return answer_str(out, pod->key);
	return pod->info && (value == INFO_POD_NAME        ? answer_str(out, pod->info->name)
			     : value == INFO_POD_NAMESPACE ? answer_str(out, pod->info->ns)
			     : value == INFO_POD_IP        ? answer_str(out, pod->info->ip)
							   : false);
}

/* What a pod is said to be by its sandbox, where the container's own info does not say it. */
static const struct container_info *pod_of(struct field_context *ctx,
					   const struct container_info *info)
{
	const struct container_info *sandbox;

	if (!info->sandbox_id.n || info->pod_label_count || info->cni_json.n)
		return info;
	sandbox = container_set_info(state_containers(ctx->state), info->sandbox_id);
	return sandbox ? sandbox : info;
}

static bool kube_label(const struct field_context *ctx, struct str key, struct value *out)
{
	const struct pod_info *pod = field_pod(ctx);

	return pod && answer_label(pod->labels, pod->label_count, key, out);
}

static bool pod_value(struct field_context *ctx, const struct field_use *use,
		      const struct container_info *info, struct value *out)
{
	const struct container_info *pod = pod_of(ctx, info);

	switch ((enum container_info_value)use->field->selector) {
	case INFO_POD_LABEL:
		return answer_label(pod->pod_labels, pod->pod_label_count, use->key, out) ||
		       kube_label(ctx, use->key, out);
	case INFO_POD_LABELS:
		return pod->pod_label_count || !field_pod(ctx)
			   ? answer_labels(ctx, pod->pod_labels, pod->pod_label_count, out)
			   : answer_labels(ctx, field_pod(ctx)->labels, field_pod(ctx)->label_count,
					   out);
	case INFO_POD_IP:
		if (info->sandbox_id.n && (info->ip.n || pod->ip.n))
			return answer_str(out, info->ip.n ? info->ip : pod->ip);
		return kube_value(ctx, INFO_POD_IP, out) ||
		       (info->sandbox_id.n && answer_str(out, STR("")));
	case INFO_POD_CNI:
		return info->sandbox_id.n && answer_str(out, pod->cni_json);
	default:
		return false;
	}
}

/* Of a container that no runtime told of. */
static bool untold_value(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	enum container_info_value value = (enum container_info_value)use->field->selector;
	const struct process *p = ctx->event->process;
	const struct pod_info *pod = field_pod(ctx);

	if (value == INFO_NAME)
		return p && is_named_by_cgroup(p->container) &&
		       answer_str(out, p->container->full_id);
	if (value == INFO_POD_LABEL)
		return kube_label(ctx, use->key, out);
	if (value == INFO_POD_LABELS)
		return pod && answer_labels(ctx, pod->labels, pod->label_count, out);
	return kube_value(ctx, value, out);
}

bool field_container_info(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct container_info *info = info_of(ctx);
	enum container_info_value value = (enum container_info_value)use->field->selector;

	if (!info)
		return untold_value(ctx, use, out);
	switch (value) {
	case INFO_NAME:
		return answer_str(out, info->name);
	case INFO_IMAGE:
		return answer_str(out, info->image);
	case INFO_IMAGE_ID:
		return answer_str(out, info->image_id);
	case INFO_PRIVILEGED:
		return answer_bool(out, info->is_privileged);
	case INFO_REPOSITORY:
		return answer_str(out, info->image_repository);
	case INFO_TAG:
		return answer_str(out, info->image_tag);
	case INFO_DIGEST:
		return answer_str(out, info->image_digest);
	case INFO_IP:
		return answer_str(out, info->ip);
	case INFO_CNI:
		return answer_str(out, info->cni_json);
	case INFO_HOST_PID:
		return answer_bool(out, info->is_host_pid);
	case INFO_HOST_NETWORK:
		return answer_bool(out, info->is_host_network);
	case INFO_HOST_IPC:
		return answer_bool(out, info->is_host_ipc);
	case INFO_LABEL:
		return answer_label(info->labels, info->label_count, use->key, out);
	case INFO_LABELS:
		return answer_labels(ctx, info->labels, info->label_count, out);
	case INFO_MOUNTS:
		return answer_mounts(ctx, info, out);
	case INFO_POD_NAME:
		return answer_label(info->labels, info->label_count, STR(LABEL_POD_NAME), out) ||
		       kube_value(ctx, value, out);
	case INFO_POD_NAMESPACE:
		return answer_label(info->labels, info->label_count, STR(LABEL_POD_NAMESPACE),
				    out) ||
		       kube_value(ctx, value, out);
	case INFO_POD_UID:
		return answer_label(info->labels, info->label_count, STR(LABEL_POD_UID), out) ||
		       kube_value(ctx, value, out);
	case INFO_POD_SANDBOX_ID:
		return answer_str(out, str_slice(info->sandbox_id, 0, SHOWN_SANDBOX_ID));
	case INFO_POD_FULL_SANDBOX_ID:
		return answer_str(out, info->sandbox_id);
	default:
		return pod_value(ctx, use, info, out);
	}
}

/* By number; or the first whose source (for its source: whose destination) fits the name. */
static const struct container_mount *find_mount(const struct container_info *info,
						const struct field_use *use)
{
	char pattern[PATTERN_MAX];

	if (use->is_index)
		return use->index < info->mount_count ? &info->mounts[use->index] : NULL;
	if (use->key.n >= sizeof(pattern))
		return NULL;
	memcpy(pattern, use->key.p, use->key.n);
	pattern[use->key.n] = '\0';
	for (uint32_t i = 0; i < info->mount_count; i++) {
		const struct container_mount *m = &info->mounts[i];
		struct str name = use->field->selector == MOUNT_SOURCE ? m->dest : m->source;

		/* Texts of an info end with a NUL. */
		if (fnmatch(pattern, name.p, 0) == 0)
			return m;
	}
	return NULL;
}

bool field_container_mount(struct field_context *ctx, const struct field_use *use,
			   struct value *out)
{
	const struct container_info *info = info_of(ctx);
	const struct container_mount *m = info ? find_mount(info, use) : NULL;
	struct buffer text;

	if (!m)
		return false;
	switch ((enum container_mount_value)use->field->selector) {
	case MOUNT_WHOLE:
		text = scratch_text(ctx->scratch);
		put_mount(&text, m);
		return answer_str(out, scratch_keep(ctx->scratch, &text));
	case MOUNT_SOURCE:
		return answer_str(out, m->source);
	case MOUNT_DEST:
		return answer_str(out, m->dest);
	case MOUNT_MODE:
		return answer_str(out, m->mode);
	case MOUNT_RDWR:
		return answer_str(out, m->is_writable ? STR("true") : STR("false"));
	case MOUNT_PROPAGATION:
		return answer_str(out, m->propagation);
	}
	return false;
}
