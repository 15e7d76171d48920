/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "app/config.h"

/* All messages, one a line, "E " or "W " first. */
static const char *messages(const struct config *c, char *text, size_t room)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < c->message_count && n < room; i++)
		n += (size_t)snprintf(text + n, room - n, "%s%c %.*s", i ? "\n" : "",
				      c->messages[i].severity <= SEVERITY_ERROR ? 'E' : 'W',
				      STR_ARG(c->messages[i].text));
	return text;
}

static void defaults_are_those_of_the_table(void **state)
{
	struct config *c = config_new();
	(void)state;

	check_i64(config_finish(c), 0, "errors");
	check_i64(c->message_count, 0, "messages");
	check_i64(c->json_output, 0, "json_output");
	check_i64(c->json_include_output, 1, "json_include_output_property");
	check_i64(c->priority, SEVERITY_DEBUG, "priority");
	check_i64(c->log_level, SEVERITY_INFORMATIONAL, "log_level");
	check_i64(c->cpus_for_each_buffer, 2, "cpus_for_each_buffer");
	check_i64(config_ring_bytes(c), 8 * 1024 * 1024, "ring");
	check_i64(c->rules_files.count, 2, "rules_files");
	config_free(c);
}

/* Rows: a file, assignments (one a line), and all that is said of them. */
static const struct {
	const char *what, *file, *assignments, *want;
} rows[] = {
    {"nothing", "", "", ""},
    {"good values",
     "json_output: true\npriority: INFO\nrule_matching: all\nengine:\n  kind: modern_ebpf\n"
     "  modern_ebpf: {buf_size_preset: 5, cpus_for_each_buffer: 0}\nlog_level: Warning\n",
     "", ""},
    {"wrong types",
     "json_output: maybe\npriority: high\nengine:\n  modern_ebpf:\n    buf_size_preset: 11\n"
     "rules_files: {a: b}\n",
     "",
     "E f.yaml:1:14: json_output: found \"maybe\", expected true or false\n"
     "E f.yaml:2:11: priority: found \"high\", expected one of emergency, alert, critical, error, "
     "warning, notice, informational, debug, info\n"
     "E f.yaml:5:22: engine.modern_ebpf.buf_size_preset: found \"11\", expected a number from 1 to "
     "10\n"
     "E f.yaml:6:14: rules_files: found a map, expected a list of strings"},
    {"unknown keys, with what was meant",
     "jsn_output: true\nengine:\n  modern_ebpf:\n    bufsize_preset: 3\nutterly_unlike: 1\n", "",
     "W f.yaml:1:1: jsn_output: no such key; did you mean json_output?\n"
     "W f.yaml:4:5: engine.modern_ebpf.bufsize_preset: no such key; did you mean "
     "engine.modern_ebpf.buf_size_preset?\n"
     "W f.yaml:5:1: utterly_unlike: no such key"},
    {"a map where one is expected", "engine: modern_ebpf\n", "",
     "E f.yaml:1:9: engine: expected a map"},
    {"keys without effect are named, defaults are not",
     "syslog_output:\n  enabled: true\nhttp_output: {enabled: true, url: http://x}\n"
     "webserver: {listen_port: 8765}\nconfig_files: [/etc/falco/config.d]\nload_plugins: []\n",
     "", "W these settings have no effect in this version: http_output.enabled, http_output.url"},
    {"and are checked", "http_output: {enabled: perhaps}\nmetrics: {interval: [1]}\n", "",
     "E f.yaml:1:24: http_output.enabled: found \"perhaps\", expected true or false\n"
     "E f.yaml:2:21: metrics.interval: found a list, expected a duration, as in 30s or 1h30m\n"
     "W these settings have no effect in this version: http_output.enabled, metrics.interval"},
    {"duplicate keys", "json_output: true\njson_output: false\n", "",
     "W f.yaml:2:1: json_output: stands here a second time"},
    {"assignments are told by themselves", "json_output: true\n",
     "json_output=maybe\nno.such.key=1\nengine.kind=kmod",
     "E -o json_output=maybe: json_output: found \"maybe\", expected true or false\n"
     "W -o no.such.key=1: no: no such key\n"
     "W engine.kind: there is no such driver; modern_ebpf is used"},
    {"a replay of nothing", "engine:\n  kind: replay\n", "",
     "E f.yaml:2:9: engine.kind: to replay a capture, engine.replay.capture_file must name it"},
    {"a replay", "engine:\n  kind: replay\n  replay: {capture_file: x.scap}\n", "", ""},
    {"engines that are not there", "engine:\n  kind: nodriver\n", "",
     "E f.yaml:2:9: engine.kind: without a driver there is nothing to watch in this version"},
    {"lists of maps",
     "plugins:\n  - name: x\n    library_path: y\n    init_config: {any: [thing]}\n  - 5\n"
     "append_output:\n  - extra_output: z\n    mtch: {}\n",
     "",
     "E f.yaml:5:5: plugins: found \"5\", expected a map\n"
     "W f.yaml:8:5: append_output[].mtch: no such key; did you mean append_output[].match?"},
};

