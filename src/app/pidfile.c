/* SPDX-License-Identifier: Apache-2.0 */
#include "app/pidfile.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0: there is no such file, or something else in it. */
static int read_pid(const char *path)
{
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	char text[32];
	uint64_t pid;

	if (!f || !fgets(text, sizeof(text), f) || !str_to_u64(str_trim(str_from(text)), &pid) ||
	    pid == 0 || pid > INT_MAX)
		return 0;
	return (int)pid;
}

/* Numbers are used again: what runs under that one may be any program. */
static bool is_this_program(int pid)
{
	char path[64];
	struct stat other, own;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return stat(path, &other) == 0 && stat("/proc/self/exe", &own) == 0 &&
	       other.st_dev == own.st_dev && other.st_ino == own.st_ino;
}

int pidfile_write(const char *path, struct error *err)
{
	int pid = read_pid(path);
	FILE *f;

	if (pid && pid != getpid() && is_this_program(pid))
		return error_set(err, -EEXIST, "process id file %s: process %d runs already", path,
				 pid);
	f = fopen(path, "we");
	if (!f)
		return error_set(err, -errno, "process id file %s: %s", path, strerror(errno));
	if (fprintf(f, "%d\n", (int)getpid()) < 0 || fflush(f) != 0) {
		int status =
		    error_set(err, -errno, "process id file %s: %s", path, strerror(errno));

		fclose(f);
		return status;
	}
	fclose(f);
	return 0;
}

void pidfile_remove(const char *path)
{
	if (read_pid(path) == getpid())
		unlink(path);
}
