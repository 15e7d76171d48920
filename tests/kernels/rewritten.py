# SPDX-License-Identifier: Apache-2.0
"""Calls whose arguments a second thread rewrites all the time: what each took, and what its alert says."""
import re

RULES = """
- rule: Took an address
  desc: told one by one
  condition: >
    evt.type in (connect, bind, sendto, sendmsg, sendmmsg) and proc.name = saker-address and evt.rawres >= 0
    and fd.l4proto = udp and fd.sport != 0
  output: "%proc.args %evt.type %fd.sip %fd.sport"
  priority: NOTICE
- rule: Took flags
  desc: told one by one
  condition: >
    evt.type in (openat2, clone3) and proc.name = saker-structure and evt.rawres >= 0
    and not evt.arg.flags contains CLONE_SETTLS
  output: "%proc.args %evt.is_open_read %evt.is_open_write %evt.arg.flags %evt.rawres"
  priority: NOTICE
"""
WAYS = ["connect4", "bind4", "sendto4", "sendmsg4", "sendmmsg4", "sendto6", "sendmmsg6"]
NAMESPACES = ["CLONE_NEWUTS", "CLONE_NEWIPC", "CLONE_NEWNS"]


def is_of(alert, way):
    return alert["proc.args"].split()[0] == way


def compare(way, took, told):
    assert took and took == told, (way, len(took), len(told),
                                   [pair for pair in zip(took, told) if pair[0] != pair[1]][:5])


def check(console, alerts):
    fields = {rule: [a["output_fields"] for a in alerts if a["rule"] == rule]
              for rule in ("Took an address", "Took flags")}
    took = {}
    for way, what in re.findall(r"^took (\S+) (.*)$", console, re.M):
        took.setdefault(way, []).append(what)
    for way in WAYS:
        # Those who receive bind, too.
        compare(way, took[way], [f"{a['fd.sip']} {a['fd.sport']}" for a in fields["Took an address"]
                                 if is_of(a, way) and (a["evt.type"] == "bind") == (way == "bind4")])
    opened = [a for a in fields["Took flags"] if is_of(a, "open")]
    compare("open", took["open"], [
        f"{a['evt.is_open_read']:d} {a['evt.is_open_write']:d} {'O_APPEND' in a['evt.arg.flags']:d}" for a in opened])
    for is_parent in (False, True):
        compare("clone", took["clone"], [
            " ".join("01"[name in a["evt.arg.flags"]] for name in NAMESPACES)
            for a in fields["Took flags"] if is_of(a, "clone") and (a["evt.rawres"] > 0) == is_parent])
