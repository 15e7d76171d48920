/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker and Podman: HTTP over their sockets. The stream of events is opened before the list is
 * asked for, so that no container falls between the two; lines are kept until they can be looked
 * into, because what they name has to be asked for on the same thread.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "metadata/docker_json.h"
#include "metadata/http.h"
#include "metadata/runtime.h"

#include <errno.h>
#include <stdatomic.h>

enum {
	LIST_MAX = 32 * 1024 * 1024,
	LINE_MAX_BYTES = 256 * 1024,
	PATH_MAX_BYTES = 512,
	IMAGES = 32,
	IMAGE_MS = 30000, /* how long an image's names are taken for right */
	OK = 200,
};

/* How the two APIs differ. */
struct api {
	const char *list, *container, *events, *create, *start, *gone;
	bool is_podman;
};

static const struct api docker = {
    .list = "/containers/json?all=true",
    .container = "/containers/",
    .events = "/events?filters=",
    .create = "%22create%22%2C",
    .start = "%22start%22%2C",
    .gone = "%22destroy%22",
};
static const struct api podman = {
    .list = "/v4.0.0/libpod/containers/json?all=true",
    .container = "/v4.0.0/libpod/containers/",
    .events = "/v4.0.0/libpod/events?stream=true&filters=",
    .create = "%22create%22%2C",
    .start = "%22start%22%2C",
    .gone = "%22remove%22",
    .is_podman = true,
};

struct cached_image {
	char id[160];
	struct docker_image image;
	uint64_t until;
};

struct client {
	struct runtime *r;
	const struct api *api;
	struct http_client *http;
	struct cached_image images[IMAGES];
	unsigned next_image;
};

static bool is_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
			return false;
	return id.n > 0 && id.n <= RUNTIME_ID_MAX;
}

/* NULL: it has none, or they cannot be had now. */
static const struct docker_image *image_of(struct client *c, const char *id)
{
	uint64_t now = clock_monotonic_ms();
	struct cached_image *slot;
	char path[PATH_MAX_BYTES];
	struct str body;

	if (!id[0] || strpbrk(id, "/?# %"))
		return NULL;
	for (unsigned i = 0; i < IMAGES; i++)
		if (c->images[i].until > now && strcmp(c->images[i].id, id) == 0)
			return &c->images[i].image;
	snprintf(path, sizeof(path), "/images/%s/json", id);
	if (http_get(c->http, path, RUNTIME_ANSWER_MAX, RUNTIME_PATIENCE_MS, &body, NULL) != OK)
		return NULL;
	slot = &c->images[c->next_image++ % IMAGES];
	snprintf(slot->id, sizeof(slot->id), "%s", id);
	slot->until = docker_image(body, &slot->image) ? now + IMAGE_MS : 0;
	return &slot->image;
}

static int look_up(void *context, struct str scope, struct str id, struct container_info **out,
		   struct error *err)
{
	struct client *c = context;
	char path[PATH_MAX_BYTES], image[sizeof(c->images[0].id)];
	CLEANUP_FREE char *copy = NULL;
	struct str body;
	int status;

	(void)scope;
	/* What is no id of theirs would be a path of the asker's choice. */
	if (!is_id(id))
		return 0;
	snprintf(path, sizeof(path), "%s%.*s/json", c->api->container, STR_ARG(id));
	status = http_get(c->http, path, RUNTIME_ANSWER_MAX, RUNTIME_PATIENCE_MS, &body, err);
	if (status < 0)
		return status;
	/* Not there; or just being made or removed, of which Podman tells with status 500. */
	if (status != OK)
		return 0;
	if (c->api->is_podman) {
		*out = podman_container(body, c->r->label_max, err);
		return *out ? 1 : -EBADMSG;
	}
	docker_container_image(body, image, sizeof(image));
	copy = malloc(body.n + 1);
	if (!copy)
		return error_set(err, -ENOMEM, "no memory for an answer");
	memcpy(copy, body.p, body.n);
	*out =
	    docker_container((struct str){copy, body.n}, image_of(c, image), c->r->label_max, err);
	return *out ? 1 : -EBADMSG;
}

static void take_line(void *context, struct str line)
{
	struct client *c = context;
	char id[RUNTIME_ID_MAX + 1] = "";
	enum docker_event event = docker_event(line, id, sizeof(id));

	if (event != DOCKER_OTHER)
		runtime_name(c->r, STR(""), str_from(id), event == DOCKER_GONE);
}

static void take_listed(void *context, struct str id)
{
	struct client *c = context;

	runtime_name(c->r, STR(""), id, false);
}

static int list(struct client *c, struct error *err)
{
	struct str body;
	int status = http_get(c->http, c->api->list, LIST_MAX, RUNTIME_PATIENCE_MS, &body, err);

	if (status < 0)
		return status;
	if (status != OK)
		return error_set(err, -EBADMSG, "the list of containers: status %d", status);
	return docker_list(body, take_listed, c, err);
}

static int begin(void *context, struct error *err)
{
	struct client *c = context;
	struct runtime *r = c->r;
	char path[PATH_MAX_BYTES];
	int status;

	/* {"type":["container"],"event":["create","start","destroy"]}, as part of a URL */
	snprintf(path, sizeof(path),
		 "%s%%7B%%22type%%22%%3A%%5B%%22container%%22%%5D%%2C%%22event%%22%%3A%%5B%s%s%s"
		 "%%5D%%7D",
		 c->api->events, r->skip_create ? "" : c->api->create,
		 r->with_start ? c->api->start : "", c->api->gone);
	status = http_stream(c->http, path, LINE_MAX_BYTES, take_line, c, err);
	return status == 0 ? list(c, err) : status;
}

static int wait_events(void *context, int wake_fd, int timeout_ms, struct error *err)
{
	struct client *c = context;

	return http_stream_wait(c->http, wake_fd, timeout_ms, err);
}

static const struct runtime_client client = {begin, look_up, wait_events};

static int run(struct runtime *r, const struct api *api, struct error *err)
{
	struct client *c = calloc(1, sizeof(*c));
	int status;

	if (!c)
		return error_set(err, -ENOMEM, "no memory for a client");
	c->r = r;
	c->api = api;
	c->http = http_open(r->socket);
	status = c->http ? runtime_talk(r, &client, c, err)
			 : error_set(err, -ENOMEM, "no memory for a client");
	http_close(c->http);
	free(c);
	return status;
}

static int run_docker(struct runtime *r, struct error *err)
{
	return run(r, &docker, err);
}

static int run_podman(struct runtime *r, struct error *err)
{
	return run(r, &podman, err);
}

#define BIT(type) (1u << (type))
const struct runtime_type runtime_docker = {
    .name = "docker",
    .asked_about = BIT(CONTAINER_DOCKER) | BIT(CONTAINER_CRI) | BIT(CONTAINER_RUNC),
    .run = run_docker,
};
const struct runtime_type runtime_podman = {
    .name = "podman",
    .asked_about = BIT(CONTAINER_PODMAN) | BIT(CONTAINER_RUNC),
    .run = run_podman,
};
