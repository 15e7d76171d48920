# SPDX-License-Identifier: Apache-2.0
"""Calls without an event of their own act on files like any others, and are known by these.

Each is made on a watched file by its name or its descriptor, and again through a symbolic link to its
directory, with the plain way beside: whatever the call, the file's name is there.
"""

import contextlib
import ctypes
import errno
import os
import shutil
import socket
import struct

import pytest

import evasion
import monitor as live

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW = -100, 0x1000, 0x100


def numbers():
    """Numbers of calls on this machine's architecture."""
    column = {"x86_64": 1, "aarch64": 3}[os.uname().machine]
    table = live.REPOSITORY / "src" / "event" / "syscalls.tsv"
    rows = [line.split("\t") for line in table.read_text().splitlines() if not line.startswith("#")]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


NUMBERS = numbers()


def call(name, *arguments):
    """Its result, or the errno as a negative number."""
    if name not in NUMBERS:
        pytest.skip(f"this architecture has no {name}")
    passed = [ctypes.c_char_p(os.fsencode(a)) if isinstance(a, (str, os.PathLike)) else a
              if not isinstance(a, int) else ctypes.c_long(a) for a in arguments]
    result = LIBC.syscall(ctypes.c_long(NUMBERS[name]), *passed)
    return -ctypes.get_errno() if result == -1 else result


@contextlib.contextmanager
def opened(path, flags=os.O_RDWR):
    fd = os.open(path, flags)
    try:
        yield fd
    finally:
        os.close(fd)


def buffer(size=512):
    return ctypes.create_string_buffer(size)


def vector(data):
    memory = ctypes.create_string_buffer(data, len(data))
    return ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(memory), len(data))), memory


def by_descriptor(name, *more):
    def act(path):
        with opened(path) as fd:
            return call(name, fd, *more)
    return act


def by_vector(name):
    def act(path):
        vec, memory = vector(b"data")
        with opened(path) as fd:
            return call(name, fd, vec, 1, 0, 0, 0)
    return act


def by_name(name, *more):
    return lambda path: call(name, path, *more)


def at_name(name, *more):
    """Relative to the directory's descriptor."""
    def act(path):
        with opened(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY) as fd:
            return call(name, fd, os.path.basename(path), *more)
    return act


def inotify(path):
    with contextlib.closing(os.fdopen(call("inotify_init1", 0), "rb")) as watch:
        return call("inotify_add_watch", watch.fileno(), path, 2)


def fanotify(path):
    fd = call("fanotify_init", 0, 0)
    if fd < 0:
        return fd
    try:
        return call("fanotify_mark", fd, 1, ctypes.c_ulong(2), AT_FDCWD, path)
    finally:
        os.close(fd)


TIMES = ctypes.create_string_buffer(64)
XATTR = "user.saker"
VALUE = ctypes.create_string_buffer(b"value", 5)


def xattr_args():
    """struct xattr_args: value, size, flags."""
    return ctypes.create_string_buffer(struct.pack("QII", ctypes.addressof(VALUE), 5, 0))


def handle():
    return ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))


def tree(path):
    fd = call("open_tree", AT_FDCWD, path, 1)
    if fd >= 0:
        os.close(fd)
    return fd


BY_DESCRIPTOR = {
    "ftruncate": by_descriptor("ftruncate", 3),
    "fallocate": by_descriptor("fallocate", 0, 0, 4096),
    "fsync": by_descriptor("fsync"),
    "fdatasync": by_descriptor("fdatasync"),
    "syncfs": by_descriptor("syncfs"),
    "sync_file_range": by_descriptor("sync_file_range", 0, 0, 0),
    "readahead": by_descriptor("readahead", 0, 4096),
    "fadvise64": by_descriptor("fadvise64", 0, 0, 0),
    "fstatfs": lambda path: by_descriptor("fstatfs", buffer())(path),
    "preadv2": by_vector("preadv2"),
    "pwritev2": by_vector("pwritev2"),
    "fsetxattr": by_descriptor("fsetxattr", XATTR, VALUE, 5, 0),
    "fgetxattr": lambda path: by_descriptor("fgetxattr", XATTR, buffer(), 512)(path),
    "flistxattr": lambda path: by_descriptor("flistxattr", buffer(), 512)(path),
    "fremovexattr": by_descriptor("fremovexattr", XATTR),
    "cachestat": lambda path: by_descriptor("cachestat", buffer(), buffer(), 0)(path),
}

