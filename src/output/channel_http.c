/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert is the body of a POST request. What may come right later (no connection, no answer in
 * time, 5xx, too many requests) is tried again after a while, a limited number of times; meanwhile
 * the alerts behind it wait in the queue.
 *
 * The multi interface is used for its waiting, which can be left at any time; there is one request
 * at a time, so that alerts arrive in their order.
 */
#include "output/channel.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum {
	PATIENCE = 5,          /* times the configured time: how long one request may take */
	TRIES_MOST = 8,        /* of one alert, without those that timed out */
	RETRY_MOST_MS = 5000,  /* between two of them */
	ASKED_MOST_S = 30,     /* likewise, where the server says how long */
	GZIP_WINDOW = 15 + 16, /* zlib's way to ask for gzip's header */
	GZIP_MEMORY = 8,
};

enum outcome { DELIVERED, TRY_AGAIN, TIMED_OUT, REFUSED };

struct http_channel {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	bool compress;
	unsigned max_timeouts;
	z_stream zlib;
	char *compressed;
	size_t compressed_room;
	char error[CURL_ERROR_SIZE];
};

static size_t drop_answer(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

static size_t print_answer(char *bytes, size_t size, size_t count, void *context)
{
	size_t n = size * count;

	(void)context;
	/* A standard output that cannot be written to is no failure of the request. */
	while (n > 0) {
		ssize_t written = write(STDOUT_FILENO, bytes, n);

		if (written <= 0)
			break;
		bytes += written;
		n -= (size_t)written;
	}
	return size * count;
}

/* Falco takes the address with quotes around it, as shells and YAML leave them over. */
static char *unquoted(const char *url)
{
	size_t n = strlen(url);

	if (n >= 2 && (url[0] == '"' || url[0] == '\'') && url[n - 1] == url[0])
		return strndup(url + 1, n - 2);
	return strdup(url);
}

static bool is_given(const char *text)
{
	return text && *text;
}

static void set_certificates(CURL *easy, const struct http_options *o)
{
	if (o->is_insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (o->is_mutual) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, o->client_cert);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, o->client_key);
	}
	if (is_given(o->ca_cert))
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_cert);
	else if (is_given(o->ca_bundle))
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_bundle);
	else if (is_given(o->ca_path))
		curl_easy_setopt(easy, CURLOPT_CAPATH, o->ca_path);
}

static bool add_header(struct http_channel *c, const char *header)
{
	struct curl_slist *more = curl_slist_append(c->headers, header);

	if (more)
		c->headers = more;
	return more;
}

static bool set_up(struct http_channel *c, const struct http_options *o, bool is_json)
{
	char *url = unquoted(o->url ? o->url : "");

	c->easy = curl_easy_init();
	c->multi = curl_multi_init();
	if (!c->easy || !c->multi || !url ||
	    !add_header(c,
			is_json ? "Content-Type: application/json" : "Content-Type: text/plain") ||
	    (c->compress && !add_header(c, "Content-Encoding: gzip"))) {
		free(url);
		return false;
	}
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	free(url);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	if (o->user_agent)
		curl_easy_setopt(c->easy, CURLOPT_USERAGENT, o->user_agent);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	/* Leaves a name that is still being looked up alone; waiting for it could take for ever. */
	curl_easy_setopt(c->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, o->echo ? print_answer : drop_answer);
	curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, (long)o->keep_alive);
	set_certificates(c->easy, o);
	return true;
}

