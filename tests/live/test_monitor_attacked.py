# SPDX-License-Identifier: Apache-2.0
"""Attacks on a running monitor: what it does not lose comes, what it loses is counted, and it goes on."""

import ctypes
import itertools
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import evasion
import monitor as live

RULES = """
- rule: Opened
  desc: a file of the test
  condition: evt.type in (open, openat, creat) and fd.name startswith PLACE/
  output: "%fd.name %proc.pid %proc.name"
  priority: NOTICE
- rule: Urgent
  desc: another one, of more weight
  condition: evt.type in (open, openat, creat) and fd.name startswith PLACE.urgent
  output: "%fd.name"
  priority: CRITICAL
"""
EVERY_OPEN = """
- rule: Looked at
  desc: matches nothing, and yet each open must be looked at, for the kernel cannot tell
  condition: evt.type in (open, openat, creat) and fd.name icontains "/dev/nothing-here"
  output: "%fd.name"
  priority: NOTICE
"""
LOST = "Falco internal: syscall event drop"
BLIND = "Saker internal: events do not arrive"

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


@pytest.fixture
def place(live_machine, tmp_path):
    """A directory to open files in, with the rules that tell of it."""
    directory = tmp_path / "place"
    directory.mkdir()
    (tmp_path / "rules.yaml").write_text(RULES.replace("PLACE", str(directory)))
    return directory


def rules_of(place):
    return [place.parent / "rules.yaml"]


def options(**keys):
    return [part for key, value in keys.items() for part in ("-o", f"{key.replace('__', '.')}={value}")]


def touch(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


def wait_for_mark(running, place, name):
    """What happens before is judged when this returns."""
    touch(place / name)
    running.wait_for("Opened", fd_name=str(place / name))


def count(what, said):
    found = re.search(rf"^{what}: (\d+)", said, re.MULTILINE)
    return int(found[1]) if found else 0


def channel(running, name):
    """Sent, dropped, failed, as they are told at the end."""
    found = re.search(rf"^Output {name}: (\d+) sent, (\d+) dropped, (\d+) failed", running.said, re.MULTILINE)
    assert found, running.said
    return [int(number) for number in found.groups()]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Stopped:
    """Held up by SIGSTOP."""

    def __init__(self, running):
        self.process = running.process

    def __enter__(self):
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)


class Frozen:
    """Held up by the freezer of cgroups, of either version."""

    def __init__(self, running):
        self.pid = running.process.pid
        name = f"saker-attacked-{os.getpid()}"
        for root, state, words in (("/sys/fs/cgroup", "cgroup.freeze", ("1", "0")),
                                   ("/sys/fs/cgroup/unified", "cgroup.freeze", ("1", "0")),
                                   ("/sys/fs/cgroup/freezer", "freezer.state", ("FROZEN", "THAWED"))):
            self.group = Path(root, name)
            try:
                self.group.mkdir()
            except OSError:
                continue
            if (self.group / state).exists():
                break
            self.group.rmdir()
        else:
            (pytest.fail if live.IN_CI else pytest.skip)("no freezer of cgroups")
        self.parent = self.group.parent
        self.state, self.words = self.group / state, words
        (self.group / "cgroup.procs").write_text(str(self.pid))

    def __enter__(self):
        self.state.write_text(self.words[0])

    def __exit__(self, *_):
        self.state.write_text(self.words[1])
        (self.parent / "cgroup.procs").write_text(str(self.pid))
        self.group.rmdir()


class Traced:
    """The thread that reads events, held up by a tracer."""

    ATTACH, DETACH = 16, 17
    PTRACE = {"x86_64": 101, "aarch64": 117}[os.uname().machine]

    def __init__(self, running):
        self.pid = running.process.pid

    def ptrace(self, request):
        assert libc.syscall(self.PTRACE, request, self.pid, 0, 0) == 0, os.strerror(ctypes.get_errno())

    def __enter__(self):
        self.ptrace(self.ATTACH)
        os.waitpid(self.pid, 0)

    def __exit__(self, *_):
        self.ptrace(self.DETACH)


