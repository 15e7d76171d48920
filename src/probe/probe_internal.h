/* SPDX-License-Identifier: Apache-2.0 */
/* An open probe's inside, for probe.c, counters.c and discard_map.c alone. */
#ifndef SAKER_PROBE_PROBE_INTERNAL_H
#define SAKER_PROBE_PROBE_INTERNAL_H

#include "probe/hooks.h"
#include "probe/probe.h"
#include "probe/shared.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "saker_probe.skel.h"

enum { LINKS_MAX = 24 };

struct probe {
	struct saker_probe *programs;
	struct probe_ring rings[PROBE_RINGS + 1];
	size_t nrings;
	struct bpf_link *links[LINKS_MAX];
	const char *attached[LINKS_MAX];
	size_t nlinks;
	int ncpus;
	uint32_t discard_tables;  /* that were ever in use */
	const uint64_t *discards; /* by CPU and event code; NULL: they cannot be read */
	struct discard_process *discard_processes; /* NULL: none can be told of */
	uint8_t keeps[PROBE_SYSCALLS];             /* see probe_keep; atomic */
	bool has_iterator;
	bool has_page_faults;
	bool has_module_loads;           /* tracepoints */
	bool has_routes, has_routes6;    /* likewise */
	bool has_notifiers, has_console; /* likewise */
	bool has_uring;
	const char *uring_submission; /* tracepoint that tells of it */
	struct hooks hooks;
};

#endif
