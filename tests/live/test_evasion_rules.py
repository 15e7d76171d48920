# SPDX-License-Identifier: Apache-2.0
"""Ways to change what the default rules watch without the calls that one thinks of first.

The helper does them in a root of its own, so that nothing of this machine is changed.
"""

import shutil

import pytest

import evasion
import monitor as live

# What is changed: the rule, and the names under which it may be told.
FILES = {
    "/etc/evade.conf": "Configuration changed",
    "/etc/cron.d/evade": "Scheduled job or service changed",
    "/etc/sudoers": "Login file changed",
    "/usr/local/bin/evade": "Binary directory changed",
}
LOG = "/var/log/evade.log"


@pytest.fixture(scope="module")
def watch(live_machine, workshop):
    (workshop / "root").mkdir()
    with evasion.Watch(saker=[live.RULES]) as watch:
        yield watch
    shutil.rmtree(workshop / "root", ignore_errors=True)


@pytest.fixture
def trick(watch, workshop):
    return evasion.Trick(watch, workshop / "root", evasion.build("evade_rules", workshop))


def of_helper(call):
    return lambda alert: (alert.fields["proc.name"] == "evade_rules"
                          and alert.fields.get("evt.type") in call)


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("way, calls", [
    ("plain", ["openat"]), ("exchange", ["renameat2"]), ("second-name", ["link", "linkat"]),
    ("cover", ["mount"]), ("cover-as-private", ["mount"]), ("cover-by-descriptor", ["move_mount"]),
    ("cut", ["truncate"]), ("account", ["acct"])])
def test_a_file_is_changed(trick, way, calls, path):
    # Before, all files are made; what comes last is the trick.
    trick.go(way, trick.directory, path)
    trick.wait_for("saker", FILES[path], lambda alert: of_helper(calls)(alert) and (
        way == "plain" or any(alert.fields.get(f"fs.path.{field}") == path
                              for field in ("name", "source", "target"))))


def test_memory_is_left_among_jobs(trick):
    trick.go("core", trick.directory, "")
    trick.wait_for("saker", "Scheduled job or service changed", of_helper(["procexit"]))


@pytest.mark.parametrize("way, call", [("setuid-mode", "chmod"), ("setuid-node", "mknod")])
def test_a_setuid_file_is_made(trick, way, call):
    trick.go(way, trick.directory, "")
    trick.wait_for("saker", "Setuid bit set", of_helper([call, call + "at", "f" + call + "at"]))


@pytest.mark.parametrize("way, calls", [
    ("plain", ["openat"]), ("emptied", ["openat"]), ("flags-changed", ["fcntl"]), ("mapped", ["openat"]),
    ("flag-ignored", ["pwritev2"]), ("cover", ["mount"]), ("exchange", ["renameat2"])])
def test_a_log_is_changed(trick, way, calls):
    trick.go(way, trick.directory, LOG)
    trick.wait_for("saker", "Log cleared", of_helper(calls))


def test_a_log_is_appended_to(trick):
    trick.go("appended", trick.directory, LOG)
    trick.go("plain", trick.directory, LOG)
    trick.wait_for("saker", "Log cleared")
    assert len(trick.alerts("saker", "Log cleared")) == 1


def test_files_that_others_open_are_handed_over(trick):
    trick.go("watched", trick.directory, LOG)
    trick.go("handed-over", trick.directory, LOG)
    trick.wait_for("saker", "Process spied on", of_helper(["fanotify_init"]))
    assert len(trick.alerts("saker", "Process spied on")) == 1


def test_a_call_is_changed_by_its_tracer(trick):
    trick.go("call-changed", trick.directory, "/nothing")
    trick.wait_for("saker", "Process injected into", of_helper(["ptrace"]))
