# SPDX-License-Identifier: Apache-2.0
"""Calls that tracers, filters, signals and other numberings change on their way: what counts is what the kernel did."""

import os

import pytest

import altered
import evasion

RULES = """
- rule: Handed in
  desc: a file that is opened once, and of which two callers have a descriptor
  condition: evt.type in (open, openat) and fd.name = PLACE/handed-in
  output: "%evt.type %evt.rawres %fd.name %proc.pid"
  priority: NOTICE
- rule: Other
  desc: calls of the helper that must be the right ones
  condition: >
    proc.exepath in (HELPER, /proc/self/exe) and
    evt.type in (getppid, nanosleep, restart_syscall, clone, execve) and evt.rawres != 0
    or proc.exepath = HELPER and evt.type in (execve, restart_syscall, clone) and evt.rawres = 0
  output: "%evt.type %evt.rawres %proc.name %proc.pid %proc.ppid %proc.args"
  priority: NOTICE
"""

place, watch, trick = evasion.fixtures("altered", "altered_calls", lambda place: altered.rule(place[0]) + RULES)


def do(trick, way):
    """Answers what the helper said, when all that it did has been judged."""
    said = trick.go(way, trick.directory)
    trick.end()
    return said


def openings(trick, name):
    return [alert.fields for alert in trick.alerts("own", "Opened")
            if alert.fields["evt.arg.name"] == f"{trick.directory}/{name}"]


def others(trick, call):
    return [alert.fields for alert in trick.alerts("own", "Other") if alert.fields["evt.type"] == call]


# Kernels that have x32's numbers at all have them switched off: tests/kernels switches them on.
@pytest.mark.parametrize("way", [way for way in altered.OPENINGS if way != "x32"])
def test_what_is_seen_is_what_was_done(trick, way):
    do(trick, way)
    altered.check(way, trick.directory, [alert.fields for alert in trick.alerts("own", "Opened")])
    if way == "never-made":
        asked, = others(trick, "getppid")
        assert asked["evt.rawres"] == asked["proc.ppid"]


def test_a_descriptor_that_a_supervisor_hands_in(trick):
    """It is of another file than the one that was asked for: the event is judged by the one that the caller has now, too."""
    do(trick, "supervisor-hands-in")
    own, handed = (alert.fields for alert in trick.alerts("own", "Handed in"))
    assert 0 <= own["evt.rawres"] < handed["evt.rawres"]
    asked, = openings(trick, "supervisor-hands-in")
    assert asked["proc.pid"] == handed["proc.pid"] == own["proc.pid"]
    assert asked["evt.rawres"] == handed["evt.rawres"]


def test_a_call_that_begins_anew(trick):
    do(trick, "restarted")
    found = openings(trick, "restarted")
    child = next(fields["proc.pid"] for fields in found if fields["evt.rawres"] == altered.AGAIN)
    *before, last = (altered.result(fields) for fields in found if fields["proc.pid"] == child)
    assert last == altered.WENT_WELL and set(before) == {altered.AGAIN}


def test_a_sleep_that_goes_on_is_another_call(trick):
    child = int(do(trick, "restart-syscall"))
    slept = [fields for fields in others(trick, "nanosleep") if fields["proc.pid"] == child]
    assert [fields["evt.rawres"] for fields in slept] == [-516]  # ERESTART_RESTARTBLOCK
    went_on = [fields for fields in others(trick, "restart_syscall") if fields["proc.pid"] == child]
    assert [fields["evt.rawres"] for fields in went_on] == [0]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="registers are those of x86-64")
def test_a_fork_that_is_made_to_look_like_another_call(trick):
    """The child has its event, which no register is asked for, and its deeds have the right name and parent."""
    do(trick, "number-in-fork")
    deed, = openings(trick, "number-in-fork")
    assert deed["proc.name"] == "grandchild"
    born = [fields for fields in others(trick, "clone") if fields["proc.pid"] == deed["proc.pid"]]
    assert [fields["evt.rawres"] for fields in born] == [0]
    assert born[0]["proc.ppid"] == deed["proc.ppid"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="registers are those of x86-64")
def test_an_exec_that_is_made_to_look_like_another_call(trick):
    do(trick, "number-in-exec")
    deed, = openings(trick, "number-in-exec")
    ran = [fields for fields in others(trick, "execve") if fields["proc.pid"] == deed["proc.pid"]]
    assert [fields["proc.args"] for fields in ran] == [f"made {trick.directory} number-in-exec"]
