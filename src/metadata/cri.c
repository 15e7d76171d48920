/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRI v1: containerd, CRI-O and others, as a kubelet speaks to them. Events are a later addition to
 * it; a runtime that has none is asked about each container as it is seen first.
 */
#include "base/log.h"
#include "metadata/cri_messages.h"
#include "metadata/grpc.h"
#include "metadata/protobuf.h"
#include "metadata/runtime.h"

#include <errno.h>
#include <stdio.h>

enum {
	LIST_MAX = 32 * 1024 * 1024,
	EVENT_MAX = 4 * 1024 * 1024,
	EVENT_CREATED = 0,
	EVENT_STARTED = 1,
	EVENT_DELETED = 3,
};

#define SERVICE "/runtime.v1.RuntimeService/"

struct client {
	struct runtime *r;
	struct grpc_client *grpc;
	enum container_type type;
	bool has_no_events;
};

static int call(struct client *c, const char *path, const struct protobuf_message *request,
		size_t most, struct str *out, struct error *err)
{
	return grpc_call(c->grpc, path, protobuf_str(request), most, RUNTIME_PATIENCE_MS, out, err);
}

static int ask_sandbox(struct client *c, struct str id, struct str *out, struct error *err)
{
	struct protobuf_message request = {.n = 0};

	protobuf_put_bytes(&request, 1, id);
	protobuf_put_integer(&request, 2, 1);
	return call(c, SERVICE "PodSandboxStatus", &request, RUNTIME_ANSWER_MAX, out, err);
}

/* The pod of a container: its ListContainers entry says so. Empty where it is not known. */
static int find_sandbox(struct client *c, struct str id, char *sandbox, size_t room,
			struct error *err)
{
	struct protobuf_message filter = {.n = 0}, request = {.n = 0};
	struct str answer;
	int status;

	protobuf_put_bytes(&filter, 1, id);
	protobuf_put_bytes(&request, 1, protobuf_str(&filter));
	status = call(c, SERVICE "ListContainers", &request, RUNTIME_ANSWER_MAX, &answer, err);
	if (status < 0)
		return status;
	snprintf(sandbox, room, "%.*s", STR_ARG(protobuf_bytes(protobuf_bytes(answer, 1), 2)));
	return 0;
}

static int look_up(void *context, struct str scope, struct str id, struct container_info **out,
		   struct error *err)
{
	struct client *c = context;
	struct protobuf_message request = {.n = 0};
	struct str answer, container, pod = {"", 0};
	char sandbox[RUNTIME_ID_MAX + 1] = "";
	int status;

	(void)scope;
	protobuf_put_bytes(&request, 1, id);
	protobuf_put_integer(&request, 2, 1);
	status = call(c, SERVICE "ContainerStatus", &request, RUNTIME_ANSWER_MAX, &answer, err);
	if (status < 0)
		return status;
	if (status != GRPC_OK) {
		/* Perhaps it is a pod's sandbox, which is a container, too. */
		status = ask_sandbox(c, id, &answer, err);
		if (status != GRPC_OK)
			return status < 0 ? status : 0;
		*out = cri_sandbox(answer, c->type, c->r->label_max, err);
		return *out ? 1 : -EBADMSG;
	}
	container = grpc_keep(c->grpc, answer);
	status = find_sandbox(c, id, sandbox, sizeof(sandbox), err);
	if (status == 0 && sandbox[0])
		status = ask_sandbox(c, str_from(sandbox), &pod, err);
	if (status < 0)
		return status;
	*out = cri_container(container, pod, c->type, c->r->label_max, err);
	return *out ? 1 : -EBADMSG;
}

static void take_event(void *context, struct str message)
{
	struct client *c = context;
	uint64_t type = protobuf_integer(message, 2);

	if ((type == EVENT_CREATED && !c->r->skip_create) ||
	    (type == EVENT_STARTED && c->r->with_start) || type == EVENT_DELETED)
		runtime_name(c->r, STR(""), protobuf_bytes(message, 1), type == EVENT_DELETED);
}

static int list(struct client *c, const char *path, struct error *err)
{
	struct protobuf_message request = {.n = 0};
	struct protobuf_field f;
	struct str answer;
	int status = call(c, path, &request, LIST_MAX, &answer, err);

	if (status < 0)
		return status;
	if (status != GRPC_OK)
		return error_set(err, -EBADMSG, "%s: gRPC status %d", path, status);
	while (protobuf_next(&answer, &f))
		if (f.number == 1)
			runtime_name(c->r, STR(""), protobuf_bytes(f.bytes, 1), false);
	return 0;
}

static int begin(void *context, struct error *err)
{
	struct client *c = context;
	struct protobuf_message request = {.n = 0};
	struct str answer;
	int status = call(c, SERVICE "Version", &request, RUNTIME_ANSWER_MAX, &answer, err);

	if (status < 0)
		return status;
	if (status != GRPC_OK)
		return error_set(err, -EOPNOTSUPP, "it does not speak CRI v1 (gRPC status %d)",
				 status);
	c->type = cri_runtime_type(answer);
	status = grpc_stream(c->grpc, SERVICE "GetContainerEvents", protobuf_str(&request),
			     EVENT_MAX, take_event, c, err);
	if (status == 0)
		status = list(c, SERVICE "ListPodSandbox", err);
	if (status == 0)
		status = list(c, SERVICE "ListContainers", err);
	return status;
}

static int wait_events(void *context, int wake_fd, int timeout_ms, struct error *err)
{
	struct client *c = context;
	int status = grpc_wait(c->grpc, wake_fd, timeout_ms, err), stream_status;

	if (status < 0 || c->has_no_events || grpc_is_streaming(c->grpc, &stream_status))
		return status;
	if (stream_status != GRPC_UNIMPLEMENTED)
		return error_set(err, -EPIPE, "the runtime has ended its events");
	c->has_no_events = true;
	log_debug("containers: %s at %s tells of no events; containers are asked for",
		  c->r->type->name, c->r->socket);
	return 0;
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
const struct runtime_type runtime_cri = {
    .name = "cri",
    .asked_about =
	BIT(CONTAINER_CRI) | BIT(CONTAINER_CONTAINERD) | BIT(CONTAINER_CRIO) | BIT(CONTAINER_RUNC),
    .run = run,
};
