# SPDX-License-Identifier: Apache-2.0
"""Every system call: those with an event of their own with each parameter, all others by name.

helpers/calls.py makes the calls and says what must be seen of them; here it is compared.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import monitor as live

HERE = Path(__file__).resolve().parent
EVENT = live.REPOSITORY / "src" / "event"

RULES = """
- rule: calls
  desc: all that one program does
  condition: proc.name in (saker-calls, python3, "true") and proc.cmdline contains "{token}" and evt.type in ({types})
  output: "%evt.type %evt.args %evt.rawres %syscall.arg[0] %syscall.arg[1] %syscall.arg[2] %syscall.arg[3] %syscall.arg[4] %syscall.arg[5] %proc.name"
  priority: INFO
"""

# Of these calls no event is made here.
NOT_CALLED = {
    "recv": "no kernel of this machine has it: 32-bit socketcall's is recvfrom",
    "send": "no kernel of this machine has it: 32-bit socketcall's is sendto",
}


def rows(name):
    for line in (EVENT / name).read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def syscalls():
    """Name, number and code of the exit event of each of this machine's calls."""
    return [(row[0], int(row[1]), int(row[5])) for row in rows("syscalls.tsv") if row[1] != "-"]


def events():
    """Name and names of the parameters of each event, by code."""
    return {int(row[0]): (row[2], [p.split(":")[0] for p in row[6].split()] if len(row) > 6 else [])
            for row in rows("events.tsv")}


def pattern(text):
    parts = {"§": r"-?\d+", "¤": "[0-9A-F]+", "*": ".*"}
    return "".join(parts.get(c, re.escape(c)) for c in text)


@pytest.fixture(scope="module")
def called(program, tmp_path_factory):
    reason = live.why_not_live()
    if reason:
        (pytest.fail if live.IN_CI else pytest.skip)(f"cannot run live: {reason}", pytrace=False)
    directory = tmp_path_factory.mktemp(f"saker-calls-{os.getpid()}")
    library = directory / "int80.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-fno-omit-frame-pointer", "-o", library, HERE / "helpers" / "int80.c"],
                   check=True)
    work = directory / "work"
    work.mkdir()
    known = events()
    types = {known[code][0] if code != 1 else name for name, _, code in syscalls()} | {"procexit"}
    rules = directory / "rules.yaml"
    rules.write_text(RULES.format(token=directory, types=", ".join(sorted(types))))
    numbers = "".join(f"{name} {number} {code}\n" for name, number, code in syscalls())
    with live.Monitor(rules=(rules,)) as monitor:
        monitor.wait_ready()
        done = subprocess.run([sys.executable, "-S", "-E", HERE / "helpers" / "calls.py", work, library],
                              input=numbers, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)

        def is_over():
            return any(a.fields["evt.type"] == "procexit" and "ret=0" in a.fields["evt.args"]
                       and a.fields["proc.name"] == "saker-calls"
                       for a in monitor.find("calls"))

        monitor.wait_until(is_over, "the end of the calls")
        seen = {}
        for alert in monitor.find("calls"):
            seen.setdefault(alert.fields["evt.type"], []).append(alert.fields)
    return told, seen


def test_each_event_holds_what_was_called(called):
    told, seen = called
    expected, wrong = told["expected"], []
    for event in expected:
        of_type = [fields["evt.args"] for fields in seen.get(event["type"], [])]
        if event["args"] is None:
            if not of_type:
                wrong.append(f"{event['type']} is not seen")
            continue
        wanted = re.compile(pattern(event["args"]), re.DOTALL)
        if not any(wanted.fullmatch(arguments or "") for arguments in of_type):
            wrong.append(f"{event['type']}\n   wanted {event['args']}\n"
                         + "\n".join(f"      got {arguments}" for arguments in of_type[:4]))
    assert not wrong, f"{len(wrong)} of {len(expected)}:\n" + "\n".join(wrong)


def test_each_call_with_an_event_of_its_own_is_made(called):
    made = {event["type"] for event in called[0]["expected"]}
    known = events()
    own = {known[code][0] for _, _, code in syscalls() if code != 1}
    assert own - made - set(NOT_CALLED) == set()
    assert set(NOT_CALLED) & made == set()


def test_each_parameter_is_named_as_the_schema_names_it(called):
    _, seen = called
    known = events()
    for name, parameters in (known[code] for code in {code for _, _, code in syscalls()}):
        for arguments in (fields["evt.args"] for fields in seen.get(name, [])):
            got = re.findall(r"(?:^| )([a-z0-9_]+)=", arguments or "")
            if parameters:
                assert [p for p in parameters if p not in got] == [], (name, arguments)


def test_all_other_calls_are_seen_by_name_with_arguments_and_result(called):
    told, seen = called
    wrong, impossible = [], [n & (1 << 64) - 1 for n in (-1, -2, -3, -4, -5, -6)]
    for event in told["generic"]:
        given = [[fields[f"syscall.arg[{i}]"] for i in range(6)] for fields in seen.get(event["type"], [])
                 if fields["evt.rawres"] == event["result"]]
        if not any(arguments == impossible or arguments[0] in (0o22, 0, 0xFFFFFFFF, impossible[0]) for arguments in given):
            wrong.append((event, given, seen.get(event["type"])))
    assert not wrong
    generic = {name for name, number, code in syscalls() if code == 1 and number < 487}
    assert generic - {event["type"] for event in told["generic"]} - set(told["dangerous"]) == set()
    assert len(told["generic"]) > 200
