/* SPDX-License-Identifier: Apache-2.0 */
/* Waking a thread that waits with poll: an eventfd, which counts wakes until they are taken. */
#ifndef SAKER_BASE_WAKE_H
#define SAKER_BASE_WAKE_H

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Negative with errno set where there is none to be had. Close it. */
static inline int wake_open(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/*
 * From any thread, and from a signal's handler. Fails only where it is so full of wakes that one
 * more changes nothing.
 */
static inline void wake_send(int fd)
{
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

/* All wakes until now; nothing where there was none. */
static inline void wake_take(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
}

#endif
