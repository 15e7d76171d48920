/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "probe/discard_map.h"
#include "probe/load.h"
#include "probe/probe_internal.h"
#include "probe/refusal.h"
#include "probe/tracepoint.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "collect_table.h"
#include "saker_probe_loop.skel.h"
#include "saker_probe_plain.skel.h"

/* Programs that kernels may refuse: then io_uring is not seen. */
#define URING_PREFIX "uring_"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

enum { ITERATOR_BUFFER = 1 << 18, LOG_BYTES = 4096, BUILD_HELPERS = 4 };

/*
 * libbpf explains failures only by printing, through one function of the whole program without a
 * context: what it says while this thread opens a probe is kept here for the error's message.
 */
static _Thread_local struct buffer *libbpf_said;

__attribute__((format(printf, 2, 0))) static int keep_log(enum libbpf_print_level level,
							  const char *format, va_list args)
{
	char line[512];
	if (level == LIBBPF_DEBUG || !libbpf_said)
		return 0;
	int n = vsnprintf(line, sizeof(line), format, args);
	if (n <= 0)
		return 0;
	if ((size_t)n >= sizeof(line))
		n = sizeof(line) - 1;
	buffer_put(libbpf_said, (struct str){line, (size_t)n});
	return n;
}

/*
 * The names in the kernel's BTF. What a kernel can do shows in the names that it has; libbpf would
 * take tens of milliseconds to index them all.
 */
struct names {
	char *p;
	size_t n;
	bool is_mapped; /* from 6.16 on; reading it takes a system call for each 4 KiB */
};

static struct names names_read(void)
{
	struct names names = {0};
	struct stat st;
	CLEANUP_CLOSE int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || st.st_size <= 0)
		return names;
	names.p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (names.p != MAP_FAILED) {
		names.n = (size_t)st.st_size;
		names.is_mapped = true;
		return names;
	}
	names.p = malloc((size_t)st.st_size);
	while (names.p && names.n < (size_t)st.st_size) {
		ssize_t n = read(fd, names.p + names.n, (size_t)st.st_size - names.n);
		if (n <= 0)
			break;
		names.n += (size_t)n;
	}
	return names;
}

static void names_release(struct names *names)
{
	if (names->is_mapped)
		munmap(names->p, names->n);
	else
		free(names->p);
}

static bool names_have(const struct names *names, const char *name)
{
	char whole[64] = "";
	int n = snprintf(whole + 1, sizeof(whole) - 1, "%s", name);
	return names->p && memmem(names->p, names->n, whole, (size_t)n + 2);
}

/*
 * A kernel that preempts everything (rt) fills up what it gives maps' elements from in a thread,
 * which more urgent ones keep waiting. For names it has few ready. So there these maps have all
 * their memory from the start, of which less has to do.
 */
static void configure_uring_maps(struct saker_probe *s)
{
	const struct {
		struct bpf_map *map;
		uint32_t entries;
	} maps[] = {
	    {s->maps.uring_requests, 8192},
	    {s->maps.uring_names, 1024},
	    {s->maps.uring_second_names, 1024},
	    {s->maps.uring_repeated, 1024},
	};
	struct utsname name;

	if (uname(&name) < 0 || !strstr(name.version, "PREEMPT_RT"))
		return;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		bpf_map__set_map_flags(maps[i].map, 0);
		bpf_map__set_max_entries(maps[i].map, maps[i].entries);
	}
}

/*
 * Since 6.0 both tracepoints of io_uring name the request. They take programs that are bound to no
 * tracepoint, so that several can hand over to one.
 */
