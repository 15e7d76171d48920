/* SPDX-License-Identifier: Apache-2.0 */
#include "source/capture_entries.h"

#include "source/capture_format.h"

unsigned entry_processes_version(uint32_t block_type)
{
	switch (block_type) {
	case BLOCK_PROCESSES_V1:
	case BLOCK_PROCESSES_V1_INT:
		return 1;
	case BLOCK_PROCESSES_V2:
	case BLOCK_PROCESSES_V2_INT:
		return 2;
	case BLOCK_PROCESSES_V3:
	case BLOCK_PROCESSES_V3_INT:
		return 3;
	case BLOCK_PROCESSES_V4:
	case BLOCK_PROCESSES_V5:
	case BLOCK_PROCESSES_V6:
	case BLOCK_PROCESSES_V7:
	case BLOCK_PROCESSES_V8:
	case BLOCK_PROCESSES_V9:
		return block_type - BLOCK_PROCESSES_V4 + 4;
	default:
		return 0;
	}
}

/* The tail of a version 9 entry grew by appending: a field is there if the entry is long enough. */
static void read_process_tail(struct cursor *c, struct listed_process *p)
{
	/* Entries of up to 29 more bytes were written before these two fields stood at the front.
	 */
	enum { TAIL_BEFORE_TTY = 29 };

	if (c->left > TAIL_BEFORE_TTY) {
		p->pidns_start_time = read_u64(c);
		p->tty = read_u32(c);
	}
	if (c->left >= sizeof(uint32_t))
		p->loginuid = read_u32(c);
	if (c->left >= sizeof(uint8_t))
		p->exe_writable = read_u8(c);
	if (c->left >= sizeof(uint64_t))
		p->cap_inheritable = read_u64(c);
	if (c->left >= sizeof(uint64_t))
		p->cap_permitted = read_u64(c);
	if (c->left >= sizeof(uint64_t))
		p->cap_effective = read_u64(c);
	if (c->left >= sizeof(uint8_t))
		p->exe_upper_layer = read_u8(c);
	if (c->left >= sizeof(uint64_t))
		p->exe_ino = read_u64(c);
	if (c->left >= sizeof(uint64_t))
		p->exe_ctime = read_u64(c);
	if (c->left >= sizeof(uint64_t))
		p->exe_mtime = read_u64(c);
	if (c->left >= sizeof(uint8_t))
		p->exe_from_memfd = read_u8(c);
	if (c->left >= sizeof(uint8_t))
		p->exe_lower_layer = read_u8(c);
	if (c->left >= sizeof(uint64_t))
		p->pgid = (int64_t)read_u64(c);
}

bool entry_read_process(struct cursor *block, unsigned version, struct listed_process *p)
{
	struct cursor own = version >= 9 ? read_entry(block) : (struct cursor){0};
	struct cursor *c = version >= 9 ? &own : block;

	*p = (struct listed_process){
	    .sid = -1, .vpgid = -1, .pgid = -1, .vtid = -1, .vpid = -1, .loginuid = UINT32_MAX};
	p->tid = (int64_t)read_u64(c);
	p->pid = (int64_t)read_u64(c);
	p->ptid = (int64_t)read_u64(c);
	if (version >= 6)
		p->sid = (int64_t)read_u64(c);
	if (version >= 8)
		p->vpgid = (int64_t)read_u64(c);
	p->comm = read_string(c);
	p->exe = read_string(c);
	if (version >= 7)
		p->exepath = read_string(c);
	p->args = read_string(c);
	p->cwd = read_string(c);
	p->fdlimit = read_u64(c);
	p->flags = read_u32(c);
	p->uid = read_u32(c);
	p->gid = read_u32(c);
	if (version >= 2) {
		p->vm_size_kb = read_u32(c);
		p->vm_rss_kb = read_u32(c);
		p->vm_swap_kb = read_u32(c);
		p->pgft_maj = read_u64(c);
		p->pgft_min = read_u64(c);
	}
	if (version >= 3)
		p->env = read_string(c);
	if (version >= 4) {
		p->vtid = (int64_t)read_u64(c);
		p->vpid = (int64_t)read_u64(c);
		p->cgroups = read_string(c);
	}
	if (version >= 5)
		p->root = read_string(c);
	if (version >= 9)
		read_process_tail(c, p);
	return !c->is_short && !block->is_short;
}

