/* SPDX-License-Identifier: Apache-2.0 */
/* Captures as tests make them: blocks of the scap format, one after the other. */
#ifndef SAKER_TESTS_MADE_CAPTURE_H
#define SAKER_TESTS_MADE_CAPTURE_H

#include "../state/world.h"
#include "source/capture.h"

struct made_capture {
	uint8_t bytes[1 << 18];
	size_t n;
	size_t block; /* where the block that is being made begins */
	uint64_t time;
};

static inline void made_put(struct made_capture *m, const void *bytes, size_t n)
{
	assert_true(m->n + n <= sizeof(m->bytes));
	if (n)
		memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

static inline void made_u8(struct made_capture *m, uint8_t v)
{
	made_put(m, &v, sizeof(v));
}

static inline void made_u16(struct made_capture *m, uint16_t v)
{
	made_put(m, &v, sizeof(v));
}

static inline void made_u32(struct made_capture *m, uint32_t v)
{
	made_put(m, &v, sizeof(v));
}

static inline void made_u64(struct made_capture *m, uint64_t v)
{
	made_put(m, &v, sizeof(v));
}

static inline void made_str(struct made_capture *m, struct str s)
{
	made_u16(m, (uint16_t)s.n);
	made_put(m, s.p, s.n);
}

static inline void made_begin(struct made_capture *m, uint32_t type)
{
	m->block = m->n;
	made_u32(m, type);
	made_u32(m, 0);
}

static inline void made_end(struct made_capture *m)
{
	uint32_t length;

	while (m->n % 4)
		made_u8(m, 0);
	length = (uint32_t)(m->n - m->block) + 4;
	made_u32(m, length);
	memcpy(m->bytes + m->block + 4, &length, sizeof(length));
}

static inline void made_section(struct made_capture *m)
{
	made_begin(m, 0x0A0D0D0A);
	made_u32(m, 0x1A2B3C4D);
	made_u16(m, 1);
	made_u16(m, 2);
	made_u64(m, UINT64_MAX);
	made_end(m);
}

static inline struct made_capture *made_new(void)
{
	struct made_capture *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->time = 5000 * SECOND;
	made_section(m);
	return m;
}

/* Sets the length of an entry that began at `start` with four bytes for it. */
static inline void made_entry_end(struct made_capture *m, size_t start)
{
	uint32_t length = (uint32_t)(m->n - start);

	memcpy(m->bytes + start, &length, sizeof(length));
}

/* In the form of today's writers. */
static inline void made_process(struct made_capture *m, const struct listed_process *p)
{
	size_t start;

	made_begin(m, 0x215);
	start = m->n;
	made_u32(m, 0);
	made_u64(m, (uint64_t)p->tid);
	made_u64(m, (uint64_t)p->pid);
	made_u64(m, (uint64_t)p->ptid);
	made_u64(m, (uint64_t)p->sid);
	made_u64(m, (uint64_t)p->vpgid);
	made_str(m, p->comm);
	made_str(m, p->exe);
	made_str(m, p->exepath);
	made_str(m, p->args);
	made_str(m, p->cwd);
	made_u64(m, p->fdlimit);
	made_u32(m, p->flags);
	made_u32(m, p->uid);
	made_u32(m, p->gid);
	made_u32(m, p->vm_size_kb);
	made_u32(m, p->vm_rss_kb);
	made_u32(m, p->vm_swap_kb);
	made_u64(m, p->pgft_maj);
	made_u64(m, p->pgft_min);
	made_str(m, p->env);
	made_u64(m, (uint64_t)p->vtid);
	made_u64(m, (uint64_t)p->vpid);
	made_str(m, p->cgroups);
	made_str(m, p->root);
	made_u64(m, p->pidns_start_time);
	made_u32(m, p->tty);
	made_u32(m, p->loginuid);
	made_u8(m, p->exe_writable);
	made_u64(m, p->cap_inheritable);
	made_u64(m, p->cap_permitted);
	made_u64(m, p->cap_effective);
	made_u8(m, p->exe_upper_layer);
	made_u64(m, p->exe_ino);
	made_u64(m, p->exe_ctime);
	made_u64(m, p->exe_mtime);
	made_u8(m, p->exe_from_memfd);
	made_u8(m, p->exe_lower_layer);
	made_u64(m, (uint64_t)p->pgid);
	made_entry_end(m, start);
	made_end(m);
}

/* A process of one thread. */
static inline void made_simple_process(struct made_capture *m, int64_t pid, int64_t ppid,
				       const char *path)
{
	struct str name = path_basename(str_from(path));

	made_process(m, &(struct listed_process){.tid = pid,
						 .pid = pid,
						 .ptid = ppid,
						 .sid = pid,
						 .vpgid = pid,
						 .pgid = pid,
						 .vtid = pid,
						 .vpid = pid,
						 .comm = name,
						 .exe = str_from(path),
						 .exepath = str_from(path),
						 .cwd = STR("/tmp"),
						 .cgroups = STR("cpu=/"),
						 .fdlimit = 1024,
						 .loginuid = UINT32_MAX});
}

static inline void made_fd(struct made_capture *m, const struct listed_fd *fd)
{
	size_t start,
	    size = fd->type == LISTED_FD_IPV4 || fd->type == LISTED_FD_IPV4_SERVER ? 4 : 16;

	made_begin(m, 0x218);
	made_u64(m, (uint64_t)fd->tid);
	start = m->n;
	made_u32(m, 0);
	made_u64(m, (uint64_t)fd->num);
	made_u64(m, fd->ino);
	made_u8(m, fd->type);
	switch (fd->type) {
	case LISTED_FD_IPV4:
	case LISTED_FD_IPV6:
		made_put(m, fd->local, size);
		made_put(m, fd->remote, size);
		made_u16(m, fd->local_port);
		made_u16(m, fd->remote_port);
		made_u8(m, fd->l4proto);
		break;
	case LISTED_FD_IPV4_SERVER:
	case LISTED_FD_IPV6_SERVER:
		made_put(m, fd->local, size);
		made_u16(m, fd->local_port);
		made_u8(m, fd->l4proto);
		break;
	case LISTED_FD_UNIX:
		made_u64(m, fd->unix_source);
		made_u64(m, fd->unix_destination);
		made_str(m, fd->name);
		break;
	case LISTED_FD_FILE_V2:
		made_u32(m, fd->open_flags);
		made_str(m, fd->name);
		made_u32(m, fd->dev);
		break;
	default:
		made_str(m, fd->name);
	}
	made_entry_end(m, start);
	made_end(m);
}

/* An address of IPv4. */
static inline void made_interface(struct made_capture *m, const uint8_t address[4])
{
	static const uint8_t netmask[4] = {255, 255, 255, 0}, broadcast[4];
	static const char name[] = "eth0";

	made_begin(m, 0x205);
	made_u16(m, 1);
	made_u16(m, sizeof(name) - 1);
	made_put(m, address, 4);
	made_put(m, netmask, 4);
	made_put(m, broadcast, 4);
	made_u64(m, 1000);
	made_put(m, name, sizeof(name) - 1);
	made_end(m);
}

static inline void made_user(struct made_capture *m, uint32_t uid, uint32_t gid, const char *name)
{
	size_t start;

	made_begin(m, 0x220);
	start = m->n;
	made_u32(m, 0);
	made_u8(m, 0);
	made_u32(m, uid);
	made_u32(m, gid);
	made_str(m, str_from(name));
	made_str(m, STR("/home"));
	made_str(m, STR("/bin/sh"));
	made_entry_end(m, start);
	made_end(m);
}

/* An event whose bytes are there already: header, lengths, parameters. */
static inline void made_event_bytes(struct made_capture *m, const void *bytes, size_t n)
{
	made_begin(m, 0x216);
	made_u16(m, 3);
	made_put(m, bytes, n);
	made_end(m);
}

/* Of any code, old forms and enters too; parameters that are not named are absent. */
static inline void made_event_code(struct made_capture *m, uint16_t code, int64_t tid,
				   const struct arg *args, size_t nargs)
{
	static _Alignas(8) uint8_t memory[RECORD_SIZE_MAX];
	struct record_builder b;
	struct event_header h;

	record_begin(&b, memory, sizeof(memory), code, m->time += 1000, NULL, 0);
	for (unsigned i = 0; i < b.schema->nparams; i++) {
		const struct arg *found = NULL;

		for (size_t a = 0; a < nargs; a++)
			if (args[a].name && strcmp(args[a].name, b.schema->params[i].name) == 0)
				found = &args[a];
		if (found && found->text)
			record_param(&b, (struct str){found->text, found->n});
		else if (found)
			record_param_int(&b, found->number);
		else
			record_param(&b, (struct str){NULL, 0});
	}
	assert_true(record_end(&b) > 0);
	memcpy(&h, memory + sizeof(struct record), sizeof(h));
	h.tid = (uint64_t)tid;
	memcpy(memory + sizeof(struct record), &h, sizeof(h));
	made_event_bytes(m, memory + sizeof(struct record), h.len);
}

#define MADE_CODE(m, code, tid, ...)                                                               \
	made_event_code((m), (code), (tid), (const struct arg[]){__VA_ARGS__},                     \
			sizeof((const struct arg[]){__VA_ARGS__}) / sizeof(struct arg))
#define MADE(m, name, tid, ...)                                                                    \
	MADE_CODE((m), (uint16_t)event_code_by_name(str_from(name)), (tid), __VA_ARGS__)

#endif
