/* SPDX-License-Identifier: Apache-2.0 */
#include "state/container_info.h"

#include "state/user.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ID_SIZE = 64, ID_SHOWN = 12 };

struct str container_short_id(struct str full_id)
{
	if (full_id.n != ID_SIZE)
		return full_id;
	for (size_t i = 0; i < full_id.n; i++)
		if (!isxdigit((unsigned char)full_id.p[i]))
			return full_id;
	return str_slice(full_id, 0, ID_SHOWN);
}

/* Where the texts of one block go; without memory it only counts. */
struct writer {
	char *at;
	size_t bytes;
};

static struct str put(struct writer *w, struct str s)
{
	struct str copy = {w->at ? w->at + w->bytes : NULL,
			   s.n < CONTAINER_TEXT_MAX ? s.n : CONTAINER_TEXT_MAX};

	if (w->at) {
		if (copy.n)
			memcpy(w->at + w->bytes, s.p, copy.n);
		w->at[w->bytes + copy.n] = '\0';
	}
	w->bytes += copy.n + 1;
	return copy;
}

static void put_labels(struct writer *w, const struct container_label *from, uint32_t count,
		       struct container_label *to)
{
	for (uint32_t i = 0; i < count; i++) {
		struct container_label label = {put(w, from[i].key), put(w, from[i].value)};

		if (to)
			to[i] = label;
	}
}

static void put_mounts(struct writer *w, const struct container_mount *from, uint32_t count,
		       struct container_mount *to)
{
	for (uint32_t i = 0; i < count; i++) {
		struct container_mount mount = {
		    .source = put(w, from[i].source),
		    .dest = put(w, from[i].dest),
		    .mode = put(w, from[i].mode),
		    .propagation = put(w, from[i].propagation),
		    .is_writable = from[i].is_writable,
		};

		if (to)
			to[i] = mount;
	}
}

static void put_texts(struct writer *w, const struct container_info *draft,
		      struct container_info *out)
{
	out->full_id = put(w, draft->full_id);
	out->name = put(w, draft->name);
	out->image = put(w, draft->image);
	out->image_id = put(w, draft->image_id);
	out->image_repository = put(w, draft->image_repository);
	out->image_tag = put(w, draft->image_tag);
	out->image_digest = put(w, draft->image_digest);
	out->ip = put(w, draft->ip);
	out->cni_json = put(w, draft->cni_json);
	out->sandbox_id = put(w, draft->sandbox_id);
}

static int compare_labels(const void *a, const void *b)
{
	return str_compare(((const struct container_label *)a)->key,
			   ((const struct container_label *)b)->key);
}

/* Sorts, and leaves one of each key. */
static uint32_t order(struct container_label *labels, uint32_t count)
{
	uint32_t kept = 0;

	if (count)
		qsort(labels, count, sizeof(*labels), compare_labels);
	for (uint32_t i = 0; i < count; i++)
		if (kept == 0 || !str_equal(labels[kept - 1].key, labels[i].key))
			labels[kept++] = labels[i];
	return kept;
}

static uint32_t at_most(uint32_t count)
{
	return count < CONTAINER_ITEMS_MAX ? count : CONTAINER_ITEMS_MAX;
}

struct container_info *container_info_new(const struct container_info *draft)
{
	uint32_t labels = at_most(draft->label_count), pods = at_most(draft->pod_label_count);
	uint32_t mounts = at_most(draft->mount_count);
	size_t lists = (labels + pods) * sizeof(struct container_label) +
		       mounts * sizeof(struct container_mount);
	struct container_info scratch, *info;
	struct container_label *label_copies;
	struct container_mount *mount_copies;
	struct writer w = {0};

	put_texts(&w, draft, &scratch);
	put_labels(&w, draft->labels, labels, NULL);
	put_labels(&w, draft->pod_labels, pods, NULL);
	put_mounts(&w, draft->mounts, mounts, NULL);