void *channel_http_open(const struct http_options *options, bool is_json)
{
	struct http_channel *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	/* Counted: as many calls undo it in http_close. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(c);
		return NULL;
	}
	c->max_timeouts = options->max_consecutive_timeouts;
	c->compress = options->compress;
	if ((!c->compress || deflateInit2(&c->zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW,
					  GZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK) &&
	    set_up(c, options, is_json))
		return c;
	channel_http.close(c);
	return NULL;
}

static bool compress_body(struct http_channel *c, struct str *body)
{
	size_t most;

	deflateReset(&c->zlib);
	most = deflateBound(&c->zlib, body->n);
	if (most > c->compressed_room) {
		char *more = realloc(c->compressed, most);

		if (!more)
			return false;
		c->compressed = more;
		c->compressed_room = most;
	}
	c->zlib.next_in = (Bytef *)body->p;
	c->zlib.avail_in = (uInt)body->n;
	c->zlib.next_out = (Bytef *)c->compressed;
	c->zlib.avail_out = (uInt)c->compressed_room;
	if (deflate(&c->zlib, Z_FINISH) != Z_STREAM_END)
		return false;
	*body = (struct str){c->compressed, c->zlib.total_out};
	return true;
}

/* One request; CURLE_ABORTED_BY_CALLBACK where there is no time left. */
static CURLcode perform(struct http_channel *c, struct worker *w)
{
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left;
	CURLMsg *message;

	c->error[0] = '\0';
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)PATIENCE * worker_timeout(w));
	if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
		return CURLE_FAILED_INIT;
	for (;;) {
		if (curl_multi_perform(c->multi, &running) != CURLM_OK || !running)
			break;
		if (worker_time_left(w) == 0)
			break;
		curl_multi_poll(c->multi, NULL, 0, WORKER_SLICE_MS, NULL);
	}
	while ((message = curl_multi_info_read(c->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			result = message->data.result;
	curl_multi_remove_handle(c->multi, c->easy);
	return result;
}

static enum outcome judge_status(struct http_channel *c, long status)
{
	if (status >= 200 && status < 300)
		return DELIVERED;
	snprintf(c->error, sizeof(c->error), "the server answered with status %ld", status);
	if (status >= 500 || status == 408 || status == 425 || status == 429)
		return TRY_AGAIN;
	return REFUSED;
}

static enum outcome try_send(struct http_channel *c, struct worker *w)
{
	CURLcode result = perform(c, w);
	long status = 0;

	if (result == CURLE_OK) {
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		return judge_status(c, status);
	}
	if (!c->error[0])
		snprintf(c->error, sizeof(c->error), "%s",
			 result == CURLE_ABORTED_BY_CALLBACK ? "not answered before the end"
							     : curl_easy_strerror(result));
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return TIMED_OUT;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return REFUSED;
	default:
		return TRY_AGAIN;
	}
}

static unsigned waiting_time(const struct http_channel *c, unsigned *backoff)
{
	unsigned wait = channel_backoff(backoff, RETRY_MOST_MS);
	curl_off_t asked = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &asked);
	if (asked > ASKED_MOST_S)
		asked = ASKED_MOST_S;
	return asked * 1000 > wait ? (unsigned)asked * 1000 : wait;
}

static bool send_body(struct http_channel *c, struct worker *w, struct str body)
{
	unsigned tries = 0, timeouts = 0, backoff = 0;

	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, body.p);
	for (;;) {
		switch (try_send(c, w)) {
		case DELIVERED:
			return true;
		case REFUSED:
			return false;
		case TIMED_OUT:
			if (++timeouts > c->max_timeouts)
				return false;
			break;
		case TRY_AGAIN:
			if (++tries >= TRIES_MOST)
				return false;
			break;
		}
		worker_complain(w, "%s", c->error);
		if (!worker_pause(w, waiting_time(c, &backoff)))
			return false;
		worker_retried(w);
	}
}

static void http_deliver(void *context, struct worker *w, const struct channel_line *line)
{
	struct http_channel *c = context;
	struct str body = str_slice(line->text, 0, line->text.n - 1);

	if (c->compress && !compress_body(c, &body))
		snprintf(c->error, sizeof(c->error), "no memory to compress an alert");
	else if (send_body(c, w, body)) {
		worker_sent(w, 1);
		worker_works(w);
		return;
	}
	worker_lost(w, 1);
	worker_complain(w, "an alert is lost: %s", c->error);
}

static void http_close(void *context)
{
	struct http_channel *c = context;

	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	curl_slist_free_all(c->headers);
	if (c->compress)
		deflateEnd(&c->zlib);
	free(c->compressed);
	free(c);
	curl_global_cleanup();
}

const struct channel_type channel_http = {
    .name = "http",
    .deliver = http_deliver,
    .close = http_close,
};
