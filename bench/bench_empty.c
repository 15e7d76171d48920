/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaches a program that does nothing to the tracepoints that the probe uses, says "ready" and
 * stays until its input ends: what any monitor on those tracepoints must cost.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const tracepoints[] = {"sys_exit", "sched_process_exec", "sched_process_fork",
					  "sched_process_exit"};

static int attach_empty(const char *tracepoint)
{
	static const struct bpf_insn nothing[] = {
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	    {.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP), program;

	if (id < 0)
		return id;
	options.attach_btf_id = (__u32)id;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", nothing,
				sizeof(nothing) / sizeof(*nothing), &options);
	return program < 0 ? program : bpf_raw_tracepoint_open(NULL, program);
}

int main(void)
{
	char byte;

	for (size_t i = 0; i < sizeof(tracepoints) / sizeof(*tracepoints); i++) {
		int link = attach_empty(tracepoints[i]);

		if (link < 0) {
			fprintf(stderr, "bench_empty: %s: %s\n", tracepoints[i], strerror(-link));
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
