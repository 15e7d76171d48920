# SPDX-License-Identifier: Apache-2.0
"""What helpers/uring does, and the alerts that must come of it."""

RULES = """
- rule: Done
  desc: one of the calls, by the helper
  condition: >
    proc.name = saker-ring and evt.type in (
      accept, accept4, bind, close, connect, dup, epoll_ctl, fadvise64, fallocate, fgetxattr, fsetxattr,
      fsync, ftruncate, getxattr, ioctl, linkat, listen, madvise, mkdirat, openat, openat2, pipe2, read,
      readv, recvfrom, recvmsg, renameat, renameat2, sendmsg, sendto, setxattr, shutdown, socket,
      splice, statx, symlinkat, tee, unlinkat, write, writev)
  output: >
    %evt.type %evt.is_io_uring %evt.res %evt.rawres %proc.name %proc.pid %thread.tid %proc.exepath
    %proc.cmdline %proc.pname %user.uid %fd.num %fd.name %fd.nameraw %fd.typechar %fd.lport %fd.sport %fs.path.name
    %fs.path.source %fs.path.target %evt.args
  priority: NOTICE
"""

FILE = {"fd.name": "{dir}/target", "fd.typechar": "f"}
SOCKET = {"fd.typechar": "4"}
# The port that was listened on is one of the two ends.
PAIR = {**SOCKET, "fd.name": "127.0.0.1:{port}"}
# operation: event, and fields that it must have, beside those that all have.
OPERATIONS = {
    "openat": ("openat", FILE),
    "openat-failing": ("openat", {"fd.name": "{dir}/missing", "evt.res": "ENOENT"}),
    "openat-link": ("openat", {"fd.name": "{dir}/link"}),
    "openat-relative": ("openat", FILE),
    "openat2": ("openat2", FILE),
    "close": ("close", {}),
    "read": ("read", FILE),
    "write": ("write", FILE),
    "readv": ("readv", FILE),
    "writev": ("writev", FILE),
    "read-fixed": ("read", FILE),
    "write-fixed": ("write", FILE),
    "fsync": ("fsync", FILE),
    "fallocate": ("fallocate", {**FILE, "fs.path.name": "{dir}/target"}),
    "ftruncate": ("ftruncate", {**FILE, "fs.path.name": "{dir}/target"}),
    "fadvise": ("fadvise64", FILE),
    "madvise": ("madvise", {}),
    "statx": ("statx", {"fs.path.name": "{dir}/target"}),
    "unlinkat": ("unlinkat", {"fs.path.name": "{dir}/target"}),
    "unlinkat-relative": ("unlinkat", {"fs.path.name": "{dir}/target"}),
    "renameat": ("renameat", {"fs.path.source": "{dir}/target", "fs.path.target": "{dir}/renamed"}),
    "renameat2": ("renameat2",
                  {"fs.path.source": "{dir}/target", "fs.path.target": "{dir}/renamed"}),
    "mkdirat": ("mkdirat", {"fs.path.name": "{dir}/made"}),
    "mkdirat-again": ("mkdirat", {"fs.path.name": "{dir}/made7"}),
    "symlinkat": ("symlinkat", {"fs.path.source": "{dir}/made", "fs.path.target": "/target/of/it"}),
    "linkat": ("linkat", {"fs.path.source": "{dir}/made", "fs.path.target": "{dir}/target"}),
    "fsetxattr": ("fsetxattr", {**FILE, "evt.args": "name=user.ring"}),
    "setxattr": ("setxattr", {"fs.path.name": "{dir}/target", "evt.args": "name=user.ring"}),
    "fgetxattr": ("fgetxattr", {**FILE, "evt.args": "name=user.ring"}),
    "getxattr": ("getxattr", {"fs.path.name": "{dir}/target", "evt.args": "name=user.ring"}),
    "socket": ("socket", {}),
    "bind": ("bind", SOCKET),
    "listen": ("listen", SOCKET),
    "connect": ("connect", PAIR),
    "connect-failing": ("connect", {"evt.res": "ECONNREFUSED", "evt.args": "addr=127.0.0.1:1"}),
    "accept": ("accept", PAIR),
    "accept4": ("accept4", PAIR),
    "send": ("sendto", PAIR),
    "recv": ("recvfrom", PAIR),
    "sendmsg": ("sendmsg", PAIR),
    "sendmsg-datagram": ("sendmsg", PAIR),
    "recvmsg": ("recvmsg", PAIR),
    "shutdown": ("shutdown", PAIR),
    "splice": ("splice", FILE),
    "tee": ("tee", {}),
    "epoll_ctl": ("epoll_ctl", {}),
    "pipe2": ("pipe2", {}),
    "uring_cmd": ("ioctl", SOCKET),
    "install": ("dup", {"fd.name": "{dir}/target"}),
    "accept-again": ("accept", PAIR),
    "recv-again": ("recvfrom", PAIR),
}
# Of these a socket's ends are not told by the plain call either, or the file's end is another.
GENERIC = {"fsync", "fallocate", "ftruncate", "fadvise", "madvise", "statx", "fsetxattr", "setxattr",
           "fgetxattr", "getxattr", "tee", "epoll_ctl"}


def wanted(fields, directory, port):
    return {name: value.format(dir=directory, port=port) for name, value in fields.items()}


def has(told, name, value):
    """Of a socket's name and of the arguments a part is asked for."""
    is_part = name == "evt.args" or ":" in value
    return value in told[name] if is_part else told[name] == value
