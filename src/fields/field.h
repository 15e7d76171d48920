/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue of fields: one table (fields/catalogue.c) that conditions, outputs, --list and the
 * documentation are driven by. To add a field is to add a row and an extractor.
 */
#ifndef SAKER_FIELDS_FIELD_H
#define SAKER_FIELDS_FIELD_H

#include "fields/value.h"
#include "state/state.h"

enum event_source { SOURCE_SYSCALL, SOURCE_K8S_AUDIT, SOURCE_COUNT };

/* A set of sources; fields that every source has carry FIELD_SOURCES_ALL. */
#define SOURCE_BIT(source) (1u << (source))
#define SOURCES_ALL ((1u << SOURCE_COUNT) - 1)

/* What a value depends on, and so how long it may be remembered. */
enum field_scope { SCOPE_EVENT, SCOPE_PROCESS, SCOPE_CONTAINER, SCOPE_HOST };

enum field_argument { ARGUMENT_NONE, ARGUMENT_OPTIONAL, ARGUMENT_REQUIRED };
enum field_argument_form { ARGUMENT_INDEX, ARGUMENT_KEY, ARGUMENT_INDEX_OR_KEY };

enum field_flag {
	FIELD_LIST = 1 << 0,           /* the value is a list and compares as one */
	FIELD_FILTER_ONLY = 1 << 1,    /* not in outputs */
	FIELD_PRINT_ONLY = 1 << 2,     /* meant for outputs; conditions take it as well */
	FIELD_NO_RHS = 1 << 3,         /* may not stand on the right of an operator */
	FIELD_NO_TRANSFORMER = 1 << 4, /* may not be wrapped */
	FIELD_DEPRECATED = 1 << 5,
	FIELD_ANY_OF = 1 << 6, /* several values stand for one (fd.ip, proc.aname without an
				  index): a comparison holds where it holds for any of them;
				  but != of fd.* where it holds for all */
	FIELD_PATH = 1 << 7,   /* a file's name: differs between the two name views */
	FIELD_OURS = 1 << 8,   /* not a field of Falco's */
	FIELD_HEX = 1 << 9,    /* numbers print in hexadecimal */
	FIELD_OCT = 1 << 10,
	FIELD_NINE_DIGITS = 1 << 11, /* numbers print with at least nine: parts of a second */
	FIELD_METADATA = 1 << 12,    /* told by a container's runtime or files, which may take a while */
};

struct field_context;
struct given_fields;
struct field_use;

typedef bool field_extract_fn(struct field_context *ctx, const struct field_use *use,
			      struct value *out);

struct field {
	const char *name;
	const char *type_name; /* as --list prints it: CHARBUF, UINT32 ... */
	enum value_type type;
	enum field_scope scope;
	enum field_argument argument;
	enum field_argument_form argument_form;
	uint32_t flags;
	uint32_t sources; /* SOURCE_BIT()s */
	uint32_t facts;   /* FACT_* */
	const char *description;
	field_extract_fn *extract;
	uint16_t selector; /* which of an extractor's values: fields/extractors.h */
};

/* A field as it stands in a condition or output: with its argument. */
struct field_use {
	const struct field *field;
	enum value_type type;  /* the field's; of evt.rawarg that of the parameter it names */
	const char *type_name; /* likewise */
	uint32_t facts; /* FACT_*: the field's, without those that this argument does not need */
	bool has_argument;
	bool is_index;
	int64_t index;
	struct str key;   /* the argument's text, also where it is an index */
	int16_t param[4]; /* of evt.arg-like fields: for the extractor's own use, set by resolve */
	struct str text;  /* "proc.aname[2]" */
	struct str
	    constant; /* of static.NAME: what the configuration says; set by the rules' loader */
};

/* What an extractor may look at. One per evaluation context; belongs to one thread. */
struct field_context {
	const struct event *event;
	struct state *state;
	struct arena *scratch; /* emptied between events */
	const char *hostname;
	uint64_t first_event_time; /* for evt.reltime: of the first that is not EVENT_META */
	uint64_t previous_event_time;
	enum event_source source;
	const struct given_fields *given; /* fields/given.h; NULL, but for events of tests */
	bool buffers_base64; /* while an output is made: buffers are printed so, not compared */
};

extern const struct field field_catalogue[];
extern const size_t field_count;

/*
 * Resolves "name", "name[index]" or "name[key]". Where the name is unknown the error says so with
 * the nearest known one; where a field needs an argument or takes none, it says that.
 * sources: the event sources that are acceptable (0: any). The use lives in the arena.
 */
const struct field *field_find(struct str name);
/* static.NAME: whoever resolves such a use sets its constant. */
bool field_is_static(const struct field *field);
/* evt.around, whose `=` holds for all that is as near as its operand. */
bool field_is_around(const struct field *field);
int field_resolve(struct str text, uint32_t sources, struct arena *arena, struct field_use *use,
		  struct error *err);

/* "CHARBUF": what a parameter's type is called. */
const char *param_type_name(enum param_type type);

bool field_extract_given(struct field_context *ctx, const struct field_use *use, struct value *out);

static inline bool field_extract(struct field_context *ctx, const struct field_use *use,
				 struct value *out)
{
	if (__builtin_expect(ctx->given != NULL, 0))
		return field_extract_given(ctx, use, out);
	return use->field->extract(ctx, use, out);
}

/* Texts of several ancestors, which print as one text with blanks between them: no list. */
static inline bool value_is_joined(const struct value *v, const struct field *field)
{
	return v->is_list && v->type == VALUE_STRING && field && field->flags & FIELD_ANY_OF;
}

/*
 * The value as text: as alerts print it (lists in brackets, times by kind, flags by format).
 * Truncates as buffers do.
 */
void value_print(const struct value *v, const struct field *field, struct buffer *out);

#endif