static void configure_uring(struct probe *p, const struct names *names)
{
	struct saker_probe *s = p->programs;
	int completion = tracepoint_arguments(names->p, names->n, "io_uring_complete");
	struct bpf_program *const programs[] = {
	    s->progs.uring_submitted, s->progs.uring_completed,     s->progs.uring_overflowed,
	    s->progs.uring_collect,   s->progs.uring_resolve_names,
	};

	if (tracepoint_arguments(names->p, names->n, "io_uring_submit_req") == 1)
		p->uring_submission = "io_uring_submit_req";
	else if (tracepoint_arguments(names->p, names->n, "io_uring_submit_sqe") == 2)
		p->uring_submission = "io_uring_submit_sqe";
	p->has_uring = p->uring_submission && completion >= 3;
	s->rodata->uring_posts_structure = completion == 3;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		bpf_program__set_autoload(programs[i], p->has_uring);
	if (p->has_uring)
		configure_uring_maps(s);
}

/* Sizes of maps, options, and which programs this kernel can have. */
static void configure(struct probe *p, const struct probe_options *options,
		      const struct names *names, struct load *load)
{
	struct saker_probe *s = p->programs;
	unsigned slots = p->ncpus <= 16 ? PROBE_SLOTS : 2;
	uint32_t nrings = 1;
	if (options->cpus_per_ring)
		nrings = ((uint32_t)p->ncpus + options->cpus_per_ring - 1) / options->cpus_per_ring;
	uint32_t per_ring = options->cpus_per_ring;
	if (nrings > PROBE_RINGS) {
		per_ring = ((uint32_t)p->ncpus + PROBE_RINGS - 1) / PROBE_RINGS;
		nrings = ((uint32_t)p->ncpus + per_ring - 1) / per_ring;
	}
	s->rodata->cpus_per_ring = per_ring;
	s->rodata->snaplen = options->snaplen < PROBE_ARGS_MAX ? options->snaplen : PROBE_ARGS_MAX;
	s->rodata->slots_per_cpu = slots;
	s->rodata->drop_failed = options->drop_failed;
	s->rodata->page_kb = (uint32_t)(sysconf(_SC_PAGESIZE) / 1024);
	bpf_map__set_max_entries(s->maps.slots, (unsigned)p->ncpus * slots);
	bpf_map__set_max_entries(s->maps.discards_by_code, (unsigned)p->ncpus * PROBE_CODES);
	bpf_map__set_max_entries(s->maps.rings, nrings);
	bpf_map__set_max_entries(s->maps.ring_critical, options->critical_ring_bytes);
	p->nrings = nrings;
	p->has_iterator = names_have(names, "bpf_iter__task");
	/* Of all architectures only x86 and RISC-V have these. */
	p->has_page_faults = names_have(names, "btf_trace_page_fault_user");
	bpf_program__set_autoload(s->progs.fault_user, p->has_page_faults);
	bpf_program__set_autoload(s->progs.fault_kernel, p->has_page_faults);
	bpf_program__set_autoload(s->progs.dump_tasks, p->has_iterator);
	/* Kernels without modules have none. */
	p->has_module_loads = names_have(names, "btf_trace_module_load");
	bpf_program__set_autoload(s->progs.module_loaded, p->has_module_loads);
	p->has_routes = names_have(names, "btf_trace_fib_table_lookup");
	p->has_routes6 = names_have(names, "btf_trace_fib6_table_lookup");
	bpf_program__set_autoload(s->progs.route_looked_up, p->has_routes);
	bpf_program__set_autoload(s->progs.route6_looked_up, p->has_routes6);
	/* Since 6.6. */
	p->has_notifiers = names_have(names, "btf_trace_notifier_run");
	p->has_console = names_have(names, "btf_trace_console");
	configure_uring(p, names);
	hooks_look(&p->hooks, names->p, names->n);
	hooks_prepare(&p->hooks, s->obj, load);
	s->rodata->has_hooks = p->hooks.can_be_used || p->hooks.has_changes;
	s->rodata->has_names = hooks_have_names(&p->hooks);
}

/* Rings are made before the programs are loaded: the map that holds them takes its form from one.
 */
