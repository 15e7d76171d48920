/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives every file of the directories named on the command line to a fuzz target: the seeds and
 * past findings as a regression test, without libFuzzer. An empty input goes first.
 */
#include "base/cleanup.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	CLEANUP_FREE uint8_t *text = NULL;
	size_t size = 0, room = 0;

	if (!f) {
		perror(path);
		return 1;
	}
	do {
		room = room ? room * 2 : 4096;
		text = realloc(text, room);
		if (!text)
			abort();
		size += fread(text + size, 1, room - size, f);
	} while (size == room);

	/* A block of exactly that size, so that a read past its end is found. */
	CLEANUP_FREE uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		abort();
	memcpy(exact, text, size);
	LLVMFuzzerTestOneInput(exact, size);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;
	unsigned files = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		DIR *directory = opendir(argv[i]);
		struct dirent *entry;

		while (directory && (entry = readdir(directory))) {
			char path[4096];

			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			failed |= replay_file(path);
			files++;
		}
		if (directory)
			closedir(directory);
	}
	printf("%u files\n", files);
	return failed;
}
