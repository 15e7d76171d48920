# SPDX-License-Identifier: Apache-2.0
"""What io_uring does for a process is seen as the call that it stands for.

Every operation is done by the plain call and by a ring, in several ways; both must give the same
alert, but for evt.is_io_uring. helpers/uring does them.
"""

import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import monitor as live
from conftest import WORKSHOP, demand_live
from ring import GENERIC, OPERATIONS, RULES, has, wanted

# The rule asks for what anybody does, and the kernel discards nothing of io_uring.
pytestmark = pytest.mark.again_if_lost

WAYS = ["plain", "ring", "async", "sqpoll", "fixed", "deferred", "full"]
NOT_DONE = 3

serial = itertools.count(1)


@pytest.fixture(scope="module")
def ring():
    """helpers/uring, built; its name is what the rule knows it by."""
    demand_live()
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    binary = WORKSHOP / "saker-ring"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror",
                    "-static", "-o", binary, *(Path(__file__).parent / "helpers" / "uring").glob("*.c")],
                   check=True)
    yield binary
    binary.unlink()


@pytest.fixture(scope="module")
def watch(ring, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES)
    with live.Monitor("-o", "engine.modern_ebpf.buf_size_preset=7", rules=(rules,)) as running:
        running.wait_ready()
        yield running
        assert running.process.poll() is None, running.said


@pytest.fixture
def directory():
    place = WORKSHOP / f"ring-{os.getpid()}-{next(serial)}"
    place.mkdir()
    yield place
    shutil.rmtree(place, ignore_errors=True)


class Act:
    """What the helper did and said."""

    def __init__(self, ring, way, operation, directory):
        child = subprocess.Popen([ring, way, operation, directory], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        self.pid = child.pid
        self.said = child.communicate(timeout=30)[0]
        if child.returncode == NOT_DONE:
            pytest.skip(f"this kernel has none: {self.said.strip()}")
        assert child.returncode == 0, self.said
        words = dict(line.split() for line in self.said.splitlines())
        self.result = int(words["result"])
        self.results = [int(words[name]) for name in words if re.fullmatch(r"result\d", name)]
        self.port = int(words.get("port", 0))


def find(watch, since, act, event, is_ring, fields):
    def fits(alert):
        return (alert.fields["proc.pid"] == act.pid and alert.fields["evt.type"] == event
                and alert.fields["evt.is_io_uring"] == is_ring
                and all(has(alert.fields, name, value) for name, value in fields.items()))

    try:
        return watch.wait_for("Done", since, fits)
    except AssertionError as missing:
        ours = watch.find("Done", since, lambda alert: alert.fields["proc.pid"] == act.pid)
        raise AssertionError("\n".join([f"{missing}", f"wanted: {event} {fields}", *(
            alert["output"] for alert in ours)])) from None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if "again" not in name])
def test_operation_gives_the_alert_of_its_call(watch, ring, directory, operation, way):
    event, fields = OPERATIONS[operation]
    since = watch.mark()
    act = Act(ring, way, operation, directory)
    alert = find(watch, since, act, event, way != "plain", wanted(fields, directory, act.port))
    told = alert.fields
    assert told["proc.name"] == "saker-ring"
    assert told["thread.tid"] == act.pid
    assert told["proc.exepath"] == str(ring)
    assert told["proc.cmdline"].startswith(f"saker-ring {way} {operation}")
    assert told["user.uid"] == os.geteuid()
    if operation not in GENERIC:
        assert told["evt.rawres"] == act.result
        assert told["evt.res"] == fields.get("evt.res", "SUCCESS")


# Rings that are made in other ways, requests that wait for others, rights that were kept.
RARE = ["disabled", "bare", "linked", "drained", "linked,async", "personality", "personality,async",
        "personality,sqpoll", "disabled,bare,deferred"]


@pytest.mark.parametrize("way", RARE)
@pytest.mark.parametrize("operation", ["openat", "openat-link", "unlinkat", "renameat", "mkdirat", "connect",
                                       "write", "setxattr", "statx", "send"])
def test_rare_ways_give_the_same_alert(watch, ring, directory, operation, way):
    event, fields = OPERATIONS[operation]
    since = watch.mark()
    act = Act(ring, way, operation, directory)
    assert act.result >= 0, act.said
    told = find(watch, since, act, event, True, wanted(fields, directory, act.port)).fields
    assert told["proc.name"] == "saker-ring"
    # Who the process is: what it borrows for a request is not it.
    assert told["user.uid"] == (65534 if "personality" in way else os.geteuid())
    assert told["evt.rawres"] == act.result


@pytest.mark.parametrize("way", ["plain", "ring", "async", "sqpoll"])
@pytest.mark.parametrize("operation", ["passed-by-ring", "passed-by-message"])
def test_files_that_came_by_a_ring_are_known(watch, ring, directory, operation, way):
    since = watch.mark()
    act = Act(ring, way, operation, directory)
    assert act.result == 16, act.said
    find(watch, since, act, "read", way != "plain", {"fd.name": f"{directory}/target"})


