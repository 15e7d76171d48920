/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_events.h"

#include "base/buffer.h"
#include "reference/generate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { PROCESSES = 240, RECORD_ROOM = 8192 };

static const struct program_kind {
	const char *name, *exe, *args;
	unsigned share; /* of the events, in percent */
	const char *files[4];
} programs[] = {
    {"nginx",
     "/usr/sbin/nginx",
     "nginx: worker process",
     30,
     {"/var/www/html/site%u/index.html", "/var/www/html/site%u/static/app.js",
      "/var/log/nginx/access%u.log", "/etc/nginx/conf.d/site%u.conf"}},
    {"postgres",
     "/usr/lib/postgresql/15/bin/postgres",
     "postgres: checkpointer",
     25,
     {"/var/lib/postgresql/15/main/base/16384/%u", "/var/lib/postgresql/15/main/pg_wal/%u",
      "/var/lib/postgresql/15/main/global/%u", "/dev/shm/PostgreSQL.%u"}},
    {"java",
     "/usr/lib/jvm/java-17/bin/java",
     "-Xmx4g\0-jar\0/opt/service/app.jar",
     25,
     {"/opt/service/lib/dependency-%u.jar", "/opt/service/data/segment-%u.dat",
      "/tmp/hsperfdata_app/%u", "/proc/%u/stat"}},
    {"python3",
     "/usr/bin/python3.11",
     "/usr/local/bin/worker.py\0--queue\0default",
     10,
     {"/usr/lib/python3/dist-packages/mod%u/__init__.py", "/srv/jobs/%u.json",
      "/usr/lib/python3.11/lib-dynload/_m%u.so", "/tmp/job-%u"}},
    {"systemd-journal",
     "/usr/lib/systemd/systemd-journald",
     "",
     5,
     {"/proc/%u/cmdline", "/proc/%u/cgroup", "/run/systemd/journal/streams/8:%u",
      "/var/log/journal/system@%u.journal"}},
    {"bash",
     "/usr/bin/bash",
     "/usr/local/bin/backup.sh",
     3,
     {"/usr/local/lib/backup/part%u", "/etc/backup.d/%u", "/dev/null", "/tmp/backup.%u"}},
    {"sshd",
     "/usr/sbin/sshd",
     "-D",
     2,
     {"/etc/ssh/sshd_config", "/var/log/auth.log", "/home/user%u/.profile", "/etc/group"}},
};

struct server {
	struct generator g;
	struct task_facts tasks[PROCESSES];
	uint8_t programs[PROCESSES];
	uint64_t time;
};

static unsigned below(struct server *s, unsigned n)
{
	return (unsigned)generate_below(&s->g, n);
}

static void make_processes(struct server *s)
{
	unsigned p = 0, share = 0;

	for (unsigned i = 0; i < PROCESSES; i++) {
		if (share >= programs[p].share * PROCESSES / 100 && p + 1 < COUNT(programs)) {
			p++;
			share = 0;
		}
		share++;
		s->programs[i] = (uint8_t)p;
		s->tasks[i] = (struct task_facts){
		    .start_time = (i + 1) * UINT64_C(1000000007),
		    .parent_start_time = UINT64_C(1000000007),
		    .pid = (int32_t)(1000 + i),
		    .tid = (int32_t)(1000 + i),
		    .ppid = i ? 1000 : 1,
		    .sid = 1000,
		    .pgid = (int32_t)(1000 + i),
		    .vpid = (int32_t)(1000 + i),
		    .vtid = (int32_t)(1000 + i),
		    .uid = p < 4 ? 33 + p : 0,
		    .ruid = p < 4 ? 33 + p : 0,
		    .loginuid = UINT32_MAX,
		};
		snprintf(s->tasks[i].comm, sizeof(s->tasks[i].comm), "%s", programs[p].name);
	}
}

static void begin(struct server *s, struct record_builder *b, void *memory, const char *name,
		  unsigned process, int64_t ret)
{
	record_begin(b, memory, RECORD_ROOM, (uint16_t)event_code_by_name(str_from(name)),
		     s->time += 1 + below(s, 2000), &s->tasks[process], ret);
}

