/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/discard_map.h"

#include "base/cleanup.h"
#include "probe/probe_internal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

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

static size_t counts_size(const struct probe *p)
{
	return (size_t)p->ncpus * PROBE_CODES * sizeof(*p->discards);
}

static size_t processes_size(const struct probe *p)
{
	return DISCARD_PROCESSES * sizeof(*p->discard_processes);
}

static void *map_memory(const struct bpf_map *map, size_t size, int protection)
{
	void *memory = mmap(NULL, size, protection, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void discards_map(struct probe *p)
{
	const struct saker_probe *s = p->programs;

	p->discards = map_memory(s->maps.discards_by_code, counts_size(p), PROT_READ);
	p->discard_processes =
	    map_memory(s->maps.discard_processes, processes_size(p), PROT_READ | PROT_WRITE);
}

void discards_unmap(struct probe *p)
{
	if (p->discards)
		munmap((void *)p->discards, counts_size(p));
	if (p->discard_processes)
		munmap(p->discard_processes, processes_size(p));
}

bool probe_keep(struct probe *p, uint16_t nr)
{
	uint16_t *wants = p->programs->bss->wants;

	if (nr >= PROBE_SYSCALLS || __atomic_exchange_n(&p->keeps[nr], 1, __ATOMIC_SEQ_CST))
		return false;
	__atomic_fetch_and(&wants[nr], (uint16_t)~WANT_MAY_BE_OUT, __ATOMIC_SEQ_CST);
	return true;
}

void probe_tell_process(struct probe *p, const struct task_facts *facts, uint64_t clauses)
{
	uint32_t tid = (uint32_t)facts->tid;
	struct discard_process process = {
	    .start_time = facts->start_time,
	    .exec_id = facts->exec_id,
	    .cgroup_id = facts->cgroup_id,
	    .tid = tid,
	    .clauses = clauses,
	    .number = __atomic_load_n(&p->discard_tables, __ATOMIC_SEQ_CST),
	};

	_Static_assert(sizeof(process.comm) == sizeof(facts->comm),
		       "a name of the kernel's length");
	memcpy(process.comm, facts->comm, sizeof(process.comm));
	process.seal = discard_seal(&process, clauses);
	/* What is not entered is not known. */
	if (p->discard_processes)
		p->discard_processes[tid % DISCARD_PROCESSES] = process;
}
