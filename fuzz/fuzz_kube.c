/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What API servers and kubelets say: lists in parts of any size, events of watches, objects. Pods
 * and objects go where the client keeps them, and come out as news. The first byte chooses.
 */
#include "metadata/kube_pods.h"
#include "metadata/kube_split.h"
#include "state/pod_set.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_item(void *context, struct str json, struct error *err)
{
	bool is_over;
	struct pod_info *pod = kube_pod(json, &is_over, err);

	if (pod && !is_over)
		kube_pods_put(context, pod);
	else
		pod_info_release(pod);
	return 0;
}

static void read_list(struct kube_pods *pods, struct str text, size_t part)
{
	struct kube_split split;
	struct kube_list list;
	struct str rest;
	int status = 0;

	kube_split_start(&split, take_item, pods);
	kube_pods_begin_list(pods);
	for (size_t at = 0; at < text.n && status == 0; at += part) {
		struct str piece = str_slice(text, at, at + part);

		status = kube_split_feed(&split, piece.p, piece.n, NULL);
	}
	if (status == 0 && kube_split_end(&split, &rest, NULL) == 0 &&
	    kube_list(rest, &list, NULL) == 0)
		kube_pods_end_list(pods);
	kube_split_release(&split);
}

static void read_events(struct kube_pods *pods, struct str text)
{
	while (text.n) {
		size_t end = str_find_byte(text, '\n', 0);
		struct kube_event event;

		kube_event(str_slice(text, 0, end), &event, NULL);
		if (event.pod && event.is_over)
			kube_pods_remove(pods, event.pod->key);
		else if (event.pod)
			kube_pods_put(pods, pod_info_keep(event.pod));
		pod_info_release(event.pod);
		text = str_slice(text, end + 1, text.n);
	}
}

/* Answers all that is asked for with that object, whatever it is. */
static void answer(struct kube_pods *pods, struct str text)
{
	struct kube_need need;

	for (int i = 0; i < 64 && kube_pods_next(pods, &need); i++) {
		struct kube_kept *kept = kube_kept(text, NULL);
		struct kube_kept **items = kept ? malloc(sizeof(struct kube_kept *)) : NULL;

		if (items)
			*items = kept;
		kube_pods_found(pods, &need, items, items != NULL, 1);
	}
}

static void pass_news(struct inbox *inbox)
{
	struct pod_set *set = pod_set_new();
	struct pod_news *news = pod_inbox_take(inbox), *next;

	for (; news; news = next) {
		next = (struct pod_news *)news->item.next;
		if (news->info)
			pod_set_learn(set, pod_info_keep(news->info));
		else
			pod_set_forget(set, news->key);
		pod_news_free(news);
	}
	pod_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data + 1, size - 1};
	struct inbox inbox = {NULL};
	struct kube_pods *pods;
	size_t middle;
	char message[64];

	if (size < 2)
		return 0;
	pods = kube_pods_new(&inbox);
	/* Behind a NUL is what answers questions. */
	middle = str_find_byte(text, '\0', 0);
	if (data[0] % 2)
		read_list(pods, str_slice(text, 0, middle), 1 + data[0] / 2);
	else
		read_events(pods, str_slice(text, 0, middle));
	answer(pods, str_slice(text, middle + 1, text.n));
	kube_status_message(text, message, sizeof(message));
	kube_pods_forget_unused(pods);
	kube_pods_free(pods);
	pass_news(&inbox);
	return 0;
}
