# SPDX-License-Identifier: Apache-2.0
"""Messages of one sendmmsg, each to another place, where the kernel searches several tables of routes.

Every search is told to the probe; each alert must still name where its message went.
"""

import ctypes
import os
import socket
import struct
import subprocess

import pytest

import monitor as live

RULES = """
- rule: Message
  desc: a datagram
  condition: evt.type = sendmmsg and evt.rawres >= 0 and fd.l4proto = udp and fd.sport = 20200
  output: "%fd.sip"
  priority: NOTICE
"""
PORT, CLONE_NEWNET = 20200, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("size", ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("name_size", ctypes.c_uint32), ("vector", ctypes.POINTER(Vector)),
                ("vectors", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_size", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("padding", ctypes.c_int), ("sent", ctypes.c_uint64)]


def address(family, host):
    """struct sockaddr_in or sockaddr_in6."""
    ip = socket.inet_pton(family, host)
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H", PORT) + ip + bytes(8)
    return struct.pack("=H", family) + struct.pack("!HI", PORT, 0) + ip + bytes(4)


def send_all(family, hosts):
    headers = (Header * len(hosts))()
    for header, host in zip(headers, hosts):
        name = address(family, host)
        header.name, header.name_size = name, len(name)
        header.vector = ctypes.pointer(Vector(b"x", 1))
        header.vectors = 1
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        assert libc.sendmmsg(s.fileno(), headers, len(hosts), 0) == len(hosts)


def in_own_network(commands, act):
    child = os.fork()
    if child == 0:
        try:
            if libc.unshare(CLONE_NEWNET) == 0:
                for command in ["ip link set lo up", "ip link add v0 type veth peer name v1", "ip link set v0 up",
                                "ip link set v1 up", *commands]:
                    subprocess.run(command.split(), check=True)
                act()
                os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("family, commands, hosts", [
    (socket.AF_INET6, ["ip -6 addr add fd00::1/64 dev v0 nodad"], [f"fd00::{i}" for i in range(16, 32)]),
    (socket.AF_INET, ["ip addr add 198.51.100.1/24 dev v0"], [f"198.51.100.{i}" for i in range(16, 32)]),
    (socket.AF_INET, ["ip addr add 198.51.100.1/24 dev v0", "ip rule add from all lookup 100 priority 100"],
     [f"198.51.100.{i}" for i in range(16, 32)]),
], ids=["ipv6", "ipv4", "ipv4-rules"])
def test_each_message_went_where_its_alert_says(live_machine, tmp_path, family, commands, hosts):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    with live.Monitor(rules=[rules]) as monitor:
        monitor.wait_ready()
        in_own_network(commands, lambda: send_all(family, hosts))
        monitor.wait_until(lambda: len(monitor.find("Message")) >= len(hosts), "all alerts")
        told = [alert["output"].rsplit(" ", 1)[-1] for alert in monitor.find("Message")]
    assert told == hosts
