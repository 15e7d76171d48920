/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of parsed JSON, as views: good as long as the JSON is. What is no text is empty. */
#ifndef SAKER_STATE_JSON_TEXT_H
#define SAKER_STATE_JSON_TEXT_H

#include "state/container_info.h"

#include <jansson.h>

static inline struct str json_text_of(const json_t *v)
{
	return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)}
				 : (struct str){"", 0};
}

static inline struct str json_text(const json_t *object, const char *key)
{
	return json_text_of(json_object_get(object, key));
}

/* Members that are texts, at most so many; answers how many there are. */
static inline uint32_t json_labels(const json_t *object, struct container_label *out, uint32_t most)
{
	json_t *o = (json_t *)(uintptr_t)object;
	uint32_t n = 0;

	for (void *i = json_object_iter(o); i && n < most; i = json_object_iter_next(o, i)) {
		const json_t *v = json_object_iter_value(i);

		if (json_is_string(v))
			out[n++] = (struct container_label){str_from(json_object_iter_key(i)),
							    json_text_of(v)};
	}
	return n;
}

#endif
