# SPDX-License-Identifier: Apache-2.0
"""Storms of processes of several containers that take each other's numbers: none gets another's name, ancestors or
container."""

import contextlib
import os
import secrets
from pathlib import Path

import pytest

import evasion

RULES = """
- rule: Deed
  desc: the file's name tells who it must be
  condition: evt.type in (open, openat) and evt.rawres >= 0 and fd.name startswith PLACE/
  output: >
    %fd.filename %proc.name %proc.pname %proc.aname[2] %proc.pid %proc.ppid %proc.apid[2] %container.id
    %proc.vpid %proc.exepath %proc.args
  priority: NOTICE
"""


def hierarchy():
    """One that a container's processes are in: of version 1, or all of version 2."""
    memory = Path("/sys/fs/cgroup/memory")
    return memory if memory.is_dir() else Path("/sys/fs/cgroup")


@contextlib.contextmanager
def containers():
    """Two cgroups that are named as Docker names them: ids and files of processes."""
    parent = hierarchy() / "docker"
    had_parent = parent.exists()
    ids = [secrets.token_hex(32) for _ in range(2)]
    for name in ids:
        (parent / name).mkdir(parents=True)
    try:
        yield [name[:12] for name in ids], [parent / name / "cgroup.procs" for name in ids]
    finally:
        for name in ids:
            (parent / name).rmdir()
        if not had_parent:
            with contextlib.suppress(OSError):  # another test's containers may be there now
                parent.rmdir()


place, watch = evasion.fixtures("deeds-of-storms", "storms", RULES)[:2]


@pytest.fixture
def trick(watch, place):
    trick = evasion.Trick(watch, *place)
    with containers() as (trick.ids, trick.files):
        yield trick


def deeds(trick, count):
    """All that there are, once there are as many and what came after them has been judged."""
    running = trick.watch.monitors["own"]
    running.wait_until(lambda: len(trick.alerts("own", "Deed")) >= count, f"{count} deeds")
    trick.end()
    found = [alert.fields for alert in trick.alerts("own", "Deed")]
    assert len(found) == count
    return found


def check(trick, found):
    for fields in found:
        child, parent, grandparent, number = fields["fd.filename"].split(".")
        told = [fields[name] for name in ("proc.name", "proc.pname", "proc.aname[2]", "container.id")]
        assert told == [child, parent, grandparent, trick.ids[int(number)]], fields
        assert Path(fields["proc.exepath"]).name in ("storms", "exe"), fields


def test_one_number_for_many_containers(trick):
    """Of each generation the cgroup is the other one, and child and grandchild have the same numbers again."""
    count = 400
    middle, last, done = map(int, trick.go("reuse", trick.directory, count, *trick.files).split())
    assert done > count / 2  # somebody else may have had a number meanwhile
    found = deeds(trick, done)
    assert {(fields["proc.ppid"], fields["proc.pid"]) for fields in found} == {(middle, last)}
    check(trick, found)


def test_generations_of_two_containers_side_by_side(trick):
    count = 1000
    trick.go("storm", trick.directory, count, *trick.files)
    found = deeds(trick, count)
    check(trick, found)


def test_where_numbers_are_few(trick):
    """The same in a pid namespace of its own, where numbers start again soon."""
    limit = "echo 316 > /proc/sys/kernel/pid_max 2>/dev/null;" if os.uname().release >= "6.14" else ""
    count = 1000
    before = Path("/proc/sys/kernel/pid_max").read_text()
    trick.run("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c",
              f'{limit} exec "$@"', "sh", trick.helper, "storm", trick.directory, count, *trick.files)
    assert Path("/proc/sys/kernel/pid_max").read_text() == before
    found = deeds(trick, count)
    if limit:
        assert len({fields["proc.vpid"] for fields in found}) < 316
    check(trick, found)


def test_programs_of_who_has_just_joined(trick):
    count = 400
    trick.go("programs", trick.directory, count, *trick.files)
    found = deeds(trick, count)
    check(trick, found)
    assert all(fields["proc.args"].startswith("program ") for fields in found)
