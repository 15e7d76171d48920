# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests that run the program without a probe and without root: dry runs, what it
prints, configurations, captures replayed.

    def test_it(saker, tmp_path):
        done = saker("--dry-run", config="json_output: true\\n")
        assert done.returncode == 0, done.stderr

Nothing of the machine's own configuration takes part: every call has a configuration of its own,
with no outputs but standard output, and no syslog.
"""

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAKER", REPOSITORY / "build" / "saker")).resolve()
RULES = REPOSITORY / "rules" / "saker_rules.yaml"
SHARED = Path(os.environ.get("SAKER_SHARED", REPOSITORY / ".." / "shared")).resolve()
IN_CI = os.environ.get("CI") == "true"

# What a test's configuration says unless it says otherwise: nobody else hears of the test.
QUIET = ["-o", "log_syslog=false", "-o", "syslog_output.enabled=false",
         "-o", "webserver.enabled=false"]


class Runner:
    """Calls the program in a directory of the test's own."""

    def __init__(self, directory):
        self.directory = directory
        self.count = 0

    def file(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def command(self, *arguments, config="", quiet=True):
        """The command line: with a file of that text as -c, and QUIET behind it."""
        command = [str(PROGRAM)]
        if config is not None:
            self.count += 1
            command += ["-c", str(self.file(f"saker-{self.count}.yaml", config))]
        return command + [str(part) for part in arguments] + (QUIET if quiet else [])

    def __call__(self, *arguments, config="", quiet=True, env=None, timeout=60, **options):
        """Runs it to its end; config=None: without -c. Answers returncode, stdout, stderr."""
        environment = {**os.environ, "TZ": "UTC", **(env or {})}
        return subprocess.run(self.command(*arguments, config=config, quiet=quiet),
                              stdin=options.pop("stdin", subprocess.DEVNULL), capture_output=True,
                              text=True, errors="surrogateescape", timeout=timeout,
                              cwd=self.directory, env=environment, **options)

    def replay(self, capture, *arguments, rules=(), **options):
        """Runs it over a capture to its end."""
        command = ["-o", "engine.kind=replay", "-o", f"engine.replay.capture_file={capture}"]
        for path in rules:
            command += ["-r", str(path)]
        return self(*command, *arguments, **options)


@pytest.fixture
def saker(tmp_path):
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is not there: run make build, or set SAKER", pytrace=False)
    return Runner(tmp_path)


@pytest.fixture(scope="session")
def shared():
    """The folder of reference material (captures, tables), which is not part of the project."""
    if not SHARED.is_dir():
        (pytest.fail if IN_CI else pytest.skip)(
            f"{SHARED} is not there: set SAKER_SHARED", pytrace=False)
    return SHARED


@pytest.fixture(scope="session")
def captures(shared):
    return shared / "upstream" / "captures"
