/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/generate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define PICK(g, array) ((array)[generate_below((g), COUNT(array))])

struct generator generator_new(uint64_t seed)
{
	struct generator g = {.state = seed * 2 + 1, .time = UINT64_C(1700000000000000000)};

	for (unsigned i = 0; i < COUNT(g.start_times); i++)
		g.start_times[i] = 1000 + i;
	return g;
}

uint64_t generate_below(struct generator *g, uint64_t limit)
{
	uint64_t z = g->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return limit ? (z ^ z >> 31) % limit : 0;
}

static const char *const names[] = {"bash", "sh", "cat", "nginx", "python3", "ls", "systemd", ""};
static const char *const paths[] = {"/etc/shadow",
				    "/etc/passwd",
				    "/etc",
				    "/usr/bin/ls",
				    "/usr/bins/ls",
				    "/usr/bin",
				    "/tmp/x",
				    "/tmp/.hidden",
				    "/root/.ssh/id_rsa",
				    "/var/log/syslog",
				    "/var/log",
				    "/",
				    "relative",
				    "../../etc/shadow",
				    "/ETC/Shadow",
				    "/proc/self/mem",
				    "",
				    "/dev/null",
				    "/a/b/c/d",
				    "/usr/bin/ls/"};
static const char *const fragments[] = {"/etc",      "etc/",   "/usr/bin", "shadow",     "/",  ".",
					"id_rsa",    "",       "/tmp",     "bin/ls",     "sh", "a",
					"/var/log/", "SHADOW", "..",       "/etc/shadow"};
static const char *const globs[] = {"/etc/*", "*",        "/usr/*/ls",      "*sh*", "/tmp/?",
				    "ba*h",   "b[a-z]sh", "/etc/pa\\\\ss*", ""};
static const char *const regexes[] = {
    "^/etc/.*", "[a-z]+",          ".*shadow$",      "sh",       "/etc/shadowx?.*", "/etc/s+hadow",
    "bax*sh",   "/tmp/.*|/etc/.*", "(/usr|/tmp)/.*", "catx{0,2}"};
static const char *const addresses[] = {"127.0.0.1", "10.1.2.3", "10.9.9.9", "192.168.1.1",
					"8.8.8.8",   "::1",      "fe80::1"};
static const char *const networks[] = {"10.0.0.0/8", "127.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0",
				       "fe80::/10",  "::1/128",     "10.1.2.3"};
static const char *const event_names[] = {
    "open",    "openat", "openat2",   "read",     "write",  "connect", "accept4",
    "execve",  "clone",  "unlink",    "unlinkat", "close",  "rename",  "renameat2",
    "mkdirat", "chmod",  "setuid",    "ptrace",   "sendto", "mount",   "bind",
    "socket",  "kill",   "symlinkat", "fcntl",    "bpf",    "dup2"};
static const char *const arguments[] = {"-c", "--verbose", "/etc/shadow", "id_rsa", "x=1", "-"};

/* Conditions */

enum store {
	NAMES,
	PATHS,
	COMMANDS,
	NUMBERS,
	FLAGS,
	ADDRESSES,
	TYPES,
	LETTERS,
	RESULTS,
	IDS,
	TRUTHS
};

