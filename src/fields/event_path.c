/* SPDX-License-Identifier: Apache-2.0 */
#include "fields/event_path.h"

#include "state/path.h"

static bool annex_text(const struct event *e, enum annex_kind kind, int subject, struct str *out)
{
	const struct annex_item *item = event_annex_find(e, kind, subject);

	if (item)
		*out = annex_str(item);
	return item;
}

struct str event_path_base(const struct event *e, unsigned param)
{
	const struct param_schema *schema = &e->schema->params[param];
	struct str base;
	int64_t dirfd = SCAP_AT_FDCWD;

	if (annex_text(e, ANNEX_PATH_BASE, (int)param, &base))
		return base;
	if (schema->dirfd >= 0) {
		event_param_i64(e, (unsigned)schema->dirfd, &dirfd);
		if (dirfd != SCAP_AT_FDCWD) {
			if (annex_text(e, ANNEX_PATH_RESOLVED, schema->dirfd, &base))
				return base;
			if (e->fd.num == dirfd && e->fd.path.n)
				return e->fd.path;
			if (e->process && process_fd(e->process, dirfd))
				return fd_text_str(process_fd(e->process, dirfd)->name);
			return str_from(PATH_UNKNOWN);
		}
	}
	if (annex_text(e, ANNEX_CWD, -1, &base))
		return base;
	return e->process ? e->process->cwd : STR("");
}

void event_path_print(struct str base, struct str name, struct buffer *out)
{
	if (str_equal_c(base, PATH_UNKNOWN) && !(name.n && name.p[0] == '/')) {
		buffer_put(out, base);
		buffer_put(out, name);
	} else {
		path_join(out, base, name);
	}
}

bool event_path_join(struct field_context *ctx, unsigned param, struct str name, struct str *out)
{
	struct str base;
	struct buffer joined;

	if (path_is_normal(name)) {
		*out = name;
		return true;
	}
	base = event_path_base(ctx->event, param);
	joined = (struct buffer){.room = base.n + name.n + 2};
	joined.p = arena_bytes(ctx->scratch, joined.room);
	if (!joined.p)
		return false;
	event_path_print(base, name, &joined);
	*out = buffer_str(&joined);
	return true;
}

bool event_path_resolved(const struct event *e, unsigned param, struct str *out)
{
	return annex_text(e, ANNEX_PATH_RESOLVED, (int)param, out);
}

bool event_path_instead(const struct event *e, unsigned param, struct str *out)
{
	const struct annex_item *item = event_annex_find(e, ANNEX_PATH_RESOLVED, (int)param);

	if (!item || !(e->name_view == NAME_RESOLVED || item->flags & ANNEX_NOT_GIVEN))
		return false;
	*out = annex_str(item);
	return true;
}