static struct str path_of(struct server *s, unsigned process, char *out, size_t room)
{
	const char *format = programs[s->programs[process]].files[below(s, 4)];
	struct buffer b = {.p = out, .room = room};

	/* Formats hold one number at most. */
	for (const char *c = format; *c; c++) {
		if (c[0] == '%' && c[1] == 'u') {
			buffer_put_u64(&b, below(s, 400));
			c++;
		} else {
			buffer_putc(&b, *c);
		}
	}
	return buffer_str(&b);
}

static void put_file(struct record_builder *b, uint8_t subject, struct str path)
{
	struct annex_file file = {
	    .ino = 4711, .dev = 0x801, .mode = 0100644, .nlink = 1, .fd = 7, .type = FD_FILE};

	record_annex(b, ANNEX_FILE, subject, (struct str){(char *)&file, sizeof(file)});
	record_annex(b, ANNEX_PATH_RESOLVED, subject, path);
}

static void put_socket(struct server *s, struct record_builder *b, uint8_t subject, bool is_server)
{
	struct annex_socket socket = {
	    .family = AF_INET,
	    .type = SOCK_STREAM,
	    .protocol = IPPROTO_TCP,
	    .local_port = is_server ? 443 : (uint16_t)(40000 + below(s, 9999)),
	    .remote_port = is_server ? (uint16_t)(40000 + below(s, 9999)) : 5432,
	    .is_server = is_server ? 1 : 2,
	    .local = {10, 0, 0, 5},
	    .remote = {10, 0, 1, (uint8_t)below(s, 256)},
	    .fd = 9};

	record_annex(b, ANNEX_SOCKET, subject, (struct str){(char *)&socket, sizeof(socket)});
}

/* A tuple as scap packs it. */
static struct str socket_tuple(struct server *s, uint8_t *out)
{
	static const uint8_t local[] = {10, 0, 0, 5};
	uint8_t remote[] = {10, 0, 1, (uint8_t)below(s, 256)};
	uint16_t ports[] = {(uint16_t)(40000 + below(s, 9999)), 5432};

	out[0] = 2;
	memcpy(out + 1, local, 4);
	memcpy(out + 5, &ports[0], 2);
	memcpy(out + 7, remote, 4);
	memcpy(out + 11, &ports[1], 2);
	return (struct str){(char *)out, 13};
}

static void put_open(struct server *s, struct record_builder *b, void *memory, unsigned process)
{
	char path[256];
	struct str name = path_of(s, process, path, sizeof(path));
	bool is_write = below(s, 8) == 0;

	begin(s, b, memory, "openat", process, 7);
	record_param_int(b, 7);
	record_param_int(b, -100);
	record_param_str(b, name);
	record_param_int(b, is_write ? 2 : 1); /* PPM_O_WRONLY, PPM_O_RDONLY */
	record_param_int(b, 0);
	record_param_int(b, 0x801);
	record_param_int(b, 4711);
	put_file(b, 2, name);
}

static void put_io(struct server *s, struct record_builder *b, void *memory, unsigned process,
		   const char *name)
{
	char path[256];

	begin(s, b, memory, name, process, 512);
	record_param_int(b, 512);
	record_param(b, STR("GET /index.html HTTP/1.1\r\nHost: example\r\n\r\n"));
	record_param_int(b, 7);
	record_param_int(b, 4096);
	if (below(s, 2))
		put_socket(s, b, 2, true);
	else
		put_file(b, 2, path_of(s, process, path, sizeof(path)));
}

static void put_close(struct server *s, struct record_builder *b, void *memory, unsigned process)
{
	begin(s, b, memory, "close", process, 0);
	record_param_int(b, 0);
	record_param_int(b, 7);
}

static void put_connect(struct server *s, struct record_builder *b, void *memory, unsigned process)
{
	uint8_t bytes[32];

	begin(s, b, memory, "connect", process, 0);
	record_param_int(b, 0);
	record_param(b, socket_tuple(s, bytes));
	record_param_int(b, 9);
	record_param(b, (struct str){0});
	put_socket(s, b, 2, false);
}

