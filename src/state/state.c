/* SPDX-License-Identifier: Apache-2.0 */
/* The state's beginning and end, and what can be asked of it as a whole. */
#include "base/clock.h"
#include "state/proc.h"
#include "state/replay.h"
#include "state/state_internal.h"

#include <stdlib.h>
#include <unistd.h>

struct state *state_new(const struct state_options *options, struct error *err)
{
	struct state *s = calloc(1, sizeof(*s));
	int proc_fd = -1;

	if (!s)
		abort();
	s->proc_fd = -1;
	s->processes = process_table_new(options->max_threads);
	s->users = user_table_new();
	s->actions = calloc(event_code_count, sizeof(*s->actions));
	s->fd_rules = calloc(event_code_count, sizeof(*s->fd_rules));
	s->generic_fd_rules = calloc(event_kind_count, sizeof(*s->generic_fd_rules));
	if (!s->actions || !s->fd_rules || !s->generic_fd_rules)
		abort();
	bind_actions_make(s->actions);
	fd_rules_make(s->fd_rules);
	fd_rules_make_generic(s->generic_fd_rules);
	s->other_process.program = program_unknown(s->processes);
	s->is_live = options->is_live;
	s->max_threads = options->max_threads;
	if (!options->is_live) {
		s->replay = replay_new();
		return s;
	}

	s->boot_shift = clock_boot_shift_ns();
	s->boot_time = clock_boot_epoch_ns(s->boot_shift);
	s->reading = malloc(sizeof(*s->reading));
	if (!s->reading)
		abort();
	proc_fd = proc_open(options->host_root, err);
	if (proc_fd < 0) {
		state_free(s);
		return NULL;
	}
	s->proc_fd = proc_fd;
	s->proc_wait = proc_wait_new();
	s->is_own_proc = !options->host_root || !options->host_root[0];
	return s;
}

void state_free(struct state *s)
{
	if (!s)
		return;
	replay_free(s, s->replay);
	process_table_free(s->processes);
	user_table_free(s->users);
	u64map_free(&s->pidns_starts);
	if (s->proc_fd >= 0)
		close(s->proc_fd);
	proc_wait_free(s->proc_wait);
	free(s->reading);
	free(s->actions);
	free(s->fd_rules);
	free(s->generic_fd_rules);
	free(s);
}

void state_set_boot_time(struct state *s, uint64_t ns_since_epoch)
{
	s->boot_time = ns_since_epoch;
}

uint64_t state_boot_time(const struct state *s)
{
	return s->boot_time;
}

struct process_table *state_processes(struct state *s)
{
	return s->processes;
}

/* NULL: they could not be read. */
static const struct user_table *users_of(const struct state *s, const struct process *p)
{
	const struct container *c = p ? p->container : NULL;

	return c && c->users != CONTAINER_USERS_HOSTS ? c->own_users : s->users;
}

const struct user *state_user_of(const struct state *s, const struct process *p, uint32_t uid)
{
	const struct user_table *users = users_of(s, p);

	return users && uid != UINT32_MAX ? user_find(users, uid) : NULL;
}

const struct group *state_group_of(const struct state *s, const struct process *p, uint32_t gid)
{
	const struct user_table *users = users_of(s, p);

	return users && gid != UINT32_MAX ? group_find(users, gid) : NULL;
}

struct user_table *state_users(struct state *s)
{
	return s->users;
}

struct state_counters state_counters(const struct state *s)
{
	struct state_counters c = s->counters;

	c.threads = process_table_thread_count(s->processes);
	c.processes = process_table_process_count(s->processes);
	c.removed = c.added - c.threads;
	if (s->proc_wait)
		c.proc_given_up = proc_wait_given_up(s->proc_wait);
	c.fds_full += process_table_fds(s->processes)->refused;
	return c;
}
