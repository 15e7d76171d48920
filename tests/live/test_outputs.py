# SPDX-License-Identifier: Apache-2.0
"""Outputs of a running monitor: what is told while it runs, and that none holds up another."""

import json
import os
import signal
import socket
import statistics
import subprocess
import time

import pytest

from monitor import PATIENCE, Monitor

RULE = "Sensitive file read"


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.01)


def read_alerts(path):
    """The alerts of this rule in a file; every line must be whole."""
    if not path.exists():
        return []
    text = path.read_text()
    assert text == "" or text.endswith("\n")
    return [alert for alert in map(json.loads, text.splitlines()) if alert["rule"] == RULE]


def read_shadow(act):
    """Answers the pid under which the alert comes."""
    child = subprocess.Popen([act, "read", "/etc/shadow"])
    assert child.wait(PATIENCE) == 0
    return child.pid


def has(path, pid):
    return any(alert["output_fields"]["proc.pid"] == pid for alert in read_alerts(path))


def options(**keys):
    return [part for key, value in keys.items()
            for part in ("-o", f"{key.replace('__', '.')}={value}")]


def test_a_rotated_file_is_made_anew_on_sigusr1(live_machine, act, tmp_path):
    path, moved = tmp_path / "alerts", tmp_path / "alerts.1"
    with Monitor(*options(file_output__enabled="true", file_output__keep_alive="true",
                          file_output__filename=path)) as running:
        running.wait_ready()
        first = read_shadow(act)
        wait_until(lambda: has(path, first), "the first alert")
        path.rename(moved)
        running.process.send_signal(signal.SIGUSR1)
        wait_until(path.exists, "the new file")
        second = read_shadow(act)
        wait_until(lambda: has(path, second), "the second alert")
        assert not has(moved, second)
        assert running.stop() == 0
    assert len(read_alerts(path)) + len(read_alerts(moved)) == len(running.find(RULE))


@pytest.mark.parametrize("keep_alive", ["false", "true"], ids=["once", "kept"])
def test_a_program_gets_alerts_and_raises_none_itself(live_machine, act, tmp_path, keep_alive):
    path, starts = tmp_path / "alerts", tmp_path / "starts"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho start >> {starts}\nexec cat >> {path}\n")
    program.chmod(0o755)
    with Monitor(*options(program_output__enabled="true", program_output__keep_alive=keep_alive,
                          program_output__program=f"sh {program}",
                          append_output="[{extra_output: 'ppid=%proc.ppid'}]")) as running:
        running.wait_ready()
        first = read_shadow(act)
        wait_until(lambda: has(path, first), "the first alert")
        running.process.send_signal(signal.SIGUSR1)
        if keep_alive == "true":
            wait_until(lambda: starts.read_text() == "start\n" * 2, "the second program")
        second = read_shadow(act)
        wait_until(lambda: has(path, second), "the second alert")
        ours = running.find(matching=lambda alert: f"ppid={running.process.pid}"
                            in alert["output"])
        assert running.stop() == 0
    assert not ours
    assert len(read_alerts(path)) == len(running.find(RULE))


def test_a_server_that_stalls_delays_no_other_output(live_machine, act, tmp_path, record_property):
    """Medians, from before the action to the line in the file; the worst may be the machine's."""
    medians = {}
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        for stalls in (False, True):
            path = tmp_path / f"alerts-{stalls}"
            keys = {"file_output__enabled": "true", "file_output__filename": path,
                    "http_output__enabled": str(stalls).lower(), "http_output__url": url}
            with Monitor(*options(**keys)) as running:
                running.wait_ready()
                delays = []
                for _ in range(40):
                    known = path.stat().st_size if path.exists() else 0
                    before = time.monotonic()
                    os.close(os.open("/etc/shadow", os.O_RDONLY))
                    while not path.exists() or path.stat().st_size == known:
                        assert time.monotonic() - before < PATIENCE
                    delays.append(time.monotonic() - before)
                medians[stalls] = statistics.median(delays) * 1000
                assert running.stop() == 0
                assert not stalls or "Output http: 0 sent" in running.said
    record_property("median_ms", medians)
    print(f"alert in the file after {medians[False]:.2f} ms, beside a stalled server "
          f"{medians[True]:.2f} ms (medians)")
    assert medians[True] < medians[False] + 20
