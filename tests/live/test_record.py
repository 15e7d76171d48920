# SPDX-License-Identifier: Apache-2.0
"""Recordings: what is recorded means the same when it is replayed, and to Debian's sysdig."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import monitor as live
from monitor import IN_CI, PATIENCE, PROGRAM, Monitor

# All that happens on the machine is recorded.
pytestmark = pytest.mark.again_if_lost

# Every rule of it, with as many facts of the process and the descriptor as rules can ask for.
RULES = """
- rule: exec
  desc: of a test
  condition: evt.type in (execve, execveat)
  output: "%evt.time %proc.name %proc.cmdline %proc.exepath %proc.pname %proc.aname[2] %proc.aexepath[3]
    %proc.cwd %proc.tty %user.name %user.loginuid %group.name %proc.sid %proc.vpid %proc.pid %proc.ppid
    %proc.is_exe_writable %proc.exe_ino %proc.duration %proc.ppid.duration %container.id %proc.env"
  priority: WARNING
- rule: open
  desc: of a test
  condition: evt.type in (open, openat, openat2, creat)
  output: "%proc.name %proc.pid %thread.tid %fd.name %fd.num %fd.directory %fs.path.name %fd.ino %evt.args
    %evt.res %proc.pcmdline %proc.exepath"
  priority: WARNING
- rule: passwd under either name
  desc: of a test
  condition: evt.type = openat and fd.name = /etc/passwd
  output: "%fd.name %fd.nameraw %proc.cmdline %thread.tid"
  priority: WARNING
- rule: net
  desc: of a test
  condition: evt.type in (connect, accept, accept4, sendto, recvfrom, bind, listen, socket, sendmsg)
  output: "%proc.name %fd.name %fd.sip %fd.sport %fd.cip %fd.cport %fd.lip %fd.rip %fd.l4proto %fd.type
    %evt.args %fd.is_server %thread.tid"
  priority: WARNING
- rule: data
  desc: of a test
  condition: evt.type in (read, write, close, dup, dup2, fcntl)
  output: "%evt.type %proc.name %fd.name %fd.type %evt.rawres %evt.arg.data %thread.tid"
  priority: WARNING
- rule: process
  desc: of a test
  condition: evt.type in (clone, clone3, fork, vfork, procexit, chdir, fchdir, setuid, prctl, kill, unlink,
    unlinkat, symlink, symlinkat, rename, renameat2, mkdir)
  output: "%evt.type %proc.name %proc.pname %proc.cmdline %evt.args %fs.path.name %fs.path.source
    %fs.path.target %proc.cwd %proc.nthreads %proc.nchilds %proc.aexepath[1] %proc.pid %thread.tid"
  priority: WARNING
"""

QUIET = ["-o", "syslog_output.enabled=false", "-o", "json_output=true",
         "-o", "rule_matching=all", "-o", "outputs_queue.capacity=1000000"]

WORK = """
import os, socket, subprocess, sys
directory = sys.argv[1]
os.symlink('/etc/passwd', directory + '/link')
open(directory + '/link').read()
open('/etc/../etc/passwd').read()
os.unlink(directory + '/link')
with open(directory + '/direct', 'w') as f:
    f.write('text')
listener = socket.socket(); listener.bind(('127.0.0.1', 0)); listener.listen()
client = socket.create_connection(listener.getsockname()); server, _ = listener.accept()
client.send(b'hello'); server.recv(10)
for i in range(3):
    subprocess.run(['/bin/true'])
subprocess.run('cd /tmp && cat /etc/hostname | wc -c; (sleep 0.01; echo x > ' + directory + '/made)',
               shell=True, stdout=subprocess.DEVNULL)
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def work(place):
    subprocess.run([sys.executable, place / "work.py", place], check=True, timeout=60)


