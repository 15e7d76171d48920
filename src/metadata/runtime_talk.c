/* SPDX-License-Identifier: Apache-2.0 */
/* What clients do alike: containers that were named are looked up, questions are answered. */
#include "metadata/runtime.h"

#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { WAIT_MS = 60000 };

/* What one conversation with a runtime needs. */
struct talk {
	struct runtime *r;
	const struct runtime_client *client;
	void *context;
};

void runtime_name(struct runtime *r, struct str scope, struct str id, bool is_gone)
{
	struct runtime_named n = {.is_gone = is_gone};

	/* Those beyond are asked for when they are seen. */
	if (!id.n || id.n > RUNTIME_ID_MAX || scope.n > RUNTIME_SCOPE_MAX ||
	    r->named.count >= RUNTIME_NAMED_MOST)
		return;
	memcpy(n.id, id.p, id.n);
	if (scope.n)
		memcpy(n.scope, scope.p, scope.n);
	VEC_PUSH(&r->named, n);
}

static void tell(struct runtime *r, struct container_info *info)
{
	atomic_fetch_add_explicit(&r->events, 1, memory_order_relaxed);
	container_inbox_put_info(r->inbox, info, false);
}

static void tell_gone(struct runtime *r, struct str id)
{
	atomic_fetch_add_explicit(&r->events, 1, memory_order_relaxed);
	container_inbox_put(r->inbox, CONTAINER_GONE, id);
}

static void answer_unknown(struct runtime *r, const struct runtime_request *q)
{
	atomic_fetch_add_explicit(&r->answered, 1, memory_order_relaxed);
	container_inbox_put(r->inbox, CONTAINER_NOT_HERE, (struct str){q->id, q->n});
}

static bool next_request(struct runtime *r, struct runtime_request *out)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&r->tail, memory_order_acquire))
		return false;
	*out = r->requests[head % RUNTIME_REQUESTS];
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

/* As the client's look_up, and what is told is of the container that was asked for. */
static int look_up(const struct talk *t, struct str scope, struct str id,
		   struct container_info **out, struct error *err)
{
	int status = t->client->look_up(t->context, scope, id, out, err);

	if (status <= 0 || str_equal((*out)->full_id, id))
		return status;
	status = error_set(err, -EBADMSG, "asked for container %.*s, was told of %.*s", STR_ARG(id),
			   STR_ARG((*out)->full_id));
	container_info_release(*out);
	return status;
}

/* Looks it up once more; 1: done, 0: it is to be tried again. */
static int try(const struct talk *t, const struct runtime_request *q, struct error *err)
{
	struct container_info *info = NULL;
	int status = look_up(t, STR(""), (struct str){q->id, q->n}, &info, err);

	if (status <= 0)
		return status;
	atomic_fetch_add_explicit(&t->r->answered, 1, memory_order_relaxed);
	container_inbox_put_info(t->r->inbox, info, true);
	return 1;
}

static int answer_again(const struct talk *t, struct error *err)
{
	struct runtime *r = t->r;
	uint64_t now = clock_monotonic_ms();

	for (size_t i = 0; i < r->retry_count;) {
		struct runtime_retry *retry = &r->retries[i];
		int status;

		if (retry->at > now) {
			i++;
			continue;
		}
		status = try(t, &retry->request, err);
		if (status < 0)
			return status;
		if (status == 0 && ++retry->tries < RUNTIME_TRIES) {
			retry->at = now + RUNTIME_RETRY_MS;
			i++;
			continue;
		}
		if (status == 0)
			answer_unknown(r, &retry->request);
		*retry = r->retries[--r->retry_count];
	}
	return 0;
}

/* Answers what was asked and what is due again. */
static int answer(const struct talk *t, struct error *err)
{
	struct runtime *r = t->r;
	struct runtime_request q;
	int status = answer_again(t, err);

	while (status == 0 && r->retry_count < RUNTIME_REQUESTS && !runtime_must_stop(r) &&
	       next_request(r, &q)) {
		/* A place for it, should it be to be tried again, or the runtime fail. */
		r->retries[r->retry_count++] =
		    (struct runtime_retry){q, 1, clock_monotonic_ms() + RUNTIME_RETRY_MS};
		status = try(t, &q, err);
		if (status > 0) {
			r->retry_count--;
			status = 0;
		}
	}
	return status;
}

/* What events and the list have named, in their order; asked ones in between. */
static int look_up_named(const struct talk *t, struct error *err)
{
	struct runtime *r = t->r;
	int status = 0;

	for (size_t i = 0; i < r->named.count && status >= 0 && !runtime_must_stop(r); i++) {
		const struct runtime_named *n = &r->named.items[i];
		struct container_info *info = NULL;

		if (n->is_gone) {
			tell_gone(r, str_from(n->id));
			continue;
		}
		status = look_up(t, str_from(n->scope), str_from(n->id), &info, err);
		if (status > 0)
			tell(r, info);
		if (status >= 0)
			status = answer(t, err);
	}
	r->named.count = 0;
	return status < 0 ? status : 0;
}

/* How long the client may wait for events until something is due. */
static int wait_ms(const struct runtime *r)
{
	uint64_t now = clock_monotonic_ms(), least = now + WAIT_MS;

	for (size_t i = 0; i < r->retry_count; i++)
		if (r->retries[i].at < least)
			least = r->retries[i].at;
	return least > now ? (int)(least - now) : 0;
}

int runtime_talk(struct runtime *r, const struct runtime_client *client, void *context,
		 struct error *err)
{
	const struct talk t = {r, client, context};
	int status = client->begin(context, err);

	if (status == 0)
		status = look_up_named(&t, err);
	if (status == 0)
		runtime_is_up(r);
	while (status == 0 && !runtime_must_stop(r)) {
		status = answer(&t, err);
		if (status == 0)
			status = client->wait(context, r->wake_fd, wait_ms(r), err);
		if (status == 0)
			status = look_up_named(&t, err);
		runtime_awake(r);
	}
	r->named.count = 0;
	return status;
}

void runtime_refuse_all(struct runtime *r)
{
	struct runtime_request q;

	while (r->retry_count)
		answer_unknown(r, &r->retries[--r->retry_count].request);
	while (next_request(r, &q))
		answer_unknown(r, &q);
}
