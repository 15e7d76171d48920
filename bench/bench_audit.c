/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kubernetes audit events cost, from a request's body to the verdict.
 *
 *   bench_audit RULES STREAM [EVENTS]
 *
 * Lists of events of 2 KB, as an API server posts them, are sent to the web hook over one
 * connection and judged by the rules of that file. Then the same bodies are only parsed. A line
 * each: name, events, processor seconds without those of the client, seconds, and for the web hook
 * resident memory in KB before and after. The events are left in STREAM, a line each, for others
 * to parse.
 */
#include "engine/plan.h"
#include "source/audit_internal.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENT_SIZE = 2048,
	IN_BATCH = 200, /* the API server's default is 400 */
	BATCHES = 50,   /* that differ */
	EVENTS_DEFAULT = 400000,
	WARM_UP = 20000,
	RETRY_US = 20000,
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_audit: %s\n", what);
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long resident_kb(void)
{
	long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Most requests are of the cluster itself; now and then one is what rules look for. */
static const struct {
	const char *verb, *resource, *user, *object;
} kinds[] = {
    {"get", "leases", "system:node:worker-1", "\"spec\":{\"holderIdentity\":\"worker-1\"}"},
    {"update", "leases", "system:kube-scheduler", "\"spec\":{\"leaseDurationSeconds\":15}"},
    {"patch", "nodes", "system:node:worker-2",
     "\"status\":{\"conditions\":[{\"type\":\"Ready\"}]}"},
    {"list", "pods", "system:serviceaccount:kube-system:generic-garbage-collector",
     "\"items\":null"},
    {"watch", "configmaps", "system:node:worker-1", "\"x\":1"},
    {"create", "pods", "system:serviceaccount:kube-system:replicaset-controller",
     "\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"nginx:1.25\",\"ports\":"
     "[{\"containerPort\":80}],\"securityContext\":{\"privileged\":false}}],\"volumes\":"
     "[{\"name\":\"t\",\"projected\":{\"defaultMode\":420}}]}"},
    {"get", "endpoints", "kube-apiserver-healthcheck", "\"subsets\":[]"},
    {"create", "events", "system:node:worker-1", "\"reason\":\"Pulled\",\"count\":1"},
};

static size_t print_event(char *out, unsigned n)
{
	size_t k = n % (sizeof(kinds) / sizeof(*kinds));
	const char *user = n % 500 == 7 ? "mallory" : kinds[k].user;
	int size = sprintf(
	    out,
	    "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"RequestResponse\","
	    "\"auditID\":\"5f2d3a1c-9b7e-4c51-8d3e-%012u\",\"stage\":\"ResponseComplete\","
	    "\"requestURI\":\"/api/v1/namespaces/default/%s/"
	    "object-%u?timeout=10s\",\"verb\":\"%s\","
	    "\"user\":{\"username\":\"%s\",\"groups\":[\"system:nodes\",\"system:authenticated\"]},"
	    "\"sourceIPs\":[\"10.0.0.%u\"],\"userAgent\":\"kubelet/v1.30.1 (linux/amd64) "
	    "kubernetes/1234567\",\"objectRef\":{\"resource\":\"%s\",\"namespace\":\"default\","
	    "\"name\":\"object-%u\",\"apiVersion\":\"v1\",\"resourceVersion\":\"%u\"},"
	    "\"responseStatus\":{\"metadata\":{},\"code\":200},\"requestObject\":{\"kind\":"
	    "\"Object\","
	    "\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"object-%u\",\"namespace\":\"default\","
	    "\"labels\":{\"app.kubernetes.io/"
	    "name\":\"object\",\"pod-template-hash\":\"7998647bdf\"},"
	    "\"uid\":\"7cb48d08-d92a-11e8-a2e6-080027728ac4\",\"creationTimestamp\":"
	    "\"2026-10-26T14:21:53Z\"},%s},\"requestReceivedTimestamp\":"
	    "\"2026-10-26T14:21:53.885708Z\",\"stageTimestamp\":\"2026-10-26T14:21:53.889736Z\","
	    "\"annotations\":{\"authorization.k8s.io/decision\":\"allow\","
	    "\"authorization.k8s.io/reason\":\"RBAC: allowed by ClusterRoleBinding of Group\"},"
	    "\"responseObject\":{\"kind\":\"Object\",\"managedFields\":[",
	    n, kinds[k].resource, n % 97, kinds[k].verb, user, n % 250, kinds[k].resource, n % 97,
	    n, n % 97, kinds[k].object);

	while (size < EVENT_SIZE - 120)
		size += sprintf(out + size, "{\"manager\":\"kubelet\",\"operation\":\"Update\","
					    "\"fieldsV1\":{\"f:status\":{\"f:phase\":{}}}},");
	return (size_t)size + (size_t)sprintf(out + size, "{\"time\":\"2026-10-26T14:21:53Z\"}]}}");
}

struct request {
	char *bytes;
	size_t size, body_at;
};

static struct request requests[BATCHES];

static void make_requests(const char *stream)
{
	FILE *f = fopen(stream, "w");
	unsigned n = 0;

	if (!f)
		fail("cannot write the stream");
	for (int i = 0; i < BATCHES; i++) {
		char *body = malloc((size_t)IN_BATCH * (EVENT_SIZE + 256) + 256);
		size_t size;

		if (!body)
			fail("no memory");
		size = (size_t)sprintf(body, "{\"kind\":\"EventList\",\"apiVersion\":"
					     "\"audit.k8s.io/v1\",\"metadata\":{},\"items\":[");
		for (int k = 0; k < IN_BATCH; k++) {
			size_t one = print_event(body + size, n++);

			fwrite(body + size, 1, one, f);
			fputc('\n', f);
			size += one;
			body[size++] = k + 1 < IN_BATCH ? ',' : ']';
		}
		body[size++] = '}';
		requests[i].bytes = malloc(size + 512);
		requests[i].body_at = (size_t)sprintf(
		    requests[i].bytes,
		    "POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    size);
		memcpy(requests[i].bytes + requests[i].body_at, body, size);
		requests[i].size = requests[i].body_at + size;
		free(body);
	}
	fclose(f);
}

struct client {
	uint16_t port;
	unsigned batches;
	double cpu;
};

/* False: it has to come again. */
static bool send_one(int fd, const struct request *r)
{
	static const char ok[] = "HTTP/1.1 200", later[] = "HTTP/1.1 429";
	char answer[1024];
	ssize_t n;

	for (size_t at = 0; at < r->size; at += (size_t)n) {
		n = write(fd, r->bytes + at, r->size - at);
		if (n <= 0)
			fail("the web hook hung up");
	}
	n = read(fd, answer, sizeof(answer));
	if (n >= (ssize_t)sizeof(later) && memcmp(answer, later, sizeof(later) - 1) == 0)
		return false;
	if (n < (ssize_t)sizeof(ok) || memcmp(answer, ok, sizeof(ok) - 1) != 0)
		fail("the web hook refused");
	return true;
}

static void *run_client(void *argument)
{
	struct client *c = argument;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(c->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	double before = seconds(CLOCK_THREAD_CPUTIME_ID);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail("cannot connect");
	for (unsigned i = 0; i < c->batches; i++)
		while (!send_one(fd, &requests[i % BATCHES]))
			usleep(RETRY_US);
	close(fd);
	c->cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - before;
	return NULL;
}

struct judged {
	struct evaluator *evaluator;
	uint64_t events, matches;
};

static void judge(void *context, struct event *e)
{
	struct judged *j = context;
	struct match match;

	j->matches += evaluator_judge(j->evaluator, e, &match, 1);
	j->events++;
}

/* Sends and judges that many events; answers processor seconds without the client's. */
static double run_web(struct source *source, struct judged *j, uint64_t events, double *wall)
{
	struct client c = {.port = source_audit_port(source),
			   .batches = (unsigned)(events / IN_BATCH)};
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), began = seconds(CLOCK_MONOTONIC);
	uint64_t target = j->events + (uint64_t)c.batches * IN_BATCH;
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_client, &c))
		fail("cannot start the client");
	while (j->events < target)
		if (source_poll(source, 1000, judge, j) < 0)
			fail("the source has ended");
	pthread_join(thread, NULL);
	*wall = seconds(CLOCK_MONOTONIC) - began;
	return seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu - c.cpu;
}

