/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * All programs of the probe, one object. Each header holds one family; core.bpf.h says what all of
 * them build on.
 */
#include "probe/discard_facts.bpf.h"
#include "probe/discard_opens.bpf.h"
#include "probe/early.bpf.h"
#include "probe/exec.bpf.h"
#include "probe/fork.bpf.h"
#include "probe/names.bpf.h"
#include "probe/other.bpf.h"
#include "probe/tasks.bpf.h"
#include "probe/uring.bpf.h"

char LICENSE[] SEC("license") = "GPL";
