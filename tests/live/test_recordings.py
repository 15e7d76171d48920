# SPDX-License-Identifier: Apache-2.0
"""What `saker record` writes is to Debian's sysdig what it is to Saker (independent_reader.py)."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import monitor as live
import pytest
from conftest import demand_live

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "program"))
import independent_reader  # noqa: E402

DEEDS = """
import os, socket, subprocess, sys
# Whole names: the directory that others start from is of the state, see OF_RECORDINGS.
here = sys.argv[1] + "/"
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
other, _ = server.accept()
client.send(b"hello")
other.recv(5)
one, two = socket.socketpair()
one.send(b"x")
two.recv(1)
os.mkdir(here + "a")
os.rename(here + "a", here + "b")
os.rmdir(here + "b")
os.dup2(1, 9)
open(here + "c", "w").write("text")
os.unlink(here + "c")
subprocess.run(["id"], stdout=subprocess.DEVNULL)
os.setuid(65534)
try:
    open("/etc/shadow")
except OSError:
    pass
"""


def wait_for_bytes(path, recorder):
    """The lists at the start are written once the probe is attached."""
    end = time.monotonic() + live.PATIENCE
    while not (path.exists() and path.stat().st_size > 0):
        assert recorder.poll() is None, recorder.stderr.read()
        assert time.monotonic() < end, "nothing was written"
        time.sleep(0.05)


@pytest.fixture
def recording(tmp_path):
    """A recording of what one program and its children did."""
    demand_live()
    if not shutil.which("sysdig"):
        (pytest.fail if live.IN_CI else pytest.skip)("sysdig is not installed", pytrace=False)
    deeds, program, capture = tmp_path / "deeds.py", tmp_path / "deeds-sh", tmp_path / "x.scap"
    deeds.write_text(DEEDS)
    shutil.copy("/bin/sh", program)
    recorder = subprocess.Popen(
        [live.PROGRAM, "record", "-w", capture, "-o", "log_syslog=false",
         "proc.name = deeds-sh or proc.aname = deeds-sh"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_for_bytes(capture, recorder)
        subprocess.run([program, "-c", f"cat /etc/passwd > /dev/null; "
                        f"/usr/bin/python3 {deeds} {tmp_path}; true"], check=True)
    finally:
        recorder.terminate()
        said = recorder.communicate(timeout=20)[1]
    assert recorder.returncode == 0, said
    return capture


def test_sysdig_reads_the_same_events_in_a_recording(recording):
    fields = [name for name in independent_reader.fields_of_both(live.PROGRAM)
              if independent_reader.is_in(name, independent_reader.OF_RECORDINGS)]
    result = independent_reader.Comparison()
    independent_reader.compare(result, live.PROGRAM, recording, fields, is_recorded=True)
    assert not result.differed, result.explain()
    assert not result.missing
    assert not set(result.only_ours) - set(independent_reader.ONLY_OURS)
    done = {"execve", "openat", "read", "connect", "sendto", "mkdir", "rename", "rmdir", "unlink",
            "setuid"}
    assert done <= set(result.types)
