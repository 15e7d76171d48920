/* SPDX-License-Identifier: Apache-2.0 */
#include "output/view_top.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "output/alert.h"
#include "output/json.h"

#include <stdlib.h>

struct row {
	struct str key;
	struct view_amount amount;
};

struct view_top {
	const char *name;
	enum view_by by;
	struct arena *arena; /* rows and keys */
	struct strmap by_key;
	VEC(struct row *) rows;
	struct row others;
	struct view_amount sum;
};

static const char *const by_names[VIEW_BY_COUNT_OF] = {"count", "bytes", "time"};

struct view_top *view_top_new(const char *name, enum view_by by)
{
	struct view_top *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->name = name;
	t->by = by;
	t->arena = arena_new();
	t->others.key = STR("(others)");
	return t;
}

void view_top_free(struct view_top *t)
{
	if (!t)
		return;
	VEC_FREE(&t->rows);
	strmap_free(&t->by_key);
	arena_free(t->arena);
	free(t);
}

bool view_by_name(const char *name, enum view_by *out)
{
	for (int i = 0; i < VIEW_BY_COUNT_OF; i++) {
		if (strcmp(by_names[i], name) == 0) {
			*out = (enum view_by)i;
			return true;
		}
	}
	return false;
}

static void add(struct view_amount *to, const struct view_amount *amount)
{
	for (int i = 0; i < VIEW_BY_COUNT_OF; i++)
		to->of[i] += amount->of[i];
}

static struct row *row_of(struct view_top *t, struct str key)
{
	struct row *row = strmap_get(&t->by_key, key);

	if (row || t->rows.count == VIEW_TOP_KEYS_MAX)
		return row ? row : &t->others;
	row = ARENA_NEW(t->arena, struct row);
	*row = (struct row){.key = arena_str(t->arena, key)};
	strmap_put(&t->by_key, row->key, row);
	VEC_PUSH(&t->rows, row);
	return row;
}

void view_top_add(struct view_top *t, struct str key, const struct view_amount *amount)
{
	add(&row_of(t, str_slice(key, 0, VIEW_TOP_KEY_SIZE))->amount, amount);
	add(&t->sum, amount);
}

/* Most first; of equal ones the first by name, so that two runs print the same. */
static int compare(const void *a, const void *b, void *context)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	enum view_by by = *(enum view_by *)context;

	if (x->amount.of[by] != y->amount.of[by])
		return x->amount.of[by] < y->amount.of[by] ? 1 : -1;
	return str_compare(x->key, y->key);
}

void view_put_bytes(struct buffer *out, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double v = (double)bytes;
	int unit = 0;

	for (; v >= 1024 && units[unit + 1]; unit++)
		v /= 1024;
	buffer_printf(out, unit ? "%.2f%c" : "%.0f%c", v, units[unit]);
}

void view_put_ns(struct buffer *out, uint64_t ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double v = (double)ns;
	int unit = 0;

	for (; v >= 1000 && unit < 3; unit++)
		v /= 1000;
	buffer_printf(out, unit ? "%.2f%s" : "%.0f%s", v, units[unit]);
}

static void print_row(const struct view_top *t, const struct row *row, FILE *out)
{
	char amount[32] = "", key[4 * VIEW_TOP_KEY_SIZE];
	struct buffer text = BUFFER(amount), visible = BUFFER(key);
	uint64_t v = row->amount.of[t->by], all = t->sum.of[t->by];

	if (t->by == VIEW_BY_BYTES)
		view_put_bytes(&text, v);
	else if (t->by == VIEW_BY_TIME)
		view_put_ns(&text, v);
	if (t->by != VIEW_BY_COUNT)
		fprintf(out, "%11.*s ", (int)text.n, text.p);
	alert_put_visible(&visible, row->key);
	fprintf(out, "%11llu %5.1f%%  %.*s\n", (unsigned long long)row->amount.of[VIEW_BY_COUNT],
		all ? (double)v * 100 / (double)all : 0.0, STR_ARG(buffer_str(&visible)));
}

void view_top_print(struct view_top *t, size_t rows, FILE *out)
{
	static const char *const heads[VIEW_BY_COUNT_OF] = {"", "      BYTES ", "       TIME "};

	if (t->rows.count)
		qsort_r(t->rows.items, t->rows.count, sizeof(*t->rows.items), compare, &t->by);
	fprintf(out, "%s     EVENTS  SHARE  %s\n", heads[t->by], t->name);
	for (size_t i = 0; i < t->rows.count && i < rows; i++)
		print_row(t, t->rows.items[i], out);
	if (t->others.amount.of[VIEW_BY_COUNT])
		print_row(t, &t->others, out);
}

void view_top_print_json(struct view_top *t, size_t rows, FILE *out)
{
	if (t->rows.count)
		qsort_r(t->rows.items, t->rows.count, sizeof(*t->rows.items), compare, &t->by);
	for (size_t i = 0; i < t->rows.count && i < rows; i++) {
		const struct row *row = t->rows.items[i];
		char memory[6 * VIEW_TOP_KEY_SIZE + 1024];
		struct buffer line = BUFFER(memory);

		buffer_putc(&line, '{');
		json_put_string(&line, str_from(t->name), VIEW_TOP_KEY_SIZE / 16);
		buffer_putc(&line, ':');
		json_put_string(&line, row->key, SIZE_MAX);
		for (int by = 0; by < VIEW_BY_COUNT_OF; by++)
			buffer_printf(&line, ",\"%s\":%llu", by_names[by],
				      (unsigned long long)row->amount.of[by]);
		buffer_put(&line, STR("}\n"));
		fwrite(line.p, 1, line.n, out);
	}
}
