/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading programs in several threads. Verifying them is most of what a start takes, and libbpf
 * loads one after the other; so what it has prepared is taken from it, loaded aside, and given
 * back.
 *
 * Begin before the object is opened; when it is open, name the targets; then load it as ever; the
 * end waits for all programs. Concerns programs of sections "tp_btf/NAME" and "raw_tp"; others are
 * loaded by libbpf itself. Attach those with bpf_program__attach_trace.
 *
 * libbpf has its handlers of sections for the whole process: no other thread may open an object
 * between begin and end.
 */
#ifndef SAKER_PROBE_LOAD_H
#define SAKER_PROBE_LOAD_H

#include "base/buffer.h"

#include <stdbool.h>

struct bpf_object;
struct load;

/* With so many helpers beside this thread. NULL: no memory, or no such handlers. */
struct load *load_begin(unsigned helpers);
int load_set_targets(struct bpf_object *object);
/*
 * A negative errno where a program was refused, with the verifier's last words in said. Frees; NULL
 * does nothing. Where the object was not loaded it must be closed only afterwards.
 *
 * Programs whose names begin with `optional` may be refused: that sets is_left_out, and the last
 * words are in said as well. What is in their place does nothing.
 */
int load_end(struct load *l, const char *optional, bool *is_left_out, struct buffer *said);

#endif