BY_NAME = {
    "truncate": by_name("truncate", 3),
    "utime": by_name("utime", None),
    "utimes": by_name("utimes", None),
    "futimesat": at_name("futimesat", None),
    "utimensat": at_name("utimensat", None, 0),
    "statfs": lambda path: call("statfs", path, buffer()),
    "statx": lambda path: at_name("statx", 0, 0xfff, buffer())(path),
    "faccessat": at_name("faccessat", 0),
    "faccessat2": at_name("faccessat2", 0, 0),
    "fchmodat2": at_name("fchmodat2", 0o640, 0),
    "setxattr": by_name("setxattr", XATTR, VALUE, 5, 0),
    "lsetxattr": by_name("lsetxattr", XATTR, VALUE, 5, 0),
    "getxattr": lambda path: call("getxattr", path, XATTR, buffer(), 512),
    "lgetxattr": lambda path: call("lgetxattr", path, XATTR, buffer(), 512),
    "listxattr": lambda path: call("listxattr", path, buffer(), 512),
    "llistxattr": lambda path: call("llistxattr", path, buffer(), 512),
    "removexattr": by_name("removexattr", XATTR),
    "lremovexattr": by_name("lremovexattr", XATTR),
    "setxattrat": lambda path: at_name("setxattrat", 0, XATTR, xattr_args(), 16)(path),
    "listxattrat": lambda path: at_name("listxattrat", 0, buffer(), 512)(path),
    "removexattrat": at_name("removexattrat", 0, XATTR),
    "file_getattr": lambda path: at_name("file_getattr", buffer(24), 24, 0)(path),
    "name_to_handle_at": lambda path: at_name("name_to_handle_at", handle(), buffer(8), 0)(path),
    "open_tree": tree,
    "inotify_add_watch": inotify,
    "fanotify_mark": fanotify,
}

# Those that need what was set before.
NEEDS_ATTRIBUTE = {"fgetxattr", "fremovexattr", "getxattr", "lgetxattr", "removexattr", "lremovexattr",
                   "removexattrat"}

RULES = f"""
- rule: By descriptor
  desc: the file of the descriptor
  condition: evt.type in ({", ".join(BY_DESCRIPTOR)}) and evt.rawres >= 0 and fd.name = DIRECTORY/real/file
  output: "%evt.type %fd.name %fd.num %fd.ino %fs.path.name %evt.args %evt.is_io_read %evt.is_io_write"
  priority: NOTICE
- rule: By name
  desc: the file that was named
  condition: evt.type in ({", ".join(BY_NAME)}) and fs.path.name = DIRECTORY/real/file
  output: "%evt.type %fs.path.name %fs.path.nameraw %evt.args"
  priority: NOTICE
- rule: Moved bytes
  desc: both descriptors are named
  condition: evt.type in (sendfile, splice, copy_file_range, tee, vmsplice) and evt.rawres > 0
  output: "%evt.type %fd.name %evt.args %proc.pid"
  priority: NOTICE
- rule: Read by another's descriptor
  desc: whatever the call, the source is in its arguments
  condition: >
    evt.type in (sendfile, splice, copy_file_range) and evt.rawres > 0
    and (evt.arg.in_fd contains DIRECTORY/real/file or evt.arg.fd_in contains DIRECTORY/real/file
         or evt.arg.fdin contains DIRECTORY/real/file)
  output: "%evt.type %fd.name"
  priority: NOTICE
- rule: Mounted
  desc: trees that are moved
  condition: evt.type in (move_mount, fsopen, fsmount, pivot_root)
  output: "%evt.type %evt.args %fs.path.source %fs.path.target %evt.res %proc.pid"
  priority: NOTICE
"""


@pytest.fixture(scope="module")
def scene(live_machine, workshop, tmp_path_factory):
    directory = workshop / "calls"
    (directory / "real").mkdir(parents=True)
    (directory / "link").symlink_to("real")
    rules = tmp_path_factory.mktemp("rules") / "calls.yaml"
    rules.write_text(RULES.replace("DIRECTORY", str(directory)))
    with evasion.Watch(own=[rules]) as watch:
        yield watch, directory
    shutil.rmtree(directory)


@pytest.fixture
def trick(scene):
    (scene[1] / "real" / "file").write_text("text of a file\n")
    yield evasion.Trick(*scene)
    with contextlib.suppress(OSError):
        os.removexattr(scene[1] / "real" / "file", XATTR)


def perform(name, act, path):
    if name in NEEDS_ATTRIBUTE:
        os.setxattr(path, XATTR, b"value")
    result = act(path)
    if result in (-errno.ENOSYS, -errno.EOPNOTSUPP):
        pytest.skip(f"not here: {name}: {os.strerror(-result)}")
    assert result >= 0, f"{name}: {os.strerror(-result)}"