static void mistakes_are_told_with_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config *c = config_new();
		struct error err = {0};
		char text[4096], assignment[256];

		if (config_read_text(c, "f.yaml", str_from(rows[i].file), &err) < 0)
			fail_msg("%s: %s", rows[i].what, err.message);
		for (const char *p = rows[i].assignments; *p;) {
			size_t n = strcspn(p, "\n");

			snprintf(assignment, sizeof(assignment), "%.*s", (int)n, p);
			if (config_set(c, assignment, &err) < 0)
				fail_msg("%s: %s", rows[i].what, err.message);
			p += n + (p[n] == '\n');
		}
		size_t errors = config_finish(c);

		check_str(str_from(messages(c, text, sizeof(text))), rows[i].want, rows[i].what);
		check_i64(errors > 0, strstr(text, "E ") != NULL, rows[i].what);
		config_free(c);
	}
}

static void assignments_override_the_file(void **state)
{
	struct config *c = config_new();
	struct error err;
	static const char *const assignments[] = {
	    "json_output=true",
	    "engine.modern_ebpf.buf_size_preset = 2",
	    "rules_files[1]=two.yaml",
	    "rules_files[]=three.yaml",
	    "rules[0].disable.tag=network",
	    "rules[1].enable.rule=\"*shell*\"",
	    "append_output[0].extra_output=extra:%proc.pid",
	    "append_output[0].match.tags=[a, b]",
	    "append_output[0].extra_fields[0]=proc.exepath",
	    "append_output[0].extra_fields[]={home: '%proc.cwd'}",
	    "base_syscalls.custom_set=[open, \"!close\"]",
	};
	(void)state;

	assert_int_equal(config_read_text(c, "f.yaml",
					  STR("json_output: false\nrules_files:\n  - one.yaml\n"
					      "log_stderr: off\n"),
					  &err),
			 0);
	for (size_t i = 0; i < sizeof(assignments) / sizeof(*assignments); i++)
		if (config_set(c, assignments[i], &err) < 0)
			fail_msg("%s", err.message);
	check_i64(config_finish(c), 0, "errors");
	check_i64(c->json_output, 1, "json_output");
	check_i64(c->log_stderr, 0, "log_stderr");
	check_i64(c->buf_size_preset, 2, "buf_size_preset");
	check_i64(c->rules_files.count, 3, "rules_files");
	assert_string_equal(c->rules_files.items[0], "one.yaml");
	assert_string_equal(c->rules_files.items[1], "two.yaml");
	assert_string_equal(c->rules_files.items[2], "three.yaml");
	check_i64(c->selection_count, 2, "selections");
	assert_false(c->selections[0].enable);
	assert_string_equal(c->selections[0].tag, "network");
	assert_true(c->selections[1].enable);
	assert_string_equal(c->selections[1].rule, "*shell*");
	check_i64(c->append_count, 1, "appends");
	assert_string_equal(c->appends[0].format, "extra:%proc.pid");
	check_i64(c->appends[0].tag_count, 2, "tags");
	check_i64(c->appends[0].extra_field_count, 2, "extra fields");
	assert_string_equal(c->appends[0].extra_fields[0].name, "proc.exepath");
	assert_null(c->appends[0].extra_fields[0].format);
	assert_string_equal(c->appends[0].extra_fields[1].name, "home");
	assert_string_equal(c->appends[0].extra_fields[1].format, "%proc.cwd");
	check_i64(c->base_syscalls.count, 2, "custom_set");
	config_free(c);
}

