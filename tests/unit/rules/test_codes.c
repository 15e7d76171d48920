/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Falco says of each kind of good and bad item, by code. Of a broken file it tells the first
 * error alone, so the first of ours is compared; of a good one the warnings, as a set.
 */
#include "rules_unit.h"

#define RULE(condition)                                                                            \
	"- rule: q\n  desc: d\n  condition: " condition "\n  output: o %proc.name\n"               \
	"  priority: ERROR\n"
#define OUTPUT(output)                                                                             \
	"- rule: q\n  desc: d\n  condition: evt.type=open\n  output: " output                      \
	"\n  priority: ERROR\n"
#define WITH(keys) RULE("evt.type=open") keys
#define EXCEPTION(keys) RULE("evt.type=open") "  exceptions:\n  - name: e\n" keys
#define AGAIN(keys) RULE_R "- rule: r\n" keys
#define OPEN(condition) RULE("evt.type=open and " condition)

#define YAML "LOAD_ERR_YAML_VALIDATE"
#define VALIDATE "LOAD_ERR_VALIDATE"
#define CONDITION "LOAD_ERR_COMPILE_CONDITION"
#define FORMAT "LOAD_ERR_COMPILE_OUTPUT"
#define DEPRECATED "LOAD_DEPRECATED_ITEM"
#define UNKNOWN_KEY "LOAD_UNKNOWN_KEY"
#define NO_EVTTYPE "LOAD_NO_EVTTYPE"
#define DOUBTFUL "LOAD_COMPILE_CONDITION"
#define UNKNOWN_FILTER "LOAD_UNKNOWN_FILTER"

struct told {
	const char *text;
	const char *error;    /* NULL: it loads */
	const char *warnings; /* of files that load, sorted, with commas */
};

static const struct told files[] = {
    {"", NULL, ""},
    {"\n\n", NULL, ""},
    {"# nothing\n", NULL, ""},
    {"---\n", NULL, ""},
    {"- \n- ~\n", NULL, ""},
    {"---\n---\n" RULE_R "---\n", NULL, ""},
    {"a: b\n", YAML, ""},
    {"12\n", YAML, ""},
    {"- 12\n", YAML, ""},
    {"- [rule]\n", YAML, ""},
    {"- {}\n", NULL, "LOAD_UNKNOWN_ITEM"},
    {"- rules: r\n", NULL, "LOAD_UNKNOWN_ITEM"},
    {RULE_R "---\n- nothing: here\n", NULL, "LOAD_UNKNOWN_ITEM"},
    {"- rule: r\r\n  desc: d\r\n  condition: evt.type=open\r\n  output: o\r\n  priority: INFO\r\n",
     NULL, ""},
    {"- &x\n  rule: a\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: INFO\n- "
     "*x\n",
     NULL, ""},
    {"- rule: r\n  rule: s\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: INFO\n",
     NULL, ""},
    {"- ? [a]\n  : b\n  list: l\n  items: []\n", VALIDATE, ""},
};

static const struct told rules[] = {
    {"- rule:\n", YAML, ""},
    {"- rule: []\n", YAML, ""},
    {"- rule: {}\n", YAML, ""},
    {"- rule: a\n  desc:\n  condition: evt.type=open\n  output: o\n  priority: INFO\n", YAML, ""},
    {"- rule: a\n  desc: ''\n  condition: evt.type=open\n  output: o\n  priority: INFO\n", YAML,
     ""},
    {"- rule: a\n  desc: d\n  condition: evt.type=open\n  output: ''\n  priority: INFO\n", YAML,
     ""},
    {"- rule: a\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority:\n", YAML, ""},
    {"- rule: a\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: [INFO]\n", YAML,
     ""},
    {"- rule: a\n  condition: evt.type=open\n  enabled: true\n", YAML, ""},
    {"- rule: a\n  tags: [x]\n", YAML, ""},
    {"- rule: 7.5\n  desc: 1\n  condition: evt.type=open\n  output: 0\n  priority: INFO\n", NULL,
     ""},
    {"- rule: a\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: eMeRgEnCy\n", NULL,
     ""},
    {"- rule: a\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: 3\n", YAML, ""},
    {"- rule: a\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: Warn\n", YAML, ""},
    {WITH("  enabled: On\n"), NULL, ""},
    {WITH("  enabled: 1\n"), YAML, ""},
    {WITH("  enabled:\n"), YAML, ""},
    {WITH("  enabled: ''\n"), YAML, ""},
    {WITH("  enabled: [true]\n"), YAML, ""},
    {WITH("  warn_evttypes: nope\n"), YAML, ""},
    {WITH("  skip-if-unknown-filter: 0\n"), YAML, ""},
    {WITH("  capture: yes\n  capture_duration: 4294967295\n"), NULL, ""},
    {WITH("  capture_duration: 1.5\n"), YAML, ""},
    {WITH("  capture_duration: -3\n"), YAML, ""},
    {WITH("  capture_duration: 5s\n"), YAML, ""},
    {WITH("  tags: []\n"), NULL, ""},
    {WITH("  tags:\n"), YAML, ""},
    {WITH("  tags: {a: b}\n"), YAML, ""},
    {WITH("  tags: [a, a, 5, true]\n"), NULL, ""},
    {WITH("  tags: [~]\n"), YAML, ""},
    {WITH("  tags: ['']\n"), NULL, ""},
    {WITH("  source:\n"), YAML, ""},
    {WITH("  source: ''\n"), YAML, ""},
    {WITH("  source: [syscall]\n"), YAML, ""},
    {WITH("  source: aws_cloudtrail\n"), NULL, "LOAD_UNKNOWN_SOURCE"},
    {WITH("  items: [a]\n  nothing: x\n"), NULL, UNKNOWN_KEY "," UNKNOWN_KEY},
    {WITH("  append: false\n"), NULL, ""},
    {WITH("  append: maybe\n"), YAML, ""},
    /* what is not of another source's business */
    {"- rule: a\n  desc: d\n  condition: ((\n  output: o %\n  priority: INFO\n  source: okta\n",
     NULL, "LOAD_UNKNOWN_SOURCE"},
    {"- macro: m\n  condition: evt.type=open\n- rule: a\n  desc: d\n  condition: m\n  output: o\n"
     "  priority: INFO\n  source: okta\n",
     NULL, "LOAD_UNKNOWN_SOURCE,LOAD_UNUSED_MACRO"},
};

