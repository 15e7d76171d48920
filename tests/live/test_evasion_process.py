# SPDX-License-Identifier: Apache-2.0
"""Processes that are gone at once, that have others' numbers, or other parents than they had."""

import errno
import os
import pathlib
import shutil
import subprocess

import pytest

import evasion

MAGIC, RESTART = 0xfee1dead, 0x01234567  # of reboot

RULES = """
- rule: Deed
  desc: the file's name tells who it must be
  condition: evt.type in (open, openat) and evt.rawres >= 0 and fd.name startswith PLACE/
  output: >
    %fd.filename %proc.name %proc.pname %proc.pid %proc.ppid %proc.sid %proc.exepath %proc.args
    %proc.aname[2] %container.id %proc.vpid
  priority: NOTICE
- rule: Restart
  desc: of the machine, or of a pid namespace
  condition: evt.type = reboot and proc.name = restarter
  output: "%proc.name %evt.rawres %syscall.arg[0] %syscall.arg[2] %proc.vpid %proc.exepath"
  priority: NOTICE
"""


place, watch, trick = evasion.fixtures("deeds", "evade_process", RULES)


def check_names(alerts, helper):
    for alert in alerts:
        name, _, parent = alert.fields["fd.filename"].partition(".")
        assert alert.fields["proc.name"] == name, alert["output"]
        assert alert.fields["proc.exepath"] == str(helper), alert["output"]
        if parent:
            assert alert.fields["proc.pname"] == parent, alert["output"]


def test_a_storm_of_short_lives(trick):
    count = 3000
    trick.go("storm", trick.directory, count)
    trick.end()
    alerts = trick.alerts("own", "Deed")
    assert len(alerts) == count
    check_names(alerts, trick.helper)
    assert len({alert.fields["proc.pid"] for alert in alerts}) == count


def test_one_number_for_many(trick):
    """No event gets the name or the parent of the process that had its number before."""
    count = 400
    pid, done = map(int, trick.go("reuse", trick.directory, count).split())
    trick.end()
    alerts = [alert for alert in trick.alerts("own", "Deed") if alert.fields["proc.pid"] == pid]
    # Somebody else may have had the number meanwhile.
    assert len(alerts) == done and done > count / 2
    check_names(alerts, trick.helper)


def test_numbers_are_few(trick):
    """The same in a pid namespace of its own, where numbers start again soon."""
    limit = "echo 301 > /proc/sys/kernel/pid_max 2>/dev/null;"
    before = open("/proc/sys/kernel/pid_max").read()
    trick.run("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c",
              f"{limit if os.uname().release >= '6.14' else ''}"
              f" exec {trick.helper} storm {trick.directory} 1000")
    assert open("/proc/sys/kernel/pid_max").read() == before
    trick.end()
    alerts = trick.alerts("own", "Deed")
    assert len(alerts) == 1000
    check_names(alerts, trick.helper)


@pytest.mark.parametrize("way", ["orphan", "subreaper"])
def test_who_took_the_orphan(trick, way):
    parent, middle = map(int, trick.go(way, trick.directory).split())
    alert = trick.wait_for("own", "Deed", fd_filename="orphan")
    assert alert.fields["proc.ppid"] == parent
    assert alert.fields["proc.sid"] == middle
    if way == "subreaper":
        assert alert.fields["proc.pname"] == "reaper"


def test_two_programs_that_take_turns_in_one_process(trick, place, workshop):
    """Of each deed the program is told that did it, with its arguments, however quickly another follows."""
    count, programs = 200, [workshop / "tick", workshop / "tock"]
    for program in programs:
        shutil.copy(place[1], program)
    trick.run(programs[0], "alternate", trick.directory, count, programs[1])
    trick.end()
    alerts = [alert.fields for alert in trick.alerts("own", "Deed")]
    assert len(alerts) == count + 1
    for told in alerts:
        name, _, number = told["fd.filename"].partition(".")
        assert told["proc.exepath"] == str(workshop / name), told
        assert told["proc.name"] == name, told
        assert told["proc.args"].split(" ")[2] == number, told
    assert len({told["proc.pid"] for told in alerts}) == 1


def cgroup_root():
    for line in open("/proc/mounts"):
        _, place, kind = line.split(" ")[:3]
        if kind == "cgroup2":
            return pathlib.Path(place)
    pytest.skip("no unified hierarchy is mounted")
    return None


