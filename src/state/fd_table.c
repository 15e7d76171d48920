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

void fd_text_free(struct fd_store *s, struct fd_text *text)
{
	s->text_bytes -= text->text.n;
	block_give(s->blocks, text);
}

static void set_text(struct fd_store *s, struct fd_text **to, struct str name)
{
	struct fd_text *old = *to;

	if (old && str_equal(old->text, name))
		return;
	*to = NULL;
	if (s->text_bytes + name.n > FD_TEXTS_MAX) {
		s->refused++;
	} else if (name.n) {
		struct fd_text *text = block_take(s->blocks, sizeof(*text) + name.n + 1);

		*text = (struct fd_text){.references = 1, .text = {text->bytes, name.n}};
		memcpy(text->bytes, name.p, name.n);
		text->bytes[name.n] = '\0';
		s->text_bytes += name.n;
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
	/* Most names stand as they were given. */
	if (e->name && e->name != e->name_raw && str_equal(e->name->text, name)) {
		fd_text_release(s, e->name_raw);
		e->name_raw = fd_text_keep(e->name);
		return;
	}
	set_text(s, &e->name_raw, name);
}

static struct fd_entry *entry_of(struct fd_link *link)
{
	return (struct fd_entry *)link;
}

static uint32_t bucket_of(const struct fd_link *link)
{
	return ((const struct fd_entry *)link)->bucket;
}

struct fd_entry *fd_table_find_high(const struct fd_table *t, int64_t num)
{
	if (!t->count || num < 0)
		return NULL;

	uint32_t bucket = (uint32_t)((uint64_t)num % t->bucket_count);
	struct fd_link *link = t->buckets[bucket] ? t->buckets[bucket]->next : NULL;

	for (; link && bucket_of(link) == bucket; link = link->next)
		if (entry_of(link)->num == num)
			return entry_of(link);
	return NULL;
}

static void link_in(struct fd_table *t, struct fd_entry *e)
{
	struct fd_link **bucket;

	e->bucket = (uint32_t)((uint64_t)e->num % t->bucket_count);
	bucket = &t->buckets[e->bucket];
	if (!*bucket) {
		struct fd_link *first = t->before_first.next;

		*bucket = &t->before_first;
		if (first)
			t->buckets[bucket_of(first)] = &e->link;
	}
	e->link.next = (*bucket)->next;
	(*bucket)->next = &e->link;
	if ((uint64_t)e->num < t->low_count)
		t->low[e->num] = e;
}

/* One block holds the buckets and, three times as many, the entries of the lowest numbers. */
static void grow(struct fd_store *s, struct fd_table *t)
{
	enum { LOW_TO_BUCKETS = 3 };
	struct fd_link *link = t->before_first.next;
	size_t step = 0, pointers;

	while (bucket_counts[step] <= t->bucket_count)
		step++;
	if (t->buckets)
		block_give(s->blocks, t->buckets);
	t->bucket_count = bucket_counts[step];
	t->low_count = LOW_TO_BUCKETS * t->bucket_count;
	pointers = t->bucket_count + t->low_count;
	t->buckets = block_take(s->blocks, pointers * sizeof(void *));
	memset(t->buckets, 0, pointers * sizeof(void *));
	t->low = (struct fd_entry **)(t->buckets + t->bucket_count);
	t->before_first.next = NULL;
	while (link) {
		struct fd_link *next = link->next;

		link_in(t, entry_of(link));
		link = next;
	}
}

static void insert(struct fd_store *s, struct fd_table *t, struct fd_entry *e)
{
	if (t->count + 1 > t->bucket_count)
		grow(s, t);
	link_in(t, e);
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

/* The entry of that number, of which the texts are set, or a new one, all zero. */
static struct fd_entry *find_or_insert(struct fd_store *s, struct fd_table *t, int64_t num)
{
	struct fd_entry *e = fd_table_find(t, num);

	if (e)
		return e;
	if (num < 0)
		return NULL;
	if (t->count >= FD_TABLE_MAX || s->count >= FD_STORE_MAX) {
		s->refused++;
		return NULL;
	}
	s->count++;
	e = pool_take(&s->entries);
	e->num = num;
	insert(s, t, e);
	return e;
}

/* All but the table's own. */
static void set_entry(struct fd_entry *e, const struct fd_entry *from)
{
	struct fd_link link = e->link;
	uint32_t bucket = e->bucket;
	int64_t num = e->num;

	*e = *from;
	e->link = link;
	e->bucket = bucket;
	e->num = num;
}

struct fd_entry *fd_table_add_copy(struct fd_store *s, struct fd_table *t, int64_t num,
				   const struct fd_entry *from)
{
	struct fd_entry *e = find_or_insert(s, t, num);

	if (!e)
		return NULL;
	fd_text_keep(from->name);
	fd_text_keep(from->name_raw);
	release_texts(s, e);
	set_entry(e, from);
	return e;
}

struct fd_entry *fd_table_add(struct fd_store *s, struct fd_table *t, int64_t num)
{
	static const struct fd_entry nothing;
	uint32_t count = t->count;
	struct fd_entry *e = find_or_insert(s, t, num);

	if (e && t->count == count) {
		release_texts(s, e);
		set_entry(e, &nothing);
	}
	return e;
}

void fd_table_remove(struct fd_store *s, struct fd_table *t, struct fd_entry *e)
{
	struct fd_link *before = t->buckets[e->bucket];
	struct fd_link *next = e->link.next;

	while (before->next != &e->link)
		before = before->next;
	/* The bucket is empty now where neither what stands before nor behind is of it. */
	if ((before == &t->before_first || bucket_of(before) != e->bucket) &&
	    (!next || bucket_of(next) != e->bucket))
		t->buckets[e->bucket] = NULL;
	if (next && bucket_of(next) != e->bucket)
		t->buckets[bucket_of(next)] = before;
	before->next = next;
	if ((uint64_t)e->num < t->low_count)
		t->low[e->num] = NULL;
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
