/* SPDX-License-Identifier: Apache-2.0 */
/* A second thread that rewrites what calls are given, all the time, while the first makes them. */
#ifndef SAKER_TESTS_EVADE_REWRITE_H
#define SAKER_TESTS_EVADE_REWRITE_H

#include "evade.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/* To one of the processors that we may use: two threads on one would not race. */
static inline void settle(int turn)
{
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && turn-- == 0)
			CPU_SET(cpu, &one);
	if (CPU_COUNT(&one))
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static inline uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

struct rewriting {
	void (*rewrite)(uint32_t *random);
	atomic_bool is_over;
};

static inline void *rewrite_forever(void *context)
{
	struct rewriting *r = context;
	uint32_t random = 2463534242;

	settle(1);
	while (!atomic_load_explicit(&r->is_over, memory_order_relaxed)) {
		r->rewrite(&random);
		/* About as long as a call takes. */
		for (volatile unsigned i = 0; i < next_random(&random) % 256; i++)
			;
	}
	return NULL;
}

static inline double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Makes COUNT calls, for at most SECONDS; once answers less than 0 where it cannot go on. */
static inline int make_calls(char **arg, void (*rewrite)(uint32_t *random), int (*once)(void))
{
	unsigned long count = strtoul(arg[0], NULL, 10), calls = 0;
	double end = seconds_now() + atof(arg[1]);
	struct rewriting r = {.rewrite = rewrite};
	pthread_t thread;
	int status = 0;

	if (pthread_create(&thread, NULL, rewrite_forever, &r) != 0)
		return refused("thread");
	settle(0);
	while (!status && calls < count && (calls % 64 || seconds_now() < end)) {
		if (once() < 0)
			status = refused("call");
		/* So that who watches comes along. */
		if (++calls % 64 == 0)
			usleep(500);
	}
	atomic_store(&r.is_over, true);
	pthread_join(thread, NULL);
	return status;
}

#endif