@pytest.mark.parametrize("hold", [Stopped, Frozen, Traced])
def test_what_is_lost_while_it_is_held_up_is_counted(place, hold):
    """The rings take what they can; the rest is counted, told, and nothing else is wrong afterwards."""
    opens, path = 60000, rules_of(place)[0]
    path.write_text(path.read_text() + EVERY_OPEN)
    with live.Monitor(*options(engine__modern_ebpf__buf_size_preset=1, engine__modern_ebpf__discard_in_kernel="false"),
                      rules=[path]) as running:
        running.wait_ready()
        wait_for_mark(running, place, "before")
        with hold(running):
            touch(place / "during")
            for _ in range(opens):
                os.close(os.open("/dev/null", os.O_RDONLY))
        running.wait_for("Opened", fd_name=str(place / "during"))
        running.wait_for(LOST)
        wait_for_mark(running, place, "after")
        assert running.stop() == 0
    read, lost = (count(what, running.said) for what in ("Events", "Drops"))
    assert read + lost >= opens, running.said
    # Others may make something else be lost meanwhile.
    assert 0 < count("  ring full", running.said) <= lost, running.said
    assert "events were lost" in running.said
    assert not running.find(BLIND) and not count("Heartbeats that did not arrive", running.said), running.said


def health(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=live.PATIENCE) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_monitor_whose_reader_is_held_up_does_not_look_healthy(place):
    port = free_port()
    with live.Monitor(*options(webserver__enabled="true", webserver__listen_port=port),
                      rules=rules_of(place)) as running:
        running.wait_ready()
        assert health(port) == 200
        with Traced(running):
            end = time.monotonic() + live.PATIENCE
            while health(port) == 200:
                assert time.monotonic() < end, "it looks healthy"
                time.sleep(0.1)
        running.wait_until(lambda: health(port) == 200, "its being well again")
        alert = running.wait_for("Saker internal: held up")
        assert alert["priority"] == "Critical" and int(alert.fields["seconds"]) >= 10, alert
        assert running.stop() == 0


class Unread(live.Monitor):
    """One whose standard output nobody reads for a while."""

    def __init__(self, *arguments, **keys):
        self.may_read = threading.Event()
        super().__init__(*arguments, **keys)

    def _read_stdout(self):
        self.may_read.wait(4 * live.PATIENCE)
        super()._read_stdout()

    def __exit__(self, *_):
        self.may_read.set()
        super().__exit__()


def alerts_in(path, is_over=False):
    """Every line is whole but one that is just being written."""
    text = path.read_text() if path.exists() else ""
    assert text.endswith("\n") or not text or not is_over
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def names_in(path, is_over=False):
    return [alert["output_fields"]["fd.name"] for alert in alerts_in(path, is_over)]


def wait_until(condition, what):
    end = time.monotonic() + live.PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("recovery", ["continue", "empty"])
def test_outputs_that_nobody_reads_hold_up_nothing(place, tmp_path, recovery):
    """A pipe that is full, a program that hangs, a server that never answers: what has no room there is
    counted, urgent alerts are not pushed out by others, and the file gets all of them."""
    kept, flood, urgent = tmp_path / "alerts", 3000, 20
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with Unread(*options(file_output__enabled="true", file_output__filename=kept,
                             program_output__enabled="true", program_output__keep_alive="true",
                             program_output__program="exec sleep 1000",
                             http_output__enabled="true",
                             http_output__url=f"http://127.0.0.1:{silent.getsockname()[1]}/",
                             outputs_queue__capacity=300, outputs_queue__recovery=recovery,
                             output_timeout=1000),
                    rules=rules_of(place)) as running:
            running.wait_ready()
            for i in range(flood):
                touch(place / f"notice-{i}")
                # The file's own queue is as short: it must get the chance to be written.
                if i % 100 == 0:
                    wait_until(lambda: str(place / f"notice-{i}") in names_in(kept), "the file's alerts")
                if i % 300 == 299:
                    touch(f"{place}.urgent-{i * urgent // flood}")
            wait_until(lambda: len(alerts_in(kept)) == flood + 10, "all alerts in the file")
            running.may_read.set()
            assert running.stop() == 0
        wanted = [f"{place}.urgent-{i * urgent // flood}" for i in range(299, flood, 300)]
        assert [alert.fields["fd.name"] for alert in running.find("Urgent")] == wanted
    assert channel(running, "file") == [flood + 10, 0, 0]
    for name in ("stdout", "program", "http"):
        sent, dropped, failed = channel(running, name)
        assert sent + dropped + failed == flood + 10, running.said
        assert dropped > 0, running.said
    assert channel(running, "stdout")[0] == len(running.alerts)
    assert "of priority Critical" not in running.said, running.said
    assert re.search(r"^  queue_(full|emptied): \d+$", running.said, re.MULTILINE), running.said


class SmallDisk:
    """A file system that is full soon."""

    said = "No space left on device"

    def __init__(self, tmp_path):
        self.path = tmp_path / "small"
        self.path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "saker-test", self.path], check=True)

    def limit(self, running):
        pass

    def lift(self, running):
        subprocess.run(["mount", "-o", "remount,size=16m", self.path], check=True)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=True)


