/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "event/event.h"

#include <errno.h>

static _Alignas(8) uint8_t memory[RECORD_SIZE_MAX];

static const struct task_facts task = {.pid = 100, .tid = 101, .ppid = 1, .comm = "cat"};

static bool is_text(enum param_type type)
{
	return type == PARAM_CHARBUF || type == PARAM_FSPATH || type == PARAM_FSRELPATH;
}

static bool is_integer(enum param_type type)
{
	switch (type) {
	case PARAM_BYTEBUF:
	case PARAM_SOCKADDR:
	case PARAM_SOCKTUPLE:
	case PARAM_FDLIST:
	case PARAM_DYN:
	case PARAM_CHARBUFARRAY:
	case PARAM_CHARBUFPAIRARRAY:
	case PARAM_IPV6ADDR:
	case PARAM_DOUBLE:
		return false;
	default:
		return !is_text(type);
	}
}

/* A record of that type whose parameters tell their position. */
static size_t build(uint16_t code, bool with_annex)
{
	const struct event_schema *schema = event_schema_get(code);
	struct record_builder b;

	record_begin(&b, memory, sizeof(memory), code, 123456789, &task, 7);
	for (unsigned i = 0; i < schema->nparams; i++) {
		char text[32];

		snprintf(text, sizeof(text), "value-%u", i);
		if (is_integer(schema->params[i].type))
			record_param_int(&b, (int64_t)i - 3);
		else if (is_text(schema->params[i].type))
			record_param_str(&b, str_from(text));
		else
			record_param(&b, str_from(text));
	}
	if (with_annex) {
		const struct annex_file file = {.ino = 42, .fd = 3, .type = FD_FILE};

		record_annex(&b, ANNEX_CWD, ANNEX_OF_TASK, STR("/tmp"));
		record_annex(&b, ANNEX_FILE, 0, (struct str){(const char *)&file, sizeof(file)});
	}
	return record_end(&b);
}

static void every_event_type_survives_its_encoding(void **state)
{
	(void)state;
	for (uint16_t code = 0; code < event_code_count; code++) {
		const struct event_schema *schema = event_schema_get(code);
		size_t size = build(code, code % 2);
		struct error err = {0};
		struct event e;

		assert_true(size > 0 && size % 8 == 0);
		if (event_decode(&e, memory, size, &err) != 0)
			fail_msg("%s: %s", schema->name, err.message);
		assert_ptr_equal(e.schema, schema);
		check_i64(e.time, 123456789, schema->name);
		check_i64(e.header->tid, 101, schema->name);
		check_i64(e.header->len, e.record->event_size, schema->name);
		check_i64(e.record->task.pid, 100, schema->name);
		check_i64(e.fd.num, -1, schema->name);
		assert_null(e.thread);
		check_i64(e.nparams, schema->nparams, schema->name);
		for (unsigned i = 0; i < e.nparams; i++) {
			char text[32];
			struct str got;
			int64_t number;
			uint64_t bits;

			snprintf(text, sizeof(text), "value-%u", i);
			if (is_text(schema->params[i].type)) {
				assert_true(event_param_str(&e, i, &got));
				check_str(got, text, schema->params[i].name);
				assert_false(event_param_i64(&e, i, &number));
			} else if (is_integer(schema->params[i].type)) {
				assert_true(event_param_i64(&e, i, &number));
				assert_true(event_param_u64(&e, i, &bits));
				assert_false(event_param_str(&e, i, &got));
				check_i64((int8_t)number, (int8_t)(i - 3), schema->params[i].name);
				check_i64(number, (int64_t)bits, schema->params[i].name);
			} else {
				check_str(e.params[i], text, schema->params[i].name);
				check_i64(event_param_str(&e, i, &got),
					  schema->params[i].type == PARAM_BYTEBUF,
					  schema->params[i].name);
			}
		}
		check_i64(e.annex != NULL, code % 2, schema->name);
	}
}

static void integers_widen_by_their_sign(void **state)
{
	struct record_builder b;
	struct event e;
	uint64_t bits;
	int64_t v;

	(void)state;
	memset(&e, 0xa5, sizeof(e));
	/* listen: res errno (signed 64), fd (signed 64), backlog int32 */
	record_begin(&b, memory, sizeof(memory), 25, 1, &task, 0);
	record_param_int(&b, -13);
	record_param_int(&b, 4);
	record_param_int(&b, -1);
	assert_int_equal(event_decode(&e, memory, record_end(&b), NULL), 0);
	/* What only some sources set must not be left from the event before. */
	assert_null(e.tape);
	assert_null(e.enter);
	assert_true(event_param_i64(&e, 2, &v));
	check_i64(v, -1, "int32");
	assert_true(event_result(&e, &v));
	check_i64(v, -13, "result");
	/* setuid: res, uid (unsigned 32) */
	record_begin(&b, memory, sizeof(memory), 199, 1, &task, 0);
	record_param_int(&b, 0);
	record_param_int(&b, -1);
	assert_int_equal(event_decode(&e, memory, record_end(&b), NULL), 0);
	assert_true(event_param_u64(&e, 1, &bits));
	check_i64(bits, UINT32_MAX, "uid");
	assert_false(event_param_i64(&e, 2, &v));
}