static const struct field_choice {
	const char *text;
	enum store store;
} field_choices[] = {{"evt.type", TYPES},
		     {"evt.type", TYPES},
		     {"proc.name", NAMES},
		     {"proc.name", NAMES},
		     {"proc.pname", NAMES},
		     {"proc.exe", PATHS},
		     {"proc.exepath", PATHS},
		     {"proc.cmdline", PATHS},
		     {"proc.args", PATHS},
		     {"proc.aname[2]", NAMES},
		     {"proc.aname", NAMES},
		     {"proc.cwd", PATHS},
		     {"fd.name", PATHS},
		     {"fd.name", PATHS},
		     {"fd.name", PATHS},
		     {"fd.directory", PATHS},
		     {"fd.filename", PATHS},
		     {"fd.nameraw", PATHS},
		     {"fs.path.name", PATHS},
		     {"fs.path.source", PATHS},
		     {"evt.arg.name", PATHS},
		     {"evt.arg.path", PATHS},
		     {"evt.arg.flags", PATHS},
		     {"evt.rawres", NUMBERS},
		     {"evt.rawarg.res", NUMBERS},
		     {"fd.num", NUMBERS},
		     {"proc.pid", NUMBERS},
		     {"proc.vpid", NUMBERS},
		     {"user.uid", NUMBERS},
		     {"fd.typechar", LETTERS},
		     {"fd.type", LETTERS},
		     {"evt.res", RESULTS},
		     {"container.id", IDS},
		     {"user.name", NAMES},
		     {"fd.sip", ADDRESSES},
		     {"fd.rip", ADDRESSES},
		     {"fd.ip", ADDRESSES},
		     {"fd.lip", ADDRESSES},
		     {"fd.snet", ADDRESSES},
		     {"fd.net", ADDRESSES},
		     {"fd.sport", NUMBERS},
		     {"fd.port", NUMBERS},
		     {"fd.lport", NUMBERS},
		     {"evt.is_open_write", TRUTHS},
		     {"evt.is_open_read", TRUTHS},
		     {"evt.failed", TRUTHS},
		     {"tolower(fd.name)", PATHS},
		     {"basename(fd.name)", PATHS},
		     {"toupper(proc.name)", NAMES},
		     {"len(proc.name)", NUMBERS},
		     {"evt.dir", LETTERS},
		     {"evt.category", LETTERS},
		     {"proc.tty", NUMBERS},
		     {"thread.tid", NUMBERS},
		     {"fd.cport", NUMBERS},
		     {"proc.duration", NUMBERS},
		     {"evt.time", NAMES},
		     {"proc.is_exe_writable", TRUTHS},
		     {"fd.l4proto", LETTERS}};

/* Of these the kernel may know beforehand what they say. */
static const struct field_choice early_choices[] = {{"proc.name", NAMES},
						    {"proc.exepath", PATHS},
						    {"basename(proc.exe)", NAMES},
						    {"container.id", IDS},
						    {"fd.name", PATHS},
						    {"fd.name", PATHS},
						    {"fd.name", PATHS},
						    {"fd.directory", PATHS},
						    {"fd.filename", PATHS},
						    {"fs.path.name", PATHS},
						    {"evt.rawres", NUMBERS},
						    {"fd.num", NUMBERS},
						    {"fd.typechar", LETTERS},
						    {"fd.type", LETTERS},
						    {"evt.res", RESULTS},
						    {"fd.sip", ADDRESSES},
						    {"fd.rip", ADDRESSES},
						    {"fd.ip", ADDRESSES},
						    {"fd.lip", ADDRESSES},
						    {"fd.snet", ADDRESSES},
						    {"fd.net", ADDRESSES},
						    {"evt.is_open_write", TRUTHS},
						    {"evt.is_open_read", TRUTHS},
						    {"evt.is_open_create", TRUTHS},
						    {"evt.is_open_exec", TRUTHS},
						    {"evt.failed", TRUTHS},
						    {"evt.dir", LETTERS},
						    {"evt.arg.cmd", COMMANDS},
						    {"evt.arg.cmd", COMMANDS},
						    {"evt.arg.domain", COMMANDS},
						    {"evt.arg[2]", COMMANDS},
						    {"fd.l4proto", LETTERS}};

static const char *const text_operators[] = {
    "=",          "!=",         "in",         "in",   "contains", "icontains",
    "startswith", "startswith", "endswith",   "glob", "iglob",    "regex",
    "pmatch",     "exists",     "intersects", "<",    ">="};
static const char *const number_operators[] = {"=", "!=", "<", "<=", ">", ">=", "in", "exists"};
static const char *const address_operators[] = {"=", "!=", "in", "exists"};
static const char *const truth_operators[] = {"=", "!=", "exists"};

static void put_quoted(struct buffer *out, const char *text)
{
	buffer_printf(out, "\"%s\"", text);
}

