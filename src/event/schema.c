/* SPDX-License-Identifier: Apache-2.0 */
#include "event/schema.h"

#include "event/schema_tables.h"

const struct event_schema *event_schema_get(uint16_t code)
{
	return code < event_code_count ? &schema_events[code] : NULL;
}

const struct event_schema *event_schema_of_generic(uint16_t kind)
{
	uint8_t index = kind < event_kind_count ? schema_generic_by_kind[kind] : 0;

	return index ? &schema_generic[index - 1] : &schema_events[1];
}

int event_schema_param(const struct event_schema *schema, struct str name)
{
	/* On the way of events: most names differ in their first letter. */
	for (int i = 0; i < schema->nparams && name.n; i++) {
		if (schema->params[i].name[0] == name.p[0] &&
		    str_equal_c(name, schema->params[i].name))
			return i;
	}
	return -1;
}

int event_kind_by_name(struct str name)
{
	size_t low = 0, high = event_kind_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint16_t kind = schema_kinds_by_name[middle];
		int order = str_compare(name, str_from(schema_kinds[kind].name));

		if (order == 0)
			return kind;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

int event_code_by_name(struct str name)
{
	int kind = event_kind_by_name(name);

	return kind < 0 ? -1 : schema_kinds[kind].code;
}

const char *event_kind_name(uint16_t kind)
{
	return kind < event_kind_count ? schema_kinds[kind].name : NULL;
}

int event_kind_of_x86_64(uint16_t nr)
{
	return nr < SYSCALL_NR_LIMIT ? (int)schema_kinds_by_x86_64_nr[nr] - 1 : -1;
}

uint16_t event_kind_of_generic(uint16_t scap_syscall)
{
	const struct syscall_schema *call = syscall_schema_by_scap_nr(scap_syscall);

	return call ? call->kind : schema_events[1].kind;
}

enum event_category event_kind_category(uint16_t kind)
{
	return kind < event_kind_count ? schema_kinds[kind].category : CATEGORY_UNKNOWN;
}

uint16_t event_kind_flags(uint16_t kind)
{
	return kind < event_kind_count ? schema_kinds[kind].flags : 0;
}

const struct syscall_schema *syscall_schema_get(uint16_t nr)
{
	uint16_t index = nr < SYSCALL_NR_LIMIT ? schema_syscalls_by_nr[nr] : 0;

	return index ? &schema_syscalls[index - 1] : NULL;
}

const struct syscall_schema *syscall_schema_by_scap_nr(uint16_t scap_nr)
{
	uint16_t index = scap_nr < schema_scap_nr_count ? schema_syscalls_by_scap_nr[scap_nr] : 0;

	return index ? &schema_syscalls[index - 1] : NULL;
}

const struct flag_table *flag_table_get(const char *name)
{
	size_t low = 0, high = schema_flag_table_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, schema_flag_tables[middle]->name);

		if (order == 0)
			return schema_flag_tables[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *event_category_name(enum event_category category)
{
	static const char *const names[] = {
	    [CATEGORY_UNKNOWN] = "unknown",
	    [CATEGORY_OTHER] = "other",
	    [CATEGORY_FILE] = "file",
	    [CATEGORY_NET] = "net",
	    [CATEGORY_IPC] = "IPC",
	    [CATEGORY_WAIT] = "wait",
	    [CATEGORY_SIGNAL] = "signal",
	    [CATEGORY_SLEEP] = "sleep",
	    [CATEGORY_TIME] = "time",
	    [CATEGORY_PROCESS] = "process",
	    [CATEGORY_SCHEDULER] = "scheduler",
	    [CATEGORY_MEMORY] = "memory",
	    [CATEGORY_USER] = "user",
	    [CATEGORY_SYSTEM] = "system",
	    [CATEGORY_INTERNAL] = "internal",
	    [CATEGORY_IO_READ] = "IO-read",
	    [CATEGORY_IO_WRITE] = "IO-write",
	    [CATEGORY_IO_OTHER] = "IO-other",
	};

	if ((size_t)category >= sizeof(names) / sizeof(names[0]))
		return "unknown";
	return names[category];
}
