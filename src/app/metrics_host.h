/* SPDX-License-Identifier: Apache-2.0 */
/* What the system says of this process and of itself, for metrics. Reads files: no event waits. */
#ifndef SAKER_APP_METRICS_HOST_H
#define SAKER_APP_METRICS_HOST_H

#include <stdint.h>

/* Zero is what could not be read. */
struct metrics_host {
	double cpu_percent; /* of one CPU, since the process's start */
	uint64_t rss_kib, vsz_kib, pss_kib;
	uint64_t container_memory; /* bytes; of the cgroup */
	double host_cpu_percent;   /* since the machine's start */
	uint64_t host_memory_kib;  /* in use */
	uint64_t host_procs_running, host_open_fds;
};

/* host_root: the prefix under which the host's files are. */
void metrics_host_read(struct metrics_host *host, const char *host_root);
/* ns since the epoch. */
uint64_t metrics_host_boot_time(const char *host_root);

/* The addresses of a network interface, one family at a time, with commas between them: the values
 * are gone when visit returns. The loopback interface is left out. */
void metrics_host_each_interface(void (*visit)(void *context, const char *interface,
					       const char *family, const char *addresses),
				 void *context);

#endif
