# SPDX-License-Identifier: Apache-2.0
"""A second thread rewrites the address that a call is given, thousands of ways.

Of each call the alert must name the address that the kernel took: the helper learns it from the socket,
or from who got the datagram, and the two lists must be the same, line by line.
"""

import pytest

import evasion
import monitor as live

RULES = """
- rule: Address
  desc: as the alert of each call says it
  condition: >
    evt.type in (connect, sendto, sendmsg, sendmmsg) and evt.rawres >= 0
    and proc.exepath endswith /evade_address and fd.l4proto = udp
  output: "%fd.sip %fd.sport"
  priority: NOTICE
- rule: Bound
  desc: as the alert of each call says it
  condition: evt.type = bind and evt.rawres >= 0 and proc.args contains "bind" and fd.l4proto = udp
  output: "%evt.arg.addr %fd.sip %fd.sport"
  priority: NOTICE
- rule: The end
  desc: all before has been judged
  condition: evt.type in (open, openat) and fd.name startswith DIRECTORY/end
  output: "%fd.name"
  priority: NOTICE
"""
PORTS = range(20100, 20104)
DISTINCT = 1000


@pytest.fixture(scope="module")
def race(live_machine, workshop, tmp_path_factory):
    directory = workshop / "address"
    directory.mkdir()
    rules = tmp_path_factory.mktemp("rules") / "address.yaml"
    rules.write_text(RULES.replace("DIRECTORY", str(directory)))
    helper = evasion.build("evade_address", workshop)
    # A ring that holds all of a turn: on a machine that is busy the reader may be late.
    with live.Monitor("-o", "time_format_iso_8601=true", "-o", "engine.modern_ebpf.buf_size_preset=7",
                      rules=[rules], json_output=False) as monitor:
        monitor.wait_ready()
        yield evasion.Rewriting(directory, monitor, helper, DISTINCT)


@pytest.mark.parametrize("way, count", [
    ("connect4", 50000), ("connect6", 20000), ("sendto4", 60000), ("sendto6", 40000),
    ("sendmsg4", 60000), ("sendmsg6", 40000), ("sendmmsg4", 15000), ("sendmmsg6", 10000)])
def test_each_alert_names_the_address_that_the_kernel_took(race, way, count):
    done, told = race.run(way, count)
    evasion.compare(done, told)


@pytest.mark.parametrize("way, count", [("bind4", 60000), ("bind6", 40000)])
def test_each_alert_names_the_address_that_was_bound(race, way, count):
    done, told = race.run(way, count)
    wanted = []
    for truth in done:
        address, port = truth.split()
        # Any port: the argument says so, the descriptor has the one that it became.
        given = port if int(port) in PORTS else "0"
        wanted.append(f"{address}:{given} {address} {port}")
    evasion.compare(wanted, told)
