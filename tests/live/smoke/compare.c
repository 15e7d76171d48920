/* SPDX-License-Identifier: Apache-2.0 */
/* What the events of the smoke test hold, as the text of its diary, and how the two agree. */
#include "base/buffer.h"
#include "event/event.h"
#include "smoke.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS_MAX = 8192 };

struct kept {
	uint8_t *bytes;
	size_t size;
};
static struct kept kept[RECORDS_MAX];
static int nkept;

void kept_add(const void *record, size_t size)
{
	if (nkept < RECORDS_MAX) {
		kept[nkept].bytes = malloc(size);
		memcpy(kept[nkept].bytes, record, size);
		kept[nkept++].size = size;
	}
}

int kept_count(void)
{
	return nkept;
}

void kept_free(void)
{
	for (int i = 0; i < nkept; i++)
		free(kept[i].bytes);
}

static int by_time(const void *a, const void *b)
{
	const struct event_header *x =
	    (const void *)(((const struct kept *)a)->bytes + sizeof(struct record));
	const struct event_header *y =
	    (const void *)(((const struct kept *)b)->bytes + sizeof(struct record));
	return x->ts < y->ts ? -1 : x->ts > y->ts;
}

static void put_address(struct buffer *out, const uint8_t *bytes, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";
	inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text));
	buffer_printf(out, "%s", text);
}

static void put_port(struct buffer *out, const char *bytes)
{
	uint16_t port;
	memcpy(&port, bytes, sizeof(port));
	buffer_printf(out, " %u", port);
}

/* Family, then addresses and ports (of a tuple two), or the path. */
static void put_addresses(struct buffer *out, struct str v, bool is_tuple)
{
	size_t size = v.p[0] == AF_INET ? 4 : 16;
	buffer_printf(out, "%d", v.p[0]);
	if (v.p[0] == AF_UNIX) {
		size_t at = is_tuple ? 17 : 1;
		buffer_printf(out, " %s", v.n > at ? v.p + at : "");
		return;
	}
	for (size_t at = 1; at + size + 2 <= v.n; at += size + 2) {
		buffer_putc(out, ' ');
		put_address(out, (const uint8_t *)v.p + at, size);
		put_port(out, v.p + at + size);
	}
}

static void put_param(struct buffer *out, const struct event *e, unsigned i)
{
	int64_t value;
	uint64_t unsigned_value;
	struct str v = e->params[i];
	if (!v.n) {
		buffer_putc(out, '-');
		return;
	}
	switch (e->schema->params[i].type) {
	case PARAM_SOCKADDR:
		put_addresses(out, v, false);
		return;
	case PARAM_SOCKTUPLE:
		put_addresses(out, v, true);
		return;
	case PARAM_DYN:
		buffer_printf(out, "%d ", v.p[0]);
		if (v.n == 5) {
			uint32_t word;
			memcpy(&word, v.p + 1, 4);
			buffer_printf(out, "u32 %u", word);
		} else if (v.n == 9) {
			memcpy(&value, v.p + 1, 8);
			buffer_put_i64(out, value);
		} else {
			buffer_put(out, (struct str){v.p + 1, v.n - 2});
		}
		return;
	case PARAM_BYTEBUF:
		for (size_t k = 0; k < v.n; k++)
			buffer_putc(out, v.p[k] ? v.p[k] : '|');
		return;
	default:
		break;
	}
	if (event_param_str(e, i, &v))
		buffer_put(out, v);
	else if (event_param_u64(e, i, &unsigned_value) &&
		 e->schema->params[i].type != PARAM_INT64 &&
		 e->schema->params[i].type != PARAM_FD && e->schema->params[i].type != PARAM_PID &&
		 e->schema->params[i].type != PARAM_ERRNO)
		buffer_put_u64(out, unsigned_value);
	else if (event_param_i64(e, i, &value))
		buffer_put_i64(out, value);
	else
		buffer_printf(out, "?");
}

static const struct annex_item *annex_of(const struct event *e, enum annex_kind kind)
{
	const struct annex_item *item = NULL;
	while ((item = event_annex_next(e, item)))
		if (item->kind == kind)
			return item;
	return NULL;
}

static void put_annex(struct buffer *out, const struct event *e, const char *what)
{
	const struct annex_item *item;
	static const struct {
		const char *name;
		enum annex_kind kind;
	} texts[] = {{"resolved", ANNEX_PATH_RESOLVED},
		     {"base", ANNEX_PATH_BASE},
		     {"cwd", ANNEX_CWD},
		     {"unix", ANNEX_UNIX_PATH}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(what, texts[i].name)) {
			item = annex_of(e, texts[i].kind);
			if (!item)
				buffer_printf(out, "(none)");
			else {
				struct str s = annex_str(item);
				if (s.n && !s.p[s.n - 1])
					s.n = strnlen(s.p, s.n);
				buffer_put(out, s);
			}
			return;
		}
	if (!strcmp(what, "deleted")) {
		item = annex_of(e, ANNEX_PATH_RESOLVED);
		buffer_printf(out, "%d", item && item->flags & ANNEX_DELETED ? 1 : 0);
	} else if (!strncmp(what, "file.", 5)) {
		struct annex_file file = {0};
		item = annex_of(e, ANNEX_FILE);
		if (item)
			memcpy(&file, item + 1, sizeof(file));
		buffer_put_u64(out, !strcmp(what, "file.ino") ? file.ino : file.type);
	} else if (!strcmp(what, "role")) {
		struct annex_socket socket = {0};
		item = annex_of(e, ANNEX_SOCKET);
		if (item)
			memcpy(&socket, item + 1, sizeof(socket));
		buffer_put_u64(out, socket.is_server);
	} else if (!strcmp(what, "socket")) {
		struct annex_socket socket = {0};
		item = annex_of(e, ANNEX_SOCKET);
		if (item)
			memcpy(&socket, item + 1, sizeof(socket));
		size_t size = socket.family == AF_INET ? 4 : 16;
		put_address(out, socket.local, size);
		buffer_printf(out, " %u ", socket.local_port);
		put_address(out, socket.remote, size);
		buffer_printf(out, " %u", socket.remote_port);
	}
}

