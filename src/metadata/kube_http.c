/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/kube_http.h"

#include "base/cleanup.h"
#include "metadata/kube_json.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>

enum {
	CONNECT_MS = 5000,
	URL_MAX = 8192,
	TOKEN_MAX = 16 * 1024,
	REFUSAL_MAX = 4096,
	STEP_MS = 1000,
};

/* One request at a time. */
struct request {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	kube_take *take;
	void *context;
	bool is_open;
	int taken; /* what take failed with */
	struct error why;
	char refusal[REFUSAL_MAX];
	size_t refusal_n;
	char message[CURL_ERROR_SIZE];
	char path[96]; /* its beginning, for errors */
};

struct kube_http {
	struct request get, watch;
	int wake_fd;
	const _Atomic bool *must_stop;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct request *r = context;
	size_t n = size * count, room = REFUSAL_MAX - r->refusal_n;
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200) {
		r->taken = r->take(r->context, bytes, n, &r->why);
		return r->taken < 0 ? 0 : n;
	}
	/* The rest of a long refusal is not read. */
	memcpy(r->refusal + r->refusal_n, bytes, n < room ? n : room);
	r->refusal_n += n < room ? n : room;
	return n <= room ? n : 0;
}

static bool open_request(struct request *r)
{
	r->easy = curl_easy_init();
	r->multi = curl_multi_init();
	return r->easy && r->multi;
}

static void close_request(struct request *r)
{
	if (r->is_open)
		curl_multi_remove_handle(r->multi, r->easy);
	if (r->easy)
		curl_easy_cleanup(r->easy);
	if (r->multi)
		curl_multi_cleanup(r->multi);
	curl_slist_free_all(r->headers);
}

struct kube_http *kube_http_new(int wake_fd, const _Atomic bool *must_stop)
{
	struct kube_http *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->wake_fd = wake_fd;
	h->must_stop = must_stop;
	if (open_request(&h->get) && open_request(&h->watch))
		return h;
	kube_http_free(h);
	return NULL;
}

void kube_http_free(struct kube_http *h)
{
	if (!h)
		return;
	close_request(&h->get);
	close_request(&h->watch);
	free(h);
}

static int add_header(struct request *r, const char *text, struct error *err)
{
	struct curl_slist *longer = curl_slist_append(r->headers, text);

	if (!longer)
		return error_set(err, -ENOMEM, "no memory for a request");
	r->headers = longer;
	return 0;
}

static int add_token(struct request *r, const char *path, struct error *err)
{
	static const char begin[] = "Authorization: Bearer ";
	char line[sizeof(begin) + TOKEN_MAX];
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line + sizeof(begin) - 1, TOKEN_MAX);
	struct str token;
	int status;

	if (n < 0)
		return error_set(err, -errno, "token %s: %s", path, strerror(errno));
	token = str_trim((struct str){line + sizeof(begin) - 1, (size_t)n});
	if (n == TOKEN_MAX || token.n == 0 || memchr(token.p, '\n', token.n))
		return error_set(err, -EINVAL, "token %s: no token", path);
	memmove(line + sizeof(begin) - 1, token.p, token.n);
	memcpy(line, begin, sizeof(begin) - 1);
	line[sizeof(begin) - 1 + token.n] = '\0';
	status = add_header(r, line, err);
	explicit_bzero(line, sizeof(line));
	return status;
}

