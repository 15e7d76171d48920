/* SPDX-License-Identifier: Apache-2.0 */
#include "app/telemetry.h"

#include "app/metrics_snapshot.h"
#include "app/versions.h"
#include "app/web.h"
#include "base/clock.h"
#include "output/alert.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define LOOK_NS (5 * SECOND)  /* how often a changed configuration is looked for */
#define AGAIN_NS (5 * SECOND) /* how often a taken port is tried again */
#define DEAD_NS (10 * SECOND) /* the monitor has not looked around for so long: it hangs */

enum { PAGES = 3 };

struct telemetry {
	struct monitor *monitor;
	struct metrics_source *source;
	char *versions; /* as JSON */
	struct web_page pages[PAGES];
	_Atomic(struct web *) web; /* NULL: not, or not yet */
	uint64_t web_at;           /* when it is to be tried again, CLOCK_MONOTONIC */

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_stopping;

	/* The thread's. */
	uint64_t interval, next; /* ns; 0: none; of CLOCK_MONOTONIC */
	uint64_t samples;
	struct metrics_before before;
	char *line;      /* ALERT_LINE_MAX bytes */
	bool has_failed; /* to write the file, which was told */
};

static struct web_answer answer_json(unsigned status, const char *text)
{
	struct web_answer answer = {
	    .status = status, .text = strdup(text), .type = "application/json"};

	answer.size = answer.text ? strlen(answer.text) : 0;
	return answer;
}

static struct web_answer show_health(void *context)
{
	struct telemetry *t = context;
	struct counts counts;

	if (monitor_silence(t->monitor) > DEAD_NS)
		return answer_json(503, "{\"status\": \"the monitor hangs\"}");
	monitor_read_counts(t->monitor, &counts);
	if (counts.is_blind)
		return answer_json(503, "{\"status\": \"events do not arrive\"}");
	return answer_json(200, "{\"status\": \"ok\"}");
}

static struct web_answer show_versions(void *context)
{
	return answer_json(200, ((struct telemetry *)context)->versions);
}

static struct metrics_snapshot *take_snapshot(struct telemetry *t, struct metrics_before *before)
{
	struct metrics_snapshot *snapshot = metrics_snapshot_take(t->source, before);
	struct web *web = atomic_load(&t->web);

	if (web)
		snapshot->web = web_counters(web);
	return snapshot;
}

static struct web_answer show_metrics(void *context)
{
	struct telemetry *t = context;
	struct metrics_snapshot *snapshot = take_snapshot(t, NULL);
	struct web_answer answer = {.status = 200, .type = METRICS_TEXT_TYPE};

	/* A reload may have switched them off. */
	if (!snapshot->config->metrics.enabled) {
		answer = answer_json(404, "{\"status\": \"metrics.enabled is off\"}");
		metrics_snapshot_free(snapshot);
		return answer;
	}
	answer.text = metrics_text(snapshot, &answer.size);
	metrics_snapshot_free(snapshot);
	return answer;
}

static int start_web(struct telemetry *t, const struct config *c, struct error *err)
{
	struct web_options options = {
	    .address = c->webserver.listen_address,
	    .port = (uint16_t)c->webserver.listen_port,
	    .threads = (unsigned)c->webserver.threadiness,
	    .is_tls = c->webserver.ssl_enabled,
	    .certificate = c->webserver.ssl_certificate,
	    .pages = t->pages,
	    .page_count = c->webserver.prometheus_metrics_enabled && c->metrics.enabled ? 3 : 2,
	};
	struct web *web;
	int status;

	t->pages[0] = (struct web_page){c->webserver.healthz_endpoint, show_health, t};
	t->pages[1] = (struct web_page){"/versions", show_versions, t};
	t->pages[2] = (struct web_page){"/metrics", show_metrics, t};
	status = web_start(&web, &options, err);
	atomic_store(&t->web, web);
	if (status == 0)
		log_info("web server: listening on %s port %u%s%s", options.address, web_port(web),
			 options.is_tls ? ", with TLS" : "",
			 options.page_count == 3 ? ", metrics at /metrics" : "");
	return status;
}

/* A port that another program has may become free. */
static void try_web(struct telemetry *t)
{
	struct policy *policy;
	struct error err;

	if (t->web_at == 0 || clock_monotonic_ns() < t->web_at)
		return;
	policy = monitor_policy(t->monitor);
	t->web_at = start_web(t, policy->config, &err) == 0 ? 0 : clock_monotonic_ns() + AGAIN_NS;
	policy_release(policy);
}

static void send_alert(struct telemetry *t, const struct metrics_snapshot *snapshot,
		       struct metrics_fields *fields)
{
	static const char rule[] = "Falco internal: metrics snapshot";
	struct alert_options options = {
	    .is_json = snapshot->config->json_output,
	    .iso_8601 = snapshot->config->time_iso_8601,
	    .hostname = snapshot->hostname,
	};
	struct buffer line = {.p = t->line, .room = ALERT_LINE_MAX};
	struct alert alert = {
	    .priority = SEVERITY_INFORMATIONAL, .rule = str_from(rule), .source = STR("internal")};