static void put_accept(struct server *s, struct record_builder *b, void *memory, unsigned process)
{
	uint8_t bytes[32];

	begin(s, b, memory, "accept4", process, 9);
	record_param_int(b, 9);
	record_param(b, socket_tuple(s, bytes));
	for (unsigned i = 2; i < b->schema->nparams; i++)
		record_param_int(b, 0);
	put_socket(s, b, 0, true);
}

/* Values of an exec's or clone's parameters by their names; the others are 0. */
static void put_task_params(struct record_builder *b, const struct task_facts *t,
			    const struct program_kind *p)
{
	for (unsigned i = 0; i < b->schema->nparams; i++) {
		const struct param_schema *param = &b->schema->params[i];
		struct str name = str_from(param->name);

		if (str_equal_c(name, "exe") || str_equal_c(name, "trusted_exepath") ||
		    str_equal_c(name, "filename"))
			record_param_str(b, str_from(p->exe));
		else if (str_equal_c(name, "comm"))
			record_param_str(b, str_from(p->name));
		else if (str_equal_c(name, "args"))
			record_param_str(b, str_from(p->args));
		else if (str_equal_c(name, "cwd"))
			record_param_str(b, STR("/"));
		else if (str_equal_c(name, "env"))
			record_param_str(b, STR("PATH=/usr/bin:/bin"));
		else if (str_equal_c(name, "cgroups"))
			record_param_str(b, STR("memory=/system.slice"));
		else if (str_equal_c(name, "pid"))
			record_param_int(b, t->pid);
		else if (str_equal_c(name, "tid"))
			record_param_int(b, t->tid);
		else if (str_equal_c(name, "ptid"))
			record_param_int(b, t->ppid);
		else if (str_equal_c(name, "loginuid"))
			record_param_int(b, -1);
		else
			record_param_int(b, 0);
	}
}

static void put_exec(struct server *s, struct record_builder *b, void *memory, unsigned process)
{
	s->tasks[process].exec_id++;
	begin(s, b, memory, "execve", process, 0);
	put_task_params(b, &s->tasks[process], &programs[s->programs[process]]);
}

static void put_event(struct server *s, struct record_builder *b, void *memory)
{
	unsigned process = below(s, PROCESSES);
	unsigned dice = below(s, 1000);

	if (dice < 340)
		put_io(s, b, memory, process, "read");
	else if (dice < 480)
		put_io(s, b, memory, process, "write");
	else if (dice < 720)
		put_open(s, b, memory, process);
	else if (dice < 920)
		put_close(s, b, memory, process);
	else if (dice < 955)
		put_connect(s, b, memory, process);
	else if (dice < 995)
		put_accept(s, b, memory, process);
	else
		put_exec(s, b, memory, process);
}

struct stream stream_new(size_t count, uint64_t seed)
{
	struct server *s = calloc(1, sizeof(*s));
	struct stream out = {.offsets = calloc(count + PROCESSES, sizeof(size_t)),
			     .sizes = calloc(count + PROCESSES, sizeof(size_t))};
	size_t room = (count + PROCESSES) * 512 + RECORD_ROOM;

	out.memory = aligned_alloc(8, room);
	if (!s || !out.memory || !out.offsets || !out.sizes)
		abort();
	s->g = generator_new(seed);
	s->time = UINT64_C(1700000000000000000);
	make_processes(s);
	while (out.count < count + PROCESSES && out.size + RECORD_ROOM <= room) {
		struct record_builder b;
		char *memory = out.memory + out.size;

		if (out.count < PROCESSES)
			put_exec(s, &b, memory, (unsigned)out.count);
		else
			put_event(s, &b, memory);

		size_t size = record_end(&b);

		if (!size)
			abort();
		out.offsets[out.count] = out.size;
		out.sizes[out.count++] = size;
		out.size += (size + 7) & ~(size_t)7;
	}
	free(s);
	return out;
}

void stream_free(struct stream *s)
{
	free(s->memory);
	free(s->offsets);
	free(s->sizes);
}