static void put_task(struct buffer *out, const struct record *record, const char *what)
{
	const struct task_facts *t = &record->task;
	const struct {
		const char *name;
		int64_t value;
	} facts[] = {{"pid", t->pid}, {"ppid", t->ppid},
		     {"sid", t->sid}, {"uid", t->uid},
		     {"gid", t->gid}, {"ruid", t->ruid},
		     {"tid", t->tid}, {"compat", !!(record->flags & RECORD_COMPAT)}};
	if (!strcmp(what, "comm"))
		buffer_printf(out, "%.16s", t->comm);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (!strcmp(what, facts[i].name))
			buffer_put_i64(out, facts[i].value);
}

static void value_of(struct buffer *out, const struct event *e, const char *param)
{
	if (param[0] == '@')
		put_task(out, e->record, param + 1);
	else if (!strncmp(param, "annex:", 6))
		put_annex(out, e, param + 6);
	else {
		int i = event_schema_param(e->schema, str_from(param));
		if (i < 0)
			buffer_printf(out, "(no parameter %s)", param);
		else
			put_param(out, e, (unsigned)i);
	}
}

static bool is_same(const struct event *e, const struct expectation *x)
{
	char memory[8192];
	struct buffer got = BUFFER(memory);
	value_of(&got, e, x->param);
	return got.n == strlen(x->value) && !memcmp(got.p, x->value, got.n);
}

static void print_event(const struct event *e)
{
	char memory[16384];
	struct buffer out = BUFFER(memory);
	buffer_printf(&out, "  %s", e->schema->name);
	for (unsigned i = 0; i < e->nparams; i++) {
		buffer_printf(&out, " %s=", e->schema->params[i].name);
		put_param(&out, e, i);
	}
	fprintf(stderr, "%.*s\n", (int)out.n, out.p);
}

/*
 * Each expected event must be found, in the order of the diary; of several of that name the one
 * that agrees in all counts, and the first of them is shown where none does.
 */
int kept_compare(void)
{
	int failed = 0, checked = 0, at = 0, undecoded = 0;
	qsort(kept, (size_t)nkept, sizeof(kept[0]), by_time);
	for (int i = 0; i < diary->n;) {
		int end = i + 1;
		while (end < diary->n && diary->lines[end].param[0])
			end++;
		const char *name = diary->lines[i].event;
		bool is_anywhere = name[0] == '~';
		name += is_anywhere;
		int first = -1, match = -1;
		for (int k = is_anywhere ? 0 : at; k < nkept && match < 0; k++) {
			struct event e;
			struct error err = {0};
			if (event_decode(&e, kept[k].bytes, kept[k].size, &err)) {
				if (!undecoded++)
					fprintf(stderr, "not ok: a record does not decode: %s\n",
						err.message);
				continue;
			}
			if (strcmp(e.schema->name, name))
				continue;
			if (first < 0)
				first = k;
			match = k;
			for (int j = i + 1; j < end; j++)
				if (!is_same(&e, &diary->lines[j]))
					match = -1;
		}
		checked++;
		if (match >= 0) {
			at = is_anywhere ? at : match + 1;
		} else {
			failed++;
			fprintf(stderr, "not ok: no %s as it was done:", name);
			for (int j = i + 1; j < end; j++)
				fprintf(stderr, " %s=%s", diary->lines[j].param,
					diary->lines[j].value);
			fprintf(stderr, "\n");
			if (first >= 0) {
				struct event e;
				struct error err;
				event_decode(&e, kept[first].bytes, kept[first].size, &err);
				print_event(&e);
				for (int j = i + 1; j < end; j++) {
					char memory[8192];
					struct buffer got = BUFFER(memory);
					value_of(&got, &e, diary->lines[j].param);
					if (!is_same(&e, &diary->lines[j]))
						fprintf(stderr, "    %s: got \"%.*s\"\n",
							diary->lines[j].param, (int)got.n, got.p);
				}
			} else {
				fprintf(stderr, "  there is none after the one before\n");
			}
		}
		i = end;
	}
	printf("%d events expected, %d as they were done, %d not; %d records\n", checked,
	       checked - failed, failed, nkept);
	return failed + undecoded;
}
