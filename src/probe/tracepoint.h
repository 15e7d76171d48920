/* SPDX-License-Identifier: Apache-2.0 */
/* What the running kernel has for programs to be attached to, from its BTF. */
#ifndef SAKER_PROBE_TRACEPOINT_H
#define SAKER_PROBE_TRACEPOINT_H

#include <stddef.h>

/*
 * How many arguments the tracepoint's programs get; -1: there is no such tracepoint. btf is the
 * content of /sys/kernel/btf/vmlinux; anything else does no harm. Types are looked through in order
 * and nothing is kept, which takes a millisecond: an index of them all would take tens.
 */
int tracepoint_arguments(const void *btf, size_t size, const char *name);

/*
 * The types of functions, by name; 0: there is none of that name. btf as above. One pass over all
 * types.
 */
void kernel_functions(const void *btf, size_t size, const char *const *names, int *ids,
		      size_t count);

#endif