def test_a_child_that_is_born_in_a_container(trick):
    """By CLONE_INTO_CGROUP: its parent, and it before, were never there."""
    id_ = f"{os.getpid():064x}"
    top = cgroup_root() / "docker"
    was_there, inside = top.exists(), top / id_
    inside.mkdir(parents=True)
    try:
        trick.go("into-cgroup", trick.directory, inside)
        told = trick.wait_for("own", "Deed", fd_filename="inside").fields
        assert told["container.id"] == id_[:12]
        assert trick.wait_for("own", "Deed", fd_filename="outside").fields["container.id"] == "host"
    finally:
        inside.rmdir()
        if not was_there:
            top.rmdir()


@pytest.mark.parametrize("way, name", [("other-arguments", "liar"), ("other-file", "unmapped")])
def test_what_a_process_says_of_itself_by_prctl(trick, way, name):
    """PR_SET_MM changes what /proc shows: where the arguments are, which file is the program."""
    trick.go(way, trick.directory)
    told = trick.wait_for("own", "Deed", fd_filename=name).fields
    assert told["proc.exepath"] == str(trick.helper)
    assert told["proc.args"] == f"{way} {trick.directory}"


def test_a_child_of_a_process_that_wrote_over_its_arguments(trick):
    """What it was executed with, and which file, does not change by that."""
    trick.go("forked-title", trick.directory)
    told = trick.wait_for("own", "Deed", fd_filename="titled").fields
    assert told["proc.exepath"] == str(trick.helper)
    assert told["proc.args"] == f"forked-title {trick.directory}"


def test_a_child_that_is_given_away_with_its_new_parents_arguments(trick):
    """CLONE_PARENT: whose program it goes on with is who made it, not who became its parent."""
    filler = "x" * 400
    trick.run("sh", "-c", f"{trick.helper} as-parent {trick.directory} & wait; : {filler}; sleep 0.2")
    told = trick.wait_for("own", "Deed", fd_filename="copy").fields
    assert told["proc.exepath"] == str(trick.helper)
    assert told["proc.pname"] == "sh"
    assert told["proc.args"].startswith("as-parent ")


def test_a_name_that_is_written_to_proc(trick):
    child = subprocess.run(["sh", "-c", f"printf 'two\\nlines' > /proc/self/comm; : > {trick.directory}/named"],
                           check=True)
    assert child.returncode == 0
    told = trick.wait_for("own", "Deed", fd_filename="named").fields
    assert told["proc.name"] == "two\nlines"
    assert told["proc.exepath"] == os.path.realpath("/bin/sh")


@pytest.mark.parametrize("how", ["prctl", "file", "thread"])
def test_ancestors_that_got_other_names(trick, how):
    """And did nothing else before their child's deed: who asks for their names gets those of that time."""
    trick.go("renamed", trick.directory, how)
    told = trick.wait_for("own", "Deed", fd_filename="child.parent.elder").fields
    assert [told["proc.name"], told["proc.pname"], told["proc.aname[2]"]] == ["child", "parent", "elder"]


@pytest.mark.parametrize("who, number", [("init", 1), ("other", 2)])
def test_a_restart_that_never_returns(trick, who, number):
    """Of a pid namespace, whose end it is: the call comes as a success. One that fails comes as that."""
    trick.go("restart", trick.directory, who)
    trick.end()
    told = [alert.fields for alert in trick.alerts("own", "Restart")]
    assert [fields["evt.rawres"] for fields in told] == [-errno.EINVAL, 0]
    for fields in told:
        assert fields["proc.vpid"] == number
        assert fields["proc.exepath"] == str(trick.helper)
        assert fields["syscall.arg[2]"] == RESTART
    assert told[1]["syscall.arg[0]"] & 0xffffffff == MAGIC


def test_who_was_there_before(live_machine, place, tmp_path):
    directory, helper = place
    with subprocess.Popen([helper, "later", directory, "before"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        with evasion.Watch(own=[evasion.rules_in(tmp_path, place, RULES)]) as watch:
            trick = evasion.Trick(watch, directory, helper)
            child.communicate(b"go\n")
            alert = trick.wait_for("own", "Deed", proc_pid=child.pid)
    assert alert.fields["proc.exepath"] == str(helper)
    assert alert.fields["proc.args"] == f"later {directory} before"
    assert alert.fields["proc.ppid"] == os.getpid()
