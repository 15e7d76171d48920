/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule tests: files that say of events which rules must fire and which must not.
 *
 *   rules: ../saker_rules.yaml        a file or several, relative to this one
 *   defaults:                         fields of every event, unless it says otherwise
 *     proc.name: cat
 *   tests:
 *     - name: a password file is read
 *       event: {evt.type: openat, fd.name: /etc/shadow, evt.is_open_read: true}
 *       fires: [Sensitive file read]
 *       silent: ["*"]                 no other rule
 *
 * `events` is a list of events that are judged in order, `capture` a capture beside the file; a
 * test has one of the three. `fires` names rules, `silent` names or patterns; a rule that `fires`
 * names is not meant by a pattern of `silent`. What both leave out does not matter.
 */
#ifndef SAKER_APP_RULE_TEST_H
#define SAKER_APP_RULE_TEST_H

#include "app/config.h"

struct rule_test_options {
	struct string_list rules; /* instead of what the files name; count 0: what they name */
	struct string_list default_rules; /* where neither says so */
	struct rules_options rules_options;
	bool is_json;
	bool is_verbose; /* tells of tests that passed, too */
};

/*
 * Runs the tests of all files and prints what came out. 0 where all passed, 1 where a test failed,
 * 2 where a file could not be used.
 */
int rule_test_run(const struct string_list *files, const struct rule_test_options *options,
		  FILE *out);

#endif
