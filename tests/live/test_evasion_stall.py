# SPDX-License-Identifier: Apache-2.0
"""Processes that let nobody read them: a monitor that asks for their arguments must not wait."""

import re
import subprocess

import pytest

import evasion
import monitor as live

RULES = """
- rule: Opened
  desc: the file tells which
  condition: evt.type in (open, openat) and fd.name startswith PLACE
  output: "%fd.name %proc.cmdline"
  priority: NOTICE
"""


@pytest.fixture
def helper(live_machine, workshop):
    return evasion.build("evade_stall", workshop)


def is_stalled(pid):
    """Whether a reader of its arguments waits; the reader is ended again."""
    reader = subprocess.Popen(["cat", f"/proc/{pid}/cmdline"], stdout=subprocess.DEVNULL)
    try:
        reader.wait(0.3)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        reader.kill()
        reader.wait()


@pytest.mark.parametrize("way", ["arguments", "lock"])
def test_start_does_not_wait_for_what_is_never_answered(helper, tmp_path, way):
    (tmp_path / "mounted").mkdir()
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("PLACE", str(tmp_path)))
    trick = subprocess.Popen([helper, way, tmp_path / "mounted"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    other = subprocess.Popen(["sh", "-c", f"read go; : >{tmp_path}/deed; :", "known", "argument"],
                             stdin=subprocess.PIPE)
    try:
        pid = trick.stdout.readline()
        if not pid:
            trick.wait()
            pytest.skip(f"no such file system here: {trick.stderr.read().decode().strip()}")
        if way == "lock":  # readers of pages of arguments are not held by all kernels
            for _ in range(100):
                if is_stalled(int(pid)):
                    break
            else:
                raise AssertionError("the process does not keep its readers waiting")
        with live.Monitor(rules=[rules]) as monitor:
            monitor.wait_ready()
            # Others that ran before are known as ever.
            other.communicate(b"\n")
            alert = monitor.wait_for("Opened", fd_name=f"{tmp_path}/deed")
            assert alert.fields["proc.cmdline"].endswith("known argument"), alert["output"]
            assert monitor.stop() == 0
            given_up = re.search(r"arguments did not come in time: (\d+)", monitor.said)
        assert bool(given_up) == (way == "lock"), monitor.said
    finally:
        other.stdin.close()
        other.wait()
        trick.communicate()
