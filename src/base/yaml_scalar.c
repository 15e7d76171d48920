/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a place in a scalar's text back to the place in the file. The file's characters and the
 * text's are walked side by side; where the file breaks a line the text says how it was folded
 * (one blank, some line feeds or nothing), so that the rules of folding need not stand here again.
 */
#include "base/utf8.h"
#include "base/yaml.h"

struct walk {
	struct str file;
	size_t at; /* in the file */
	size_t end;
	struct str text;
	size_t done; /* of the text */
	size_t target;
};

static bool walk_is_break(const struct walk *w, size_t at)
{
	return at < w->end && (w->file.p[at] == '\n' || w->file.p[at] == '\r');
}

static bool walk_is_blank(const struct walk *w, size_t at)
{
	return at < w->end && (w->file.p[at] == ' ' || w->file.p[at] == '\t');
}

static size_t walk_skip_break(const struct walk *w, size_t at)
{
	if (at + 1 < w->end && w->file.p[at] == '\r' && w->file.p[at + 1] == '\n')
		return at + 2;
	return at + 1;
}

/* What `breaks` line ends became in the text. True: the target lies in it. */
static bool walk_fold(struct walk *w, size_t breaks)
{
	size_t from = w->done;

	if (w->done < w->text.n && w->text.p[w->done] == ' ' && breaks == 1)
		w->done++;
	while (breaks-- && w->done < w->text.n && w->text.p[w->done] == '\n')
		w->done++;
	return w->target >= from && w->target < w->done;
}

/* Plain and quoted scalars: blanks around a line end vanish, whatever their number. */
static bool walk_flow_break(struct walk *w)
{
	size_t at = w->at, breaks = 0;

	while (walk_is_blank(w, at))
		at++;
	if (!walk_is_break(w, at))
		return false;
	while (walk_is_blank(w, at) || walk_is_break(w, at)) {
		if (walk_is_break(w, at)) {
			breaks++;
			at = walk_skip_break(w, at);
		} else {
			at++;
		}
	}

	bool is_here = walk_fold(w, breaks);

	if (!is_here)
		w->at = at;
	return true;
}

/* Length in the file of the escape at `at`, and of the bytes that it stands for. */
static size_t escape_length(const struct walk *w, size_t at, size_t *produced)
{
	size_t digits = 0;
	uint32_t code = 0;

	if (at + 1 >= w->end) {
		*produced = 1;
		return 1;
	}
	switch (w->file.p[at + 1]) {
	case 'x':
		digits = 2;
		break;
	case 'u':
		digits = 4;
		break;
	case 'U':
		digits = 8;
		break;
	case 'N': /* U+0085 */
	case '_': /* U+00A0 */
		*produced = 2;
		return 2;
	case 'L': /* U+2028 */
	case 'P': /* U+2029 */
		*produced = 3;
		return 2;
	default:
		*produced = 1;
		return 2;
	}
	for (size_t i = 0; i < digits && at + 2 + i < w->end; i++) {
		char c = w->file.p[at + 2 + i];

		code = code << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	*produced = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	return 2 + digits;
}

static size_t walk_flow(struct walk *w, enum yaml_style style)
{
	w->at += style != YAML_PLAIN && w->at < w->end;
	while (w->at < w->end && w->done < w->text.n && w->done <= w->target) {
		if ((walk_is_blank(w, w->at) || walk_is_break(w, w->at)) && walk_flow_break(w)) {
			if (w->target < w->done)
				break;
			continue;
		}
		char c = w->file.p[w->at];
		size_t length = 1, produced = 1;

		if (style == YAML_SINGLE_QUOTED && c == '\'')
			length = 2;
		if (style == YAML_DOUBLE_QUOTED && c == '\\') {
			if (walk_is_break(w, w->at + 1)) {
				w->at = walk_skip_break(w, w->at + 1);
				while (walk_is_blank(w, w->at))
					w->at++;
				continue;
			}
			length = escape_length(w, w->at, &produced);
		}
		if (w->target < w->done + produced)
			break;
		w->at += length;
		w->done += produced;
	}
	return w->at;
}

static size_t leading_spaces(struct str s, size_t from)
{
	size_t n = 0;

	while (from + n < s.n && s.p[from + n] == ' ')
		n++;
	return n;
}

/* The indentation that block scalars lose: what their first line with text has more in the file. */
static size_t block_indent(const struct walk *w)
{
	size_t at = w->at, text = 0;

	for (;;) {
		size_t spaces = leading_spaces(w->file, at);

		if (at + spaces >= w->end)
			return 0;
		if (!walk_is_break(w, at + spaces)) {
			while (text < w->text.n && w->text.p[text] == '\n')
				text++;

			size_t kept = leading_spaces(w->text, text);

			return spaces > kept ? spaces - kept : 0;
		}
		at = walk_skip_break(w, at + spaces);
	}
}

static size_t walk_block(struct walk *w)
{
	while (w->at < w->end && !walk_is_break(w, w->at))
		w->at++;
	if (w->at >= w->end)
		return w->at;
	w->at = walk_skip_break(w, w->at);

	size_t indent = block_indent(w);

	while (w->at < w->end && w->done < w->text.n) {
		size_t spaces = leading_spaces(w->file, w->at), breaks = 0, line_end;

		w->at += spaces < indent ? spaces : indent;
		while (w->at < w->end && !walk_is_break(w, w->at)) {
			if (w->done >= w->target)
				return w->at;
			w->at++;
			w->done++;
		}
		line_end = w->at;
		/* A line of nothing but spaces counts as a line end and no more. */
		while (walk_is_break(w, w->at)) {
			size_t next = walk_skip_break(w, w->at);
			size_t blanks = leading_spaces(w->file, next);

			breaks++;
			w->at = next;
			if (blanks <= indent && walk_is_break(w, next + blanks))
				w->at = next + blanks;
			else
				break;
		}
		if (walk_fold(w, breaks))
			return line_end;
	}
	return w->at;
}

size_t yaml_scalar_offset(const struct yaml_file *file, const struct yaml_node *scalar,
			  size_t text_offset)
{
	struct walk w = {
	    .file = file->text,
	    .at = scalar->offset,
	    .end = scalar->end < file->text.n ? scalar->end : file->text.n,
	    .text = scalar->text,
	    .target = text_offset,
	};
	size_t at;

	if (scalar->kind != YAML_SCALAR)
		return scalar->offset;
	if (scalar->style == YAML_LITERAL || scalar->style == YAML_FOLDED)
		at = walk_block(&w);
	else
		at = walk_flow(&w, (enum yaml_style)scalar->style);

	/* A text's end is its last character's, not that of the blank lines that follow. */
	if (text_offset >= scalar->text.n)
		while (at > scalar->offset && strchr(" \t\r\n", file->text.p[at - 1]))
			at--;
	return at;
}
