# SPDX-License-Identifier: Apache-2.0
"""Makes every system call that has an event of its own, and says what its event must hold.

usage: calls.py DIRECTORY LIBRARY (helpers/int80.c, built)

One line of JSON for each expected event: its type, and its arguments as evt.args prints them, in
which § stands for any number, ¤ for a hexadecimal one, * for anything. A call that this kernel does not have is still an event (ENOSYS).
"""

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
D = sys.argv[1]
NUMBERS = {}
expected = []
keep = []  # memory that calls were given
AT_FDCWD = -100
CWD = "-100(AT_FDCWD)"
PID = os.getpid()
NAME = "saker-calls"


def word(value):
    """What the call is given: a number, or the address of bytes."""
    if isinstance(value, int):
        return ctypes.c_long(value)
    if isinstance(value, str):
        value = value.encode() + b"\0"
    if isinstance(value, bytes):
        value = ctypes.create_string_buffer(value, len(value))
    keep.append(value)
    return ctypes.c_long(ctypes.addressof(value))


def call(name, *arguments):
    """Answers as the kernel does: below 0 an error."""
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *[word(a) for a in arguments])
    return -ctypes.get_errno() if result == -1 else result


def expect(kind, arguments):
    expected.append({"type": kind, "args": arguments})


def res(value):
    return f"{value}({errno.errorcode[-value]})" if value < 0 else str(value)


def buf(size=64):
    return ctypes.create_string_buffer(size)


def at(buffer):
    return ctypes.addressof(buffer)


def path(name):
    return os.path.join(D, name)


def dev(st):
    major, minor = os.major(st.st_dev), os.minor(st.st_dev)
    return f"{(minor & 0xff) | major << 8 | (minor & ~0xff) << 12:X}"


