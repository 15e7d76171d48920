/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's own API: containers of ctr, nerdctl and the like, in all of its namespaces. That of
 * Kubernetes is left to CRI where that is asked, which knows more of it.
 */
#include "base/vec.h"
#include "metadata/cri_messages.h"
#include "metadata/grpc.h"
#include "metadata/protobuf.h"
#include "metadata/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LIST_MAX = 32 * 1024 * 1024,
	EVENT_MAX = 4 * 1024 * 1024,
	NAMESPACE_MAX = 77, /* containerd's own limit is 76 */
	NAMESPACES_MOST = 64,
	NAMED_MOST = 4096,
	DIGEST_MAX = 160,
};

#define CONTAINERS "/containerd.services.containers.v1.Containers/"

struct named {
	bool is_gone;
	char namespace[NAMESPACE_MAX];
	char id[RUNTIME_ID_MAX + 1];
};

struct client {
	struct runtime *r;
	struct grpc_client *grpc;
	VEC(struct named) named;
	char *kept;
};

static int call(struct client *c, const char *path, const struct protobuf_message *request,
		size_t most, struct str *out, struct error *err)
{
	return grpc_call(c->grpc, path, protobuf_str(request), most, RUNTIME_PATIENCE_MS, out, err);
}

static bool is_skipped(const struct client *c, struct str namespace)
{
	return namespace.n >= NAMESPACE_MAX ||
	       (c->r->skip_kubernetes && str_equal_c(namespace, "k8s.io"));
}

/* Empty where it cannot be had. */
static int ask_digest(struct client *c, struct str image, char *digest, struct error *err)
{
	struct protobuf_message request = {.n = 0};
	struct str answer;
	int status;

	digest[0] = '\0';
	if (!image.n)
		return 0;
	protobuf_put_bytes(&request, 1, image);
	if (request.is_full)
		return 0;
	status = call(c, "/containerd.services.images.v1.Images/Get", &request, RUNTIME_ANSWER_MAX,
		      &answer, err);
	if (status < 0)
		return status;
	snprintf(digest, DIGEST_MAX, "%.*s",
		 STR_ARG(protobuf_bytes(protobuf_bytes(protobuf_bytes(answer, 1), 3), 2)));
	return 0;
}

/* In the namespace that is set. */
static int look_up_here(struct client *c, struct str id, struct container_info **out,
			struct error *err)
{
	struct protobuf_message request = {.n = 0};
	char digest[DIGEST_MAX];
	struct str answer;
	char *copy;
	int status;

	protobuf_put_bytes(&request, 1, id);
	status = call(c, CONTAINERS "Get", &request, RUNTIME_ANSWER_MAX, &answer, err);
	if (status != GRPC_OK)
		return status < 0 ? status : 0;
	copy = realloc(c->kept, answer.n + 1);
	if (!copy)
		return error_set(err, -ENOMEM, "no memory for an answer");
	c->kept = copy;
	memcpy(copy, answer.p, answer.n);
	answer = protobuf_bytes((struct str){copy, answer.n}, 1);
	status = ask_digest(c, protobuf_bytes(answer, 3), digest, err);
	if (status < 0)
		return status;
	*out = containerd_container(answer, str_from(digest), c->r->label_max, err);
	return *out ? 1 : -EBADMSG;
}

struct namespaces {
	char names[NAMESPACES_MOST][NAMESPACE_MAX];
	size_t count;
};

static int list_namespaces(struct client *c, struct namespaces *out, struct error *err)
{
	struct protobuf_message request = {.n = 0};
	struct protobuf_field f;
	struct str answer;
	int status;

	grpc_set_namespace(c->grpc, NULL);
	status = call(c, "/containerd.services.namespaces.v1.Namespaces/List", &request,
		      RUNTIME_ANSWER_MAX, &answer, err);
	out->count = 0;
	if (status < 0)
		return status;
	if (status != GRPC_OK)
		return error_set(err, -EBADMSG, "namespaces: gRPC status %d", status);
	while (protobuf_next(&answer, &f) && out->count < NAMESPACES_MOST) {
		struct str name = protobuf_bytes(f.bytes, 1);

		if (f.number == 1 && !is_skipped(c, name))
			snprintf(out->names[out->count++], NAMESPACE_MAX, "%.*s", STR_ARG(name));
	}
	return 0;
}

static int look_up(void *context, struct str id, struct container_info **out, struct error *err)
{
	struct client *c = context;
	struct namespaces namespaces;
	int status = list_namespaces(c, &namespaces, err);

	for (size_t i = 0; i < namespaces.count && status == 0; i++) {
		grpc_set_namespace(c->grpc, namespaces.names[i]);
		status = look_up_here(c, id, out, err);
	}
	return status;
}

