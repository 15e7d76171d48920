# SPDX-License-Identifier: Apache-2.0
"""What must be seen of calls that are changed on their way (helpers/altered_calls.c), on every kernel."""

import errno

RULE = """
- rule: Opened
  desc: asked for, whatever came of it
  condition: evt.type in (open, openat, creat) and evt.arg.name startswith PLACE/
  output: "%evt.type %evt.rawres %evt.arg.name %proc.name %proc.pid %proc.ppid %proc.exepath %evt.is_compat"
  priority: NOTICE
"""

WENT_WELL = "a descriptor"
# ERESTARTSYS: what a call answers that is interrupted and begins anew, or ends with its process.
AGAIN = -512

# What every opening of a file that is named as the way gave, in order.
OPENINGS = {
    "personality": [WENT_WELL], "int80": [WENT_WELL], "x32": [WENT_WELL],
    "number-at-entry": [WENT_WELL], "result-at-exit": [WENT_WELL], "never-made": [],
    "number-in-fork": [WENT_WELL], "number-in-exec": [WENT_WELL],
    "filter-refuses": [-errno.EACCES],
    # What a caller is told is what is seen, though nothing was opened.
    "filter-pretends": [0],
    "supervisor-lets": [WENT_WELL],
    "killed": [AGAIN],
}


def rule(place):
    return RULE.replace("PLACE", str(place))


def result(fields):
    return WENT_WELL if fields["evt.rawres"] > 0 else fields["evt.rawres"]


def check(way, place, alerts):
    """`alerts`: the fields of all alerts of the rule, those of other ways among them."""
    found = [fields for fields in alerts if fields["evt.arg.name"] == f"{place}/{way}"]
    assert [result(fields) for fields in found] == OPENINGS[way], (way, found)
    assert all(fields["evt.is_compat"] == (way in ("int80", "x32")) for fields in found), found
