/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "app/cli.h"
#include "app/rules_paths.h"
#include "app/wants.h"
#include "base/bitset.h"

#include <sys/stat.h>
#include <unistd.h>

static int parse(struct cli *cli, const char *line, struct error *err)
{
	static char text[512];
	static char *argv[32];
	int argc = 1;

	argv[0] = (char *)(uintptr_t) "saker";
	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word && argc < 31; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return cli_parse(cli, argc, argv, err);
}

static void flags_are_those_of_falco(void **state)
{
	struct cli cli;
	(void)state;

	assert_int_equal(
	    parse(&cli, "-c a.yaml -r b.yaml -rc.yaml -o x=1 --option=y=2 -AU -M 5", NULL), 0);
	check_i64(cli.action, ACTION_RUN, "action");
	assert_string_equal(cli.config, "a.yaml");
	check_i64(cli.rules.count, 2, "-r");
	assert_string_equal(cli.rules.items[1], "c.yaml");
	check_i64(cli.options.count, 2, "-o");
	assert_string_equal(cli.options.items[1], "y=2");
	assert_true(cli.all_syscalls && cli.unbuffered);
	check_i64(cli.seconds, 5, "-M");
	cli_release(&cli);

	assert_int_equal(parse(&cli, "-V a.yaml -V b.yaml", NULL), 0);
	check_i64(cli.action, ACTION_VALIDATE, "-V");
	check_i64(cli.validate.count, 2, "-V");
	cli_release(&cli);

	assert_int_equal(parse(&cli, "--list syscall -N", NULL), 0);
	check_i64(cli.action, ACTION_LIST_FIELDS, "--list");
	assert_string_equal(cli.source, "syscall");
	cli_release(&cli);
	assert_int_equal(parse(&cli, "--list --markdown", NULL), 0);
	assert_null(cli.source);
	cli_release(&cli);
}

static void of_several_actions_falcos_first_is_done(void **state)
{
	static const struct {
		const char *line;
		enum cli_action want;
	} rows[] = {
	    {"--version --help", ACTION_HELP},
	    {"--help --format markdown", ACTION_LIST_FLAGS},
	    {"--list --version", ACTION_VERSION},
	    {"--support -L", ACTION_DESCRIBE_RULES},
	    {"-L -V a.yaml", ACTION_VALIDATE},
	    {"--plugin-info x --list-plugins", ACTION_PLUGIN_INFO},
	    {"-i --list-events", ACTION_IGNORED_EVENTS},
	    {"--config-schema --rule-schema", ACTION_CONFIG_SCHEMA},
	    {"--page-size", ACTION_PAGE_SIZE},
	    {"--dry-run -U -v -N -P a.pid", ACTION_RUN},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};
		struct cli cli;

		if (parse(&cli, rows[i].line, &err) < 0)
			fail_msg("%s: %s", rows[i].line, err.message);
		check_i64(cli.action, rows[i].want, rows[i].line);
		cli_release(&cli);
	}
}

static void flags_take_what_falcos_take(void **state)
{
	struct cli cli;
	(void)state;

	assert_int_equal(parse(&cli,
			       "-pc --enable-source a --enable-source=b --pidfile=x --format JSON "
			       "--list=syscall",
			       NULL),
			 0);
	assert_string_equal(cli.print, "c");
	check_i64(cli.enable_sources.count, 2, "--enable-source");
	assert_string_equal(cli.enable_sources.items[1], "b");
	assert_string_equal(cli.pid_file, "x");
	check_i64(cli.format, LIST_JSON, "--format");
	assert_string_equal(cli.source, "syscall");
	cli_release(&cli);
	assert_int_equal(parse(&cli, "-V a.yaml -l name --markdown", NULL), 0);
	assert_true(cli.describe);
	assert_string_equal(cli.rule, "name");
	check_i64(cli.format, LIST_MARKDOWN, "--markdown");
	cli_release(&cli);
}

