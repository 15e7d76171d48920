/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "fields/template.h"

static char scratch_memory[1 << 16];
static struct arena scratch;
static struct field_context ctx = {.scratch = &scratch};

/* The parts as "literal{expression:width}", then the fields. */
static struct str describe(const struct template *t, struct buffer *out)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct template_part *part = &t->parts[i];

		if (!part->expression) {
			buffer_put(out, part->literal);
			continue;
		}
		buffer_printf(out, "{%.*s", STR_ARG(part->name));
		if (part->width)
			buffer_printf(out, ":%u", part->width);
		buffer_putc(out, '}');
	}
	for (size_t i = 0; i < t->field_count; i++)
		buffer_printf(out, "%s%.*s", i ? "," : "#", STR_ARG(t->fields[i].name));
	return buffer_str(out);
}

static void outputs_are_text_and_fields(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {"no field", "no field"},
	    {"%proc.name", "{proc.name}#proc.name"},
	    {"a %proc.name b", "a {proc.name} b#proc.name"},
	    {"%proc.name%proc.pid", "{proc.name}{proc.pid}#proc.name,proc.pid"},
	    {"%proc.name %proc.name", "{proc.name} {proc.name}#proc.name"},
	    {"%proc.aname[2]!", "{proc.aname[2]}!#proc.aname[2]"},
	    {"%proc.env[A_B]", "{proc.env[A_B]}#proc.env[A_B]"},
	    {"%evt.arg.flags.", "{evt.arg.flags}.#evt.arg.flags"},
	    {"*%fd.name", "{fd.name}#fd.name"},
	    {"* x", " x"},
	    {"x*%fd.name", "x*{fd.name}#fd.name"},
	    {"100%% of %proc.name%%", "100% of {proc.name}%#proc.name"},
	    {"%%proc.name", "%proc.name"},
	    {"%toupper(proc.name)", "{toupper(proc.name)}#proc.name"},
	    {"%concat(proc.name, \"%\")", "{concat(proc.name, \"%\")}#proc.name"},
	    {"%join(\"/\", (proc.pname, proc.name))",
	     "{join(\"/\", (proc.pname, proc.name))}#proc.pname,proc.name"},
	    {"%20proc.name|", "{proc.name:20}|#proc.name"},
	    /* a field ends where no longer name would be one */
	    {"%proc.name.", "{proc.name}.#proc.name"},
	    {"%proc.namex", "{proc.name}x#proc.name"},
	    {"%proc.name_x", "{proc.name}_x#proc.name"},
	    {"%evt.time.iso8601", "{evt.time.iso8601}#evt.time.iso8601"},
	    {"%evt.time.isox", "{evt.time}.isox#evt.time"},
	    {"%proc.aname[2", "{proc.aname}[2#proc.aname"},
	    {"%proc.name[2]", "{proc.name}[2]#proc.name"},
	    {"(%proc.name)", "({proc.name})#proc.name"},
	    {"%proc.name(%proc.pid)", "{proc.name}({proc.pid})#proc.name,proc.pid"},
	    {"\xff\xfe%proc.name\xff", "\xff\xfe{proc.name}\xff#proc.name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		char memory[512];
		struct buffer out = BUFFER(memory);
		struct template t;
		struct error err = {0};

		if (template_parse(str_from(cases[i].text), 0, a, &t, &err) < 0)
			check_str(str_from(err.message), "no error", cases[i].text);
		check_str(describe(&t, &out), cases[i].want, cases[i].text);
	}
}

static void broken_outputs_are_refused_where_they_break(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *want;
	} cases[] = {
	    {"a %", 2, "a percent sign is written %%"},
	    {"a %12", 2, "a percent sign is written %%"},
	    {"a % b", 3, "a field or a transformer"},
	    {"100%, %proc.name", 4, "a field or a transformer"},
	    {"%foo.bar", 1, "unknown field 'foo.bar'"},
	    {"x %proc.nmae", 3, "did you mean 'proc.name'?"},
	    {"%fd.ip", 1, "may stand in conditions only"},
	    {"%evt.arg", 1, "needs an argument"},
	    {"%tolower(proc.name", 18, "')'"},
	    {"%tolower(fd.num)", 9, "takes text"},
	    {"%val(fd.name)", 1, "no meaning in an output"},
	    {"%99999proc.name", 0, "a width above"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		struct template t;
		struct error err = {0};

		check_i64(template_parse(str_from(cases[i].text), 0, a, &t, &err) < 0, true,
			  cases[i].text);
		if (!strstr(err.message, cases[i].want))
			check_str(str_from(err.message), cases[i].want, cases[i].text);
		check_i64(err.offset, cases[i].offset, cases[i].text);
	}
}

static bool extract_nothing(struct field_context *c, const struct field_use *use, struct value *out)
{
	(void)c;
	(void)use;
	(void)out;
	return false;
}

static bool extract_name(struct field_context *c, const struct field_use *use, struct value *out)
{
	(void)c;
	(void)use;
	*out = value_str(STR("some name"));
	return true;
}

static void rendering_pads_cuts_and_names_what_is_absent(void **state)
{
	static const struct {
		const char *text, *want;
		bool is_absent;
	} cases[] = {
	    {"a %proc.name b", "a some name b", false},
	    {"a %proc.name b", "a <NA> b", true},
	    {"*%proc.name", "<NA>", true},
	    {"%4proc.name|", "some|", false},
	    {"%12proc.name|", "some name   |", false},
	    {"%6proc.name|", "<NA>  |", true},
	    {"50%%", "50%", false},
	    {"%toupper(proc.name)", "SOME NAME", false},
	    {"%toupper(proc.name)", "<NA>", true},
	    {"%len(proc.name)", "9", false},
	    {"%getopt((\"-n\", \"-m\"), \"nm\")", "(n,m)", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP_ARENA struct arena *a = arena_new();
		char memory[512];
		struct buffer out = BUFFER(memory);
		struct template t;

		assert_int_equal(template_parse(str_from(cases[i].text), 0, a, &t, NULL), 0);
		for (size_t k = 0; k < t.count; k++) {
			struct expression *x = t.parts[k].expression;

			while (x && x->transformer != TRANSFORM_NONE &&
			       x->transformer != TRANSFORM_GETOPT)
				x = (struct expression *)x->arguments[0];
			if (!x || x->transformer != TRANSFORM_NONE)
				continue;
			struct field *field = ARENA_NEW(a, struct field);
			*field = *x->use.field;
			field->extract = cases[i].is_absent ? extract_nothing : extract_name;
			x->use.field = field;
		}
		arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
		template_render(&t, &ctx, &out);
		check_str(buffer_str(&out), cases[i].want, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(outputs_are_text_and_fields),
	    cmocka_unit_test(broken_outputs_are_refused_where_they_break),
	    cmocka_unit_test(rendering_pads_cuts_and_names_what_is_absent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
