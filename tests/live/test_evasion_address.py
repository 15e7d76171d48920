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


class Race:
    def __init__(self, directory, monitor, helper):
        self.directory, self.monitor, self.helper = directory, monitor, helper
        self.turns = 0

    def turn(self, way, count):
        """What was done and what was told, as lists of lines."""
        since = len(self.monitor.lines)
        trick = evasion.Trick(evasion.Watch(), self.directory, self.helper)
        done = trick.go(way, count, 8).splitlines()
        self.turns += 1
        end = f"{self.directory}/end{self.turns}"
        with open(end, "w"):
            pass
        self.monitor.wait_until(lambda: end in self.monitor.lines[-1], "the last alert")
        return done, [line.split(" ", 2)[2] for line in self.monitor.lines[since:-1]]

    def run(self, way, count):
        """Until the thread that rewrites had its turns: a machine may have other things to do."""
        for _ in range(5):
            done, told = self.turn(way, count)
            if len(set(done)) > DISTINCT:
                break
        assert len(set(done)) > DISTINCT, "addresses had their turns"
        return done, told


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
        yield Race(directory, monitor, helper)


def compare(wanted, told):
    for number, pair in enumerate(zip(wanted, told)):
        assert pair[0] == pair[1], (
            f"call {number} of {len(wanted)}, {len(told)} alerts: "
            f"{wanted[number - 2:number + 3]}, told: {told[number - 2:number + 3]}")
    assert len(wanted) == len(told)


@pytest.mark.parametrize("way, count", [
    ("connect4", 50000), ("connect6", 20000), ("sendto4", 60000), ("sendto6", 40000),
    ("sendmsg4", 60000), ("sendmsg6", 40000), ("sendmmsg4", 15000), ("sendmmsg6", 10000)])
def test_each_alert_names_the_address_that_the_kernel_took(race, way, count):
    done, told = race.run(way, count)
    compare(done, told)


@pytest.mark.parametrize("way, count", [("bind4", 60000), ("bind6", 40000)])
def test_each_alert_names_the_address_that_was_bound(race, way, count):
    done, told = race.run(way, count)
    wanted = []
    for truth in done:
        address, port = truth.split()
        # Any port: the argument says so, the descriptor has the one that it became.
        given = port if int(port) in PORTS else "0"
        wanted.append(f"{address}:{given} {address} {port}")
    compare(wanted, told)
