/* SPDX-License-Identifier: Apache-2.0 */
#include "source/source_internal.h"

int source_poll(struct source *s, int timeout_ms, source_event_fn *handle, void *context)
{
	return s->ops->poll(s, timeout_ms, handle, context);
}

int source_fd(const struct source *s)
{
	return s->ops->fd(s);
}

int source_watch(struct source *s, int fd, struct error *err)
{
	return s->ops->watch(s, fd, err);
}

struct source_counters source_counters(const struct source *s)
{
	return s->ops->counters(s);
}

const struct error *source_error(const struct source *s)
{
	static const struct error none;

	return s->ops->error ? s->ops->error(s) : &none;
}

void source_close(struct source *s)
{
	if (s->ops->close)
		s->ops->close(s);
}

void source_free(struct source *s)
{
	if (s)
		s->ops->free(s);
}
