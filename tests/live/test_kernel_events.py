# SPDX-License-Identifier: Apache-2.0
"""What happens without a call: signals, page faults, switches and ends of processes, as rules ask for them."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import WORKSHOP
from monitor import Monitor

NAME = "saker-kev"
KINDS = ("procexit", "signaldeliver", "page_fault", "switch")
RULE = """
- rule: {kind}
  desc: of the test's program
  condition: evt.type = {kind} and proc.name = {name}
  output: "%proc.pid %evt.args {fields}"
  priority: NOTICE
"""
FIELDS = {
    "procexit": "%evt.rawarg.status %evt.rawarg.ret %evt.arg.sig %evt.rawarg.core %evt.rawarg.reaper_tid",
    "signaldeliver": "%evt.rawarg.spid %evt.rawarg.dpid %evt.rawarg.sig",
    "page_fault": "%evt.arg.addr %evt.arg.error",
    "switch": "%evt.rawarg.next %evt.rawarg.pgft_min %evt.rawarg.vm_size %evt.rawarg.vm_rss",
}
# Only x86-64 has tracepoints of page faults.
HERE = [kind for kind in KINDS if kind != "page_fault" or os.uname().machine == "x86_64"]


def rules_of(kinds):
    return "".join(RULE.format(kind=kind, name=NAME, fields=FIELDS[kind]) for kind in kinds)


@pytest.fixture(scope="module")
def program():
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    binary = WORKSHOP / NAME
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-o", binary,
                    Path(__file__).parent / "helpers" / "kernel_events.c"], check=True)
    yield binary
    binary.unlink()


def run(program):
    """Runs the program; answers what it says must be reported, by key."""
    said = {}
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        while "orphan" not in said:
            key, value = process.stdout.readline().split()
            said[key] = value
    return said


def end_of(running, pid):
    return running.wait_for("procexit", proc_pid=int(pid)).fields


def check_ends(running, said):
    ended = end_of(running, said["self"])
    assert ended["evt.rawarg.status"] == 0 and ended["evt.rawarg.ret"] == 0
    ended = end_of(running, said["status"])
    assert ended["evt.rawarg.status"] == 42 << 8 and ended["evt.rawarg.ret"] == 42
    for key, number in (("killed", signal.SIGKILL), ("aborted", signal.SIGABRT)):
        ended = end_of(running, said[key])
        assert ended["evt.rawarg.status"] == number and ended["evt.rawarg.ret"] == 0
        assert ended["evt.arg.sig"] == number.name and ended["evt.rawarg.core"] == 0
    # The one that left a child behind, and who took it.
    assert end_of(running, said["orphan"])["evt.rawarg.reaper_tid"] == int(said["self"])
    assert end_of(running, said["status"])["evt.rawarg.reaper_tid"] == 0


def check_signals(running, said):
    own = int(said["self"])
    for number in (signal.SIGUSR1, signal.SIGRTMIN + 1):
        running.wait_for("signaldeliver", evt_rawarg_sig=int(number), evt_rawarg_spid=own, evt_rawarg_dpid=own)
    # A child that ended tells its parent.
    running.wait_for("signaldeliver", evt_rawarg_sig=int(signal.SIGCHLD), evt_rawarg_spid=int(said["status"]),
                     evt_rawarg_dpid=own)
    running.wait_for("signaldeliver", evt_rawarg_sig=int(signal.SIGKILL), evt_rawarg_dpid=int(said["killed"]))


def check_faults(running, said):
    fault = running.wait_for("page_fault", evt_arg_addr=said["fault"])
    assert fault.fields["proc.pid"] == int(said["self"])
    assert {"WRITE_ACCESS", "USER_FAULT"} <= set(fault.fields["evt.arg.error"].split("|"))
    assert "PROTECTION_VIOLATION" not in fault.fields["evt.arg.error"]


def check_switches(running, said):
    running.wait_for("switch", proc_pid=int(said["self"]),
                     matching=lambda alert: alert.fields["evt.rawarg.vm_rss"] > 0
                     and alert.fields["evt.rawarg.vm_size"] >= alert.fields["evt.rawarg.vm_rss"]
                     and alert.fields["evt.rawarg.pgft_min"] > 0)


CHECKS = dict(zip(KINDS, (check_ends, check_signals, check_faults, check_switches)))


@pytest.mark.parametrize("kinds", [[kind] for kind in HERE] + [HERE], ids=lambda kinds: "-".join(kinds))
def test_what_has_no_call_is_reported(live_machine, program, tmp_path, kinds):
    """Each by itself, because what one rule asks for must not depend on another's asking; and all."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(rules_of(kinds))
    with Monitor(rules=(rules,)) as running:
        running.wait_ready()
        said = run(program)
        for kind in kinds:
            CHECKS[kind](running, said)
        assert {alert.rule for alert in running.alerts} <= set(kinds)
        assert running.stop() == 0


def test_ends_are_no_rules_matter_where_none_asks(live_machine, program, tmp_path):
    """They feed the state all the same; a rule on exits that was reloaded away is asked no more."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(rules_of(["procexit"]))
    with Monitor(rules=(rules,)) as running:
        running.wait_ready()
        check_ends(running, run(program))
        rules.write_text(rules_of(["signaldeliver"]))
        running.process.send_signal(signal.SIGHUP)
        # Until the first signal comes; what went before may be of the rules before.
        while not running.find("signaldeliver"):
            run(program)
        mark = running.mark()
        said = run(program)
        check_signals(running, said)
        assert not running.find("procexit", since=mark, proc_pid=int(said["self"]))
