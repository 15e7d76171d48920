/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's own API: containers of ctr, nerdctl and the like, in all of its namespaces. That of
 * Kubernetes is left to CRI where that is asked, which knows more of it.
 */
#include "metadata/cri_messages.h"
#include "metadata/grpc.h"
#include "metadata/protobuf.h"
#include "metadata/runtime.h"

#include <errno.h>
#include <stdio.h>

enum {
	LIST_MAX = 32 * 1024 * 1024,
	EVENT_MAX = 4 * 1024 * 1024,
	NAMESPACES_MOST = 64,
	DIGEST_MAX = 160,
};

#define CONTAINERS "/containerd.services.containers.v1.Containers/"

struct client {
	struct runtime *r;
	struct grpc_client *grpc;
};

static int call(struct client *c, const char *path, const struct protobuf_message *request,
		size_t most, struct str *out, struct error *err)
{
	return grpc_call(c->grpc, path, protobuf_str(request), most, RUNTIME_PATIENCE_MS, out, err);
}

static bool is_skipped(const struct client *c, struct str namespace)
{
	return namespace.n > RUNTIME_SCOPE_MAX ||
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
	int status;

	protobuf_put_bytes(&request, 1, id);
	status = call(c, CONTAINERS "Get", &request, RUNTIME_ANSWER_MAX, &answer, err);
	if (status != GRPC_OK)
		return status < 0 ? status : 0;
	answer = protobuf_bytes(grpc_keep(c->grpc, answer), 1);
	status = ask_digest(c, protobuf_bytes(answer, 3), digest, err);
	if (status < 0)
		return status;
	*out = containerd_container(answer, str_from(digest), c->r->label_max, err);
	return *out ? 1 : -EBADMSG;
}

struct namespaces {
	char names[NAMESPACES_MOST][RUNTIME_SCOPE_MAX + 1];
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
			snprintf(out->names[out->count++], sizeof(*out->names), "%.*s",
				 STR_ARG(name));
	}
	return 0;
}

static int look_up(void *context, struct str namespace, struct str id, struct container_info **out,
		   struct error *err)
{
	struct client *c = context;
	struct namespaces namespaces = {.count = 0};
	int status = 0;

	if (namespace.n)
		snprintf(namespaces.names[namespaces.count++], sizeof(*namespaces.names), "%.*s",
			 STR_ARG(namespace));
	else
		status = list_namespaces(c, &namespaces, err);
	for (size_t i = 0; i < namespaces.count && status == 0; i++) {
		grpc_set_namespace(c->grpc, namespaces.names[i]);
		status = look_up_here(c, id, out, err);
	}
	return status;
}

static void take_event(void *context, struct str envelope)
{
	struct client *c = context;
	struct str topic = protobuf_bytes(envelope, 3);
	struct str id = protobuf_bytes(protobuf_bytes(protobuf_bytes(envelope, 4), 2), 1);
	bool is_gone = str_equal_c(topic, "/containers/delete");

	if (is_skipped(c, protobuf_bytes(envelope, 2)))
		return;
	if (is_gone || (str_equal_c(topic, "/containers/create") && !c->r->skip_create) ||
	    (str_equal_c(topic, "/tasks/start") && c->r->with_start))
		runtime_name(c->r, protobuf_bytes(envelope, 2), id, is_gone);
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
					runtime_name(c->r, str_from(namespaces.names[i]),
						     protobuf_bytes(f.bytes, 1), false);
	}
	return status;
}

static int begin(void *context, struct error *err)
{
	struct client *c = context;
	struct protobuf_message request = {.n = 0};
	int status;

	protobuf_put_bytes(&request, 1, STR("topic==\"/containers/create\""));
	protobuf_put_bytes(&request, 1, STR("topic==\"/containers/delete\""));
	if (c->r->with_start)
		protobuf_put_bytes(&request, 1, STR("topic==\"/tasks/start\""));
	status = grpc_stream(c->grpc, "/containerd.services.events.v1.Events/Subscribe",
			     protobuf_str(&request), EVENT_MAX, take_event, c, err);
	return status == 0 ? list(c, err) : status;
}

static int wait_events(void *context, int wake_fd, int timeout_ms, struct error *err)
{
	struct client *c = context;
	int status = grpc_wait(c->grpc, wake_fd, timeout_ms, err), stream_status;

	if (status < 0 || grpc_is_streaming(c->grpc, &stream_status))
		return status;
	return error_set(err, -EPIPE, "the runtime has ended its events (gRPC status %d)",
			 stream_status);
}

static const struct runtime_client client = {begin, look_up, wait_events};

static int run(struct runtime *r, struct error *err)
{
	struct client c = {.r = r, .grpc = grpc_open(r->socket, err)};
	int status = c.grpc ? runtime_talk(r, &client, &c, err) : -ECONNREFUSED;

	grpc_close(c.grpc);
	return status;
}

#define BIT(type) (1u << (type))
const struct runtime_type runtime_containerd = {
    .name = "containerd",
    .asked_about = BIT(CONTAINER_CONTAINERD) | BIT(CONTAINER_CRI) | BIT(CONTAINER_RUNC),
    .run = run,
};
