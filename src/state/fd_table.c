/* SPDX-License-Identifier: Apache-2.0 */
#include "state/fd_table.h"

#include <netinet/in.h>

/*
 * Numbers of buckets, as libstdc++'s unordered_map steps through them. An entry goes to the front
 * of its bucket, and that of a bucket that was empty to the front of all.
 */
static const uint32_t bucket_counts[] = {13, 29, 59, 127, 257, 541, 1109, 2357, 5087};

/* Bits of open flags that have exec close the descriptor: of any, of epoll's and of memfds. */
enum { CLOEXEC = 0x1000, EPOLL_CLOEXEC_BIT = 1, MFD_CLOEXEC_BIT = 1 };

void fd_store_init(struct fd_store *s, struct block_pool *blocks)
{
	*s = (struct fd_store){.blocks = blocks};
	s->entries.item_size = sizeof(struct fd_entry);
}

void fd_store_release(struct fd_store *s)
{
	pool_release(&s->entries);
}

void fd_text_release(struct fd_store *s, struct fd_text *text)
{
	if (text && --text->references == 0)
		block_give(s->blocks, text);
}

static void set_text(struct fd_store *s, struct fd_text **to, struct str name)
{
	struct fd_text *old = *to;

	if (old && str_equal(old->text, name))
		return;
	*to = NULL;
	if (name.n) {
		struct fd_text *text = block_take(s->blocks, sizeof(*text) + name.n + 1);

		*text = (struct fd_text){.references = 1, .text = {text->bytes, name.n}};
		memcpy(text->bytes, name.p, name.n);
		text->bytes[name.n] = '\0';
		*to = text;
	}
	fd_text_release(s, old);
}

void fd_set_name(struct fd_store *s, struct fd_entry *e, struct str name)
{
	set_text(s, &e->name, name);
}

void fd_set_name_raw(struct fd_store *s, struct fd_entry *e, struct str name)
{
	set_text(s, &e->name_raw, name);
}

static struct fd_entry *entry_of(struct fd_link *link)
{
	return (struct fd_entry *)link;
}

static uint32_t bucket_of(const struct fd_table *t, const struct fd_link *link)
{
	return (uint32_t)((uint64_t)((const struct fd_entry *)link)->num % t->bucket_count);
}

struct fd_entry *fd_table_find(const struct fd_table *t, int64_t num)
{
	if (!t->count || num < 0)
		return NULL;

	uint32_t bucket = (uint32_t)((uint64_t)num % t->bucket_count);
	struct fd_link *link = t->buckets[bucket] ? t->buckets[bucket]->next : NULL;

	for (; link && bucket_of(t, link) == bucket; link = link->next)
		if (entry_of(link)->num == num)
			return entry_of(link);
	return NULL;
}

static void link_in(struct fd_table *t, struct fd_link *link)
{
	struct fd_link **bucket = &t->buckets[bucket_of(t, link)];

	if (!*bucket) {
		struct fd_link *first = t->before_first.next;

		*bucket = &t->before_first;
		if (first)
			t->buckets[bucket_of(t, first)] = link;
	}
	link->next = (*bucket)->next;
	(*bucket)->next = link;
}

static void grow(struct fd_store *s, struct fd_table *t)
{
	struct fd_link *link = t->before_first.next;
	size_t step = 0;

	while (bucket_counts[step] <= t->bucket_count)
		step++;
	if (t->buckets)
		block_give(s->blocks, t->buckets);
	t->bucket_count = bucket_counts[step];
	t->buckets = block_take(s->blocks, t->bucket_count * sizeof(*t->buckets));
	memset(t->buckets, 0, t->bucket_count * sizeof(*t->buckets));
	t->before_first.next = NULL;
	while (link) {
		struct fd_link *next = link->next;

		link_in(t, link);
		link = next;
	}
}

static void insert(struct fd_store *s, struct fd_table *t, struct fd_entry *e)
{
	if (t->count + 1 > t->bucket_count)
		grow(s, t);
	link_in(t, &e->link);
	t->count++;
}

static void release_texts(struct fd_store *s, struct fd_entry *e)
{
	fd_text_release(s, e->name);
	fd_text_release(s, e->name_raw);
}

static void give(struct fd_store *s, struct fd_entry *e)
{
	release_texts(s, e);
	pool_give(&s->entries, e);
	s->count--;
}

static struct fd_entry *find_or_insert(struct fd_store *s, struct fd_table *t, int64_t num)
{
	struct fd_entry *e = fd_table_find(t, num);

	if (e)
		return e;
	if (num < 0 || t->count >= FD_TABLE_MAX || s->count >= FD_STORE_MAX)
		return NULL;
	s->count++;
	e = pool_take(&s->entries);
	e->num = num;
	insert(s, t, e);
	return e;
}

