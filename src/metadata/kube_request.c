/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the client of Kubernetes: URLs, lists, refusals. */
#include "metadata/kube_client.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

enum {
	LIST_MS = 30000,
	LIST_BYTES_MOST = 128 * 1024 * 1024, /* which pass through; no more are kept */
};

/* A status that is no success as an error. */
int kube_refused(const char *what, int status, const struct kube_refusal *refusal,
		 struct error *err)
{
	return error_set(err, -EACCES, "%s: status %d%s%s", what, status,
			 refusal->message[0] ? ": " : "", refusal->message);
}

/* Escapes what is no plain character of a URL. */
static void put_escaped(char *url, size_t room, const char *text)
{
	size_t n = strlen(url);

	for (; *text && n + 4 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-._~", c))
			url[n++] = (char)c;
		else
			n += (size_t)snprintf(url + n, room - n, "%%%02X", c);
	}
	url[n] = '\0';
}

void kube_url_append(char *url, size_t room, const char *plain, const char *escaped)
{
	size_t n = strlen(url);

	snprintf(url + n, room - n, "%s", plain);
	put_escaped(url, room, escaped);
}

/* Bodies that are lists: their size, on their way to the splitter. */
struct listing {
	struct kube_split split;
	size_t bytes;
};

static int take_list(void *context, const char *bytes, size_t n, struct error *err)
{
	struct listing *l = context;

	l->bytes += n;
	if (l->bytes > LIST_BYTES_MOST)
		return error_set(err, -EMSGSIZE, "a list of more than %d bytes", LIST_BYTES_MOST);
	return kube_split_feed(&l->split, bytes, n, err);
}

/* One answer of a list; items go to take. 200 with *out, or as kube_http_get. */
int kube_get_list(struct kube *k, const struct kube_server *server, const char *path,
		  kube_take_item *take, void *context, struct kube_list *out,
		  struct kube_refusal *refusal, struct error *err)
{
	struct listing l = {0};
	struct str rest;
	int status;

	if (!kube_may_request(k))
		return error_set(err, -ECANCELED, "it is the end");
	kube_split_start(&l.split, take, context);
	status = kube_http_get(k->http, server, path, "application/json", LIST_MS, take_list, &l,
			       refusal, err);
	if (status == 200) {
		status = kube_split_end(&l.split, &rest, err);
		if (status == 0)
			status = kube_list(rest, out, err);
		status = status == 0 ? 200 : status;
	}
	kube_split_release(&l.split);
	return status;
}
