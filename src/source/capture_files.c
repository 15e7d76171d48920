/* SPDX-License-Identifier: Apache-2.0 */
#include "source/capture_files.h"
#include "base/cleanup.h"
#include "base/vec.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DIGITS = 20 };

struct file {
	char *name;
	uint64_t bytes;
};

bool capture_file_name(char *out, size_t room, const char *prefix, uint64_t time, uint64_t number)
{
	int n = snprintf(out, room, "%s_%0*" PRIu64 "_%0*" PRIu64 ".scap", prefix, DIGITS, time,
			 DIGITS, number);

	return n > 0 && (size_t)n < room;
}

static bool is_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* Of our own making; nothing else is ever removed. */
static bool is_capture(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	const char *p = name + n;

	return strncmp(name, prefix, n) == 0 &&
	       strlen(p) == 2 * (1 + DIGITS) + sizeof(".scap") - 1 && p[0] == '_' &&
	       is_digits(p + 1, DIGITS) && p[1 + DIGITS] == '_' &&
	       is_digits(p + 2 + DIGITS, DIGITS) && strcmp(p + 2 * (1 + DIGITS), ".scap") == 0;
}

static int by_name(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

size_t capture_files_limit(const char *prefix, size_t max_files, uint64_t max_bytes)
{
	const char *slash = strrchr(prefix, '/');
	const char *base = slash ? slash + 1 : prefix;
	char directory[PATH_MAX];
	VEC(struct file) files = {0};
	uint64_t bytes = 0;
	size_t removed = 0;
	struct dirent *entry;

	snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - prefix + 1) : 2,
		 slash ? prefix : "./");
	DIR *dir = opendir(directory);
	while (dir && (entry = readdir(dir))) {
		struct stat st;

		if (!is_capture(entry->d_name, base) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		VEC_PUSH(&files, (struct file){strdup(entry->d_name), (uint64_t)st.st_size});
		bytes += (uint64_t)st.st_size;
	}
	if (files.count)
		qsort(files.items, files.count, sizeof(*files.items), by_name);
	for (size_t i = 0; i < files.count; i++) {
		struct file *f = &files.items[i];
		bool is_too_much =
		    (max_files && files.count - i > max_files) || (max_bytes && bytes > max_bytes);

		if (is_too_much && f->name && unlinkat(dirfd(dir), f->name, 0) == 0) {
			removed++;
			bytes -= f->bytes;
		}
		free(f->name);
	}
	VEC_FREE(&files);
	if (dir)
		closedir(dir);
	return removed;
}
