# SPDX-License-Identifier: Apache-2.0
"""A flood of opens makes no exec, connect or load of a module get lost, and what it makes get lost is
counted: by cause, CPU and kind of event. Nor does a flood of what travels by the critical ring as well
keep execs out of it."""

import contextlib
import ctypes
import errno
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from conftest import WORKSHOP
from monitor import Monitor

RULES = """
- rule: Flood
  desc: matches nothing, and yet each one must be looked at, for the kernel cannot tell
  condition: >
    (evt.type in (open, openat) and fd.name icontains "/dev/nothing-here")
    or (evt.type in (setuid, ptrace, clone, fork) and evt.arg.res icontains "nothing")
  output: "%evt.type"
  priority: NOTICE
- rule: Executed
  desc: a program with the test's mark
  condition: evt.type = execve and proc.args startswith "flood-test-"
  output: "%proc.args"
  priority: NOTICE
- rule: Joined
  desc: namespaces that the test joins
  condition: evt.type = setns and proc.pid = OURS and evt.rawres = 0
  output: "%evt.type"
  priority: NOTICE
- rule: Connected
  desc: a connection of the test
  condition: evt.type = connect and proc.pid = OURS and fd.sport = PORT
  output: "%fd.name %evt.rawres"
  priority: NOTICE
- rule: Module
  desc: an attempt of the test to load a module
  condition: evt.type in (init_module, finit_module) and proc.pid = OURS
  output: "%evt.type"
  priority: NOTICE
"""

TIMES = 100
HELD_FROM, HELD_TO = 40, 45
# Of the flood, so many that the smallest rings have no room for half of them.
MANY = {"open": 20000, "setuid": 20000, "ptrace": 20000, "fork": 4000}
# What the test does itself, that might be lost: programs and threads that begin and end, connections, ...
OWN_AT_MOST = 12 * TIMES
FINIT_MODULE = {"x86_64": 313, "aarch64": 273}[os.uname().machine]


@pytest.fixture(scope="module")
def flood():
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    binary = WORKSHOP / "flood"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread",
                    "-o", binary, Path(__file__).parent / "helpers" / "flood.c"], check=True)
    yield binary
    binary.unlink()


def so_far(child):
    child.stdin.write(b"\n")
    child.stdin.flush()
    return int(child.stdout.readline())


class Flooded:
    """What a monitor told of what was done beside a flood, and what it counted."""

    def __init__(self, flood, what, rules, demanded):
        listener = socket.create_server(("127.0.0.1", 0), backlog=TIMES)
        port = listener.getsockname()[1]
        rules.write_text(RULES.replace("OURS", str(os.getpid())).replace("PORT", str(port)))
        libc = ctypes.CDLL(None, use_errno=True)
        # The smallest ring, so that it fills on any machine.
        with (Monitor("-o", "engine.modern_ebpf.buf_size_preset=1", rules=(rules,)) as running,
              open("/proc/self/ns/uts") as namespace):
            running.wait_ready()
            child = subprocess.Popen([flood, what, "8"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for i in range(TIMES):
                # For some of them the program is held up: the rings fill whatever the machine can do.
                # Not for long, because what others on the machine execute has to find room as well.
                if i == HELD_FROM:
                    running.process.send_signal(signal.SIGSTOP)
                    full = so_far(child) + MANY[what]
                    while so_far(child) < full:
                        pass
                if i == HELD_TO:
                    running.process.send_signal(signal.SIGCONT)
                subprocess.run(["/bin/true", f"flood-test-{i}"], check=True)
                assert libc.setns(namespace.fileno(), 0) == 0
                with socket.create_connection(("127.0.0.1", port)):
                    listener.accept()[0].close()
                assert libc.syscall(FINIT_MODULE, -1, b"", 0) == -1
                assert ctypes.get_errno() in (errno.EBADF, errno.EPERM, errno.ENOSYS)
            child.stdin.close()
            print(f"{child.stdout.read().decode().strip()} of {what} a second")
            child.wait(10)
            child.stdout.close()
            with contextlib.suppress(AssertionError):  # what was lost is told at the end
                running.wait_until(lambda: all(len(running.find(rule)) >= TIMES for rule in demanded),
                                   "everything critical")
            assert running.stop() == 0
        listener.close()
        self.said = running.said
        self.told = {rule: len(running.find(rule)) for rule in demanded}
        self.executed = {alert.fields["proc.args"] for alert in running.find("Executed")}
        self.drops = int(re.search(r"^Drops: (\d+)$", self.said, re.M)[1])
        counted = re.findall(r"^  (\w+), ([a-z ]+), CPU (\d+): (\d+)$", self.said, re.M)
        self.lost = {}
        for kind, _, _, count in counted:
            self.lost[kind] = self.lost.get(kind, 0) + int(count)
        self.causes = {cause for _, cause, *_ in counted}


def flooded(flood, what, rules, kinds, demanded):
    """Beside a flood of these kinds alone: others on the machine may make one of their own."""
    for _ in range(4):
        seen = Flooded(flood, what, rules, demanded)
        others = sum(count for kind, count in seen.lost.items() if kind not in kinds)
        if others <= OWN_AT_MOST:
            break
        print(f"others made a flood, too: {seen.lost}")
    assert seen.told == dict.fromkeys(demanded, TIMES), seen.said
    assert seen.executed == {f"flood-test-{i}" for i in range(TIMES)}
    assert seen.drops > 0, f"the flood lost nothing: {seen.said}"
    assert sum(seen.lost.values()) == seen.drops, seen.said
    assert seen.causes <= {"ring full", "no scratch memory"}, seen.said
    return seen


def test_a_flood_loses_nothing_critical_and_is_counted(live_machine, flood, tmp_path):
    kinds = {"open", "openat"}
    seen = flooded(flood, "open", tmp_path / "rules.yaml", kinds, ["Executed", "Joined", "Connected", "Module"])
    assert seen.lost.keys() <= kinds, seen.lost


@pytest.mark.parametrize("what, kinds", [("setuid", {"setuid"}), ("ptrace", {"ptrace"}),
                                         ("fork", {"clone", "fork", "vfork", "procexit"})])
def test_a_flood_of_what_anybody_may_do_leaves_room_for_what_matters_more(live_machine, flood, tmp_path, what, kinds):
    """Failures and what can be done without end have half of the critical ring."""
    flooded(flood, what, tmp_path / "rules.yaml", kinds, ["Executed", "Joined"])
