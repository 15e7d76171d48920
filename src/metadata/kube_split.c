/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/kube_split.h"

#include <errno.h>
#include <stdlib.h>

enum { USUAL_ROOM = 64 * 1024 };

bool kube_text_put(struct kube_text *t, char c, size_t most)
{
	if (t->n == most)
		return false;
	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 4096;
		char *bigger = realloc(t->p, room);

		if (!bigger)
			return false;
		t->p = bigger;
		t->room = room;
	}
	t->p[t->n++] = c;
	return true;
}

void kube_text_reset(struct kube_text *t)
{
	t->n = 0;
	if (t->room <= USUAL_ROOM)
		return;
	free(t->p);
	*t = (struct kube_text){0};
}

void kube_split_start(struct kube_split *s, kube_take_item *take, void *context)
{
	*s = (struct kube_split){.take = take, .context = context};
}

void kube_split_release(struct kube_split *s)
{
	free(s->item.p);
	free(s->rest.p);
	*s = (struct kube_split){0};
}

/* Quotes, and what is inside: the text's structure does not change. */
static void read_string(struct kube_split *s, char c)
{
	if (s->is_escaped)
		s->is_escaped = false;
	else if (c == '\\')
		s->is_escaped = true;
	else if (c == '"')
		s->is_in_string = false;
	if (s->depth != 1 || !s->is_in_string)
		return;
	if (s->key_n < sizeof(s->key))
		s->key[s->key_n] = c;
	s->key_n += s->key_n <= sizeof(s->key);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Follows the structure; answers whether the byte ends an item. */
static bool read_structure(struct kube_split *s, char c)
{
	switch (c) {
	case '"':
		s->is_in_string = true;
		if (s->depth == 1)
			s->key_n = 0;
		break;
	case '{':
	case '[':
		if (s->depth == 1 && c == '[')
			s->is_in_items = s->key_n == 5 && memcmp(s->key, "items", 5) == 0;
		s->depth++;
		break;
	case '}':
	case ']':
		s->depth--;
		if (s->depth == 1)
			s->is_in_items = false;
		return s->is_in_item && s->depth == 2;
	default:
		break;
	}
	return false;
}

static int put(struct kube_split *s, char c, struct error *err)
{
	bool is_item = s->is_in_item;

	if (is_item ? kube_text_put(&s->item, c, KUBE_ITEM_MAX)
		    : kube_text_put(&s->rest, c, KUBE_REST_MAX))
		return 0;
	return error_set(err, -EMSGSIZE,
			 is_item ? "an item of the list is larger than %d bytes"
				 : "the list is larger than %d bytes without its items",
			 is_item ? KUBE_ITEM_MAX : KUBE_REST_MAX);
}

/* Whether a byte between items is no part of the rest; an error where no item may begin so. */
static int between_items(struct kube_split *s, char c, bool *is_left_out, struct error *err)
{
	*is_left_out = false;
	if (!s->is_in_items || s->is_in_item || s->depth != 2 || c == ']')
		return 0;
	if (c != '{' && c != ',' && !is_blank(c))
		return error_set(err, -EBADMSG, "an item of the list is no object");
	s->is_in_item = c == '{';
	*is_left_out = c != '{';
	return 0;
}

static int feed(struct kube_split *s, char c, struct error *err)
{
	bool is_left_out, is_end = false;
	int status;

	if (s->depth == 0 && (s->has_begun ? !is_blank(c) : c != '{'))
		return is_blank(c) ? 0 : error_set(err, -EBADMSG, "the answer is no JSON object");
	status = between_items(s, c, &is_left_out, err);
	if (status < 0 || is_left_out)
		return status;
	s->has_begun = true;
	if (s->is_in_string)
		read_string(s, c);
	else
		is_end = read_structure(s, c);
	if (s->depth > KUBE_DEPTH_MAX)
		return error_set(err, -EBADMSG, "JSON more than %d deep", KUBE_DEPTH_MAX);
	status = put(s, c, err);
	if (status < 0 || !is_end)
		return status;
	s->is_in_item = false;
	status = s->take(s->context, (struct str){s->item.p, s->item.n}, err);
	kube_text_reset(&s->item);
	return status;
}

int kube_split_feed(struct kube_split *s, const char *bytes, size_t n, struct error *err)
{
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++)
		status = feed(s, bytes[i], err);
	return status;
}

int kube_split_end(struct kube_split *s, struct str *rest, struct error *err)
{
	if (!s->has_begun || s->depth)
		return error_set(err, -EBADMSG, "the list ends before its end");
	*rest = (struct str){s->rest.p, s->rest.n};
	return 0;
}