static const struct told extensions[] = {
    {AGAIN("  enabled: maybe\n"), YAML, ""},
    {AGAIN("  enabled: true\n  tags: [a]\n"), NULL, DEPRECATED},
    {AGAIN("  append: true\n"), VALIDATE, ""},
    {AGAIN("  append: true\n  condition:\n"), YAML, ""},
    {AGAIN("  append: true\n  exceptions:\n"), NULL, DEPRECATED},
    {AGAIN("  append: true\n  output: more\n  condition: and proc.name=x\n"), NULL, DEPRECATED},
    {AGAIN("  append: true\n  condition: proc.name=x\n"), CONDITION, ""},
    {AGAIN("  append: true\n  source:\n  condition: and proc.name=x\n"), NULL, DEPRECATED},
    {AGAIN("  append: true\n  source: ''\n  condition: and proc.name=x\n"), NULL, DEPRECATED},
    {AGAIN("  append: true\n  source: syscall\n  condition: and proc.name=x\n"), NULL, DEPRECATED},
    {AGAIN("  append: true\n  source: k8s_audit\n  condition: and proc.name=x\n"), VALIDATE, ""},
    {AGAIN("  append: true\n  source: [a]\n  condition: and proc.name=x\n"), YAML, ""},
    {AGAIN("  output: x\n  override: {output: append}\n  source: k8s_audit\n"), NULL, ""},
    {AGAIN("  condition: evt.type=close\n  override: {condition: replace}\n  source: okta\n"),
     VALIDATE, ""},
    {"- rule: a\n  desc: d\n  condition: ka.verb=get\n  output: o\n  priority: INFO\n"
     "  source: k8s_audit\n- rule: a\n  desc: d\n  condition: evt.type=open\n  output: o\n"
     "  priority: INFO\n",
     VALIDATE, ""},
    {"- rule: none\n  append: true\n  condition: and proc.name=x\n", VALIDATE, ""},
    {"- rule: none\n  append: true\n", VALIDATE, ""},
    {"- rule: none\n  desc: x\n  override: {desc: append}\n", VALIDATE, ""},
    {"- rule: none\n  override: {desc: append}\n", YAML, ""},
    {"- rule: none\n  priority: LOUD\n  override: {priority: replace}\n", YAML, ""},
    {"- rule: none\n  desc: x\n  tags: [y]\n  override: {desc: append}\n", VALIDATE, ""},
    {AGAIN("  desc: x\n  tags: [y]\n  override: {desc: append}\n"), YAML, ""},
    {AGAIN("  desc: x\n  source: syscall\n  override: {desc: append}\n"), NULL, ""},
    {AGAIN("  desc: x\n  nothing: y\n  override: {desc: append}\n"), NULL, UNKNOWN_KEY},
    {AGAIN("  override: {enabled: replace}\n"), YAML, ""},
    {AGAIN("  enabled: false\n  override: {enabled: replace}\n"), NULL, ""},
    {AGAIN("  enabled: false\n  override: {enabled: append}\n"), YAML, ""},
    {AGAIN(
	 "  capture: true\n  capture_duration: 5\n  warn_evttypes: false\n"
	 "  skip-if-unknown-filter: true\n  priority: DEBUG\n  tags: [a]\n  desc: e\n  output: p\n"
	 "  override: {capture: replace, capture_duration: replace, warn_evttypes: replace,\n"
	 "    skip-if-unknown-filter: replace, priority: replace, tags: replace, desc: replace,\n"
	 "    output: replace}\n"),
     NULL, ""},
    {AGAIN("  tags: [a]\n  desc: e\n  output: p\n  condition: and proc.name=x\n"
	   "  override: {tags: append, desc: append, output: append, condition: append}\n"),
     NULL, ""},
    {AGAIN("  capture: true\n  override: {capture: append}\n"), YAML, ""},
    {AGAIN("  capture_duration: 1\n  override: {capture_duration: append}\n"), YAML, ""},
    {AGAIN("  tags: a\n  override: {tags: append}\n"), YAML, ""},
    {AGAIN("  rule: x\n  override: {rule: replace}\n"), YAML, ""},
    {AGAIN("  desc: x\n  override: {desc: Append}\n"), YAML, ""},
    {AGAIN("  desc: x\n  override: {desc: }\n"), YAML, ""},
    {AGAIN("  desc: e\n  condition: evt.type=open\n  output: o\n  priority: INFO\n  override:\n"),
     NULL, ""},
    {AGAIN(
	 "  desc: e\n  condition: evt.type=open\n  output: o\n  priority: INFO\n  override: all\n"),
     NULL, ""},
    {AGAIN(
	 "  desc: e\n  condition: evt.type=open\n  output: o\n  priority: INFO\n  override: {}\n"),
     NULL, ""},
    {AGAIN("  exceptions: [{name: e, values: [[a]]}]\n  override: {exceptions: replace}\n"), YAML,
     ""},
    {AGAIN("  exceptions: [{name: e, fields: proc.name, values: [a]}]\n"
	   "  override: {exceptions: replace}\n"),
     NULL, ""},
};