def replay(place, capture, rules="rules.yaml"):
    """The alerts of a capture's replay, line by line."""
    done = subprocess.run([PROGRAM, "replay", capture, "-r", place / rules, *QUIET],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def wait_for_file(path, process):
    deadline = time.monotonic() + PATIENCE
    while not (path.exists() and path.stat().st_size):
        assert process.poll() is None, f"saker ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.02)


class Recorder:
    """A running saker record; leaving it ends it."""

    def __init__(self, path, *arguments):
        self.path = Path(path)
        self.process = subprocess.Popen([PROGRAM, "record", "-w", path, *map(str, arguments)],
                                        stderr=subprocess.PIPE, text=True)
        wait_for_file(self.path, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.said = self.process.communicate(timeout=60)[1]
        losses = live.Losses()
        for line in self.said.splitlines():
            losses.hear(line)
        assert self.process.returncode == 0, self.said


def read(capture, output, *filters):
    done = subprocess.run([PROGRAM, "read", capture, "-p", output, *filters],
                          capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="session")
def sysdig():
    program = shutil.which("sysdig")
    if not program:
        (pytest.fail if IN_CI else pytest.skip)("sysdig is not there: apt-get install sysdig",
                                                pytrace=False)

    def run(capture, *arguments):
        done = subprocess.run([program, "-r", str(capture), *arguments], capture_output=True,
                              text=True, errors="replace", timeout=300)
        assert done.returncode == 0, f"sysdig ended with {done.returncode}: {done.stderr}"
        return done.stdout.splitlines()
    return run


def difference(live_lines, replayed):
    """The first alerts that are not the same, by field."""
    for one, other in zip(live_lines, replayed):
        if one != other:
            a, b = json.loads(one), json.loads(other)
            fields = {k: (v, b["output_fields"].get(k)) for k, v in a["output_fields"].items()
                      if v != b["output_fields"].get(k)}
            return f"{a['rule']} and {b['rule']} at {a['time']}: {fields}"
    return f"{len(live_lines)} alerts live, {len(replayed)} replayed"


def test_a_recordings_replay_gives_the_alerts_of_the_live_run(live_machine, place):
    capture = place / "run.scap"
    # A process that was there before.
    old = subprocess.Popen(["sh", "-c", "read line; cat /etc/hostname"], stdin=subprocess.PIPE,
                           stdout=subprocess.DEVNULL)
    with Monitor("-w", capture, *QUIET, "-o", "engine.modern_ebpf.buf_size_preset=8",
                 rules=[place / "rules.yaml"]) as running:
        running.wait_ready()
        work(place)
        old.communicate(b"\n", timeout=PATIENCE)
        running.wait_for("passwd under either name", matching=lambda a: str(place) in str(a.fields))
        running.wait_for("open", matching=lambda a: a.fields["fd.name"] == str(place / "made"))
        assert running.stop() == 0
        lines = [line for line in running.lines if line.startswith("{")]
    replayed = replay(place, capture)
    assert any('"rule":"net"' in line for line in lines)
    assert lines == replayed, difference(lines, replayed)


def test_what_is_recorded_compressed_is_the_same(live_machine, place, sysdig):
    capture = place / "run.scap.gz"
    with Recorder(capture) as recording:
        work(place)
    assert capture.read_bytes()[:2] == b"\x1f\x8b"
    assert "Recorded:" in recording.said
    found = read(capture, "%proc.name %fd.name", "evt.type = openat and proc.name = sh")
    assert f"sh {place}/made" in found
    assert any(str(place / "made") in line for line in sysdig(capture, "evt.type=openat"))


def test_a_filter_chooses_what_is_recorded(live_machine, place):
    capture = place / "run.scap"
    with Recorder(capture, "evt.type = openat and fd.name startswith", place) as running:
        work(place)
    lines = read(capture, "%evt.type %proc.name %proc.pname %fd.name")
    assert {line.split()[0] for line in lines} == {"openat"}
    assert f"openat sh sh {place}/made" in lines, lines
    # What is there so that readers know the processes is told apart.
    assert f"Recorded: {len(lines)} events," in running.said, running.said
    assert "and so that readers know the processes: " in running.said, running.said


def test_a_wrong_filter_is_told(program, place):
    done = subprocess.run([program, "record", "-w", place / "x.scap", "evt.typ = open"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "evt.typ" in done.stderr and "^" in done.stderr
    assert not (place / "x.scap").exists()


FIELDS = ["evt.rawtime", "evt.type", "thread.tid", "proc.pid", "proc.name", "user.uid",
          "proc.cmdline", "proc.pname", "proc.cwd", "proc.exe", "proc.vpid", "thread.vtid",
          "user.name", "fd.name"]

# Where sysdig shows something else: field, calls (None: all), why.
BY_DESIGN = [
    ("fd.name", {"close"}, "when the probe is asked, a closed descriptor's file is not known any more"),
    ("fd.name", {"mmap", "fstat", "fchmod", "getdents64", "unlinkat", "fcntl"},
     "the two do not take the same calls to be about a descriptor"),
    ("fd.name", {"read", "write", "lseek", "pread", "ioctl", "sendto", "recvfrom"},
     "sysdig follows names as they were given, and not through dup2 and accept4, which are newer "
     "than it; the probe asks the kernel where a file is"),
    ("fd.name", {"socket", "bind", "listen", "connect", "socketpair", "epoll_wait", "shutdown",
                 "getsockopt", "setsockopt"},
     "names of sockets that have but one end yet"),
]


def is_by_design(field, call):
    return any(field == f and (calls is None or call in calls) for f, calls, _ in BY_DESIGN)


def test_sysdig_shows_the_same_events_processes_and_names(live_machine, place, sysdig):
    capture = place / "run.scap"
    with Recorder(capture):
        work(place)
    output = "*" + "\t".join("%" + field for field in FIELDS)
    theirs = [line.split("\t") for line in sysdig(capture, "-p", output, "evt.dir=<")]
    ours = [line.split("\t") for line in read(capture, output)]
    # A call that is newer than it has no name there, or is passed over.
    theirs = [row for row in theirs if row[1] != "<unknown>"]
    known = {row[1] for row in theirs}
    ours = [row for row in ours if row[1] in known]
    assert len(theirs) > 100
    # Of every event that it knows.
    assert [row[:3] for row in ours] == [row[:3] for row in theirs]
    workers = [(a, b) for a, b in zip(ours, theirs) if "work.py" in a[6] or str(place) in a[6]]
    assert workers
    wrong = [f"{field} of {a[1]} by {a[4]}: {one!r}, in sysdig {other!r}"
             for a, b in workers for field, one, other in zip(FIELDS, a, b)
             if one != other and not is_by_design(field, a[1])
             # Names that the probe does not tell: of events that have no descriptor for it.
             and not (field == "fd.name" and one in ("", "<NA>"))]
    assert not wrong, "\n".join(wrong[:20])


def test_sysdig_reads_what_is_longer_than_it_takes(live_machine, place, sysdig):
    # Arguments, an environment, a directory and an open file's name.
    deep = os.open(place, os.O_PATH)
    for _ in range(8):
        os.mkdir("d" * 250, dir_fd=deep)
        deeper = os.open("d" * 250, os.O_PATH, dir_fd=deep)
        os.close(deep)
        deep = deeper
    file = os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=deep)
    old = subprocess.Popen(["sh", "-c", "read line; cat /etc/hostname", *["long argument"] * 9000],
                           env={**os.environ, **{f"LONG{i}": "x" * 1000 for i in range(30)}},
                           cwd=f"/proc/self/fd/{deep}", pass_fds=[deep, file],
                           stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    os.close(file)
    os.close(deep)
    try:
        with Recorder(place / "run.scap"):
            old.communicate(b"\n", timeout=PATIENCE)
    finally:
        old.kill()
        old.wait()
    for lines in (sysdig(place / "run.scap", "-p", "*%proc.pcmdline", "evt.type=execve and proc.name=cat"),
                  read(place / "run.scap", "*%proc.pcmdline", "evt.type=execve and proc.name=cat")):
        assert any("cat /etc/hostname long argument long argument" in line for line in lines), lines


@pytest.mark.parametrize("query, name", [
    ("evt.type=openat and proc.name=sh", "{place}/made"),
    ("evt.type=read and proc.name=cat", "/etc/hostname"),
    ("evt.type=write and fd.name endswith /direct", "{place}/direct"),
    ("evt.type=close and fd.name endswith /direct", "{place}/direct"),
])
def test_sysdig_shows_the_names_of_descriptors(live_machine, place, sysdig, query, name):
    capture = place / "run.scap"
    with Recorder(capture):
        work(place)
    lines = sysdig(capture, "-p", "%evt.dir %fd.name", query)
    wanted = name.format(place=place)
    assert f"< {wanted}" in lines, lines


def test_sysdig_knows_what_was_open_before(live_machine, place, sysdig):
    capture = place / "run.scap"
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    with open(place / "old", "w") as old:
        with Recorder(capture):
            os.write(old.fileno(), b"x")
            client.send(b"y")
            server.recv(1)
        tuple_text = "{}:{}->{}:{}".format(*client.getsockname(), *client.getpeername())
    lines = sysdig(capture, "-p", "%evt.type %fd.name", f"proc.pid={os.getpid()} and evt.dir=<")
    assert f"write {place}/old" in lines
    assert f"sendto {tuple_text}" in lines, [line for line in lines if "sendto" in line]
    assert f"recvfrom {tuple_text}" in lines
    for end in (listener, client, server):
        end.close()


def test_a_full_disk_is_counted_and_ends_nothing(live_machine, place):
    disk = place / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], check=True)
    try:
        (place / "one.yaml").write_text(
            "- rule: made\n  desc: x\n  condition: evt.type in (open, openat) and fd.name endswith /made\n"
            "  output: '%fd.name'\n  priority: WARNING\n")
        with Monitor("-w", disk / "run.scap", *QUIET, rules=[place / "one.yaml"]) as running:
            running.wait_ready()
            end = time.monotonic() + 60
            while "No space left" not in running.said and time.monotonic() < end:
                work(place)
                subprocess.run("find /usr/share/doc | wc -c", shell=True, stdout=subprocess.DEVNULL)
            running.wait_until(lambda: "No space left" in running.said, "the warning", 30)
            since = running.mark()
            work(place)
            running.wait_for("made", since)
            assert running.stop() == 1
        assert "not recorded, No space left on device:" in running.said
        lines = read(disk / "run.scap", "%evt.type")
        assert lines
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_recording_that_cannot_begin_is_an_error(live_machine, place):
    for path, why in (("/dev/full", "No space left"), (place / "no" / "x.scap", "No such file")):
        done = subprocess.run([PROGRAM, "record", "-w", path, "-M", "1"], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 1 and why in done.stderr, done.stderr


CAPTURE_RULES = """
- rule: captured
  desc: of a test
  condition: evt.type in (open, openat, creat) and fd.name endswith /trigger
  output: "%proc.name %proc.cmdline %proc.pname %fd.name %evt.time"
  priority: WARNING
  capture: true
  capture_duration: 500
- rule: not captured
  desc: of a test
  condition: evt.type in (open, openat, creat) and fd.name endswith /other
  output: "%proc.name %proc.cmdline %proc.pname %fd.name %evt.time"
  priority: WARNING
"""


@pytest.fixture
def captures(place):
    (place / "capture.yaml").write_text(CAPTURE_RULES)
    directory = place / "captures"
    directory.mkdir()
    return directory


def capturing(place, captures, *more):
    return Monitor("-o", "capture.enabled=true", "-o", f"capture.path_prefix={captures}/c",
                   "-o", "capture.before_mb=64", *QUIET, *more, rules=[place / "capture.yaml"])


def touch(path):
    subprocess.run(["sh", "-c", f"echo x > {path}"], check=True)


def ended(running, count=1):
    return running.wait_until(
        lambda: [m for m in running.messages if "capture: /" in m and "has" in m][count - 1:],
        "the end of a capture", 30)


def test_an_alert_makes_a_capture_of_before_and_after(live_machine, place, captures):
    with capturing(place, captures) as running:
        running.wait_ready()
        touch(place / "before")
        touch(place / "other")
        running.wait_for("not captured")
        touch(place / "trigger")
        running.wait_for("captured")
        touch(place / "after")
        ended(running)
        touch(place / "late")
        touch(place / "other")
        assert running.stop() == 0
        alerts = [line for line in running.lines if '"rule":"captured"' in line]
    files = sorted(captures.iterdir())
    assert len(files) == 1, files
    assert len(files[0].name) == len("c_") + 20 + 1 + 20 + len(".scap")
    opened = read(files[0], "%fd.name", "evt.type in (open, openat)")
    for name, is_there in (("before", True), ("trigger", True), ("after", True), ("late", False)):
        assert (str(place / name) in opened) == is_there, name
    assert [line for line in replay(place, files[0], "capture.yaml")
            if '"rule":"captured"' in line] == alerts
    assert "Captures: 1 with" in running.said


def test_captures_of_all_rules_are_bounded_in_number(live_machine, place, captures):
    with capturing(place, captures, "-o", "capture.mode=all_rules", "-o", "capture.max_files=2",
                   "-o", "capture.default_duration=1") as running:
        running.wait_ready()
        for i in range(4):
            touch(place / "other")
            ended(running, i + 1)
        assert running.stop() == 0
    assert len(list(captures.iterdir())) == 2
    assert "Captures: 4 with" in running.said


def test_a_filter_ends_a_capture(live_machine, place, captures):
    with capturing(place, captures, "-o", "capture.mode=all_rules",
                   "-o", "capture.default_duration=600000",
                   "-o", "capture.stop_filter=evt.type=openat and fd.name endswith /stop") as running:
        running.wait_ready()
        touch(place / "other")
        running.wait_for("not captured")
        touch(place / "stop")
        touch(place / "after")
        ended(running)
        assert running.stop() == 0
    opened = read(next(captures.iterdir()), "%fd.name", "evt.type in (open, openat)")
    assert str(place / "stop") in opened and str(place / "after") not in opened


def test_without_rules_that_capture_nothing_more_is_collected(live_machine, place, captures):
    (place / "capture.yaml").write_text(CAPTURE_RULES.replace("capture: true", "capture: false"))
    with capturing(place, captures) as running:
        running.wait_ready()
        assert "no rule has `capture: true`" in running.said
        assert running.stop() == 0
