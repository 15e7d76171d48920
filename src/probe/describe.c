/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"
#include "probe/shared.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "collect_table.h"

enum { ATTACHED_MAX = 64 };

static void describe_kernel(const struct probe_abilities *a, struct buffer *out)
{
	const struct {
		bool is_there;
		const char *since, *what;
	} features[] = {
	    {a->has_rings, "5.8", "ring buffers"},
	    {a->has_task_loads, "5.11", "task facts by direct loads"},
	    {a->has_loop, "5.17", "paths of any depth"},
	    {a->has_file_loads, "6.2", "files and paths by direct loads"},
	};
	struct utsname name = {0};

	uname(&name);
	buffer_printf(out, "kernel %s, %d CPUs, BTF %s\n", name.release, a->cpus,
		      a->has_btf ? "yes" : "no");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		buffer_printf(out, "%-36s %s (since %s)\n", features[i].what,
			      features[i].is_there ? "yes" : "no", features[i].since);
	buffer_printf(out, "%-36s %s\n", "task iterator", a->has_iterator ? "yes" : "no");
	buffer_printf(out, "%-36s %s\n", "io_uring's requests",
		      a->uring_submission ? "yes" : "no (since 6.0)");
	buffer_printf(out, "%-36s %s", "hooks within calls", a->has_hooks ? "yes" : "no");
	if (!a->has_hooks)
		buffer_printf(out, " (%s)",
			      a->hook_refusal ? strerror(a->hook_refusal)
					      : "the kernel has no such functions");
	buffer_printf(out, "\n%-36s %s (since 6.13)\n", "inodes that calls change",
		      a->has_changes ? "yes" : "no");
}

/* Where each kind of fact comes from on this kernel, and what that leaves out. */
static void describe_facts(const struct probe_abilities *a, struct buffer *out)
{
	char uring[160] = "nothing here: requests are not seen", names[384], reboots[256];
	const struct {
		const char *fact, *source;
	} facts[] = {
	    {"calls",
	     a->has_names
		 ? "tp_btf/sys_exit: number, arguments and result from the registers; names by "
		   "the kernel's copies (fentry/putname), while rules ask; other texts from the "
		   "caller's memory when the call returns"
		 : "tp_btf/sys_exit: number, arguments and result from the registers, texts from "
		   "the caller's memory when the call returns"},
	    {"opened files", "the file that the descriptor is of: path, inode, layer; not the name "
			     "that the caller's memory holds"},
	    {"names of other calls", names},
	    {"sockets", "the socket: both ends, when the call returns"},
	    {"where datagrams went",
	     a->has_routes ? "tp_btf/fib_table_lookup, tp_btf/fib6_table_lookup, while rules ask: "
			     "the route that is looked up within the call"
			   : "the caller's memory when the call returns"},
	    {"programs",
	     "tp_btf/sched_process_exec: the file that the kernel runs, arguments as it "
	     "holds them"},
	    {"new processes",
	     "tp_btf/sched_process_fork, before the child can run; flags of clone3, while "
	     "rules ask for it, from tp_btf/task_newtask"},
	    {"ends of processes", "tp_btf/sched_process_exit: status, signal, reaper"},
	    {"names of processes", "tp_btf/task_rename, by whatever way they are given"},
	    {"processes before the start",
	     a->has_iterator ? "task iterator, arguments and environment from /proc" : "/proc"},
	    {"io_uring", uring},
	    {"modules", a->has_module_loads
			    ? "tp_btf/module_load, before the module runs, while rules ask; what "
			      "fails when the call returns"
			    : "the calls, when they return"},
	    {"reboots", reboots},
	    {"signals, switches", "tp_btf/signal_deliver, tp_btf/sched_switch, while rules ask"},
	    {"page faults",
	     a->has_page_faults
		 ? "tp_btf/page_fault_user, tp_btf/page_fault_kernel, while rules ask"
		 : "nothing here: rules on them see none"},
	    {"who did it", "the task itself, in every record: ids, names, parent, cgroup"},
	};

	if (a->uring_submission)
		snprintf(uring, sizeof(uring),
			 "%s, io_uring_complete, io_uring_cqe_overflow, while rules ask for calls "
			 "that requests can do",
			 a->uring_submission);
	snprintf(names, sizeof(names), "%s%s%s",
		 a->has_hooks ? "hooks within the call (fentry), while rules ask; of calls that "
				"fail before those: "
			      : "",
		 a->has_changes ? "the inode that the call changed (tracepoints of times), while "
				  "rules ask; of calls that change none: "
				: "",
		 a->has_loop
		     ? a->has_names
			   ? "the name that was given, and followed once more in the "
			     "kernel's cache of names"
			   : "the name in the caller's memory, and followed once more in the "
			     "kernel's cache of names; memory that is rewritten meanwhile "
			     "can mislead both"
		     : "the name that was given alone: links and mounts are not followed");
	snprintf(
	    reboots, sizeof(reboots),
	    "%s, before the machine ends, and the end of who ends a pid namespace, while rules "
	    "ask; what fails when the call returns",
	    a->has_notifiers ? "notifier_run"
	    : a->has_hooks   ? "a hook where the kernel tells its parts (fentry)"
			     : "console, which of restarts is too late");
	buffer_put(out, STR("facts and where they come from\n"));
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		buffer_printf(out, "  %-27s %s\n", facts[i].fact, facts[i].source);
}

/* How many calls have an event of their own, and who collects it. */
static void describe_calls(struct buffer *out)
{
	unsigned by_table = 0, by_program = 0, generic = 0;

	for (uint16_t nr = 0; nr < PROBE_SYSCALLS; nr++) {
		const struct collect_row *row = &collect_rows[nr];

		if (row->flags & ROW_UNUSED)
			continue;
		if (row->code == CODE_GENERIC)
			generic++;
		else if (row->family == FAMILY_FORK || row->family == FAMILY_EXEC)
			by_program++;
		else
			by_table++;
	}
	buffer_printf(out,
		      "calls: %u by rows of a table, %u by programs of their own, %u as number, "
		      "arguments and result\n",
		      by_table, by_program, generic);
}

void probe_describe(struct probe *p, struct buffer *out)
{
	struct probe_abilities a = probe_abilities(p);
	struct probe_ring rings[PROBE_RINGS + 1];
	const char *attached[ATTACHED_MAX];
	size_t ring_count = probe_rings(p, rings, PROBE_RINGS + 1);
	size_t attached_count = probe_attached(p, attached, ATTACHED_MAX);

	describe_kernel(&a, out);
	for (size_t i = 0; i < ring_count; i++)
		buffer_printf(out, "ring %zu: %u KiB, %s\n", i, rings[i].bytes / 1024,
			      rings[i].kind == RING_CRITICAL ? "critical events" : "common");
	for (size_t i = 0; i < attached_count; i++)
		buffer_printf(out, "attached: %s\n", attached[i]);
	describe_facts(&a, out);
	describe_calls(out);
}

void probe_describe_programs(const struct probe *p, struct buffer *out)
{
	struct probe_run run, all = {0};

	buffer_printf(out, "%-24s %12s %12s %12s\n", "program", "verified", "instructions",
		      "native bytes");
	for (size_t i = 0; probe_run(p, i, &run); i++) {
		buffer_printf(out, "%-24s %12u %12u %12u\n", run.name, run.verified,
			      run.instructions, run.native_bytes);
		all.verified += run.verified;
		all.instructions += run.instructions;
		all.native_bytes += run.native_bytes;
	}
	buffer_printf(out, "%-24s %12u %12u %12u\n", "all", all.verified, all.instructions,
		      all.native_bytes);
}
