/* SPDX-License-Identifier: Apache-2.0 */
/* What runtimes and captures say of containers, in each of its forms; the first byte chooses. */
#include "metadata/cri_messages.h"
#include "metadata/docker_json.h"
#include "metadata/protobuf.h"
#include "state/container_event.h"
#include "state/pod_event.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_id(void *context, struct str id)
{
	*(size_t *)context += id.n;
}

/* Events, a line each. */
static void tell_of_pods(struct str text)
{
	struct pod_story *story = pod_story_new();
	struct pod_set *pods = pod_set_new();

	while (text.n) {
		size_t end = str_find_byte(text, '\n', 0);

		pod_story_tell(story, str_slice(text, 0, end), pods);
		text = str_slice(text, end + 1, text.n);
	}
	pod_story_free(story);
	pod_set_free(pods);
}

static void take_event(struct str json)
{
	struct container_set *set = container_set_new();

	container_event_take(set, json);
	container_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data + 1, size - 1}, half;
	struct container_info *info = NULL;
	struct docker_image image;
	size_t bytes = 0;
	char id[64];

	if (size < 2)
		return 0;
	half = str_slice(text, text.n / 2, text.n);
	switch (data[0] % 9) {
	case 0:
		info = docker_container(text, NULL, 100, NULL);
		break;
	case 1:
		info = podman_container(text, 100, NULL);
		break;
	case 2:
		docker_image(text, &image);
		docker_container_image(text, id, sizeof(id));
		break;
	case 3:
		docker_list(text, take_id, &bytes, NULL);
		docker_event(text, id, sizeof(id));
		break;
	case 4:
		info = cri_container(str_slice(text, 0, text.n / 2), half, cri_runtime_type(text),
				     100, NULL);
		break;
	case 5:
		info = cri_sandbox(text, CONTAINER_CONTAINERD, 100, NULL);
		break;
	case 6:
		info = containerd_container(text, STR("sha256:0"), 100, NULL);
		break;
	case 7:
		take_event(text);
		break;
	case 8:
		tell_of_pods(text);
		break;
	}
	container_info_release(info);
	return 0;
}
