/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "app/config_schema.h"

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
     "E f.yaml:1:9: engine: found \"modern_ebpf\", expected a map"},
    {"nothing is said of keys that have an effect",
     "syslog_output:\n  enabled: true\nmetrics: {enabled: true, interval: 1m}\n"
     "webserver: {listen_port: 8766}\nconfig_files: [/etc/falco/config.d]\nload_plugins: []\n",
     "", ""},
    {"values that do not fit", "http_output: {enabled: perhaps}\nmetrics: {interval: [1]}\n", "",
     "E f.yaml:1:24: http_output.enabled: found \"perhaps\", expected true or false\n"
     "E f.yaml:2:21: metrics.interval: found a list, expected a duration, as in 30s or 1h30m"},
    {"duplicate keys", "json_output: true\njson_output: false\n", "",
     "W f.yaml:2:1: json_output: stands here a second time; the last one "
     "holds"},
    {"of two blocks the last one holds as a whole",
     "file_output:\n  enabled: true\n  filename: \"\"\nfile_output:\n  enabled: false\n", "",
     "W f.yaml:4:1: file_output: stands here a second time; the last one holds"},
    {"below, too", "engine:\n  kind: sun\n  kind: modern_ebpf\n", "",
     "W f.yaml:3:3: kind: stands here a second time; the last one holds"},
    {"older names", "rules_file: a.yaml\nsyscall_buf_size_preset: 5\n", "",
     "W f.yaml:1:1: rules_file is an older name of rules_files\n"
     "W f.yaml:2:1: syscall_buf_size_preset is an older name of "
     "engine.modern_ebpf.buf_size_preset"},
    {"not both names", "rules_file: a.yaml\nrules_files: [b.yaml]\n", "",
     "E f.yaml:1:1: rules_file is an older name of rules_files: only one of them may be set"},
    {"what cannot have an effect", "grpc: {enabled: true}\nengine: {kmod: {buf_size_preset: 6}}\n",
     "",
     "W f.yaml:2:17: engine.kmod.buf_size_preset has no effect: there is no kernel module\n"
     "W f.yaml:1:8: grpc.enabled has no effect: there is no gRPC server; it was removed from "
     "Falco, "
     "too"},
    {"an output without what it needs",
     "http_output: {enabled: true}\nwebserver: {listen_address: x}", "",
     "E http_output.url: the output is enabled, but this is empty\n"
     "E f.yaml:2:29: webserver.listen_address: \"x\" is no IP address"},
    {"a file in no directory", "file_output: {enabled: true, filename: /none/such/x}\n", "",
     "W f.yaml:1:40: file_output.filename: there is no directory /none/such; alerts wait until "
     "there is"},
    {"a file that is a directory", "file_output: {enabled: true, filename: /tmp}\n", "",
     "W f.yaml:1:40: file_output.filename: /tmp is a directory, not a file"},
    {"a file of an output that is not enabled", "file_output: {filename: /none/such/x}\n", "", ""},
    {"bounds",
     "syscall_event_drops: {threshold: 1.5, actions: [ignore, alert, boom], rate: -1}\n"
     "metrics: {interval: 99ms}\nsyscall_event_timeouts: {max_consecutives: 0}\n"
     "webserver: {listen_port: 65536}\ncapture: {mode: some}\n"
     "metrics: {interval: 1s1h}\n",
     "",
     "W f.yaml:6:1: metrics: stands here a second time; the last one holds\n"
     "E f.yaml:1:34: syscall_event_drops.threshold: found \"1.5\", expected a number from 0 to 1\n"
     "E f.yaml:1:64: syscall_event_drops.actions: found \"boom\", expected one of ignore, log, "
     "alert, "
     "exit\n"
     "E f.yaml:1:77: syscall_event_drops.rate: found \"-1\", expected a number from 0 to "
     "4294967295\n"
     "E f.yaml:3:44: syscall_event_timeouts.max_consecutives: found \"0\", expected a number from "
     "1 to "
     "4294967295\n"
     "E f.yaml:4:26: webserver.listen_port: found \"65536\", expected a number from 0 to 65535\n"
     "E f.yaml:5:17: capture.mode: found \"some\", expected one of rules, all_rules\n"
     "E f.yaml:6:21: metrics.interval: found \"1s1h\", expected a duration, as in 30s or 1h30m\n"
     "E f.yaml:1:48: syscall_event_drops.actions: ignore does not go with log or alert"},
    {"plugins",
     "plugins:\n  - {name: container, library_path: libcontainer.so}\n"
     "  - {name: dummy, library_path: libdummy.so}\n  - {name: half}\n",
     "",
     "E f.yaml:4:5: plugins[]: library_path is missing\n"
     "W f.yaml:1:1: plugin dummy is not loaded: libraries of plugins cannot be; rules for its "
     "events "
     "are left out"},
    {"plugins that are not there", "load_plugins: [a]\n", "",
     "E f.yaml:1:15: load_plugins: there is no entry of that name in plugins: a"},
    {"plugins that are not loaded",
     "load_plugins: []\nplugins:\n  - {name: dummy, library_path: libdummy.so}\n", "", ""},
    {"nothing to merge", "a: &a 1\nengine:\n  <<: *a\n  kind: modern_ebpf\n", "",
     "E f.yaml:1:7: <<: expected a map, or a list of maps\nW f.yaml:1:1: a: no such key"},
    {"variables that are not there",
     "log_level: ${SAKER_TEST_NOTHING}\npriority: \"${SAKER_TEST_NOTHING}\"\n", "",
     "W f.yaml:1:12: the environment has no SAKER_TEST_NOTHING; there is nothing in its place\n"
     "W f.yaml:2:11: the environment has no SAKER_TEST_NOTHING; there is nothing in its place\n"
     "E f.yaml:2:11: priority: found \"\", expected one of emergency, alert, critical, error, "
     "warning, notice, informational, debug, info"},
    {"a variable that names itself", "log_level: ${SAKER_TEST_LOOP}\n", "",
     "E f.yaml:1:12: variables of the environment make this value too long, or name each other "
     "without an end\n"
     "E f.yaml:1:12: log_level: found \"${SAKER_TEST_LOOP}\", expected one of emergency, alert, "
     "critical, error, warning, notice, informational, debug, info"},
    {"assignments are told by themselves", "json_output: true\n",
     "json_output=maybe\nno.such.key=1\nengine.kind=kmod",
     "E -o json_output=maybe: json_output: found \"maybe\", expected true or false\n"
     "W -o no.such.key=1: no: no such key\n"
     "W -o engine.kind=kmod: engine.kind: there is no such driver; modern_ebpf is used"},
    {"a replay of nothing", "engine:\n  kind: replay\n", "",
     "E f.yaml:2:9: engine.kind: to replay a capture, engine.replay.capture_file must name it"},
    {"a replay", "engine:\n  kind: replay\n  replay: {capture_file: x.scap}\n", "", ""},
    {"no driver", "engine:\n  kind: nodriver\n", "", ""},
    {"lists of maps",
     "plugins:\n  - name: container\n    library_path: y\n    init_config: {hooks: [start]}\n  - "
     "5\n"
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
	    {"rules_files[0]x=x", "-o rules_files[0]x=x: expected . or [ at \"x\""},
	    {"a\\x=x", "-o a\\x=x: after \\ comes one of . [ ] \\ in a key"},
	    {"a\\=x", "-o a\\=x: after \\ comes one of . [ ] \\ in a key"},
	    {"static_fields={a: [}", "-o static_fields={a: [}: the value is no YAML"},
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

static void set_environment(void)
{
	setenv("SAKER_TEST_A", "first", 1);
	setenv("SAKER_TEST_B", "[${SAKER_TEST_A}]", 1);
	setenv("SAKER_TEST_YES", "true", 1);
	setenv("SAKER_TEST_LOOP", "${SAKER_TEST_LOOP}", 1);
	unsetenv("SAKER_TEST_NOTHING");
}

/* As Falco puts them in, its surprises included. */
static void values_take_what_the_environment_says(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
	    {"${SAKER_TEST_A}", "first"},
	    {"'a ${SAKER_TEST_A} b ${SAKER_TEST_A}'", "a first b first"},
	    {"x${SAKER_TEST_NOTHING}y", "xy"},
	    {"x${SAKER_TEST_NOTHING:-default}y", "xy"},
	    {"$${SAKER_TEST_A}", "${SAKER_TEST_A}"},
	    {"$${SAKER_TEST_A} ${SAKER_TEST_A}", "${SAKER_TEST_A} first"},
	    {"${SAKER_TEST_B}", "[first]"},
	    {"$SAKER_TEST_A", "$SAKER_TEST_A"},
	    {"awk '{print $1}' ${SAKER_TEST_A}", "awk '{print $1}' ${SAKER_TEST_A}"},
	    {"${SAKER_TEST_A", "${SAKER_TEST_A"},
	    {"'${}'", ""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config *c = config_new();
		struct error err;
		char text[512];

		snprintf(text, sizeof(text),
			 "program_output:\n  program: %s\njson_output: ${SAKER_TEST_YES}\n",
			 cases[i].value);
		assert_int_equal(config_read_text(c, "f.yaml", str_from(text), &err), 0);
		assert_int_equal(config_set(c, "http_output.url=${SAKER_TEST_A}", &err), 0);
		check_i64(config_finish(c), 0, cases[i].value);
		check_str(str_from(c->program_output.program), cases[i].want, cases[i].value);
		assert_true(c->json_output);
		check_str(str_from(c->http_output.url), "${SAKER_TEST_A}", "-o");
		config_free(c);
	}
}

/* Rows: what the main file and two further ones say of rules_files, and what comes of it. */
static void further_files_are_merged_by_their_strategy(void **state)
{
	static const struct {
		const char *what, *main, *further;
		enum merge_strategy strategy;
		const char *rules_files; /* joined by blanks */
		const char *program;
		bool keep_alive;
	} cases[] = {
	    {"lists grow", "rules_files: [a]\n", "rules_files: [b, c]\n", MERGE_APPEND, "a b c", "",
	     false},
	    {"one value grows", "rules_files: a\n", "rules_files: [b]\n", MERGE_APPEND, "a b", "",
	     false},
	    {"one value replaces", "rules_files: [a]\n", "rules_files: b\n", MERGE_APPEND, "b", "",
	     false},
	    {"a list is replaced", "rules_files: [a]\n", "rules_files: [b]\n", MERGE_OVERRIDE, "b",
	     "", false},
	    {"only what is not there", "rules_files: [a]\n",
	     "rules_files: [b]\nprogram_output: {program: x}\n", MERGE_ADD_ONLY, "a", "x", false},
	    {"maps are replaced as a whole",
	     "rules_files: [a]\nprogram_output: {program: x, keep_alive: true}\n",
	     "program_output: {program: y}\n", MERGE_APPEND, "a", "y", false},
	    {"maps are kept as a whole",
	     "rules_files: [a]\nprogram_output: {program: x, keep_alive: true}\n",
	     "program_output: {program: y}\n", MERGE_ADD_ONLY, "a", "x", true},
	    {"nothing", "rules_files: [a]\n", "", MERGE_APPEND, "a", "", false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config *c = config_new();
		struct error err = {0};
		char text[256] = "";

		assert_int_equal(config_read_text(c, "main.yaml", str_from(cases[i].main), &err),
				 0);
		if (config_merge_text(c, "more.yaml", str_from(cases[i].further), cases[i].strategy,
				      &err) < 0)
			fail_msg("%s: %s", cases[i].what, err.message);
		check_i64(config_finish(c), 0, cases[i].what);
		for (size_t k = 0; k < c->rules_files.count; k++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 k ? " " : "", c->rules_files.items[k]);
		check_str(str_from(text), cases[i].rules_files, cases[i].what);
		if (*cases[i].program)
			check_str(str_from(c->program_output.program), cases[i].program,
				  cases[i].what);
		check_i64(c->program_output.keep_alive, cases[i].keep_alive, cases[i].what);
		config_free(c);
	}
}

static void messages_name_the_file_they_mean(void **state)
{
	struct config *c = config_new();
	struct error err = {0};
	char text[1024];
	(void)state;

	config_read_text(c, "main.yaml", STR("json_output: 5\n"), &err);
	config_merge_text(c, "more.yaml", STR("\nlog_level: loud\n"), MERGE_APPEND, &err);
	config_set(c, "priority=high", &err);
	config_finish(c);
	messages(c, text, sizeof(text));
	assert_non_null(strstr(text, "main.yaml:1:14: json_output"));
	assert_non_null(strstr(text, "more.yaml:2:12: log_level"));
	assert_non_null(strstr(text, "-o priority=high: priority"));
	config_free(c);
}

static void only_the_main_file_names_further_ones(void **state)
{
	struct config *c = config_new();
	struct error err = {0};
	(void)state;

	assert_true(config_merge_text(c, "more.yaml", STR("a: 1\nconfig_files: [x]\n"),
				      MERGE_APPEND, &err) < 0);
	assert_string_equal(err.file, "more.yaml");
	check_i64(err.line, 2, "line");
	config_free(c);
}

static void anchors_and_merges_are_followed(void **state)
{
	struct config *c = config_new();
	struct error err = {0};
	(void)state;

	assert_int_equal(
	    config_read_text(c, "f.yaml",
			     STR("x: &base {program: cat, keep_alive: true}\n"
				 "y: &more {program: dog, enabled: true}\n"
				 "program_output:\n  keep_alive: false\n  <<: [*base, *more]\n"
				 "rules_files: &rules [a, b]\nload_plugins: []\n"
				 "base_syscalls: {custom_set: *rules}\n"),
			     &err),
	    0);
	check_i64(config_finish(c), 0, "errors");
	assert_string_equal(c->program_output.program, "cat");
	assert_false(c->program_output.keep_alive);
	assert_true(c->program_output.enabled);
	check_i64(c->base_syscalls.count, 2, "custom_set");
	config_free(c);
}

static void plugins_are_kept_for_who_plays_them(void **state)
{
	struct config *c = config_new();
	struct error err = {0};
	(void)state;

	assert_int_equal(
	    config_read_text(
		c, "f.yaml",
		STR("load_plugins: [json, k8saudit]\nplugins:\n"
		    "  - name: k8saudit\n    library_path: libk8saudit.so\n"
		    "    init_config: {sslCertificate: /x, maxEventSize: 262144, b: [yes, 1.5, "
		    "'2', ~]}\n    open_params: \" http://:9765/k8s-audit \"\n"
		    "  - {name: json, library_path: libjson.so, init_config: \"\"}\n"
		    "  - {name: other, library_path: libother.so}\n"),
		&err),
	    0);
	check_i64(config_finish(c), 0, "errors");
	check_i64(c->plugin_count, 2, "plugins");
	assert_string_equal(c->plugins[0].name, "json");
	assert_string_equal(c->plugins[0].init_config, "");
	assert_string_equal(c->plugins[1].name, "k8saudit");
	assert_string_equal(c->plugins[1].library_path, "libk8saudit.so");
	assert_string_equal(
	    c->plugins[1].init_config,
	    "{\"b\":[true,1.5,\"2\",null],\"maxEventSize\":262144,\"sslCertificate\":\"/x\"}");
	assert_string_equal(c->plugins[1].open_params, "http://:9765/k8s-audit");
	config_free(c);
}

static void durations_are_those_of_prometheus(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {{"100ms", 100},
		     {"1s", 1000},
		     {"1h30m", 5400000},
		     {"2w", 1209600000},
		     {"1y1d1ms", 31536000000 + 86400000 + 1}};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config *c = config_new();
		struct error err;
		char text[64];

		snprintf(text, sizeof(text), "metrics.interval=%s", cases[i].text);
		assert_int_equal(config_set(c, text, &err), 0);
		check_i64(config_finish(c), 0, text);
		check_i64((int64_t)c->metrics.interval_ms, (int64_t)cases[i].ms, text);
		config_free(c);
	}
}

static void take_key(const char *key, void *to)
{
	strcat(strcat((char *)to, key), " ");
}

static void what_needs_a_restart_is_told(void **state)
{
	struct config *a = config_new(), *b = config_new();
	struct error err;
	char text[256] = "";
	(void)state;

	config_set(b, "engine.modern_ebpf.buf_size_preset=5", &err);
	config_set(b, "base_syscalls.custom_set=[open]", &err);
	config_set(b, "json_output=true", &err);
	config_set(b, "webserver.listen_address=127.0.0.1", &err);
	config_finish(a);
	config_finish(b);
	check_i64((int64_t)config_restart_keys(a, b, take_key, text), 3, "keys");
	assert_string_equal(text, "engine.modern_ebpf.buf_size_preset base_syscalls.custom_set "
				  "webserver.listen_address ");
	check_i64((int64_t)config_restart_keys(a, a, take_key, text), 0, "keys");
	config_free(a);
	config_free(b);
}

/* A file as tutorials have it, older names and blocks that stand twice included. */
static void a_tutorials_file_runs_as_it_stands(void **state)
{
	struct config *c = config_new();
	struct error err = {0};
	char text[1024];
	(void)state;

	assert_int_equal(
	    config_read_text(
		c, "f.yaml",
		STR("rules_file:\n  - /etc/falco/falco_rules.yaml\n"
		    "  - /etc/falco/falco_rules.local.yaml\n\njson_output: false\n\n"
		    "file_output:\n  enabled: false\n  keep_alive: false\n  filename: "
		    "./events.txt\n\n"
		    "log_stderr: true\nlog_syslog: true\nlog_level: info\n\n"
		    "stdout_output:\n  enabled: true\n\n"
		    "file_output:\n  enabled: true\n  filename: /var/log/events.log\n\n"
		    "program_output:\n  enabled: true\n  keep_alive: false\n"
		    "  program: \"jq '{text: .output}' | curl -d @- -X POST "
		    "https://example.org/XXX\"\n\n"
		    "http_output:\n  enabled: true\n  url: http://127.0.0.1:2801\n"),
		&err),
	    0);
	check_i64(config_finish(c), 0, messages(c, text, sizeof(text)));
	check_i64(c->rules_files.count, 2, "rules_files");
	assert_true(c->file_output.enabled);
	assert_string_equal(c->file_output.filename, "/var/log/events.log");
	assert_string_equal(c->program_output.program,
			    "jq '{text: .output}' | curl -d @- -X POST https://example.org/XXX");
	assert_string_equal(c->http_output.url, "http://127.0.0.1:2801");
	assert_true(c->stdout_enabled);
	config_free(c);
}

/* Ours where the reference's are paths of another program. */
static const struct {
	const char *key, *ours;
} other_defaults[] = {
    {"config_files", "[]"},
    {"rules_files", "[/etc/saker/saker_rules.yaml, /etc/saker/rules.d]"},
    {"plugins[].name", ""},
    {"plugins[].library_path", ""},
    {"append_output[].suggested_output", "false"}, /* of an entry; the list's default has it */
};

static void check_default(const char *key, const char *want)
{
	const struct config_row *row = config_row_find(str_from(key));
	char plain[256];
	size_t n = 0;

	if (!row && strncmp(key, "plugins[].init_config.", 22) == 0)
		return;
	if (!row)
		fail_msg("no such key: %s", key);
	for (size_t i = 0; i < sizeof(other_defaults) / sizeof(*other_defaults); i++)
		if (strcmp(other_defaults[i].key, key) == 0)
			want = other_defaults[i].ours;
	for (const char *p = want; *p && n < sizeof(plain) - 1; p++)
		if (*p != '"')
			plain[n++] = *p;
	plain[n] = '\0';
	check_str(str_from(row->fallback), plain, key);
}

/* The keys that users' files hold, as a table beside the project says; see tests/meson.build. */
static void every_key_of_the_reference_is_known(void **state)
{
	const char *shared = getenv("SAKER_SHARED");
	char path[1024], line[1024], text[4096];
	struct config *c = config_new();
	unsigned keys = 0;
	FILE *f;
	(void)state;

	snprintf(path, sizeof(path), "%s/reference/config_keys.tsv", shared ? shared : "../shared");
	f = fopen(path, "re");
	if (!f) {
		config_free(c);
		if (getenv("CI"))
			fail_msg("%s is not there: set SAKER_SHARED", path);
		fprintf(stderr, "# SKIP: %s is not there\n", path);
		skip();
	}
	while (fgets(line, sizeof(line), f)) {
		char *tab = strchr(line, '\t'), assignment[1200], *list;
		struct error err;

		if (line[0] == '#' || !tab || strncmp(line, "key\t", 4) == 0)
			continue;
		*tab = '\0';
		tab[strcspn(tab + 1, "\n") + 1] = '\0';
		check_default(line, tab + 1);
		list = strstr(line, "[]");
		snprintf(assignment, sizeof(assignment), "%.*s%s%s=%s",
			 (int)(list ? list - line : tab - line), line, list ? "[0]" : "",
			 list ? list + 2 : "", tab + 1);
		if (config_set(c, assignment, &err) < 0)
			fail_msg("%s", err.message);
		keys++;
	}
	fclose(f);
	config_finish(c);
	if (c->message_count)
		fail_msg("%s", messages(c, text, sizeof(text)));
	assert_true(keys > 90);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_those_of_the_table),
	    cmocka_unit_test(mistakes_are_told_with_their_place),
	    cmocka_unit_test(assignments_override_the_file),
	    cmocka_unit_test(bad_assignments_are_refused),
	    cmocka_unit_test(broken_files_are_refused),
	    cmocka_unit_test(values_take_what_the_environment_says),
	    cmocka_unit_test(further_files_are_merged_by_their_strategy),
	    cmocka_unit_test(messages_name_the_file_they_mean),
	    cmocka_unit_test(only_the_main_file_names_further_ones),
	    cmocka_unit_test(anchors_and_merges_are_followed),
	    cmocka_unit_test(plugins_are_kept_for_who_plays_them),
	    cmocka_unit_test(durations_are_those_of_prometheus),
	    cmocka_unit_test(what_needs_a_restart_is_told),
	    cmocka_unit_test(a_tutorials_file_runs_as_it_stands),
	    cmocka_unit_test(every_key_of_the_reference_is_known),
	};

	set_environment();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
