/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a busy server, made up: web server workers, a database, a Java service, cron jobs and
 * shells; mostly reads, opens, closes and writes, some connections, few execs. The same seed gives
 * the same records.
 */
#ifndef SAKER_BENCH_ENGINE_EVENTS_H
#define SAKER_BENCH_ENGINE_EVENTS_H

#include "event/event.h"

struct stream {
	char *memory; /* records back to back, each aligned to 8 */
	size_t size;
	size_t *offsets, *sizes;
	size_t count;
};

struct stream stream_new(size_t count, uint64_t seed);
void stream_free(struct stream *s);

#endif