static int make_rings(struct probe *p, const struct probe_options *options)
{
	size_t n = p->nrings;
	p->nrings = 0;
	while (p->nrings < n) {
		int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "saker_ring", 0, 0,
					options->ring_bytes, NULL);
		if (fd < 0)
			return fd;
		p->rings[p->nrings++] = (struct probe_ring){fd, options->ring_bytes, RING_COMMON};
	}
	return bpf_map__set_inner_map_fd(p->programs->maps.rings, p->rings[0].fd);
}

/*
 * All in one call where the kernel can: it waits after each for what programs may be using, which
 * would be noticed where there are many rings.
 */
static int enter_rings(struct probe *p, const struct probe_options *options, struct error *err)
{
	uint32_t index[PROBE_RINGS], fds[PROBE_RINGS], count = (uint32_t)p->nrings;
	int map = bpf_map__fd(p->programs->maps.rings), r;

	for (uint32_t i = 0; i < p->nrings; i++) {
		index[i] = i;
		fds[i] = (uint32_t)p->rings[i].fd;
	}
	r = bpf_map_update_batch(map, index, fds, &count, NULL);
	for (uint32_t i = r ? 0 : count; i < p->nrings; i++) {
		r = bpf_map_update_elem(map, &index[i], &fds[i], BPF_ANY);
		if (r)
			return error_set(err, r, "cannot use a ring of %u bytes: %s",
					 options->ring_bytes, strerror(-r));
	}
	p->rings[p->nrings++] = (struct probe_ring){bpf_map__fd(p->programs->maps.ring_critical),
						    options->critical_ring_bytes, RING_CRITICAL};
	return 0;
}

/* The map that gives the map of maps its form must be there until the programs are loaded. */
static int shape_discards(struct probe *p, int *form)
{
	*form = discard_map_make(NULL, 0);
	return *form < 0 ? *form : bpf_map__set_inner_map_fd(p->programs->maps.discards, *form);
}

static int enter_families(struct probe *p, struct error *err)
{
	struct saker_probe *s = p->programs;
	const struct bpf_program *families[FAMILY_COUNT] = {
	    [FAMILY_PLAIN] = s->progs.collect_calls,
	    [FAMILY_OPEN] = s->progs.collect_open_calls,
	    [FAMILY_NET] = s->progs.collect_calls,
	    [FAMILY_MISC] = s->progs.collect_calls,
	    [FAMILY_FORK] = s->progs.collect_fork_calls,
	    [FAMILY_EXEC] = s->progs.collect_exec_calls,
	    [FAMILY_NAMES] = s->progs.resolve_names,
	    [FAMILY_MESSAGES] = s->progs.collect_messages,
	    [FAMILY_WANTED] = s->progs.call_wanted,
	    [FAMILY_OPENED] = s->progs.discard_opened,
	    [FAMILY_DISCARD] = s->progs.discard_calls,
	    [FAMILY_DISCARD_OPENS] = s->progs.discard_opens,
	};
	for (uint32_t i = 0; i < FAMILY_COUNT; i++) {
		int fd = bpf_program__fd(families[i]);
		int r = bpf_map_update_elem(bpf_map__fd(s->maps.families), &i, &fd, BPF_ANY);
		if (r)
			return error_set(err, r, "cannot enter program %s: %s",
					 bpf_program__name(families[i]), strerror(-r));
	}
	if (!p->has_uring)
		return 0;
	const struct {
		uint32_t key;
		const struct bpf_program *program;
	} uring[] = {{FAMILY_PLAIN, s->progs.uring_collect},
		     {FAMILY_NAMES, s->progs.uring_resolve_names}};
	for (size_t i = 0; i < sizeof(uring) / sizeof(uring[0]); i++) {
		int fd = bpf_program__fd(uring[i].program);
		int r = bpf_map_update_elem(bpf_map__fd(s->maps.uring_families), &uring[i].key, &fd,
					    BPF_ANY);
		if (r)
			return error_set(err, r, "cannot enter program %s: %s",
					 bpf_program__name(uring[i].program), strerror(-r));
	}
	return 0;
}