static int set_up(struct request *r, const struct kube_server *s, const char *path,
		  const char *accept, uint32_t timeout_ms, struct error *err)
{
	bool is_tls = strncmp(s->url, "https://", 8) == 0;
	char text[URL_MAX];
	int status = 0;

	curl_easy_reset(r->easy);
	curl_slist_free_all(r->headers);
	r->headers = NULL;
	r->taken = 0;
	r->refusal_n = 0;
	r->message[0] = '\0';
	snprintf(r->path, sizeof(r->path), "%s", path);
	if (accept) {
		snprintf(text, sizeof(text), "Accept: %s", accept);
		status = add_header(r, text, err);
	}
	if (status == 0 && is_tls && *s->token_file)
		status = add_token(r, s->token_file, err);
	if (status == 0 && snprintf(text, sizeof(text), "%s%s", s->url, path) >= URL_MAX)
		status = error_set(err, -ENAMETOOLONG, "the request is too long");
	if (status < 0)
		return status;
	curl_easy_setopt(r->easy, CURLOPT_URL, text);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(r->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(r->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(r->easy, CURLOPT_USERAGENT, "saker");
	curl_easy_setopt(r->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->message);
	if (*s->ca_file)
		curl_easy_setopt(r->easy, CURLOPT_CAINFO, s->ca_file);
	if (s->is_insecure) {
		curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return 0;
}

static int start(struct request *r, kube_take *take, void *context, struct error *err)
{
	r->take = take;
	r->context = context;
	if (curl_multi_add_handle(r->multi, r->easy) != CURLM_OK)
		return error_set(err, -ENOMEM, "no memory for a request");
	r->is_open = true;
	return 0;
}

static void end(struct request *r)
{
	if (r->is_open)
		curl_multi_remove_handle(r->multi, r->easy);
	r->is_open = false;
}

/* A refusal: what the Status in its body says, or else its first line. */
static void tell_refusal(struct request *r, struct kube_refusal *out)
{
	struct str text = {r->refusal, r->refusal_n};
	curl_off_t after = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &after);
	out->retry_after_s = after > 0 && after < UINT32_MAX ? (uint32_t)after : 0;
	kube_status_message(text, out->message, sizeof(out->message));
	if (out->message[0])
		return;
	text = str_trim(text);
	snprintf(out->message, sizeof(out->message), "%.*s",
		 STR_ARG(str_slice(text, 0, str_find_byte(text, '\n', 0))));
}

static int outcome(struct request *r, CURLcode code, struct kube_refusal *refusal,
		   struct error *err)
{
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (r->taken < 0) {
		if (err)
			*err = r->why;
		return r->taken;
	}
	if (status && status != 200) {
		tell_refusal(r, refusal);
		return (int)status;
	}
	if (code == CURLE_OK)
		return (int)status;
	return error_set(err, code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -ECONNRESET,
			 "%.64s: %s", r->path,
			 r->message[0] ? r->message : curl_easy_strerror(code));
}

/* 0 while it goes on. */
static int step(struct kube_http *h, struct request *r, int timeout_ms,
		struct kube_refusal *refusal, struct error *err)
{
	struct curl_waitfd wake = {.fd = h->wake_fd, .events = CURL_WAIT_POLLIN};
	int running = 0, left, status = 0;
	CURLMsg *message;
	uint64_t woken;

	*refusal = (struct kube_refusal){0};
	if (timeout_ms)
		curl_multi_poll(r->multi, &wake, 1, timeout_ms, NULL);
	/* Whoever waits looks at what it was woken for in any case. */
	if (wake.revents && read(h->wake_fd, &woken, sizeof(woken)) < 0)
		wake.revents = 0;
	if (curl_multi_perform(r->multi, &running) != CURLM_OK)
		return error_set(err, -EIO, "%.64s: no connection", r->path);
	while ((message = curl_multi_info_read(r->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			status = outcome(r, message->data.result, refusal, err);
	return status;
}

int kube_http_get(struct kube_http *h, const struct kube_server *server, const char *path,
		  const char *accept, uint32_t timeout_ms, kube_take *take, void *context,
		  struct kube_refusal *refusal, struct error *err)
{
	int status = set_up(&h->get, server, path, accept, timeout_ms, err);

	if (status == 0)
		status = start(&h->get, take, context, err);
	while (status == 0) {
		if (atomic_load_explicit(h->must_stop, memory_order_relaxed))
			status = error_set(err, -ECANCELED, "it is the end");
		else
			status = step(h, &h->get, STEP_MS, refusal, err);
	}
	end(&h->get);
	return status;
}

int kube_http_watch(struct kube_http *h, const struct kube_server *server, const char *path,
		    uint32_t timeout_ms, kube_take *take, void *context, struct error *err)
{
	int status = set_up(&h->watch, server, path, "application/json", timeout_ms, err);

	return status == 0 ? start(&h->watch, take, context, err) : status;
}

int kube_http_wait(struct kube_http *h, int timeout_ms, struct kube_refusal *refusal,
		   struct error *err)
{
	return step(h, &h->watch, timeout_ms, refusal, err);
}

bool kube_http_is_watching(const struct kube_http *h)
{
	long status = 0;

	curl_easy_getinfo(h->watch.easy, CURLINFO_RESPONSE_CODE, &status);
	return status == 200;
}

void kube_http_end_watch(struct kube_http *h)
{
	end(&h->watch);
}
