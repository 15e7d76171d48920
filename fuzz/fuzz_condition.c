/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A condition from any bytes: parsed, printed, parsed again (the same must come out), checked,
 * evaluated without an event's help, asked for its event kinds; the same bytes as an output.
 */
#include "../tests/unit/condition/replace.h"
#include "base/bitset.h"
#include "condition/condition.h"
#include "fields/template.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool extract_anything(struct field_context *ctx, const struct field_use *use,
			     struct value *out)
{
	static const char text[] = "/usr/bin/\xff\xc3\xa4 --Option=1";

	(void)ctx;
	*out = (struct value){.type = use->type};
	switch (use->type) {
	case VALUE_STRING:
	case VALUE_BYTES:
		out->str = (struct str){text, use->text.n % sizeof(text)};
		break;
	case VALUE_IP:
	case VALUE_NET:
		out->ip.size = use->text.n % 2 ? 4 : 16;
		break;
	default:
		out->u64 = use->text.n;
	}
	return use->text.n % 7 != 0;
}

static void print_twice(const struct condition *c, size_t size, struct arena *a)
{
	/* Escapes make four bytes of one, brackets and blanks a few more of each word. */
	size_t room = size * 8 + 64;
	struct buffer first = {.p = malloc(room), .room = room};
	struct buffer second = {.p = malloc(room), .room = room};
	struct condition *again;
	struct error err = {0};

	condition_print(c, &first);
	assert(!first.is_truncated);
	if (condition_parse(buffer_str(&first), a, &again, &err) < 0)
		abort();
	condition_print(again, &second);
	assert(str_equal(buffer_str(&first), buffer_str(&second)));
	free(first.p);
	free(second.p);
}

static void render(struct str text, struct field_context *ctx, struct arena *a)
{
	char memory[1024];
	struct buffer out = BUFFER(memory);
	struct template t;

	if (template_parse(text, 0, a, &t, NULL) < 0)
		return;
	for (size_t i = 0; i < t.count; i++)
		if (t.parts[i].expression)
			replace_extractors(t.parts[i].expression, extract_anything, a);
	template_render(&t, ctx, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP_ARENA struct arena *a = arena_new();
	static char scratch_memory[1 << 16];
	struct arena scratch;
	struct field_context ctx = {.scratch = &scratch};
	struct str text = {(const char *)bytes, size};
	struct condition *c;
	struct error err = {0};

	arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
	if (condition_parse(text, a, &c, &err) < 0) {
		assert(err.message[0] && err.offset <= size);
	} else {
		print_twice(c, size, a);
		if (condition_check(c, 0, a, NULL, NULL, NULL, &err) < 0) {
			assert(err.message[0] && err.offset <= size);
		} else {
			uint64_t *kinds =
			    ARENA_ARRAY(a, uint64_t, BITSET_WORDS((size_t)event_kind_count));

			condition_event_kinds(c, kinds);
			replace_all_extractors(c, extract_anything, a);
			condition_holds(c, &ctx);
		}
	}
	arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
	render(text, &ctx, a);
	return 0;
}
