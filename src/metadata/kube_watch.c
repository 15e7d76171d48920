/* SPDX-License-Identifier: Apache-2.0 */
/* The pods of the node: listed and watched at the API server, or asked of the kubelet. */
#include "metadata/kube_client.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>

enum {
	WATCH_S = 300,
	WATCH_GRACE_MS = 15000,
	SHORT_WATCH_MS = 1000,
	POLL_LEAST_MS = 250, /* between two looks at the kubelet */
};

static int take_pod(void *context, struct str json, struct error *err)
{
	struct kube *k = context;
	bool is_over;
	struct pod_info *pod = kube_pod(json, &is_over, err);

	/* One that is broken is no reason to know of no other. */
	if (!pod)
		kube_tell_error(k, k->last_pod_error, err);
	else if (is_over)
		pod_info_release(pod);
	else
		kube_pods_put(k->pods, pod);
	return 0;
}

static void pods_path(const struct kube *k, char *url, size_t room)
{
	url[0] = '\0';
	kube_url_append(url, room, "/api/v1/pods?fieldSelector=spec.nodeName%3D",
			k->options.node_name);
	/* Of those that have ended nothing is heard any more. */
	kube_url_append(url, room, "", ",status.phase!=Succeeded,status.phase!=Failed");
}

/*
 * All pods of the node. At first what the server has at hand will do ("0"); after it has forgotten
 * where we were, the newest it must be.
 */
static int list_pods(struct kube *k, struct error *err)
{
	char base[2048], url[KUBE_URL_ROOM];
	struct kube_list list = {0};
	struct kube_refusal refusal;
	int status;

	kube_count(&k->lists);
	k->version[0] = '\0';
	pods_path(k, base, sizeof(base));
	kube_pods_begin_list(k->pods);
	for (int page = 0; page < KUBE_PAGES_MOST; page++) {
		snprintf(url, sizeof(url), "%s&limit=%d", base, KUBE_PAGE);
		if (list.continuing[0])
			kube_url_append(url, sizeof(url), "&continue=", list.continuing);
		else if (!k->must_be_newest)
			kube_url_append(url, sizeof(url), "&resourceVersion=", "0");
		status = kube_get_list(k, &k->api, url, take_pod, k, &list, &refusal, err);
		if (status < 0)
			return status;
		/* It may have taken too long from page to page. */
		if (status == 410)
			k->must_be_newest = true;
		if (status != 200) {
			kube_back_off(&k->server, refusal.retry_after_s);
			return kube_refused("list of pods", status, &refusal, err);
		}
		if (list.continuing[0])
			continue;
		if (!list.version[0])
			return error_set(err, -EBADMSG, "a list of pods without a version");
		memcpy(k->version, list.version, sizeof(k->version));
		kube_pods_end_list(k->pods);
		k->must_be_newest = false;
		return 0;
	}
	return error_set(err, -E2BIG, "the list of pods has no end");
}

static int take_event(struct kube *k, struct str json, struct error *err)
{
	struct kube_event event;
	int status = kube_event(json, &event, err);

	if (status < 0)
		return status;
	kube_count(&k->events);
	switch (event.change) {
	case KUBE_ERROR:
		if (event.code == 410)
			return error_set(err, -ESTALE, "watch of pods: %s", event.message);
		return error_set(err, -EIO, "watch of pods: status %d: %s", event.code,
				 event.message);
	case KUBE_BOOKMARK:
		kube_count(&k->bookmarks);
		break;
	case KUBE_DELETED:
		event.is_over = true;
		break;
	default:
		break;
	}
	k->stale_in_a_row = 0;
	if (event.version[0])
		memcpy(k->version, event.version, sizeof(k->version));
	if (event.pod && event.is_over) {
		kube_pods_remove(k->pods, event.pod->key);
		pod_info_release(event.pod);
	} else if (event.pod) {
		struct pod_info *pod = pod_info_keep(event.pod);

		kube_pods_put(k->pods, event.pod);
		/* Its containers are about to start. */
		if (event.change == KUBE_ADDED)
			kube_pods_ask(k->pods, pod->key);
		pod_info_release(pod);
	}
	return 0;
}

static int take_watch(void *context, const char *bytes, size_t n, struct error *err)
{
	struct kube *k = context;
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++) {
		if (bytes[i] == '\n') {
			if (k->line.n)
				status = take_event(k, (struct str){k->line.p, k->line.n}, err);
			kube_text_reset(&k->line);
		} else if (!kube_text_put(&k->line, bytes[i], KUBE_ITEM_MAX)) {
			return error_set(err, -EMSGSIZE, "an event is larger than %d bytes",
					 KUBE_ITEM_MAX);
		}
	}
	return status;
}