def signed(value, bits=32):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def files():
    d = os.open(D, os.O_RDONLY | os.O_DIRECTORY)
    dd = f"{d}(<d>{D})"
    one = path("one")
    fd = call("open", one, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    st = os.fstat(fd)
    where = f"dev={dev(st)} ino={st.st_ino}"
    f = f"{fd}(<f>{one})"
    expect("open", f"fd={f} name={one} flags={0x5007}(O_CREAT|O_RDWR|O_CLOEXEC|O_F_CREATED) mode=0640 {where}")
    other = call("openat", d, "one", os.O_WRONLY | os.O_APPEND, 0)
    expect("openat", f"fd={other}(<f>{one}) dirfd={dd} name=one({one}) flags=10(O_APPEND|O_WRONLY) mode=0 {where}")
    other = call("openat2", d, "one", struct.pack("QQQ", os.O_RDONLY, 0, 8), 24)
    expect("openat2", f"fd={other}(<f>{one}) dirfd={dd} name=one({one}) flags=1(O_RDONLY) mode=0 resolve=1(RESOLVE_BENEATH) {where}")
    two = path("two")
    other = call("creat", two, 0o600)
    st2 = os.stat(two)
    expect("creat", f"fd={other}(<f>{two}) name={two} mode=0600 dev={dev(st2)} ino={st2.st_ino} creat_flags=0")
    os.close(other)
    r = call("close", 9999)
    expect("close", f"res={res(r)} fd=9999")
    call("stat", one, buf(256))
    expect("stat", f"res=0 path={one}")
    call("fstat", fd, buf(256))
    expect("fstat", f"res=0 fd={f}")
    call("lstat", one, buf(256))
    expect("lstat", f"res=0 path={one}")
    call("newfstatat", d, "one", buf(256), 0x100)
    expect("newfstatat", f"res=0 dirfd={dd} path=one({one}) flags=256(AT_SYMLINK_NOFOLLOW)")
    call("lseek", fd, 5, 1)
    expect("lseek", f"res=5 fd={f} offset=5 whence=1(SEEK_CUR)")
    call("write", fd, "hello", 5)
    expect("write", f"res=5 data=hello fd={f} size=5")
    call("pwrite64", fd, "HELLO", 5, 3)
    expect("pwrite", f"res=5 data=HELLO fd={f} size=5 pos=3")
    b = buf()
    call("pread64", fd, b, 5, 3)
    expect("pread", f"res=5 data=HELLO fd={f} size=5 pos=3")
    call("lseek", fd, 3, 0)
    call("read", fd, b, 5)
    expect("read", f"res=5 data=HELLO fd={f} size=5")
    x, y = buf(3), buf(8)
    iov = struct.pack("QQQQ", at(x), 3, at(y), 8)
    call("lseek", fd, 3, 0)
    call("readv", fd, iov, 2)
    expect("readv", f"res=7 size=7 data=HELLOlo fd={f}")
    call("preadv", fd, iov, 2, 3, 0)
    expect("preadv", f"res=7 size=7 data=HELLOlo fd={f} pos=3")
    x.raw, y.raw = b"abc", b"defghijk"
    call("writev", fd, iov, 2)
    expect("writev", f"res=11 data=abcdefghijk fd={f} size=11")
    call("pwritev", fd, iov, 2, 0, 0)
    expect("pwritev", f"res=11 data=abcdefghijk fd={f} size=11 pos=0")
    call("access", one, 4)
    expect("access", f"res=0 name={one} mode=4(R_OK)")
    pipe = buf(8)
    call("pipe", pipe)
    r, w = struct.unpack("ii", pipe.raw)
    expect("pipe", f"res=0 fd1={r} fd2={w}(<p>) ino={os.fstat(r).st_ino}")
    call("pipe2", pipe, os.O_CLOEXEC)
    r2, w2 = struct.unpack("ii", pipe.raw)
    expect("pipe2", f"res=0 fd1={r2} fd2={w2}(<p>) ino={os.fstat(r2).st_ino} flags=4096(O_CLOEXEC)")
    call("write", w, "piped", 5)
    call("splice", r, 0, w2, 0, 5, 2)
    expect("splice", f"res=5 fd_in={r}(<p>) fd_out={w2}(<p>) size=5 flags=2(SPLICE_F_NONBLOCK)")
    call("ioctl", fd, 0x5421, 0)
    expect("ioctl", f"res={-errno.EFAULT}(EFAULT) fd={f} request=5421 argument=0")
    n = call("dup", fd)
    expect("dup", f"res={n}(<f>{one}) oldfd={f}")
    call("dup2", fd, 900)
    expect("dup2", f"res=900(<f>{one}) oldfd={f} newfd=900(<f>{one})")
    call("dup3", fd, 901, os.O_CLOEXEC)
    expect("dup3", f"res=901(<f>{one}) oldfd={f} newfd=901(<f>{one}) flags=4096(O_CLOEXEC)")
    call("close_range", 900, 901, 0)
    expect("close_range", "res=0 first=900 last=901 flags=0")
    call("fcntl", fd, 1, 0)
    expect("fcntl", f"res=1 fd={f} cmd=2(F_GETFD) arg=0")
    call("flock", fd, 6)
    expect("flock", f"res=0 fd={f} operation=6(LOCK_EX|LOCK_NB)")
    n = call("getdents", d, buf(4096), 4096)
    expect("getdents", f"res={n} fd={dd}")
    call("getdents64", d, buf(4096), 4096)
    expect("getdents64", f"res=0 fd={dd}")
    call("chdir", D)
    expect("chdir", f"res=0 path={D}")
    call("fchdir", d)
    expect("fchdir", f"res=0 fd={dd}")
    n = call("getcwd", buf(4096), 4096)
    expect("getcwd", f"res={n} path={D}")
    call("rename", two, path("three"))
    expect("rename", f"res=0 oldpath={two} newpath={path('three')}")
    call("renameat", d, "three", AT_FDCWD, two)
    expect("renameat", f"res=0 olddirfd={dd} oldpath=three({path('three')}) newdirfd={CWD} newpath={two}")
    call("renameat2", AT_FDCWD, two, d, "three", 1)
    expect("renameat2", f"res=0 olddirfd={CWD} oldpath={two} newdirfd={dd} newpath=three({path('three')}) flags=1(RENAME_NOREPLACE)")
    call("mkdir", path("dir"), 0o755)
    expect("mkdir", f"res=0 path={path('dir')} mode=1ED")
    call("rmdir", path("dir"))
    expect("rmdir", f"res=0 path={path('dir')}")
    call("mkdirat", d, "dir", 0o700)
    expect("mkdirat", f"res=0 dirfd={dd} path=dir({path('dir')}) mode=1C0")
    call("unlinkat", d, "dir", 0x200)
    expect("unlinkat", f"res=0 dirfd={dd} name=dir({path('dir')}) flags=512(AT_REMOVEDIR)")
    call("link", one, path("hard"))
    expect("link", f"res=0 oldpath={one} newpath={path('hard')}")
    call("linkat", d, "one", d, "hard2", 0x400)
    expect("linkat", f"res=0 olddir={dd} oldpath=one({one}) newdir={dd} newpath=hard2({path('hard2')}) flags=1024(AT_SYMLINK_FOLLOW)")
    call("unlink", path("hard"))
    expect("unlink", f"res=0 path={path('hard')}")
    call("symlink", "one", path("soft"))
    expect("symlink", f"res=0 target=one linkpath={path('soft')}")
    call("symlinkat", "one", d, "soft2")
    expect("symlinkat", f"res=0 target=one linkdirfd={dd} linkpath=soft2({path('soft2')})")
    call("chmod", one, 0o4750)
    expect("chmod", f"res=0 filename={one} mode=04750(S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID)")
    call("fchmod", fd, 0o600)
    expect("fchmod", f"res=0 fd={f} mode=0600(S_IWUSR|S_IRUSR)")
    call("fchmodat", d, "one", 0o644)
    expect("fchmodat", f"res=0 dirfd={dd} filename=one({one}) mode=0644(S_IROTH|S_IRGRP|S_IWUSR|S_IRUSR)")
    call("chown", one, 1, 2)
    expect("chown", f"res=0 path={one} uid=1 gid=2")
    call("fchown", fd, 3, 4)
    expect("fchown", f"res=0 fd={f} uid=3 gid=4")
    call("lchown", path("soft"), 5, 6)
    expect("lchown", f"res=0 path={path('soft')} uid=5 gid=6")
    call("fchownat", d, "soft2", 7, 8, 0x100)
    expect("fchownat", f"res=0 dirfd={dd} pathname=soft2({path('soft2')}) uid=7 gid=8 flags=0")
    call("mknod", path("fifo"), 0o010600, 0)
    expect("mknod", f"res=0 path={path('fifo')} mode=010600(S_IWUSR|S_IRUSR|S_IFIFO) dev=0")
    # As Falco has it: the number of the device, encoded once more.
    call("mknodat", d, "null", 0o020600, os.makedev(1, 3))
    expect("mknodat", f"res=0 dirfd={dd} path=null({path('null')}) mode=020600(S_IWUSR|S_IRUSR|S_IFCHR) dev={0x100003}")
    handle = buf(128)
    struct.pack_into("I", handle, 0, 120)
    mount_id = buf(4)
    call("name_to_handle_at", d, "one", handle, mount_id, 0)
    os.unlink(path("hard2"))
    n = call("open_by_handle_at", d, handle, os.O_RDONLY)
    if n >= 0:
        expect("open_by_handle_at", f"fd={n}(<f>{one}) mountfd={d} flags=1(O_RDONLY) path={one} {where}")
    else:
        expect("open_by_handle_at", f"fd={res(n)} mountfd={dd} flags=1(O_RDONLY) path=<NA> dev=0 ino=0")
    third = os.open(path("three"), os.O_RDWR)
    call("copy_file_range", fd, struct.pack("q", 0), third, struct.pack("q", 1), 4, 0)
    expect("copy_file_range", f"res=4 fdout={third}(<f>{path('three')}) offout=§ fdin={fd}(<f>{path('one')}) offin=§ len=4")
    offset = struct.pack("q", 2)
    call("sendfile", third, fd, offset, 3)
    expect("sendfile", f"res=3 offset=5 out_fd={third}(<f>{path('three')}) in_fd={fd}(<f>{path('one')}) size=3")
    n = call("memfd_create", "hidden", 1)
    expect("memfd_create", f"fd={n}(<m>memfd:hidden) name=hidden flags=1(MFD_CLOEXEC)")
    call("chroot", "/")
    expect("chroot", "res=0 path=/")
    call("chdir", D)
    return fd, f


def memory(fd, f):
    vm = "vm_size=§ vm_rss=§ vm_swap=§"
    a = call("mmap", 0, 8192, 3, 0x22, -1, 0)
    expect("mmap", f"res={a} {vm} addr=0 length=8192 prot=3(PROT_READ|PROT_WRITE) flags=10(MAP_PRIVATE|MAP_ANONYMOUS) fd=-1(EPERM) offset=0")
    m = call("mmap", 0, 4096, 1, 1, fd, 0)
    expect("mmap", f"res={m} {vm} addr=0 length=4096 prot=1(PROT_READ) flags=1(MAP_SHARED) fd={f} offset=0")
    call("mprotect", a, 4096, 5)
    expect("mprotect", f"res=0 addr={a:X} length=4096 prot=5(PROT_READ|PROT_EXEC)")
    call("mlock", a, 4096)
    expect("mlock", f"res=0 addr={a:X} len=4096")
    call("mlock2", a, 4096, 1)
    expect("mlock2", f"res=0 addr={a:X} len=4096 flags=1(MLOCK_ONFAULT)")
    call("munlock", a, 4096)
    expect("munlock", f"res=0 addr={a:X} len=4096")
    call("mlockall", 4)
    expect("mlockall", f"res={-errno.EINVAL}(EINVAL) flags=4(MCL_ONFAULT)")
    call("munlockall")
    expect("munlockall", "res=0")
    call("munmap", a, 8192)
    expect("munmap", f"res=0 {vm} addr={a:X} length=8192")
    n = call("brk", 0)
    expect("brk", f"res={n:X} {vm} addr=0")


def waiting(fd, f):
    call("poll", struct.pack("ihh", fd, 1, 0), 1, 0)
    expect("poll", f"res=1 fds={fd}:?1 timeout=0")
    call("ppoll", struct.pack("ihh", fd, 1, 0), 1, struct.pack("qq", 1, 5), struct.pack("Q", 1 << 14), 8)
    expect("ppoll", f"res=1 fds={fd}:?1 timeout=§(*) sigmask=SIGTERM")
    call("select", 0, 0, 0, 0, struct.pack("qq", 0, 0))
    expect("select", "res=0")
    call("nanosleep", struct.pack("qq", 0, 7), 0)
    expect("nanosleep", "res=0 interval=7(7e-09s)")
    n = call("epoll_create", 9)
    expect("epoll_create", f"res={n} size=9")
    n = call("epoll_create1", 0o2000000)
    expect("epoll_create1", f"res={n} flags=1(EPOLL_CLOEXEC)")
    call("epoll_wait", n, buf(48), 4, 0)
    expect("epoll_wait", "res=0 maxevents=4")
    word_ = buf(4)
    call("futex", word_, 129, 3, 0, 0, 0)
    expect("futex", f"res=0 addr={at(word_):X} op=129(FUTEX_PRIVATE_FLAG|FUTEX_WAKE) val=3")
    n = call("inotify_init")
    expect("inotify_init", f"res={n}(<i>) flags=0")
    n = call("inotify_init1", 0o2000000)
    expect("inotify_init1", f"res={n}(<i>) flags=4096(O_CLOEXEC)")
    n = call("signalfd", -1, struct.pack("Q", 1), 8)
    expect("signalfd", f"res={n}(<s>) fd=-1(EPERM) mask=0 flags=0")
    n = call("signalfd4", -1, struct.pack("Q", 1), 8, 0o2000000)
    expect("signalfd4", f"res={n}(<s>) flags=4096(O_CLOEXEC) fd=-1(EPERM) mask=0")
    n = call("timerfd_create", 1, 0o2000000)
    expect("timerfd_create", f"res={n}(<t>) clockid=1 flags=0")
    n = call("eventfd", 3)
    expect("eventfd", f"res={n}(<e>) initval=3 flags=0")
    n = call("eventfd2", 4, 0o2000000)
    expect("eventfd2", f"res={n}(<e>) flags=4096(O_CLOEXEC) initval=4")


def sockets():
    listener = call("socket", 2, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, 0)
    expect("socket", f"fd={listener}(<4>) domain=2(AF_INET) type={socket.SOCK_STREAM | socket.SOCK_CLOEXEC} proto=0 flags=4096(O_CLOEXEC)")
    address = struct.pack("H", 2) + struct.pack("!HI", 0, 0x7F000001) + bytes(8)
    call("bind", listener, address, 16)
    server = socket.socket(fileno=os.dup(listener))
    port = server.getsockname()[1]
    expect("bind", f"res=0 addr=127.0.0.1:0 fd={listener}(<4t>127.0.0.1:{port})")
    call("listen", listener, 5)
    expect("listen", f"res=0 fd={listener}(<4t>127.0.0.1:{port}) backlog=5")
    address = struct.pack("H", 2) + struct.pack("!HI", port, 0x7F000001) + bytes(8)
    client = call("socket", 2, socket.SOCK_STREAM, 0)
    call("connect", client, address, 16)
    own = socket.socket(fileno=os.dup(client)).getsockname()[1]
    ends = f"127.0.0.1:{own}->127.0.0.1:{port}"
    c = f"{client}(<4t>{ends})"
    expect("connect", f"res=0 tuple={ends} fd={c} addr=127.0.0.1:{port}")
    served = call("accept", listener, 0, 0)
    s = f"{served}(<4t>{ends})"
    expect("accept", f"fd={s} tuple={ends} queuepct=0 queuelen=0 queuemax=5")
    second = socket.create_connection(("127.0.0.1", port))
    n = call("accept4", listener, 0, 0, os.O_CLOEXEC)
    more = f"127.0.0.1:{second.getsockname()[1]}->127.0.0.1:{port}"
    expect("accept4", f"fd={n}(<4t>{more}) tuple={more} queuepct=0 queuelen=0 queuemax=5 flags=0")
    call("getsockname", client, buf(16), struct.pack("I", 16))
    expect("getsockname", "")
    call("getpeername", client, buf(16), struct.pack("I", 16))
    expect("getpeername", "")
    call("sendto", client, "hello", 5, 0, 0, 0)
    expect("sendto", f"res=5 data=hello fd={c} size=5 tuple={ends}")
    b = buf(16)
    call("recvfrom", served, b, 16, 0, 0, 0)
    expect("recvfrom", f"res=5 data=hello tuple={ends} fd={s} size=16")
    data = buf(5)
    data.raw = b"again"
    message = struct.pack("QQQQQQQ", 0, 0, at(keep_iov((data, 5))), 1, 0, 0, 0)
    call("sendmsg", client, message, 0)
    expect("sendmsg", f"res=5 data=again fd={c} size=5 tuple={ends}")
    message = struct.pack("QQQQQQQ", 0, 0, at(keep_iov((b, 16))), 1, 0, 0, 0)
    call("recvmsg", served, message, 0)
    expect("recvmsg", f"res=5 size=5 data=again tuple={ends} msgcontrol=NULL fd={s}")
    call("setsockopt", client, 1, 9, struct.pack("I", 1), 4)
    expect("setsockopt", f"res=0 fd={c} level=1(SOL_SOCKET) optname=9(SO_KEEPALIVE) val=1 optlen=4")
    call("getsockopt", client, 1, 9, buf(4), struct.pack("I", 4))
    expect("getsockopt", f"res=0 fd={c} level=1(SOL_SOCKET) optname=9(SO_KEEPALIVE) val=1 optlen=4")
    call("shutdown", client, 1)
    expect("shutdown", f"res=0 fd={c} how=1(SHUT_WR)")
    pair = buf(8)
    call("socketpair", 1, socket.SOCK_STREAM, 0, pair)
    a, z = struct.unpack("ii", pair.raw)
    expect("socketpair", f"res=0 fd1={a} fd2={z}(<u>) source=¤ peer=¤ domain=1(AF_LOCAL|AF_UNIX) type=1 proto=0")
    messages()


def keep_iov(*parts):
    iov = ctypes.create_string_buffer(b"".join(struct.pack("QQ", at(b), n) for b, n in parts))
    keep.extend(b for b, _ in parts)
    keep.append(iov)
    return iov


def messages():
    """An event for each message, whatever their addresses."""
    ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for end in ends:
        end.bind(("127.0.0.1", 0))
    ports = [end.getsockname()[1] for end in ends]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("127.0.0.1", 0))
    own, fd = sender.getsockname()[1], sender.fileno()
    batch = []
    for i, text in enumerate((b"first", b"second!", b"third")):
        data = ctypes.create_string_buffer(text, len(text))
        name = ctypes.create_string_buffer(struct.pack("H", 2) + struct.pack("!HI", ports[i % 2], 0x7F000001) + bytes(8))
        keep.append(name)
        batch.append(struct.pack("QQQQQQQQ", at(name), 16, at(keep_iov((data, len(text)))), 1, 0, 0, 0, 0))
    call("sendmmsg", fd, b"".join(batch), 3, 0)
    for i, text in enumerate(("first", "second!", "third")):
        tuple_ = f"127.0.0.1:{own}->127.0.0.1:{ports[i % 2]}"
        expect("sendmmsg", f"res={len(text)} fd={fd}(<4u>{tuple_}) size={len(text)} data={text} tuple={tuple_}")
    n = call("sendmmsg", 9999, batch[0], 1, 0)
    expect("sendmmsg", f"res={res(n)} fd=9999 size=0 data=NULL tuple=NULL")
    got = []
    for _ in range(2):
        data, name = buf(16), buf(16)
        keep.append(name)
        got.append(struct.pack("QQQQQQQQ", at(name), 16, at(keep_iov((data, 16))), 1, 0, 0, 0, 0))
    call("recvmmsg", ends[0].fileno(), b"".join(got), 2, 0x40, 0)
    for text in ("first", "third"):
        expect("recvmmsg", f"res={len(text)} fd={ends[0].fileno()}(<4u>127.0.0.1:{ports[0]}->127.0.0.1:{own}) size={len(text)} data={text} "
                           f"tuple=127.0.0.1:{own}->127.0.0.1:{ports[0]} msgcontrol=NULL")


