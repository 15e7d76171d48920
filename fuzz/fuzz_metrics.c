/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of rules, tags, files and hosts, whatever they are: what Prometheus reads has the form that
 * it must have, the fields are JSON without a name twice, and requests find a page or none.
 */
#include "app/metrics.h"
#include "app/web.h"

#include "base/utf8.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 6 };

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static const char *skip_name(const char *p)
{
	const char *start = p;

	while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
	       (p > start && *p >= '0' && *p <= '9'))
		p++;
	require(p > start, "a name that is none");
	return p;
}

/* `{key="value",...}`, each key once. */
static const char *skip_labels(const char *p)
{
	json_t *keys = json_object();

	if (*p == '{') {
		do {
			const char *key = ++p;

			p = skip_name(p);
			require(!json_object_getn(keys, key, (size_t)(p - key)), "a key twice");
			json_object_setn_new(keys, key, (size_t)(p - key), json_null());
			require(p[0] == '=' && p[1] == '"', "a label without a value");
			for (p += 2; *p != '"'; p++) {
				require(*p && *p != '\n', "a value without an end");
				if (*p == '\\')
					require(strchr("n\"\\", *++p) && *p, "an unknown escape");
			}
			p++;
		} while (*p == ',');
		require(*p == '}', "labels without an end");
		p++;
	}
	json_decref(keys);
	return p;
}

static void check_text(const char *text)
{
	require(utf8_valid_prefix(str_from(text)) == strlen(text), "no UTF-8");
	for (const char *p = text; *p; p++) {
		if (*p != '#') {
			p = skip_labels(skip_name(p));
			require(*p == ' ', "no value");
			p += 1 + strspn(p + 1, "0123456789.");
			require(*p == '\n', "a value that is no number");
		}
		p = strchr(p, '\n');
		require(p != NULL, "a line without an end");
	}
}

static void check_fields(const struct metrics_snapshot *snapshot)
{
	struct metrics_fields fields = metrics_fields(snapshot);
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *json;

	metrics_fields_print(&fields, out);
	fclose(out);
	json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	require(json != NULL, "fields that are no JSON");
	json_decref(json);
	free(text);
	metrics_fields_free(&fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *parts[PARTS] = {"", "", "", "", "", ""};
	char *copy = malloc(size + 1), *text;
	struct config config = {.metrics = {.rules_counters = true, .include_empty_values = true}};
	struct metrics_snapshot snapshot = {.config = &config, .kernel_release = "6.1"};
	const struct web_page page = {"/healthz", NULL, NULL}, *found;
	unsigned status;
	size_t at = 0, length;

	memcpy(copy, data, size);
	copy[size] = '\0';
	for (size_t i = 0; i < PARTS && at <= size; i++) {
		parts[i] = copy + at;
		at += strlen(parts[i]) + 1;
	}
	struct str tags[] = {str_from(parts[1]), str_from(parts[2]), {copy, size}};
	struct metrics_rule rules[] = {
	    {str_from(parts[0]), SEVERITY_ERROR, "syscall", tags, 3, 1, 5},
	    {{copy, size}, SEVERITY_ERROR, "syscall", tags, 2, 0, 0},
	};
	struct metrics_file file = {true, parts[2], "00"};

	snapshot.rules = rules;
	snapshot.rule_count = 2;
	snapshot.files = &file;
	snapshot.file_count = 1;
	snapshot.hostname = parts[3];
	snapshot.source = snapshot.engine = parts[1];
	text = metrics_text(&snapshot, &length);
	require(text && strlen(text) == length, "text with a NUL in it");
	check_text(text);
	check_fields(&snapshot);
	status = web_route(&page, 1, parts[4], parts[5], &found);
	require((status == 200) == (found != NULL), "a page that is none");
	require(status != 200 || strcmp(parts[5], "/healthz") == 0, "a page of another name");
	free(text);
	free(copy);
	return 0;
}
