/* SPDX-License-Identifier: Apache-2.0 */
/* What every kind of source implements; its own struct begins with a struct source. */
#ifndef SAKER_SOURCE_SOURCE_INTERNAL_H
#define SAKER_SOURCE_SOURCE_INTERNAL_H

#include "source/source.h"

struct source_ops {
	int (*poll)(struct source *s, int timeout_ms, source_event_fn *handle, void *context);
	int (*fd)(const struct source *s);
	int (*watch)(struct source *s, int fd, struct error *err);
	struct source_counters (*counters)(const struct source *s);
	const struct error *(*error)(const struct source *s); /* NULL: it never has one */
	void (*close)(struct source *s); /* NULL: nothing is to be done */
	void (*free)(struct source *s);
};

struct source {
	const struct source_ops *ops;
};

#endif
