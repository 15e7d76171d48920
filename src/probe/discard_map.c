/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/discard_map.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

int discard_map_make(const struct discard_table *table, uint32_t number)
{
	CLEANUP_FREE struct discard_table *copy = NULL;
	uint32_t zero = 0;
	int status, fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "saker_discards", sizeof(zero),
					sizeof(*table), 1, NULL);

	if (fd < 0 || !table)
		return fd;
	copy = malloc(sizeof(*copy));
	if (copy) {
		memcpy(copy, table, sizeof(*copy));
		copy->number = number;
	}
	status = copy ? bpf_map_update_elem(fd, &zero, copy, BPF_ANY) : -ENOMEM;
	if (status == 0)
		return fd;
	close(fd);
	return status;
}

int discard_map_enter(int map, const struct discard_table *table, uint32_t number,
		      struct error *err)
{
	CLEANUP_CLOSE int fd = -1;
	uint32_t zero = 0;
	int status;

	if (!table) {
		/* Where none was in it there is none to be taken out. */
		bpf_map_delete_elem(map, &zero);
		return 0;
	}
	fd = discard_map_make(table, number);
	status = fd < 0 ? fd : bpf_map_update_elem(map, &zero, &fd, BPF_ANY);
	if (status == 0)
		return 0;
	return error_set(err, status, "cannot give the kernel the table of what is discarded: %s",
			 strerror(-status));
}