	alert_format_internal(&options, snapshot->time, SEVERITY_INFORMATIONAL, str_from(rule),
			      STR("Falco metrics snapshot"), fields->facts, fields->count, &line);
	if (line.n == 0) {
		log_error("metrics: the snapshot has too many fields for an alert");
		return;
	}
	alert.line = buffer_str(&line);
	monitor_send(t->monitor, &alert);
}

/* One line, appended; the file is opened for each, so that it may be rotated. */
static void write_file(struct telemetry *t, const char *path, const struct metrics_fields *fields)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "a");
	int why = errno;

	if (file) {
		fputs("{\"output_fields\":", file);
		metrics_fields_print(fields, file);
		fprintf(file, ",\"sample\":%llu}\n", (unsigned long long)t->samples);
		if (fclose(file) == 0) {
			if (t->has_failed)
				log_notice("metrics.output_file: %s can be written again", path);
			t->has_failed = false;
			return;
		}
		why = errno;
	} else if (fd >= 0) {
		close(fd);
	}
	if (!t->has_failed)
		log_error("metrics.output_file: %s: %s", path, strerror(why));
	t->has_failed = true;
}

static void tell(struct telemetry *t)
{
	struct metrics_snapshot *snapshot = take_snapshot(t, &t->before);
	const struct config_metrics *c = &snapshot->config->metrics;
	struct metrics_fields fields = metrics_fields(snapshot);

	t->samples++;
	if (c->output_rule)
		send_alert(t, snapshot, &fields);
	if (*c->output_file)
		write_file(t, c->output_file, &fields);
	metrics_fields_free(&fields);
	metrics_snapshot_free(snapshot);
}

/* The interval as it is configured now; a new one counts from now on. */
static void look_at_config(struct telemetry *t)
{
	struct policy *policy = monitor_policy(t->monitor);
	const struct config_metrics *c = &policy->config->metrics;
	uint64_t interval =
	    c->enabled && (c->output_rule || *c->output_file) ? c->interval_ms * MS : 0;

	policy_release(policy);
	if (interval != t->interval)
		t->next = clock_monotonic_ns() + interval;
	t->interval = interval;
}

static void wait_until(struct telemetry *t, uint64_t when)
{
	struct timespec until = {.tv_sec = (time_t)(when / SECOND),
				 .tv_nsec = (long)(when % SECOND)};
	int status = 0;

	pthread_mutex_lock(&t->lock);
	while (!t->is_stopping && status == 0)
		status = pthread_cond_timedwait(&t->wake, &t->lock, &until);
	pthread_mutex_unlock(&t->lock);
}

static bool is_stopping(struct telemetry *t)
{
	bool result;

	pthread_mutex_lock(&t->lock);
	result = t->is_stopping;
	pthread_mutex_unlock(&t->lock);
	return result;
}

static void *work(void *context)
{
	struct telemetry *t = context;

	while (!is_stopping(t)) {
		uint64_t now = clock_monotonic_ns();

		try_web(t);
		look_at_config(t);
		if (t->interval && now >= t->next) {
			tell(t);
			/* Where that took longer than an interval, some are left out. */
			while (t->next <= now)
				t->next += t->interval;
		}
		wait_until(t, t->interval && t->next < now + LOOK_NS ? t->next : now + LOOK_NS);
	}
	return NULL;
}

static int start_thread(struct telemetry *t, struct error *err)
{
	sigset_t all, before;
	int status;

	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&t->thread, NULL, work, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	t->has_thread = status == 0;
	return status ? error_set(err, -status, "cannot start the thread of metrics: %s",
				  strerror(status))
		      : 0;
}

static struct telemetry *telemetry_new(struct monitor *m)
{
	struct telemetry *t = calloc(1, sizeof(*t));
	pthread_condattr_t attributes;
	json_t *versions = versions_json();

	if (t) {
		pthread_condattr_init(&attributes);
		pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
		pthread_mutex_init(&t->lock, NULL);
		pthread_cond_init(&t->wake, &attributes);
		pthread_condattr_destroy(&attributes);
		t->monitor = m;
		t->source = metrics_source_new(m);
		t->line = malloc(ALERT_LINE_MAX);
		t->versions = json_dumps(versions, JSON_COMPACT | JSON_SORT_KEYS);
	}
	json_decref(versions);
	if (!t || (t->source && t->line && t->versions))
		return t;
	telemetry_stop(t);
	return NULL;
}

struct telemetry *telemetry_start(struct monitor *m, struct error *err)
{
	struct telemetry *t = telemetry_new(m);
	struct policy *policy;
	int status = 0;

	if (!t) {
		error_set(err, -ENOMEM, "no memory for metrics");
		return NULL;
	}
	policy = monitor_policy(m);
	if (policy->config->webserver.enabled)
		status = start_web(t, policy->config, err);
	policy_release(policy);
	if (status == -EADDRINUSE) {
		log_error("%s; trying again now and then", err->message);
		t->web_at = clock_monotonic_ns() + AGAIN_NS;
		status = 0;
	}
	if (status == 0)
		status = start_thread(t, err);
	if (status == 0)
		return t;
	telemetry_stop(t);
	return NULL;
}

void telemetry_stop(struct telemetry *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->is_stopping = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	if (t->has_thread)
		pthread_join(t->thread, NULL);
	web_stop(t->web);
	metrics_source_free(t->source);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t->versions);
	free(t->line);
	free(t);
}
