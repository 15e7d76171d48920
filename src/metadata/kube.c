/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include "base/wake.h"
#include "metadata/kube_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	STACK_SIZE = 1024 * 1024,
	BURST_SECONDS = 5,
	BACKOFF_LEAST_MS = 200,
	BACKOFF_MOST_MS = 30000,
	SWEEP_MS = 10000,
	IDLE_MS = 10000,
};

void kube_count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

bool kube_must_stop(const struct kube *k)
{
	return atomic_load_explicit(&k->must_stop, memory_order_relaxed);
}

/* Each error is told once, until all is well again. */
void kube_tell_error(struct kube *k, char *last, const struct error *err)
{
	kube_count(&k->errors);
	if (kube_must_stop(k) || strcmp(last, err->message) == 0)
		return;
	memcpy(last, err->message, sizeof(err->message));
	log_warning("kubernetes: %s", err->message);
}

/* Twice as long as the last time, and not at the same time on all nodes. */
void kube_back_off(struct kube_backoff *b, uint32_t least_s)
{
	uint64_t now = clock_monotonic_ms();
	int most = BACKOFF_MOST_MS;

	b->ms = b->ms == 0 ? BACKOFF_LEAST_MS : b->ms * 2 < most ? b->ms * 2 : most;
	b->until = now + (uint64_t)b->ms - (uint64_t)(hash_u64(now) % (uint64_t)(b->ms / 4 + 1));
	if (least_s > 60)
		least_s = 60;
	if (b->until < now + least_s * UINT64_C(1000))
		b->until = now + least_s * UINT64_C(1000);
}

/* How long until a request may be made, ms. */
int kube_until_request(struct kube *k)
{
	uint64_t now = clock_monotonic_ms();
	double rate = k->options.requests_per_second / 1000.0;
	double most = rate * 1000 * BURST_SECONDS;

	k->tokens += (double)(now - k->tokens_at) * rate;
	if (k->tokens > most)
		k->tokens = most;
	k->tokens_at = now;
	return k->tokens >= 1 ? 0 : (int)((1 - k->tokens) / rate) + 1;
}

