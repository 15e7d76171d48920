# SPDX-License-Identifier: Apache-2.0
"""A second thread rewrites a structure or a text that a call is given: flags, modes, names.

Of each call the alert must say what the kernel took, as the helper learns it from the file, from the
child, or from the thread.
"""

import pytest

import evasion
import monitor as live

RULES = """
- rule: Opened
  desc: as the alert of each call says it
  condition: evt.type = openat2 and fd.name = DIRECTORY/opened and evt.rawres >= 0
  output: "%evt.is_open_read %evt.is_open_write %evt.arg.flags"
  priority: NOTICE
- rule: Made
  desc: as the alert of each call says it
  condition: evt.type = openat2 and fd.name = DIRECTORY/made and evt.rawres >= 0
  output: "%evt.arg.mode"
  priority: NOTICE
- rule: Cloned
  desc: both sides
  condition: evt.type = clone3 and proc.exepath endswith /evade_structure and proc.args startswith "clone"
    and evt.rawres >= 0 and (evt.arg.flags contains CLONE_SETTLS) = false
  output: "%evt.rawres %evt.arg.flags"
  priority: NOTICE
- rule: Named
  desc: threads and memory
  condition: >
    (evt.type = prctl and evt.arg.option = PR_SET_NAME or evt.type = memfd_create)
    and proc.exepath endswith /evade_structure
  output: "%evt.arg.name%evt.arg.arg2_str"
  priority: NOTICE
- rule: The end
  desc: all before has been judged
  condition: evt.type in (open, openat) and fd.name startswith DIRECTORY/end
  output: "%fd.name"
  priority: NOTICE
""".replace(" and (evt.arg.flags contains CLONE_SETTLS) = false", " and not evt.arg.flags contains CLONE_SETTLS")


@pytest.fixture(scope="module")
def race(live_machine, workshop, tmp_path_factory):
    directory = workshop / "structure"
    directory.mkdir()
    rules = tmp_path_factory.mktemp("rules") / "structure.yaml"
    rules.write_text(RULES.replace("DIRECTORY", str(directory)))
    helper = evasion.build("evade_structure", workshop)
    with live.Monitor("-o", "time_format_iso_8601=true", "-o", "engine.modern_ebpf.buf_size_preset=7",
                      rules=[rules], json_output=False) as monitor:
        monitor.wait_ready()
        yield evasion.Rewriting(directory, monitor, helper, 4)


def test_files_are_opened_for_what_the_alerts_say(race):
    done, told = race.run("open", 60000)
    evasion.compare(done, [" ".join(["01"[word == "true"] for word in line.split()[:2]]
                                    + ["01"["O_APPEND" in line]]) for line in told])


def test_files_are_made_with_the_bits_that_the_alerts_say(race):
    done, told = race.run("make", 20000)
    modes = [int(line, 8) for line in told]
    evasion.compare(done, [f"{mode >> 11 & 1} {mode >> 10 & 1}" for mode in modes])


def test_both_sides_of_a_clone_have_the_flags_of_the_child(race):
    done, told = race.run("clone", 5000)
    for is_parent in (False, True):
        flags = [line for line in told if is_parent == (line.split()[0] != "0")]
        evasion.compare(done, [" ".join("01"[name in line] for name in (
            "CLONE_NEWUTS", "CLONE_NEWIPC", "CLONE_NEWNS")) for line in flags])


@pytest.mark.parametrize("way", ["name", "memory"])
def test_names_are_those_that_were_given_in_truth(race, way):
    done, told = race.run(way, 30000, 200)
    evasion.compare(done, [line.replace("<NA>", "") for line in told])
