/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "app/made_event.h"

/* What an event of these fields says of another field; "(absent)" where it has none. */
static const struct {
	const char *event, *field, *value;
} cases[] = {
    {"{evt.type: openat}", "evt.num", "1"},
    {"{evt.type: openat}", "evt.type", "openat"},
    {"{evt.type: openat}", "evt.failed", "false"},
    {"{evt.type: openat}", "fd.name", ""},
    {"{evt.type: openat}", "container.id", "host"},
    {"{evt.type: sysinfo}", "evt.type", "sysinfo"},
    {"{evt.type: openat, evt.rawres: -13}", "evt.failed", "true"},
    {"{evt.type: unlink, evt.res: EACCES}", "evt.rawres", "-13"},
    {"{evt.type: unlink, evt.failed: true}", "evt.failed", "true"},
    {"{evt.type: openat, evt.arg.flags: O_RDONLY|O_CLOEXEC}", "evt.is_open_read", "true"},
    {"{evt.type: openat, evt.arg.flags: O_RDONLY|O_CLOEXEC}", "evt.is_open_write", "false"},
    {"{evt.type: openat, evt.is_open_write: true}", "evt.is_open_write", "true"},
    {"{evt.type: openat, evt.arg.flags: NOT_A_FLAG}", "evt.arg.flags", "NOT_A_FLAG"},
    {"{evt.type: kill, evt.arg.sig: SIGKILL}", "evt.arg.sig", "SIGKILL"},
    {"{evt.type: openat, fd.name: /etc/shadow}", "fd.filename", "shadow"},
    {"{evt.type: openat, fd.name: /etc/shadow}", "fd.directory", "/etc"},
    {"{evt.type: openat, fd.name: /etc/shadow}", "fd.type", "file"},
    {"{evt.type: openat, fd.name: /etc/shadow}", "fs.path.name", "/etc/shadow"},
    {"{evt.type: openat, fd.name: /etc, fd.type: directory}", "fd.type", "directory"},
    {"{evt.type: connect, fd.name: \"10.0.0.5:4000->[::1]:80\"}", "fd.name",
     "10.0.0.5:4000->[::1]:80"},
    {"{evt.type: connect, fd.name: \"10.0.0.5:4000->10.0.0.1:443\"}", "fd.sip", "10.0.0.1"},
    {"{evt.type: connect, fd.name: \"10.0.0.5:4000->10.0.0.1:443\"}", "fd.cport", "4000"},
    {"{evt.type: connect, fd.sip: 10.0.0.1, fd.sport: 443}", "fd.rport", "443"},
    {"{evt.type: connect, fd.sip: 'fd00::1'}", "fd.type", "ipv6"},
    {"{evt.type: accept4, fd.sip: 10.0.0.1, fd.sport: 443}", "fd.lport", "443"},
    {"{evt.type: execve, proc.cmdline: cat -n /etc/hosts}", "proc.name", "cat"},
    {"{evt.type: execve, proc.cmdline: cat -n /etc/hosts}", "proc.args", "-n /etc/hosts"},
    {"{evt.type: execve, proc.cmdline: cat -n /etc/hosts}", "proc.args[1]", "/etc/hosts"},
    {"{evt.type: execve, proc.exepath: /usr/bin/cat}", "proc.name", "cat"},
    {"{evt.type: execve, proc.exepath: /usr/bin/cat, proc.name: dog}", "proc.name", "dog"},
    {"{evt.type: execve, proc.pname: bash}", "proc.aname[1]", "bash"},
    {"{evt.type: execve, proc.aname: [bash, sshd]}", "proc.pname", "bash"},
    {"{evt.type: execve, proc.aname: [bash, sshd]}", "proc.aname[2]", "sshd"},
    {"{evt.type: execve, proc.aname: [bash, sshd]}", "proc.aname", "bash sshd"},
    {"{evt.type: execve, 'proc.aname[3]': init}", "proc.aname[3]", "init"},
    {"{evt.type: execve, proc.pid: 7, proc.ppid: 5}", "proc.pid", "7"},
    {"{evt.type: execve, proc.pid: 7, proc.ppid: 5}", "proc.ppid", "5"},
    {"{evt.type: execve, user.uid: 0}", "user.name", "root"},
    {"{evt.type: execve, user.name: alice}", "user.name", "alice"},
    {"{evt.type: execve, user.loginuid: -1}", "user.loginuid", "-1"},
    {"{evt.type: execve, container.id: 3ad7b26ded6d}", "container.id", "3ad7b26ded6d"},
    {"{evt.type: execve, container.id: null}", "container.id", "(absent)"},
    {"{evt.type: execve, container.image.repository: x}", "container.image.repository", "x"},
    {"{evt.type: execve, 'proc.env[HOME]': /root}", "proc.env[HOME]", "/root"},
    {"{ka.verb: create}", "evt.type", "pluginevent"},
    {"{ka.verb: create}", "ka.verb", "create"},
    {"{ka.verb: create}", "ka.user.name", "(absent)"},
    {"{ka.user.groups: [a, b]}", "ka.user.groups", "(a,b)"},
    {"{ka.user.groups: a}", "ka.user.groups", "(a)"},
    {"{'jevt.value[/stage]': x}", "jevt.value[/stage]", "x"},
    {"{ka.verb: create}", "jevt.obj", "{}"},
    {"{ka.verb: create}", "evt.pluginname", "k8saudit"},
};

