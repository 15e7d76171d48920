/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 1000, URL_MAX = 1024 };

struct http_client {
	CURL *easy, *stream;
	CURLM *multi;
	char *body;
	size_t n, room, most;
	bool is_too_large;
	/* Of the stream: the line that has not ended. */
	char *line;
	size_t line_n, line_max;
	bool is_streaming, is_line_too_long;
	http_take_line *take;
	void *context;
	char message[CURL_ERROR_SIZE];
};

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct http_client *c = context;
	size_t n = size * count, room = c->room;
	char *bigger;

	if (n > c->most || c->n > c->most - n) {
		c->is_too_large = true;
		return 0;
	}
	while (c->n + n + 1 > room)
		room = room ? room * 2 : 16 * 1024;
	if (room != c->room) {
		bigger = realloc(c->body, room);
		if (!bigger)
			return 0;
		c->body = bigger;
		c->room = room;
	}
	memcpy(c->body + c->n, bytes, n);
	c->n += n;
	return n;
}

static size_t take_stream(char *bytes, size_t size, size_t count, void *context)
{
	struct http_client *c = context;
	size_t n = size * count;

	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n') {
			c->take(c->context, (struct str){c->line, c->line_n});
			c->line_n = 0;
		} else if (c->line_n == c->line_max) {
			c->is_line_too_long = true;
			return 0;
		} else {
			c->line[c->line_n++] = bytes[i];
		}
	}
	return n;
}

static CURL *easy_new(struct http_client *c, const char *socket_path, curl_write_callback take)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->message);
	return easy;
}

struct http_client *http_open(const char *socket_path)
{
	struct http_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->easy = easy_new(c, socket_path, take_body);
	c->stream = easy_new(c, socket_path, take_stream);
	c->multi = curl_multi_init();
	if (c->easy && c->stream && c->multi)
		return c;
	http_close(c);
	return NULL;
}

void http_close(struct http_client *c)
{
	if (!c)
		return;
	if (c->is_streaming)
		curl_multi_remove_handle(c->multi, c->stream);
	if (c->easy)
		curl_easy_cleanup(c->easy);
	if (c->stream)
		curl_easy_cleanup(c->stream);
	if (c->multi)
		curl_multi_cleanup(c->multi);
	free(c->body);
	free(c->line);
	free(c);
}

static int set_url(CURL *easy, const char *path, struct error *err)
{
	char url[URL_MAX];

	if (snprintf(url, sizeof(url), "http://runtime%s", path) >= (int)sizeof(url))
		return error_set(err, -ENAMETOOLONG, "the request is too long");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	return 0;
}

static int failure(struct http_client *c, CURL *easy, CURLcode code, const char *path,
		   struct error *err)
{
	long reason = 0;

	if (c->is_too_large)
		return error_set(err, -EMSGSIZE, "the answer to %.64s is larger than %zu bytes",
				 path, c->most);
	if (c->is_line_too_long)
		return error_set(err, -EMSGSIZE, "an event is larger than %zu bytes", c->line_max);
	if (code == CURLE_COULDNT_CONNECT)
		curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &reason);
	if (reason)
		return error_set(err, (int)-reason, "connect: %s%s", strerror((int)reason),
				 reason == EACCES || reason == EPERM
				     ? " (a socket of another user needs CAP_DAC_OVERRIDE)"
				     : "");
	return error_set(err, code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -ECONNRESET,
			 "%.64s: %s", path, c->message[0] ? c->message : curl_easy_strerror(code));
}

int http_get(struct http_client *c, const char *path, size_t most, int timeout_ms, struct str *body,
	     struct error *err)
{
	CURLcode code;
	long status = 0;
	int result = set_url(c->easy, path, err);

	if (result < 0)
		return result;
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	c->n = 0;
	c->most = most;
	c->is_too_large = false;
	c->message[0] = '\0';
	code = curl_easy_perform(c->easy);
	if (code != CURLE_OK)
		return failure(c, c->easy, code, path, err);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	*body = (struct str){c->n ? c->body : "", c->n};
	return (int)status;
}

int http_stream(struct http_client *c, const char *path, size_t line_max, http_take_line *take,
		void *context, struct error *err)
{
	int status = set_url(c->stream, path, err);

	if (status < 0)
		return status;
	c->line = malloc(line_max);
	if (!c->line)
		return error_set(err, -ENOMEM, "no memory for the events");
	c->line_max = line_max;
	c->take = take;
	c->context = context;
	curl_easy_setopt(c->stream, CURLOPT_FAILONERROR, 1L);
	curl_multi_add_handle(c->multi, c->stream);
	c->is_streaming = true;
	return http_stream_wait(c, -1, 0, err);
}

int http_stream_wait(struct http_client *c, int wake_fd, int timeout_ms, struct error *err)
{
	struct curl_waitfd wake = {.fd = wake_fd, .events = CURL_WAIT_POLLIN};
	int running = 0, left;
	CURLMsg *message;

	if (timeout_ms)
		curl_multi_poll(c->multi, wake_fd >= 0 ? &wake : NULL, wake_fd >= 0, timeout_ms,
				NULL);
	curl_multi_perform(c->multi, &running);
	while ((message = curl_multi_info_read(c->multi, &left)))
		if (message->msg == CURLMSG_DONE) {
			CURLcode code = message->data.result;

			if (code != CURLE_OK)
				return failure(c, c->stream, code, "events", err);
			return error_set(err, -EPIPE, "the runtime has ended its events");
		}
	return 0;
}
