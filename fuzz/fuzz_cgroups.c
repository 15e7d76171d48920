/* SPDX-License-Identifier: Apache-2.0 */
/* Any cgroups, any path: what is found lies inside of what was given. */
#include "state/container.h"
#include "state/path.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static bool is_within(struct str part, struct str whole)
{
	return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct container c;
	char memory[512];
	char again_memory[512];
	struct buffer path = BUFFER(memory);
	struct buffer again = BUFFER(again_memory);

	if (container_from_cgroups(text, &c)) {
		require(c.type != CONTAINER_NONE && c.full_id.n && c.id.n, "an empty container");
		require(is_within(c.full_id, text), "an id from elsewhere");
		require(str_starts_with(c.full_id, c.id), "a short id that is not the long one's");
	}

	size_t middle = str_find_byte(text, '\n', 0);
	path_join(&path, str_slice(text, 0, middle), str_slice(text, middle + 1, text.n));
	require(path.n <= path.room, "a path longer than its room");
	if (path.is_truncated || !path.n || path.p[0] != '/')
		return 0;
	require(path_is_normal(buffer_str(&path)), "joined, and yet not normal");
	path_join(&again, STR("/elsewhere"), buffer_str(&path));
	require(str_equal(buffer_str(&again), buffer_str(&path)), "a normal path that changes");
	require(is_within(path_basename(buffer_str(&path)), buffer_str(&path)), "basename");
	require(is_within(path_directory(buffer_str(&path)), buffer_str(&path)), "directory");
	return 0;
}
