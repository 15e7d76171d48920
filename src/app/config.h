/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: a YAML file in the form that users of Falco have, and single keys set on the
 * command line over it. One table (config_schema.c) says which keys there are; it checks the file,
 * prints the JSON schema and the reference page, and gives the defaults.
 *
 * A key that no row knows is warned of with its place and the nearest known one; a value that does
 * not fit is an error. Keys whose feature this version does not have are checked and named in one
 * warning where they are set to something else than their default.
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

enum engine_kind { ENGINE_MODERN_EBPF, ENGINE_KMOD, ENGINE_EBPF, ENGINE_REPLAY, ENGINE_NODRIVER };
enum rule_matching { MATCH_FIRST, MATCH_ALL };

struct string_list {
	const char **items;
	size_t count;
};

struct config {
	struct arena *arena; /* owns everything below */
	const char *path;    /* of the file, NULL: none */

	struct string_list rules_files;
	struct rules_selection *selections;
	size_t selection_count;
	struct rules_append *appends;
	size_t append_count;
	unsigned priority; /* enum severity */
	unsigned rule_matching;

	bool json_output;
	bool json_include_output, json_include_message, json_include_output_fields,
	    json_include_tags;
	bool time_iso_8601;
	bool buffered_outputs;
	bool stdout_enabled;
	uint64_t queue_capacity;

	bool log_stderr, log_syslog;
	unsigned log_level;

	unsigned engine_kind;
	const char *capture_file; /* of the replay engine; NULL: none */
	uint64_t buf_size_preset;
	uint64_t cpus_for_each_buffer;
	bool drop_failed_exit;
	bool disable_iterators;
	uint64_t snaplen;
	uint64_t thread_table_size;
	struct string_list base_syscalls;
	bool base_syscalls_repair;
	bool base_syscalls_all;

	struct yaml_node *root; /* what was read and set, not taken over yet */
	struct yaml_file *file;
	struct u64map assigned; /* nodes of -o → the assignment's text */

	/* What a person should be told, in order; the app logs it once logging is configured. */
	struct config_message {
		enum severity severity;
		struct str text;
	} * messages;
	size_t message_count, message_room;
	size_t error_count;
};

/* All defaults. */
struct config *config_new(void);
void config_free(struct config *c);

/* Reads a file over what was read before. 0, or a negative errno with the place in err. */
int config_read(struct config *c, const char *path, struct error *err);
/* The same from memory, for tests; name is for messages. */
int config_read_text(struct config *c, const char *name, struct str text, struct error *err);

/*
 * Sets one key from "key=value" as -o takes it: dotted keys, [i] for an item of a list (the next
 * free one may be set too), [] to add one. The value is YAML, so lists and maps may be given.
 */
int config_set(struct config *c, const char *assignment, struct error *err);

/*
 * Checks what was read and set and takes it over; called once, last. Answers the number of errors,
 * which are among the messages.
 */
size_t config_finish(struct config *c);

/* Bytes of a ring by its preset: 1 MiB for 1, twice as much for each more. */
uint32_t config_ring_bytes(const struct config *c);

/* The schema of the table's rows as JSON schema and as a page of documentation. */
void config_print_schema(FILE *out);
void config_print_markdown(FILE *out);

#endif