static void come_up(struct kube *k, const char *what)
{
	k->last_error[0] = '\0';
	if (!atomic_exchange(&k->is_up, true))
		log_info("kubernetes: %s answers at %s", what,
			 k->options.from_kubelet ? k->kubelet.url : k->api.url);
}

/* Follows a watch to its end: 200, as kube_http_wait. */
static int follow(struct kube *k, struct error *err)
{
	struct kube_refusal refusal;
	uint64_t events = atomic_load(&k->events), begin = clock_monotonic_ms();
	int status = 0, wait = 0;
	bool is_short;

	while (status == 0 && !kube_must_stop(k)) {
		status = kube_http_wait(k->http, wait, &refusal, err);
		if (status == 0 && kube_http_is_watching(k->http))
			come_up(k, "the API server");
		wait = kube_do_chores(k);
	}
	/* A server that ends each watch at once is not asked again at once. */
	is_short =
	    events == atomic_load(&k->events) && clock_monotonic_ms() - begin < SHORT_WATCH_MS;
	if (!is_short)
		k->server.ms = 0;
	if (status == 410)
		return error_set(err, -ESTALE, "watch of pods: status 410");
	if (status > 0 && status != 200) {
		/* It may be the version that it does not like. */
		if (status != 429)
			k->version[0] = '\0';
		kube_back_off(&k->server, refusal.retry_after_s);
		return kube_refused("watch of pods", status, &refusal, err);
	}
	if (status == 200 && is_short)
		return error_set(err, -EPIPE, "watch of pods: ends at once");
	return status;
}

static int watch_pods(struct kube *k, struct error *err)
{
	/* Not all nodes at the same time. */
	uint32_t seconds = WATCH_S + (uint32_t)(hash_u64(clock_monotonic_ms()) % (WATCH_S / 2));
	char url[KUBE_URL_ROOM];
	int status;

	if (!kube_may_request(k))
		return 200;
	kube_count(&k->watches);
	pods_path(k, url, sizeof(url));
	kube_url_append(url, sizeof(url),
			"&watch=1&allowWatchBookmarks=true&resourceVersion=", k->version);
	snprintf(url + strlen(url), sizeof(url) - strlen(url), "&timeoutSeconds=%u", seconds);
	kube_text_reset(&k->line);
	status = kube_http_watch(k->http, &k->api, url, seconds * 1000 + WATCH_GRACE_MS, take_watch,
				 k, err);
	if (status == 0)
		status = follow(k, err);
	kube_http_end_watch(k->http);
	return status;
}

/* Lists where nothing is known, else watches from where we were. */
int kube_run_api(struct kube *k, struct error *err)
{
	int status = 0;

	if (!k->version[0]) {
		status = list_pods(k, err);
		kube_renew_counters(k);
		if (status == 0)
			come_up(k, "the API server");
	}
	if (status == 0)
		status = watch_pods(k, err);
	if (status == -ESTALE) {
		kube_count(&k->gone);
		k->stale_in_a_row++;
		k->must_be_newest = true;
	}
	/* What cannot be understood may have been lost. */
	if (status == -ESTALE || status == -EIO || status == -EBADMSG || status == -EMSGSIZE)
		k->version[0] = '\0';
	/* Nothing is wrong: it keeps what has happened for some minutes only. */
	if (status == -ESTALE && k->stale_in_a_row == 1) {
		log_debug("kubernetes: %s", err->message);
		return 0;
	}
	return status < 0 ? status : 0;
}

static int poll_kubelet(struct kube *k, struct error *err)
{
	struct kube_list list;
	struct kube_refusal refusal;
	int status;

	kube_count(&k->lists);
	k->is_asked_for_unknown = false;
	kube_pods_begin_list(k->pods);
	status = kube_get_list(k, &k->kubelet, "/pods", take_pod, k, &list, &refusal, err);
	if (status < 0)
		return status;
	if (status != 200) {
		kube_back_off(&k->server, refusal.retry_after_s);
		return kube_refused("/pods of the kubelet", status, &refusal, err);
	}
	kube_pods_end_list(k->pods);
	kube_renew_counters(k);
	come_up(k, "the kubelet");
	k->server.ms = 0;
	return 0;
}

int kube_run_kubelet(struct kube *k, struct error *err)
{
	int status = poll_kubelet(k, err), wait;
	uint64_t now = clock_monotonic_ms();
	uint64_t early = now + POLL_LEAST_MS, due = now + k->options.poll_s * UINT64_C(1000);

	while (status == 0 && !kube_must_stop(k)) {
		uint64_t at;

		wait = kube_do_chores(k);
		now = clock_monotonic_ms();
		at = k->is_asked_for_unknown ? early : due;
		if (now >= at)
			break;
		kube_pause(k, at - now < (uint64_t)wait ? (int)(at - now) : wait);
	}
	return status;
}
