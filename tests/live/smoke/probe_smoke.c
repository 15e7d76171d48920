/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe says what was done: a child makes one call of each family and writes down what its
 * event must hold; the parent reads the rings and compares. Needs root; skipped without, failed
 * without where CI=true.
 */
#include "event/event.h"
#include "probe/probe.h"
#include "smoke.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int keep(void *context, void *record, size_t size)
{
	const struct record *r = record;
	const pid_t *child = context;
	/* The rest of the machine goes on meanwhile. */
	if (r->task.pid != *child && r->task.ppid != *child)
		return 0;
	kept_add(record, size);
	return 0;
}

static int tasks_seen, own_seen;
static void see_task(void *context, const void *record, size_t size)
{
	struct event e;
	struct error err = {0};
	(void)context;
	tasks_seen++;
	if (event_decode(&e, record, size, &err)) {
		fprintf(stderr, "not ok: a task's record does not decode: %s\n", err.message);
		own_seen = -1000;
		return;
	}
	int exe = event_schema_param(e.schema, str_from("trusted_exepath"));
	struct str text;
	if (e.record->task.pid == getpid() && event_param_str(&e, (unsigned)exe, &text) &&
	    memmem(text.p, text.n, "probe_smoke", 11))
		own_seen++;
}

int main(void)
{
	struct error err = {0};
	struct probe_options options = {.ring_bytes = 4 << 20,
					.critical_ring_bytes = 4 << 20,
					.snaplen = 80,
					.cpus_per_ring = 1};
	bool is_ci = getenv("CI") && !strcmp(getenv("CI"), "true");
	struct probe *probe = probe_open(&options, &err);
	if (!probe) {
		fprintf(stderr, "%s: %s\n", is_ci ? "FAIL" : "SKIP", err.message);
		return is_ci ? 1 : 77;
	}
	diary =
	    mmap(NULL, sizeof(*diary), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(work, sizeof(work), "/var/tmp/saker-probe-XXXXXX");
	if (diary == MAP_FAILED || !mkdtemp(work)) {
		perror("set-up");
		return 1;
	}
	struct probe_ring rings[64];
	size_t nrings = probe_rings(probe, rings, 64);
	struct ring_buffer *reader = NULL;
	pid_t child = -1;
	for (size_t i = 0; i < nrings; i++) {
		if (!reader)
			reader = ring_buffer__new(rings[i].fd, keep, &child, NULL);
		else
			ring_buffer__add(reader, rings[i].fd, keep, &child);
	}
	struct probe_wants wants = {.signals = true};
	for (int nr = 0; nr < SYSCALL_NR_LIMIT; nr++) {
		wants.wanted[nr] = syscall_schema_get((uint16_t)nr) != NULL;
		wants.facts[nr] =
		    FACT_RESOLVED_PATH | FACT_BASE_PATH | FACT_FD | FACT_FD_PATH | FACT_BUFFER;
	}
	int go[2];
	if (pipe(go))
		return 1;
	child = fork();
	if (!child) {
		char c;
		close(go[1]);
		if (read(go[0], &c, 1) != 0)
			_exit(1);
		do_files();
		do_network();
		do_security();
		do_compat();
		do_processes();
		_exit(0);
	}
	probe_set_wants(probe, &wants, &err);
	close(go[1]);
	int status;
	while (!waitpid(child, &status, WNOHANG)) {
		ring_buffer__poll(reader, 5);
		ring_buffer__consume(reader);
	}
	memset(&wants, 0, sizeof(wants));
	probe_set_wants(probe, &wants, &err);
	/* A record that another CPU is still writing hides those behind it for a moment. */
	int last = -1;
	while (last != kept_count()) {
		last = kept_count();
		ring_buffer__poll(reader, 20);
		ring_buffer__consume(reader);
	}
	int failed = kept_compare();
	if (status) {
		fprintf(stderr, "not ok: the child ended with status %d\n", status);
		failed++;
	}
	struct probe_counters counters = probe_counters(probe);
	for (int cause = 0; cause < DROP_CAUSE_COUNT; cause++)
		if (counters.drops[cause]) {
			fprintf(stderr, "not ok: %lu events dropped for cause %d\n",
				(unsigned long)counters.drops[cause], cause);
			failed++;
		}
	int r = probe_iterate_tasks(probe, see_task, NULL, &err);
	printf("%d tasks\n", tasks_seen);
	if (r ? r != -EOPNOTSUPP : own_seen != 1) {
		fprintf(stderr, "not ok: iterating tasks: %s; own process seen %d times\n",
			err.message, own_seen);
		failed++;
	}
	kept_free();
	ring_buffer__free(reader);
	probe_close(probe);
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", work);
	if (system(command))
		fprintf(stderr, "cannot remove %s\n", work);
	return failed ? 1 : 0;
}