bool entry_read_fd(struct cursor *block, bool has_length, int64_t owner, struct listed_fd *fd)
{
	struct cursor own = has_length ? read_entry(block) : (struct cursor){0};
	struct cursor *c = has_length ? &own : block;

	*fd = (struct listed_fd){.tid = owner};
	fd->num = (int64_t)read_u64(c);
	fd->ino = read_u64(c);
	fd->type = read_u8(c);
	switch (fd->type) {
	case LISTED_FD_IPV4:
	case LISTED_FD_IPV6: {
		size_t size = fd->type == LISTED_FD_IPV4 ? 4 : 16;

		read_bytes(c, fd->local, size);
		read_bytes(c, fd->remote, size);
		fd->local_port = read_u16(c);
		fd->remote_port = read_u16(c);
		fd->l4proto = read_u8(c);
		break;
	}
	case LISTED_FD_IPV4_SERVER:
	case LISTED_FD_IPV6_SERVER:
		read_bytes(c, fd->local, fd->type == LISTED_FD_IPV4_SERVER ? 4 : 16);
		fd->local_port = read_u16(c);
		fd->l4proto = read_u8(c);
		break;
	case LISTED_FD_UNIX:
		fd->unix_source = read_u64(c);
		fd->unix_destination = read_u64(c);
		fd->name = read_string(c);
		break;
	case LISTED_FD_FILE_V2:
		fd->open_flags = read_u32(c);
		fd->name = read_string(c);
		if (has_length && c->left >= sizeof(uint32_t))
			fd->dev = read_u32(c);
		break;
	case LISTED_FD_UNKNOWN:
		break;
	default:
		/* Of an unknown type nothing more can be told; with lengths the next is still
		 * found. */
		if (fd->type >= LISTED_FD_TYPE_COUNT) {
			c->is_short |= !has_length;
			break;
		}
		fd->name = read_string(c);
	}
	return !c->is_short && !block->is_short;
}

bool entry_read_user(struct cursor *block, bool has_length, struct capture_user *u, bool *is_group)
{
	struct cursor own = has_length ? read_entry(block) : (struct cursor){0};
	struct cursor *c = has_length ? &own : block;

	*u = (struct capture_user){0};
	*is_group = read_u8(c) != 0;
	if (!*is_group)
		u->uid = read_u32(c);
	u->gid = read_u32(c);
	u->name = read_string(c);
	if (!*is_group) {
		u->home = read_string(c);
		u->shell = read_string(c);
	}
	return !c->is_short && !block->is_short;
}

bool entry_read_interface(struct cursor *block, bool has_length, struct listed_interface *i)
{
	struct cursor own = has_length ? read_entry_body(block) : (struct cursor){0};
	struct cursor *c = has_length ? &own : block;
	uint16_t type = read_u16(c);
	uint16_t name_size = read_u16(c);
	uint8_t broadcast[16];

	*i = (struct listed_interface){0};
	i->size = type == INTERFACE_IPV4 || type == INTERFACE_IPV4_SHORT ? 4 : 16;
	if (type < INTERFACE_IPV4 || type > INTERFACE_IPV6_SHORT)
		return false;
	read_bytes(c, i->address, i->size);
	read_bytes(c, i->netmask, i->size);
	read_bytes(c, broadcast, i->size);
	if (type == INTERFACE_IPV4 || type == INTERFACE_IPV6)
		read_u64(c);
	i->name = read_view(c, name_size);
	return !c->is_short && !block->is_short;
}

bool entry_read_machine(struct cursor *c, struct capture_machine *m)
{
	m->cpu_count = read_u32(c);
	m->memory_bytes = read_u64(c);
	m->max_pid = read_u64(c);
	m->hostname = read_view(c, MACHINE_HOSTNAME_SIZE);
	m->hostname.n = str_find_byte(m->hostname, '\0', 0);
	m->boot_time = read_u64(c);
	/* Writers before 0.10 left something else there; a boot before the year 2000 is none. */
	if (m->boot_time < UINT64_C(946684800000000000))
		m->boot_time = 0;
	return !c->is_short;
}