static int attach(struct probe *p, const struct bpf_program *program, const char *name,
		  struct error *err)
{
	struct bpf_link *link = bpf_program__type(program) == BPF_PROG_TYPE_RAW_TRACEPOINT
				    ? bpf_program__attach_raw_tracepoint(program, name)
				    : bpf_program__attach_trace(program);
	if (!link)
		return error_set(err, -errno, "cannot attach to %s: %s", name, strerror(errno));
	p->links[p->nlinks] = link;
	p->attached[p->nlinks++] = name;
	return 0;
}

static int identify(struct probe *p)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int r = bpf_prog_test_run_opts(bpf_program__fd(p->programs->progs.identify), &run);
	/* Before 5.10 raw tracepoints cannot be run by hand. */
	if (r || !p->programs->bss->own_tgid)
		p->programs->bss->own_tgid = (uint32_t)getpid();
	return 0;
}

static bool have_all(const struct names *names, const char *const helpers[BUILD_HELPERS])
{
	for (size_t i = 0; i < BUILD_HELPERS && helpers[i]; i++)
		if (!names_have(names, helpers[i]))
			return false;
	return true;
}

/*
 * All builds of the programs have the same maps, programs and variables, so that one skeleton
 * serves for all; only the bytes that it opens differ. The first whose helpers are there is taken.
 */
static struct saker_probe *open_programs(const struct names *names)
{
	static const struct {
		const char *helpers[BUILD_HELPERS];
		const void *(*bytes)(size_t *size);
	} builds[] = {
	    {{"BPF_FUNC_get_current_task_btf", "BPF_FUNC_task_pt_regs", "BPF_FUNC_loop",
	      "BPF_FUNC_cgrp_storage_get"},
	     saker_probe__elf_bytes},
	    {{"BPF_FUNC_loop"}, saker_probe_loop__elf_bytes},
	    {{NULL}, saker_probe_plain__elf_bytes},
	};
	/* The structures are the kernel's own. Where one is not there libbpf would look for it in
	 * all modules, which asks for CAP_SYS_ADMIN, unless it is told where to look. */
	const struct bpf_object_open_opts how = {.sz = sizeof(how), .btf_custom_path = KERNEL_BTF};
	struct saker_probe *s = calloc(1, sizeof(*s));
	size_t build = 0;
	int r;

	while (names->p && !have_all(names, builds[build].helpers))
		build++;
	if (!s || saker_probe__create_skeleton(s)) {
		free(s);
		return NULL;
	}
	s->skeleton->data = builds[build].bytes(&s->skeleton->data_sz);
	r = bpf_object__open_skeleton(s->skeleton, &how);
	if (r) {
		saker_probe__destroy(s);
		errno = -r;
		return NULL;
	}
	return s;
}

/* The programs' file, a part of our own, is not read again: its pages need not stay with us. */
static void give_back_pages(const void *bytes, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)bytes + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)bytes + size) & ~(page - 1);

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

/* As libbpf would, but several programs at a time; the rings are entered meanwhile. */
static int load_programs(struct probe *p, struct load *load, const struct probe_options *options,
			 struct buffer *said, struct error *err)
{
	int r = load ? load_set_targets(p->programs->obj) : 0;
	int entered = 0, refused;

	if (!r)
		r = saker_probe__load(p->programs);
	if (!r)
		entered = enter_rings(p, options, err);
	struct load_optional optional[] = {
	    {.prefix = URING_PREFIX, .said = said},
	    {.prefix = HOOKS_PREFIX},
	    {.prefix = CHANGES_PREFIX},
	};

	refused = load_end(load, optional, 3, said);
	give_back_pages(p->programs->skeleton->data, p->programs->skeleton->data_sz);
	if (optional[0].is_left_out && !refused) {
		struct str text = buffer_str(said);

		log_warning("io_uring is not seen, this kernel refuses the program: %.*s",
			    (int)text.n, text.p);
		p->has_uring = false;
	}
	if (optional[1].is_left_out)
		hooks_give_up(&p->hooks, EINVAL);
	if (optional[2].is_left_out)
		p->hooks.has_changes = false;
	if (r || refused)
		return probe_explain(r ? r : refused, "cannot load the probe's programs", said,
				     err);
	return entered;
}

