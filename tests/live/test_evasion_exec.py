# SPDX-License-Identifier: Apache-2.0
"""Ways to run a program that hide which: what the kernel ran is what counts."""

import os
import shutil

import pytest

import evasion
import monitor as live

RULES = """
- rule: Ran
  desc: the file, whatever it calls itself
  condition: >
    evt.type in (execve, execveat) and evt.rawres = 0
    and (proc.exepath startswith PLACE or proc.exepath startswith memfd
         or proc.exepath = /inside or proc.args contains PLACE)
  output: >
    %proc.exepath %proc.name %proc.exe %proc.cmdline %proc.pname %proc.pid %thread.tid %proc.ppid
    %evt.type %proc.is_exe_from_memfd %proc.exe_ino %evt.args_truncated %proc.args %proc.aname[2] %proc.vpid
    %proc.is_exe_moved
  priority: NOTICE
- rule: Failed
  desc: a program that did not start
  condition: evt.type in (execve, execveat) and evt.rawres < 0 and proc.exepath startswith PLACE
  output: "%evt.type %evt.res %proc.exepath %proc.name"
  priority: NOTICE
- rule: Read
  desc: the file behind the name
  condition: >
    evt.type in (open, openat) and fd.name = /etc/shadow and proc.exepath startswith PLACE
  output: "%proc.name %proc.exepath %proc.cmdline %proc.pname"
  priority: NOTICE
"""

# The way, and what the alert must say; {p} is the place.
RAN = {
    "plain": {"proc.exepath": "{p}/victim", "proc.name": "victim", "proc.pname": "python3",
              "proc.is_exe_moved": False},
    "other-name": {"proc.exepath": "{p}/victim", "proc.exe": "/usr/sbin/sshd",
                   "proc.name": "victim"},
    "no-name": {"proc.exepath": "{p}/victim", "proc.name": "victim"},
    "link": {"proc.exepath": "{p}/victim", "proc.name": "innocent"},
    "descriptor": {"proc.exepath": "{p}/victim", "proc.exe": "descriptor"},
    "directory": {"proc.exepath": "{p}/victim", "proc.exe": "directory"},
    "proc": {"proc.exepath": "{p}/victim", "proc.exe": "proc"},
    "memory": {"proc.exepath": "memfd:hidden", "proc.is_exe_from_memfd": True},
    "deleted": {"proc.exe": "gone"},
    "unnamed": {"proc.exe": "unnamed"},
    "script": {"proc.exepath": "{p}/victim", "proc.cmdline": "script {p}/scratch/script"},
    "interpreter-chain": {"proc.exepath": "{p}/victim",
                          "proc.args": " ".join(f"{{p}}/scratch/script{i}" for i in (4, 3, 2, 1))},
    "unshared": {"proc.exepath": "{p}/victim", "proc.name": "victim"},
    "loader": {"proc.args": "{p}/victim"},
    "renamed": {"proc.exepath": "{p}/victim", "proc.name": "victim"},
    "vfork": {"proc.exepath": "{p}/victim", "proc.pname": "evade_exec"},
    "clone-vm": {"proc.exepath": "{p}/victim", "proc.pname": "evade_exec"},
    "thread": {"proc.exepath": "{p}/victim", "proc.name": "victim"},
    "clone-parent": {"proc.exepath": "{p}/victim", "proc.pname": "evade_exec"},
    "orphan": {"proc.exepath": "{p}/victim"},
    "user-namespace": {"proc.exepath": "{p}/victim", "proc.vpid": 1},
    "chrooted": {"proc.exe": "/inside"},
    "over-another": {"proc.exepath": "{p}/scratch/innocent", "proc.is_exe_moved": True},
}


@pytest.fixture(scope="module")
def place(workshop):
    directory = workshop / "exec"
    directory.mkdir()
    helper = evasion.build("evade_exec", workshop)
    shutil.copy(helper, directory / "victim")
    return directory, helper


