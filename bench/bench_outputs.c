/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What alerts cost, and what a slow output does to another.
 *
 *   bench_outputs [ROUNDS]
 *
 * First alerts are formatted as JSON and appended to a file, all threads on one processor: alerts
 * per second of processor time, of which formatting and handing over are the main thread's and the
 * rest the worker's. Then single alerts go to a named pipe, a millisecond apart, and are read from
 * there: how long each took from being handed over to being read, without and with a web server
 * beside it that takes connections and never answers, in turns.
 */
#include "engine/plan.h"
#include "engine_events.h"
#include "output/alert.h"
#include "output/outputs.h"
#include "rules/ruleset.h"
#include "state/state.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 1000, REPEATS = 100, DELAYS = 1000, ROUNDS_DEFAULT = 5, ROUNDS_MOST = 100 };

/* Every event, shown as one of the project's own rules shows an open. */
static const char rules[] =
    "- rule: Sensitive file read\n"
    "  desc: of a benchmark\n"
    "  condition: evt.num >= 0\n"
    "  output: Sensitive file read | path=%fd.name source=%fs.path.source "
    "target=%fs.path.target event=%evt.type user=%user.name loginuid=%user.loginuid "
    "process=%proc.name file=%proc.exepath command=%proc.cmdline pid=%proc.pid "
    "parent=%proc.pname grandparent=%proc.aname[2] tty=%proc.tty container=%container.id\n"
    "  priority: WARNING\n"
    "  tags: [host, container, filesystem, mitre_credential_access, T1003.008, T1552.004]\n";

static const struct alert_options alert_options = {.is_json = true,
						   .include_output = true,
						   .include_output_fields = true,
						   .include_tags = true,
						   .hostname = "benchmark"};

static char directory[] = "/tmp/saker-bench-XXXXXX";
static char file_path[64], pipe_path[64];

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_outputs: %s\n", what);
	exit(1);
}

static struct outputs *open_outputs(const struct outputs_options *options)
{
	struct error err = {0};
	struct outputs *o = outputs_new(options, &err);

	if (!o)
		fail(err.message);
	return o;
}

struct made_alerts {
	struct rule_set *set;
	struct plan *plan;
	struct state *state;
	struct evaluator *evaluator;
	struct stream stream;
};

static struct made_alerts make_alerts(void)
{
	struct rules_text text = {"rules", {rules, sizeof(rules) - 1}};
	struct rules_options rules_options = {.least_priority = SEVERITY_DEBUG,
					      .sources = SOURCES_ALL};
	struct plan_options plan_options = {.all_matches = false};
	struct state_options state_options = {.host_root = "/nonexistent", .max_threads = 4096};
	struct made_alerts m = {.set = rules_load_texts(&text, 1, &rules_options)};
	struct error err = {0};

	m.plan = plan_compile(m.set, &plan_options, &err);
	if (m.set->error_count || !m.plan)
		fail("the rule is wrong");
	m.state = state_new(&state_options, &err);
	m.evaluator = evaluator_new(m.plan, m.state, "benchmark");
	m.stream = stream_new(EVENTS, 1);
	if (!m.state || !m.evaluator)
		fail("no memory");
	return m;
}

static void free_alerts(struct made_alerts *m)
{
	stream_free(&m->stream);
	evaluator_free(m->evaluator);
	state_free(m->state);
	plan_free(m->plan);
	rules_free(m->set);
}

/* Processor time by what it is for, of all alerts, and their size. */
struct cost {
	double main, all;
	size_t bytes, alerts;
};

/* Formats and hands over; where the queue is half full it lets the worker go first. */
static void send_repeatedly(struct made_alerts *m, struct outputs *o, struct cost *cost)
{
	static char memory[ALERT_LINE_MAX];
	const struct rule *rule = &m->set->rules[0];

	for (int i = 0; i < REPEATS; i++) {
		struct buffer line = BUFFER(memory);
		struct alert alert = {.priority = rule->priority,
				      .rule = rule->name,
				      .source = STR("syscall"),
				      .tags = rule->tags,
				      .tag_count = rule->tag_count};

		alert_format(&alert_options, rule, evaluator_context(m->evaluator), &line);
		cost->bytes += line.n;
		cost->alerts++;
		if (!o)
			continue;
		alert.line = buffer_str(&line);
		outputs_send(o, &alert);
	}
	for (struct channel_counters c; o && outputs_counters(o, &c, 1) && c.queued > 4096;)
		usleep(100);
}

static struct cost measure_file(struct made_alerts *m, bool keep_alive, bool is_sent)
{
	struct outputs_options options = {
	    .file = {.is_enabled = true, .path = file_path, .keep_alive = keep_alive}};
	struct outputs *o = is_sent ? open_outputs(&options) : NULL;
	double main_start = seconds(CLOCK_THREAD_CPUTIME_ID),
	       all_start = seconds(CLOCK_PROCESS_CPUTIME_ID);
	struct cost cost = {0};

	for (size_t i = 0; i < m->stream.count; i++) {
		struct match match;
		struct event e;

		if (event_decode(&e, m->stream.memory + m->stream.offsets[i], m->stream.sizes[i],
				 NULL) < 0)
			fail("an event is wrong");
		e.time = UINT64_C(1795552045022996337) + e.header->ts;
		state_bind(m->state, &e);
		if (evaluator_judge(m->evaluator, &e, &match, 1) != 1)
			fail("no match");
		send_repeatedly(m, o, &cost);
	}
	cost.main = seconds(CLOCK_THREAD_CPUTIME_ID) - main_start;
	if (o) {
		struct channel_counters counters;

		outputs_drain(o, 60000);
		outputs_counters(o, &counters, 1);
		if (counters.sent != cost.alerts)
			fail("alerts were lost");
		outputs_free(o);
	}
	cost.all = seconds(CLOCK_PROCESS_CPUTIME_ID) - all_start;
	unlink(file_path);
	return cost;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Values of all rounds, or of all alerts of one. */
struct spread {
	double least, median, tail, most;
};

static struct spread spread_of(double *values, int count)
{
	size_t last = (size_t)count - 1;