def identity():
    for name, kind in (("getuid", "uid"), ("geteuid", "euid"), ("getgid", "gid"), ("getegid", "egid")):
        n = call(name)
        expect(name, f"{kind}={n}(root)")
    three = [buf(4) for _ in range(3)]
    call("getresuid", *three)
    expect("getresuid", "res=0 ruid=0(root) euid=0(root) suid=0(root)")
    call("getresgid", *three)
    expect("getresgid", "res=0 rgid=0(root) egid=0(root) sgid=0(root)")
    call("setresgid", -1, 0, -1)
    expect("setresgid", "res=0 rgid=-1(<NONE>) egid=0(root) sgid=-1(<NONE>)")
    call("setregid", 0, -1)
    expect("setregid", "res=0 rgid=0(root) egid=-1(<NONE>)")
    call("setgid", 0)
    expect("setgid", "res=0 gid=0(root)")
    call("setresuid", -1, 0, -1)
    expect("setresuid", "res=0 ruid=-1(<NONE>) euid=0(root) suid=-1(<NONE>)")
    call("setreuid", 0, -1)
    expect("setreuid", "res=0 ruid=0(root) euid=-1(<NONE>)")
    call("setuid", 0)
    expect("setuid", "res=0 uid=0(root)")
    call("setpgid", 0, 0)
    expect("setpgid", "res=0 pid=0 pgid=0")
    n = call("setsid")
    expect("setsid", f"res={n}")
    header, caps = struct.pack("II", 0x20080522, 0), buf(24)
    call("capget", header, caps)
    effective, permitted, inheritable, *high = struct.unpack("6I", caps.raw)
    call("capset", header, caps)
    inheritable, permitted, effective = inheritable | high[2] << 32, permitted | high[1] << 32, effective | high[0] << 32
    expect("capset", f"res=0 cap_inheritable={inheritable:X} cap_permitted={permitted:X} cap_effective={effective:X}")
    call("getrlimit", 7, buf(16))
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    expect("getrlimit", f"res=0 cur={soft} max={hard} resource=7(RLIMIT_NOFILE)")
    call("setrlimit", 4, struct.pack("qq", 0, -1))
    expect("setrlimit", "res=0 cur=0 max=-1 resource=4(RLIMIT_CORE)")
    call("prlimit64", 0, 4, struct.pack("qq", 1, -1), buf(16))
    expect("prlimit", "res=0 newcur=1 newmax=-1 oldcur=0 oldmax=-1 pid=0 resource=4(RLIMIT_CORE)")
    call("prctl", 15, NAME)
    expect("prctl", f"res=0 option=15(PR_SET_NAME) arg2_str={NAME} arg2_int=0")
    call("prctl", 36, 0)
    expect("prctl", "res=0 option=36(PR_SET_CHILD_SUBREAPER) arg2_str=<NA> arg2_int=0")


