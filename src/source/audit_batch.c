/* SPDX-License-Identifier: Apache-2.0 */
/* From a request's body or a line of a file to the events in it. */
#include "source/audit_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* {"auditID":""} is shorter than any event: so that lists of nothing cost no memory. */
enum { EVENT_LEAST = 14 };

struct reader {
	struct audit_batch *batch;
	struct str text;
	struct error *err;
};

enum object_kind { KIND_OTHER, KIND_EVENT, KIND_LIST };

static void add(struct reader *r, size_t start, size_t end)
{
	if (end - start < EVENT_LEAST || r->text.p[start] != '{')
		r->batch->bad++;
	else
		VEC_PUSH(&r->batch->items,
			 (struct audit_item){(uint32_t)start, (uint32_t)(end - start)});
}

/* An item of a list or array that begins at *at. */
typedef int item_fn(struct reader *r, size_t *at);

static int list_item(struct reader *r, size_t *at)
{
	size_t start, end;
	int status = tape_skip(r->text, *at, &start, &end, r->err);

	if (status < 0)
		return status;
	add(r, start, end);
	*at = end;
	return 0;
}

static int wrong(struct reader *r, size_t at, const char *expected)
{
	if (at >= r->text.n)
		return error_set_at(r->err, -ENODATA, at, "the JSON ends too early");
	return error_set_at(r->err, -EBADMSG, at, "%s expected at byte %zu of the JSON", expected,
			    at);
}

/* The items between brackets; *at is at the opening one, and is left behind the closing one. */
static int read_items(struct reader *r, size_t *at, item_fn *item)
{
	size_t i = tape_skip_blanks(r->text, *at + 1);

	if (i < r->text.n && r->text.p[i] == ']') {
		*at = i + 1;
		return 0;
	}
	for (;;) {
		int status = item(r, &i);

		if (status < 0)
			return status;
		i = tape_skip_blanks(r->text, i);
		if (i >= r->text.n || (r->text.p[i] != ',' && r->text.p[i] != ']'))
			return wrong(r, i, "',' or ']'");
		if (r->text.p[i++] == ']')
			break;
	}
	*at = i;
	return 0;
}

static bool string_starts_with(struct str text, size_t at, struct str prefix)
{
	return str_starts_with(str_slice(text, at + 1, text.n), prefix);
}

/* A member's value; what it says of the object is noted. */
static int read_member(struct reader *r, size_t name, size_t *at, enum object_kind *kind,
		       bool *is_other)
{
	size_t i = tape_skip_blanks(r->text, *at), start, end;
	bool is_string = i < r->text.n && r->text.p[i] == '"';
	int status;

	if (i < r->text.n && r->text.p[i] == '[' && tape_string_is(r->text, name, STR("items"))) {
		*at = i;
		return read_items(r, at, list_item);
	}
	status = tape_skip(r->text, i, &start, &end, r->err);
	if (status < 0)
		return status;
	*at = end;
	if (tape_string_is(r->text, name, STR("kind"))) {
		if (!is_string || *kind != KIND_OTHER)
			return 0;
		if (tape_string_is(r->text, start, STR("Event")))
			*kind = KIND_EVENT;
		else if (tape_string_is(r->text, start, STR("EventList")))
			*kind = KIND_LIST;
	} else if (tape_string_is(r->text, name, STR("apiVersion"))) {
		*is_other = !is_string || !string_starts_with(r->text, start, STR("audit.k8s.io/"));
	}
	return 0;
}

