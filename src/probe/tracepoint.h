/* SPDX-License-Identifier: Apache-2.0 */
/* What a tracepoint of the running kernel gives to programs, from the kernel's BTF. */
#ifndef SAKER_PROBE_TRACEPOINT_H
#define SAKER_PROBE_TRACEPOINT_H

#include <stddef.h>

/*
 * How many arguments the tracepoint's programs get; -1: there is no such tracepoint. btf is the
 * content of /sys/kernel/btf/vmlinux; anything else does no harm. Types are looked through in order
 * and nothing is kept, which takes a millisecond: an index of them all would take tens.
 */
int tracepoint_arguments(const void *btf, size_t size, const char *name);

#endif