	info = malloc(sizeof(*info) + lists + w.bytes);
	if (!info)
		abort();
	*info = (struct container_info){
	    .type = draft->type,
	    .is_privileged = draft->is_privileged,
	    .is_host_pid = draft->is_host_pid,
	    .is_host_network = draft->is_host_network,
	    .is_host_ipc = draft->is_host_ipc,
	    .is_sandbox = draft->is_sandbox,
	    .references = 1,
	    .bytes = sizeof(*info) + lists + w.bytes,
	};
	label_copies = (struct container_label *)(info + 1);
	mount_copies = (struct container_mount *)(label_copies + labels + pods);
	w = (struct writer){.at = (char *)(mount_copies + mounts)};
	put_texts(&w, draft, info);
	info->id = container_short_id(info->full_id);
	put_labels(&w, draft->labels, labels, label_copies);
	put_labels(&w, draft->pod_labels, pods, label_copies + labels);
	put_mounts(&w, draft->mounts, mounts, mount_copies);
	info->labels = label_copies;
	info->label_count = order(label_copies, labels);
	info->pod_labels = label_copies + labels;
	info->pod_label_count = order(label_copies + labels, pods);
	info->mounts = mount_copies;
	info->mount_count = mounts;
	return info;
}

struct container_info *container_info_keep(struct container_info *info)
{
	atomic_fetch_add_explicit(&info->references, 1, memory_order_relaxed);
	return info;
}

void container_info_release(struct container_info *info)
{
	if (info && atomic_fetch_sub_explicit(&info->references, 1, memory_order_acq_rel) == 1)
		free(info);
}

bool container_label_find(const struct container_label *labels, uint32_t count, struct str key,
			  struct str *out)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order_of = str_compare(labels[middle].key, key);

		if (order_of == 0) {
			*out = labels[middle].value;
			return true;
		}
		if (order_of < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void container_image_split(struct str image, struct str *repository, struct str *tag)
{
	size_t end;

	image = str_slice(image, 0, str_find_byte(image, '@', 0));
	for (end = image.n; end > 0 && image.p[end - 1] != '/' && image.p[end - 1] != ':'; end--)
		continue;
	if (end > 0 && image.p[end - 1] == ':') {
		*repository = str_slice(image, 0, end - 1);
		*tag = str_slice(image, end, image.n);
	} else {
		*repository = image;
		*tag = (struct str){"", 0};
	}
}

static struct container_news *news_new(enum container_news_kind kind, struct str id)
{
	struct container_news *news = calloc(1, sizeof(*news) + id.n + 1);

	if (!news)
		abort();
	news->kind = kind;
	if (id.n)
		memcpy(news->bytes, id.p, id.n);
	news->id = (struct str){news->bytes, id.n};
	return news;
}

void container_inbox_put_info(struct container_inbox *inbox, struct container_info *info,
			      bool is_answer)
{
	struct container_news *news = news_new(CONTAINER_KNOWN, (struct str){"", 0});

	news->info = info;
	news->is_answer = is_answer;
	inbox_put(&inbox->inbox, &news->item);
}

void container_inbox_put(struct container_inbox *inbox, enum container_news_kind kind,
			 struct str id)
{
	inbox_put(&inbox->inbox, &news_new(kind, id)->item);
}

void container_inbox_put_users(struct container_inbox *inbox, const struct container *c,
			       enum container_users users, struct user_table *own_users,
			       size_t bytes)
{
	struct container_news *news = news_new(CONTAINER_USERS, c->full_id);

	news->type = c->type;
	news->users = users;
	news->own_users = own_users;
	news->users_bytes = bytes;
	inbox_put(&inbox->inbox, &news->item);
}

struct container_news *container_inbox_take(struct container_inbox *inbox)
{
	return (struct container_news *)inbox_take(&inbox->inbox);
}

struct container_news *container_news_next(const struct container_news *news)
{
	return (struct container_news *)news->item.next;
}

void container_news_free(struct container_news *news)
{
	container_info_release(news->info);
	user_table_free(news->own_users);
	free(news);
}