def system():
    call("kill", PID, 0)
    expect("kill", f"res=0 pid={PID}({NAME}) sig=0")
    call("tkill", PID, 0)
    expect("tkill", f"res=0 tid={PID}({NAME}) sig=0")
    call("tgkill", PID, PID, 0)
    expect("tgkill", f"res=0 pid={PID}({NAME}) tid={PID}({NAME}) sig=0")
    n = call("ptrace", 16, 999999999, 0, 0)
    expect("ptrace", f"res={res(n)} addr=0 data=0 request=11(PTRACE_ATTACH) pid=999999999")
    n = call("semget", 0, 2, 0o1600)
    expect("semget", f"res={n} key=0 nsems=2 semflg=8192(IPC_CREAT)")
    sem = n
    call("semctl", sem, 1, 16, 7)
    expect("semctl", f"res=0 semid={sem} semnum=1 cmd=4096(SETVAL) val=7")
    ops = struct.pack("Hhh", 0, 3, 0o4000) + struct.pack("Hhh", 1, -2, 0x1000)
    call("semop", sem, ops, 2)
    expect("semop", f"res=0 nsops=2 sem_num_0=0 sem_op_0=3 sem_flg_0=1(IPC_NOWAIT) sem_num_1=1 sem_op_1=-2 sem_flg_1=2(SEM_UNDO) semid={sem}")
    call("semop", sem, ops, 1)
    expect("semop", f"res=0 nsops=1 sem_num_0=0 sem_op_0=3 sem_flg_0=1(IPC_NOWAIT) sem_num_1=0 sem_op_1=0 sem_flg_1=0 semid={sem}")
    call("semctl", sem, 0, 0, 0)
    expect("semctl", f"res=0 semid={sem} semnum=0 cmd=4(IPC_RMID) val=0")
    n = call("mount", "none", path("nowhere"), "tmpfs", 2, 0)
    expect("mount", f"res={res(n)} dev=none dir={path('nowhere')} type=tmpfs flags=2(NOSUID)")
    n = call("umount2", path("nowhere"), 2)
    expect("umount2", f"res={res(n)} name={path('nowhere')} flags=2(DETACH)")
    n = call("init_module", "image", 5, "args")
    expect("init_module", f"res={res(n)} img=image length=5 uargs=args")
    n = call("finit_module", -1, "args", 1)
    expect("finit_module", f"res={res(n)} fd=-1(EPERM) uargs=args flags=1(MODULE_INIT_IGNORE_MODVERSIONS)")
    n = call("delete_module", "no_such_module", os.O_NONBLOCK)
    expect("delete_module", f"res={res(n)} name=no_such_module flags=2(O_NONBLOCK)")
    n = call("unshare", 0x400)
    expect("unshare", f"res={n} flags=1(CLONE_FILES)")
    n = call("setns", -1, 0x40000000)
    expect("setns", f"res={res(n)} fd=-1(EPERM) nstype=16(CLONE_NEWNET)")
    n = call("seccomp", 99, 1, 0)
    expect("seccomp", f"res={res(n)} op=99 flags=1")
    n = call("bpf", 0, 0, 0)
    expect("bpf", f"fd={res(n)} cmd=0(BPF_MAP_CREATE)")
    n = call("keyctl", 1, "ring", 0, 0, 0)
    expect("keyctl", f"res={res(n)} operation=1(KEYCTL_JOIN_SESSION_KEYRING) arg2=ring arg3=0 arg4=0 arg5=0")
    n = call("userfaultfd", os.O_CLOEXEC | 1)
    expect("userfaultfd", f"res={res(n)} flags=4096(O_CLOEXEC)")
    n = call("fsconfig", -1, 1, "key", "value", 0)
    expect("fsconfig", f"res={res(n)} fd=-1(EPERM) cmd=1(FSCONFIG_SET_STRING) key=key value_bytebuf=NULL value_charbuf=<NA> aux=0")
    p = call("pidfd_open", PID, os.O_NONBLOCK)
    expect("pidfd_open", f"fd={p}(<P>) pid={PID}({NAME}) flags=1(PIDFD_NONBLOCK)")
    n = call("pidfd_getfd", p, 0, 0)
    expect("pidfd_getfd", f"fd={n} pid_fd={p} target_fd=0 flags=0")
    for name, size in (("process_vm_readv", 4), ("process_vm_writev", 4)):
        local, remote = buf(4), buf(4)
        local.raw = remote.raw = b"data"
        r = call(name, PID, keep_iov((local, size)), 1, keep_iov((remote, size)), 1, 0)
        expect(name, f"res={r} pid={PID}({NAME}) data=data")
    quota()
    rings()