/* What the web hook does to JSON: bodies to events, events to tapes. */
static double run_parse(uint64_t events)
{
	struct tape *tape = tape_new(EVENT_SIZE * 2);
	struct audit_batch b = {0};
	double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	size_t end;

	for (uint64_t n = 0; n < events; n += IN_BATCH) {
		const struct request *r = &requests[n / IN_BATCH % BATCHES];
		struct str body = {r->bytes + r->body_at, r->size - r->body_at};

		b.items.count = 0;
		if (audit_batch_read(&b, body, 0, &end, NULL) < 0 || b.items.count != IN_BATCH)
			fail("a body cannot be parsed");
		for (size_t i = 0; i < b.items.count; i++) {
			struct audit_item item = b.items.items[i];

			if (tape_read(tape, (struct str){body.p + item.at, item.size}, NULL) < 0)
				fail("an event cannot be parsed");
		}
	}
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	VEC_FREE(&b.items);
	tape_free(tape);
	return cpu;
}

int main(int argc, char **argv)
{
	static const struct rules_options rules_options = {.least_priority = SEVERITY_DEBUG,
							   .sources = SOURCE_BIT(SOURCE_K8S_AUDIT)};
	static const struct plan_options plan_options = {0};
	uint64_t events = argc > 3 ? strtoull(argv[3], NULL, 10) : EVENTS_DEFAULT;
	struct audit_options options;
	struct error err = {0};
	struct rule_set *set;
	struct source *source;
	struct judged j = {0};
	double cpu, wall;
	long before;

	if (argc < 3 || events < IN_BATCH)
		fail("usage: bench_audit RULES STREAM [EVENTS]");
	make_requests(argv[2]);
	set = rules_load((const char *const *)&argv[1], 1, &rules_options);
	if (set->error_count || !set->rule_count)
		fail("the rules cannot be loaded");
	j.evaluator =
	    evaluator_new(plan_compile(set, &plan_options, &err),
			  state_new(&(struct state_options){.max_threads = 64}, &err), "benchmark");
	evaluator_context(j.evaluator)->source = SOURCE_K8S_AUDIT;
	if (audit_options_read(&options, "http://127.0.0.1:0/k8s-audit", "", &err) < 0)
		fail(err.message);
	source = source_audit_new(&options, &err);
	if (!source)
		fail(err.message);
	run_web(source, &j, WARM_UP, &wall);
	before = resident_kb();
	cpu = run_web(source, &j, events, &wall);
	printf("web %llu %.6f %.6f %ld %ld\n", (unsigned long long)(events / IN_BATCH * IN_BATCH),
	       cpu, wall, before, resident_kb());
	source_free(source);
	if (j.matches == 0)
		fail("no rule ever held");
	cpu = run_parse(events);
	printf("parse %llu %.6f\n", (unsigned long long)events, cpu);
	return 0;
}