@pytest.mark.parametrize("way", ["plain", "linked"])
@pytest.mark.parametrize("name", BY_DESCRIPTOR)
def test_the_file_of_a_descriptor(trick, name, way):
    path = trick.directory / "real" / "file"
    perform(name, BY_DESCRIPTOR[name], str(path if way == "plain" else trick.directory / "link" / "file"))
    told = trick.wait_for("own", "By descriptor", evt_type=name).fields
    assert told["fd.ino"] == path.stat().st_ino
    assert f"(<f>{path})" in told["evt.args"]
    if name in ("ftruncate", "fallocate", "fsetxattr"):
        assert told["fs.path.name"] == str(path)
    assert told["evt.is_io_read"] == (name == "preadv2")
    assert told["evt.is_io_write"] == (name == "pwritev2")


@pytest.mark.parametrize("way", ["plain", "linked", "proc"])
@pytest.mark.parametrize("name", BY_NAME)
def test_the_file_of_a_name(trick, name, way):
    path = trick.directory / "real" / "file"
    given = {"plain": path, "linked": trick.directory / "link" / "file",
             "proc": f"/proc/self/root{path}"}[way]
    perform(name, BY_NAME[name], str(given))
    told = trick.wait_for("own", "By name", evt_type=name).fields
    assert "path=" in told["evt.args"]


def move(name, source, target):
    """Bytes from the one to the other; which is which differs by the call."""
    with opened(source) as one, opened(target) as other:
        if name == "sendfile":
            return call(name, other, one, None, 4)
        if name == "copy_file_range":
            return call(name, one, None, other, None, 4, 0)
        read, write = os.pipe()
        try:
            filled = call("splice", one, None, write, None, 4, 0)
            return filled and call("splice", read, None, other, None, 4, 0)
        finally:
            os.close(read)
            os.close(write)


@pytest.mark.parametrize("name", ["sendfile", "copy_file_range", "splice"])
def test_both_ends_of_what_moves_bytes(trick, name):
    source, target = trick.directory / "real" / "file", trick.directory / "target"
    target.write_text("")
    assert move(name, source, target) > 0
    trick.wait_for("own", "Read by another's descriptor", evt_type=name)
    arguments = [str(source), str(target)]
    told = " ".join(alert.fields["evt.args"] for alert in [
        trick.wait_for("own", "Moved bytes", lambda alert, end=end: end in alert.fields["evt.args"],
                       evt_type=name, proc_pid=os.getpid()) for end in arguments])
    assert all(f"(<f>{end})" in told for end in arguments)


def test_to_a_socket(trick):
    """What is sent without being read, and to whom."""
    source = trick.directory / "real" / "file"
    with socket.socket() as listener, socket.socket() as client, opened(source) as fd:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())
        read, write = os.pipe()
        try:
            assert call("splice", fd, None, write, None, 4, 0) == 4
            assert call("splice", read, None, client.fileno(), None, 4, 0) == 4
        finally:
            os.close(read)
            os.close(write)
        port = listener.getsockname()[1]
    trick.wait_for("own", "Moved bytes", lambda alert: (
        f"->127.0.0.1:{port})" in alert.fields["evt.args"] and "(<4t>" in alert.fields["evt.args"]))


def test_between_pipes(trick):
    ends = [os.pipe(), os.pipe()]
    try:
        vec, memory = vector(b"data")
        assert call("vmsplice", ends[0][1], vec, 1, 0) == 4
        assert call("tee", ends[0][0], ends[1][1], 4, 0) == 4
    finally:
        for fd in sum(ends, ()):
            os.close(fd)
    for name, count in (("vmsplice", 1), ("tee", 2)):
        told = trick.wait_for("own", "Moved bytes", evt_type=name, proc_pid=os.getpid()).fields
        assert told["evt.args"].count("(<p>") == count, told


def test_trees_that_are_moved(trick):
    """In a mount namespace of its own; through the link, so that the given name is another."""
    directory = trick.directory
    (directory / "real" / "over").mkdir()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            LIBC.unshare(0x20000)
            LIBC.mount(None, b"/", None, 0x4000 | 0x40000, None)
            made = call("fsopen", "tmpfs", 0)
            call("fsconfig", made, 6, None, None, 0)
            mounted = call("fsmount", made, 0, 0)
            moved = call("move_mount", mounted, "", AT_FDCWD, str(directory / "link" / "over"), 4)
            status = 0 if mounted >= 0 and moved == 0 else 1
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    (directory / "real" / "over").rmdir()
    assert status == 0
    trick.wait_for("own", "Mounted", evt_type="fsopen", evt_args="name=tmpfs", proc_pid=child)
    trick.wait_for("own", "Mounted", evt_type="fsmount", proc_pid=child)
    trick.wait_for("own", "Mounted", evt_type="move_mount", proc_pid=child,
                   fs_path_target=str(directory / "link" / "over"))
