/* SPDX-License-Identifier: Apache-2.0 */
#include "state/pod_info.h"

#include "state/label_block.h"

#include <stdatomic.h>
#include <stdlib.h>

static const char *const kind_names[KUBE_KINDS] = {
    [KUBE_NAMESPACE] = "Namespace",
    [KUBE_REPLICA_SET] = "ReplicaSet",
    [KUBE_DEPLOYMENT] = "Deployment",
    [KUBE_REPLICATION_CONTROLLER] = "ReplicationController",
    [KUBE_DAEMON_SET] = "DaemonSet",
    [KUBE_STATEFUL_SET] = "StatefulSet",
    [KUBE_JOB] = "Job",
    [KUBE_CRON_JOB] = "CronJob",
};

const char *kube_kind_name(enum kube_kind kind)
{
	return kind_names[kind];
}

enum kube_kind kube_kind_by_name(struct str name)
{
	enum kube_kind kind = 0;

	while (kind < KUBE_KINDS && !str_equal_c(name, kind_names[kind]))
		kind++;
	return kind;
}

static void put_labels(struct label_block *w, const struct container_label *from, uint32_t count,
		       const struct container_label **to, uint32_t *to_count)
{
	label_block_put_labels(w, from, count < POD_LABELS_MAX ? count : POD_LABELS_MAX, to,
			       to_count);
}

static struct kube_object put_object(struct label_block *w, const struct kube_object *from)
{
	struct kube_object to = {.name = label_block_put(w, from->name),
				 .uid = label_block_put(w, from->uid)};

	put_labels(w, from->labels, from->label_count, &to.labels, &to.label_count);
	return to;
}

static uint32_t services_of(const struct pod_info *draft)
{
	return draft->service_count < POD_SERVICES_MAX ? draft->service_count : POD_SERVICES_MAX;
}

/* services: room for as many as there are; NULL: none. */
static void put_all(struct label_block *w, const struct pod_info *draft, struct pod_info *out,
		    struct kube_object *services)
{
	out->key = label_block_put(w, str_slice(draft->key, 0, POD_KEY_MAX));
	out->uid = label_block_put(w, draft->uid);
	out->name = label_block_put(w, draft->name);
	out->ns = label_block_put(w, draft->ns);
	out->node = label_block_put(w, draft->node);
	out->service_account = label_block_put(w, draft->service_account);
	out->ip = label_block_put(w, draft->ip);
	out->owner_kind = label_block_put(w, draft->owner_kind);
	out->owner = put_object(w, &draft->owner);
	put_labels(w, draft->labels, draft->label_count, &out->labels, &out->label_count);
	for (int i = 0; i < KUBE_KINDS; i++)
		out->related[i] = put_object(w, &draft->related[i]);
	for (uint32_t i = 0; i < services_of(draft); i++) {
		struct kube_object service = put_object(w, &draft->services[i]);

		if (services)
			services[i] = service;
	}
}

struct pod_info *pod_info_new(const struct pod_info *draft)
{
	uint32_t service_count = services_of(draft);
	struct kube_object *services;
	struct pod_info scratch, *info;
	struct label_block w = {.text_max = POD_TEXT_MAX};
	size_t bytes;

	put_all(&w, draft, &scratch, NULL);
	bytes = sizeof(*info) + service_count * sizeof(*services) + label_block_size(&w);
	info = malloc(bytes);
	if (!info)
		abort();
	*info = (struct pod_info){
	    .is_complete = draft->is_complete,
	    .service_count = service_count,
	    .references = 1,
	    .bytes = bytes,
	};
	services = (struct kube_object *)(info + 1);
	info->services = services;
	w = label_block_begin(&w, services + service_count);
	put_all(&w, draft, info, services);
	return info;
}

struct pod_info *pod_info_keep(struct pod_info *info)
{
	atomic_fetch_add_explicit(&info->references, 1, memory_order_relaxed);
	return info;
}

void pod_info_release(struct pod_info *info)
{
	if (info && atomic_fetch_sub_explicit(&info->references, 1, memory_order_acq_rel) == 1)
		free(info);
}

static bool labels_equal(const struct container_label *a, uint32_t count,
			 const struct container_label *b, uint32_t other)
{
	if (count != other)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!str_equal(a[i].key, b[i].key) || !str_equal(a[i].value, b[i].value))
			return false;
	return true;
}

static bool objects_equal(const struct kube_object *a, const struct kube_object *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!str_equal(a[i].name, b[i].name) || !str_equal(a[i].uid, b[i].uid) ||
		    !labels_equal(a[i].labels, a[i].label_count, b[i].labels, b[i].label_count))
			return false;
	return true;
}

bool pod_info_equal(const struct pod_info *a, const struct pod_info *b)
{
	return a->bytes == b->bytes && a->is_complete == b->is_complete &&
	       str_equal(a->key, b->key) && str_equal(a->uid, b->uid) &&
	       str_equal(a->name, b->name) && str_equal(a->ns, b->ns) &&
	       str_equal(a->node, b->node) && str_equal(a->service_account, b->service_account) &&
	       str_equal(a->ip, b->ip) && str_equal(a->owner_kind, b->owner_kind) &&
	       labels_equal(a->labels, a->label_count, b->labels, b->label_count) &&
	       objects_equal(&a->owner, &b->owner, 1) &&
	       objects_equal(a->related, b->related, KUBE_KINDS) &&
	       a->service_count == b->service_count &&
	       objects_equal(a->services, b->services, a->service_count);
}

static struct pod_news *news_new(size_t n)
{
	struct pod_news *news = calloc(1, sizeof(*news) + n);

	if (!news)
		abort();
	return news;
}

void pod_inbox_put(struct inbox *inbox, struct pod_info *info)
{
	struct pod_news *news = news_new(0);

	news->info = info;
	inbox_put(inbox, &news->item);
}

void pod_inbox_put_gone(struct inbox *inbox, struct str key)
{
	struct pod_news *news = news_new(key.n);

	if (key.n)
		memcpy(news->bytes, key.p, key.n);
	news->key = (struct str){news->bytes, key.n};
	inbox_put(inbox, &news->item);
}

struct pod_news *pod_inbox_take(struct inbox *inbox)
{
	return (struct pod_news *)inbox_take(inbox);
}

void pod_news_free(struct pod_news *news)
{
	pod_info_release(news->info);
	free(news);
}