/* An Event or EventList; *at is at its brace. */
static int read_object(struct reader *r, size_t *at)
{
	size_t begin = tape_skip_blanks(r->text, *at), i = begin;
	size_t count = r->batch->items.count;
	uint32_t bad = r->batch->bad;
	enum object_kind kind = KIND_OTHER;
	bool is_other = false;

	if (i >= r->text.n || r->text.p[i] != '{') {
		size_t start;
		int status = tape_skip(r->text, i, &start, at, r->err);

		r->batch->bad++;
		return status;
	}
	i = tape_skip_blanks(r->text, i + 1);
	if (i < r->text.n && r->text.p[i] == '}') {
		i++;
	} else {
		for (;;) {
			size_t name, end;
			int status;

			if (i >= r->text.n || r->text.p[i] != '"')
				return wrong(r, i, "a name in quotes");
			status = tape_skip(r->text, i, &name, &end, r->err);
			if (status < 0)
				return status;
			i = tape_skip_blanks(r->text, end);
			if (i >= r->text.n || r->text.p[i] != ':')
				return wrong(r, i, "':'");
			i++;
			status = read_member(r, name, &i, &kind, &is_other);
			if (status < 0)
				return status;
			i = tape_skip_blanks(r->text, i);
			if (i >= r->text.n || (r->text.p[i] != ',' && r->text.p[i] != '}'))
				return wrong(r, i, "',' or '}'");
			if (r->text.p[i++] == '}')
				break;
			i = tape_skip_blanks(r->text, i);
		}
	}
	*at = i;
	if (kind != KIND_LIST || is_other) {
		/* What stood in its `items` belongs to something else. */
		r->batch->items.count = count;
		r->batch->bad = bad;
		if (kind == KIND_EVENT && !is_other)
			add(r, begin, i);
		else
			r->batch->bad++;
	}
	return 0;
}

int audit_batch_read(struct audit_batch *b, struct str text, size_t from, size_t *end,
		     struct error *err)
{
	struct reader r = {.batch = b, .text = text, .err = err};
	size_t at = tape_skip_blanks(text, from);
	bool is_array = at < text.n && text.p[at] == '[';
	uint32_t bad = b->bad;
	size_t count = b->items.count;
	int status = is_array ? read_items(&r, &at, read_object) : read_object(&r, &at);

	if (status < 0)
		return status;
	*end = at;
	/* An empty list is one; something else is none. */
	if (b->bad > bad && b->items.count == count)
		return error_set(err, -EPROTO, "the JSON is no Event or EventList of audit.k8s.io");
	return 0;
}

/* Time */

static bool digits(struct str text, size_t at, unsigned count, int *out)
{
	int v = 0;

	if (at + count > text.n)
		return false;
	for (unsigned i = 0; i < count; i++) {
		char c = text.p[at + i];

		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*out = v;
	return true;
}

static bool is_at(struct str text, size_t at, const char *any)
{
	return at < text.n && text.p[at] && strchr(any, text.p[at]);
}

bool audit_time_read(struct str text, uint64_t *ns)
{
	enum { SECOND = 1000000000 };
	int year, month, day, hour, minute, second, away_hours, away_minutes;
	int64_t seconds, away = 0, fraction = 0;
	size_t at = 19;

	if (!digits(text, 0, 4, &year) || !is_at(text, 4, "-") || !digits(text, 5, 2, &month) ||
	    !is_at(text, 7, "-") || !digits(text, 8, 2, &day) || !is_at(text, 10, "Tt") ||
	    !digits(text, 11, 2, &hour) || !is_at(text, 13, ":") || !digits(text, 14, 2, &minute) ||
	    !is_at(text, 16, ":") || !digits(text, 17, 2, &second))
		return false;
	/* What nanoseconds in 64 bits can say, signed as others read them. */
	if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour > 23 || minute > 59 || second > 60)
		return false;
	if (is_at(text, at, ".")) {
		int64_t unit = SECOND / 10;

		if (!is_at(text, ++at, "0123456789"))
			return false;
		for (; is_at(text, at, "0123456789"); at++, unit /= 10)
			fraction += (text.p[at] - '0') * unit;
	}
	if (is_at(text, at, "+-")) {
		if (!digits(text, at + 1, 2, &away_hours) || !is_at(text, at + 3, ":") ||
		    !digits(text, at + 4, 2, &away_minutes) || at + 6 != text.n)
			return false;
		away = (away_hours * 60 + away_minutes) * (text.p[at] == '-' ? -60 : 60);
	} else if (!is_at(text, at, "Zz") || at + 1 != text.n) {
		return false;
	}
	struct tm tm = {
	    .tm_year = year - 1900,
	    .tm_mon = month - 1,
	    .tm_mday = day,
	    .tm_hour = hour,
	    .tm_min = minute,
	    .tm_sec = second,
	};

	seconds = timegm(&tm) - away;
	if (seconds < 0)
		return false;
	*ns = (uint64_t)seconds * SECOND + (uint64_t)fraction;
	return true;
}