static void bad_assignments_are_refused(void **state)
{
	static const struct {
		const char *assignment, *want;
	} bad[] = {
	    {"json_output", "-o json_output: expected key=value"},
	    {"=x", "-o =x: expected key=value"},
	    {"rules_files[7]=x", "-o rules_files[7]=x: the list has only 1 items"},
	    {"rules_files[x]=x", "-o rules_files[x]=x: expected [number] or [] at \"[x]\""},
	    {"rules_files[0=x", "-o rules_files[0=x: expected [number] or [] at \"[0\""},
	    {"engine..kind=x", "-o engine..kind=x: a name is missing at \".kind\""},
	    {"engine.=x", "-o engine.=x: a name is missing at the end"},
	    {"rules_files.a=x", "-o rules_files.a=x: \"a\" does not fit: there is no map"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct config *c = config_new();
		struct error err = {0};

		config_read_text(c, "f.yaml", STR("rules_files: [a]\n"), &err);
		assert_true(config_set(c, bad[i].assignment, &err) < 0);
		check_str(str_from(err.message), bad[i].want, bad[i].assignment);
		config_free(c);
	}
}

static void broken_files_are_refused(void **state)
{
	static const char *const broken[] = {"a: [", "- a\n- b\n", "\"x", "a: b: c\n", "\xff"};
	(void)state;

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct config *c = config_new();
		struct error err = {0};

		if (config_read_text(c, "f.yaml", str_from(broken[i]), &err) == 0)
			fail_msg("accepted: %s", broken[i]);
		assert_true(err.message[0] != '\0');
		config_free(c);
	}
}

/* The keys that users' files hold, as a table beside the project says; see tests/meson.build. */
static void every_key_of_the_reference_is_known(void **state)
{
	const char *shared = getenv("SAKER_SHARED");
	char path[1024], line[1024], text[4096];
	unsigned keys = 0;
	FILE *f;
	(void)state;

	snprintf(path, sizeof(path), "%s/reference/config_keys.tsv", shared ? shared : "../shared");
	f = fopen(path, "re");
	if (!f) {
		if (getenv("CI"))
			fail_msg("%s is not there: set SAKER_SHARED", path);
		fprintf(stderr, "# SKIP: %s is not there\n", path);
		skip();
	}
	while (fgets(line, sizeof(line), f)) {
		char *tab = strchr(line, '\t'), assignment[1200];
		struct config *c;
		struct error err;

		if (line[0] == '#' || !tab || strncmp(line, "key\t", 4) == 0)
			continue;
		*tab = '\0';
		tab[strcspn(tab + 1, "\n") + 1] = '\0';
		snprintf(assignment, sizeof(assignment), "%s=%s", line, tab + 1);
		c = config_new();
		if (config_set(c, assignment, &err) < 0)
			fail_msg("%s", err.message);
		config_finish(c);
		if (c->message_count)
			fail_msg("%s: %s", assignment, messages(c, text, sizeof(text)));
		config_free(c);
		keys++;
	}
	fclose(f);
	assert_true(keys > 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_those_of_the_table),
	    cmocka_unit_test(mistakes_are_told_with_their_place),
	    cmocka_unit_test(assignments_override_the_file),
	    cmocka_unit_test(bad_assignments_are_refused),
	    cmocka_unit_test(broken_files_are_refused),
	    cmocka_unit_test(every_key_of_the_reference_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
