# SPDX-License-Identifier: Apache-2.0
"""A flood of opens makes no exec, connect or load of a module get lost, and what it makes get lost is
counted: by cause, CPU and kind of event."""

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
- rule: Opened
  desc: matches no open, and yet each one must be looked at, for the kernel cannot tell
  condition: evt.type in (open, openat) and fd.name icontains "/dev/nothing-here"
  output: "%fd.name"
  priority: NOTICE
- rule: Executed
  desc: a program with the test's mark
  condition: evt.type = execve and proc.args startswith "flood-test-"
  output: "%proc.args"
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
HELD_FROM, HELD_TO = 40, 60
FINIT_MODULE = {"x86_64": 313, "aarch64": 273}[os.uname().machine]


@pytest.fixture(scope="module")
def flood():
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    binary = WORKSHOP / "flood"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread",
                    "-o", binary, Path(__file__).parent / "helpers" / "flood.c"], check=True)
    yield binary
    binary.unlink()


def test_a_flood_loses_nothing_critical_and_is_counted(live_machine, flood, tmp_path):
    listener = socket.create_server(("127.0.0.1", 0), backlog=TIMES)
    port = listener.getsockname()[1]
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("OURS", str(os.getpid())).replace("PORT", str(port)))
    libc = ctypes.CDLL(None, use_errno=True)
    # The smallest ring, so that it fills on any machine.
    with Monitor("-o", "engine.modern_ebpf.buf_size_preset=1", rules=(rules,)) as running:
        running.wait_ready()
        child = subprocess.Popen([flood, "8"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for i in range(TIMES):
            # For some of them the program is held up: the ring fills whatever the machine can do.
            if i in (HELD_FROM, HELD_TO):
                running.process.send_signal(signal.SIGSTOP if i == HELD_FROM else signal.SIGCONT)
            subprocess.run(["/bin/true", f"flood-test-{i}"], check=True)
            with socket.create_connection(("127.0.0.1", port)):
                listener.accept()[0].close()
            assert libc.syscall(FINIT_MODULE, -1, b"", 0) == -1
            assert ctypes.get_errno() in (errno.EBADF, errno.EPERM, errno.ENOSYS)
        child.stdin.close()
        rate = float(child.stdout.read())
        child.wait(10)
        child.stdout.close()

        def of(rule):
            return running.find(rule)

        running.wait_until(lambda: len(of("Executed")) >= TIMES, "all that was executed")
        running.wait_until(lambda: len(of("Connected")) >= TIMES, "all connections")
        running.wait_until(lambda: len(of("Module")) >= TIMES, "all modules")
        told = {alert.fields["proc.args"] for alert in of("Executed")}
        assert told == {f"flood-test-{i}" for i in range(TIMES)}
        assert running.stop() == 0
    print(f"{rate:.0f} opens a second")
    drops = int(re.search(r"^Drops: (\d+)$", running.said, re.M)[1])
    assert drops > 0, f"the flood of {rate} a second lost nothing: {running.said}"
    counted = re.findall(r"^  (\w+), ([a-z ]+), CPU (\d+): (\d+)$", running.said, re.M)
    assert sum(int(count) for *_, count in counted) == drops, running.said
    kinds = {kind for kind, cause, *_ in counted}
    assert kinds <= {"open", "openat"}, counted
    assert {cause for _, cause, *_ in counted} <= {"ring full", "no scratch memory"}, counted
    listener.close()
