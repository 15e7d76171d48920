# SPDX-License-Identifier: Apache-2.0
"""For tests of tricks: monitors side by side, and helpers that are built when they are needed.

A trick must be seen with the rules that Saker brings as well as with those that Falco's users have,
so both are loaded, each by a monitor of its own, and every trick is asked for in both.
"""

import os
import subprocess
from pathlib import Path

import pytest

import monitor as live

HELPERS = Path(__file__).resolve().parent / "helpers"
SHARED = Path(os.environ.get("SAKER_SHARED", live.REPOSITORY.parent / "shared"))
FALCO_RULES = [SHARED / "upstream" / "rules" / f"{name}.yaml"
               for name in ("falco_rules", "falco-incubating_rules", "falco-sandbox_rules")]
ABSENT = 77  # exit status of helpers where the kernel has no such thing


def build(name, directory, *options, link="-static"):
    """helpers/NAME.c, built into the directory."""
    binary = Path(directory) / name
    binary.parent.mkdir(exist_ok=True)
    if not binary.exists():
        subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror",
                        link, "-pthread", *options, "-o", binary, HELPERS / f"{name}.c"],
                       check=True)
    return binary


def falco_rules():
    """Falco's files, or the reason why they are not there."""
    missing = [path for path in FALCO_RULES if not path.exists()]
    return None if missing else FALCO_RULES


END = """
- rule: The end
  desc: all before has been judged
  condition: evt.type in (open, openat) and fd.name startswith PLACE.end
  output: "%fd.name"
  priority: NOTICE
"""


def rules_in(folder, place, text):
    """A file of the rules, with where it happens for PLACE and the helper for HELPER, and of the end of it."""
    path = folder / "own.yaml"
    path.write_text((text + END).replace("PLACE", str(place[0])).replace("HELPER", str(place[1])))
    return path


def fixtures(name, helper, rules):
    """Of tests whose helper does its deeds in a directory, beside a monitor with rules of their own: where it happens
    (the directory, the helper), the monitor, and one trick. A module gives them their names."""
    @pytest.fixture(scope="module", name="place")
    def place_fixture(workshop):
        directory = workshop / name
        directory.mkdir()
        return directory, build(helper, workshop)

    @pytest.fixture(scope="module", name="watch")
    def watch_fixture(live_machine, place, tmp_path_factory):
        text = rules(place) if callable(rules) else rules
        with Watch(own=[rules_in(tmp_path_factory.mktemp("rules"), place, text)]) as watch:
            yield watch

    @pytest.fixture(name="trick")
    def trick_fixture(watch, place):
        return Trick(watch, *place)

    return place_fixture, watch_fixture, trick_fixture


class Watch:
    """Several monitors by name, started together."""

    def __init__(self, **rules):
        self.monitors = {}
        for name, files in rules.items():
            self.monitors[name] = live.Monitor("-o", "rule_matching=all", rules=files)

    def __enter__(self):
        try:
            for monitor in self.monitors.values():
                monitor.wait_ready()
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for monitor in self.monitors.values():
            monitor.__exit__()


class Trick:
    """One trick in a scene, and what the monitors say about it."""

    def __init__(self, watch, directory, helper=None):
        self.watch = watch
        self.directory = directory
        self.helper = helper
        self.since = {name: monitor.mark() for name, monitor in watch.monitors.items()}

    def run(self, *command, ok=(0,), **options):
        """Runs the helper's way; skips where this kernel has none."""
        ran = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, **options)
        output = ran.stdout.decode(errors="replace")
        if ran.returncode == ABSENT:
            pytest.skip(f"this kernel refuses it: {output.strip()}")
        assert ran.returncode in ok, f"{command} ended with {ran.returncode}: {output}"
        return output

    def go(self, way, *arguments, ok=(0,), **options):
        return self.run(self.helper, way, *arguments, ok=ok, **options)

    def wait_for(self, name, rule, matching=None, **fields):
        """The alert of that monitor."""
        return self.watch.monitors[name].wait_for(rule, self.since[name], matching,
                                                  **fields)

    def end(self):
        """Returns when all that has happened has been judged.

        Twice, because what happens on two processors at nearly the same time may come in any order.
        """
        own = self.watch.monitors["own"]
        for _ in range(2):
            mark = own.mark()
            with open(f"{self.directory}.end", "w"):
                pass
            own.wait_for("The end", mark)

    def alerts(self, name, rule=None):
        return self.watch.monitors[name].find(rule, self.since[name])


class Rewriting:
    """A helper that makes calls while its second thread rewrites what they are given (evade_rewrite.h).

    It says of each call what the kernel took, a line each; the monitor prints a line for each alert.
    """

    def __init__(self, directory, monitor, helper, distinct):
        self.directory, self.monitor, self.helper = directory, monitor, helper
        self.distinct = distinct
        self.turns = 0

    def turn(self, way, count):
        since = len(self.monitor.lines)
        trick = Trick(Watch(), self.directory, self.helper)
        done = trick.go(way, count, 8, self.directory).splitlines()
        self.turns += 1
        end = f"{self.directory}/end{self.turns}"
        with open(end, "w"):
            pass
        self.monitor.wait_until(lambda: end in self.monitor.lines[-1], "the last alert")
        # Behind time and priority.
        told = [line.split(" ", 2)[2] for line in self.monitor.lines[since:-1]]
        return done, None if any("Falco internal" in line for line in told) else told

    def run(self, way, count, distinct=None):
        """Until the thread that rewrites had its turns, and nothing was lost: machines may be busy."""
        for _ in range(5):
            done, told = self.turn(way, count)
            if told and len(told) >= len(done) and len(set(done)) >= (distinct or self.distinct):
                return done, told
        raise AssertionError(f"{way}: {len(done)} calls of {len(set(done))} kinds, "
                             f"{len(told) if told is not None else 'lost'} alerts")


def compare(wanted, told):
    """Call by call."""
    for number, pair in enumerate(zip(wanted, told)):
        assert pair[0] == pair[1], (
            f"call {number} of {len(wanted)}, {len(told)} alerts: "
            f"{wanted[number - 2:number + 3]}, told: {told[number - 2:number + 3]}")
    assert len(wanted) == len(told)