def quota():
    getquota, quotaon, getinfo, getfmt = 0x800007, 0x800002, 0x800005, 0x800004
    none = ("dqb_bhardlimit=0 dqb_bsoftlimit=0 dqb_curspace=0 dqb_ihardlimit=0 dqb_isoftlimit=0 dqb_btime=0(0s) dqb_itime=0(0s) "
            "dqi_bgrace=0(0s) dqi_igrace=0(0s) dqi_flags=0")
    n = call("quotactl", signed(quotaon << 8 | 1), "/dev/none", 2, "/quota")
    expect("quotactl", f"res={res(n)} special=/dev/none quotafilepath=/quota {none} quota_fmt_out=1(QFMT_NOT_USED) "
                       "cmd=1(Q_QUOTAON) type=2(GRPQUOTA) id=0 quota_fmt=4(QFMT_VFS_V0)")
    limits = struct.pack("8QI4x", 11, 12, 13, 14, 15, 16, 17, 18, 1 | 2 | 4 | 16 | 32)
    n = call("quotactl", signed(getquota << 8), "/dev/none", 1000, limits)
    expect("quotactl", f"res={res(n)} special=/dev/none quotafilepath=<NA> dqb_bhardlimit=11 dqb_bsoftlimit=12 dqb_curspace=13 "
                       "dqb_ihardlimit=14 dqb_isoftlimit=15 dqb_btime=17(1.7e-08s) dqb_itime=18(1.8e-08s) dqi_bgrace=0(0s) dqi_igrace=0(0s) dqi_flags=0 "
                       "quota_fmt_out=1(QFMT_NOT_USED) cmd=32(Q_GETQUOTA) type=1(USRQUOTA) id=1000 quota_fmt=1(QFMT_NOT_USED)")
    n = call("quotactl", signed(getinfo << 8), "/dev/none", 5, struct.pack("QQII", 21, 22, 1, 7))
    expect("quotactl", f"res={res(n)} special=/dev/none quotafilepath=<NA> dqb_bhardlimit=0 dqb_bsoftlimit=0 dqb_curspace=0 "
                       "dqb_ihardlimit=0 dqb_isoftlimit=0 dqb_btime=0(0s) dqb_itime=0(0s) dqi_bgrace=21(2.1e-08s) dqi_igrace=22(2.2e-08s) "
                       "dqi_flags=2(V1_DQF_RSQUASH) quota_fmt_out=1(QFMT_NOT_USED) cmd=8(Q_GETINFO) type=1(USRQUOTA) id=0 "
                       "quota_fmt=1(QFMT_NOT_USED)")
    n = call("quotactl", signed(getfmt << 8), "/dev/none", 0, struct.pack("I", 4))
    expect("quotactl", f"res={res(n)} special=/dev/none quotafilepath=<NA> {none} quota_fmt_out=8(QFMT_VFS_V1) cmd=4(Q_GETFMT) "
                       "type=1(USRQUOTA) id=0 quota_fmt=1(QFMT_NOT_USED)")


