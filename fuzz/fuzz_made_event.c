/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of an event as rule tests give them: any YAML, and then every field of what it made. */
#include "app/made_event.h"

#include <stdlib.h>

static void extract_all(struct made_event *m, struct arena *arena)
{
	static char scratch_memory[512 * 1024];
	static char text_memory[64 * 1024];

	for (size_t i = 0; i < field_count; i++) {
		struct arena scratch;
		struct buffer text = BUFFER(text_memory);
		struct field_context ctx = {.event = made_event_get(m),
					    .state = made_event_state(m),
					    .scratch = &scratch,
					    .hostname = "fuzz",
					    .given = made_event_given(m)};
		struct field_use use;
		struct value value;

		arena_fixed(&scratch, scratch_memory, sizeof(scratch_memory));
		if (field_resolve(str_from(field_catalogue[i].name), 0, arena, &use, NULL) == 0 &&
		    field_extract(&ctx, &use, &value))
			value_print(&value, use.field, &text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct made_event *m = made_event_new(NULL);
	struct yaml_file file;
	struct error err;

	if (!m)
		abort();
	if (yaml_parse(&file, "fuzz", (struct str){(const char *)data, size}, arena, &err) == 0)
		for (size_t i = 0; i < file.document_count; i++)
			if (made_event_make(m, &file, file.documents[i],
					    i ? file.documents[0] : NULL, &err) == 0)
				extract_all(m, arena);
	made_event_free(m);
	return 0;
}