class SmallFiles:
    """A limit to the size of files that was put upon the monitor."""

    said = "File too large"

    def __init__(self, tmp_path):
        self.path = tmp_path

    def limit(self, running):
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))

    def lift(self, running):
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self):
        pass


@pytest.mark.parametrize("small", [SmallDisk, SmallFiles])
def test_a_file_that_must_not_grow_loses_nothing_silently(place, tmp_path, small):
    small = small(tmp_path)
    kept, opens = small.path / "alerts", 1500
    try:
        with live.Monitor(*options(file_output__enabled="true", file_output__keep_alive="true",
                                   file_output__filename=kept, outputs_queue__capacity=500),
                          rules=rules_of(place)) as running:
            running.wait_ready()
            small.limit(running)
            for i in range(opens):
                touch(place / f"file-{i}")
                # Standard output has no more room than the file: it must be read in between.
                if i % 100 == 99:
                    running.wait_for("Opened", fd_name=str(place / f"file-{i}"))
            wait_for_mark(running, place, "others-get-all")
            running.wait_until(lambda: small.said in running.said, "its word")
            running.wait_until(lambda: len(running.alerts) == opens + 1, "all of them")
            touch(f"{place}.urgent")
            running.wait_for("Urgent")
            small.lift(running)
            running.wait_until(lambda: "output file: works again" in running.said, "its working again")
            assert running.stop() == 0
        names = names_in(kept, is_over=True)
        sent, dropped, failed = channel(running, "file")
        assert [sent, sent + dropped, failed] == [len(names), opens + 2, 0], running.said
        assert dropped > 0 and f"{place}.urgent" in names
        assert channel(running, "stdout") == [opens + 2, 0, 0]
    finally:
        small.close()


