/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: a YAML file in the form that users of Falco have, and single keys set on the
 * command line over it. One table (config_schema.c) says which keys there are; it checks the file,
 * prints the JSON schema and the reference page, and gives the defaults.
 *
 * A key that no row knows is warned of with its place and the nearest known one; a value that does
 * not fit is an error. Keys that can have no effect here are checked, and a warning says why where
 * one is set to something else than its default.
 */
#ifndef SAKER_APP_CONFIG_H
#define SAKER_APP_CONFIG_H

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/map.h"
#include "base/yaml.h"
#include "rules/ruleset.h"

#include <stdio.h>

enum engine_kind {
	ENGINE_MODERN_EBPF,
	ENGINE_KMOD,
	ENGINE_EBPF,
	ENGINE_REPLAY,
	ENGINE_NODRIVER,
};
enum rule_matching { MATCH_FIRST, MATCH_ALL };
enum queue_recovery { QUEUE_CONTINUE, QUEUE_EXIT, QUEUE_EMPTY };
enum capture_mode { CAPTURE_RULES, CAPTURE_ALL_RULES };
enum capture_collect { CAPTURE_COLLECT_ALL, CAPTURE_COLLECT_RULES };
enum merge_strategy { MERGE_APPEND, MERGE_OVERRIDE, MERGE_ADD_ONLY };
/* Bits: what is done about lost events. */
enum drop_action { DROP_IGNORE = 1, DROP_LOG = 2, DROP_ALERT = 4, DROP_EXIT = 8 };

struct string_list {
	const char **items;
	size_t count;
};

/* Strings are never NULL: one that is not set is empty. */

struct config_file_output {
	bool enabled, keep_alive;
	const char *filename;
};

struct config_program_output {
	bool enabled, keep_alive;
	const char *program;
};

struct config_http_output {
	bool enabled;
	const char *url, *user_agent;
	bool insecure;
	const char *ca_cert, *ca_bundle, *ca_path;
	bool mtls;
	const char *client_cert, *client_key;
	bool echo, compress_uploads, keep_alive;
	uint64_t max_consecutive_timeouts;
};

enum { KUBERNETES_API, KUBERNETES_KUBELET };

struct config_kubernetes {
	bool is_enabled;
	unsigned source; /* KUBERNETES_API ... */
	const char *api_server, *kubelet, *node_name;
	const char *token_file, *ca_file, *kubelet_ca_file;
	bool verifies; /* certificates */
	uint64_t requests_per_second, refresh_s, poll_s;
};

struct config_webserver {
	bool enabled;
	uint64_t threadiness; /* 0: one for each CPU */
	uint64_t listen_port;
	const char *listen_address;
	const char *healthz_endpoint;
	bool prometheus_metrics_enabled;
	bool ssl_enabled;
	const char *ssl_certificate;
};

struct config_metrics {
	bool enabled;
	uint64_t interval_ms;
	bool output_rule;
	const char *output_file;
	bool rules_counters, resource_utilization, state_counters, kernel_event_counters,
	    kernel_event_counters_per_cpu, libbpf_stats,
	    kernel_iter_event_counters, jemalloc_stats;
	bool convert_memory_to_mb, include_empty_values;
	uint64_t rules_time_sample; /* one event in so many is timed rule by rule; 0: none */
};

struct config_capture {
	bool enabled;
	const char *path_prefix;
	unsigned mode;                         /* enum capture_mode */
	uint64_t default_duration_ms;          /* how long a capture goes on after its alert */
	uint64_t max_file_size_mb;             /* 0: no limit */
	uint64_t before_mb;                    /* kept of the moments before an alert */
	uint64_t max_files, max_total_size_mb; /* 0: no limit */
	unsigned collect;                      /* enum capture_collect */
	const char *stop_filter;               /* empty: none */
};

struct config_drops {
	double threshold; /* share of lost events, from 0 to 1 */
	unsigned actions; /* bits, enum drop_action */
	double rate;      /* messages a second */
	double max_burst; /* messages */
	bool simulate_drops;
};

/* An entry of `plugins` that is to be loaded. */
struct config_plugin {
	const char *name;
	const char *library_path;
	const char *init_config; /* a map as JSON, a string as it is; empty: none */
	const char *open_params;
};

struct config {
	struct arena *arena; /* owns everything below */
	const char *path;    /* of the main file, NULL: none */
	/* Files that were read, the main one first, and directories of config_files: to watch. */
	struct string_list files, directories;