def rings():
    parameters = buf(120)
    n = call("io_uring_setup", 4, parameters)
    if n >= 0:
        sq, cq, _, cpu, idle, features = struct.unpack_from("6I", parameters.raw)
        expect("io_uring_setup", f"res={n} entries=4 sq_entries={sq} cq_entries={cq} flags=0 sq_thread_cpu={cpu} sq_thread_idle={idle} features=§(*)")
    else:
        expect("io_uring_setup", f"res={res(n)} entries=4 sq_entries=0 cq_entries=0 flags=0 sq_thread_cpu=0 sq_thread_idle=0 features=0")
    r = call("io_uring_enter", n, 0, 0, 1, 0)
    what = f"{n}(<r>[io_uring])" if n >= 0 else res(n)
    expect("io_uring_enter", f"res={res(r)} fd={what} to_submit=0 min_complete=0 flags=1(IORING_ENTER_GETEVENTS) sig=")
    r = call("io_uring_register", -1, 2, 0, 3)
    expect("io_uring_register", f"res={res(r)} fd=-1(EPERM) opcode=2(IORING_REGISTER_FILES) arg=0 nr_args=3")


def argv(*strings):
    strings = [ctypes.create_string_buffer(s.encode()) for s in strings or ("zero", "one", "two")]
    keep.extend(strings)
    return struct.pack(f"{len(strings) + 1}Q", *map(at, strings), 0)


