/* SPDX-License-Identifier: Apache-2.0 */
/* Audit events from files and bodies: which are taken, when they were, and what rules say of them.
 */
#include "../unit.h"
#include "engine/plan.h"
#include "source/audit_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* What came out, as texts. */
struct taken {
	char ids[4096];
	size_t n, count;
	uint64_t time;
};

static void take(void *context, struct event *e)
{
	struct taken *t = context;
	const struct tape_node *id = tape_get(e->tape, e->tape->nodes, STR("auditID"));
	struct str text = id ? tape_raw(e->tape, id) : STR("-");

	t->n += (size_t)snprintf(t->ids + t->n, sizeof(t->ids) - t->n, "%s%.*s", t->n ? " " : "",
				 STR_ARG(text));
	t->count++;
	t->time = e->time;
}

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_audit.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int drop_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *write_file(const char *name, const char *text, const char *mode)
{
	static char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, mode);
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static struct source *open_with(const char *params, const char *config)
{
	struct audit_options o;
	struct error err = {0};
	struct source *s;

	if (audit_options_read(&o, params, config, &err) < 0)
		fail_msg("%s: %s", params, err.message);
	s = source_audit_new(&o, &err);
	if (!s)
		fail_msg("%s: %s", params, err.message);
	return s;
}

/* To the end of the source. */
static void read_all(struct source *s, struct taken *t)
{
	int status;

	*t = (struct taken){0};
	do
		status = source_poll(s, 0, take, t);
	while (status >= 0);
	check_i64(status, -ENODATA, "end");
}

#define EVENT(id) "{\"kind\":\"Event\",\"auditID\":\"" id "\"}"

static void bodies_are_events_lists_and_arrays(void **state)
{
	static const struct {
		const char *text;
		int status, count, bad;
	} cases[] = {
	    {EVENT("a"), 0, 1, 0},
	    {" " EVENT("a") "\n", 0, 1, 0},
	    {"[" EVENT("a") "," EVENT("b") "]", 0, 2, 0},
	    {"{\"kind\":\"EventList\",\"items\":[{\"auditID\":\"a\"},{\"auditID\":\"b\"}]}", 0, 2,
	     0},
	    {"{\"items\":[{\"auditID\":\"a\"}],\"apiVersion\":\"audit.k8s.io/v1\",\"kind\":"
	     "\"EventList\"}",
	     0, 1, 0},
	    {"{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1beta1\",\"items\":[]}", 0, 0,
	     0},
	    {"{\"kind\":\"EventList\",\"items\":null}", 0, 0, 0},
	    {"{\"kind\":\"EventList\"}", 0, 0, 0},
	    {"[]", 0, 0, 0},
	    {"[{\"kind\":\"EventList\",\"items\":[{\"auditID\":\"a\"}]}," EVENT("b") "]", 0, 2, 0},
	    {"{\"kind\":\"EventList\",\"items\":[1,{\"auditID\":\"a\"},[],null,{}]}", 0, 1, 4},
	    {"[" EVENT("a") ",{\"kind\":\"Pod\"}]", 0, 1, 1},
	    {"{\"k\\u0069nd\":\"\\u0045vent\",\"auditID\":\"a\"}", 0, 1, 0},
	    {"{\"kind\":\"Pod\",\"items\":[" EVENT("a") "]}", -EPROTO, 0, 0},
	    {"{\"kind\":\"EventList\",\"apiVersion\":\"v1\",\"items\":[" EVENT("a") "]}", -EPROTO,
	     0, 0},
	    {"{\"kind\":\"EventList\",\"items\":[1]}", -EPROTO, 0, 0},
	    {"{\"kind\":7}", -EPROTO, 0, 0},
	    {"{}", -EPROTO, 0, 0},
	    {"\"Event\"", -EPROTO, 0, 0},
	    {"true", -EPROTO, 0, 0},
	    {"[[" EVENT("a") "]]", -EPROTO, 0, 0},
	    {"", -ENODATA, 0, 0},
	    {"{\"kind\":\"EventList\",\"items\":[", -ENODATA, 0, 0},
	    {"{\"kind\":\"EventList\",\"items\":[{},", -ENODATA, 0, 0},
	    {"{\"kind\":\"Event\"", -ENODATA, 0, 0},
	    {"{\"kind\"", -ENODATA, 0, 0},
	    {"{\"kind\" \"Event\"}", -EBADMSG, 0, 0},
	    {"{\"kind\":\"Event\",}", -EBADMSG, 0, 0},
	    {"[" EVENT("a") ",]", -EBADMSG, 0, 0},
	    {"[" EVENT("a") EVENT("b") "]", -EBADMSG, 0, 0},
	    {"kind: Event", -EBADMSG, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct audit_batch b = {0};
		struct error err = {0};
		size_t end = 0;
		int status = audit_batch_read(&b, str_from(cases[i].text), 0, &end, &err);

		check_i64(status, cases[i].status, cases[i].text);
		if (status == 0) {
			check_i64(b.items.count, cases[i].count, cases[i].text);
			check_i64(b.bad, cases[i].bad, cases[i].text);
		}
		VEC_FREE(&b.items);
	}
}

static void times_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns; /* 0: refused */
	} cases[] = {
	    {"2018-10-26T14:21:53.889736Z", 1540563713889736000},
	    {"2018-10-26T14:21:53Z", 1540563713000000000},
	    {"2018-10-26T16:21:53.1+02:00", 1540563713100000000},
	    {"2018-10-26T13:51:53.123456789-00:30", 1540563713123456789},
	    {"2018-10-26t14:21:53.1234567899z", 1540563713123456789},
	    {"2261-12-31T23:59:59.999999999Z", 9214646399999999999u},
	    {"2262-12-31T23:59:59Z", 0},
	    {"1969-12-31T23:59:59Z", 0},
	    {"1970-01-01T00:30:00+01:00", 0},
	    {"2018-13-26T14:21:53Z", 0},
	    {"2018-10-26 14:21:53Z", 0},
	    {"2018-10-26T14:21:53", 0},
	    {"2018-10-26T14:21:53.Z", 0},
	    {"2018-10-26T14:21:53Zx", 0},
	    {"2018-10-26T14:21:5", 0},
	    {"", 0},
	    {"now", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t ns = 0;

		check_i64(audit_time_read(str_from(cases[i].text), &ns), cases[i].ns != 0,
			  cases[i].text);
		check_i64(ns, cases[i].ns, cases[i].text);
	}
}

