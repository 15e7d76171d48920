/* SPDX-License-Identifier: Apache-2.0 */
#include "state/proc.h"
#include "base/buffer.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Bits of the execve_flags table. */
enum { EXE_WRITABLE = 1, EXE_FROM_MEMFD = 4 };

int proc_open(const char *host_root, struct error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc", host_root ? host_root : "");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int code = -errno;

		return error_set(err, code, "cannot open %s: %s", path, strerror(-code));
	}
	return fd;
}

/* As much of a small file as fits, which comes whole with the first read; empty where it cannot be
 * read. */
static struct str read_file(int dir, const char *name, char *memory, size_t room)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, memory, room) : 0;

	return (struct str){memory, n > 0 ? (size_t)n : 0};
}

static struct str read_link(int dir, const char *name, char *memory, size_t room)
{
	ssize_t n = readlinkat(dir, name, memory, room);

	return (struct str){memory, n > 0 ? (size_t)n : 0};
}

/* Cuts the first word off a line. */
static struct str next_word(struct str *line)
{
	size_t start = 0;

	while (start < line->n && (line->p[start] == ' ' || line->p[start] == '\t'))
		start++;
	size_t end = start;
	while (end < line->n && line->p[end] != ' ' && line->p[end] != '\t')
		end++;
	struct str word = str_slice(*line, start, end);
	*line = str_slice(*line, end, line->n);
	return word;
}

static struct str next_line(struct str *text)
{
	size_t end = str_find_byte(*text, '\n', 0);
	struct str line = str_slice(*text, 0, end);

	*text = str_slice(*text, end + 1, text->n);
	return line;
}

