/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's clocks as one number: nanoseconds, or milliseconds where more is not asked for. */
#ifndef SAKER_BASE_CLOCK_H
#define SAKER_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* The clock must be one that this kernel has: there is no error to report. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static inline uint64_t clock_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline uint64_t clock_monotonic_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

static inline uint64_t clock_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/*
 * Events are stamped with the kernel's time since the machine was started, which CLOCK_BOOTTIME is
 * not in a time namespace (time_namespaces(7)): by so much it is ahead there. Reads /proc.
 */
int64_t clock_boot_shift_ns(void);

static inline uint64_t clock_boot_ns(int64_t shift)
{
	return clock_ns(CLOCK_BOOTTIME) - (uint64_t)shift;
}

/* When the machine was started, in ns since the epoch. */
static inline uint64_t clock_boot_epoch_ns(int64_t shift)
{
	return clock_realtime_ns() - clock_boot_ns(shift);
}

#endif
