# SPDX-License-Identifier: Apache-2.0
"""A second thread rewrites a call's argument while it runs: what is shown is what was done."""

import os

import pytest

import evasion

RULES = """
- list: opens
  items: [open, openat, openat2, creat]
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
- rule: The end
  desc: all before has been judged
  condition: evt.type in (opens) and fd.name = DIRECTORY/end
  output: "%fd.name"
  priority: NOTICE
"""


@pytest.fixture(scope="module")
def race(live_machine, workshop, tmp_path_factory):
    directory = workshop / "race"
    directory.mkdir()
    text = RULES.replace("DIRECTORY", str(directory))
    for number in "12":
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