	struct string_list rules_files;
	struct rules_selection *selections;
	size_t selection_count;
	struct rules_append *appends;
	size_t append_count;
	bool *append_suggests; /* of each append, until plugins are known */
	struct rules_static_field *static_fields;
	size_t static_field_count;
	unsigned priority; /* enum severity */
	unsigned rule_matching;
	bool watch_config_files;

	bool json_output;
	bool json_include_output, json_include_message, json_include_output_fields,
	    json_include_tags;
	bool time_iso_8601;
	bool buffer_base64;
	bool buffered_outputs;
	uint64_t container_wait_ms; /* that an alert waits for its container's metadata */
	struct config_kubernetes kubernetes;
	uint64_t queue_capacity;
	unsigned queue_recovery;    /* enum queue_recovery */
	uint64_t output_timeout_ms; /* until a slow output is complained of */
	bool stdout_enabled, syslog_enabled;
	struct config_file_output file_output;
	struct config_program_output program_output;
	struct config_http_output http_output;

	bool log_stderr, log_syslog;
	unsigned log_level;

	unsigned engine_kind;
	const char *capture_file; /* of the replay engine */
	uint64_t buf_size_preset;
	uint64_t cpus_for_each_buffer;
	bool drop_failed_exit;
	bool discard_in_kernel;
	uint64_t discard_sample;
	bool disable_iterators;
	uint64_t snaplen;
	uint64_t thread_table_size;
	struct string_list base_syscalls;
	bool base_syscalls_all;

	struct config_webserver webserver;
	struct config_metrics metrics;
	struct config_capture capture;
	struct config_drops drops;
	uint64_t event_timeouts_max; /* waits in a row without an event until that is told */

	uint32_t sources;              /* SOURCE_BIT()s: those that are to run */
	const char *container_engines; /* the older key, as JSON; empty: none */
	struct config_plugin *plugins; /* in the order in which they are to be loaded */
	size_t plugin_count;

	struct yaml_node *root; /* what was read and set */
	struct u64map origins;  /* nodes → where they come from */

	/* What a person should be told, in order; the app logs it once logging is configured. */
	struct config_message {
		enum severity severity;
		struct str text;
	} * messages;
	size_t message_count, message_room, messages_left_out;
	size_t error_count;
};

/* All defaults. */
struct config *config_new(void);
void config_free(struct config *c);

/*
 * Reads what a start or a reload reads, in this order: the file (NULL: none), the files that it or
 * an assignment names in config_files, all other assignments. 0, or a negative errno with the place
 * in err; then config_finish.
 */
int config_load(struct config *c, const char *path, const char *const *assignments, size_t count,
		struct error *err);

/* The steps of it: a file over what was read before; */
int config_read(struct config *c, const char *path, struct error *err);
/* the same from memory, name is for messages; */
int config_read_text(struct config *c, const char *name, struct str text, struct error *err);
/* the files of config_files; those that do not exist are left out; */
int config_merge_files(struct config *c, struct error *err);
/* one of them, from memory; */
int config_merge_text(struct config *c, const char *name, struct str text,
		      enum merge_strategy strategy, struct error *err);
/*
 * one key from "key=value" as -o takes it: dotted keys (\. \[ \] \\ stand for these characters in a
 * name), [i] for an item of a list (the next free one may be set too), [] to add one. The value is
 * YAML, so lists and maps may be given.
 */
int config_set(struct config *c, const char *assignment, struct error *err);

/*
 * Checks what was read and set and takes it over; called once, last. Answers the number of errors,
 * which are among the messages. From then on nothing changes: a reload makes a configuration of
 * its own and swaps it in.
 */
size_t config_finish(struct config *c);

/*
 * --enable-source and --disable-source, after config_finish: one of the lists is empty. Sources are
 * syscall and those of plugins; one must remain.
 */
int config_choose_sources(struct config *c, const struct string_list *enable,
			  const struct string_list *disable, struct error *err);

/*
 * -p of the command line, after config_finish: text for all outputs, or for those of system calls
 * what container (c) and kubernetes (k) stand for.
 */
void config_print_more(struct config *c, const char *what);

/*
 * Tells which settings differ between two configurations but take effect at a start only; answers
 * how many there are.
 */
size_t config_restart_keys(const struct config *old, const struct config *new,
			   void (*tell)(const char *key, void *to), void *to);

/* What was read and set, as one line of YAML (quoted, in flow style). Caller frees. */
char *config_dump(const struct config *c);

/* Bytes of a ring by its preset: 1 MiB for 1, twice as much for each more. */
uint32_t config_ring_bytes(const struct config *c);

/* The schema of the table's rows as JSON schema and as a page of documentation. */
void config_print_schema(FILE *out);
void config_print_markdown(FILE *out);

#endif