PROCESS = ("exe={exe} args={args} tid={tid} pid={tid} ptid={ptid} cwd=* fdlimit=§ pgft_maj=§ pgft_min=§ vm_size=§ vm_rss=§ "
           "vm_swap=§ comm={comm} cgroups=*")


def processes():
    exe, args = sys.orig_argv[0], "".join(a + "." for a in sys.orig_argv[1:])
    own = {"exe": exe, "args": args, "comm": NAME}
    for name, arguments, flags in (("fork", (), "0"), ("clone", (signal.SIGCHLD, 0, 0, 0, 0), "0"),
                                   ("clone3", (struct.pack("4Q", 0, 0, 0, 0) + struct.pack("7Q", signal.SIGCHLD, *[0] * 6), 88), "0")):
        child = call(name, *arguments)
        if child == 0:
            os._exit(3)
        os.waitpid(child, 0)
        for result, tid, ptid in ((f"{child}*", PID, os.getppid()), ("0", child, PID)):
            expect(name, f"res={result} " + PROCESS.format(tid=f"{tid}(*)", ptid=f"{ptid}(*)", **own)
                   + f" flags={flags} uid=0 gid=0 vtid=§* vpid=§* pidns_init_start_ts=§")
        expect("procexit", f"status=768 ret=3 sig=0 core=0 reaper_tid=0")
    env = (" env=A=1. tty=§ vpgid=§* loginuid=* flags=§* cap_inheritable=¤ cap_permitted=¤ cap_effective=¤ exe_ino=§ exe_ino_ctime=* "
           "exe_ino_mtime=* uid=0(root) trusted_exepath=* pgid=§* gid=0(root)")
    child = subprocess.Popen(["saker-calls", "one", "two"], executable="/bin/true", env={"A": "1"})
    child.wait()
    expect("vfork", f"res={child.pid}* " + PROCESS.format(tid=f"{PID}(*)", ptid=f"{os.getppid()}(*)", **own)
           + f" flags={0x8008000}(*) uid=0 gid=0 vtid=§* vpid=§* pidns_init_start_ts=§")
    # An execve that fails, and an execveat.
    n = call("execve", "/no/such/program", argv(), argv("A=1"))
    expect("execve", f"res={res(n)} " + PROCESS.format(tid=f"{PID}(*)", ptid=f"{os.getppid()}(*)", exe="zero", args="one.two.", comm=NAME) + env + " filename=/no/such/program")
    n = call("execveat", AT_FDCWD, "/no/such/program", argv(), argv("A=1"), 0)
    expect("execveat", f"res={res(n)} " + PROCESS.format(tid=f"{PID}(*)", ptid=f"{os.getppid()}(*)", exe="zero", args="one.two.", comm=NAME) + env)


