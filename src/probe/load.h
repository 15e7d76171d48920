/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading programs in several threads. Verifying them is most of what a start takes, and libbpf
 * loads one after the other; so what it has prepared is taken from it, loaded aside, and given
 * back.
 *
 * Begin before the object is opened; when it is open, name the targets; then load it as ever; the
 * end waits for all programs. Concerns programs of sections "tp_btf/NAME", "fentry/NAME" and
 * "raw_tp"; others are loaded by libbpf itself. Attach those with bpf_program__attach_trace.
 *
 * libbpf has its handlers of sections for the whole process: no other thread may open an object
 * between begin and end.
 */
#ifndef SAKER_PROBE_LOAD_H
#define SAKER_PROBE_LOAD_H

#include "base/buffer.h"

#include <stdbool.h>

struct bpf_object;
struct bpf_program;
struct load;

/* Programs that may be refused. */
struct load_optional {
	const char *prefix;  /* of their names */
	bool is_left_out;    /* one was */
	struct buffer *said; /* the verifier's last words then; NULL: not wanted */
};

/* With so many helpers beside this thread. NULL: no memory, or no such handlers. */
struct load *load_begin(unsigned helpers);
int load_set_targets(struct bpf_object *object);
/* The kernel's function, as type in its BTF, that a program of "fentry/NAME" is for. NULL: libbpf
   looks for it. */
void load_set_function(struct load *l, const struct bpf_program *program, uint32_t type_id);
/*
 * A negative errno where a program was refused, with the verifier's last words in said. Frees; NULL
 * does nothing. Where the object was not loaded it must be closed only afterwards.
 *
 * What is in the place of an optional program that was refused does nothing.
 */
int load_end(struct load *l, struct load_optional *optional, size_t count, struct buffer *said);

#endif