def test_a_log_that_must_not_grow_does_not_end_it(place, tmp_path):
    """Its own words to a file: what it cannot say any more costs it nothing."""
    kept = tmp_path / "alerts"
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            [live.PROGRAM, "-r", rules_of(place)[0], *options(
                json_output="true", syslog_output__enabled="false", webserver__enabled="false",
                file_output__enabled="true", file_output__filename=kept)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
    try:
        wait_until(lambda: " ready" in (tmp_path / "log").read_text(), "the ready line")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE,
                         ((tmp_path / "log").stat().st_size, resource.RLIM_INFINITY))
        process.send_signal(signal.SIGHUP)
        touch(place / "first")
        wait_until(lambda: str(place / "first") in names_in(kept), "the first alert")
        process.send_signal(signal.SIGHUP)
        touch(place / "second")
        wait_until(lambda: str(place / "second") in names_in(kept), "the second alert")
        process.send_signal(signal.SIGINT)
        assert process.wait(live.PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("shift", [86400, -600], ids=["ahead", "behind"])
def test_in_a_time_namespace_times_are_right(place, tmp_path, shift):
    """Clocks that count from the start of the machine say something else there than the kernel."""
    if time.clock_gettime(time.CLOCK_BOOTTIME) < -shift + 60:
        shift = -int(time.clock_gettime(time.CLOCK_BOOTTIME) / 2)
    under = ["unshare", "--time", "--boottime", str(shift), "--monotonic", str(shift)]
    if subprocess.run([*under, "true"], check=False).returncode:
        (pytest.fail if live.IN_CI else pytest.skip)("no time namespaces")
    rules = tmp_path / "times.yaml"
    rules.write_text(RULES.replace("PLACE", str(place)).replace(
        "%proc.name", "%proc.name %evt.rawtime %proc.pid.ts %proc.duration %proc.ppid.ts"))
    # It was there before.
    before = time.time_ns()
    child = subprocess.Popen(["sh", "-c", f"read go; : >{place}/deed; read go"], stdin=subprocess.PIPE)
    try:
        with live.Monitor(rules=[rules], under=under) as running:
            running.wait_ready()
            start = time.time_ns()
            child.stdin.write(b"\n")
            child.stdin.flush()
            fields = running.wait_for("Opened", fd_name=str(place / "deed"), timeout=5).fields
            end = time.time_ns()
            assert running.stop() == 0
    finally:
        child.communicate(b"\n")
    slack = 10**9 // os.sysconf("SC_CLK_TCK")
    assert start - slack < fields["evt.rawtime"] < end + slack, fields
    assert before - slack < fields["proc.pid.ts"] < start, fields
    assert start - fields["proc.pid.ts"] - slack < fields["proc.duration"] < end - before + slack, fields
    assert before - 10**9 * 86400 < fields["proc.ppid.ts"] < before, fields


RUBBISH = {
    "gone": lambda path: None,
    "bytes": lambda path: path.write_bytes(os.urandom(65536)),
    "cut": lambda path: path.write_text(RULES[:RULES.index("creat)")]),
    "no-condition": lambda path: path.write_text("- rule: X\n  desc: x\n  condition:\n  output: x\n  priority: ERROR"),
    "directory": lambda path: path.joinpath("nothing").mkdir(parents=True),
    "pipe": os.mkfifo,
    "link-to-itself": lambda path: path.symlink_to("rules.yaml"),
    "endless": lambda path: path.symlink_to("/dev/zero"),
}


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("what", RUBBISH)
def test_rules_that_become_rubbish_leave_the_old_ones(place, what):
    """Whatever stands in their place; and what is put there afterwards is read."""
    path, = rules_of(place)
    good = path.read_text()
    with live.Monitor("-o", "watch_config_files=false", rules=[path]) as running:
        running.wait_ready()
        remove(path)
        RUBBISH[what](path)
        running.process.send_signal(signal.SIGHUP)
        wait_for_mark(running, place, "while")
        running.wait_until(lambda: "reload: failed" in running.said, "the reload's end")
        wait_for_mark(running, place, "after")
        remove(path)
        path.write_text(good.replace("rule: Opened", "rule: Opened anew"))
        running.process.send_signal(signal.SIGHUP)
        running.wait_until(lambda: "reload: done" in running.said, "a reload")
        touch(place / "anew")
        running.wait_for("Opened anew", fd_name=str(place / "anew"))
        assert running.stop() == 0


def test_rules_that_change_all_the_time_lose_no_alert(place):
    """The file is replaced, cut and gone by turns, as fast as can be, and watched."""
    path, = rules_of(place)
    good, opens = path.read_text(), 300
    with live.Monitor(rules=[path]) as running:
        running.wait_ready()
        # A pipe is waited for, for longer than all of this takes.
        ways = itertools.cycle(make for what, make in RUBBISH.items() if what != "pipe")
        new = path.parent / "new"
        for i in range(opens):
            # At once: half a file may be a good one, of fewer rules.
            if i % 2:
                new.write_text(good)
            else:
                next(ways)(new)
            remove(path)
            if os.path.lexists(new):
                new.rename(path)
            touch(place / f"turn-{i}")
            time.sleep(0.005)
        remove(path)
        new.write_text(good.replace("rule: Opened", "rule: Opened anew"))
        new.rename(path)
        running.wait_until(lambda: (touch(place / "anew"), running.find("Opened anew"))[1], "the last ones")
        assert running.stop() == 0
    seen = {alert.fields["fd.name"] for alert in running.find("Opened")}
    missing = [i for i in range(opens) if f"{place}/turn-{i}" not in seen]
    assert not missing, (missing, running.said)


def test_processes_that_are_killed_in_a_call_are_who_they_are(place):
    """Each names its files after itself; no alert may have another's name, whenever it was killed."""
    children = 300
    with live.Monitor(rules=rules_of(place)) as running:
        running.wait_ready()
        for i in range(children):
            child = os.fork()
            if child == 0:
                path = f"{place}/of-{os.getpid()}"
                while True:
                    try:
                        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                    finally:
                        continue
            if i % 3 == 0:
                time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        wait_for_mark(running, place, "last")
        assert running.stop() == 0
    seen = [alert.fields for alert in running.find("Opened") if "/of-" in alert.fields["fd.name"]]
    assert seen
    wrong = [fields for fields in seen if fields["fd.name"] != f"{place}/of-{fields['proc.pid']}"]
    assert not wrong, wrong[:5]


def test_calls_that_there_are_not_cost_nothing(place, tmp_path):
    """Anybody may make calls of nonsense numbers, as fast as he likes."""
    rules = tmp_path / "all.yaml"
    rules.write_text(RULES.replace("PLACE", str(place)) + f"""
- rule: Anything
  desc: all that one process does
  condition: proc.exepath startswith {place}/
  output: "%evt.type %evt.arg.ID"
  priority: NOTICE
""")
    numbers = [-1, 463 + 40, 511, 512, 513, 1023, 1024, 65535, 65536, 2**31 - 1, -2**31, 2**32 - 1, 2**32,
               2**32 + 2, 0x40000000, 0x40000000 + 600, 2**63 - 1, -2**63]
    with live.Monitor(rules=[rules]) as running:
        running.wait_ready()
        child = os.fork()
        if child == 0:
            os.setgid(65534)
            os.setuid(65534)
            for _ in range(2000):
                for number in numbers:
                    libc.syscall(ctypes.c_long(number), -1, -1, -1, -1, -1, -1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        wait_for_mark(running, place, "after")
        assert running.stop() == 0
    assert count("Events that could not be decoded", running.said) == 0, running.said