@pytest.mark.parametrize("way", ["plain", "ring", "deferred", "fixed"])
@pytest.mark.parametrize("operation", ["accept-again", "recv-again"])
def test_each_completion_of_a_request_gives_an_alert(watch, ring, directory, operation, way):
    event, fields = OPERATIONS[operation]
    since = watch.mark()
    act = Act(ring, way, operation, directory)
    assert len(act.results) == 3
    fields = wanted(fields, directory, act.port)

    def those():
        return [alert.fields for alert in watch.find("Done", since, lambda alert: (
            alert.fields["proc.pid"] == act.pid and alert.fields["evt.type"] == event
            and alert.fields["evt.is_io_uring"] == (way != "plain")))]

    watch.wait_until(lambda: len(those()) >= 3, f"three alerts of {event}")
    assert [told["evt.rawres"] for told in those()][:3] == act.results
    for told in those()[:3]:
        assert all(has(told, name, value) for name, value in fields.items()), told


@pytest.mark.parametrize("way", ["plain", "ring", "async", "sqpoll", "deferred", "urgent"])
def test_requests_that_are_submitted_together_give_an_alert_each(watch, ring, directory, way):
    since = watch.mark()
    act = Act(ring, way, "mkdirat-again", directory)
    assert act.result == 0, act.said
    for i in range(8):
        find(watch, since, act, "mkdirat", way != "plain", {"fs.path.name": f"{directory}/made{i}"})


# What opens or makes a descriptor keeps it for itself; the event says no more than that it was done.
QUIET = ["openat", "openat-link", "openat-relative", "openat2", "read", "write", "unlinkat",
         "unlinkat-relative", "renameat", "mkdirat", "symlinkat", "linkat", "connect", "bind", "listen",
         "send", "sendmsg", "splice", "close"]


@pytest.mark.parametrize("way", ["quiet", "quiet,async", "quiet,sqpoll", "quiet,fixed"])
@pytest.mark.parametrize("operation", QUIET)
def test_request_without_a_completion_gives_an_alert(watch, ring, directory, operation, way):
    event, fields = OPERATIONS[operation]
    since = watch.mark()
    act = Act(ring, way, operation, directory)
    assert act.result >= 0, act.said
    told = find(watch, since, act, event, True, wanted(fields, directory, act.port)).fields
    assert told["evt.res"] == "SUCCESS"
    assert told["proc.name"] == "saker-ring"


@pytest.mark.parametrize("operation", ["openat", "openat-link", "accept"])
def test_what_is_opened_into_the_table_of_a_ring_is_known(watch, ring, directory, operation):
    event, fields = OPERATIONS[operation]
    since = watch.mark()
    act = Act(ring, "direct", operation, directory)
    assert act.result >= 0, act.said
    told = find(watch, since, act, event, True, wanted(fields, directory, act.port)).fields
    if event == "openat":
        assert f"ino={os.stat(directory / 'target').st_ino}" in told["evt.args"].split()


NAMED = """
- rule: In the real directory
  desc: a name below the real directory, whatever it was called
  condition: >
    proc.name = saker-ring and evt.is_io_uring = true
    and (fd.name startswith REAL or fs.path.name startswith REAL or fs.path.source startswith REAL
         or fs.path.target startswith REAL)
    and evt.type in (openat, openat2, unlinkat, renameat, mkdirat, linkat, symlinkat)
  output: "%evt.type %fd.name %fs.path.name %fs.path.source %fs.path.target %proc.pid"
  priority: NOTICE
"""


@pytest.fixture(scope="module")
def real(ring):
    place = WORKSHOP / f"real-{os.getpid()}"
    place.mkdir()
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def watch_names(real, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(NAMED.replace("REAL", f"{real}/"))
    with live.Monitor("-o", "engine.modern_ebpf.buf_size_preset=7", rules=(rules,)) as running:
        running.wait_ready()
        yield running


@pytest.mark.parametrize("way", ["ring", "async", "sqpoll", "quiet", "full"])
@pytest.mark.parametrize("operation", ["openat", "openat2", "unlinkat", "renameat", "mkdirat", "linkat",
                                       "symlinkat", "unlinkat-relative"])
def test_links_do_not_hide_what_a_ring_does(watch_names, ring, directory, real, operation, way):
    """Done through a symbolic link to the directory; the rule knows the real one."""
    inside = real / f"{way}-{operation}"
    inside.mkdir()
    link = directory / "link"
    link.symlink_to(inside)
    since = watch_names.mark()
    act = Act(ring, way, operation, link)
    assert act.result >= 0, act.said
    watch_names.wait_for("In the real directory", since, lambda alert: (
        alert.fields["proc.pid"] == act.pid
        and alert.fields["evt.type"] == OPERATIONS[operation][0]))
