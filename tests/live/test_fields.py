# SPDX-License-Identifier: Apache-2.0
"""Every field live: a program does what its values are known of, and they are read off the alerts.

A field that no event here gives a value is a row of one table, with its reason; so is what differs
from the value that a capture of the same would give.
"""

import json
import os
import re
import subprocess
import sys

import pytest

import monitor as live

# Of these the value is absent while events come from the kernel.
NOT_LIVE = {
    r"fdlist\.(names|cips|sips|cports|sports)": "no table of descriptors is kept",
    r"proc\.fd(opencount|usage)": "no table of descriptors is kept",
    r"proc\.std(in|out|err)\.(type|name)": "no table of descriptors is kept",
    r"fd\.[cslr]ip\.name": "names of hosts are not looked up: that would send packets",
    r"evt\.plugin(name|info)": "no plugin makes events",
    r"thread\.cpu(\.user|\.system)?": "told by events that only old captures have",
    r"evt\.asynctype": "no event is asynchronous",
    r"proc\.exe_ino\.ctime_duration_pidns_start": "the program is older than the machine's start",
    r"container\..*|k8s\..*|k8smeta\..*|proc\.is_container_.*": "metadata is tested with containers",
    r"evt\.count\.error\.memory": "a call on memory that fails is no part of this",
    r"syscall\.arg": "of calls that have no event of their own: see test_calls.py",
    r"evt\.around": "stands in conditions alone",
    r"fd\.(ip|port|proto|net|cnet|snet|lnet|rnet)": "stands in conditions alone, where it is tested",
    r"(ka|jevt|json)\..*": "of another source",
    r"static": "the configuration says it, not the event",
    # Values that are there, but differ from a capture's.
    r"evt\.buffer": "what was read is collected for rules that look at it, which tests elsewhere do",
}

# What the program does. It prints what it knows of itself first; argv: a directory of its own.
ACTOR = r"""
import json, os, select, socket, sys
directory = sys.argv[1]
os.chdir(directory)
status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
stat = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
fd = os.open("./opened", os.O_RDWR | os.O_CREAT, 0o755)
os.write(fd, b"hello")
there = os.fstat(fd)
try:
    os.open("missing/../absent", os.O_RDONLY)
except OSError:
    pass
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(("127.0.0.1", 0))
server.listen(1)
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect(server.getsockname())
peer = server.accept()[0]
client.sendto(b"x", client.getpeername())
poll = select.poll()
poll.register(client.fileno(), select.POLLOUT)
poll.poll(1000)
os.mkdir("made", dir_fd=os.open(directory, os.O_RDONLY))
os.rename("made", "moved")
os.kill(os.getpid(), 0)
try:
    os.close(999)
except OSError:
    pass
print(json.dumps({
    "tid": os.getpid(), "fd": fd, "dev": there.st_dev,
    "ino": there.st_ino, "major": os.major(there.st_dev), "minor": os.minor(there.st_dev),
    "client": client.getsockname(), "server": server.getsockname(), "client_fd": client.fileno(),
    "server_fd": server.fileno(), "peer_fd": peer.fileno(), "pgid": os.getpgid(0),
    "sid": os.getsid(0), "ppid": os.getppid(), "tty": int(stat[4]), "comm": status["Name"],
    "exe": os.readlink("/proc/self/exe"),
    "exe_ino": os.stat("/proc/self/exe").st_ino,
    "exe_mtime": os.stat("/proc/self/exe").st_mtime_ns,
    "exe_ctime": os.stat("/proc/self/exe").st_ctime_ns,
}), flush=True)
sys.stdin.read()
"""

RULES = """
- rule: fields
  desc: all that a few events tell
  condition: >
    proc.cmdline contains "TOKEN" and evt.type in (openat, write, bind, listen, connect, accept4,
    sendto, poll, mkdirat, rename, close, kill)
    and (fd.name contains "TOKEN" or fs.path.source contains moved or fs.path.target contains moved
         or fd.net in ("127.0.0.0/8") or evt.type in (poll, mkdirat, kill) or fd.num=999)
  output: "FIELDS"
  priority: INFO
"""


# Those that --list passes over.
DEPRECATED = ["evt.dir", "evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human",
              "evt.wait_latency"]


