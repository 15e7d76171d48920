/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speaks CRI to a runtime as a kubelet would, for tests:
 *   cri SOCKET run POD NAMESPACE CONTAINER IMAGE COMMAND...   prints the ids of sandbox and
 * container cri SOCKET remove SANDBOX
 */
#include "metadata/grpc.h"
#include "metadata/protobuf.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 1024 * 1024, PATIENCE_MS = 30000, NAMESPACE_MODE_NODE = 2 };

static struct str call(struct grpc_client *c, const char *method,
		       const struct protobuf_message *request)
{
	char path[128];
	struct error err = {0};
	struct str answer;
	int status;

	snprintf(path, sizeof(path), "/runtime.v1.RuntimeService/%s", method);
	status = request->is_full ? -1
				  : grpc_call(c, path, protobuf_str(request), ANSWER_MAX,
					      PATIENCE_MS, &answer, &err);
	if (status) {
		fprintf(stderr, "cri: %s: status %d %s\n", method, status, err.message);
		exit(1);
	}
	return answer;
}

/* Prints the id that an answer begins with, and keeps it. */
static void take_id(struct str answer, char *id, size_t room)
{
	struct str text = protobuf_bytes(answer, 1);

	snprintf(id, room, "%.*s", STR_ARG(text));
	printf("%s\n", id);
	fflush(stdout);
}

static void put_label(struct protobuf_message *m, uint32_t number, const char *key,
		      const char *value)
{
	struct protobuf_message entry = {.n = 0};

	protobuf_put_bytes(&entry, 1, str_from(key));
	protobuf_put_bytes(&entry, 2, str_from(value));
	protobuf_put_bytes(m, number, protobuf_str(&entry));
}

/* PodSandboxConfig, in the host's network, which needs no network plugin. */
static struct protobuf_message sandbox_config(const char *pod, const char *namespace)
{
	struct protobuf_message m = {.n = 0}, metadata = {.n = 0}, options = {.n = 0};
	struct protobuf_message security = {.n = 0}, linux_part = {.n = 0};
	char uid[128];

	snprintf(uid, sizeof(uid), "uid-of-%s", pod);
	protobuf_put_bytes(&metadata, 1, str_from(pod));
	protobuf_put_bytes(&metadata, 2, str_from(uid));
	protobuf_put_bytes(&metadata, 3, str_from(namespace));
	protobuf_put_bytes(&m, 1, protobuf_str(&metadata));
	protobuf_put_bytes(&m, 3, STR("/tmp"));
	put_label(&m, 6, "app", "shop");
	protobuf_put_integer(&options, 1, NAMESPACE_MODE_NODE);
	protobuf_put_bytes(&security, 1, protobuf_str(&options));
	protobuf_put_bytes(&linux_part, 2, protobuf_str(&security));
	protobuf_put_bytes(&m, 8, protobuf_str(&linux_part));
	return m;
}

static void run(struct grpc_client *c, const char *pod, const char *namespace, const char *name,
		const char *image, char **command)
{
	struct protobuf_message sandbox = sandbox_config(pod, namespace), request = {.n = 0};
	struct protobuf_message metadata = {.n = 0}, image_spec = {.n = 0}, config = {.n = 0};
	struct protobuf_message create = {.n = 0}, start = {.n = 0};
	char sandbox_id[256], container_id[256];

	protobuf_put_bytes(&request, 1, protobuf_str(&sandbox));
	take_id(call(c, "RunPodSandbox", &request), sandbox_id, sizeof(sandbox_id));

	protobuf_put_bytes(&metadata, 1, str_from(name));
	protobuf_put_bytes(&image_spec, 1, str_from(image));
	protobuf_put_bytes(&config, 1, protobuf_str(&metadata));
	protobuf_put_bytes(&config, 2, protobuf_str(&image_spec));
	for (; *command; command++)
		protobuf_put_bytes(&config, 3, str_from(*command));
	put_label(&config, 9, "part", "front");
	protobuf_put_bytes(&create, 1, str_from(sandbox_id));
	protobuf_put_bytes(&create, 2, protobuf_str(&config));
	protobuf_put_bytes(&create, 3, protobuf_str(&sandbox));
	take_id(call(c, "CreateContainer", &create), container_id, sizeof(container_id));
	protobuf_put_bytes(&start, 1, str_from(container_id));
	call(c, "StartContainer", &start);
}

static void remove_sandbox(struct grpc_client *c, const char *id)
{
	struct protobuf_message request = {.n = 0};

	protobuf_put_bytes(&request, 1, str_from(id));
	call(c, "StopPodSandbox", &request);
	call(c, "RemovePodSandbox", &request);
}

int main(int count, char **arguments)
{
	struct error err = {0};
	struct grpc_client *c = count > 3 ? grpc_open(arguments[1], &err) : NULL;

	if (!c) {
		fprintf(stderr, "cri: %s\n", count > 3 ? err.message : "arguments are missing");
		return 1;
	}
	if (strcmp(arguments[2], "run") == 0 && count > 7)
		run(c, arguments[3], arguments[4], arguments[5], arguments[6], arguments + 7);
	else if (strcmp(arguments[2], "remove") == 0)
		remove_sandbox(c, arguments[3]);
	grpc_close(c);
	return 0;
}
