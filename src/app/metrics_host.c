/* SPDX-License-Identifier: Apache-2.0 */
#include "app/metrics_host.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
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
	return (double)clock_ns(clock) / 1e9;
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

static size_t put_address(char *to, size_t room, const struct sockaddr *address)
{
	const uint8_t *b;
	size_t n = 0;

	if (address->sa_family == AF_INET) {
		b = (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
		n = (size_t)snprintf(to, room, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
		return n < room ? n : room;
	}
	/* All eight groups, as Falco writes them here. */
	b = ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr;
	for (int i = 0; i < 8 && n < room; i++)
		n += (size_t)snprintf(to + n, room - n, "%s%x", i ? ":" : "",
				      (unsigned)(b[2 * i] << 8 | b[2 * i + 1]));
	return n < room ? n : room;
}

static bool has_address(const struct ifaddrs *a, const char *interface, int family)
{
	return a->ifa_addr && a->ifa_addr->sa_family == family &&
	       (!interface || strcmp(a->ifa_name, interface) == 0);
}

void metrics_host_each_interface(void (*visit)(void *context, const char *interface,
					       const char *family, const char *addresses),
				 void *context)
{
	static const struct {
		int number;
		const char *name;
	} families[] = {{AF_INET, "ipv4"}, {AF_INET6, "ipv6"}};
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	for (size_t f = 0; f < 2; f++)
		for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
			int family = families[f].number;
			const struct ifaddrs *earlier = all;
			char text[1024];
			size_t n = 0;

			if (!has_address(a, NULL, family) || strcmp(a->ifa_name, "lo") == 0)
				continue;
			while (earlier != a && !has_address(earlier, a->ifa_name, family))
				earlier = earlier->ifa_next;
			if (earlier != a)
				continue;
			for (const struct ifaddrs *b = a; b && n < sizeof(text) - 64;
			     b = b->ifa_next) {
				if (!has_address(b, a->ifa_name, family))
					continue;
				if (n > 0)
					text[n++] = ',';
				n += put_address(text + n, sizeof(text) - n, b->ifa_addr);
			}
			visit(context, a->ifa_name, families[f].name, text);
		}
	freeifaddrs(all);
}
