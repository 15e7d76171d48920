# SPDX-License-Identifier: Apache-2.0
"""What the kernel discards: nothing that a rule wants, and most of what none does.

Each case has one rule, something just outside of it that is done many times, and ways into it, each of
which must give an alert. The counts at the end tell that what was outside was discarded, and that no
sample of it was wrong.
"""

import ctypes
import fcntl
import itertools
import os
import platform
import re
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

import monitor as live

TIMES = 400
# Of so many events that are discarded one is looked at.
SAMPLE = 8

READ = "evt.type in (open, openat, openat2) and evt.is_open_read = true and evt.failed = false"
libc = ctypes.CDLL(None, use_errno=True)
serial = itertools.count(1)


def opened(path, flags=os.O_RDONLY, **options):
    try:
        os.close(os.open(path, flags, **options))
    except OSError:
        pass


class Place:
    """Two directories with a file each, and ways to say their names."""

    def __init__(self, root):
        self.root = root
        for name in ("secret", "secrets", "open"):
            (root / name / "deep").mkdir(parents=True)
            (root / name / "file").write_text("x")
            (root / name / "deep" / "file").write_text("x")
        (root / "link").symlink_to(root / "secret")
        (root / "open" / "link").symlink_to("../secret/file")
        (root / "secret" / "pipe").symlink_to("/dev/null")
        self.socket = socket.socket()

    def __truediv__(self, name):
        return str(self.root / name)

    def fcntl_by(self, way, fd, command, argument):
        if way == "native":
            return libc.fcntl(fd, command, argument)
        return self.low_calls().call_32(LOW_WAYS[way], fd, command, argument, 0, 0, 0)

    def low_calls(self):
        library = self.root / "int80.so"
        if not library.exists():
            source = Path(__file__).parent / "helpers" / "int80.c"
            subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-fno-omit-frame-pointer", "-o", library, source],
                           check=True)
        return ctypes.CDLL(str(library))


def from_inside(place, directory, name, flags=os.O_RDONLY):
    """By a name relative to a working directory."""
    before = os.getcwd()
    os.chdir(place / directory)
    try:
        opened(name, flags)
    finally:
        os.chdir(before)