static void put_operand(struct generator *g, struct buffer *out, enum store store, const char *op)
{
	static const char *const letters[] = {"f", "4", "d", "file", "ipv4", "<", "tcp", "net"};
	static const char *const results[] = {"SUCCESS", "ENOENT", "EACCES"};
	static const char *const ids[] = {"host", "0123456789ab", "fedcba987654", ""};
	static const char *const commands[] = {"F_DUPFD",
					       "F_DUPFD_CLOEXEC",
					       "F_GETFL",
					       "F_SETFL",
					       "DUPFD",
					       "F_",
					       "UNKNOWN",
					       "AF_",
					       "AF_PACKET",
					       "AF_INET",
					       "PROG_",
					       "LOAD",
					       "BPF_PROG_LOAD",
					       "",
					       "5",
					       "17",
					       "_",
					       "f_d",
					       "40"};
	static const int numbers[] = {-1, 0, 1, 2, 3, 5, 22, 80, 443, 1000, 100, 105, -2};

	if (strstr(op, "glob")) {
		put_quoted(out, PICK(g, globs));
		return;
	}
	if (strcmp(op, "regex") == 0) {
		put_quoted(out, PICK(g, regexes));
		return;
	}
	switch (store) {
	case NAMES:
		put_quoted(out, PICK(g, names));
		break;
	case PATHS:
		put_quoted(out, generate_below(g, 2) ? PICK(g, paths) : PICK(g, fragments));
		break;
	case COMMANDS:
		put_quoted(out, PICK(g, commands));
		break;
	case FLAGS:
	case NUMBERS:
		buffer_printf(out, "%d", PICK(g, numbers));
		break;
	case ADDRESSES:
		buffer_put(out,
			   str_from(generate_below(g, 2) ? PICK(g, addresses) : PICK(g, networks)));
		break;
	case TYPES:
		buffer_put(out, str_from(PICK(g, event_names)));
		break;
	case LETTERS:
		put_quoted(out, PICK(g, letters));
		break;
	case RESULTS:
		put_quoted(out, PICK(g, results));
		break;
	case IDS:
		put_quoted(out, PICK(g, ids));
		break;
	case TRUTHS:
		buffer_put(out, generate_below(g, 2) ? STR("true") : STR("false"));
		break;
	}
}

static void put_comparison(struct generator *g, struct buffer *out)
{
	const struct field_choice *f =
	    g->only_early ? &early_choices[generate_below(g, COUNT(early_choices))]
			  : &field_choices[generate_below(g, COUNT(field_choices))];
	const char *op = PICK(g, text_operators);

	if (f->store == NUMBERS)
		op = PICK(g, number_operators);
	else if (f->store == ADDRESSES)
		op = PICK(g, address_operators);
	else if (f->store == TRUTHS)
		op = PICK(g, truth_operators);
	buffer_printf(out, "%s %s", f->text, op);
	if (strcmp(op, "exists") == 0)
		return;
	buffer_putc(out, ' ');
	if (generate_below(g, 40) == 0 && f->store == NAMES && strcmp(op, "in") != 0) {
		buffer_put(out, STR("val(proc.pname)"));
		return;
	}
	if (strcmp(op, "in") == 0 || strcmp(op, "intersects") == 0 || strcmp(op, "pmatch") == 0) {
		uint64_t count = generate_below(g, 4) + 1;

		buffer_putc(out, '(');
		for (uint64_t i = 0; i < count; i++) {
			if (i)
				buffer_put(out, STR(", "));
			put_operand(g, out, f->store, op);
		}
		buffer_putc(out, ')');
	} else {
		put_operand(g, out, f->store, op);
	}
}

static void put_condition(struct generator *g, struct buffer *out, unsigned depth)
{
	uint64_t choice = generate_below(g, 10);

	if (!depth || choice < 3) {
		if (generate_below(g, 4) == 0)
			buffer_put(out, STR("not "));
		put_comparison(g, out);
		return;
	}
	if (choice == 3)
		buffer_put(out, STR("not "));

	uint64_t count = generate_below(g, 3) + 2;
	const char *joint = generate_below(g, 2) ? " and " : " or ";

	buffer_putc(out, '(');
	for (uint64_t i = 0; i < count; i++) {
		if (i)
			buffer_put(out, str_from(joint));
		put_condition(g, out, depth - 1);
	}
	buffer_putc(out, ')');
}