struct fd_entry *fd_table_add_copy(struct fd_store *s, struct fd_table *t, int64_t num,
				   const struct fd_entry *from)
{
	struct fd_entry copy = *from;
	struct fd_entry *e = find_or_insert(s, t, num);

	if (!e)
		return NULL;
	fd_text_keep(copy.name);
	fd_text_keep(copy.name_raw);
	release_texts(s, e);
	copy.link = e->link;
	copy.num = num;
	*e = copy;
	return e;
}

struct fd_entry *fd_table_add(struct fd_store *s, struct fd_table *t, int64_t num)
{
	return fd_table_add_copy(s, t, num, &(struct fd_entry){0});
}

void fd_table_remove(struct fd_store *s, struct fd_table *t, struct fd_entry *e)
{
	uint32_t bucket = bucket_of(t, &e->link);
	struct fd_link *before = t->buckets[bucket];
	struct fd_link *next = e->link.next;

	while (before->next != &e->link)
		before = before->next;
	/* The bucket is empty now where neither what stands before nor behind is of it. */
	if ((before == &t->before_first || bucket_of(t, before) != bucket) &&
	    (!next || bucket_of(t, next) != bucket))
		t->buckets[bucket] = NULL;
	if (next && bucket_of(t, next) != bucket)
		t->buckets[bucket_of(t, next)] = before;
	before->next = next;
	t->count--;
	give(s, e);
}

void fd_table_clear(struct fd_store *s, struct fd_table *t)
{
	while (t->before_first.next) {
		struct fd_entry *e = entry_of(t->before_first.next);

		t->before_first.next = e->link.next;
		give(s, e);
	}
	if (t->buckets)
		block_give(s->blocks, t->buckets);
	*t = (struct fd_table){0};
}

void fd_table_clone(struct fd_store *s, struct fd_table *to, const struct fd_table *from)
{
	fd_table_clear(s, to);
	for (const struct fd_entry *e = fd_table_next(from, NULL); e; e = fd_table_next(from, e))
		fd_table_add_copy(s, to, e->num, e);
}

static struct ip_address ip_address(const uint8_t *bytes, uint8_t size)
{
	struct ip_address a = {.size = size};

	memcpy(a.bytes, bytes, size);
	return a;
}

struct fd_ends fd_entry_ends(const struct fd_entry *e)
{
	const union fd_socket *s = &e->socket;

	if (e->is_bound && e->type == FD_IPV4)
		return (struct fd_ends){.destination = ip_address(s->ipv4_bound.ip, 4),
					.destination_port = s->ipv4_bound.port};
	if (e->is_bound)
		return (struct fd_ends){.destination = ip_address(s->ipv6_bound.ip, 16),
					.destination_port = s->ipv6_bound.port};
	if (e->type == FD_IPV4)
		return (struct fd_ends){ip_address(s->ipv4.source, 4),
					ip_address(s->ipv4.destination, 4), s->ipv4.source_port,
					s->ipv4.destination_port};
	return (struct fd_ends){ip_address(s->ipv6.source, 16), ip_address(s->ipv6.destination, 16),
				s->ipv6.source_port, s->ipv6.destination_port};
}

enum fd_l4 fd_entry_l4(const struct fd_entry *e)
{
	const union fd_socket *s = &e->socket;

	if (e->is_bound)
		return e->type == FD_IPV4 ? s->ipv4_bound.l4 : s->ipv6_bound.l4;
	return e->type == FD_IPV4 ? s->ipv4.l4 : s->ipv6.l4;
}

uint8_t fd_entry_l4proto(const struct fd_entry *e)
{
	if (e->type != FD_IPV4 && e->type != FD_IPV6)
		return 0;
	if (!e->is_bound && fd_entry_l4(e) != FD_L4_RAW && !e->roles)
		return 0;
	switch (fd_entry_l4(e)) {
	case FD_L4_TCP:
		return IPPROTO_TCP;
	case FD_L4_UDP:
		return IPPROTO_UDP;
	case FD_L4_ICMP:
		return IPPROTO_ICMP;
	case FD_L4_RAW:
		return IPPROTO_RAW;
	default:
		return 0;
	}
}

bool fd_entry_is_cloexec(const struct fd_entry *e)
{
	return e->open_flags & CLOEXEC ||
	       (e->type == FD_EVENTPOLL && e->open_flags & EPOLL_CLOEXEC_BIT) ||
	       (e->type == FD_MEMFD && e->open_flags & MFD_CLOEXEC_BIT);
}

void fd_entry_set_cloexec(struct fd_entry *e, bool is_set)
{
	e->open_flags &= ~(uint32_t)CLOEXEC;
	if (e->type == FD_EVENTPOLL || e->type == FD_MEMFD)
		e->open_flags &= ~(uint32_t)EPOLL_CLOEXEC_BIT;
	if (is_set)
		e->open_flags |= CLOEXEC;
}
