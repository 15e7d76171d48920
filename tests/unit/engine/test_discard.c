/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel discards no rule wants: random rules on random events, which the reference
 * judges. SAKER_AGREEMENT_SECONDS makes it run longer than a moment.
 */
#include "../unit.h"
#include "engine/discard.h"
#include "engine/plan.h"
#include "reference/discards.h"
#include "reference/set.h"

#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void no_rule_wants_what_is_discarded(void **state)
{
	const char *wanted = getenv("SAKER_AGREEMENT_SECONDS");
	double end = now() + (wanted ? atof(wanted) : 2);
	struct discards_counts counts = {0};
	uint64_t seed = wanted ? (uint64_t)time(NULL) : 1;
	(void)state;

	do {
		char message[4096];

		if (!discards_check(seed, &counts, message, sizeof(message)))
			fail_msg("%s", message);
		seed++;
	} while (now() < end);
	fprintf(stderr,
		"# %llu events, %llu discarded, %llu of them by names, %llu by their processes, "
		"%llu of calls by an argument\n",
		(unsigned long long)counts.events, (unsigned long long)counts.discarded,
		(unsigned long long)counts.by_name, (unsigned long long)counts.by_process,
		(unsigned long long)counts.by_argument);
	assert_true(counts.by_name > 0 && counts.by_process > 0 && counts.by_argument > 0);
}

static uint16_t nr_of(const char *call)
{
	for (uint16_t nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		const struct syscall_schema *s = syscall_schema_get(nr);

		if (s && strcmp(s->name, call) == 0)
			return nr;
	}
	fail_msg("no call %s", call);
	return 0;
}

enum {
	FILE_READ = DISCARD_HIGH | DISCARD_OPEN_READ | DISCARD_FILE_PLAIN << DISCARD_FILE_SHIFT,
	FILE_WRITTEN = DISCARD_HIGH | DISCARD_OPEN_WRITE | DISCARD_FILE_PLAIN << DISCARD_FILE_SHIFT,
	DIRECTORY_READ =
	    DISCARD_HIGH | DISCARD_OPEN_READ | DISCARD_FILE_DIRECTORY << DISCARD_FILE_SHIFT,
	OTHER_READ = DISCARD_HIGH | DISCARD_OPEN_READ,
	MARKED = DISCARD_MARKED << DISCARD_MARK_SHIFT,
	DUPLICATED = DISCARD_LOW | MARKED,
	FLAGS_SET = DISCARD_LOW | DISCARD_MARKED_SECOND << DISCARD_MARK_SHIFT,
	FLAGS_SET_OF_IP = FLAGS_SET | DISCARD_OF_IP,
	FILE_COPIED = DISCARD_LOW | DISCARD_SOCKET_NONE << DISCARD_SOCKET_SHIFT,
	TCP_LOOPBACK = DISCARD_HIGH | DISCARD_SOCKET_TCP4 << DISCARD_SOCKET_SHIFT,
};