void generate_condition(struct generator *g, struct buffer *out)
{
	if (generate_below(g, 2)) {
		uint64_t count = generate_below(g, 3) + 1;

		buffer_put(out, STR("evt.type in ("));
		for (uint64_t i = 0; i < count; i++)
			buffer_printf(out, "%s%s", i ? ", " : "", PICK(g, event_names));
		buffer_put(out, STR(") and "));
	}
	put_condition(g, out, (unsigned)generate_below(g, 4));
}

void generate_early_condition(struct generator *g, struct buffer *out)
{
	buffer_put(out,
		   generate_below(g, 4)
		       ? STR("evt.type in (open, openat, creat, connect, accept4, sendto) and ")
		       : STR("evt.type in (fcntl, socket, bpf, dup2) and "));
	g->only_early = true;
	put_condition(g, out, (unsigned)generate_below(g, 4));
	g->only_early = false;
}

/* Events */

static size_t pack_address(struct generator *g, uint8_t *out, bool is_v6)
{
	for (;;) {
		const char *text = PICK(g, addresses);

		if (inet_pton(is_v6 ? AF_INET6 : AF_INET, text, out) == 1)
			return is_v6 ? 16 : 4;
	}
}

static const uint16_t ports[] = {22, 80, 443, 1000, 5};

/* scap's packing: family as it numbers them (2: IPv4, 10: IPv6), address, port. */
static struct str pack_socket(struct generator *g, uint8_t *out, bool is_tuple)
{
	bool is_v6 = generate_below(g, 4) == 0;
	size_t n = 1;

	out[0] = is_v6 ? 10 : 2;
	for (int side = 0; side < (is_tuple ? 2 : 1); side++) {
		uint16_t port = PICK(g, ports);

		n += pack_address(g, out + n, is_v6);
		memcpy(out + n, &port, sizeof(port));
		n += sizeof(port);
	}
	return (struct str){(char *)out, n};
}

static void put_param(struct generator *g, struct record_builder *b, const struct param_schema *p,
		      const struct task_facts *task)
{
	static const int results[] = {0, 0, 0, 3, 5, -2, -13};
	uint8_t bytes[128];
	size_t n = 0;

	switch (p->type) {
	case PARAM_CHARBUF:
	case PARAM_FSPATH:
	case PARAM_FSRELPATH:
		if (strcmp(p->name, "comm") == 0)
			record_param_str(b, str_from(PICK(g, names)));
		else
			record_param_str(b, str_from(PICK(g, paths)));
		break;
	case PARAM_BYTEBUF:
		if (strcmp(p->name, "cgroups") == 0)
			break;
		for (uint64_t i = generate_below(g, 4); i > 0; i--)
			n += (size_t)snprintf((char *)bytes + n, sizeof(bytes) - n, "%s",
					      PICK(g, arguments)) +
			     1;
		break;
	case PARAM_SOCKADDR:
	case PARAM_SOCKTUPLE:
		record_param(b, pack_socket(g, bytes, p->type == PARAM_SOCKTUPLE));
		return;
	case PARAM_PID:
	case PARAM_PID32:
		record_param_int(b, strcmp(p->name, "tid") == 0 || strcmp(p->name, "pid") == 0
					? task->pid
				    : strcmp(p->name, "ptid") == 0 ? task->ppid
								   : task->pid);
		return;
	case PARAM_ERRNO:
	case PARAM_FD:
	case PARAM_FD32:
		record_param_int(b, PICK(g, results));
		return;
	case PARAM_UID:
	case PARAM_GID:
		record_param_int(b, generate_below(g, 2) ? 0 : 1000);
		return;
	case PARAM_DYN:
	case PARAM_FDLIST:
	case PARAM_CHARBUFARRAY:
	case PARAM_CHARBUFPAIRARRAY:
		break;
	default:
		record_param_int(b, (int64_t)(generate_below(g, 2) ? generate_below(g, 16)
								   : generate_below(g, 1000)));
		return;
	}
	if (p->type != PARAM_CHARBUF && p->type != PARAM_FSPATH && p->type != PARAM_FSRELPATH)
		record_param(b, (struct str){(char *)bytes, n});
}