static void commands_have_flags_of_their_own(void **state)
{
	struct cli cli;
	(void)state;

	assert_int_equal(
	    parse(&cli, "read a.scap proc.name = cat -n 5 -p *%x -jt r -c y.yaml", NULL), 0);
	check_i64(cli.action, ACTION_READ, "read");
	check_i64(cli.arguments.count, 4, "file and filter");
	check_i64(cli.view.most, 5, "-n");
	assert_string_equal(cli.view.format, "*%x");
	assert_string_equal(cli.view.time, "r");
	assert_true(cli.view.is_json);
	assert_string_equal(cli.config, "y.yaml");
	cli_release(&cli);

	assert_int_equal(parse(&cli, "watch --top fd.name --by=bytes", NULL), 0);
	check_i64(cli.action, ACTION_WATCH, "watch");
	assert_string_equal(cli.view.top, "fd.name");
	assert_string_equal(cli.view.by, "bytes");
	cli_release(&cli);

	assert_int_equal(parse(&cli, "replay a.scap - -r x.yaml", NULL), 0);
	check_i64(cli.action, ACTION_REPLAY, "replay");
	check_i64(cli.arguments.count, 2, "replay");
	assert_string_equal(cli.arguments.items[1], "-");
	cli_release(&cli);

	assert_int_equal(parse(&cli, "-e a.scap -e b.scap", NULL), 0);
	check_i64(cli.action, ACTION_RUN, "-e");
	check_i64(cli.captures.count, 2, "-e");
	cli_release(&cli);
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
	    {"--no-such-flag", "no such flag: --no-such-flag; see --help"},
	    {"--validat x", "no such flag: --validat; did you mean --validate?"},
	    {"-c", "-c needs a value: FILE"},
	    {"--rules", "--rules needs a value: FILE"},
	    {"-Ax", "no such flag: -x; see --help"},
	    {"--version=1", "--version=1 takes no value"},
	    {"file.yaml", "\"file.yaml\" is no flag; see --help"},
	    {"--markdown --format text", "--markdown and --format do not go together"},
	    {"--format xml", "--format xml: expected text, markdown or json"},
	    {"--enable-source a --disable-source b",
	     "--enable-source and --disable-source do not go together"},
	    {"read", "expected read FILE [FILTER]"},
	    {"replay -r x", "expected replay FILE..."},
	    {"read a -n 0", "-n 0: expected a number from 1"},
	    {"replay a --top x", "no such flag: --top; see --help"},
	    {"-M soon", "-M soon: expected a number of seconds"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};
		struct cli cli;

		assert_true(parse(&cli, rows[i].line, &err) < 0);
		check_str(str_from(err.message), rows[i].want, rows[i].line);
		cli_release(&cli);
	}
}

static void rules_of_a_directory_come_in_order(void **state)
{
	struct arena *arena = arena_new();
	char directory[] = "/tmp/saker-test-XXXXXX", path[300];
	static const char *const files[] = {"20.yaml", "10.yml", "30.txt", ".hidden.yaml"};
	struct string_list list = {0};
	(void)state;

	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		fclose(fopen(path, "w"));
	}
	assert_int_equal(rules_paths_add(&list, directory, false, arena, NULL), 0);
	assert_int_equal(rules_paths_add(&list, "/none/such.yaml", true, arena, NULL), 0);
	check_i64(list.count, 2, "files; what may be missing is left out");
	assert_non_null(strstr(list.items[0], "/10.yml"));
	assert_non_null(strstr(list.items[1], "/20.yaml"));
	assert_int_equal(rules_paths_add(&list, "/none/such.yaml", false, arena, NULL), 0);
	check_i64(list.count, 3, "what must not be missing is kept, for the reader to say so");
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		unlink(path);
	}
	rmdir(directory);
	arena_free(arena);
}

static bool is_wanted(const struct probe_wants *wants, const char *name)
{
	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		if (s && strcmp(s->name, name) == 0)
			return wants->wanted[nr];
	}
	fail_msg("no system call %s", name);
	return false;
}

static unsigned unknown_names;

static void count_unknown(const char *name)
{
	(void)name;
	unknown_names++;
}

static void what_rules_need_and_state_needs_is_collected(void **state)
{
	uint64_t kinds[64] = {0};
	uint32_t facts[64 * 64] = {0};
	struct plan_needs needs = {.kinds = kinds, .facts = facts};
	struct config *c = config_new();
	struct probe_wants wants;
	int unlink_kind = event_kind_by_name(STR("unlink"));
	size_t few;
	(void)state;

	assert_true(event_kind_count <= 64 * 64);
	bitset_add(kinds, (size_t)unlink_kind);
	facts[unlink_kind] = FACT_CWD;
	few = wants_of_plan(&needs, c, NULL, &wants);
	assert_true(is_wanted(&wants, "unlink"));
	assert_true(is_wanted(&wants, "execve"));
	assert_true(is_wanted(&wants, "chdir"));
	assert_false(is_wanted(&wants, "openat"));
	assert_false(is_wanted(&wants, "getppid"));
	assert_false(wants.switches);

	assert_int_equal(
	    config_set(c, "base_syscalls.custom_set=[openat, \"!unlink\", \"!execve\", nonsense]",
		       NULL),
	    0);
	assert_int_equal(config_finish(c), 0);
	wants_of_plan(&needs, c, count_unknown, &wants);
	check_i64(unknown_names, 1, "unknown names");
	assert_true(is_wanted(&wants, "openat"));
	assert_false(is_wanted(&wants, "unlink"));
	assert_true(is_wanted(&wants, "execve"));

	c->base_syscalls_all = true;
	assert_true(wants_of_plan(&needs, c, NULL, &wants) > few + 100);
	assert_true(is_wanted(&wants, "mmap"));
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flags_are_those_of_falco),
	    cmocka_unit_test(of_several_actions_falcos_first_is_done),
	    cmocka_unit_test(flags_take_what_falcos_take),
	    cmocka_unit_test(commands_have_flags_of_their_own),
	    cmocka_unit_test(mistakes_are_told),
	    cmocka_unit_test(rules_of_a_directory_come_in_order),
	    cmocka_unit_test(what_rules_need_and_state_needs_is_collected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
