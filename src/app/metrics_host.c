/* SPDX-License-Identifier: Apache-2.0 */
#include "app/metrics_host.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static FILE *open_file(const char *root, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return fopen(full, "re");
}

static bool read_number(const char *root, const char *path, uint64_t *value)
{
	CLEANUP_FCLOSE FILE *f = open_file(root, path);

	return f && fscanf(f, "%" SCNu64, value) == 1;
}

/* A line "Name:   123 kB" each. */
struct wanted_line {
	const char *name;
	uint64_t *value;
};

static void read_lines(const char *root, const char *path, const struct wanted_line *wanted,
		       size_t count)
{
	CLEANUP_FCLOSE FILE *f = open_file(root, path);
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < count; i++) {
			size_t n = strlen(wanted[i].name);

			if (strncmp(line, wanted[i].name, n) == 0)
				*wanted[i].value = strtoull(line + n, NULL, 10);
		}
}

static double to_one_digit(double value)
{
	return round(value * 10) / 10;
}

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* When this process began, in seconds since the machine did; -1: not known. */
static double start_of_process(void)
{
	CLEANUP_FCLOSE FILE *f = open_file("", "/proc/self/stat");
	char line[1024];
	uint64_t ticks;
	char *at;

	if (!f || !fgets(line, sizeof(line), f))
		return -1;
	/* The name may hold anything; what is behind its last bracket are numbers. */
	at = strrchr(line, ')');
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %" SCNu64,
			  &ticks) != 1)
		return -1;
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void read_own(struct metrics_host *host)
{
	const struct wanted_line status[] = {{"VmSize:", &host->vsz_kib},
					     {"VmRSS:", &host->rss_kib}};
	const struct wanted_line rollup[] = {{"Pss:", &host->pss_kib}};
	double start = start_of_process(), elapsed = seconds(CLOCK_BOOTTIME) - start;

	if (start >= 0 && elapsed > 0)
		host->cpu_percent = to_one_digit(100 * seconds(CLOCK_PROCESS_CPUTIME_ID) / elapsed);
	read_lines("", "/proc/self/status", status, 2);
	read_lines("", "/proc/self/smaps_rollup", rollup, 1);
}

/* What a container's limit is compared with: cgroups of version 1, and of version 2. */
static void read_container(struct metrics_host *host)
{
	static const char *const files[] = {"/sys/fs/cgroup/memory/memory.usage_in_bytes",
					    "/sys/fs/cgroup/memory.current"};
	const char *given = getenv("FALCO_CGROUP_MEM_PATH");

	if (given && *given && !strstr(given, "..")) {
		read_number("", given, &host->container_memory);
		return;
	}
	for (size_t i = 0; i < 2; i++)
		if (read_number("", files[i], &host->container_memory))
			return;
}

static void read_host(struct metrics_host *host, const char *root)
{
	uint64_t total = 0, available = 0, buffers = 0, cached = 0, times[7] = {0}, sum = 0;
	const struct wanted_line memory[] = {{"MemTotal:", &total},
					     {"MemFree:", &available},
					     {"Buffers:", &buffers},
					     {"Cached:", &cached}};
	const struct wanted_line running[] = {{"procs_running", &host->host_procs_running}};
	CLEANUP_FCLOSE FILE *f = open_file(root, "/proc/stat");

	read_lines(root, "/proc/meminfo", memory, 4);
	if (total > available + buffers + cached)
		host->host_memory_kib = total - available - buffers - cached;
	read_number(root, "/proc/sys/fs/file-nr", &host->host_open_fds);
	read_lines(root, "/proc/stat", running, 1);
	if (f && fscanf(f,
			"cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			" %" SCNu64,
			&times[0], &times[1], &times[2], &times[3], &times[4], &times[5],
			&times[6]) == 7) {
		for (int i = 0; i < 7; i++)
			sum += times[i];
		if (sum > 0)
			host->host_cpu_percent =
			    to_one_digit(100 - 100 * (double)times[3] / (double)sum);
	}
}

void metrics_host_read(struct metrics_host *host, const char *host_root)
{
	*host = (struct metrics_host){0};
	read_own(host);
	read_container(host);
	read_host(host, host_root);
}

uint64_t metrics_host_boot_time(const char *host_root)
{
	uint64_t seconds_since_epoch = 0;
	const struct wanted_line boot[] = {{"btime", &seconds_since_epoch}};

	read_lines(host_root, "/proc/stat", boot, 1);
	return seconds_since_epoch * UINT64_C(1000000000);
}
