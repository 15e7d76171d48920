# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the live tests: the helper program, one running monitor for all, a scene for each.

Where the probe cannot work (no root, no BTF) the tests say so and are skipped; with CI=true they
fail instead, so that a pipeline never passes because it tested nothing.
"""

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

import monitor as live

HERE = Path(__file__).resolve().parent
# Not below /tmp, where the checkout may be: programs that run from there are what one of the rules
# is about.
WORKSHOP = Path(f"/var/lib/saker-live-{os.getpid()}")

serial = itertools.count(1)
ATTEMPTS = 4


def pytest_configure(config):
    config.addinivalue_line("markers", "again_if_lost: asks for what anybody on the machine does, who may do more than "
                            "there is room for. Where it failed while Saker told that it lost events, nothing is said "
                            "of Saker, and it is run again; what is missing without a word fails at once")


def pytest_runtest_protocol(item, nextitem):
    if not item.get_closest_marker("again_if_lost"):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in range(ATTEMPTS):
        before = live.Losses.in_all
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        lost = live.Losses.in_all - before
        if not lost or not any(report.failed for report in reports):
            break
        if attempt + 1 < ATTEMPTS:
            item.warn(pytest.PytestWarning(f"failed while {lost} events were lost, and is run again"))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def demand_live():
    reason = live.why_not_live()
    if reason:
        (pytest.fail if live.IN_CI else pytest.skip)(f"cannot run live: {reason}", pytrace=False)
    if not live.PROGRAM.exists():
        pytest.fail(f"{live.PROGRAM} is not there: run make build, or set SAKER", pytrace=False)


@pytest.fixture(scope="session")
def program():
    """The program, for tests that need no probe."""
    if not live.PROGRAM.exists():
        pytest.fail(f"{live.PROGRAM} is not there: run make build, or set SAKER", pytrace=False)
    return live.PROGRAM


@pytest.fixture(scope="session")
def workshop():
    """A directory that nobody else uses."""
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    yield WORKSHOP
    shutil.rmtree(WORKSHOP, ignore_errors=True)


@pytest.fixture(scope="session")
def act(workshop):
    """helpers/act.c, built."""
    binary = workshop / "act"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror",
                    "-static", "-o", binary, HERE / "helpers" / "act.c"], check=True)
    return binary


@pytest.fixture(scope="session")
def monitor():
    """Saker with the default rules and JSON output, running throughout."""
    demand_live()
    with live.Monitor() as running:
        running.wait_ready()
        yield running
        assert running.process.poll() is None, f"saker ended early; it said:\n{running.said}"


@pytest.fixture
def scene(monitor, act):
    directory = WORKSHOP / f"scene-{os.getpid()}-{next(serial)}"
    directory.mkdir()
    current = live.Scene(monitor, act, directory)
    yield current
    current.close()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def live_machine():
    """For tests that start monitors of their own."""
    demand_live()