static const struct {
	const char *event, *message;
	unsigned line, column;
} bad_cases[] = {
    {"{}", "an event needs its type, as in evt.type: open", 1, 1},
    {"[]", "expected fields with their values, as in evt.type: open", 1, 1},
    {"{evt.type: opne}", "no event has the type 'opne'", 1, 12},
    {"{evt.type: open, proc.nam: x}", "unknown field 'proc.nam'; did you mean 'proc.name'?", 1, 18},
    {"{evt.type: open, proc.name: [x]}", "expected one value for proc.name", 1, 29},
    {"{evt.type: open, evt.arg.flags: x, \"evt.arg.flags\": y}", "evt.arg.flags is given twice", 1,
     36},
    {"{ka.verb: get, fd.name: x}", "no event has both ka.verb and fd.name", 1, 16},
    {"{evt.type: open, fd.num: many}", "expected a whole decimal number, found 'many'", 1, 26},
    {"{evt.type: open, fd.sip: 1.2.3}", "expected an IP address, found '1.2.3'", 1, 26},
};

static const char defaults_text[] = "{proc.aname: [bash, sshd], proc.name: sh, user.name: bob, "
				    "proc.cmdline: sh -c x}";

/* The same with defaults_text as defaults. */
static const struct {
	const char *event, *field, *value;
} default_cases[] = {
    {"{evt.type: open}", "proc.pname", "bash"},
    {"{evt.type: open}", "user.name", "bob"},
    {"{evt.type: open}", "proc.cmdline", "sh -c x"},
    {"{evt.type: open, proc.pname: cron}", "proc.pname", "cron"},
    {"{evt.type: open, proc.pname: cron}", "proc.aname", "cron sshd"},
    {"{evt.type: open, user.name: null}", "user.name", "(absent)"},
    {"{evt.type: open, proc.name: cat}", "proc.name", "cat"},
    {"{evt.type: open, proc.name: cat}", "proc.cmdline", "cat -c x"},
};

static int make(struct made_event *m, struct yaml_file *file, const char *text,
		const char *defaults, struct arena *arena, struct error *err)
{
	struct yaml_file other;

	assert_int_equal(yaml_parse(file, "event", str_from(text), arena, err), 0);
	if (defaults)
		assert_int_equal(yaml_parse(&other, "event", str_from(defaults), arena, err), 0);
	return made_event_make(m, file, file->documents[0], defaults ? other.documents[0] : NULL,
			       err);
}

static void check_field(struct made_event *m, const char *event, const char *defaults,
			const char *field, const char *want)
{
	CLEANUP_ARENA struct arena *own = arena_new();
	static char scratch[65536];
	struct arena arena;
	struct error err = {0};
	struct yaml_file file;
	struct field_use use;
	struct value value;
	char memory[512];
	struct buffer text = BUFFER(memory);

	if (make(m, &file, event, defaults, own, &err) < 0)
		fail_msg("%s: %s", event, err.message);
	if (field_resolve(str_from(field), 0, own, &use, &err) < 0)
		fail_msg("%s: %s", field, err.message);
	arena_fixed(&arena, scratch, sizeof(scratch));

	struct field_context ctx = {.event = made_event_get(m),
				    .state = made_event_state(m),
				    .scratch = &arena,
				    .hostname = "",
				    .given = made_event_given(m)};

	if (field_extract(&ctx, &use, &value))
		value_print(&value, use.field, &text);
	else
		buffer_put(&text, STR("(absent)"));
	if (!str_equal_c(buffer_str(&text), want))
		fail_msg("%s: %s is %.*s, expected %s", event, field, STR_ARG(buffer_str(&text)),
			 want);
}

static void fields_follow_from_those_that_are_given(void **state)
{
	struct error err = {0};
	struct made_event *m = made_event_new(&err);

	(void)state;
	assert_non_null(m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_field(m, cases[i].event, NULL, cases[i].field, cases[i].value);
	made_event_free(m);
}

static void what_an_event_says_itself_replaces_defaults(void **state)
{
	struct error err = {0};
	struct made_event *m = made_event_new(&err);

	(void)state;
	for (size_t i = 0; i < sizeof(default_cases) / sizeof(*default_cases); i++)
		check_field(m, default_cases[i].event, defaults_text, default_cases[i].field,
			    default_cases[i].value);
	made_event_free(m);
}

static void what_is_no_event_is_told_with_its_place(void **state)
{
	struct error err = {0};
	struct made_event *m = made_event_new(&err);

	(void)state;
	for (size_t i = 0; i < sizeof(bad_cases) / sizeof(*bad_cases); i++) {
		CLEANUP_ARENA struct arena *own = arena_new();
		struct yaml_file file;

		err = (struct error){0};
		assert_true(make(m, &file, bad_cases[i].event, NULL, own, &err) < 0);
		assert_string_equal(err.message, bad_cases[i].message);
		assert_string_equal(err.file, "event");
		assert_int_equal(err.line, bad_cases[i].line);
		assert_int_equal(err.column, bad_cases[i].column);
	}
	made_event_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_follow_from_those_that_are_given),
	    cmocka_unit_test(what_an_event_says_itself_replaces_defaults),
	    cmocka_unit_test(what_is_no_event_is_told_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
