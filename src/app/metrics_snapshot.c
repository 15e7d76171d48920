/* SPDX-License-Identifier: Apache-2.0 */
#include "app/metrics_snapshot.h"

#include "app/list.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/vec.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define SECOND UINT64_C(1000000000)

enum { READ_BYTES = 64 * 1024 };

struct metrics_source {
	struct monitor *monitor;
	pthread_mutex_t lock;  /* of what follows */
	struct policy *policy; /* of the files; NULL: none yet */
	struct arena *arena;
	struct metrics_file *files;
	size_t file_count;
};

/* A snapshot with what it points to. */
struct owned_snapshot {
	struct metrics_snapshot snapshot; /* first */
	struct arena *arena;
	struct policy *policy;
	struct utsname system;
	VEC(struct metrics_rule) rules;
};

struct metrics_source *metrics_source_new(struct monitor *m)
{
	struct metrics_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->monitor = m;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void metrics_source_free(struct metrics_source *s)
{
	if (!s)
		return;
	policy_release(s->policy);
	arena_free(s->arena);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool read_sha256(const char *path, char *hex)
{
	/* What has its name now may be a pipe that nobody writes to, or a device without end. */
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FREE char *block = malloc(READ_BYTES);
	unsigned char digest[32];
	gnutls_hash_hd_t hash;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !block ||
	    gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return false;
	while ((n = read(fd, block, READ_BYTES)) > 0)
		gnutls_hash(hash, block, (size_t)n);
	gnutls_hash_deinit(hash, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return n == 0;
}

static void add_file(struct metrics_source *s, const char *path, bool is_rules)
{
	struct metrics_file *file = &s->files[s->file_count];
	const char *slash = strrchr(path, '/');

	*file = (struct metrics_file){
	    .is_rules = is_rules,
	    .name = arena_cstr(s->arena, str_from(slash ? slash + 1 : path)),
	};
	/* One that is gone since it was read has none. */
	s->file_count += read_sha256(path, file->sha256);
}

/* Files are read once for each policy, soon after it was loaded. */
static void update_files(struct metrics_source *s, struct policy *policy)
{
	const struct rule_set *rules = policy->rules;
	const struct string_list *config = &policy->config->files;

	if (s->policy == policy)
		return;
	policy_release(s->policy);
	arena_free(s->arena);
	s->policy = policy_keep(policy);
	s->arena = arena_new();
	s->files = ARENA_ARRAY(s->arena, struct metrics_file, rules->file_count + config->count);
	s->file_count = 0;
	for (size_t i = 0; i < rules->file_count; i++)
		add_file(s, rules->files[i].path, true);
	for (size_t i = 0; i < config->count; i++)
		add_file(s, config->items[i], false);
}

static void take_files(struct metrics_source *s, struct owned_snapshot *o)
{
	struct metrics_file *files;

	pthread_mutex_lock(&s->lock);
	update_files(s, o->policy);
	files = ARENA_ARRAY(o->arena, struct metrics_file, s->file_count);
	for (size_t i = 0; i < s->file_count; i++) {
		files[i] = s->files[i];
		files[i].name = arena_cstr(o->arena, str_from(s->files[i].name));
	}
	o->snapshot.files = files;
	o->snapshot.file_count = s->file_count;
	pthread_mutex_unlock(&s->lock);
}

/* The regime is locked: nothing is copied. */
static void take_rule(void *context, const struct rule *rule, const struct rule_counts *counts)
{
	struct owned_snapshot *o = context;
	struct metrics_rule taken = {
	    .name = rule->name,
	    .priority = rule->priority,
	    .source = event_source_name((int)rule->source),
	    .tags = rule->tags,
	    .tag_count = rule->tag_count,
	    .matches = counts->matches,
	    .ns = counts->ns,
	};

	o->snapshot.matches += counts->matches;
	if (counts->matches || counts->ns || o->policy->config->metrics.include_empty_values)
		VEC_PUSH(&o->rules, taken);
}

/* The policy in force, and the rules that are its own: which lives as long as the snapshot. */
static void take_policy(struct metrics_source *s, struct owned_snapshot *o)
{
	struct policy *now = monitor_policy(s->monitor);

	do {
		policy_release(o->policy);
		o->policy = now;
		o->rules.count = 0;
		o->snapshot.matches = 0;
		if (now->config->metrics.rules_counters)
			monitor_each_rule(s->monitor, take_rule, o);
		now = monitor_policy(s->monitor);
		/* A reload came in between: the rules may be those of another one. */
	} while (now != o->policy);
	policy_release(now);
	o->snapshot.config = o->policy->config;
	o->snapshot.rules = o->rules.items;
	o->snapshot.rule_count = o->rules.count;
}

static void take_times(struct metrics_source *s, struct metrics_snapshot *o,
		       const struct policy *policy)
{
	uint64_t running = clock_monotonic_ns() - monitor_facts(s->monitor).started_at;

	o->time = clock_realtime_ns();
	o->start_time = o->time - running;
	o->duration = running / SECOND;
	o->reload_time = policy->loaded_at;
	o->cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
}

static void compare(struct metrics_snapshot *o, struct metrics_before *before)
{
	if (before->time) {
		o->seconds_between = (double)(o->time - before->time) / 1e9;
		o->events_before = before->events;
		o->kernel_events_before = before->kernel_events;
		o->drops_before = before->drops;
	}
	*before = (struct metrics_before){
	    .time = o->time,
	    .events = o->counts.all.read,
	    .kernel_events = metrics_kernel_events(&o->counts),
	    .drops = metrics_kernel_drops(&o->counts),
	};
}

struct metrics_snapshot *metrics_snapshot_take(struct metrics_source *s,
					       struct metrics_before *before)
{
	struct arena *arena = arena_new();
	struct owned_snapshot *owned = ARENA_NEW(arena, struct owned_snapshot);
	struct metrics_snapshot *o = &owned->snapshot;
	struct monitor_facts facts = monitor_facts(s->monitor);

	owned->arena = arena;
	take_policy(s, owned);
	o->probe = facts.probe;
	o->hostname = facts.hostname;
	o->engine = facts.probe ? "modern_bpf" : "nodriver";
	uname(&owned->system);
	o->kernel_release = owned->system.release;
	monitor_read_counts(s->monitor, &o->counts);
	o->source = event_source_name(o->counts.source_count ? (int)o->counts.sources[0].source
							     : (int)SOURCE_SYSCALL);
	if (o->config->metrics.resource_utilization)
		metrics_host_read(&o->host, facts.host_root);
	o->boot_time = metrics_host_boot_time(facts.host_root);
	take_files(s, owned);
	take_times(s, o, owned->policy);
	if (before)
		compare(o, before);
	return o;
}

void metrics_snapshot_free(struct metrics_snapshot *snapshot)
{
	struct owned_snapshot *owned = (struct owned_snapshot *)snapshot;

	if (!owned)
		return;
	policy_release(owned->policy);
	VEC_FREE(&owned->rules);
	arena_free(owned->arena);
}
