/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extractors of k8smeta.*, and of those k8s.* that no runtime tells: what Kubernetes said of the
 * pod that the process is in. Outside of pods, and where nothing was said, values are absent.
 */
#include "fields/extractors.h"
#include "fields/scratch.h"

const struct pod_info *field_pod(const struct field_context *ctx)
{
	const struct process *p = ctx->event->process;
	const struct pod *pod = p && p->container ? p->container->pod : NULL;

	return pod ? pod->info : NULL;
}

/* The objects that a selector means. */
static uint32_t objects_of(const struct pod_info *pod, unsigned of, struct kube_object *memory,
			   const struct kube_object **out)
{
	*out = memory;
	switch (of) {
	case KUBE_OF_POD:
		*memory = (struct kube_object){pod->name, pod->uid, pod->labels, pod->label_count};
		return 1;
	case KUBE_OF_SERVICES:
		*out = pod->services;
		return pod->service_count;
	case KUBE_OF_OWNER:
		*out = &pod->owner;
		break;
	default:
		*out = &pod->related[of];
		/* The pod itself names its namespace. */
		if (of == KUBE_NAMESPACE && !(*out)->name.n) {
			*memory = **out;
			memory->name = pod->ns;
			*out = memory;
		}
	}
	return (*out)->name.n || (*out)->uid.n;
}

/* Values of objects, one after the other; without a list they are only counted. */
struct values {
	struct arena *scratch;
	struct value *list;
	uint32_t count;
};

static void add(struct values *v, struct str s)
{
	if (v->list)
		v->list[v->count] = value_str(s);
	v->count++;
}

static void add_label(struct values *v, const struct container_label *label)
{
	struct buffer text;

	if (!v->list) {
		v->count++;
		return;
	}
	text = scratch_text(v->scratch);
	buffer_put(&text, label->key);
	buffer_putc(&text, ':');
	buffer_put(&text, label->value);
	add(v, scratch_keep(v->scratch, &text));
}

static void add_object(struct values *v, const struct kube_object *o, unsigned part, struct str key)
{
	struct str text;

	switch (part) {
	case KUBE_NAME:
		if (o->name.n)
			add(v, o->name);
		break;
	case KUBE_UID:
		if (o->uid.n)
			add(v, o->uid);
		break;
	case KUBE_LABEL:
		if (container_label_find(o->labels, o->label_count, key, &text))
			add(v, text);
		break;
	default:
		for (uint32_t i = 0; i < o->label_count; i++)
			add_label(v, &o->labels[i]);
	}
}

static bool gather(struct values *v, const struct pod_info *pod, const struct field_use *use)
{
	const struct kube_object *objects;
	struct kube_object memory = {0};
	unsigned selector = use->field->selector & ~(unsigned)KUBE_JOINED;
	uint32_t count = objects_of(pod, selector >> 8, &memory, &objects);

	v->count = 0;
	for (uint32_t i = 0; i < count; i++)
		add_object(v, &objects[i], selector & 0xff, use->key);
	return v->count > 0;
}

/* "a, b", as the older fields tell several. */
static bool answer_joined(struct field_context *ctx, const struct values *v, struct value *out)
{
	struct buffer text = scratch_text(ctx->scratch);

	for (uint32_t i = 0; i < v->count; i++) {
		if (i)
			buffer_put(&text, STR(", "));
		buffer_put(&text, v->list[i].str);
	}
	return answer_str(out, scratch_keep(ctx->scratch, &text));
}

bool field_kube(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct pod_info *pod = field_pod(ctx);
	struct values v = {.scratch = ctx->scratch};

	if (!pod || !gather(&v, pod, use))
		return false;
	v.list = ARENA_ARRAY(ctx->scratch, struct value, v.count);
	if (!v.list || !gather(&v, pod, use))
		return false;
	if (use->field->selector & KUBE_JOINED && v.count > 1)
		return answer_joined(ctx, &v, out);
	if (!(use->field->flags & FIELD_LIST))
		return answer_str(out, v.list[0].str);
	*out =
	    (struct value){.type = VALUE_STRING, .is_list = true, .count = v.count, .list = v.list};
	return true;
}

static struct str metadata_of(const struct field_context *ctx)
{
	const struct process *p = ctx->event->process;
	const struct pod *pod = p->container ? p->container->pod : NULL;

	if (!pod)
		return p->container ? STR("none") : STR("host");
	if (pod->info && pod->info->is_complete)
		return STR("complete");
	return pod->info || pod->metadata == CONTAINER_LATE || pod->metadata == CONTAINER_ASKED
		   ? STR("incomplete")
		   : STR("none");
}

static bool answer_known(struct value *out, struct str s)
{
	return s.n && answer_str(out, s);
}

bool field_kube_pod(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct pod_info *pod = field_pod(ctx);

	if (use->field->selector == KUBE_METADATA)
		return ctx->event->process && answer_str(out, metadata_of(ctx));
	if (!pod)
		return false;
	switch ((enum kube_pod_value)use->field->selector) {
	case KUBE_POD_IP:
		return answer_known(out, pod->ip);
	case KUBE_POD_NODE:
		return answer_known(out, pod->node);
	case KUBE_POD_SERVICE_ACCOUNT:
		return answer_known(out, pod->service_account);
	case KUBE_POD_OWNER_KIND:
		return answer_known(out, pod->owner_kind);
	case KUBE_METADATA:
		break;
	}
	return false;
}