static void name(struct client *c, struct str namespace, struct str id, bool is_gone)
{
	struct named n = {.is_gone = is_gone};

	if (!id.n || id.n > RUNTIME_ID_MAX || c->named.count >= NAMED_MOST ||
	    is_skipped(c, namespace))
		return;
	memcpy(n.id, id.p, id.n);
	if (namespace.n)
		memcpy(n.namespace, namespace.p, namespace.n);
	VEC_PUSH(&c->named, n);
}

static void take_event(void *context, struct str envelope)
{
	struct client *c = context;
	struct str topic = protobuf_bytes(envelope, 3);
	struct str id = protobuf_bytes(protobuf_bytes(protobuf_bytes(envelope, 4), 2), 1);
	bool is_gone = str_equal_c(topic, "/containers/delete");

	if (is_gone || (str_equal_c(topic, "/containers/create") && !c->r->skip_create) ||
	    (str_equal_c(topic, "/tasks/start") && c->r->with_start))
		name(c, protobuf_bytes(envelope, 2), id, is_gone);
}

static int list(struct client *c, struct error *err)
{
	struct protobuf_message request = {.n = 0};
	struct namespaces namespaces;
	int status = list_namespaces(c, &namespaces, err);

	for (size_t i = 0; i < namespaces.count && status == 0; i++) {
		struct protobuf_field f;
		struct str answer;

		grpc_set_namespace(c->grpc, namespaces.names[i]);
		status = call(c, CONTAINERS "List", &request, LIST_MAX, &answer, err);
		if (status > 0)
			status = 0; /* a namespace that has gone meanwhile */
		else if (status == 0)
			while (protobuf_next(&answer, &f))
				if (f.number == 1)
					name(c, str_from(namespaces.names[i]),
					     protobuf_bytes(f.bytes, 1), false);
	}
	return status;
}

static int look_up_named(struct client *c, struct error *err)
{
	int status = 0;

	for (size_t i = 0; i < c->named.count && status >= 0 && !runtime_must_stop(c->r); i++) {
		const struct named n = c->named.items[i];
		struct container_info *info = NULL;

		if (n.is_gone) {
			runtime_tell_gone(c->r, str_from(n.id));
			continue;
		}
		grpc_set_namespace(c->grpc, n.namespace);
		status = look_up_here(c, str_from(n.id), &info, err);
		if (status > 0)
			runtime_tell(c->r, info);
		if (status >= 0)
			status = runtime_answer(c->r, look_up, c, err);
	}
	c->named.count = 0;
	return status < 0 ? status : 0;
}

static int begin(struct client *c, struct error *err)
{
	struct protobuf_message request = {.n = 0};
	int status;

	protobuf_put_bytes(&request, 1, STR("topic==\"/containers/create\""));
	protobuf_put_bytes(&request, 1, STR("topic==\"/containers/delete\""));
	if (c->r->with_start)
		protobuf_put_bytes(&request, 1, STR("topic==\"/tasks/start\""));
	status = grpc_stream(c->grpc, "/containerd.services.events.v1.Events/Subscribe",
			     protobuf_str(&request), EVENT_MAX, take_event, c, err);
	if (status == 0)
		status = list(c, err);
	return status == 0 ? look_up_named(c, err) : status;
}

static int talk(struct client *c, struct error *err)
{
	int status = begin(c, err), stream_status;

	if (status < 0)
		return status;
	runtime_is_up(c->r);
	while (!runtime_must_stop(c->r)) {
		status = runtime_answer(c->r, look_up, c, err);
		if (status == 0)
			status = grpc_wait(c->grpc, c->r->wake_fd, runtime_wait_ms(c->r), err);
		if (status == 0)
			status = look_up_named(c, err);
		if (status < 0)
			return status;
		runtime_awake(c->r);
		if (!grpc_is_streaming(c->grpc, &stream_status))
			return error_set(err, -EPIPE,
					 "the runtime has ended its events (gRPC status %d)",
					 stream_status);
	}
	return 0;
}

static int run(struct runtime *r, struct error *err)
{
	struct client c = {.r = r, .grpc = grpc_open(r->socket, err)};
	int status = c.grpc ? talk(&c, err) : -ECONNREFUSED;

	grpc_close(c.grpc);
	VEC_FREE(&c.named);
	free(c.kept);
	return status;
}

#define BIT(type) (1u << (type))
const struct runtime_type runtime_containerd = {
    .name = "containerd",
    .asked_about = BIT(CONTAINER_CONTAINERD) | BIT(CONTAINER_CRI) | BIT(CONTAINER_RUNC),
    .run = run,
};