static void take_asked(struct kube *k)
{
	uint32_t head = atomic_load_explicit(&k->head, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(&k->tail, memory_order_acquire);

	for (; head != tail; head++)
		if (!kube_pods_ask(k->pods, (struct str){k->asked[head % KUBE_REQUESTS].key,
							 k->asked[head % KUBE_REQUESTS].n}))
			k->is_asked_for_unknown = true;
	atomic_store_explicit(&k->head, head, memory_order_release);
}

/* Waits so long, or until it must stop or is woken. */
void kube_pause(struct kube *k, int ms)
{
	struct pollfd p = {.fd = k->wake_fd, .events = POLLIN};
	uint64_t n;

	if (ms > 0 && !kube_must_stop(k) && poll(&p, 1, ms) > 0 &&
	    read(k->wake_fd, &n, sizeof(n)) < 0)
		return;
}

/* Waits for a token, and takes it; false: it is the end. */
bool kube_may_request(struct kube *k)
{
	int ms;

	while (!kube_must_stop(k) && (ms = kube_until_request(k)) > 0) {
		kube_pause(k, ms);
		take_asked(k);
	}
	k->tokens -= 1;
	kube_count(&k->requests);
	return !kube_must_stop(k);
}

void kube_renew_counters(struct kube *k)
{
	struct kube_pods_counters c = kube_pods_counters(k->pods);

	atomic_store_explicit(&k->pod_count, c.pods, memory_order_relaxed);
	atomic_store_explicit(&k->object_count, c.objects, memory_order_relaxed);
	atomic_store_explicit(&k->bytes, c.bytes, memory_order_relaxed);
	atomic_store_explicit(&k->refused, c.refused, memory_order_relaxed);
}

/* One thing that is to be asked for; true: there was one. */
static bool ask_for_one(struct kube *k)
{
	uint64_t now = clock_monotonic_ms();
	struct kube_need need;

	if (now < k->objects.until)
		return false;
	if (!kube_pods_next(k->pods, &need) &&
	    !kube_pods_stale(k->pods, now, k->options.refresh_s * UINT64_C(1000), &need))
		return false;
	/* Waiting for a token would keep the watch waiting. */
	if (k->api.url[0] && kube_until_request(k) > 0)
		return false;
	kube_ask_for(k, &need);
	return true;
}

/* Between two looks at the watch: what is due; until when nothing else is, ms. */
int kube_do_chores(struct kube *k)
{
	uint64_t now = clock_monotonic_ms();
	int wait = IDLE_MS, token;
	struct kube_need need;

	take_asked(k);
	if (ask_for_one(k)) {
		kube_renew_counters(k);
		return 0;
	}
	if (now >= k->sweep_at) {
		kube_pods_forget_unused(k->pods);
		k->sweep_at = now + SWEEP_MS;
	}
	kube_renew_counters(k);
	if (now < k->objects.until)
		return (int)(k->objects.until - now) < wait ? (int)(k->objects.until - now) : wait;
	token = kube_until_request(k);
	return token > 0 && kube_pods_next(k->pods, &need) ? token : wait;
}

static void *client(void *context)
{
	struct kube *k = context;

	pthread_setname_np(pthread_self(), "kubernetes");
	while (!kube_must_stop(k)) {
		struct error err = {0};
		uint64_t now = clock_monotonic_ms();
		int status;

		if (now < k->server.until) {
			int wait = kube_do_chores(k);

			kube_pause(k, k->server.until - now < (uint64_t)wait
					  ? (int)(k->server.until - now)
					  : wait);
			continue;
		}
		status =
		    k->options.from_kubelet ? kube_run_kubelet(k, &err) : kube_run_api(k, &err);
		if (status == 0)
			continue;
		atomic_store(&k->is_up, false);
		kube_tell_error(k, k->last_error, &err);
		if (clock_monotonic_ms() >= k->server.until)
			kube_back_off(&k->server, 0);
	}
	return NULL;
}

static void free_kube(struct kube *k)
{
	kube_http_free(k->http);
	kube_pods_free(k->pods);
	free(k->line.p);
	arena_free(k->arena);
	if (k->wake_fd >= 0)
		close(k->wake_fd);
	free(k);
}

static const char *without_slash(struct arena *arena, const char *url)
{
	struct str s = str_from(url);

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return arena_cstr(arena, s);
}

static void set_options(struct kube *k, const struct kube_options *o)
{
	k->options = *o;
	k->options.node_name = arena_cstr(k->arena, str_from(o->node_name));
	if (!k->options.requests_per_second)
		k->options.requests_per_second = 1;
	k->api = (struct kube_server){
	    .url = without_slash(k->arena, o->api_server),
	    .token_file = arena_cstr(k->arena, str_from(o->token_file)),
	    .ca_file = arena_cstr(k->arena, str_from(o->ca_file)),
	    .is_insecure = o->is_insecure,
	};
	k->kubelet = k->api;
	k->kubelet.url = without_slash(k->arena, o->kubelet);
	k->kubelet.ca_file = arena_cstr(k->arena, str_from(o->kubelet_ca_file));
	k->tokens = k->options.requests_per_second * (double)BURST_SECONDS;
	k->tokens_at = clock_monotonic_ms();
}

static int start_thread(struct kube *k)
{
	pthread_attr_t attributes;
	int status;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	status = pthread_create(&k->thread, &attributes, client, k);
	pthread_attr_destroy(&attributes);
	return -status;
}

struct kube *kube_start(const struct kube_options *o, struct inbox *inbox, struct error *err)
{
	struct kube *k = calloc(1, sizeof(*k));
	int status = 0;

	if (!k)
		abort();
	k->arena = arena_new();
	k->inbox = inbox;
	k->wake_fd = wake_open();
	set_options(k, o);
	k->pods = kube_pods_new(inbox);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		k->http = kube_http_new(k->wake_fd, &k->must_stop);
	if (k->wake_fd < 0 || !k->http)
		status = -ENOMEM;
	if (status == 0)
		status = start_thread(k);
	if (status == 0)
		return k;
	error_set(err, status, "kubernetes: no client: %s", strerror(-status));
	free_kube(k);
	return NULL;
}

void kube_stop(struct kube *k)
{
	if (!k)
		return;
	atomic_store(&k->must_stop, true);
	wake_send(k->wake_fd);
	pthread_join(k->thread, NULL);
	free_kube(k);
}

bool kube_ask(void *kube, struct str key)
{
	struct kube *k = kube;
	uint32_t tail = atomic_load_explicit(&k->tail, memory_order_relaxed);

	if (!atomic_load_explicit(&k->is_up, memory_order_relaxed) || key.n > POD_KEY_MAX ||
	    tail - atomic_load_explicit(&k->head, memory_order_acquire) == KUBE_REQUESTS)
		return false;
	k->asked[tail % KUBE_REQUESTS].n = (uint8_t)key.n;
	memcpy(k->asked[tail % KUBE_REQUESTS].key, key.p, key.n);
	atomic_store_explicit(&k->tail, tail + 1, memory_order_release);
	wake_send(k->wake_fd);
	return true;
}

struct kube_counters kube_counters(const struct kube *k)
{
	return (struct kube_counters){
	    .server = k->options.from_kubelet ? k->kubelet.url : k->api.url,
	    .is_up = atomic_load(&k->is_up),
	    .requests = atomic_load(&k->requests),
	    .errors = atomic_load(&k->errors),
	    .events = atomic_load(&k->events),
	    .lists = atomic_load(&k->lists),
	    .watches = atomic_load(&k->watches),
	    .gone = atomic_load(&k->gone),
	    .bookmarks = atomic_load(&k->bookmarks),
	    .pods = atomic_load(&k->pod_count),
	    .objects = atomic_load(&k->object_count),
	    .bytes = atomic_load(&k->bytes),
	    .refused = atomic_load(&k->refused),
	};
}