static void events_have_the_time_of_their_stage(void **state)
{
	static const struct {
		const char *text;
		uint64_t time;
	} cases[] = {
	    {"{\"kind\":\"Event\",\"requestReceivedTimestamp\":\"2018-10-26T14:21:52Z\","
	     "\"stageTimestamp\":\"2018-10-26T14:21:53Z\"}",
	     1540563713000000000},
	    {"{\"kind\":\"Event\",\"requestReceivedTimestamp\":\"2018-10-26T14:21:52Z\"}",
	     1540563712000000000},
	    {"{\"kind\":\"Event\",\"timestamp\":\"2018-10-26T14:21:51Z\"}", 1540563711000000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct source *s = open_with(write_file("time", cases[i].text, "w"), "");
		struct taken t;

		read_all(s, &t);
		check_i64(t.count, 1, cases[i].text);
		check_i64(t.time, cases[i].time, cases[i].text);
		source_free(s);
	}
}

static void files_are_read_whatever_is_between(void **state)
{
	struct source *s = open_with(
	    write_file("mixed",
		       EVENT("1") "\n\n" EVENT("2")
			   EVENT("3") "\nnonsense " EVENT("no") "\n[" EVENT("4") ",\n" EVENT(
			       "5") "]\n{\"kind\":\n\"Event\",\"auditID\":\"6\"}\n"
				    "{\"kind\":\"Pod\"}\n{\"kind\":\"Event\",\n" EVENT(
					"7") "\n{\"kind\":\"Ev",
		       "w"),
	    "");
	struct audit_counters c;
	struct taken t;

	(void)state;
	read_all(s, &t);
	check_str(str_from(t.ids), "1 2 3 4 5 6 7", "ids");
	c = source_audit_counters(s);
	check_i64(c.events, 7, "events");
	check_i64(c.refused[AUDIT_NOT_JSON], 3, "not JSON");
	check_i64(c.refused[AUDIT_WRONG_KIND], 1, "wrong kind");
	check_i64(source_counters(s).damaged, 4, "damaged");
	source_free(s);
}

static void what_is_too_long_is_passed_over_and_counted(void **state)
{
	static char text[400000];
	struct audit_counters c;
	struct source *s;
	struct taken t;
	size_t n;

	(void)state;
	n = (size_t)sprintf(text, "%s\n{\"kind\":\"Event\",\"auditID\":\"big\",\"x\":\"",
			    EVENT("1"));
	memset(text + n, 'x', 2000);
	n += 2000;
	n += (size_t)sprintf(text + n, "\"}\n%s\n{\"kind\":\"Event\",\"x\":\"", EVENT("2"));
	memset(text + n, 'y', 300000);
	n += 300000;
	sprintf(text + n, "\"}\n%s\n", EVENT("3"));
	s = open_with(write_file("long", text, "w"),
		      "{\"maxEventSize\":1024,\"webhookMaxBatchSize\":262144}");
	read_all(s, &t);
	check_str(str_from(t.ids), "1 2 3", "ids");
	c = source_audit_counters(s);
	check_i64(c.refused[AUDIT_EVENT_TOO_BIG], 1, "events");
	check_i64(c.refused[AUDIT_BODY_TOO_BIG], 1, "lines");
	source_free(s);
}

static void files_of_a_directory_come_oldest_first(void **state)
{
	static const struct {
		const char *name;
		time_t age;
	} files[] = {{"c", 1}, {"a", 3}, {"b", 2}};
	char path[256];
	struct source *s;
	struct taken t;

	(void)state;
	snprintf(path, sizeof(path), "%s/dir", folder);
	assert_return_code(mkdir(path, 0700), errno);
	snprintf(path, sizeof(path), "%s/dir/sub", folder);
	assert_return_code(mkdir(path, 0700), errno);
	for (size_t i = 0; i < 3; i++) {
		char name[64], text[128];
		struct timespec times[2] = {{1700000000 - files[i].age, 0},
					    {1700000000 - files[i].age, 0}};

		snprintf(name, sizeof(name), "dir/%s", files[i].name);
		snprintf(text, sizeof(text), "{\"kind\":\"Event\",\"auditID\":\"%s\"}",
			 files[i].name);
		utimensat(AT_FDCWD, write_file(name, text, "w"), times, 0);
	}
	snprintf(path, sizeof(path), "%s/dir", folder);
	s = open_with(path, "");
	read_all(s, &t);
	check_str(str_from(t.ids), "a b c", "order");
	source_free(s);
}

static void a_file_is_followed_through_rotation_and_truncation(void **state)
{
	char params[300], old[300], path[256];
	struct taken t = {0};
	struct source *s;

	(void)state;
	snprintf(path, sizeof(path), "%s", write_file("log", EVENT("before") "\n", "w"));
	snprintf(params, sizeof(params), "file://%s", path);
	s = open_with(params, "");
	check_i64(source_poll(s, 0, take, &t), 0, "nothing new");
	write_file("log", EVENT("1") "\n{\"kind\":\"Event\",", "a");
	source_poll(s, 1000, take, &t);
	check_str(str_from(t.ids), "1", "what is added");
	write_file("log", "\"auditID\":\"2\"}\n", "a");
	source_poll(s, 1000, take, &t);
	check_str(str_from(t.ids), "1 2", "the rest of a line");
	write_file("log", EVENT("3") "\n", "a");
	snprintf(old, sizeof(old), "%s.1", path);
	assert_return_code(rename(path, old), errno);
	write_file("log", EVENT("4") "\n", "w");
	for (int i = 0; i < 50 && t.count < 4; i++)
		source_poll(s, 100, take, &t);
	check_str(str_from(t.ids), "1 2 3 4", "rotated");
	write_file("log", "\n" EVENT("5") "\n", "w");
	write_file("log", "", "w");
	write_file("log", EVENT("6"), "w");
	for (int i = 0; i < 50 && !strstr(t.ids, "6"); i++)
		source_poll(s, 100, take, &t);
	assert_non_null(strstr(t.ids, "6"));
	source_close(s);
	check_i64(source_poll(s, 0, take, &t), -ENODATA, "closed");
	source_free(s);
}

static void options_are_those_of_the_plugin(void **state)
{
	static const struct {
		const char *params, *config;
		const char *want; /* way path address port tls event batch certificate */
	} cases[] = {
	    {"http://:9765/k8s-audit", "",
	     "2 /k8s-audit  9765 0 262144 12582912 /etc/falco/falco.pem"},
	    {"", "", "2 /k8s-audit  9765 0 262144 12582912 /etc/falco/falco.pem"},
	    {"http://127.0.0.1:80", "{}",
	     "2 /k8s-audit 127.0.0.1 80 0 262144 12582912 /etc/falco/falco.pem"},
	    {"https://[::1]:9443/x?y=1",
	     "{\"sslCertificate\":\"/a/b.pem\",\"maxEventSize\":2048,\"webhookMaxBatchSize\":4096,"
	     "\"useAsync\":false,\"other\":[1]}",
	     "2 /x ::1 9443 1 2048 4096 /a/b.pem"},
	    {"https://host/", "", "2 /k8s-audit host 443 1 262144 12582912 /etc/falco/falco.pem"},
	    {"file:///var/log/audit.log", "null",
	     "1 /var/log/audit.log  0 0 262144 12582912 /etc/falco/falco.pem"},
	    {" /var/log/audit ", "{\"maxEventSize\":\"4096\"}",
	     "0 /var/log/audit  0 0 4096 12582912 /etc/falco/falco.pem"},
	    {"http://:70000/", "", NULL},
	    {"http://:x/", "", NULL},
	    {"http://[::1/", "", NULL},
	    {"ftp://x", "", NULL},
	    {"/x", "{", NULL},
	    {"/x", "[]", NULL},
	    {"/x", "{\"maxEventSize\":1}", NULL},
	    {"/x", "{\"maxEventSize\":-5}", NULL},
	    {"/x", "{\"webhookMaxBatchSize\":99999999999}", NULL},
	    {"/x", "{\"sslCertificate\":5}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct audit_options o;
		struct error err = {0};
		char got[9000];
		int status = audit_options_read(&o, cases[i].params, cases[i].config, &err);

		if (!cases[i].want) {
			check_i64(status, -EINVAL, cases[i].params);
			assert_true(err.message[0]);
			continue;
		}
		check_i64(status, 0, err.message);
		snprintf(got, sizeof(got), "%d %s %s %u %d %llu %llu %s", (int)o.way, o.path,
			 o.address, o.port, o.is_tls, (unsigned long long)o.max_event_size,
			 (unsigned long long)o.max_batch_size, o.certificate);
		check_str(str_from(got), cases[i].want, cases[i].params);
	}
}

static void what_cannot_be_read_is_said_at_the_start(void **state)
{
	static const struct {
		const char *params, *want;
	} cases[] = {
	    {"/nowhere/at/all", "/nowhere/at/all: No such file"},
	    {"file:///nowhere/log", "/nowhere: No such file"},
	    {"http://256.0.0.1:1", "cannot listen at 256.0.0.1"},
	    {"https://127.0.0.1:0/", "sslCertificate: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct audit_options o;
		struct error err = {0};

		check_i64(audit_options_read(&o, cases[i].params,
					     "{\"sslCertificate\":\"/nowhere/x.pem\"}", &err),
			  0, cases[i].params);
		assert_null(source_audit_new(&o, &err));
		if (!strstr(err.message, cases[i].want))
			fail_msg("%s: %s", cases[i].params, err.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bodies_are_events_lists_and_arrays),
	    cmocka_unit_test(times_are_read),
	    cmocka_unit_test(events_have_the_time_of_their_stage),
	    cmocka_unit_test(files_are_read_whatever_is_between),
	    cmocka_unit_test(what_is_too_long_is_passed_over_and_counted),
	    cmocka_unit_test(files_of_a_directory_come_oldest_first),
	    cmocka_unit_test(a_file_is_followed_through_rotation_and_truncation),
	    cmocka_unit_test(options_are_those_of_the_plugin),
	    cmocka_unit_test(what_cannot_be_read_is_said_at_the_start),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
