/* SPDX-License-Identifier: Apache-2.0 */
#include "source/container_record.h"

#include "state/container_event.h"

#include <stdlib.h>
#include <string.h>

enum { CODE_CONTAINER = 324 }; /* events.tsv: with a length of 32 bits */

enum { HEAD_SIZE = sizeof(struct event_header) + sizeof(uint32_t) };

struct record *container_record_new(const struct container *c, uint64_t time)
{
	char *text = container_event_text(c, RECORD_SIZE_MAX - sizeof(struct record) - HEAD_SIZE);
	uint32_t n = text ? (uint32_t)strlen(text) + 1 : 0;
	uint32_t event_size = HEAD_SIZE + n;
	uint32_t size = ((uint32_t)sizeof(struct record) + event_size + 7) & ~7u;
	struct event_header header = {
	    .ts = time, .len = event_size, .type = CODE_CONTAINER, .nparams = 1};
	struct record *r = text ? calloc(1, size) : NULL;
	char *event = (char *)(r + 1);

	if (!text)
		return NULL;
	if (!r)
		abort();
	*r = (struct record){
	    .size = size,
	    .event_size = event_size,
	    .annex_offset = size,
	    .flags = RECORD_STATE_ONLY,
	    .syscall_nr = UINT16_MAX,
	};
	memcpy(event, &header, sizeof(header));
	memcpy(event + sizeof(header), &n, sizeof(n));
	memcpy(event + HEAD_SIZE, text, n);
	free(text);
	return r;
}
