# SPDX-License-Identifier: Apache-2.0
"""What a monitor says of itself: that events are lost, and that none arrive any more."""

import ctypes
import json
import mmap
import os
import re
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from monitor import IN_CI, PATIENCE, Monitor

LIBC = ctypes.CDLL(None, use_errno=True)
SYS_BPF = 321
BPF_MAP_GET_FD_BY_ID = 14

DROPS = "Falco internal: syscall event drop"
BLIND = "Saker internal: events do not arrive"


def simulate(*more, **options):
    return Monitor("-o", "syscall_event_drops.simulate_drops=true",
                   *[part for option in more for part in ("-o", f"syscall_event_drops.{option}")],
                   **options)


def test_lost_events_are_told_in_falcos_form(live_machine):
    with simulate("actions=[log, alert]") as monitor:
        monitor.wait_ready()
        alert = monitor.wait_for(DROPS)
        assert monitor.stop() == 0
    assert alert["priority"] == "Debug" and alert["source"] == "internal"
    assert "tags" not in alert
    assert alert["output"] == f"{DROPS}. 1 system calls dropped in last second."
    groups = ["clone_fork", "execve", "connect", "open", "dir_file", "other_interest", "close",
              "proc"]
    assert set(alert.fields) == {
        "n_evts", "n_drops", "n_drops_buffer_total", "n_drops_scratch_map", "n_drops_page_faults",
        "n_drops_bug", "ebpf_enabled", *(f"n_drops_buffer_{group}_exit" for group in groups)}
    assert all(isinstance(value, str) for value in alert.fields.values())
    assert alert.fields["n_drops"] == "1" and alert.fields["ebpf_enabled"] == "1"


def test_lost_events_are_told_as_seldom_as_configured(live_machine):
    with simulate("actions=[alert]", "rate=0.00001", "max_burst=2") as monitor:
        monitor.wait_ready()
        monitor.wait_until(lambda: sum("simulate_drops" in line for line in monitor.messages) >= 6,
                           "seconds")
        assert monitor.stop() == 0
        assert len(monitor.find(DROPS)) == 2


def test_lost_events_can_be_ignored(live_machine):
    with simulate("actions=[ignore]") as monitor:
        monitor.wait_ready()
        monitor.wait_until(lambda: sum("simulate_drops" in line for line in monitor.messages) >= 3,
                           "seconds")
        assert monitor.stop() == 0
        assert not monitor.find(DROPS)


def test_lost_events_can_be_the_end(live_machine):
    with simulate("actions=[exit]") as monitor:
        assert monitor.process.wait(PATIENCE) == 1
        for reader in monitor.readers:
            reader.join(PATIENCE)
    assert f"{DROPS}. 1 system calls dropped in last second." in monitor.said


def bpftool(*arguments):
    try:
        return json.loads(subprocess.run(["bpftool", "-j", *map(str, arguments)], check=True,
                                         capture_output=True).stdout)
    except FileNotFoundError:
        (pytest.fail if IN_CI else pytest.skip)("bpftool is not installed", pytrace=False)


class Attribute(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint32), ("next", ctypes.c_uint32), ("flags", ctypes.c_uint32)]


def descriptor_of_map(number):
    attribute = Attribute(number, 0, 0)
    fd = LIBC.syscall(SYS_BPF, BPF_MAP_GET_FD_BY_ID, ctypes.byref(attribute),
                      ctypes.sizeof(attribute))
    assert fd >= 0, os.strerror(ctypes.get_errno())
    return fd


def health(port):
    """Status and body of the answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def maps_of(program):
    """Numbers of the BPF maps that a process has open."""
    for entry in Path(f"/proc/{program}/fdinfo").iterdir():
        found = re.search(r"^map_id:\s*(\d+)$", entry.read_text(), re.MULTILINE)
        if found:
            yield int(found[1])


class Wants:
    """The probe's array of what is collected, as whoever blinds a monitor would change it."""

    def __init__(self, program):
        self.memory, self.offset, self.length = self.find(program)
        self.saved = self.memory[self.offset:self.offset + self.length]
        assert any(self.saved)

    @staticmethod
    def find(program):
        for number in maps_of(program):
            found = bpftool("map", "show", "id", number)
            if not found.get("name", "").endswith(".bss"):
                continue
            types = {each["id"]: each for each in
                     bpftool("btf", "dump", "id", found["btf_id"])["types"]}
            variables = next(each["vars"] for each in types.values()
                             if each["kind"] == "DATASEC" and each["name"] == ".bss")
            wants = next(variable for variable in variables
                         if types[variable["type_id"]]["name"] == "wants")
            pages = -(-found["bytes_value"] // mmap.PAGESIZE) * mmap.PAGESIZE
            fd = descriptor_of_map(number)
            try:
                return mmap.mmap(fd, pages, mmap.MAP_SHARED), wants["offset"], wants["size"]
            finally:
                os.close(fd)
        raise AssertionError("the probe's variables were not found")

    def take_away(self):
        self.memory[self.offset:self.offset + self.length] = bytes(self.length)

    def give_back(self):
        self.memory[self.offset:self.offset + self.length] = self.saved


def test_a_monitor_that_was_blinded_says_so(live_machine):
    silence = "Falco internal: timeouts notification"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Monitor("-o", "syscall_event_timeouts.max_consecutives=300", "-o",
                 "webserver.enabled=true", "-o", f"webserver.listen_port={port}") as monitor:
        monitor.wait_ready()
        assert health(port)[0] == 200
        wants = Wants(monitor.process.pid)
        # Longer than between heartbeats: one that is well must not complain.
        assert not monitor.wait_quiet(7, 0, lambda alert: alert.rule in (BLIND, silence))
        wants.take_away()
        alert = monitor.wait_for(BLIND, timeout=40)
        assert alert["priority"] == "Critical" and alert["source"] == "internal"
        assert int(alert.fields["missed_heartbeats"]) >= 2
        monitor.wait_until(lambda: health(port)[0] == 503, "the web server's word")
        assert health(port)[1] == {"status": "events do not arrive"}
        wants.give_back()
        monitor.wait_until(lambda: any("events arrive again" in line
                                       for line in monitor.messages), "its end", timeout=40)
        assert monitor.stop() == 0

