# SPDX-License-Identifier: Apache-2.0
"""Life as a service: what its manager is told, signals, and privileges."""

import json
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from monitor import PATIENCE, Monitor

CAPABILITIES = {"dac_override": 1, "dac_read_search": 2, "net_bind_service": 10, "sys_ptrace": 19,
                "perfmon": 38, "bpf": 39}


class Manager:
    """What systemd is to a service: reads datagrams of sd_notify."""

    def __init__(self, directory):
        self.path = f"{directory}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)

    def next(self, wanted=None):
        """The next datagram that has the key, as a dictionary."""
        while True:
            text = self.socket.recv(4096).decode()
            message = dict(line.split("=", 1) for line in text.splitlines())
            if wanted is None or wanted in message:
                return message

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@pytest.fixture
def manager(live_machine, tmp_path):
    with Manager(tmp_path) as manager:
        yield manager


def status_of(pid, thread):
    text = Path(f"/proc/{pid}/task/{thread}/status").read_text()
    return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))


def threads_of(pid):
    """Status of each thread."""
    return [status_of(pid, thread) for thread in os.listdir(f"/proc/{pid}/task")]


def mask(*names):
    return sum(1 << CAPABILITIES[name] for name in names)


def test_a_service_manager_is_told_what_goes_on(manager):
    environment = {"NOTIFY_SOCKET": manager.path}
    with Monitor("-o", "watch_config_files=false", environment=environment) as monitor:
        assert manager.next("READY")["READY"] == "1"
        assert "judged" in manager.next("STATUS")["STATUS"]
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        monitor.process.send_signal(signal.SIGHUP)
        reloading = manager.next("RELOADING")
        assert reloading["RELOADING"] == "1"
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert before <= int(reloading["MONOTONIC_USEC"]) <= after
        assert manager.next("READY")["READY"] == "1"
        monitor.process.send_signal(signal.SIGTERM)
        assert manager.next("STOPPING")["STOPPING"] == "1"
        assert monitor.stop() == 0


def test_the_watchdog_hears_of_the_event_loop_and_not_of_one_that_hangs(manager):
    environment = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"}
    with Monitor(environment=environment) as monitor:
        manager.next("READY")
        times = []
        for _ in range(6):
            manager.next("WATCHDOG")
            times.append(time.monotonic())
        assert max(b - a for a, b in zip(times, times[1:])) < 0.4, times
        monitor.process.send_signal(signal.SIGSTOP)
        manager.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                manager.next()
        monitor.process.send_signal(signal.SIGCONT)
        manager.socket.settimeout(PATIENCE)
        manager.next("WATCHDOG")


def test_a_watchdog_for_another_process_is_not_ours(manager):
    environment = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "10000", "WATCHDOG_PID": "1"}
    with Monitor(environment=environment) as monitor:
        manager.next("READY")
        manager.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            manager.next("WATCHDOG")
        assert monitor.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_it_drains_and_ends_well_on_signals(live_machine, act, number):
    with Monitor() as monitor:
        monitor.wait_ready()
        os.system(f"{act} read /etc/shadow >/dev/null")
        monitor.wait_for("Sensitive file read")
        assert monitor.stop(number) == 0
    assert "Output stdout:" in monitor.said


def test_it_keeps_what_it_needs_and_can_gain_nothing(live_machine, act):
    with Monitor() as monitor:
        monitor.wait_ready()
        needed = mask("bpf", "perfmon", "sys_ptrace", "dac_read_search")
        threads = threads_of(monitor.process.pid)
        assert len(threads) > 2
        for thread in threads:
            for which in ("CapEff", "CapPrm", "CapBnd"):
                assert int(thread[which], 16) == needed, (thread["Name"], which, thread[which])
            assert int(thread["CapAmb"], 16) == int(thread["CapInh"], 16) == 0
            assert thread["NoNewPrivs"] == "1"
        # The main thread handles system calls' events; threads of outputs are confined.
        assert sum(thread["Seccomp"] == "2" for thread in threads) >= 1
        # It sees what it saw before.
        os.system(f"{act} read /etc/shadow >/dev/null")
        monitor.wait_for("Sensitive file read")
        monitor.process.send_signal(signal.SIGHUP)
        monitor.wait_until(lambda: any("reload: done" in line for line in monitor.messages),
                           "the reload")
        os.system(f"{act} read /etc/shadow >/dev/null")
        monitor.wait_for("Sensitive file read", since=1)
        assert monitor.stop() == 0


def test_programs_of_outputs_have_what_the_service_has(live_machine, act, tmp_path):
    told = tmp_path / "status"
    with Monitor("-o", "program_output.enabled=true",
                 "-o", f"program_output.program=cat /proc/self/status > {told}.new; cat >/dev/null;"
                       f" mv {told}.new {told}") as monitor:
        monitor.wait_ready()
        bounding = int(status_of(os.getpid(), os.getpid())["CapBnd"], 16)
        for thread in threads_of(monitor.process.pid):
            assert int(thread["CapEff"], 16) == mask("bpf", "perfmon", "sys_ptrace",
                                                     "dac_read_search")
        os.system(f"{act} read /etc/shadow >/dev/null")
        monitor.wait_for("Sensitive file read")
        end = time.monotonic() + PATIENCE
        while not told.exists():
            assert time.monotonic() < end, monitor.said
            time.sleep(0.01)
        assert int(re.search(r"CapEff:\s*(\w+)", told.read_text())[1], 16) == bounding
        assert monitor.stop() == 0
    assert "programs of program_output run with all that the service has" in monitor.said


def test_without_system_calls_it_needs_nothing(live_machine):
    with Monitor("-o", "engine.kind=nodriver", "-o", "webserver.enabled=false") as monitor:
        monitor.wait_ready()
        for thread in threads_of(monitor.process.pid):
            assert int(thread["CapEff"], 16) == mask("dac_read_search")
        assert monitor.stop() == 0


def test_a_file_in_the_directory_of_another_user_is_written(live_machine, act, tmp_path):
    directory = tmp_path / "others"
    directory.mkdir(mode=0o700)
    os.chown(directory, 65534, 65534)
    path = directory / "alerts"
    with Monitor("-o", "file_output.enabled=true", "-o", f"file_output.filename={path}",
                 "-o", "file_output.keep_alive=true") as monitor:
        monitor.wait_ready()
        os.system(f"{act} read /etc/shadow >/dev/null")
        monitor.wait_for("Sensitive file read")
        assert monitor.stop() == 0
    assert [json.loads(line)["rule"] for line in path.read_text().splitlines()]
