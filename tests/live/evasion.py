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
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=25, **options)
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

    def alerts(self, name, rule=None):
        return self.watch.monitors[name].find(rule, self.since[name])