static void absent_parameters_are_no_values(void **state)
{
	struct record_builder b;
	struct event e;
	struct str text;
	int64_t v = 99;

	(void)state;
	record_begin(&b, memory, sizeof(memory), 3, 1, &task, 0);
	record_param(&b, (struct str){NULL, 0});
	record_param(&b, (struct str){NULL, 0});
	assert_int_equal(event_decode(&e, memory, record_end(&b), NULL), 0);
	check_i64(e.nparams, 6, "parameters");
	assert_false(event_param_i64(&e, 0, &v));
	assert_false(event_param_str(&e, 1, &text));
	assert_false(event_param_str(&e, 100, &text));
	assert_false(event_result(&e, &v));
	check_i64(v, 99, "untouched");
}

static void only_completed_calls_have_a_result(void **state)
{
	static const struct {
		uint16_t code;
		bool has_result;
	} cases[] = {
	    {3, true}, {2, false}, {1, false}, {186, false}, {39, false}, {203, true}, {152, false},
	};
	struct event e;
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(event_decode(&e, memory, build(cases[i].code, false), NULL), 0);
		check_i64(event_result(&e, &v), cases[i].has_result, e.schema->name);
	}
}

static void generic_calls_are_told_by_their_number(void **state)
{
	struct record_builder b;
	struct event e;

	(void)state;
	record_begin(&b, memory, sizeof(memory), 1, 1, &task, 0);
	record_param_int(&b, 41);
	record_param_int(&b, 110);
	assert_int_equal(event_decode(&e, memory, record_end(&b), NULL), 0);
	check_str(str_from(event_kind_name(e.kind)), "getppid", "kind");
}

static void generic_calls_of_ours_say_what_they_are_about(void **state)
{
	const struct syscall_schema *call = NULL;
	struct record_builder b;
	struct event e;
	struct str path;

	(void)state;
	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT && !call; nr++)
		if (syscall_schema_get(nr) && !strcmp(syscall_schema_get(nr)->name, "truncate"))
			call = syscall_schema_get(nr);
	assert_non_null(call);
	for (int extra = 0; extra < 2; extra++) {
		record_begin(&b, memory, sizeof(memory), 1, 1, &task, 0);
		/* As the probe makes it: the builder knows scap's two parameters alone. */
		b.schema = extra ? event_schema_of_generic(call->kind) : b.schema;
		if (extra) {
			memset(memory + b.size, 0, sizeof(uint16_t));
			b.size += sizeof(uint16_t);
			((struct event_header *)(memory + sizeof(struct record)))->nparams = 3;
		}
		record_param_int(&b, call->scap_nr);
		record_param_int(&b, call->nr);
		if (extra)
			record_param_str(&b, STR("/a/file"));
		assert_int_equal(event_decode(&e, memory, record_end(&b), NULL), 0);
		check_i64(e.kind, call->kind, "kind");
		check_i64(e.schema->code, 1, "code");
		check_i64(e.nparams, 2 + extra, "parameters");
		check_str(str_from(e.schema->name), extra ? "truncate" : "syscall", "name");
	}
	assert_true(event_param_str(&e, 2, &path));
	check_str(path, "/a/file", "path");
	check_i64(event_schema_param(e.schema, STR("path")), 2, "index");
}

static void annex_items_are_found_by_kind_and_subject(void **state)
{
	const struct annex_item *item;
	struct event e;

	(void)state;
	assert_int_equal(event_decode(&e, memory, build(3, true), NULL), 0);
	item = event_annex_find(&e, ANNEX_CWD, ANNEX_OF_TASK);
	assert_non_null(item);
	check_str(annex_str(item), "/tmp", "cwd");
	item = event_annex_find(&e, ANNEX_FILE, 0);
	assert_non_null(item);
	check_i64(((const struct annex_file *)(item + 1))->ino, 42, "inode");
	assert_null(event_annex_find(&e, ANNEX_FILE, 1));
	assert_non_null(event_annex_find(&e, ANNEX_FILE, -1));
	assert_null(event_annex_find(&e, ANNEX_SOCKET, -1));
	assert_null(event_annex_next(&e, item));
}

static void items_too_small_for_their_struct_are_passed_over(void **state)
{
	struct record_builder b;
	struct event e;

	(void)state;
	record_begin(&b, memory, sizeof(memory), 91, 1, &task, 0);
	record_param_int(&b, 0);
	record_annex(&b, ANNEX_SOCKET, 0, STR("short"));
	record_annex(&b, ANNEX_CWD, ANNEX_OF_TASK, STR("/"));
	assert_int_equal(event_decode(&e, memory, record_end(&b), NULL), 0);
	assert_null(event_annex_find(&e, ANNEX_SOCKET, -1));
	check_str(annex_str(event_annex_next(&e, NULL)), "/", "first");
}