@pytest.fixture(scope="module")
def watch(live_machine, place, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "exec.yaml"
    rules.write_text(RULES.replace("PLACE", str(place[0].parent)))
    with evasion.Watch(own=[rules], saker=[live.RULES]) as watch:
        yield watch


@pytest.fixture
def trick(watch, place):
    directory, helper = place
    scratch = directory / "scratch"
    scratch.mkdir()
    yield evasion.Trick(watch, directory, helper), scratch
    shutil.rmtree(scratch, ignore_errors=True)


def ran(trick, scratch, way, expected, ok=(0,)):
    expected = {name: value.format(p=trick.directory) if isinstance(value, str) else value
                for name, value in expected.items()}
    trick.go(way, trick.directory / "victim", scratch, ok=ok)

    def fits(alert):
        return all(alert.fields.get(name) == value for name, value in expected.items())
    try:
        return trick.wait_for("own", "Ran", fits)
    except AssertionError:
        seen = [{name: alert.fields.get(name) for name in (*expected, "proc.exepath")}
                for alert in trick.alerts("own", "Ran")]
        raise AssertionError(f"{way}: expected {expected}, seen {seen}") from None


@pytest.mark.parametrize("way", RAN)
def test_what_ran_is_known(trick, way):
    # With so many arguments as a chain makes, the program ends otherwise.
    told = ran(*trick, way, RAN[way], ok=(0, 2)).fields
    # Whoever called it: what has a program now is the process's first thread.
    assert told["thread.tid"] == told["proc.pid"]


def test_a_script_without_a_file_to_read(trick):
    """The kernel refuses it, and that is told."""
    (trick, scratch) = trick
    trick.go("script-by-closed-descriptor", trick.directory / "victim", scratch)
    trick.wait_for("own", "Failed", evt_type="execveat", evt_res="ENOENT", proc_name="evade_exec")


@pytest.mark.parametrize("way", ["large-arguments", "large-environment"])
def test_two_megabytes_of_arguments(trick, way):
    """The program is known all the same, and that there was more."""
    told = ran(*trick, way, {"proc.exepath": "{p}/victim", "evt.args_truncated": True}, ok=(0, 2)).fields
    assert len(told["proc.args"]) <= 4096


@pytest.mark.parametrize("name", [b"two\nlines", b"bad \xff\xfe", b"tab\t\x1b[31m", "übung".encode(), b"(sshd) S 1"])
def test_any_byte_may_stand_in_a_programs_name(trick, name):
    (trick, scratch) = trick
    program = os.fsencode(scratch) + b"/" + name
    shutil.copy(trick.directory / "victim", program)
    trick.run(os.fsdecode(program))
    trick.wait_for("own", "Ran", proc_name=name.decode(errors="replace"),
                   proc_exepath=program.decode(errors="replace"))


def test_a_program_that_is_placed_anywhere(trick, workshop):
    (trick, scratch) = trick
    program = scratch / "placed"
    shutil.copy(evasion.build("evade_exec", workshop / "pie", link="-static-pie"), program)
    trick.go("plain", program, scratch)
    trick.wait_for("own", "Ran", proc_exepath=str(program), proc_name="placed")


def test_long_arguments_are_cut_and_said_to_be(trick):
    alert = ran(*trick, "long", {"evt.args_truncated": True}, ok=(0, 2))
    assert 3500 < len(alert.fields["proc.args"]) <= 4096
    assert not ran(*trick, "plain", {"evt.args_truncated": False}).fields["evt.args_truncated"]


def test_memory_is_told_by_the_rules_in_use(trick):
    (trick, scratch) = trick
    trick.go("memory", trick.directory / "victim", scratch)
    trick.wait_for("saker", "Program run from memory")


def test_each_program_of_a_quick_chain(trick):
    trick, scratch = trick
    trick.go("chain", trick.directory / "victim", scratch)
    seen = [trick.wait_for("own", "Ran", proc_exepath=str(path)) for path in
            (scratch / "first", scratch / "second", trick.directory / "victim")]
    assert len({alert.fields["proc.pid"] for alert in seen}) == 1


@pytest.mark.parametrize("way, name", [("read-under-name", "sshd"),
                                       ("read-under-arguments", "evade_exec")])
def test_a_process_that_renames_itself(trick, way, name):
    """The name is its own to choose, the file that it runs is not."""
    trick, scratch = trick
    trick.go(way, trick.directory / "victim", scratch, "/etc/shadow")
    alert = trick.wait_for("own", "Read", proc_name=name)
    assert alert.fields["proc.exepath"] == str(trick.helper)
    assert alert.fields["proc.cmdline"].endswith("/etc/shadow")
    assert trick.wait_for("saker", "Sensitive file read", proc_name=name)


def test_what_is_mounted_over_a_trusted_program_is_not_trusted(trick):
    (trick, scratch) = trick
    if not os.path.exists("/usr/bin/chage"):
        pytest.skip("no program is there that may read passwords")
    trick.go("read-over-trusted", trick.directory / "victim", scratch, "/etc/shadow")
    trick.wait_for("saker", "Sensitive file read", proc_exepath="/usr/bin/chage")


def test_binfmt_interpreter(trick):
    """A file whose kind the kernel was told to hand to an interpreter."""
    trick, scratch = trick
    register = "/proc/sys/fs/binfmt_misc/register"
    if not os.path.exists(register):
        trick.run("mount", "-t", "binfmt_misc", "none", "/proc/sys/fs/binfmt_misc", ok=(0, 1, 32))
    if not os.path.exists(register):
        pytest.skip("this kernel has no binfmt_misc")
    name = f"saker{os.getpid()}"
    with open(register, "w") as file:
        file.write(f":{name}:E::{name}::{trick.directory}/victim:")
    try:
        program = scratch / f"data.{name}"
        program.write_text("no program\n")
        program.chmod(0o755)
        trick.run(program)
        trick.wait_for("own", "Ran", proc_exepath=f"{trick.directory}/victim",
                       proc_args=str(program))
    finally:
        with open(f"/proc/sys/fs/binfmt_misc/{name}", "w") as file:
            file.write("-1")