def field_names(program):
    names = subprocess.run([program, "--list=syscall", "-N"], check=True, capture_output=True,
                           text=True).stdout.split()
    assert "proc.name" in names
    return names + DEPRECATED


def printable(program, names):
    """Those that an output may have, with an argument where they need one."""
    arguments = {"evt.type.is": ".openat", "evt.arg": ".res", "evt.rawarg": ".res", "syscall.arg": "[0]",
                 "thread.cgroup": ".cpu"}
    wanted = [name + arguments.get(name, "") for name in names]
    left_out = r"static|evt\.around|fd\.(ip|port|proto|net|cnet|snet|lnet|rnet)|container\..*|k8s\..*|k8smeta\..*|proc\.is_con.*"
    return [name for name in wanted if not re.fullmatch(left_out, name)]


@pytest.fixture(scope="module")
def acted(program, tmp_path_factory):
    reason = live.why_not_live()
    if reason:
        (pytest.fail if live.IN_CI else pytest.skip)(f"cannot run live: {reason}", pytrace=False)
    token = f"saker-fields-{os.getpid()}"
    directory = tmp_path_factory.mktemp(token)
    names = field_names(program)
    rules = directory / "rules.yaml"
    rules.write_text(RULES.replace("TOKEN", token).replace(
        "FIELDS", " ".join("%" + name for name in printable(program, names))))
    with live.Monitor(rules=(rules,)) as monitor:
        monitor.wait_ready()
        environment = {"PATH": os.environ["PATH"], "SAKER_FIELDS": " some value "}
        # Below a shell, which waits for it.
        child = subprocess.Popen(["/bin/sh", "-c", '"$@"; :', "sh", sys.executable, "-c", ACTOR,
                                  directory], env=environment, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        told = json.loads(child.stdout.readline())
        alerts = {}

        def all_there():
            for alert in monitor.find("fields", matching=lambda alert: alert.fields["proc.name"] != "sh"):
                fields = alert.fields
                key = fields["evt.type"] + ("" if fields["evt.rawres"] is not None
                                            and fields["evt.rawres"] >= 0 else "!")
                alerts.setdefault(key, fields)
            return all(key in alerts for key in ("openat", "openat!", "write", "bind", "listen",
                                                 "connect", "accept4", "sendto", "poll",
                                                 "mkdirat", "rename", "close!", "kill"))

        monitor.wait_until(all_there, "an alert of each event")
        yield {"token": token, "directory": str(directory), "pid": told["tid"], "told": told,
               "alerts": alerts, "names": names}
        child.stdin.close()
        child.wait()
        child.stdout.close()


def expectations(acted):
    """Event (with ! where it failed) -> field -> value; a function: what must hold of it."""
    told, pid, directory = acted["told"], acted["pid"], acted["directory"]
    server_ip, server_port = told["server"]
    client_ip, client_port = told["client"]
    both = f"{client_ip}:{client_port}->{server_ip}:{server_port}"
    opened = directory + "/opened"
    recent = lambda value: 0 <= value < 600 * 10**9
    some = lambda value: value is not None
    count = lambda value: isinstance(value, int) and value >= 0
    python = told["exe"]
    return {
        "openat": {
            "evt.type": "openat", "syscall.type": "openat", "evt.dir": "<", "evt.category": "file",
            "evt.type.is.openat": 1, "evt.res": "SUCCESS", "evt.rawres": told["fd"],
            "evt.failed": False, "evt.is_open_read": True, "evt.is_open_write": True,
            "evt.is_open_create": True, "evt.is_open_exec": True, "evt.is_io": False,
            "evt.is_io_read": False, "evt.is_io_write": False, "evt.is_wait": False,
            "evt.is_syslog": False, "evt.count": 1, "evt.count.error": 0, "evt.count.exit": 1,
            "evt.count.error.file": 0, "evt.abspath": opened, "evt.source": "syscall",
            "evt.is_async": False, "evt.latency": 0, "evt.latency.s": 0, "evt.latency.ns": 0,
            "evt.latency.human": "0ns", "evt.wait_latency": 0, "evt.num": count,
            "evt.cpu": lambda value: 0 <= value < os.cpu_count() + 64,
            "evt.hostname": os.uname().nodename, "evt.is_io_uring": False, "evt.is_compat": False,
            "evt.args_truncated": False, "evt.arg.res": None, "evt.rawarg.res": None,
            "evt.args": lambda value: value.startswith(f"fd={told['fd']}(<f>{opened}) dirfd=-100("),
            "evt.info": lambda value: "mode=0755" in value,
            "evt.time": some, "evt.time.s": some, "evt.time.iso8601": some, "evt.datetime": some,
            "evt.datetime.s": some, "evt.rawtime": some, "evt.rawtime.s": count,
            "evt.rawtime.ns": count, "evt.reltime": count, "evt.reltime.s": count,
            "evt.reltime.ns": count, "evt.deltatime": count, "evt.deltatime.s": count,
            "evt.deltatime.ns": count, "evt.outputtime": some,
            "fd.num": told["fd"], "fd.type": "file", "fd.typechar": "f", "fd.name": opened,
            "fd.nameraw": "./opened", "fd.name.given": opened, "fd.name.resolved": opened,
            "fd.directory": directory, "fd.filename": "opened", "fd.uid": f"{pid}{told['fd']}",
            "fd.ino": told["ino"], "fd.dev": some, "fd.dev.major": told["major"],
            "fd.dev.minor": told["minor"], "fd.name_changed": some, "fd.connected": False,
            "fd.containername": ":" + opened, "fd.containerdirectory": ":" + directory,
            "fd.types": ["file"], "fd.is_upper_layer": some, "fd.is_lower_layer": some,
            "fd.is_server": False, "fd.l4proto": "<NA>", "fs.path.name": opened,
            "fs.path.nameraw": "./opened", "fs.path.name.resolved": opened,
            "proc.pid": pid, "proc.vpid": some, "proc.ppid": told["ppid"], "proc.pvpid": some,
            "proc.sid": told["sid"], "proc.pgid": told["pgid"], "proc.vpgid": some,
            "proc.name": told["comm"], "proc.exe": sys.executable, "proc.exepath": python,
            "proc.args": lambda value: value.startswith("-c ") and value.endswith(directory),
            "proc.cmdline": lambda value: value.startswith(told["comm"] + " -c "),
            "proc.exeline": lambda value: value.startswith(sys.executable + " -c "),
            "proc.cmdnargs": 3, "proc.cmdlenargs": lambda value: value > len(directory),
            "proc.env": lambda value: "SAKER_FIELDS= some value " in value,
            "proc.cwd": directory + "/", "proc.tty": told["tty"],
            "proc.duration": recent, "proc.pid.ts": some, "proc.ppid.ts": some,
            "proc.ppid.duration": count, "proc.is_exe_writable": some,
            "proc.is_exe_upper_layer": some, "proc.is_exe_lower_layer": some,
            "proc.is_exe_from_memfd": False, "proc.is_exe_moved": False, "proc.is_sid_leader": told["sid"] == pid,
            "proc.is_pgid_leader": told["pgid"] == pid,
            "proc.is_vpgid_leader": told["pgid"] == pid, "proc.exe_ino": told["exe_ino"],
            "proc.exe_ino.ctime": told["exe_ctime"], "proc.exe_ino.mtime": told["exe_mtime"],
            "proc.exe_ino.ctime_duration_proc_start": some, "proc.pidns_init_start_ts": some,
            "proc.fdlimit": count, "proc.vmsize": count, "proc.vmrss": count,
            "proc.vmswap": count, "proc.nthreads": 1, "proc.nchilds": 0,
            "proc.pname": "sh", "proc.pexe": "/bin/sh",
            "proc.pexepath": os.path.realpath("/bin/sh"),
            "proc.pcmdline": lambda value: value.startswith('sh -c "$@"; : sh '),
            "proc.loginshellid": count,
            "proc.aname": lambda value: value.startswith("sh "), "proc.aexe": some, "proc.aexepath": some,
            "proc.acmdline": some, "proc.aargs": some, "proc.aenv": some, "proc.apid": pid,
            "proc.sname": some, "proc.sid.exe": some, "proc.sid.exepath": some,
            "proc.pgid.name": some, "proc.pgid.exe": some, "proc.pgid.exepath": some,
            "proc.vpgid.name": some, "proc.vpgid.exe": some, "proc.vpgid.exepath": some,
            "thread.tid": told["tid"], "thread.vtid": some, "thread.ismain": True,
            "thread.exectime": 0, "thread.totexectime": 0, "thread.cgroups": some, "thread.cgroup.cpu": some,
            "thread.pfmajor": count, "thread.pfminor": count, "thread.vmsize": count,
            "thread.vmrss": count, "thread.cap_effective": some, "thread.cap_permitted": some,
            "thread.cap_inheritable": some, "user.uid": os.getuid(), "user.name": some,
            "user.homedir": some, "user.shell": some, "user.loginuid": some,
            "user.loginname": some, "group.gid": os.getgid(), "group.name": some,
        },
        "openat!": {
            "evt.res": "ENOENT", "evt.rawres": -2, "evt.failed": True, "evt.count.error": 1,
            "evt.count.error.file": 1, "fd.num": -1, "fd.type": None,
            "fd.name": directory + "/absent", "fd.nameraw": "missing/../absent",
        },
        "write": {
            "evt.is_io": True, "evt.is_io_write": True, "evt.io_dir": "write", "evt.buflen": 5,
            "evt.arg.res": "5", "evt.rawarg.res": 5, "fd.name": opened,
        },
        "bind": {"fd.name": f"{server_ip}:{server_port}", "fd.num": told["server_fd"]},
        "listen": {
            "fd.num": told["server_fd"], "fd.sip": server_ip, "fd.sport": server_port,
            "fd.is_server": True, "evt.category": "net",
        },
        "connect": {
            "fd.name": both, "fd.type": "ipv4", "fd.typechar": "4", "fd.l4proto": "tcp",
            "fd.sockfamily": "ip", "fd.cip": client_ip, "fd.sip": server_ip,
            "fd.cport": client_port, "fd.sport": server_port, "fd.cproto": str(client_port),
            "fd.sproto": str(server_port), "fd.lip": client_ip, "fd.rip": server_ip,
            "fd.lport": client_port, "fd.rport": server_port, "fd.lproto": str(client_port),
            "fd.rproto": str(server_port), "fd.is_server": False, "fd.connected": True,
            "evt.count.error.net": 0,
        },
        "accept4": {
            "fd.name": both, "fd.is_server": True, "fd.cport": client_port,
            "fd.sport": server_port, "fd.lport": server_port, "fd.rport": client_port,
        },
        "sendto": {"fd.name": both, "evt.io_dir": "write", "evt.buflen": 1},
        "poll": {"fdlist.nums": str(told["client_fd"]), "evt.is_wait": True},
        "mkdirat": {"fs.path.name": directory + "/made", "evt.abspath": directory + "/made"},
        "rename": {
            "fs.path.source": directory + "/made", "fs.path.sourceraw": "made",
            "fs.path.target": directory + "/moved", "fs.path.targetraw": "moved",
        },
        "kill": {"evt.is_other_process": False},
        "close!": {"evt.res": "EBADF", "evt.count.error.other": 1, "fd.num": 999},
    }


def test_values_are_those_that_the_program_knows(acted):
    wrong = []
    for event, fields in expectations(acted).items():
        for field, want in fields.items():
            got = acted["alerts"][event].get(field)
            fits = want(got) if callable(want) and got is not None else got == want
            if not fits:
                wrong.append(f"{event}: {field}: {got!r}, want {want!r}")
    assert not wrong, "\n".join(wrong)


def test_every_field_has_an_event(acted):
    covered = set()
    for event, fields in expectations(acted).items():
        for field, want in fields.items():
            if want is not None and acted["alerts"][event].get(field) is not None:
                covered.add(field)
    missing = [name for name in acted["names"]
               if not any(field == name or field.startswith(name + ".") and name in (
                   "evt.type.is", "evt.arg", "evt.rawarg", "thread.cgroup") for field in covered)
               and not any(re.fullmatch(row, name) for row in NOT_LIVE)]
    assert not missing, f"fields without an event: {missing}"


def test_processes_that_ran_before_are_known(acted):
    """This test is such a process, and has threads."""
    paths = acted["alerts"]["openat"]["proc.aexepath"].split(" ")
    assert paths[1] == os.readlink("/proc/self/exe")
