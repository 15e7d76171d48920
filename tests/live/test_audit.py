# SPDX-License-Identifier: Apache-2.0
"""System calls and Kubernetes audit events side by side in one process, each with its own rules."""

import http.client
import json
import sys
from pathlib import Path

import pytest

import monitor as live

sys.path.append(str(Path(__file__).resolve().parents[1] / "program"))
import audit  # noqa: E402

RULES = audit.RULES + """
- rule: File opened
  desc: of a test
  condition: evt.type in (open, openat, openat2) and fd.name = {path}
  output: opened %fd.name
  priority: WARNING
"""


@pytest.fixture
def start(program, tmp_path):
    reason = live.why_not_live()
    if reason:
        (pytest.fail if live.IN_CI else pytest.skip)(reason)
    path, rules, config = (tmp_path / name for name in ("opened", "rules.yaml", "saker.yaml"))
    path.touch()
    rules.write_text(RULES.format(path=path))

    def run(*arguments, open_params=None):
        port = audit.free_port()
        config.write_text(audit.config(open_params or f"http://127.0.0.1:{port}/k8s-audit")
                          .replace("engine: {kind: nodriver}\n", ""))
        return live.Monitor("-c", config, *arguments, rules=[rules]), port, path
    return run


def post(port, name):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/k8s-audit", json.dumps(audit.event(name)), audit.JSON)
    assert connection.getresponse().status == 200
    connection.close()


def test_both_sources_are_judged_by_their_own_rules(start):
    monitor, port, path = start()
    with monitor:
        monitor.wait_ready()
        path.read_text()
        post(port, "one")
        opened = monitor.wait_for("File opened")
        posted = monitor.wait_for("Numbered")
        assert opened["source"] == "syscall"
        assert posted["source"] == "k8s_audit"
        assert posted.fields["ka.target.name"] == "one"


def test_system_calls_are_not_watched_where_only_the_other_source_is_enabled(start):
    monitor, port, path = start("--enable-source", "k8s_audit")
    with monitor:
        monitor.wait_ready()
        path.read_text()
        post(port, "one")
        monitor.wait_for("Numbered")
        assert monitor.find("File opened") == []
        assert "attached to" not in monitor.said


def test_nothing_listens_where_the_source_is_disabled(start):
    monitor, port, path = start("--disable-source", "k8s_audit")
    with monitor:
        monitor.wait_ready()
        with pytest.raises(ConnectionRefusedError):
            post(port, "one")
        path.read_text()
        monitor.wait_for("File opened")


def test_the_end_of_a_file_of_events_does_not_end_the_watching_of_calls(start, tmp_path):
    events = tmp_path / "events"
    events.write_text(json.dumps(audit.event("one")) + "\n")
    monitor, _, path = start(open_params=str(events))
    with monitor:
        monitor.wait_ready()
        monitor.wait_for("Numbered")
        path.read_text()
        monitor.wait_for("File opened")
        assert monitor.stop() == 0
