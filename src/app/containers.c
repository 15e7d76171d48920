/* SPDX-License-Identifier: Apache-2.0 */
#include "app/containers.h"

#include "app/container_options.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 3 };

struct containers {
	struct state *state;
	struct metadata *metadata;
	struct waiting *waiting;
	struct kubernetes *kubernetes; /* NULL: it is not asked */
};

/* Every process is in this one, of which more will never be known. */
static void take_static(struct container_set *set, const struct container_options *o)
{
	struct container_info info = {
	    .type = CONTAINER_STATIC,
	    .full_id = str_from(o->static_id),
	    .name = str_from(o->static_name),
	    .image = str_from(o->static_image),
	};

	container_image_split(info.image, &info.image_repository, &info.image_tag);
	container_set_fix(set, container_info_new(&info));
}

struct containers *containers_new(const struct config *config, struct state *state,
				  waiting_judged_fn *judged, void *context, struct error *err)
{
	struct containers *c = calloc(1, sizeof(*c));

	if (c)
		c->waiting = waiting_new(state, WAITING_BYTES, judged, context);
	if (!c || !c->waiting) {
		free(c);
		error_set(err, -ENOMEM, "no memory for events that wait");
		return NULL;
	}
	c->state = state;
	waiting_set_patience(c->waiting, config->container_wait_ms * 1000000);
	return c;
}

int containers_start(struct containers *c, const struct config *config, const char *host_root,
		     const char *hostname, struct error *err)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct container_asker asker = {.ask = metadata_ask, .ask_users = metadata_ask_users};
	struct container_set *set = state_containers(c->state);
	struct container_options options;
	int status = container_options(config, arena, &options, err);

	if (status < 0)
		return status;
	if (*options.no_effect)
		log_info("containers: without effect: %s", options.no_effect);
	container_set_ignore(set, options.ignored);
	options.metadata.host_root = host_root;
	/* There are no others than that one. */
	for (int e = 0; options.static_id && e < METADATA_ENGINES; e++)
		options.metadata.engines[e].is_disabled = true;
	c->metadata = metadata_start(&options.metadata, container_set_inbox(set), err);
	if (!c->metadata)
		return -EINVAL;
	asker.context = c->metadata;
	container_set_ask(set, &asker);
	if (options.static_id)
		take_static(set, &options);
	return kubernetes_start(config, hostname, container_set_pods(set), &c->kubernetes, err);
}

void containers_await_recording(struct containers *c)
{
	waiting_set_patience(c->waiting, UINT64_MAX);
}

struct waiting *containers_waiting(const struct containers *c)
{
	return c->waiting;
}

int containers_look(struct containers *c, struct judge *j)
{
	waiting_look(c->waiting, j);
	return waiting_has_any(c->waiting) ? LOOK_MS : -1;
}

void containers_finish(struct containers *c, struct judge *j)
{
	/* What a recording has not told by its end it never will. */
	if (!c->metadata)
		waiting_set_patience(c->waiting, 0);
	waiting_finish(c->waiting, j);
	if (!c->metadata)
		waiting_set_patience(c->waiting, UINT64_MAX);
}

void containers_free(struct containers *c)
{
	if (!c)
		return;
	if (c->metadata)
		container_set_ask(state_containers(c->state), &(struct container_asker){0});
	metadata_stop(c->metadata);
	kubernetes_stop(c->kubernetes);
	waiting_free(c->waiting);
	free(c);
}

void containers_count(const struct containers *c, struct container_counts *out)
{
	struct container_counters set = container_set_counters(state_containers(c->state));
	struct waiting_counters waiting = waiting_counters(c->waiting);
	struct metadata_counters clients[METADATA_CLIENTS_MOST];
	size_t count =
	    c->metadata ? metadata_counters(c->metadata, clients, METADATA_CLIENTS_MOST) : 0;

	*out = (struct container_counts){
	    .is_watched = c->metadata,
	    .asked = set.asked,
	    .told = set.told,
	    .untold = set.untold,
	    .late = set.late,
	    .refused = set.refused,
	    .waited = waiting.waited,
	    .incomplete = waiting.incomplete,
	    .full = waiting.full,
	};
	for (size_t i = 0; i < count; i++) {
		out->runtimes_up += clients[i].is_up;
		out->runtime_errors += clients[i].errors;
	}
}

struct kube_counters containers_kubernetes(const struct containers *c)
{
	return kubernetes_counters(c->kubernetes);
}

void containers_print(const struct containers *c)
{
	struct container_counters counters = container_set_counters(state_containers(c->state));
	struct waiting_counters waiting = waiting_counters(c->waiting);
	struct metadata_counters clients[METADATA_CLIENTS_MOST];
	size_t count =
	    c->metadata ? metadata_counters(c->metadata, clients, METADATA_CLIENTS_MOST) : 0;

	if (counters.asked && c->metadata)
		fprintf(stderr,
			"Containers: %llu asked for, %llu told of, %llu known to no runtime, %llu "
			"told of too late\n",
			(unsigned long long)counters.asked, (unsigned long long)counters.told,
			(unsigned long long)counters.untold, (unsigned long long)counters.late);
	if (counters.refused)
		fprintf(stderr, "Containers that could not be remembered: %llu\n",
			(unsigned long long)counters.refused);
	if (waiting.waited)
		fprintf(stderr, "Events that waited for a container: %llu; judged without: %llu\n",
			(unsigned long long)waiting.waited, (unsigned long long)waiting.incomplete);
	if (waiting.full)
		fprintf(stderr, "Events that could not wait for a container: %llu\n",
			(unsigned long long)waiting.full);
	for (size_t i = 0; i < count && i < METADATA_CLIENTS_MOST; i++)
		if (clients[i].errors)
			fprintf(stderr, "Runtime %s at %s: %llu errors\n", clients[i].engine,
				clients[i].socket, (unsigned long long)clients[i].errors);
	if (c->kubernetes)
		kubernetes_print(c->kubernetes);
}