	qsort(values, (size_t)count, sizeof(*values), compare);
	return (struct spread){values[0], values[last / 2], values[last * 99 / 100], values[last]};
}

static void show_costs(int rounds)
{
	static const struct {
		const char *name;
		bool keep_alive, is_sent;
	} kinds[] = {{"formatted alone", true, false},
		     {"to a file that stays open", true, true},
		     {"to a file opened for each batch", false, true}};
	enum { KINDS = sizeof(kinds) / sizeof(*kinds) };
	double rates[KINDS][ROUNDS_MOST], main_ns[KINDS][ROUNDS_MOST];
	struct made_alerts m = make_alerts();
	struct cost cost = {0};

	for (int round = 0; round < rounds; round++) {
		for (int k = 0; k < KINDS; k++) {
			cost = measure_file(&m, kinds[k].keep_alive, kinds[k].is_sent);
			rates[k][round] = (double)cost.alerts / cost.all;
			main_ns[k][round] = cost.main / (double)cost.alerts * 1e9;
		}
	}
	printf("  JSON alerts of %zu bytes; per second of processor time, all threads on one "
	       "processor\n",
	       cost.bytes / cost.alerts);
	for (int k = 0; k < KINDS; k++) {
		struct spread rate = spread_of(rates[k], rounds);

		printf("  %-32s %8.0f (%.0f to %.0f), %.0f ns of the main thread\n", kinds[k].name,
		       rate.median, rate.least, rate.most, spread_of(main_ns[k], rounds).median);
	}
	printf("  (aim: 100000 to a file, %s)\n",
	       spread_of(rates[1], rounds).median >= 100000 ? "met" : "MISSED");
	free_alerts(&m);
}

struct reader {
	int fd;
	double delays[DELAYS];
};

/* Each line is the time at which it was handed over. */
static void *read_delays(void *argument)
{
	struct reader *r = argument;
	char line[64];

	for (size_t i = 0; i < DELAYS; i++) {
		size_t n = 0;

		do {
			if (read(r->fd, line + n, 1) != 1)
				fail("the pipe has ended");
		} while (line[n++] != '\n' && n < sizeof(line) - 1);
		r->delays[i] = seconds(CLOCK_MONOTONIC) - strtod(line, NULL);
	}
	return NULL;
}

static void measure_delays(const char *url, struct reader *reader)
{
	struct outputs_options options = {
	    .file = {.is_enabled = true, .path = pipe_path, .keep_alive = true},
	    .http = {.is_enabled = url, .url = url, .max_consecutive_timeouts = 5}};
	struct outputs *o;
	pthread_t thread;
	char text[64];

	reader->fd = open(pipe_path, O_RDWR | O_CLOEXEC);
	pthread_create(&thread, NULL, read_delays, reader);
	o = open_outputs(&options);
	for (size_t i = 0; i < DELAYS; i++) {
		struct alert alert = {.priority = SEVERITY_WARNING};

		usleep(1000);
		alert.line = (struct str){
		    text, (size_t)snprintf(text, sizeof(text), "%.9f", seconds(CLOCK_MONOTONIC))};
		outputs_send(o, &alert);
	}
	pthread_join(thread, NULL);
	outputs_free(o);
	close(reader->fd);
}

/* Connections are taken by the kernel; nobody reads them. */
static int stalled_server(char *url, size_t room)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		fail("no server can be made");
	snprintf(url, room, "http://127.0.0.1:%d/", ntohs(address.sin_port));
	return fd;
}

static void show_delays(int rounds)
{
	static struct reader reader;
	double medians[2][ROUNDS_MOST], tails[2][ROUNDS_MOST];
	char url[64];
	int server = stalled_server(url, sizeof(url));

	if (mkfifo(pipe_path, 0600) < 0)
		fail("no pipe can be made");
	for (int round = 0; round < rounds; round++) {
		for (int k = 0; k < 2; k++) {
			struct spread delay;

			measure_delays(k ? url : NULL, &reader);
			delay = spread_of(reader.delays, DELAYS);

			medians[k][round] = delay.median * 1e6;
			tails[k][round] = delay.tail * 1e6;
		}
	}
	unlink(pipe_path);
	close(server);
	printf("  from handed over to read, %d alerts a millisecond apart: median and 99th "
	       "percentile\n",
	       DELAYS);
	for (int k = 0; k < 2; k++) {
		struct spread median = spread_of(medians[k], rounds),
			      tail = spread_of(tails[k], rounds);

		printf("  %-32s %6.0f µs (%.0f to %.0f), %6.0f µs (%.0f to %.0f)\n",
		       k ? "beside a server that stalls" : "alone", median.median, median.least,
		       median.most, tail.median, tail.least, tail.most);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS_DEFAULT;
	cpu_set_t before, one;

	if (rounds < 1 || rounds > ROUNDS_MOST || !mkdtemp(directory))
		fail("usage: bench_outputs [ROUNDS]");
	snprintf(file_path, sizeof(file_path), "%s/file", directory);
	snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", directory);
	signal(SIGPIPE, SIG_IGN);
	setenv("TZ", "UTC", 1);
	tzset();

	sched_getaffinity(0, sizeof(before), &before);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	show_costs(rounds);
	sched_setaffinity(0, sizeof(before), &before);
	show_delays(rounds);
	rmdir(directory);
	return 0;
}
