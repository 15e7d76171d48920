# SPDX-License-Identifier: Apache-2.0
"""A second thread rewrites a call's argument while it runs: what is shown is what was done."""

import os
import subprocess

import pytest

import evasion

RULES = """
- list: opens
  items: [open, openat, openat2, creat]
- list: one_name
  items: [ONE_NAME]
- list: two_names
  items: [rename, renameat2, link, linkat]
- rule: Wrong file
  desc: the name of one and the number of the other
  condition: >
    evt.type in (opens) and
    ((fd.name = DIRECTORY/1file and fd.ino = INODE2) or (fd.name = DIRECTORY/2file and fd.ino = INODE1)
     or (fs.path.name = DIRECTORY/1file and fd.ino = INODE2)
     or (fs.path.name = DIRECTORY/2file and fd.ino = INODE1))
  output: "%fd.name %fd.ino %fs.path.name"
  priority: NOTICE
- rule: First file
  desc: counted
  condition: evt.type in (opens) and fd.name = DIRECTORY/1file and proc.args contains counted
  output: "%fd.name %fd.ino"
  priority: NOTICE
- rule: First address
  desc: counted
  condition: evt.type = connect and fd.sip = 127.0.0.1 and fd.sport = 19 and evt.rawres = 0
  output: "%fd.name"
  priority: NOTICE
- rule: Second address
  desc: counted
  condition: evt.type = connect and fd.sip = 127.0.0.2 and fd.sport = 19 and evt.rawres = 0
  output: "%fd.name"
  priority: NOTICE
- rule: Wrong deed
  desc: what was done was done to the first name
  condition: >
    evt.rawres = 0 and proc.args startswith "do " and
    ((evt.type in (one_name) and not fs.path.name in (DIRECTORY/1/name, DIRECTORY/1/other)) or
     (evt.type in (symlink, symlinkat) and not fs.path.source = DIRECTORY/1/name) or
     (evt.type in (two_names) and not fs.path.source in (DIRECTORY/1/name, DIRECTORY/1/other, DIRECTORY/kept)) or
     (evt.type in (two_names) and not fs.path.target in (DIRECTORY/1/name, DIRECTORY/1/other, DIRECTORY/kept)))
  output: "%evt.type %evt.args %fs.path.name %fs.path.source %fs.path.target"
  priority: NOTICE
- rule: Own name
  desc: what is done by names that nobody rewrites
  condition: >
    evt.rawres = 0 and proc.args contains own_names.py and
    evt.type in (one_name, two_names, symlink, symlinkat, renameat, lchown, truncate)
  output: "%evt.type %evt.arg.path %evt.arg.oldpath %evt.arg.newpath %fs.path.name %fs.path.source %fs.path.target"
  priority: NOTICE
- rule: The end
  desc: all before has been judged
  condition: evt.type in (opens) and fd.name = DIRECTORY/end
  output: "%fd.name"
  priority: NOTICE
"""


ONE_NAME = ["unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "chmod",
            "fchmodat", "chown", "lchown", "fchownat", "utimensat", "truncate", "setxattr"]
OTHERS = ["symlink", "symlinkat", "rename", "renameat2", "rename-there", "link", "linkat", "link-there"]


@pytest.fixture(scope="module")
def race(live_machine, workshop, tmp_path_factory):
    directory = workshop / "race"
    directory.mkdir()
    text = RULES.replace("DIRECTORY", str(directory)).replace("ONE_NAME", ", ".join(ONE_NAME))
    for number in "12":
        (directory / number).mkdir()
        (directory / f"{number}file").write_text("text\n")
        (directory / f"{number}counted").symlink_to(f"{number}file")
        text = text.replace(f"INODE{number}", str((directory / f"{number}file").stat().st_ino))
    rules = tmp_path_factory.mktemp("rules") / "race.yaml"
    rules.write_text(text)
    with evasion.Watch(race=[rules]) as watch:
        yield watch, directory, evasion.build("evade_race", workshop)


def run(race, way, count, *arguments, **environment):
    watch, directory, helper = race
    trick = evasion.Trick(watch, directory, helper)
    times = [0, 0]
    for _ in range(5):
        output = trick.go(way, count, *arguments, env={**os.environ, **environment})
        times = [before + int(n) for before, n in zip(times, output.split())]
        if all(times):
            break
    with open(directory / "end", "w"):
        pass
    trick.wait_for("race", "The end")
    return trick, times


# In all a million calls.
@pytest.mark.parametrize("way, count, environment", [
    ("openat", 400000, {}), ("openat", 300000, {"RELATIVE": "1"}), ("open", 150000, {}),
    ("openat2", 100000, {}), ("creat", 50000, {"RELATIVE": "1"})])
def test_no_alert_names_a_file_that_was_not_opened(race, way, count, environment):
    trick, times = run(race, way, count, race[1], "file", **environment)
    assert all(times), "both files had their turn"
    assert not trick.alerts("race", "Wrong file"), trick.alerts("race", "Wrong file")[0]["output"]


def test_every_opening_is_seen_under_its_own_name(race):
    """Through symbolic links, where the names that are given are never those of the files."""
    trick, times = run(race, "openat", 4000, race[1], "counted", COUNTED="counted")
    assert len(trick.alerts("race", "First file")) >= times[0]


def test_every_address_is_the_sockets_own(race):
    """As often one and as often the other as the sockets themselves say."""
    trick, times = run(race, "connect", 4000, 19)
    assert all(times), "both addresses had their turn"
    assert [len(trick.alerts("race", f"{which} address")) for which in ("First", "Second")] == times


# A million more, of calls that open nothing.
@pytest.mark.parametrize("call", ONE_NAME + OTHERS)
def test_no_alert_names_a_file_to_which_nothing_was_done(race, call):
    subprocess.run([race[2], "prepare", call, race[1]], check=True)
    trick, times = run(race, "do", call, 45000, race[1])
    assert all(times), "both names had their turn"
    wrong = trick.alerts("race", "Wrong deed")
    assert not wrong, f"{len(wrong)} of {times[0]}: {wrong[0]['output']}"


@pytest.mark.parametrize("way", ["plain", "tmpfs", "bind", "overlay"])
def test_names_that_nobody_rewrites_are_shown_as_they_were_given(race, way):
    """However many names an inode has."""
    watch, directory, _ = race
    place = directory / way
    place.mkdir()
    trick = evasion.Trick(watch, directory)
    trick.run("unshare", "-m", "--propagation", "private", "/usr/bin/python3", evasion.HELPERS / "own_names.py", way, place)
    with open(directory / "end", "w"):
        pass
    trick.wait_for("race", "The end")
    told = [alert["output_fields"] for alert in trick.alerts("race", "Own name")]
    assert len(told) > 40
    for fields in told:
        # Of links the target is what they lead to, and it stands first.
        is_link = fields["evt.type"].startswith("link")
        shown = [fields["fs.path.name"]] if fields["fs.path.name"] else [fields["fs.path.source"], fields["fs.path.target"]][
            ::-1 if is_link else 1]
        given = [name for name in (fields["evt.arg.path"], fields["evt.arg.oldpath"], fields["evt.arg.newpath"]) if name]
        for name, path in zip(given, shown):
            # Relative ones are joined to where they start.
            name = os.path.normpath(name.removeprefix("../"))
            assert path == name if name.startswith("/") else path.endswith("/" + name), fields