static const struct told exceptions[] = {
    {WITH("  exceptions:\n"), NULL, ""},
    {WITH("  exceptions: []\n"), NULL, ""},
    {WITH("  exceptions: {}\n"), YAML, ""},
    {WITH("  exceptions: [e]\n"), YAML, ""},
    {WITH("  exceptions: [{name: }]\n"), YAML, ""},
    {WITH("  exceptions: [{name: ''}]\n"), YAML, ""},
    {WITH("  exceptions: [{name: [e]}]\n"), YAML, ""},
    {EXCEPTION("    fields:\n"), VALIDATE, ""},
    {EXCEPTION("    fields: {a: b}\n"), VALIDATE, ""},
    {EXCEPTION("    fields: ''\n"), YAML, ""},
    {EXCEPTION("    fields: ['']\n"), YAML, ""},
    {EXCEPTION("    fields: [~]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [[proc.name]]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: []\n"), NULL, ""},
    {EXCEPTION("    fields: [proc.nome]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.nome\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [evt.arg]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [tolower(proc.name)]\n    values: [[x]]\n"), NULL, ""},
    {EXCEPTION("    fields: [tolower(fd.sport)]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [proc.aname[2]]\n    values: [[x]]\n"), "LOAD_ERR_YAML_PARSE", ""},
    {EXCEPTION("    fields: ['proc.aname[2]']\n    values: [[x]]\n"), NULL, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps:\n"), NULL, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: {}\n"), NULL, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: ''\n"), YAML, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: [~]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: '='\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: []\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: [' in ']\n    values: [[a]]\n"), NULL, ""},
    {EXCEPTION("    fields: [proc.name, fd.name]\n    comps: [in]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.name\n    comps: [in]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.name\n    comps: '='\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.name\n    comps: startswith\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.name\n    comps: startswith anyof\n    values: [a, b]\n"), NULL,
     ""},
    {EXCEPTION("    fields: proc.name\n    comps: in anyof\n    values: [a, b]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.name\n    comps: anyof\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.name\n    comps: startswith someof\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.pid\n    comps: '< anyof'\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.name\n    comps: intersects\n    values: [a, b]\n"), NULL, ""},
    {EXCEPTION("    fields: proc.exepath\n    comps: pmatch\n    values: [/a, /b]\n"), NULL, ""},
    {EXCEPTION("    fields: proc.name\n    values: [[a]]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: proc.name\n    values: []\n"), NULL, ""},
    {EXCEPTION("    fields: proc.name\n    values:\n"), YAML, ""},
    {EXCEPTION("    fields: proc.name\n    values: a\n"), YAML, ""},
    {EXCEPTION("    fields: proc.name\n    values: {a: b}\n"), YAML, ""},
    {EXCEPTION("    fields: proc.name\n    values: ['']\n"), YAML, ""},
    {EXCEPTION("    fields: [proc.name]\n    values: [['']]\n"), YAML, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: [in]\n    values: [[['']]]\n"), YAML, ""},
    {EXCEPTION("    fields: [proc.name]\n    values: [a]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [proc.name]\n    values: [[]]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [proc.name]\n    values: [[a, b]]\n"), VALIDATE, ""},
    {EXCEPTION("    fields: [proc.name]\n    values: [[[a, b]]]\n"), CONDITION, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: [in]\n    values: [[[a, b]], [c]]\n"), NULL,
     ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: [in]\n    values: [['(a, b)']]\n"), NULL, ""},
    {EXCEPTION("    fields: [proc.name]\n    comps: [exists]\n    values: [[a]]\n"), CONDITION, ""},
    {EXCEPTION("    fields: [fd.sport]\n    values: [[many]]\n"), CONDITION, ""},
    {EXCEPTION("    fields: [proc.name]\n    values: [[proc.pname]]\n"), NULL, DOUBTFUL},
    {EXCEPTION("    fields: [proc.name]\n    values: [['proc.pname ']]\n"), NULL, DOUBTFUL},
    {EXCEPTION("    fields: [proc.name]\n    values: [[toupper(proc.pname)]]\n"), NULL, ""},
    {EXCEPTION("    fields: [proc.name]\n    values: [[toupper( proc.pname )]]\n"), NULL, DOUBTFUL},
    {EXCEPTION("    fields: [proc.name]\n    value: [[a]]\n"), NULL, ""},
    {AGAIN("  append: true\n  exceptions: [{name: e}]\n"), VALIDATE, ""},
    {AGAIN("  append: true\n  exceptions: [{name: e, fields: [proc.name]}]\n"), VALIDATE, ""},
    {AGAIN("  append: true\n  exceptions: [{name: e, fields: [proc.name], values: [[a]]}]\n"), NULL,
     DEPRECATED},
    {EXCEPTION(
	 "    fields: [proc.name]\n") "- rule: q\n  exceptions: [{name: e, fields: [fd.name]}]\n"
				      "  override: {exceptions: append}\n",
     VALIDATE, ""},
    {EXCEPTION("    fields: [proc.name]\n") "- rule: q\n  exceptions: [{name: e, comps: [in]}]\n"
					    "  override: {exceptions: append}\n",
     VALIDATE, ""},
    {EXCEPTION("    fields: [proc.name]\n") "- rule: q\n  exceptions: [{name: e}]\n"
					    "  override: {exceptions: append}\n",
     NULL, "LOAD_APPEND_NO_VALUES"},
    {EXCEPTION(
	 "    fields: [proc.name]\n") "- rule: q\n  exceptions: [{name: e, values: [[a], [b]]}]\n"
				      "  override: {exceptions: append}\n",
     NULL, ""},
};

static const struct told lists_and_macros[] = {
    {"- list:\n  items: []\n", YAML, ""},
    {"- list: l\n  items:\n", YAML, ""},
    {"- list: l\n  items: {a: b}\n", YAML, ""},
    {"- list: l\n  items: []\n", NULL, "LOAD_UNUSED_LIST"},
    {"- list: l\n  items: [a]\n  condition: x\n", NULL, UNKNOWN_KEY ",LOAD_UNUSED_LIST"},
    {"- list: l\n  items: [a]\n- list: l\n  items: [b]\n  append: true\n", NULL,
     DEPRECATED ",LOAD_UNUSED_LIST"},
    {"- list: l\n  items: [a]\n- list: l\n  items: [b]\n  override: {items: append}\n", NULL,
     "LOAD_UNUSED_LIST"},
    {"- list: l\n  items: [b]\n  override: {items: replace}\n", NULL, "LOAD_UNUSED_LIST"},
    {"- list: l\n  items: [b]\n  override: {items: append}\n", VALIDATE, ""},
    {"- list: l\n  items: [b]\n  append: true\n", VALIDATE, ""},
    {"- list: l\n  items: [b]\n  override: {condition: append}\n", YAML, ""},
    {"- list: l\n  items: [b]\n- list: l\n  items: [c]\n  append: true\n"
     "  override: {items: append}\n",
     YAML, ""},
    {"- list: l\n  items: [b]\n" OPEN("proc.name in (l)"), NULL, ""},
    {"- list: l\n  items: []\n" OPEN("proc.name in (l)"), NULL, ""},
    {"- list: l\n  items: []\n" OPEN("proc.name in (a, l)"), NULL, ""},
    {"- list: l\n  items: [b]\n" OPEN("proc.name in l"), NULL, ""},
    {"- list: two words\n  items: [b]\n" OPEN("proc.name in (two words)"), NULL,
     "LOAD_INVALID_LIST_NAME"},
    {"- list: two words\n  items: [b]\n" OPEN("proc.name in (a, two words, c)"), NULL,
     "LOAD_INVALID_LIST_NAME"},
    {OPEN("proc.name in (two words)"), CONDITION, ""},
    {"- list: a\n  items: [x]\n- list: b\n  items: [a]\n", NULL, "LOAD_UNUSED_LIST"},
    {"- list: a\n  items: [x]\n- macro: m\n  condition: proc.name in (a)\n", NULL,
     "LOAD_UNUSED_MACRO"},
    {"- macro:\n  condition: evt.type=open\n", YAML, ""},
    {"- macro: m\n  condition:\n", YAML, ""},
    {"- macro: m\n  condition: []\n", YAML, ""},
    {"- macro: m\n  condition: evt.type=open\n  desc: d\n", NULL, UNKNOWN_KEY ",LOAD_UNUSED_MACRO"},
    {"- macro: m\n  condition: foo.bar=1\n", NULL, "LOAD_UNUSED_MACRO"},
    {"- macro: m\n  condition: foo.bar=\n", CONDITION, ""},
    {"- macro: m\n  condition: nowhere\n", VALIDATE, ""},
    {"- macro: m\n  condition: foo.bar=1\n" RULE("m and evt.type=open"), CONDITION, ""},
    {"- macro: m\n  condition: proc.name=a\n- macro: m\n  condition: or proc.name=b\n"
     "  override: {condition: append}\n" OPEN("m"),
     NULL, ""},
    {"- macro: m\n  condition: or proc.name=b\n  override: {condition: append}\n", VALIDATE, ""},
    {"- macro: m\n  condition: proc.name=b\n  override: {condition: replace}\n", NULL,
     "LOAD_UNUSED_MACRO"},
    {"- macro: m\n  condition: m\n", VALIDATE, ""},
    {RULE("nothing_such"), VALIDATE, ""},
    {RULE("not"), VALIDATE, ""},
    {OPEN("or"), VALIDATE, ""},
    {"- list: l\n  items: [a]\n" OPEN("l"), VALIDATE, ""},
};

static const struct told versions[] = {
    {"- required_engine_version: 0\n", NULL, ""},
    {"- required_engine_version: 0.1.0\n", NULL, ""},
    {"- required_engine_version: '0.1.0'\n", NULL, ""},
    {"- required_engine_version:\n", YAML, ""},
    {"- required_engine_version: [1]\n", YAML, ""},
    {"- required_engine_version: -1\n", YAML, ""},
    {"- required_engine_version: 0.26\n", YAML, ""},
    {"- required_engine_version: x\n", YAML, ""},
    {"- required_engine_version: 999\n", VALIDATE, ""},
    {"- required_engine_version: 2.0.0\n", VALIDATE, ""},
    {"- required_engine_version: 0.1.0\n  more: x\n", NULL, UNKNOWN_KEY},
    {"- required_plugin_versions:\n", YAML, ""},
    {"- required_plugin_versions: {}\n", YAML, ""},
    {"- required_plugin_versions: []\n", NULL, ""},
    {"- required_plugin_versions: [[a]]\n", YAML, ""},
    {"- required_plugin_versions: [{version: 0.1.0}]\n", YAML, ""},
    {"- required_plugin_versions: [{name: container}]\n", YAML, ""},
    {"- required_plugin_versions: [{name: container, version: x}]\n", VALIDATE, ""},
    {"- required_plugin_versions: [{name: container, version: 0.1.0, alternatives: x}]\n", YAML,
     ""},
    {"- required_plugin_versions: [{name: container, version: 0.1.0, alternatives: [x]}]\n", YAML,
     ""},
    {"- required_plugin_versions:\n  - {name: container, version: 0.1.0,\n"
     "     alternatives: [{name: other}]}\n",
     YAML, ""},
    {"- required_plugin_versions: [{name: container, version: 0.1.0}]\n  more: x\n", NULL,
     UNKNOWN_KEY},
    {"- required_plugin_versions: [{name: container, version: 0.1.0, more: x}]\n", NULL, ""},
};

static const struct told conditions[] = {
    /* types of events */
    {RULE("proc.name=a"), NULL, NO_EVTTYPE},
    {RULE("evt.type!=open"), NULL, NO_EVTTYPE},
    {RULE("not evt.type=open"), NULL, NO_EVTTYPE},
    {RULE("evt.type exists"), NULL, NO_EVTTYPE},
    {RULE("evt.type=open or proc.name=a"), NULL, NO_EVTTYPE},
    {RULE("evt.type=open and evt.type=close"), NULL, ""},
    {RULE("evt.num=0"), NULL, ""},
    {RULE("evt.num in (0)"), NULL, ""},
    {RULE("evt.num<1"), NULL, ""},
    {RULE("evt.num<=0"), NULL, ""},
    {RULE("not evt.num>0"), NULL, ""},
    {RULE("not evt.num>=1"), NULL, ""},
    {RULE("not evt.num!=0"), NULL, ""},
    {RULE("evt.num=1"), NULL, NO_EVTTYPE},
    {RULE("evt.num>0"), NULL, NO_EVTTYPE},
    {RULE("evt.num=-1"), NULL, NO_EVTTYPE},
    {"- macro: never\n  condition: (evt.num=0)\n" RULE("never"), NULL, ""},
    {RULE("evt.type in (open, nowhere)"), CONDITION, ""},
    {RULE("evt.type contains op"), CONDITION, ""},
    {RULE("evt.type=''"), NULL, ""},
    {RULE("syscall.type=nowhere"), NULL, ""},
    /* operators of types */
    {OPEN("proc.pid contains 1"), CONDITION, ""},
    {OPEN("proc.pid startswith 1"), CONDITION, ""},
    {OPEN("proc.pid glob 1"), CONDITION, ""},
    {OPEN("proc.pid regex 1"), CONDITION, ""},
    {OPEN("proc.pid pmatch (1)"), CONDITION, ""},
    {OPEN("proc.pid bcontains 31"), CONDITION, ""},
    {OPEN("proc.pid intersects (1, 2)"), NULL, ""},
    {OPEN("proc.pid = anyof (1, 2)"), NULL, ""},
    {OPEN("proc.pid contains anyof (1, 2)"), CONDITION, ""},
    {OPEN("proc.pid <= 5"), NULL, ""},
    {OPEN("proc.name < 5"), NULL, ""},
    {OPEN("proc.name < x"), CONDITION, ""},
    {OPEN("proc.name bcontains 6162"), CONDITION, ""},
    {OPEN("evt.buffer bcontains 6162"), NULL, ""},
    {OPEN("evt.buffer bcontains 616"), CONDITION, ""},
    {OPEN("evt.buffer bstartswith xyz1"), CONDITION, ""},
    {OPEN("evt.buffer icontains x"), CONDITION, ""},
    {OPEN("evt.buffer glob x"), CONDITION, ""},
    {OPEN("evt.buffer regex x"), CONDITION, ""},
    {OPEN("evt.is_open_read < 1"), CONDITION, ""},
    {OPEN("evt.is_open_read contains true"), CONDITION, ""},
    {OPEN("evt.is_open_read in (true, false)"), NULL, ""},
    {OPEN("evt.is_open_read = 1"), CONDITION, ""},
    {OPEN("evt.is_open_read = True"), CONDITION, ""},
    {OPEN("fd.sip > 5"), CONDITION, ""},
    {OPEN("fd.sip contains 5"), CONDITION, ""},
    {OPEN("fd.sip in (1.2.3.4, \"::1\")"), NULL, ""},
    {OPEN("fd.sip = 1.2.3"), CONDITION, ""},
    {OPEN("fd.sip = 10.0.0.0/8"), CONDITION, ""},
    {OPEN("fd.sip = \"fe80::1%lo\""), CONDITION, ""},
    {OPEN("fd.snet = 10.0.0.0"), CONDITION, ""},
    {OPEN("fd.snet = 10.0.0.0/33"), CONDITION, ""},
    {OPEN("fd.snet = 10.0.0.0/0"), NULL, ""},
    {OPEN("fd.snet = \"::/0\""), CONDITION, ""},
    {OPEN("fd.snet = \"fd00::/129\""), CONDITION, ""},
    {OPEN("fd.snet = \"fd00::/8\""), NULL, ""},
    {OPEN("fd.sport = http"), NULL, ""},
    {OPEN("fd.sport in (80, 443)"), NULL, ""},
    {OPEN("fd.sport = no-such-service"), CONDITION, ""},
    {OPEN("proc.args = x"), NULL, ""},
    {OPEN("fd.types = file"), CONDITION, ""},
    {OPEN("fd.types in (file)"), NULL, ""},
    {OPEN("fd.types intersects (file)"), NULL, ""},
    {OPEN("fd.types contains file"), CONDITION, ""},
    {OPEN("fd.types exists"), NULL, ""},
    /* numbers */
    {OPEN("proc.pid = 1.5"), CONDITION, ""},
    {OPEN("proc.pid = 0x10"), CONDITION, ""},
    {OPEN("proc.pid > 0x10"), CONDITION, ""},
    {OPEN("proc.pid > 1e+3"), CONDITION, ""},
    {OPEN("proc.pid > abc"), CONDITION, ""},
    {OPEN("proc.pid > -5"), NULL, ""},
    {OPEN("proc.pid = +5"), NULL, ""},
    {OPEN("proc.pid = ''"), CONDITION, ""},
    {OPEN("proc.pid = 1x"), CONDITION, ""},
    {OPEN("user.uid = -1"), NULL, ""},
    {OPEN("user.uid = root"), CONDITION, ""},
    /* fields and their arguments */
    {OPEN("proc.nome = a"), CONDITION, ""},
    {OPEN("proc.name.x = a"), CONDITION, ""},
    {OPEN("proc.name[0] = a"), CONDITION, ""},
    {OPEN("proc.aname = a"), NULL, ""},
    {OPEN("proc.aname[1] = a"), NULL, ""},
    {OPEN("proc.aname[x] = a"), CONDITION, ""},
    {OPEN("proc.env[HOME] = a"), NULL, ""},
    {OPEN("evt.arg[0] = a"), NULL, ""},
    {OPEN("evt.arg[name] = a"), CONDITION, ""},
    {OPEN("evt.arg.name = a"), NULL, ""},
    {OPEN("evt.arg.nothing_such = a"), CONDITION, ""},
    {OPEN("evt.rawarg[0] = a"), CONDITION, ""},
    {OPEN("evt.rawarg.res = a"), CONDITION, ""},
    {OPEN("evt.rawarg.res = 5"), NULL, ""},
    {OPEN("evt.abspath[src] = a"), CONDITION, ""},
    {OPEN("proc.nome = a") "  skip-if-unknown-filter: true\n", NULL, UNKNOWN_FILTER},
    {OPEN("proc.name[0] = a") "  skip-if-unknown-filter: true\n", NULL, UNKNOWN_FILTER},
    {RULE("evt.type = opn") "  skip-if-unknown-filter: true\n", NULL, UNKNOWN_FILTER},
    {OPEN("proc.pid = a") "  skip-if-unknown-filter: true\n", CONDITION, ""},
    {OPEN("evt.arg.nothing_such = a") "  skip-if-unknown-filter: true\n", CONDITION, ""},
    {OPEN("evt.arg = a") "  skip-if-unknown-filter: true\n", CONDITION, ""},
    {OPEN("nothing_such") "  skip-if-unknown-filter: true\n", VALIDATE, ""},
    {OPEN("proc.name ~ a") "  skip-if-unknown-filter: true\n", CONDITION, ""},
    /* transformers */
    {OPEN("tolower(proc.pid) = a"), CONDITION, ""},
    {OPEN("tolower(evt.buffer) = a"), CONDITION, ""},
    {OPEN("tolower(proc.name, proc.pname) = a"), CONDITION, ""},
    {OPEN("tolower(proc.aname) = a"), CONDITION, ""},
    {OPEN("tolower(fd.types) in (a)"), NULL, ""},
    {OPEN("b64(proc.name) = a"), NULL, ""},
    {OPEN("b64(proc.pid) = a"), CONDITION, ""},
    {OPEN("basename(fd.name) = a"), NULL, ""},
    {OPEN("basename(evt.buffer) = a"), CONDITION, ""},
    {OPEN("len(proc.name) > 5"), NULL, ""},
    {OPEN("len(proc.name) = a"), CONDITION, ""},
    {OPEN("len(proc.name) contains 5"), CONDITION, ""},
    {OPEN("len(fd.types) = 5"), NULL, ""},
    {OPEN("len(proc.pid) = 5"), CONDITION, ""},
    {OPEN("toupper(tolower(basename(fd.name))) = A"), NULL, ""},
    {OPEN("join(',', fd.types) = a"), NULL, ""},
    {OPEN("join(fd.types, ',') = a"), CONDITION, ""},
    {OPEN("join(',', proc.name) = a"), CONDITION, ""},
    {OPEN("join(',') = a"), CONDITION, ""},
    {OPEN("join(',', (proc.name, 'x', 5)) = a"), NULL, ""},
    {OPEN("concat(proc.name, '-', proc.pname) = a"), NULL, ""},
    {OPEN("concat(proc.name) = a"), CONDITION, ""},
    {OPEN("concat(proc.name, proc.pid) = a"), CONDITION, ""},
    {OPEN("concat(proc.name, fd.types) = a"), CONDITION, ""},
    {OPEN("tolower(proc.name)[x] = a"), CONDITION, ""},
    {OPEN("tolower() = a"), CONDITION, ""},
    {OPEN("val(proc.name) = a"), CONDITION, ""},
    {OPEN("nosuch(proc.name) = a"), CONDITION, ""},
    /* fields compared with fields */
    {OPEN("proc.name = val(proc.pname)"), NULL, ""},
    {OPEN("proc.name = proc.pname"), NULL, DOUBTFUL},
    {OPEN("proc.name = 'proc.pname'"), NULL, DOUBTFUL},
    {OPEN("proc.name in (proc.pname, x)"), NULL, DOUBTFUL},
    {OPEN("proc.name = val(proc.pid)"), CONDITION, ""},
    {OPEN("proc.name = tolower(proc.pname)"), NULL, ""},
    {OPEN("tolower(proc.name) = toupper(proc.pname)"), NULL, ""},
    {OPEN("proc.name = len(proc.pname)"), CONDITION, ""},
    {OPEN("proc.pid > val(proc.ppid)"), NULL, ""},
    {OPEN("proc.pid > val(proc.name)"), CONDITION, ""},
    {OPEN("proc.name regex val(proc.pname)"), CONDITION, ""},
    {OPEN("proc.name pmatch val(proc.pname)"), CONDITION, ""},
    {OPEN("proc.name contains val(proc.pname)"), NULL, ""},
    {OPEN("proc.name in val(proc.pname)"), NULL, ""},
    {OPEN("proc.name in (val(proc.pname))"), CONDITION, ""},
    {OPEN("proc.aname = val(proc.pname)"), CONDITION, ""},
    {OPEN("proc.name = val(proc.aname)"), CONDITION, ""},
    {OPEN("fd.ip = val(fd.sip)"), CONDITION, ""},
    {OPEN("fd.sip = val(fd.cip)"), NULL, ""},
    {OPEN("fd.snet = val(fd.sip)"), CONDITION, ""},
    {OPEN("proc.name = val(tolower(proc.pname))"), CONDITION, ""},
    {OPEN("proc.name = val(nothing)"), CONDITION, ""},
    {OPEN("proc.name = val(proc.nome)"), CONDITION, ""},
    /* texts */
    {OPEN("proc.name = \\\"a\\\""), CONDITION, ""},
    {OPEN("proc.name = \"a b\""), NULL, ""},
    {OPEN("proc.name = 'a"), CONDITION, ""},
    {OPEN("proc.name = \"a\\qb\""), CONDITION, ""},
    {OPEN("proc.name = \"a\\x41b\""), NULL, ""},
    {OPEN("proc.name = \"a\\x4\""), CONDITION, ""},
    {OPEN("proc.name = \"a\\x00\""), CONDITION, ""},
    {OPEN("proc.name = \"a\\'b\""), CONDITION, ""},
    {OPEN("proc.name = 'a\\'b'"), NULL, ""},
    {OPEN("proc.name = a=b"), CONDITION, ""},
    {OPEN("proc.name = a,b"), CONDITION, ""},
    {OPEN("proc.name = "), CONDITION, ""},
    {OPEN("proc.name regex '[a'"), CONDITION, ""},
    {OPEN("proc.name regex abc"), NULL, DOUBTFUL},
    {OPEN("proc.name regex 'a.*b'"), NULL, ""},
    {OPEN("proc.name regex '^abc.*'"), NULL, DOUBTFUL},
    {OPEN("proc.name = 'tolower(proc.pname)'"), NULL, DOUBTFUL},
    {OPEN("proc.name in ()"), NULL, ""},
    {OPEN("proc.name in (a,)"), CONDITION, ""},
    {OPEN("proc.name in a.b"), CONDITION, ""},
    {OPEN("proc.name in 'a'"), CONDITION, ""},
    {OPEN("proc.name exists and not proc.pname exists"), NULL, ""},
    {OPEN("proc.name startswith oneof (a, b)"), NULL, ""},
    {OPEN("proc.name startswith oneof a, b"), CONDITION, ""},
    {OPEN("proc.name in oneof (a)"), CONDITION, ""},
    {OPEN("proc.pid > anyof (1)"), CONDITION, ""},
    /* the shape */
    {RULE("evt.type=open and"), CONDITION, ""},
    {RULE("and evt.type=open"), CONDITION, ""},
    {RULE("evt.type=open proc.name=a"), CONDITION, ""},
    {RULE("evt.type=open && proc.name=a"), CONDITION, ""},
    {RULE("(evt.type=open"), CONDITION, ""},
    {RULE("evt.type=open)"), CONDITION, ""},
    {RULE("()"), CONDITION, ""},
    {RULE("(((evt.type=open)))"), NULL, ""},
    {RULE("not(evt.type=open)"), NULL, NO_EVTTYPE},
    {RULE("evt.type=open and(proc.name=a)or(proc.name=b)"), NULL, NO_EVTTYPE},
    {RULE("NOT evt.type=open"), CONDITION, ""},
    {RULE("evt.type=open OR evt.type=close"), CONDITION, ""},
    {RULE("evt.type==open"), NULL, ""},
    {RULE("evt.type EXISTS"), CONDITION, ""},
    {RULE("evt.type = open xor evt.type = close"), CONDITION, ""},
    /* what is deprecated is told once a condition */
    {RULE("evt.type=open and evt.dir=< and evt.dir=<"), NULL, DEPRECATED},
    {RULE("evt.type=open and evt.dir=< and evt.latency>5"), NULL, DEPRECATED "," DEPRECATED},
    {RULE("evt.type=open and evt.wait_latency>5"), NULL, DEPRECATED},
    {"- rule: k\n  desc: d\n  condition: ka.verb=\"<NA>\" or ka.uri in (a, \"<NA>\")\n  output: o\n"
     "  priority: INFO\n  source: k8s_audit\n",
     NULL, "LOAD_UNSAFE_NA_CHECK"},
    {"- rule: k\n  desc: d\n  condition: ka.verb contains \"<NA>\"\n  output: o\n"
     "  priority: INFO\n  source: k8s_audit\n",
     NULL, ""},
};

static const struct told outputs[] = {
    {OUTPUT("'%'"), FORMAT, ""},
    {OUTPUT("100% sure"), FORMAT, ""},
    {OUTPUT("'%5'"), FORMAT, ""},
    {OUTPUT("'%10proc.name'"), NULL, ""},
    {OUTPUT("'*%proc.name'"), NULL, ""},
    {OUTPUT("'%proc.name%proc.pname'"), NULL, ""},
    {OUTPUT("'%proc.nome'"), FORMAT, ""},
    {OUTPUT("'%proc.name.'"), NULL, ""},
    {OUTPUT("'%proc.aname[2]'"), NULL, ""},
    {OUTPUT("'%proc.aname[x]'"), NULL, ""},
    {OUTPUT("'%evt.arg'"), FORMAT, ""},
    {OUTPUT("'%evt.arg.nothing_such'"), FORMAT, ""},
    {OUTPUT("'%tolower(proc.name)'"), NULL, ""},
    {OUTPUT("'%tolower(proc.pid)'"), FORMAT, ""},
    {OUTPUT("'%tolower(proc.name'"), FORMAT, ""},
    {OUTPUT("'%nosuch(proc.name)'"), FORMAT, ""},
    {OUTPUT("'%container.info'"), NULL, DEPRECATED},
    {OUTPUT("'%evt.dir %evt.type'"), NULL, DEPRECATED},
    {OUTPUT("'%proc.nome'") "  skip-if-unknown-filter: true\n", NULL, UNKNOWN_FILTER},
    {OUTPUT("'%evt.arg.nothing_such'") "  skip-if-unknown-filter: true\n", NULL, UNKNOWN_FILTER},
    {OUTPUT("'%tolower(proc.pid)'") "  skip-if-unknown-filter: true\n", NULL, UNKNOWN_FILTER},
    {OUTPUT("'%'") "  skip-if-unknown-filter: true\n", FORMAT, ""},
    {OUTPUT("'%5'") "  skip-if-unknown-filter: true\n", FORMAT, ""},
    {OUTPUT("no field at all"), NULL, ""},
};

static int compare_codes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_warnings(const struct rule_set *set, struct buffer *out)
{
	const char *codes[64];
	size_t n = 0;

	for (size_t i = 0; i < set->diagnostic_count && n < 64; i++)
		if (set->diagnostics[i].level == DIAGNOSTIC_WARNING)
			codes[n++] = set->diagnostics[i].code;
	qsort(codes, n, sizeof(*codes), compare_codes);
	for (size_t i = 0; i < n; i++)
		buffer_printf(out, "%s%s", i ? "," : "", codes[i]);
}

static const char *first_error(const struct rule_set *set)
{
	for (size_t i = 0; i < set->diagnostic_count; i++)
		if (set->diagnostics[i].level == DIAGNOSTIC_ERROR)
			return set->diagnostics[i].code;
	return "";
}

static bool is_told(const struct told *want)
{
	struct rule_set *set = load_text(want->text);
	char memory[1024];
	struct buffer warnings = BUFFER(memory);
	bool is_good = strcmp(first_error(set), want->error ? want->error : "") == 0;

	list_warnings(set, &warnings);
	if (!want->error)
		is_good &= str_equal_c(buffer_str(&warnings), want->warnings);
	if (!is_good) {
		fprintf(stderr, "%swant %s %s, got:\n", want->text,
			want->error ? want->error : "ok", want->warnings);
		print_diagnostics(set);
	}
	rules_free(set);
	return is_good;
}

static void check_all(const struct told *cases, size_t count)
{
	size_t bad = 0;

	for (size_t i = 0; i < count; i++)
		bad += !is_told(&cases[i]);
	check_i64(bad, 0, "told otherwise");
}
#define CHECK_ALL(cases) check_all((cases), sizeof(cases) / sizeof((cases)[0]))

static void test_shapes_of_files(void **state)
{
	(void)state;
	CHECK_ALL(files);
}

static void test_keys_of_rules(void **state)
{
	(void)state;
	CHECK_ALL(rules);
}

static void test_what_extends_rules(void **state)
{
	(void)state;
	CHECK_ALL(extensions);
}

static void test_exceptions(void **state)
{
	(void)state;
	CHECK_ALL(exceptions);
}

static void test_lists_and_macros(void **state)
{
	(void)state;
	CHECK_ALL(lists_and_macros);
}

static void test_required_versions(void **state)
{
	(void)state;
	CHECK_ALL(versions);
}

static void test_conditions(void **state)
{
	(void)state;
	CHECK_ALL(conditions);
}

static void test_outputs(void **state)
{
	(void)state;
	CHECK_ALL(outputs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shapes_of_files),    cmocka_unit_test(test_keys_of_rules),
	    cmocka_unit_test(test_what_extends_rules), cmocka_unit_test(test_exceptions),
	    cmocka_unit_test(test_lists_and_macros),   cmocka_unit_test(test_required_versions),
	    cmocka_unit_test(test_conditions),         cmocka_unit_test(test_outputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