static int open_all(struct probe *p, const struct probe_options *options, struct error *err)
{
	char memory[LOG_BYTES];
	struct buffer said = BUFFER(memory);
	CLEANUP_CLOSE int form = -1;
	int r = 0;

	libbpf_print_fn_t before = libbpf_set_print(keep_log);
	libbpf_said = &said;
	p->ncpus = libbpf_num_possible_cpus();
	if (p->ncpus <= 0)
		r = error_set(err, -EIO, "cannot tell how many CPUs there are");
	struct names names = names_read();
	struct load *load = load_begin((unsigned)get_nprocs());
	if (!r) {
		p->programs = open_programs(&names);
		if (!p->programs)
			r = probe_explain(-errno, "cannot open the probe's programs", &said, err);
	}
	if (!r) {
		configure(p, options, &names, load);
		r = make_rings(p, options);
		if (!r)
			r = shape_discards(p, &form);
		if (r)
			probe_explain(r, "cannot make a ring", &said, err);
	}
	names_release(&names);
	if (!r) {
		r = load_programs(p, load, options, &said, err);
		load = NULL;
	}
	load_end(load, NULL, 0, &said);
	if (!r)
		r = enter_families(p, err);
	if (!r)
		r = identify(p);
	if (!r)
		discards_map(p);
	if (!r)
		r = attach(p, p->programs->progs.sys_exit, "tp_btf/sys_exit", err);
	if (!r)
		r = attach(p, p->programs->progs.process_exec, "tp_btf/sched_process_exec", err);
	if (!r)
		r = attach(p, p->programs->progs.process_fork, "tp_btf/sched_process_fork", err);
	if (!r)
		r = attach(p, p->programs->progs.process_exit, "tp_btf/sched_process_exit", err);
	if (!r)
		r = attach(p, p->programs->progs.process_renamed, "tp_btf/task_rename", err);
	libbpf_said = NULL;
	libbpf_set_print(before);
	return r;
}

struct probe *probe_open(const struct probe_options *options, struct error *err)
{
	struct probe *p = calloc(1, sizeof(*p));
	if (!p) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (open_all(p, options, err)) {
		probe_close(p);
		return NULL;
	}
	return p;
}

void probe_close(struct probe *p)
{
	if (!p)
		return;
	hooks_close(&p->hooks);
	discards_unmap(p);
	for (size_t i = 0; i < p->nlinks; i++)
		bpf_link__destroy(p->links[i]);
	for (size_t i = 0; i < p->nrings; i++)
		if (p->rings[i].kind == RING_COMMON)
			close(p->rings[i].fd);
	saker_probe__destroy(p->programs);
	free(p);
}

static void detach(struct probe *p, const char *name)
{
	for (size_t i = 0; i < p->nlinks; i++)
		if (!strcmp(p->attached[i], name)) {
			bpf_link__destroy(p->links[i]);
			p->links[i] = p->links[--p->nlinks];
			p->attached[i] = p->attached[p->nlinks];
			return;
		}
}

/* Calls that requests of io_uring stand for, as in uring.bpf.h. */
static const uint16_t uring_calls[] = {
    CALL_read,      CALL_write,           CALL_close,      CALL_ioctl,
    CALL_readv,     CALL_writev,          CALL_madvise,    CALL_dup,
    CALL_socket,    CALL_connect,         CALL_accept,     CALL_sendto,
    CALL_recvfrom,  CALL_sendmsg,         CALL_recvmsg,    CALL_shutdown,
    CALL_bind,      CALL_listen,          CALL_fsync,      CALL_fdatasync,
    CALL_ftruncate, CALL_setxattr,        CALL_fsetxattr,  CALL_getxattr,
    CALL_fgetxattr, CALL_fadvise64,       CALL_epoll_wait, CALL_epoll_ctl,
    CALL_waitid,    CALL_openat,          CALL_mkdirat,    CALL_unlinkat,
    CALL_renameat,  CALL_linkat,          CALL_symlinkat,  CALL_splice,
    CALL_tee,       CALL_sync_file_range, CALL_fallocate,  CALL_accept4,
    CALL_pipe2,     CALL_renameat2,       CALL_statx,      CALL_io_uring_register,
    CALL_openat2,   CALL_futex_waitv,     CALL_futex_wake, CALL_futex_wait,
};