static uint64_t number(struct str word)
{
	uint64_t v = 0;

	for (size_t i = 0; i < word.n && word.p[i] >= '0' && word.p[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(word.p[i] - '0');
	return word.n && word.p[0] == '-' ? (uint64_t)-1 : v;
}

static uint64_t hex_number(struct str word)
{
	uint64_t v = 0;

	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];

		v = v << 4 | (uint64_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
	}
	return v;
}

static int parse_stat(struct str text, struct task_facts *f, struct proc_process *out)
{
	/* pid (comm) state ppid ...: the name may hold anything, so its last bracket counts. */
	size_t open = str_find_byte(text, '(', 0);
	size_t close = text.n;

	while (close && text.p[close - 1] != ')')
		close--;
	if (close == 0 || open >= close - 1)
		return -ESRCH;
	struct str comm = str_slice(text, open + 1, close - 1);
	memcpy(f->comm, comm.p, comm.n < sizeof(f->comm) ? comm.n : sizeof(f->comm) - 1);

	struct str rest = str_slice(text, close, text.n);
	for (int field = 3; field <= 22 && rest.n; field++) {
		struct str word = next_word(&rest);
		uint64_t v = number(word);

		switch (field) {
		case 4:
			f->ppid = (int32_t)v;
			break;
		case 5:
			f->pgid = (int32_t)v;
			break;
		case 6:
			f->sid = (int32_t)v;
			break;
		case 7:
			f->tty = (uint32_t)v;
			break;
		case 10:
			out->pgft_min = v;
			break;
		case 12:
			out->pgft_maj = v;
			break;
		case 20:
			out->thread_count = (uint32_t)v;
			break;
		case 22:
			f->start_time = v * CLOCK_TICK_NS;
			return 0;
		default:
			break;
		}
	}
	return -ESRCH;
}

static void parse_ids(struct str line, uint32_t *real, uint32_t *effective)
{
	*real = (uint32_t)number(next_word(&line));
	*effective = (uint32_t)number(next_word(&line));
}

/* The last number of a line: ids in all pid namespaces, from the outermost to the process' own. */
static int32_t innermost(struct str line)
{
	struct str last = next_word(&line);

	for (struct str w = next_word(&line); w.n; w = next_word(&line))
		last = w;
	return (int32_t)number(last);
}

static void parse_status(struct str text, struct task_facts *f, struct proc_process *out)
{
	while (text.n) {
		struct str line = next_line(&text);
		size_t colon = str_find_byte(line, ':', 0);
		struct str name = str_slice(line, 0, colon);
		struct str value = str_trim(str_slice(line, colon + 1, line.n));

		if (str_equal(name, STR("Uid")))
			parse_ids(value, &f->ruid, &f->uid);
		else if (str_equal(name, STR("Gid")))
			parse_ids(value, &f->rgid, &f->gid);
		else if (str_equal(name, STR("NStgid")))
			f->vpid = innermost(value);
		else if (str_equal(name, STR("NSpid")))
			f->vtid = innermost(value);
		else if (str_equal(name, STR("NSpgid")))
			f->vpgid = innermost(value);
		else if (str_equal(name, STR("NSsid")))
			f->vsid = innermost(value);
		else if (str_equal(name, STR("VmSize")))
			out->vm_size_kb = number(value);
		else if (str_equal(name, STR("VmRSS")))
			out->vm_rss_kb = number(value);
		else if (str_equal(name, STR("VmSwap")))
			out->vm_swap_kb = number(value);
		else if (str_equal(name, STR("CapInh")))
			out->cap_inheritable = hex_number(value);
		else if (str_equal(name, STR("CapPrm")))
			out->cap_permitted = hex_number(value);
		else if (str_equal(name, STR("CapEff")))
			out->cap_effective = hex_number(value);
	}
}

/* The links of namespaces read "pid:[4026531836]". */
static uint32_t read_namespace(int dir, const char *name)
{
	char memory[64];
	struct str link = read_link(dir, name, memory, sizeof(memory));
	size_t open = str_find_byte(link, '[', 0);

	return (uint32_t)number(str_slice(link, open + 1, link.n));
}

static void put_cgroup(struct buffer *out, struct str name, struct str path)
{
	size_t before = out->n;

	buffer_put(out, name);
	buffer_putc(out, '=');
	buffer_put(out, path);
	buffer_putc(out, '\0');
	if (out->is_truncated)
		out->n = before;
}

/* "ID:SUBSYSTEMS:PATH" lines to the form of the cgroups parameter; the order is the file's. */
static struct str convert_cgroups(struct str file, char *memory, size_t room)
{
	/* What the parameter holds where there is but the one hierarchy of version 2. */
	static const char *const unified[] = {"cpuset", "cpu", "cpuacct", "io", "memory"};
	struct buffer out = {.p = memory, .room = room};

	while (file.n) {
		struct str line = next_line(&file);
		size_t first = str_find_byte(line, ':', 0);
		size_t second = str_find_byte(line, ':', first + 1);
		struct str names = str_slice(line, first + 1, second);
		struct str path = str_slice(line, second + 1, line.n);

		if (second >= line.n)
			continue;
		if (names.n == 0 && out.n) {
			put_cgroup(&out, STR("unified"), path);
			continue;
		}
		for (size_t i = 0; names.n == 0 && i < sizeof(unified) / sizeof(unified[0]); i++)
			put_cgroup(&out, str_from(unified[i]), path);
		while (names.n) {
			size_t comma = str_find_byte(names, ',', 0);
			struct str name = str_slice(names, 0, comma);

			names = str_slice(names, comma + 1, names.n);
			if (str_starts_with(name, STR("name=")))
				name = str_slice(name, 5, name.n);
			put_cgroup(&out, name, path);
		}
	}
	return buffer_str(&out);
}

static bool may_write(const struct proc_told *told, const struct task_facts *f)
{
	if (f->uid == 0)
		return true;
	if (f->uid == told->uid)
		return true; /* the owner may change the mode */
	return told->mode & (f->gid == told->gid ? S_IWGRP : S_IWOTH);
}

static void take_exe(const struct proc_told *told, struct proc_process *out)
{
	static const struct str deleted = {" (deleted)", 10};

	memcpy(out->exe_link, told->link, told->link_size);
	out->strings.exepath = (struct str){out->exe_link, told->link_size};
	if (!told->has_stat)
		return;
	if (told->links == 0 && str_ends_with(out->strings.exepath, deleted))
		out->strings.exepath.n -= deleted.n;
	out->exe_ino = told->ino;
	out->exe_dev = told->dev;
	out->exe_ctime = told->ctime;
	out->exe_mtime = told->mtime;
	if (str_starts_with(out->strings.exepath, STR("/memfd:")))
		out->exe_flags |= EXE_FROM_MEMFD;
	if (may_write(told, &out->facts))
		out->exe_flags |= EXE_WRITABLE;
}

static void take_strings(const struct proc_told *told, struct proc_process *out)
{
	struct str cmdline = {out->cmdline, told->cmdline_size};
	size_t end;

	memcpy(out->cmdline, told->cmdline, told->cmdline_size);
	memcpy(out->environ, told->environ, told->environ_size);
	out->args_cut = told->is_cmdline_cut;
	out->env_cut = told->is_environ_cut;
	end = str_find_byte(cmdline, '\0', 0);
	out->strings.exe = str_slice(cmdline, 0, end);
	out->strings.args = str_slice(cmdline, end + 1, cmdline.n);
	out->strings.env = (struct str){out->environ, told->environ_size};
}

/* What the process itself could keep us waiting for. */
static void read_told(int dir, struct proc_wait *wait, struct proc_process *out)
{
	const struct proc_told *told = proc_wait_read(wait, dir);

	if (told) {
		take_exe(told, out);
		take_strings(told, out);
	}
	out->strings.comm = (struct str){out->facts.comm, strlen(out->facts.comm)};
	/* Kernel threads have no command line. */
	if (!told || told->cmdline_size == 0)
		out->strings.exe = out->strings.comm;
}

/* The limits file costs more than all others; it is needed where pids are not our own. */
static void read_limits(int dir, int32_t pid, bool is_own_proc, struct proc_process *out)
{
	char memory[2048];
	struct rlimit limit;

	if (is_own_proc && prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0) {
		out->fdlimit = limit.rlim_cur;
		return;
	}
	struct str text = read_file(dir, "limits", memory, sizeof(memory));
	while (text.n) {
		struct str line = next_line(&text);

		if (!str_starts_with(line, STR("Max open files")))
			continue;
		line = str_slice(line, sizeof("Max open files") - 1, line.n);
		out->fdlimit = number(next_word(&line));
	}
}

static int open_process(int proc_fd, int32_t pid)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", pid);
	int fd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void read_cgroups(int dir, struct proc_process *out)
{
	out->cgroups =
	    convert_cgroups(read_file(dir, "cgroup", out->cgroup_file, sizeof(out->cgroup_file)),
			    out->cgroup_text, sizeof(out->cgroup_text));
}

int proc_read_cgroups(int proc_fd, int32_t pid, struct proc_process *out)
{
	CLEANUP_CLOSE int dir = open_process(proc_fd, pid);

	if (dir < 0)
		return dir;
	read_cgroups(dir, out);
	return 0;
}

int proc_read_told(int proc_fd, struct proc_wait *wait, int32_t pid, struct proc_process *out)
{
	CLEANUP_CLOSE int dir = open_process(proc_fd, pid);

	if (dir < 0)
		return dir;
	memset(out, 0, offsetof(struct proc_process, cmdline));
	read_told(dir, wait, out);
	return 0;
}

int proc_read_process(int proc_fd, struct proc_wait *wait, bool is_own_proc, int32_t pid,
		      struct proc_process *out)
{
	char memory[4096];
	CLEANUP_CLOSE int dir = open_process(proc_fd, pid);

	if (dir < 0)
		return dir;
	memset(out, 0, offsetof(struct proc_process, cmdline));
	out->facts.pid = out->facts.tid = out->facts.vpid = out->facts.vtid = pid;
	int code = parse_stat(read_file(dir, "stat", memory, sizeof(memory)), &out->facts, out);
	if (code < 0)
		return code;
	out->facts.vpgid = out->facts.pgid;
	out->facts.vsid = out->facts.sid;
	parse_status(read_file(dir, "status", memory, sizeof(memory)), &out->facts, out);
	struct str loginuid = read_file(dir, "loginuid", memory, sizeof(memory));
	out->facts.loginuid = loginuid.n ? (uint32_t)number(loginuid) : UINT32_MAX;
	out->facts.pidns = read_namespace(dir, "ns/pid");
	read_told(dir, wait, out);
	out->cwd = read_link(dir, "cwd", out->cwd_link, sizeof(out->cwd_link));
	read_cgroups(dir, out);
	read_limits(dir, pid, is_own_proc, out);
	return 0;
}