static void damage_is_refused(void **state)
{
	struct record *r = (struct record *)memory;
	struct event_header *h = (struct event_header *)(r + 1);
	size_t size = build(3, true);
	struct event e;

	(void)state;
#define REFUSED(change, code)                                                                      \
	do {                                                                                       \
		size = build(3, true);                                                             \
		change;                                                                            \
		assert_int_equal(event_decode(&e, memory, size, NULL), code);                      \
	} while (0)
	REFUSED(size = 0, -EBADMSG);
	REFUSED(size = sizeof(*r), -EBADMSG);
	REFUSED(size -= 8, -EBADMSG);
	REFUSED(r->size = UINT32_MAX, -EBADMSG);
	REFUSED(r->event_size = UINT32_MAX, -EBADMSG);
	REFUSED(r->event_size = 3, -EBADMSG);
	REFUSED(r->annex_offset = 3, -EBADMSG);
	REFUSED(r->annex_offset = UINT32_MAX & ~7u, -EBADMSG);
	REFUSED(h->type = event_code_count, -ENOENT);
	REFUSED(h->len = UINT32_MAX, -EBADMSG);
	REFUSED(h->len = 0, -EBADMSG);
	REFUSED(h->nparams = 33, -EBADMSG);
	REFUSED(h->nparams = UINT32_MAX, -EBADMSG);
	REFUSED(memset(h + 1, 0xff, 2), -EBADMSG);
#undef REFUSED
	assert_int_equal(event_decode(&e, memory + 1, sizeof(memory) - 1, NULL), -EBADMSG);
}

static void other_numbers_of_parameters_are_accepted(void **state)
{
	struct record *r = (struct record *)memory;
	struct event_header *h = (struct event_header *)(r + 1);
	struct record_builder b;
	struct event e;

	(void)state;
	/* A writer of an older schema: one parameter of open instead of six. */
	record_begin(&b, memory, sizeof(memory), 3, 1, &task, 0);
	assert_true(record_end(&b) > 0);
	h->nparams = 1;
	assert_int_equal(event_decode(&e, memory, r->size, NULL), 0);
	check_i64(e.nparams, 1, "older");
	/* A newer one. */
	record_begin(&b, memory, sizeof(memory), 3, 1, &task, 0);
	assert_true(record_end(&b) > 0);
	h->type = 5;
	assert_int_equal(event_decode(&e, memory, r->size, NULL), 0);
	check_i64(e.nparams, 2, "newer");
}

static void a_record_that_does_not_fit_is_none(void **state)
{
	static char large[UINT16_MAX + 1];
	struct record_builder b;

	(void)state;
	for (size_t room = 0; room < 300; room++) {
		record_begin(&b, memory, room, 3, 1, &task, 0);
		record_param_int(&b, 3);
		record_param_str(&b, STR("/etc/passwd"));
		record_annex(&b, ANNEX_CWD, ANNEX_OF_TASK, STR("/tmp"));
		assert_true(record_end(&b) <= room);
	}
	record_begin(&b, memory, sizeof(memory), 3, 1, &task, 0);
	record_param(&b, (struct str){large, sizeof(large)});
	assert_int_equal(record_end(&b), 0);
	record_begin(&b, memory, sizeof(memory), event_code_count, 1, &task, 0);
	record_param_int(&b, 3);
	record_param_str(&b, STR("x"));
	record_annex(&b, ANNEX_CWD, 0, STR("x"));
	assert_int_equal(record_end(&b), 0);
	/* More parameters than the type has. */
	record_begin(&b, memory, sizeof(memory), 91, 1, &task, 0);
	record_param_int(&b, 3);
	record_param_int(&b, 3);
	assert_int_equal(record_end(&b), 0);
}

static void decoding_leaves_nothing_of_what_was_there(void **state)
{
	int code = event_code_by_name(STR("openat"));
	struct error err = {0};
	struct event e;

	(void)state;
	assert_true(code >= 0);
	memset(&e, 0x5a, sizeof(e));
	assert_int_equal(event_decode(&e, memory, build((uint16_t)code, false), &err), 0);
	assert_null(e.annex);
	assert_null(e.tape);
	assert_null(e.thread);
	assert_null(e.process);
	assert_int_equal(e.fd.num, -1);
	assert_false(e.has_second_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decoding_leaves_nothing_of_what_was_there),
	    cmocka_unit_test(every_event_type_survives_its_encoding),
	    cmocka_unit_test(integers_widen_by_their_sign),
	    cmocka_unit_test(absent_parameters_are_no_values),
	    cmocka_unit_test(only_completed_calls_have_a_result),
	    cmocka_unit_test(generic_calls_are_told_by_their_number),
	    cmocka_unit_test(generic_calls_of_ours_say_what_they_are_about),
	    cmocka_unit_test(annex_items_are_found_by_kind_and_subject),
	    cmocka_unit_test(items_too_small_for_their_struct_are_passed_over),
	    cmocka_unit_test(damage_is_refused),
	    cmocka_unit_test(other_numbers_of_parameters_are_accepted),
	    cmocka_unit_test(a_record_that_does_not_fit_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