static bool is_uring_wanted(const struct probe_wants *wants)
{
	for (size_t i = 0; i < sizeof(uring_calls) / sizeof(uring_calls[0]); i++)
		if (wants->wanted[uring_calls[i]])
			return true;
	return false;
}

/* What is left of calls that were under way when rules stopped to ask for them. */
static void forget_sending(struct probe *p)
{
	int map = bpf_map__fd(p->programs->maps.sending);
	uint64_t thread;

	while (!p->programs->bss->routes_in_use && !bpf_map_get_next_key(map, NULL, &thread))
		bpf_map_delete_elem(map, &thread);
}

/* The tracepoints that most plans don't need are costly ones: attached while wanted. */
static int attach_wanted(struct probe *p, const struct probe_wants *wants, struct error *err)
{
	bool has_uring = p->has_uring && is_uring_wanted(wants);
	bool page_faults = wants->page_faults && p->has_page_faults;
	bool module_loads = p->has_module_loads &&
			    (wants->wanted[CALL_finit_module] || wants->wanted[CALL_init_module]);
	bool reboots = wants->wanted[CALL_reboot];

	bool sends = wants->wanted[CALL_sendto] || wants->wanted[CALL_sendmsg] ||
		     wants->wanted[CALL_sendmmsg];

	if (wants->page_faults && !page_faults)
		log_warning("this kernel tells nothing of page faults: rules on them see none");
	const struct {
		const struct bpf_program *program;
		const char *name;
		bool is_wanted;
	} optional[] = {
	    {p->programs->progs.signal_delivered, "tp_btf/signal_deliver", wants->signals},
	    {p->programs->progs.task_switched, "tp_btf/sched_switch", wants->switches},
	    {p->programs->progs.fault_user, "tp_btf/page_fault_user", page_faults},
	    {p->programs->progs.fault_kernel, "tp_btf/page_fault_kernel", page_faults},
	    {p->programs->progs.module_loaded, "tp_btf/module_load", module_loads},
	    {p->programs->progs.task_made, "tp_btf/task_newtask", wants->wanted[CALL_clone3]},
	    {p->programs->progs.route_looked_up, "tp_btf/fib_table_lookup", sends && p->has_routes},
	    {p->programs->progs.route6_looked_up, "tp_btf/fib6_table_lookup",
	     sends && p->has_routes6},
	    {p->programs->progs.reboot_begun, "notifier_run", reboots && p->has_notifiers},
	    {p->programs->progs.reboot_begun, "console", reboots && p->has_console},
	    /* Completions first: what is remembered is forgotten with them. */
	    {p->programs->progs.uring_completed, "io_uring_complete", has_uring},
	    {p->programs->progs.uring_overflowed, "io_uring_cqe_overflow", has_uring},
	    {p->programs->progs.uring_submitted, p->uring_submission, has_uring},
	};
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		bool is_attached = false;
		for (size_t k = 0; k < p->nlinks; k++)
			is_attached |=
			    optional[i].name && !strcmp(p->attached[k], optional[i].name);
		if (is_attached && !optional[i].is_wanted)
			detach(p, optional[i].name);
		if (!is_attached && optional[i].is_wanted) {
			int r = attach(p, optional[i].program, optional[i].name, err);
			if (r)
				return r;
		}
	}
	if (sends)
		forget_sending(p);
	p->programs->bss->routes_in_use = sends;
	return 0;
}