/* What a rule leaves of an event: the condition, the call, its facts and its name. */
static void facts_and_names_decide(void **state)
{
	static const struct {
		const char *condition, *call;
		uint32_t number;
		const char *name;
		bool is_discarded;
	} cases[] = {
	    {"fd.name = /a/b", "openat", FILE_READ, "/a/b", false},
	    {"fd.name = /a/b", "openat", FILE_READ, "/a/bb", true},
	    {"fd.name = /a/b", "openat", FILE_READ, "/a", true},
	    {"fd.name != /a/b", "openat", FILE_READ, "/a/b", true},
	    {"fd.name != /a/b", "openat", FILE_READ, "/a/c", false},
	    {"fd.name in (/a, /b/c)", "openat", FILE_READ, "/b/c", false},
	    {"fd.name in (/a, /b/c)", "openat", FILE_READ, "/b", true},
	    {"fd.name startswith /a/", "openat", FILE_READ, "/a/x/y", false},
	    {"fd.name startswith /a/", "openat", FILE_READ, "/ab", true},
	    {"not fd.name startswith /a/", "openat", FILE_READ, "/a/x", true},
	    {"not fd.name startswith /a/", "openat", FILE_READ, "/b/x", false},
	    {"fd.name endswith .so", "openat", FILE_READ, "/lib/x.so", false},
	    {"fd.name endswith .so", "openat", FILE_READ, "/lib/x.so.1", true},
	    {"fd.name endswith aab", "openat", FILE_READ, "/aaaab", false},
	    {"fd.name contains /.ssh/", "openat", FILE_READ, "/root/.ssh/id", false},
	    {"fd.name contains /.ssh/", "openat", FILE_READ, "/root/.ssh", true},
	    {"fd.name pmatch (/usr/bin, /etc)", "openat", FILE_READ, "/usr/bin/ls", false},
	    {"fd.name pmatch (/usr/bin, /etc)", "openat", FILE_READ, "/etc", false},
	    {"fd.name pmatch (/usr/bin, /etc)", "openat", FILE_READ, "/etcetera", true},
	    {"fd.name pmatch (/usr/*/x)", "openat", FILE_READ, "/usr/a/x/y", false},
	    {"fd.name pmatch (/usr/*/x)", "openat", FILE_READ, "/usr/a/b/x", true},
	    {"fd.name glob /usr/*/x", "openat", FILE_READ, "/usr/a/b/x", false},
	    {"fd.name glob /usr/*/x", "openat", FILE_READ, "/usr/a/y", true},
	    {"fd.name glob \"*\"", "openat", FILE_READ, "/usr/a/y", false},
	    {"fd.name glob \"*/???\"", "openat", FILE_READ, "/usr/abc", false},
	    {"fd.name glob \"*/???\"", "openat", FILE_READ, "/usr/abcd", true},
	    {"fd.name regex \"/usr/.*\"", "openat", FILE_READ, "/usr/x", false},
	    {"fd.directory = /a", "openat", FILE_READ, "/a/b", false},
	    {"fd.directory = /a", "openat", FILE_READ, "/a/b/c", true},
	    {"fd.directory = /", "openat", FILE_READ, "/a", false},
	    {"fd.directory = /", "openat", FILE_READ, "/a/b", true},
	    {"fd.directory = /a", "openat", DIRECTORY_READ, "/a", false},
	    {"fd.directory = /a", "openat", DIRECTORY_READ, "/a/b", true},
	    {"fd.directory startswith /a/b", "openat", FILE_READ, "/a/bc/d", false},
	    {"fd.directory startswith /a/b", "openat", FILE_READ, "/a/bc", true},
	    {"fd.directory endswith /b", "openat", FILE_READ, "/a/b/x", false},
	    {"fd.directory endswith /b", "openat", FILE_READ, "/a/b", true},
	    {"fd.directory glob /*", "openat", FILE_READ, "/a", false},
	    {"fd.filename = mem", "openat", FILE_READ, "/proc/1/mem", false},
	    {"fd.filename = mem", "openat", FILE_READ, "/proc/mem/1", true},
	    {"fd.filename startswith id_", "openat", FILE_READ, "/x/id_rsa", false},
	    {"fd.filename startswith id_", "openat", FILE_READ, "/id_/x", true},
	    {"fd.filename contains a/b", "openat", FILE_READ, "/a/b", false},
	    /* Names that are not normal say nothing. */
	    {"fd.name = /a/b", "openat", FILE_READ, "/c/../a/b", false},
	    {"fd.name = /a/b", "openat", FILE_READ, "/c/..", false},
	    {"fd.name = /a/b", "openat", FILE_READ, "/c/./d", false},
	    {"fd.name = /a/b", "openat", FILE_READ, "/c//d", false},
	    {"fd.name = /a/b", "openat", FILE_READ, "/c/", false},
	    {"fd.name = /a/b", "openat", FILE_READ, "c", false},
	    {"fd.name = /a/b", "openat", FILE_READ, "", false},
	    {"fd.name = /a/b", "openat", FILE_READ, "/c/..d", true},
	    {"fd.name = /a/b", "openat", FILE_READ, "/c/...", true},
	    /* Facts. */
	    {"evt.is_open_write = true", "openat", FILE_READ, "/a", true},
	    {"evt.is_open_write = true", "openat", FILE_WRITTEN, "/a", false},
	    {"evt.is_open_read = true", "openat", FILE_WRITTEN, "/a", true},
	    {"evt.is_open_read = true", "openat", DISCARD_FAILED, "/a", false},
	    {"evt.is_open_create = true", "openat", FILE_WRITTEN, "/a", true},
	    {"evt.is_open_create = true", "openat", FILE_WRITTEN | DISCARD_OPEN_CREATED, "/a",
	     false},
	    {"evt.is_open_exec = true", "openat", FILE_WRITTEN | DISCARD_OPEN_MAY_CREATE, "/a",
	     false},
	    {"evt.is_open_exec = true", "openat", FILE_WRITTEN, "/a", true},
	    {"evt.is_open_exec = true", "creat", FILE_WRITTEN | DISCARD_OPEN_MAY_CREATE, "/a",
	     false},
	    {"fd.typechar = f", "openat", DIRECTORY_READ, "/a", true},
	    {"fd.typechar = f", "openat", OTHER_READ, "/a", false},
	    {"fd.num >= 0", "openat", DISCARD_FAILED, "/a", true},
	    {"fd.num > 7", "openat", FILE_READ, "/a", false},
	    {"fd.num in (0, 1, 2)", "openat", FILE_READ, "/a", true},
	    {"evt.res = ENOENT", "openat", DISCARD_FAILED, "/a", false},
	    {"evt.res = EINPROGRESS", "openat", DISCARD_FAILED, "/a", true},
	    {"evt.res = SUCCESS", "openat", FILE_READ, "/a", false},
	    {"evt.rawres < -1", "openat", DISCARD_FAILED, "/a", false},
	    {"evt.rawres in (0, 1, 2)", "dup", DISCARD_HIGH, "", true},
	    {"evt.rawres in (0, 1, 2)", "dup2", DISCARD_LOW, "", false},
	    {"evt.rawres = 1", "dup3", DISCARD_LOW, "", false},
	    {"fd.type in (ipv4, ipv6)", "dup2", DISCARD_LOW, "", false},
	    {"fd.type in (ipv4, ipv6)", "dup2", FILE_COPIED, "", true},
	    {"not fd.type in (ipv4, ipv6)", "dup2", FILE_COPIED, "", false},
	    {"fd.type != unix", "dup2", FILE_COPIED, "", false},
	    {"fd.type = file", "dup", FILE_COPIED, "", false},
	    {"fd.type = directory", "dup", FILE_COPIED, "", false},
	    {"fd.type = pipe", "dup", FILE_COPIED, "", false},
	    {"fd.type startswith ip", "dup3", FILE_COPIED, "", true},
	    {"fd.type exists", "dup3", FILE_COPIED, "", false},
	    {"not fd.type exists", "dup3", FILE_COPIED, "", false},
	    {"fd.num = 1", "dup2", FILE_COPIED, "", false},
	    {"fd.typechar = 4", "dup2", FILE_COPIED, "", false},
	    {"fd.sport = 80", "dup2", FILE_COPIED, "", false},
	    {"fd.name = /a", "dup2", FILE_COPIED, "", false},
	    /* Commands. */
	    {"evt.arg.cmd in (F_DUPFD, F_DUPFD_CLOEXEC)", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd in (F_DUPFD, F_DUPFD_CLOEXEC)", "fcntl", DUPLICATED, "", false},
	    {"evt.arg.cmd in (F_DUPFD, F_DUPFD_CLOEXEC)", "fcntl", DISCARD_HIGH, "", true},
	    {"not evt.arg.cmd in (F_DUPFD, F_DUPFD_CLOEXEC)", "fcntl", DUPLICATED, "", true},
	    {"not evt.arg.cmd in (F_DUPFD, F_DUPFD_CLOEXEC)", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd = F_DUPFD", "fcntl", DUPLICATED, "", false},
	    {"evt.arg.cmd != F_DUPFD", "fcntl", DUPLICATED, "", false},
	    {"evt.arg.cmd = F_DUPFD", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd != F_DUPFD", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd = F_GETFL", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd = F_GETFL", "fcntl", DUPLICATED, "", true},
	    {"evt.arg.cmd != F_GETFL", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd in (F_DUPFD, F_GETFD)", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd in (F_DUPFD, F_SETFL)", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd in (F_DUPFD, F_SETFL)", "fcntl", FLAGS_SET, "", false},
	    {"evt.arg.cmd = F_DUPFD_QUERY", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd = UNKNOWN", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd contains DUPFD", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd contains DUPFD", "fcntl", DUPLICATED, "", false},
	    {"not evt.arg.cmd contains DUPFD", "fcntl", DUPLICATED, "", true},
	    {"evt.arg.cmd icontains dupfd", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd startswith F_DUP", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd endswith FD", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd contains F_", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd = F_SETFL", "fcntl", FLAGS_SET, "", false},
	    {"evt.arg.cmd = F_SETFL", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd = F_SETFL", "fcntl", DUPLICATED, "", true},
	    {"evt.arg.cmd = F_DUPFD", "fcntl", FLAGS_SET, "", true},
	    {"not evt.arg.cmd = F_SETFL", "fcntl", FLAGS_SET, "", true},
	    {"evt.arg.cmd = F_SETFL", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.name pmatch (/var/log, /a)", "fcntl", FLAGS_SET, "", false},
	    {"fd.name pmatch (/var/log, /a)", "fcntl", FLAGS_SET_OF_IP, "", true},
	    {"not fd.name pmatch (/var/log)", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.name in (/a, /b)", "fcntl", FLAGS_SET_OF_IP, "", true},
	    {"fd.name = /a", "fcntl", FLAGS_SET_OF_IP, "", true},
	    {"fd.name != /a", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.name startswith /a", "fcntl", FLAGS_SET_OF_IP, "", true},
	    {"fd.name startswith 1", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"not fd.name startswith 1", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.name in (/a, \"127.0.0.1:1\")", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.name contains /a", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.name exists", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.type in (ipv4, ipv6)", "fcntl", FLAGS_SET, "", false},
	    {"fd.type in (ipv4, ipv6)", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.type = ipv6", "fcntl", FLAGS_SET_OF_IP, "", false},
	    {"fd.type in (file, unix)", "fcntl", FLAGS_SET_OF_IP, "", true},
	    {"fd.type in (file, unix)", "fcntl", DUPLICATED | DISCARD_OF_IP, "", true},
	    /* Not every number without a name can be tried. */
	    {"evt.arg.cmd = 40", "fcntl", DISCARD_LOW, "", false},
	    {"not evt.arg.cmd = 40", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd contains \"4\"", "fcntl", DISCARD_LOW, "", false},
	    {"not evt.arg.cmd contains \"4\"", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd in (F_DUPFD, 40)", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd contains \"\"", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd glob F_?UP*", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.cmd regex F_.UP.*", "fcntl", DISCARD_LOW, "", false},
	    {"tolower(evt.arg.cmd) = f_dupfd", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg[2] = F_DUPFD", "fcntl", DISCARD_LOW, "", false},
	    {"evt.args contains F_DUPFD", "fcntl", DISCARD_LOW, "", false},
	    {"evt.rawarg.cmd = 1", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.fd = F_DUPFD", "fcntl", DISCARD_LOW, "", false},
	    {"not evt.arg.cmd exists", "fcntl", DISCARD_LOW, "", true},
	    {"evt.arg.cmd exists", "fcntl", DISCARD_LOW, "", false},
	    {"evt.arg.domain contains AF_PACKET", "socket", DISCARD_HIGH, "", true},
	    {"evt.arg.domain contains AF_PACKET", "socket", DISCARD_HIGH | MARKED, "", false},
	    {"evt.arg.domain contains AF_LOCAL", "socket", DISCARD_HIGH, "", false},
	    {"evt.arg.type = 3", "socket", DISCARD_HIGH, "", false},
	    {"evt.arg.cmd = BPF_PROG_LOAD", "bpf", DISCARD_HIGH, "", true},
	    {"evt.arg.cmd = BPF_PROG_LOAD", "bpf", DISCARD_HIGH | MARKED, "", false},
	    {"evt.arg.cmd != BPF_PROG_LOAD", "bpf", DISCARD_HIGH | MARKED, "", true},
	    {"fd.net != 127.0.0.0/8", "connect", TCP_LOOPBACK, "", true},
	    {"fd.net = 127.0.0.0/8", "connect", TCP_LOOPBACK, "", false},
	    {"fd.ip = 127.0.0.1", "connect", TCP_LOOPBACK, "", false},
	    {"fd.ip = 10.0.0.1", "connect", TCP_LOOPBACK, "", true},
	    {"fd.snet in (10.0.0.0/8, 192.168.0.0/16)", "connect", TCP_LOOPBACK, "", true},
	    {"not fd.snet in (10.0.0.0/8)", "connect", TCP_LOOPBACK, "", false},
	    {"fd.net = 127.1.0.0/16", "connect", TCP_LOOPBACK, "", false},
	    {"fd.l4proto = udp", "connect", TCP_LOOPBACK, "", true},
	    {"fd.sport = 80", "connect", TCP_LOOPBACK, "", false},
	    {"fd.typechar = 6", "connect", TCP_LOOPBACK, "", true},
	    {"fd.num in (0, 1, 2)", "connect", TCP_LOOPBACK, "", true},
	    {"fd.num in (0, 1, 2)", "connect", TCP_LOOPBACK | DISCARD_SOCKET_LOW, "", false},
	    /* Who did it is not known yet. */
	    {"proc.name = cat", "openat", FILE_READ, "/a", false},
	    {"not proc.name = cat", "openat", FILE_READ, "/a", false},
	    {"proc.name = cat and fd.name = /b", "openat", FILE_READ, "/a", true},
	    {"evt.arg.flags contains O_TRUNC", "openat", FILE_READ, "/a", false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct rule_set set = set_new(1);
		struct str name = str_from(cases[i].name);

		snprintf(text, sizeof(text), "evt.type = %s and %s", cases[i].call,
			 cases[i].condition);
		if (!set_add_rule(&set, str_from(text)))
			fail_msg("not valid: %s", text);
		struct plan *plan =
		    plan_compile(&set, &(struct plan_options){.want_discards = true}, NULL);
		const struct discard_table *t = plan_discards(plan);
		bool is_discarded = t && discard_decides(t, nr_of(cases[i].call), cases[i].number,
							 ~UINT64_C(0), name, name);

		if (is_discarded != cases[i].is_discarded)
			fail_msg("%s, facts %#x, \"%s\": %s", text, cases[i].number, cases[i].name,
				 is_discarded ? "discarded" : "kept");
		plan_free(plan);
		set_free(&set);
	}
}

/* What only one of the two names says keeps the event. */
static void both_names_count(void **state)
{
	static const char condition[] = "evt.type = openat and fd.name startswith /etc/";
	struct rule_set set = set_new(1);
	uint16_t nr = nr_of("openat");
	(void)state;

	assert_non_null(set_add_rule(&set, str_from(condition)));
	struct plan *plan = plan_compile(&set, &(struct plan_options){.want_discards = true}, NULL);
	const struct discard_table *t = plan_discards(plan);

	assert_non_null(t);
	assert_true(discard_decides(t, nr, FILE_READ, ~UINT64_C(0), STR("/tmp/a"), STR("/tmp/b")));
	assert_false(discard_decides(t, nr, FILE_READ, ~UINT64_C(0), STR("/etc/a"), STR("/tmp/b")));
	assert_false(discard_decides(t, nr, FILE_READ, ~UINT64_C(0), STR("/tmp/a"), STR("/etc/b")));
	plan_free(plan);
	set_free(&set);
}

/* What people are told of it. */
static void what_becomes_of_calls_is_told(void **state)
{
	static const struct {
		const char *condition, *call, *text;
	} cases[] = {
	    {"evt.is_open_write = true and evt.failed = false and fd.name = /a", "openat",
	     "discarded: failed, a file to read; discarded by name: a file to write; "
	     "discarded: a directory, anything else"},
	    {"evt.failed = true and proc.name = cat", "openat",
	     "discarded by process: failed; discarded: a file to read, a file to write, "
	     "a directory, anything else"},
	    {"fd.net != 127.0.0.0/8 and fd.typechar = 4", "connect",
	     "kept: failed; discarded: TCP over loopback, UDP over loopback, a unix socket; "
	     "kept: anything else"},
	    {"evt.rawres = 0 and fd.type in (ipv4, ipv6)", "dup2",
	     "discarded: failed; kept: sockets as 0, 1 or 2; discarded: sockets as 3 or more, "
	     "anything else as 0, 1 or 2, anything else as 3 or more"},
	    {"evt.rawres in (0, 1, 2) and evt.arg.cmd in (F_DUPFD, F_DUPFD_CLOEXEC)", "fcntl",
	     "discarded: F_DUPFD or F_DUPFD_CLOEXEC that failed; "
	     "kept: F_DUPFD or F_DUPFD_CLOEXEC with 0, 1 or 2; "
	     "discarded: F_DUPFD or F_DUPFD_CLOEXEC with 3 or more, F_SETFL that failed, "
	     "F_SETFL with 0, 1 or 2, F_SETFL with 0, 1 or 2 of an IP socket, "
	     "anything else that failed, anything else with 0, 1 or 2, anything else with 3 or "
	     "more"},
	    {"evt.failed = false and evt.arg.domain = AF_PACKET", "socket",
	     "discarded: AF_PACKET that failed; "
	     "kept: AF_PACKET with 0, 1 or 2, AF_PACKET with 3 or more; "
	     "discarded: anything else that failed, anything else with 0, 1 or 2, "
	     "anything else with 3 or more"},
	    {"evt.failed = true", "unlink", ""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule_set set = set_new(1);
		char condition[256], text[1024] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");

		snprintf(condition, sizeof(condition), "evt.type = %s and %s", cases[i].call,
			 cases[i].condition);
		assert_non_null(set_add_rule(&set, str_from(condition)));
		struct plan *plan =
		    plan_compile(&set, &(struct plan_options){.want_discards = true}, NULL);

		discard_describe(plan_discards(plan),
				 (uint16_t)event_kind_by_name(str_from(cases[i].call)), out);
		fclose(out);
		assert_string_equal(text, cases[i].text);
		plan_free(plan);
		set_free(&set);
	}
}

/* More names than the tables have room for: then fewer are asked, and nothing is wrong. */
static void too_many_names_are_kept(void **state)
{
	enum { NAMES = 6000 };
	char *text = malloc(NAMES * 40);
	struct rule_set set = set_new(1);
	size_t n = (size_t)sprintf(text, "evt.type = openat and fd.name in (/a");
	(void)state;

	for (int i = 0; i < NAMES; i++)
		n += (size_t)sprintf(text + n, ", /dir%d/%x/file%d", i, i * 7919, i * 31);
	sprintf(text + n, ")");
	assert_non_null(set_add_rule(&set, str_from(text)));
	struct plan *plan = plan_compile(&set, &(struct plan_options){.want_discards = true}, NULL);
	const struct discard_table *t = plan_discards(plan);

	assert_true(!t || !discard_decides(t, nr_of("openat"), FILE_READ, ~UINT64_C(0), STR("/a"),
					   STR("/a")));
	plan_free(plan);
	set_free(&set);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(facts_and_names_decide),
	    cmocka_unit_test(both_names_count),
	    cmocka_unit_test(what_becomes_of_calls_is_told),
	    cmocka_unit_test(too_many_names_are_kept),
	    cmocka_unit_test(no_rule_wants_what_is_discarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
