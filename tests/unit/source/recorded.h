/* SPDX-License-Identifier: Apache-2.0 */
/* Records as the probe makes them, for tests of what writes captures. */
#ifndef SAKER_TESTS_UNIT_SOURCE_RECORDED_H
#define SAKER_TESTS_UNIT_SOURCE_RECORDED_H

#include "event/event.h"
#include "source/capture_write.h"

#include "../unit.h"

#include <unistd.h>

enum { RECORDED_TIME = 1000000000 };

static inline struct task_facts recorded_task(int32_t pid, int32_t tid)
{
	return (struct task_facts){.start_time = 5000 + (uint64_t)pid,
				   .pid = pid,
				   .tid = tid,
				   .vpid = pid,
				   .vtid = tid,
				   .ppid = 1,
				   .uid = 1000,
				   .loginuid = 77,
				   .comm = "worker"};
}

/* openat(2) of a name, answering a descriptor, of a file that the kernel knows by another name. */
static inline const struct record *recorded_open(uint8_t *memory, size_t room,
						 const struct task_facts *task, const char *name,
						 const char *resolved)
{
	struct record_builder b;

	record_begin(&b, memory, room, (uint16_t)event_code_by_name(STR("openat")), RECORDED_TIME,
		     task, 3);
	record_param_int(&b, 3);
	record_param_int(&b, -100);
	record_param_str(&b, str_from(name));
	record_param_int(&b, 1);
	record_param_int(&b, 0);
	record_param_int(&b, 9);
	record_param_int(&b, 4711);
	if (resolved)
		record_annex(&b, ANNEX_PATH_RESOLVED, 2, str_from(resolved));
	assert_true(record_end(&b) > 0);
	return (const struct record *)memory;
}

static inline char *recorded_path(char *path, size_t room, const char *name)
{
	const char *directory = getenv("TMPDIR");

	snprintf(path, room, "%s/saker-%s-%d", directory ? directory : "/tmp", name, (int)getpid());
	return path;
}

#endif
