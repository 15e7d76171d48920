/* SPDX-License-Identifier: Apache-2.0 */
#include "condition/regex.h"

#include <cstdio>
#include <new>

#include <re2/re2.h>

struct regex {
	re2::RE2 re2;
};

static re2::RE2::Options options()
{
	re2::RE2::Options o(re2::RE2::POSIX);

	o.set_log_errors(false);
	o.set_never_capture(true);
	return o;
}

struct regex *regex_new(const char *pattern, size_t size, char *message, size_t message_size)
{
	auto *r = new (std::nothrow) regex{{re2::StringPiece(pattern, size), options()}};

	if (r && r->re2.ok())
		return r;
	snprintf(message, message_size, "%s", r ? r->re2.error().c_str() : "out of memory");
	delete r;
	return nullptr;
}

void regex_free(void *r)
{
	delete static_cast<struct regex *>(r);
}

bool regex_matches(const struct regex *r, const char *text, size_t size)
{
	return r->re2.Match(re2::StringPiece(text, size), 0, size, re2::RE2::ANCHOR_BOTH, nullptr,
			    0);
}