int probe_set_wants(struct probe *p, const struct probe_wants *wants, struct error *err)
{
	uint16_t next[PROBE_SYSCALLS] = {0};
	struct saker_probe__bss *shared = p->programs->bss;

	int r = attach_wanted(p, wants, err);
	if (r)
		return r;
	shared->hooks_in_use |= hooks_want(&p->hooks, p->programs->obj, wants, shared->hooked);
	for (int nr = 0; nr < PROBE_SYSCALLS; nr++) {
		if (collect_rows[nr].flags & ROW_UNUSED)
			continue;
		if (wants->wanted[nr])
			next[nr] |= WANT_RULES;
		if (wants->wanted[nr] && wants->discards[nr] && wants->discard_table)
			next[nr] |= wants->discard_table->shape[nr] == DISCARD_OPEN
					? WANT_UNLESS_OPENED
					: WANT_UNLESS_DISCARDED;
		if (collect_rows[nr].flags & ROW_STATE)
			next[nr] |= WANT_STATE;
	}
	if ((next[CALL_read] | next[CALL_write] | next[CALL_readv] | next[CALL_writev]) &
	    WANT_RULES)
		next[CALL_io_submit] |= WANT_PARTS;
	/* The same entry serves the same number of a 32-bit call. */
	for (int old = 0; old < PROBE_SYSCALLS; old++) {
		uint16_t nr = compat_native[old];
		if (nr < PROBE_SYSCALLS && next[nr] & 0xff)
			next[old] |= 1 << WANT_COMPAT_SHIFT;
	}
	for (int call = 0; call < SOCKETCALLS; call++) {
		uint16_t nr = socketcall_native[call];
		if (nr < PROBE_SYSCALLS && next[nr] & 0xff)
			next[COMPAT_SOCKETCALL] |= 1 << WANT_COMPAT_SHIFT;
	}
	for (int call = 0; call < IPC_CALLS; call++) {
		uint16_t nr = ipc_native[call];
		if (nr < PROBE_SYSCALLS && next[nr] & 0xff)
			next[COMPAT_IPC] |= 1 << WANT_COMPAT_SHIFT;
	}
	__atomic_store_n(&shared->exits_wanted, wants->exits, __ATOMIC_RELAXED);
	/* Nothing is discarded by one table for the wants of another. */
	for (int nr = 0; nr < PROBE_SYSCALLS; nr++) {
		__atomic_store_n(&shared->facts_wanted[nr], wants->facts[nr], __ATOMIC_RELAXED);
		__atomic_store_n(&shared->wants[nr], next[nr] & ~WANT_MAY_BE_OUT, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&shared->discard_sample, wants->discard_sample, __ATOMIC_RELAXED);
	r = discard_map_enter(bpf_map__fd(p->programs->maps.discards), wants->discard_table,
			      __atomic_add_fetch(&p->discard_tables, 1, __ATOMIC_SEQ_CST), err);
	for (int nr = 0; r == 0 && nr < PROBE_SYSCALLS; nr++) {
		if (!(next[nr] & WANT_MAY_BE_OUT))
			continue;
		__atomic_fetch_or(&shared->wants[nr], next[nr] & WANT_MAY_BE_OUT, __ATOMIC_SEQ_CST);
		/* Looked at behind that, because it may be told meanwhile. */
		if (__atomic_load_n(&p->keeps[nr], __ATOMIC_SEQ_CST))
			__atomic_fetch_and(&shared->wants[nr], (uint16_t)~WANT_MAY_BE_OUT,
					   __ATOMIC_SEQ_CST);
	}
	return r;
}

size_t probe_attached(const struct probe *p, const char **names, size_t room)
{
	for (size_t i = 0; i < p->nlinks && i < room; i++)
		names[i] = p->attached[i];
	size_t hooks =
	    p->nlinks < room ? hooks_attached(&p->hooks, names + p->nlinks, room - p->nlinks) : 0;

	return p->nlinks + hooks;
}

size_t probe_rings(const struct probe *p, struct probe_ring *rings, size_t room)
{
	for (size_t i = 0; i < p->nrings && i < room; i++)
		rings[i] = p->rings[i];
	return p->nrings;
}

void probe_reader_waits(struct probe *p, bool waits)
{
	__atomic_store_n(&p->programs->bss->reader_waits, waits, __ATOMIC_SEQ_CST);
	/* A full fence, which is not between threads of ours: gcc has the other under TSan only as
	   an error. */
	__sync_synchronize();
}

int probe_iterate_tasks(struct probe *p,
			void (*visit)(void *context, const void *record, size_t size),
			void *context, struct error *err)
{
	struct saker_probe *s = p->programs;
	CLEANUP_FREE uint8_t *memory = NULL;
	CLEANUP_CLOSE int fd = -1;

	if (!p->has_iterator)
		return error_set(err, -EOPNOTSUPP, "the kernel has no task iterator");
	memory = malloc(ITERATOR_BUFFER);
	if (!memory)
		return error_set(err, -ENOMEM, "out of memory");
	struct bpf_link *link = bpf_program__attach_iter(s->progs.dump_tasks, NULL);
	if (!link)
		return error_set(err, -errno, "cannot attach the task iterator: %s",
				 strerror(errno));
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		int code = fd;
		bpf_link__destroy(link);
		return error_set(err, code, "cannot start the task iterator: %s", strerror(-code));
	}
	size_t have = 0;
	int result = 0;
	for (;;) {
		ssize_t n = read(fd, memory + have, ITERATOR_BUFFER - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = error_set(err, -errno, "cannot read the task iterator: %s",
					   strerror(errno));
		if (n <= 0)
			break;
		have += (size_t)n;
		size_t at = 0;
		while (have - at >= sizeof(struct record)) {
			struct record record;
			memcpy(&record, memory + at, sizeof(record));
			if (record.size < sizeof(record) || record.size > RECORD_SIZE_MAX) {
				bpf_link__destroy(link);
				return error_set(err, -EBADMSG,
						 "the task iterator gave a record of %u bytes",
						 record.size);
			}
			if (record.size > have - at)
				break;
			visit(context, memory + at, record.size);
			at += record.size;
		}
		memmove(memory, memory + at, have - at);
		have -= at;
	}
	bpf_link__destroy(link);
	return result;
}

void probe_beat(struct probe *p)
{
	uint32_t *reports_own = &p->programs->bss->reports_own;

	__atomic_store_n(reports_own, 1, __ATOMIC_SEQ_CST);
	/* Whether it succeeds is seen by the call's being reported, or not. */
	if (chdir(".") < 0)
		errno = 0;
	__atomic_store_n(reports_own, 0, __ATOMIC_SEQ_CST);
}

struct probe_abilities probe_abilities(struct probe *p)
{
	struct names names = names_read();
	bool has_hooks = hooks_work(&p->hooks);
	struct probe_abilities a = {
	    .has_btf = names.p,
	    .has_rings = names_have(&names, "BPF_FUNC_ringbuf_output"),
	    .has_task_loads = names_have(&names, "BPF_FUNC_get_current_task_btf"),
	    .has_loop = names_have(&names, "BPF_FUNC_loop"),
	    .has_file_loads = names_have(&names, "BPF_FUNC_cgrp_storage_get"),
	    .has_iterator = p->has_iterator,
	    .has_page_faults = p->has_page_faults,
	    .has_module_loads = p->has_module_loads,
	    .has_routes = p->has_routes && p->has_routes6,
	    .has_notifiers = p->has_notifiers,
	    .uring_submission = p->has_uring ? p->uring_submission : NULL,
	    .has_hooks = has_hooks,
	    .hook_refusal = p->hooks.refusal,
	    .has_names = hooks_have_names(&p->hooks),
	    .has_changes = p->hooks.has_changes,
	    .cpus = p->ncpus,
	};

	names_release(&names);
	return a;
}
