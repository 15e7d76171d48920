# SPDX-License-Identifier: Apache-2.0
"""Ways to move bytes, to talk and to reach into processes beside the plain calls."""

import shutil
import socket

import pytest

import evasion
import monitor as live

RULES = """
- rule: Written
  desc: what counts is that it was opened for writing
  condition: evt.is_open_write = true and fd.name = PLACE/written
  output: "%fd.name"
  priority: NOTICE
- rule: Moved
  desc: bytes to and from a file that is open
  condition: evt.type in (read, write, readv, writev) and fd.name = PLACE/asked
  output: "%evt.type %fd.num %evt.arg.size %evt.arg.data %proc.name"
  priority: NOTICE
- rule: Talked
  desc: to the listener, by any call
  condition: >
    evt.type in (connect, sendto, sendmsg, sendmmsg) and fd.sport = PORT
    and fd.sip in (127.0.0.1, 127.0.0.2)
  output: "%evt.type %evt.res %fd.num %fd.sip %fd.name %fd.l4proto %proc.name"
  priority: NOTICE
- rule: Named
  desc: a socket without a file
  condition: evt.type = connect and fd.name endswith saker-PORT
  output: "%fd.name"
  priority: NOTICE
- rule: Family
  desc: sockets of rare families
  condition: >
    evt.type = socket and evt.rawres >= 0 and proc.name = evade_io
  output: "%evt.arg.domain %evt.arg.type %evt.arg.proto"
  priority: NOTICE
"""

FAMILIES = {"packet": "AF_PACKET", "vsock": "40", "netlink": "AF_ROUTE|AF_NETLINK", "raw": "AF_INET"}


def has_alg():
    """Kernels may be without."""
    try:
        socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).close()
    except OSError:
        return False
    return True


if has_alg():
    FAMILIES["alg"] = "AF_ALG"


@pytest.fixture(scope="module")
def listener():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(32)
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def watch(live_machine, listener, workshop, tmp_path_factory):
    (workshop / "io").mkdir()
    rules = tmp_path_factory.mktemp("rules") / "io.yaml"
    rules.write_text(RULES.replace("PLACE", str(workshop / "io")).replace("PORT", str(listener)))
    sets = {"own": [rules], "saker": [live.RULES]}
    if evasion.falco_rules():
        sets["falco"] = evasion.falco_rules()
    with evasion.Watch(**sets) as watch:
        yield watch
    shutil.rmtree(workshop / "io", ignore_errors=True)


@pytest.fixture
def trick(watch, workshop):
    return evasion.Trick(watch, workshop / "io", evasion.build("evade_io", workshop))


def test_writing_through_memory(trick):
    trick.go("mmap", trick.directory)
    trick.wait_for("own", "Written")


@pytest.mark.parametrize("way, call", [
    ("tcp", "connect"), ("tcp-mapped", "connect"), ("tcp-fast-open", "sendto"),
    ("tcp-not-waiting", "connect"), ("tcp-inherited", "connect"), ("udp-sendto", "sendto"),
    ("udp-sendmsg", "sendmsg"), ("udp-sendmmsg", "sendmmsg"), ("udp-connected", "connect"),
    ("udp-connected", "sendto"), ("udp-connected-twice", "connect"),
    ("udp-connected-twice", "sendto"), ("udp-connected-elsewhere", "sendto"),
    ("udp-connected-elsewhere", "sendmsg"), ("udp-connected-no-name", "sendmsg")])
def test_talk(trick, listener, way, call):
    trick.go(way, trick.directory, listener)
    alert = trick.wait_for("own", "Talked", evt_type=call)
    assert alert.fields["fd.l4proto"] == way[:3]


@pytest.mark.parametrize("way", ["plain-io", "aio"])
def test_bytes_that_the_kernel_moves_later(trick, listener, way):
    trick.go(way, trick.directory, listener)
    for call in ("read", "write", "readv", "writev"):
        told = trick.wait_for("own", "Moved", evt_type=call).fields
        if call.startswith("write"):
            assert told["evt.arg.data"] == "hello"
    if way == "aio":
        trick.watch.monitors["own"].wait_until(
            lambda: len(trick.watch.monitors["own"].find("Moved", trick.since["own"])) == 40,
            "all requests of the call")


def test_a_connection_that_goes_on_when_its_call_was_interrupted(trick, listener):
    """Its caller is given EINTR, and waits as it would after EINPROGRESS."""
    trick.go("tcp-interrupted", trick.directory, listener)
    alert = trick.wait_for("own", "Talked", fd_num=20, evt_type="connect")
    assert alert.fields["evt.res"] == "EINPROGRESS"
    assert alert.fields["fd.sip"] == "127.0.0.2"


def test_a_name_that_is_no_file(trick, listener):
    trick.go("unix-abstract", trick.directory, listener)
    trick.wait_for("own", "Named")


@pytest.mark.parametrize("way", FAMILIES)
def test_family(trick, way):
    trick.go(way)
    trick.wait_for("own", "Family", lambda alert: str(alert.fields["evt.arg.domain"]) == FAMILIES[way])


@pytest.mark.parametrize("way", ["poke", "seize", "vm-write", "memory-file", "memory-file-at",
                                 "memory-file-bound", "memory-directory-bound"])
def test_reaching_into_a_process(trick, way):
    trick.go(way, trick.directory)
    trick.wait_for("saker", "Process injected into", proc_name="evade_io")
    if way in ("poke", "seize") and "falco" in trick.watch.monitors:
        trick.wait_for("falco", "PTRACE attached to process")


@pytest.mark.parametrize("way", ["fault-of-user", "page-taken-away", "page-of-file"])
def test_names_in_memory_that_is_not_there(trick, way):
    """The event has what the kernel opened, whether its name can still be read or not."""
    trick.go(way, trick.directory)
    trick.wait_for("saker", "Sensitive file read", proc_name="evade_io")
    if "falco" in trick.watch.monitors:
        trick.wait_for("falco", "Read sensitive file untrusted")
