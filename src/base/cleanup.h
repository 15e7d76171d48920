/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound release of resources: a variable declared with one of these attributes is released
 * when its scope ends, on every path out of it.
 */
#ifndef SAKER_BASE_CLEANUP_H
#define SAKER_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_pointer(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define CLEANUP_FREE __attribute__((cleanup(cleanup_free_pointer)))
#define CLEANUP_CLOSE __attribute__((cleanup(cleanup_close_fd)))
#define CLEANUP_FCLOSE __attribute__((cleanup(cleanup_close_file)))

#endif
