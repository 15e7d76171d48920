/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the probe cannot work on this machine, for a person: what is missing and what to do, where
 * that can be known beforehand or from the code, else what the kernel and libbpf said.
 */
#ifndef SAKER_PROBE_REFUSAL_H
#define SAKER_PROBE_REFUSAL_H

#include "base/buffer.h"
#include "base/error.h"

/* Sets err and answers code, a negative errno; what: was tried; said: libbpf's own words. */
int probe_explain(int code, const char *what, struct buffer *said, struct error *err);

#endif