def from_descriptor(place, directory, name, flags=os.O_RDONLY):
    dirfd = os.open(place / directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        opened(name, flags, dir_fd=dirfd)
    finally:
        os.close(dirfd)


def by_proc(place):
    fd = os.open(place / "secret/file", os.O_PATH)
    opened(f"/proc/self/fd/{fd}")
    os.close(fd)


def in_own_root(place):
    """chroot, in a child: the name says less than the kernel knows."""
    child = os.fork()
    if child == 0:
        os.chroot(place / "secret")
        opened("/file")
        os._exit(0)
    os.waitpid(child, 0)


def by_bind_mount(place):
    """In a child with mounts of its own."""
    child = os.fork()
    if child == 0:
        ok = libc.unshare(0x20000) == 0 and libc.mount(b"none", b"/", None, 0x44000, None) == 0
        if ok and libc.mount(os.fsencode(place / "secret"), os.fsencode(place / "open/deep"), None, 4096, None) == 0:
            opened(place / "open/deep/file")
        os._exit(0)
    os.waitpid(child, 0)


def after_rename(place):
    os.rename(place / "secret", place / "other")
    fd = os.open(place / "other", os.O_RDONLY | os.O_DIRECTORY)
    os.rename(place / "other", place / "secret")
    opened("file", dir_fd=fd)
    os.close(fd)


def long_name(place):
    opened(place / ("secret/" + "deep/../" * 60 + "file"))


def pair(family, host):
    server = socket.create_server((host, 0), family=family)
    client = socket.create_connection(server.getsockname()[:2])
    other, _ = server.accept()
    return [server, client, other]


def connect_to(host, port=9):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect((host, port))
        except OSError:
            pass


def over_loopback():
    for s in pair(socket.AF_INET, "127.0.0.1") + pair(socket.AF_INET6, "::1"):
        s.close()


def standard_stream():
    """A descriptor below 3, in a child."""
    child = os.fork()
    if child == 0:
        for fd in range(3):
            os.close(fd)
        over_loopback()
        os._exit(0)
    os.waitpid(child, 0)


def copied(*arguments):
    """fcntl(F_DUPFD or another command, 0) of a socket onto the lowest number that a child has free."""
    def act(place):
        child = os.fork()
        if child == 0:
            with socket.socket() as s:
                os.close(0)
                place.fcntl_by(arguments[0], s.fileno(), *arguments[1:])
            os._exit(0)
        os.waitpid(child, 0)
    return act


def put_in_place(path, family=socket.AF_INET, place=0):
    """A file, or a socket, as standard input, in a child."""
    child = os.fork()
    if child == 0:
        with socket.socket(family) as s:
            fd = os.open(path, os.O_RDONLY) if path else s.fileno()
            if place is None:
                os.close(0)
                libc.dup(fd)
            else:
                os.dup2(fd, place)
        os._exit(0)
    os.waitpid(child, 0)


def set_flags(path, is_socket=False):
    if is_socket:
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            fcntl.fcntl(s.fileno(), fcntl.F_SETFL, os.O_NONBLOCK)
    else:
        with open(path, "rb") as file:
            fcntl.fcntl(file.fileno(), fcntl.F_SETFL, os.O_NONBLOCK)


def other_commands(place, ways=("native",)):
    """Those that programs use, whose results are 0, 1 and 2 as well."""
    with socket.socket() as s:
        for way in ways:
            flags = place.fcntl_by(way, s.fileno(), fcntl.F_GETFL, 0)
            assert flags == os.O_RDWR
            assert place.fcntl_by(way, s.fileno(), fcntl.F_SETFL, flags) == 0
            assert place.fcntl_by(way, s.fileno(), fcntl.F_GETFD, 0) == fcntl.FD_CLOEXEC
            assert place.fcntl_by(way, s.fileno(), fcntl.F_SETFD, fcntl.FD_CLOEXEC) == 0


# The numbers of fcntl and fcntl64 of 32-bit programs, which every program may use.
LOW_WAYS = {"int 0x80": 55, "int 0x80, 64": 221} if platform.machine() == "x86_64" else {}


# Rule, what is outside (None: nothing that is discarded), and what must be seen; `p` is a Place.
CASES = {
    "names that begin so": (
        READ + " and fd.name startswith {root}/secret/",
        lambda p: (opened(p / "open/file"), opened(p / "secrets/file"), from_inside(p, "open", "file"),
                   from_descriptor(p, "open", "deep/file")),
        {
            "absolute": lambda p: opened(p / "secret/file"),
            "to be written, too": lambda p: opened(p / "secret/file", os.O_RDWR),
            "in a working directory": lambda p: from_inside(p, "secret", "file"),
            "below a descriptor": lambda p: from_descriptor(p, "secret", "deep/file"),
            "a way through the parent": lambda p: from_inside(p, "open", "../secret/file"),
            "a way back": lambda p: opened(p / "open/../secret/file"),
            "two slashes": lambda p: opened(str(p.root) + "//secret/file"),
            "a linked directory": lambda p: opened(p / "link/file"),
            "a link to a file": lambda p: opened(p / "open/link"),
            "a link, seen from its directory": lambda p: from_inside(p, "open", "link"),
            "a link that leads out": lambda p: opened(p / "secret/pipe"),
            "a descriptor's link": by_proc,
            "a root of its own": in_own_root,
            "a bind mount": by_bind_mount,
            "a directory that had another name": after_rename,
            "a long way to say it": long_name,
            "the root's link": lambda p: opened("/proc/self/root" + p / "secret/file"),
        }),
    "names that end so": (
        READ + " and fd.name endswith /deep/file",
        lambda p: (opened(p / "open/file"), from_inside(p, "open", "file")),
        {
            "absolute": lambda p: opened(p / "open/deep/file"),
            "in a working directory": lambda p: from_inside(p, "open", "deep/file"),
            "in the working directory itself": lambda p: from_inside(p, "open/deep", "file"),
            "below a descriptor": lambda p: from_descriptor(p, "open/deep", "file"),
        }),
    "directories, and what is none": (
        READ + " and fd.directory = {root}/open and fd.typechar = f",
        lambda p: (opened(p / "open"), opened(p / "open/deep"), opened(p / "open/deep/file"),
                   from_descriptor(p, "open", "deep", os.O_RDONLY | os.O_DIRECTORY)),
        {"a file": lambda p: opened(p / "open/file"),
         "below a descriptor": lambda p: from_descriptor(p, "open", "file")}),
    "what is opened for": (
        "evt.type in (open, openat, creat) and evt.is_open_write = true and evt.failed = false",
        lambda p: (opened(p / "open/file"), opened(p / "open/none", os.O_WRONLY)),
        {"to write": lambda p: opened(p / "open/file", os.O_WRONLY),
         "to read and write": lambda p: opened(p / "open/file", os.O_RDWR),
         "a file without a name": lambda p: opened(p / "open", os.O_TMPFILE | os.O_RDWR)}),
    "what is made": (
        "evt.type in (open, openat, creat) and evt.is_open_create = true",
        lambda p: (opened(p / "open/file", os.O_RDWR | os.O_CREAT), opened(p / "open/file")),
        {"a file": lambda p: (opened(p / "open/new", os.O_WRONLY | os.O_CREAT), os.unlink(p / "open/new")),
         "a directory, whose flag is a part of O_TMPFILE": lambda p: opened(p / "open", os.O_DIRECTORY)}),
    "failures": (
        "evt.type in (open, openat) and evt.failed = true and fd.name endswith /none",
        lambda p: (opened(p / "open/file"), opened(p / "open/nothing")),
        {"there is none": lambda p: opened(p / "open/none"),
         "relative": lambda p: from_inside(p, "open", "none"),
         "no directory": lambda p: opened(p / "open/file/none")}),
    "ends of connections": (
        "evt.type in (connect, accept, accept4, sendto) and fd.ip != 127.0.0.1 and fd.ip != ::1"
        " and fd.typechar in (4, 6)",
        lambda p: over_loopback(),
        {"another address": lambda p: connect_to("10.254.254.254"),
         "written as IPv6": lambda p: connect_to("::ffff:10.254.254.254")}),
    "addresses of loopback": (
        "evt.type in (connect, sendto) and fd.net = 127.2.0.0/16",
        None,
        {"as IPv4": lambda p: connect_to("127.2.0.1"),
         "as IPv6": lambda p: connect_to("::ffff:127.2.0.1")}),
    "standard streams": (
        "evt.type in (accept, accept4, connect) and (fd.num in (0, 1, 2) or evt.rawres in (1, 2))",
        lambda p: over_loopback(),
        {"closed and made anew": lambda p: standard_stream()}),
    "sockets that are copied": (
        "evt.type = fcntl and fd.type in (ipv4, ipv6) and evt.rawres in (0, 1, 2) and evt.arg.cmd in (F_DUPFD, F_DUPFD_CLOEXEC)",
        other_commands,
        {"by F_DUPFD": copied("native", fcntl.F_DUPFD, 0),
         "by F_DUPFD_CLOEXEC": copied("native", fcntl.F_DUPFD_CLOEXEC, 0),
         **{f"by F_DUPFD, {way}": copied(way, fcntl.F_DUPFD, 0) for way in LOW_WAYS},
         **{f"by F_DUPFD_CLOEXEC, {way}": copied(way, fcntl.F_DUPFD_CLOEXEC, 0) for way in LOW_WAYS}}),
    "sockets that are put in other places": (
        "evt.type in (dup, dup2, dup3) and fd.type in (ipv4, ipv6) and evt.rawres in (0, 1, 2)",
        lambda p: put_in_place(p / "open/file"),
        {"a socket": lambda p: put_in_place(None),
         "one as IPv6": lambda p: put_in_place(None, socket.AF_INET6),
         "one as the lowest number": lambda p: put_in_place(None, place=None)}),
    "what is put in other places": (
        "evt.type in (dup, dup2, dup3) and fd.type in (file, pipe, directory) and evt.rawres in (0, 1, 2)",
        None,
        {"a file": lambda p: put_in_place(p / "open/file"),
         "a directory": lambda p: put_in_place(p / "open")}),
    "commands that copy nothing": (
        "evt.type = fcntl and fd.type in (ipv4, ipv6) and not evt.arg.cmd startswith F_DUP"
        " and not evt.arg.cmd in (F_GETFD, F_SETFD, F_GETFL, F_SETFL)",
        None,
        {"one without a name": lambda p: p.fcntl_by("native", p.socket.fileno(), 99, 0),
         "the owner": lambda p: p.fcntl_by("native", p.socket.fileno(), fcntl.F_GETOWN, 0)}),
    "flags that are set": (
        "evt.type = fcntl and evt.rawres = 0 and evt.arg.cmd = F_SETFL and fd.name startswith {root}/secret/",
        other_commands,
        {"of a file": lambda p: set_flags(p / "secret/file"),
         "of a unix socket": lambda p: set_flags(p / "secret/socket", is_socket=True)}),
    "families of sockets": (
        "evt.type = socket and evt.arg.domain contains AF_PACKET",
        lambda p: socket.socket(socket.AF_UNIX).close(),
        {"one": lambda p: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
         "a type that there is not": lambda p: libc.socket(socket.AF_PACKET, 99, 0)}),
}

PR_SET_NAME = 15


def set_name(name):
    libc.prctl(PR_SET_NAME, name, 0, 0, 0)


def change_name(place, wait):
    set_name(b"loud")
    opened(place / "open/file")
    wait()


def change_name_of_thread(place, wait):
    """Of a thread alone: threads have names of their own."""
    thread = threading.Thread(target=change_name, args=(place, wait))
    thread.start()
    thread.join()


def start_program(place, wait):
    os.execv("/bin/cat", ["cat", place / "open/file"])


def fork(place, wait):
    """A child of it, which then becomes what is meant."""
    child = os.fork()
    if child == 0:
        change_name(place, wait)
        os._exit(0)
    os.waitpid(child, 0)


def cgroups():
    """Where the file system of cgroups of version 2 is; None: nowhere."""
    with open("/proc/self/mounts") as mounts:
        found = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
    return found[0] if found else None


def move(place, wait):
    """Into a cgroup that is called as Docker calls those of containers."""
    root = cgroups()
    group = f"{root}/discards-{os.getpid()}/docker/{'0123456789abcdef' * 4}"
    os.makedirs(group, exist_ok=True)
    try:
        with open(group + "/cgroup.procs", "w") as members:
            members.write(str(os.getpid()))
        opened(place / "open/file")
        wait()
    finally:
        with open(root + "/cgroup.procs", "w") as members:
            members.write(str(os.getpid()))
        os.rmdir(group)
        os.rmdir(os.path.dirname(group))
        os.rmdir(os.path.dirname(os.path.dirname(group)))


# Rule, and what a process becomes that did nothing for which it holds, often.
PROCESSES = {
    "a name": ("proc.name = loud", change_name),
    "a thread's name": ("proc.name = loud", change_name_of_thread),
    "a child": ("proc.name = loud", fork),
    "a program": ("proc.exepath contains cat", start_program),
    "arguments": ("proc.cmdline startswith cat", start_program),
    "a container": ("container.id startswith 0123456789ab", move),
}

RULE = """
- rule: Wanted
  desc: d
  condition: {condition}
  output: wanted
  priority: NOTICE
- rule: End
  desc: d
  condition: evt.type in (mkdir, mkdirat) and evt.failed = false
  output: end %fs.path.name
  priority: NOTICE
"""


@pytest.fixture
def place(live_machine, workshop, request):
    root = workshop / f"discards-{abs(hash(request.node.name)):x}"
    root.mkdir()
    there = Place(root)
    yield there
    there.socket.close()


def count(said, what):
    found = re.search(rf"^{what}: (\d+)", said, re.MULTILINE)
    return int(found[1]) if found else 0


def end(monitor, place, since=0):
    """Returns when all that happened before was judged; twice, because of rings of several CPUs."""
    for _ in range(2):
        path = str(place / f"end-{next(serial)}")
        os.mkdir(path)
        monitor.wait_for("End", since, lambda alert: alert["output"].endswith(path))


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_discarded_that_a_rule_wants(place, tmp_path, case):
    condition, outside, ways = CASES[case]
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULE.format(condition=condition.format(root=place.root)))
    missed = []
    with live.Monitor("-o", f"engine.modern_ebpf.discard_sample={SAMPLE}", rules=[rules]) as monitor:
        monitor.wait_ready()
        pid = os.getpid()
        for number, (name, act) in enumerate(ways.items()):
            for _ in range(max(1, TIMES // len(ways)) if outside else 0):
                outside(place)
            since = monitor.mark()
            act(place)
            end(monitor, place, since)
            if not monitor.find("Wanted", since):
                missed.append(name)
        assert monitor.stop() == 0
    assert not missed, f"no alert of process {pid} for {missed}"
    if outside:
        assert count(monitor.said, "Events discarded in the kernel") > TIMES / 2, monitor.said
    assert count(monitor.said, "Discards that were wrong") == 0, monitor.said


@pytest.mark.parametrize("name, flags", [("open/file", os.O_RDONLY), ("open/deep", os.O_RDONLY | os.O_DIRECTORY)])
def test_the_default_rules_discard_what_they_do_not_want(place, name, flags):
    """Their names have room in the tables: nothing is kept for want of it."""
    with live.Monitor("-o", f"engine.modern_ebpf.discard_sample={SAMPLE}") as monitor:
        monitor.wait_ready()
        for _ in range(TIMES):
            opened(place / name, flags)
            from_inside(place, os.path.dirname(name), os.path.basename(name), flags)
        assert monitor.stop() == 0
    assert count(monitor.said, "  openat") >= 2 * TIMES * (1 - 1 / SAMPLE), monitor.said
    assert count(monitor.said, "Discards that were wrong") == 0, monitor.said


@pytest.mark.parametrize("becomes", PROCESSES)
def test_processes_that_change_are_seen(place, tmp_path, becomes):
    condition, change = PROCESSES[becomes]
    if change is move and not cgroups():
        pytest.skip("there is no file system of cgroups of version 2")
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULE.format(condition=READ + f" and {condition} and fd.name = {place.root}/open/file"))
    with live.Monitor("-o", f"engine.modern_ebpf.discard_sample={SAMPLE}", rules=[rules]) as monitor:
        monitor.wait_ready()
        for number in range(3):
            done, let = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(let)
                try:
                    for _ in range(TIMES):
                        opened(place / "open/file")
                        # Now and then it must have been told what the process is.
                        time.sleep(0.0002)
                    change(place, lambda: os.read(done, 1))
                finally:
                    os._exit(0)
            os.close(done)
            # What the process is may have to be looked up: it stays until it was judged.
            monitor.wait_until(lambda: len(monitor.find("Wanted")) > number, f"alert {number}")
            os.close(let)
            os.waitpid(child, 0)
        end(monitor, place)
        seen = len(monitor.find("Wanted"))
        assert monitor.stop() == 0
    assert seen == 3, monitor.said
    assert count(monitor.said, "Events discarded in the kernel") > TIMES, monitor.said
    assert count(monitor.said, "Discards that were wrong") == 0, monitor.said


def after_opens(place, tmp_path, option):
    """A monitor that has ended, with a rule for another file than the one that was opened TIMES times."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULE.format(condition=READ + f" and fd.name = {place.root}/none"))
    with live.Monitor("-o", option, rules=[rules]) as monitor:
        monitor.wait_ready()
        for _ in range(TIMES):
            opened(place / "open/file")
        end(monitor, place)
        assert monitor.stop() == 0
    return monitor


def test_the_default_rules_discard_commands_that_copy_nothing(place):
    """Of each way to call fcntl."""
    ways = ("native", *LOW_WAYS)
    with live.Monitor("-o", f"engine.modern_ebpf.discard_sample={SAMPLE}") as monitor:
        monitor.wait_ready()
        for _ in range(TIMES // 4):
            other_commands(place, ways)
        since = monitor.mark()
        for way in ways:
            copied(way, fcntl.F_DUPFD, 0)(place)
            monitor.wait_for("Standard stream redirected to network", since)
            since = monitor.mark()
        assert monitor.stop() == 0
    assert count(monitor.said, "  fcntl") >= TIMES * len(ways) * (1 - 1 / SAMPLE), monitor.said
    assert count(monitor.said, "Discards that were wrong") == 0, monitor.said


def test_what_is_discarded_is_counted_by_event(place, tmp_path):
    monitor = after_opens(place, tmp_path, "engine.modern_ebpf.discard_sample=0")
    by_event = monitor.said.split("Events discarded in the kernel, by event:\n", 1)[1]
    by_event = dict(re.findall(r"^  (\w+): (\d+)$", by_event, re.MULTILINE))
    assert int(by_event["openat"]) >= TIMES, monitor.said
    # Others go on while it is told.
    assert sum(map(int, by_event.values())) >= count(monitor.said, "Events discarded in the kernel"), monitor.said


def test_nothing_is_discarded_where_that_is_switched_off(place, tmp_path):
    monitor = after_opens(place, tmp_path, "engine.modern_ebpf.discard_in_kernel=false")
    assert count(monitor.said, "Events discarded in the kernel") == 0, monitor.said
    assert count(monitor.said, "Events") >= TIMES, monitor.said


def test_a_call_that_is_named_is_not_discarded(place, tmp_path):
    monitor = after_opens(place, tmp_path, "base_syscalls.custom_set[]=openat")
    assert count(monitor.said, "Events") >= TIMES, monitor.said


class Kernel:
    """The bpf system call, as far as a test needs it to put something wrong into a map."""

    NUMBER = {"x86_64": 321, "aarch64": 280}
    LOOKUP, UPDATE, FD_BY_ID, INFO = 1, 2, 14, 15
    ARRAY_OF_MAPS = 12

    def call(self, command, attributes):
        memory = ctypes.create_string_buffer(attributes, 128)
        answer = libc.syscall(self.NUMBER[platform.machine()], command, memory, 128)
        assert answer >= 0, os.strerror(ctypes.get_errno())
        return answer

    def map(self, number):
        return self.call(self.FD_BY_ID, struct.pack("III", number, 0, 0))

    def name(self, fd):
        info = ctypes.create_string_buffer(88)
        self.call(self.INFO, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
        return info.raw[24:40].split(b"\0")[0]

    def element(self, command, fd, value):
        key = ctypes.create_string_buffer(4)
        self.call(command, struct.pack("IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0))

    def maps_of(self, pid):
        """Those of maps that a process has open."""
        for fd in os.listdir(f"/proc/{pid}/fdinfo"):
            with open(f"/proc/{pid}/fdinfo/{fd}") as info:
                said = dict(line.split(":", 1) for line in info.read().splitlines())
            if int(said.get("map_type", 0)) == self.ARRAY_OF_MAPS:
                yield self.map(int(said["map_id"]))


# Where the verdicts stand in struct discard_table, how many there are, and what means to discard.
VERDICTS_AT, VERDICTS, DISCARD = 4 + 2 * 512 + 512, 8192, 1
TABLE_SIZE = 1 << 20


def discard_everything(monitor):
    """Puts a table into the kernel by which it discards all that it may."""
    kernel = Kernel()
    outer = next(fd for fd in kernel.maps_of(monitor.process.pid) if kernel.name(fd) == b"discards")
    number = ctypes.create_string_buffer(4)
    kernel.element(kernel.LOOKUP, outer, number)
    inner = kernel.map(struct.unpack("I", number.raw)[0])
    table = ctypes.create_string_buffer(TABLE_SIZE)
    kernel.element(kernel.LOOKUP, inner, table)
    ctypes.memset(ctypes.addressof(table) + VERDICTS_AT, DISCARD, VERDICTS)
    kernel.element(kernel.UPDATE, inner, table)


def test_a_wrong_table_is_found_out(place, tmp_path):
    """Samples tell; then the calls are not discarded any more."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULE.format(condition=READ + f" and fd.name = {place.root}/secret/file"))
    with live.Monitor("-o", f"engine.modern_ebpf.discard_sample={SAMPLE}", rules=[rules]) as monitor:
        monitor.wait_ready()
        opened(place / "secret/file")
        monitor.wait_for("Wanted")
        discard_everything(monitor)
        # Not at once: samples of a table that was just put in force may be another's.
        deadline = time.monotonic() + live.PATIENCE
        while "discards: " not in monitor.said and time.monotonic() < deadline:
            opened(place / "secret/file")
        since = monitor.mark()
        for _ in range(TIMES):
            opened(place / "secret/file")
        end(monitor, place)
        seen = len(monitor.find("Wanted", since))
        assert monitor.stop() == 0
    assert seen >= TIMES, monitor.said
    assert "the rule \"Wanted\" holds" in monitor.said
    assert count(monitor.said, "Discards that were wrong") > 0, monitor.said
