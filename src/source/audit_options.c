/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin's users write, read. */
#include "event/tape.h"
#include "source/audit.h"

#include <errno.h>
#include <stdio.h>

enum {
	EVENT_SIZE = 256 * 1024,
	BATCH_SIZE = 12 * 1024 * 1024,
	SIZE_LEAST = 1024,
	SIZE_MOST = 1024 * 1024 * 1024, /* offsets in a body have 32 bits */
	PORT_HTTP = 80,
	PORT_HTTPS = 443,
};

static const char default_certificate[] = "/etc/falco/falco.pem";

static int copy(char *out, size_t room, struct str s, const char *what, struct error *err)
{
	if (s.n >= room)
		return error_set(err, -EINVAL, "%s is too long", what);
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

static int take_text(const struct tape *t, const struct tape_node *node, const char *name,
		     char *out, size_t room, struct error *err)
{
	char memory[8192];
	struct arena scratch;
	struct str text;

	if (!node)
		return 0;
	arena_fixed(&scratch, memory, sizeof(memory));
	if (node->kind != TAPE_STRING || !tape_text(t, node, &scratch, &text))
		return error_set(err, -EINVAL, "init_config.%s: a path is expected", name);
	return copy(out, room, text, name, err);
}

static int take_size(const struct tape *t, const struct tape_node *node, const char *name,
		     uint64_t *out, struct error *err)
{
	struct str raw;

	if (!node)
		return 0;
	raw = tape_raw(t, node);
	if ((node->kind != TAPE_NUMBER && node->kind != TAPE_STRING) || !str_to_u64(raw, out) ||
	    *out < SIZE_LEAST || *out > SIZE_MOST)
		return error_set(
		    err, -EINVAL,
		    "init_config.%s: %.*s: a number of bytes from %d to %d is expected", name,
		    STR_ARG(str_slice(raw, 0, 80)), SIZE_LEAST, SIZE_MOST);
	return 0;
}

static int read_init_config(struct audit_options *o, const struct tape *t, struct error *err)
{
	const struct tape_node *root = t->nodes;
	int status;

	if (root->kind == TAPE_NULL)
		return 0;
	if (root->kind != TAPE_OBJECT)
		return error_set(err, -EINVAL, "init_config: a map is expected");
	/* useAsync says how the plugin is called, which has no meaning here. */
	status = take_text(t, tape_get(t, root, STR("sslCertificate")), "sslCertificate",
			   o->certificate, sizeof(o->certificate), err);
	if (status == 0)
		status = take_text(t, tape_get(t, root, STR("sslClientCA")), "sslClientCA",
				   o->client_ca, sizeof(o->client_ca), err);
	if (status == 0)
		status = take_size(t, tape_get(t, root, STR("maxEventSize")), "maxEventSize",
				   &o->max_event_size, err);
	if (status == 0)
		status = take_size(t, tape_get(t, root, STR("webhookMaxBatchSize")),
				   "webhookMaxBatchSize", &o->max_batch_size, err);
	return status;
}

/* host:port, each of which may be missing; IPv6 addresses in brackets. */
static int read_host(struct audit_options *o, struct str host, struct error *err)
{
	uint64_t port = o->is_tls ? PORT_HTTPS : PORT_HTTP;
	size_t end = 0;

	if (host.n && host.p[0] == '[') {
		end = str_find_byte(host, ']', 0);
		if (end == host.n)
			return error_set(err, -EINVAL, "open_params: ']' is missing in %.*s",
					 STR_ARG(host));
		if (copy(o->address, sizeof(o->address), str_slice(host, 1, end), "the address",
			 err) < 0)
			return -EINVAL;
		end++;
	} else {
		end = str_find_byte(host, ':', 0);
		if (copy(o->address, sizeof(o->address), str_slice(host, 0, end), "the address",
			 err) < 0)
			return -EINVAL;
	}
	if (end < host.n) {
		struct str text = str_slice(host, end + 1, host.n);

		if (host.p[end] != ':' ||
		    (text.n && (!str_to_u64(text, &port) || port > UINT16_MAX)))
			return error_set(err, -EINVAL, "open_params: no address and port: %.*s",
					 STR_ARG(host));
	}
	o->port = (uint16_t)port;
	return 0;
}

static int read_url(struct audit_options *o, struct str rest, struct error *err)
{
	size_t slash = str_find_byte(rest, '/', 0);
	struct str path = str_slice(rest, slash, rest.n);

	path = str_slice(path, 0, str_find_byte(path, '?', 0));
	o->way = AUDIT_WAY_WEB;
	if (copy(o->path, sizeof(o->path), path.n > 1 ? path : STR("/k8s-audit"), "the path", err) <
	    0)
		return -EINVAL;
	return read_host(o, str_slice(rest, 0, slash), err);
}

static int read_open_params(struct audit_options *o, struct str params, struct error *err)
{
	static const char scheme_end[] = "://";
	const char *colon = memmem(params.p, params.n, scheme_end, 3);

	if (!params.n)
		params = STR("http://:9765/k8s-audit");
	if (str_starts_with(params, STR("http://")))
		return read_url(o, str_slice(params, 7, params.n), err);
	if (str_starts_with(params, STR("https://"))) {
		o->is_tls = true;
		return read_url(o, str_slice(params, 8, params.n), err);
	}
	if (str_starts_with(params, STR("file://"))) {
		o->way = AUDIT_WAY_FOLLOW;
		return copy(o->path, sizeof(o->path), str_slice(params, 7, params.n), "the path",
			    err);
	}
	if (colon)
		return error_set(err, -EINVAL,
				 "open_params: %.*s: http://, https://, file:// or a path is "
				 "expected",
				 STR_ARG(str_slice(params, 0, 200)));
	o->way = AUDIT_WAY_FILES;
	return copy(o->path, sizeof(o->path), params, "the path", err);
}

int audit_options_read(struct audit_options *o, const char *open_params, const char *init_config,
		       struct error *err)
{
	struct str config = str_trim(str_from(init_config));
	struct tape *t;
	int status = 0;

	*o = (struct audit_options){.max_event_size = EVENT_SIZE, .max_batch_size = BATCH_SIZE};
	memcpy(o->certificate, default_certificate, sizeof(default_certificate));
	if (config.n) {
		t = tape_new(config.n);
		if (!t)
			return error_set(err, -ENOMEM, "no memory for init_config");
		status = tape_read(t, config, err);
		if (status < 0)
			status = error_set(err, -EINVAL, "init_config is no JSON");
		else
			status = read_init_config(o, t, err);
		tape_free(t);
	}
	if (status == 0)
		status = read_open_params(o, str_trim(str_from(open_params)), err);
	if (o->max_event_size > o->max_batch_size)
		o->max_event_size = o->max_batch_size;
	return status;
}
