/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of Kubernetes, {"metadata": ..., "items": [...]}, taken apart while it arrives: each item
 * by itself, so that a list of any length takes the memory of its longest item; and the rest, as
 * the same object without them.
 */
#ifndef SAKER_METADATA_KUBE_SPLIT_H
#define SAKER_METADATA_KUBE_SPLIT_H

#include "base/error.h"
#include "base/str.h"

enum {
	KUBE_ITEM_MAX = 2 * 1024 * 1024, /* bytes; what an API server stores is smaller */
	KUBE_REST_MAX = 64 * 1024,
	KUBE_DEPTH_MAX = 128,
};

/* 0, or a negative errno with the reason, which ends it. */
typedef int kube_take_item(void *context, struct str json, struct error *err);

struct kube_text {
	char *p;
	size_t n, room;
};

/* Made by kube_split_start, released by kube_split_release. */
struct kube_split {
	kube_take_item *take;
	void *context;
	struct kube_text item, rest;
	uint32_t depth;
	bool is_in_string, is_escaped;
	bool is_in_items, is_in_item;
	bool has_begun;
	/* The string at the top that was read last: whose value comes, if it is a key. */
	char key[8];
	size_t key_n; /* larger than its room: another one */
};

void kube_split_start(struct kube_split *s, kube_take_item *take, void *context);
int kube_split_feed(struct kube_split *s, const char *bytes, size_t n, struct error *err);
/* The rest, good until the release; an error where the object has not ended. */
int kube_split_end(struct kube_split *s, struct str *rest, struct error *err);
void kube_split_release(struct kube_split *s);

/* Appends one byte; false: that is more than most. */
bool kube_text_put(struct kube_text *t, char c, size_t most);
/* Empties it, and gives back what is more than is usual. */
void kube_text_reset(struct kube_text *t);

#endif