static struct task_facts random_task(struct generator *g)
{
	unsigned i = (unsigned)generate_below(g, COUNT(g->start_times));
	unsigned parent = i / 2;
	struct task_facts t = {.start_time = g->start_times[i],
			       .parent_start_time = g->start_times[parent],
			       .exec_id = g->exec_ids[i],
			       .pid = (int32_t)(100 + i),
			       .tid = (int32_t)(100 + i),
			       .ppid = (int32_t)(i ? 100 + parent : 1),
			       .sid = 100,
			       .pgid = 100,
			       .vpid = (int32_t)(i < 3 ? 1 : 100 + i),
			       .vtid = (int32_t)(100 + i),
			       .loginuid = i % 3 ? UINT32_MAX : 1000,
			       .tty = i % 4 ? 0 : 34816};

	t.uid = t.ruid = i % 2 ? 1000 : 0;
	snprintf(t.comm, sizeof(t.comm), "%s", names[i % (COUNT(names) - 1)]);
	/* Another thread has a name of its own. */
	if (generate_below(g, 3) == 0) {
		t.tid += 1000;
		t.vtid += 1000;
		snprintf(t.comm, sizeof(t.comm), "%s", names[(i + 3) % (COUNT(names) - 1)]);
	}
	/* Now and then it changes its name, or another process takes the pid. */
	if (generate_below(g, 50) == 0)
		snprintf(t.comm, sizeof(t.comm), "%s", PICK(g, names));
	if (generate_below(g, 100) == 0)
		t.start_time = g->start_times[i] += 100;
	return t;
}

static void put_annex(struct generator *g, struct record_builder *b)
{
	const struct event_schema *s = b->schema;

	if (generate_below(g, 4) == 0)
		record_annex(b, ANNEX_CWD, ANNEX_OF_TASK, STR("/root"));
	for (uint8_t i = 0; i < s->nparams; i++) {
		enum param_type type = s->params[i].type;

		if ((type == PARAM_FSPATH || type == PARAM_FSRELPATH) && generate_below(g, 2))
			record_annex(b, ANNEX_PATH_RESOLVED, i, str_from(PICK(g, paths)));
		if (type == PARAM_FSRELPATH && generate_below(g, 2))
			record_annex(b, ANNEX_PATH_BASE, i, STR("/var"));
		if (type != PARAM_FD || generate_below(g, 4) == 0)
			continue;
		if (s->category == CATEGORY_NET || generate_below(g, 3) == 0) {
			struct annex_socket socket = {.family = AF_INET,
						      .type = SOCK_STREAM,
						      .protocol = IPPROTO_TCP,
						      .local_port = PICK(g, ports),
						      .remote_port = PICK(g, ports),
						      .is_server = (uint8_t)generate_below(g, 3),
						      .fd = 3};

			pack_address(g, socket.local, false);
			pack_address(g, socket.remote, false);
			record_annex(b, ANNEX_SOCKET, i,
				     (struct str){(char *)&socket, sizeof(socket)});
		} else {
			struct annex_file file = {.ino = generate_below(g, 100),
						  .mode = 0100644,
						  .o_flags = (uint32_t)generate_below(g, 4),
						  .nlink = 1,
						  .fd = 3,
						  .type = generate_below(g, 3) ? FD_FILE
									       : FD_DIRECTORY};

			record_annex(b, ANNEX_FILE, i, (struct str){(char *)&file, sizeof(file)});
			record_annex(b, ANNEX_PATH_RESOLVED, i, str_from(PICK(g, paths)));
		}
	}
}

size_t generate_event(struct generator *g, void *memory, size_t room)
{
	struct task_facts task = random_task(g);
	int code = event_code_by_name(str_from(PICK(g, event_names)));
	struct record_builder b;

	if (code < 0)
		return 0;
	g->time += generate_below(g, 1000000) + 1;
	record_begin(&b, memory, room, (uint16_t)code, g->time, &task, 0);
	if (!b.schema)
		return 0;
	if (strcmp(b.schema->name, "execve") == 0) {
		unsigned i = (unsigned)(task.pid - 100);

		((struct record *)memory)->task.exec_id = ++g->exec_ids[i];
	}
	for (unsigned i = 0; i < b.schema->nparams; i++)
		put_param(g, &b, &b.schema->params[i], &task);
	put_annex(g, &b);
	return record_end(&b);
}
