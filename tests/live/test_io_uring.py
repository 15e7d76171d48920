# SPDX-License-Identifier: Apache-2.0
"""What io_uring does for a process is seen as the call that it stands for.

Every operation is done by the plain call and by a ring, in several ways; both must give the same
alert, but for evt.is_io_uring. helpers/uring.c does them.
"""

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import monitor as live
from conftest import WORKSHOP, demand_live

RULES = """
- rule: Done
  desc: one of the calls, by the helper
  condition: >
    proc.name = saker-ring and evt.type in (
      accept, accept4, bind, close, connect, dup, epoll_ctl, fadvise64, fallocate, fgetxattr, fsetxattr,
      fsync, ftruncate, getxattr, ioctl, linkat, listen, madvise, mkdirat, openat, openat2, pipe2, read,
      readv, recvfrom, recvmsg, renameat, renameat2, sendmsg, sendto, setxattr, shutdown, socket,
      splice, statx, symlinkat, tee, unlinkat, write, writev)
  output: >
    %evt.type %evt.is_io_uring %evt.res %evt.rawres %proc.name %proc.pid %thread.tid %proc.exepath
    %proc.cmdline %proc.pname %user.uid %fd.num %fd.name %fd.nameraw %fd.typechar %fd.lport %fd.sport %fs.path.name
    %fs.path.source %fs.path.target %evt.args
  priority: NOTICE
"""

FILE = {"fd.name": "{dir}/target", "fd.typechar": "f"}
SOCKET = {"fd.typechar": "4"}
# The port that was listened on is one of the two ends.
PAIR = {**SOCKET, "fd.name": "127.0.0.1:{port}"}
# operation: event, and fields that it must have, beside those that all have.
OPERATIONS = {
    "openat": ("openat", FILE),
    "openat-failing": ("openat", {"fd.name": "{dir}/missing", "evt.res": "ENOENT"}),
    "openat-link": ("openat", {"fd.name": "{dir}/link"}),
    "openat-relative": ("openat", FILE),
    "openat2": ("openat2", FILE),
    "close": ("close", {}),
    "read": ("read", FILE),
    "write": ("write", FILE),
    "readv": ("readv", FILE),
    "writev": ("writev", FILE),
    "read-fixed": ("read", FILE),
    "write-fixed": ("write", FILE),
    "fsync": ("fsync", {}),
    "fallocate": ("fallocate", {}),
    "ftruncate": ("ftruncate", {}),
    "fadvise": ("fadvise64", {}),
    "madvise": ("madvise", {}),
    "statx": ("statx", {}),
    "unlinkat": ("unlinkat", {"fs.path.name": "{dir}/target"}),
    "unlinkat-relative": ("unlinkat", {"fs.path.name": "{dir}/target"}),
    "renameat": ("renameat", {"fs.path.source": "{dir}/target", "fs.path.target": "{dir}/renamed"}),
    "renameat2": ("renameat2",
                  {"fs.path.source": "{dir}/target", "fs.path.target": "{dir}/renamed"}),
    "mkdirat": ("mkdirat", {"fs.path.name": "{dir}/made"}),
    "symlinkat": ("symlinkat", {"fs.path.source": "{dir}/made", "fs.path.target": "/target/of/it"}),
    "linkat": ("linkat", {"fs.path.source": "{dir}/made", "fs.path.target": "{dir}/target"}),
    "fsetxattr": ("fsetxattr", {}),
    "setxattr": ("setxattr", {}),
    "fgetxattr": ("fgetxattr", {}),
    "getxattr": ("getxattr", {}),
    "socket": ("socket", {}),
    "bind": ("bind", SOCKET),
    "listen": ("listen", SOCKET),
    "connect": ("connect", PAIR),
    "connect-failing": ("connect", {"evt.res": "ECONNREFUSED", "evt.args": "addr=127.0.0.1:1"}),
    "accept": ("accept", PAIR),
    "accept4": ("accept4", PAIR),
    "send": ("sendto", PAIR),
    "recv": ("recvfrom", PAIR),
    "sendmsg": ("sendmsg", PAIR),
    "sendmsg-datagram": ("sendmsg", PAIR),
    "recvmsg": ("recvmsg", PAIR),
    "shutdown": ("shutdown", PAIR),
    "splice": ("splice", FILE),
    "tee": ("tee", {}),
    "epoll_ctl": ("epoll_ctl", {}),
    "pipe2": ("pipe2", {}),
    "uring_cmd": ("ioctl", SOCKET),
    "install": ("dup", {"fd.name": "{dir}/target"}),
}
# Of these a socket's ends are not told by the plain call either, or the file's end is another.
GENERIC = {"fsync", "fallocate", "ftruncate", "fadvise", "madvise", "statx", "fsetxattr", "setxattr",
           "fgetxattr", "getxattr", "tee", "epoll_ctl"}
WAYS = ["plain", "ring", "async", "sqpoll", "fixed", "deferred"]
NOT_DONE = 3

serial = itertools.count(1)


@pytest.fixture(scope="module")
def ring():
    """helpers/uring.c, built; its name is what the rule knows it by."""
    demand_live()
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    binary = WORKSHOP / "saker-ring"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror",
                    "-static", "-o", binary, Path(__file__).parent / "helpers" / "uring.c"],
                   check=True)
    yield binary
    binary.unlink()


@pytest.fixture(scope="module")
def watch(ring, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES)
    with live.Monitor(rules=(rules,)) as running:
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
        self.port = int(words.get("port", 0))


def wanted(fields, act, directory):
    return {name: value.format(dir=directory, port=act.port) for name, value in fields.items()}


def has(alert, name, value):
    """Of a socket's name and of the arguments a part is asked for."""
    told = alert.fields[name]
    return value in told if name == "evt.args" or ":" in value else told == value


def find(watch, since, act, event, is_ring, fields):
    def fits(alert):
        return (alert.fields["proc.pid"] == act.pid and alert.fields["evt.type"] == event
                and alert.fields["evt.is_io_uring"] == is_ring
                and all(has(alert, name, value) for name, value in fields.items()))

    try:
        return watch.wait_for("Done", since, fits)
    except AssertionError as missing:
        ours = watch.find(None, since, lambda alert: alert.fields["proc.pid"] == act.pid)
        raise AssertionError("\n".join([f"{missing}", f"wanted: {event} {fields}", *(
            alert["output"] for alert in ours)])) from None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_gives_the_alert_of_its_call(watch, ring, directory, operation, way):
    event, fields = OPERATIONS[operation]
    since = watch.mark()
    act = Act(ring, way, operation, directory)
    alert = find(watch, since, act, event, way != "plain", wanted(fields, act, directory))
    told = alert.fields
    assert told["proc.name"] == "saker-ring"
    assert told["thread.tid"] == act.pid
    assert told["proc.exepath"] == str(ring)
    assert told["proc.cmdline"].startswith(f"saker-ring {way} {operation}")
    assert told["user.uid"] == os.geteuid()
    if operation not in GENERIC:
        assert told["evt.rawres"] == act.result
        assert told["evt.res"] == fields.get("evt.res", "SUCCESS")