def compat():
    """The calls that only 32-bit programs have, and some that they number otherwise."""
    library = ctypes.CDLL(sys.argv[2])
    library.call_32.restype = ctypes.c_int
    low = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40)
    base = ctypes.addressof(ctypes.c_char.from_buffer(low))
    place = [0]

    def put(content):
        start = place[0]
        low[start:start + len(content)] = content
        place[0] = start + (len(content) + 15) // 16 * 16
        return base + start

    def call32(number, *arguments):
        words = [put(a) if isinstance(a, bytes) else a & 0xFFFFFFFF for a in arguments]
        return library.call_32(number, *(words + [0] * (6 - len(words))))

    if call32(20) != PID:
        return  # the kernel was built without it
    missing = b"/no/such\0"
    vm = "vm_size=§ vm_rss=§ vm_swap=§"
    n = call32(22, missing)
    expect("umount", f"res={res(n)} name=/no/such")
    a = call32(192, 0, 4096, 3, 0x22, -1, 0)
    expect("mmap2", f"res={a & 0xFFFFFFFF} {vm} addr=0 length=4096 prot=3(PROT_READ|PROT_WRITE) flags=10(MAP_PRIVATE|MAP_ANONYMOUS) fd=-1(EPERM) pgoffset=0")
    a = call32(90, struct.pack("6I", 0, 4096, 1, 0x22, 0xFFFFFFFF, 0))
    expect("mmap", f"res={a & 0xFFFFFFFF} {vm} addr=0 length=4096 prot=1(PROT_READ) flags=10(MAP_PRIVATE|MAP_ANONYMOUS) fd=-1(EPERM) offset=0")
    call32(91, a, 4096)
    expect("munmap", f"res=0 {vm} addr={a & 0xFFFFFFFF:X} length=4096")
    n = call32(140, 9999, 1, 2, bytes(8), 1)
    expect("llseek", f"res={res(n)} fd=9999 offset=4294967298 whence=1(SEEK_CUR)")
    n = call32(195, missing, bytes(128))
    expect("stat64", f"res={res(n)} path=/no/such")
    n = call32(196, missing, bytes(128))
    expect("lstat64", f"res={res(n)} path=/no/such")
    n = call32(197, 9999, bytes(128))
    expect("fstat64", f"res={res(n)}")
    n = call32(5, missing, 0, 0)
    expect("open", f"fd={res(n)} name=/no/such flags=1(O_RDONLY) mode=0 dev=0 ino=0")
    n = call32(117, 2, 0, 1, 0o1600)
    sem = n
    expect("semget", f"res={n} key=0 nsems=1 semflg=8192(IPC_CREAT)")
    call32(117, 1, sem, 1, 0, struct.pack("Hhh", 0, 5, 0))
    expect("semop", f"res=0 nsops=1 sem_num_0=0 sem_op_0=5 sem_flg_0=0 sem_num_1=0 sem_op_1=0 sem_flg_1=0 semid={sem}")
    call32(117, 3, sem, 0, 0 | 0x100, struct.pack("I", 0))
    expect("semctl", f"res=0 semid={sem} semnum=0 cmd=4(IPC_RMID) val=0")
    n = call32(102, 1, struct.pack("3I", 2, 1, 0))
    expect("socket", f"fd={n}(<4>) domain=2(AF_INET) type=1 proto=0 flags=0(O_NONE)")
    data = put(b"sent")
    n = call32(102, 9, struct.pack("4I", 9999, data, 4, 0))
    expect("sendto", f"res={res(n)} data=sent fd=9999 size=4 tuple=NULL")
    # Numbers that stand for other calls in 64-bit programs.
    x = libc.syscall(ctypes.c_long(0x40000000 | NUMBERS["getuid"]))
    expect("getuid", f"uid={x if x >= 0 else -ctypes.get_errno()}*")
    generic = {"nice": (34, 0), "sgetmask": (68,), "sigpending": (73, 0), "olduname": (109, 0), "oldstat": (18, 0, 0),
               "oldlstat": (84, 0, 0), "oldfstat": (28, -1, 0), "oldolduname": (59, 0), "sigaction": (67, 0, 0, 0), "signal": (48, 0, 0),
               "ssetmask": (69, 0), "readdir": (89, -1, 0, 1), "stime": (25, 0), "sigprocmask": (126, 9, 0, 0),
               "ipc": (117, 99), "socketcall": (102, 99)}
    for name, (number, *arguments) in generic.items():
        call32(number, *arguments)
        expect(name, None)


# Calls that a test must not make as it makes the others, with six arguments that no call takes.
DANGEROUS = {
    "pause": "waits for a signal", "rt_sigsuspend": "waits for a signal", "rt_sigreturn": "takes registers from the stack",
    "exit": "made by a thread", "exit_group": "made by a child", "vhangup": "hangs the terminal up",
    "reboot": "ends the machine where its numbers fit", "uretprobe": "kills who calls it outside of a probe",
    "uprobe": "kills who calls it outside of a probe", "restart_syscall": "goes on with what a signal interrupted",
    "set_tid_address": "the library counts on it", "set_robust_list": "the library counts on it", "rseq": "the library counts on it",
    "map_shadow_stack": "would change what returns may do", "iopl": "gives rights to ports", "ioperm": "gives rights to ports",
    "umask": "made apart", "personality": "made apart", "alarm": "made apart", "sync": "waits for every disk",
    "landlock_restrict_self": "cannot be undone", "socketcall": "of 32-bit programs alone", "ipc": "of 32-bit programs alone",
    "waitpid": "of 32-bit programs alone",
}
FIRST_OF_32_BIT = 487
IMPOSSIBLE = (-1, -2, -3, -4, -5, -6)
generic = []


def others(codes):
    """All other calls, each with arguments that it refuses; what it was given and answered."""
    for name, code in codes.items():
        if code != 1 or NUMBERS[name] >= FIRST_OF_32_BIT or name in DANGEROUS:
            continue
        generic.append({"type": name, "result": call(name, *IMPOSSIBLE)})
    for name, argument in (("umask", 0o22), ("personality", -1), ("alarm", 0)):
        generic.append({"type": name, "result": call(name, argument)})


def main():
    codes = {}
    for line in sys.stdin:
        name, number, code = line.split()
        NUMBERS[name], codes[name] = int(number), int(code)
    libc.prctl(15, NAME.encode())
    fd, f = files()
    memory(fd, f)
    waiting(fd, f)
    sockets()
    identity()
    system()
    compat()
    processes()
    others(codes)
    print(json.dumps({"expected": expected, "generic": generic, "dangerous": sorted(DANGEROUS)}))


main()
