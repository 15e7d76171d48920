# SPDX-License-Identifier: Apache-2.0
"""Compares how Debian's sysdig and Saker read a capture: every field that both have, on every event
that both have, is the same text, or a row of one table says why not.

sysdig 0.29.3 is some years older than the schema that Saker follows. It shows a call's enter and
exit as two events; Saker shows the exit with the arguments of both. So its exits are compared, found
by time, thread and type. Where a row excuses a difference and Falco's own values of that capture are
at hand (`falco`), Saker's value must be Falco's: that one outranks sysdig.
"""

import collections
import fnmatch
import gzip
import json
import os
import re
import subprocess

SEPARATOR = "\u241f"
ABSENT = "<NA>"
KEY = ["evt.rawtime", "thread.tid", "evt.type", "evt.dir", "evt.args"]
NUMBERS_ONLY = "evt.num exists"  # every event, those too that a plain read leaves out

# Fields that both have and that are not compared.
NOT_COMPARED = {
    "evt.num": "counts the enter events, which are no events of their own here",
    "evt.args": "compared argument by argument: that of the exit alone there, cut to 80 bytes",
    "evt.info": "as evt.args",
    "evt.deltatime*": "the event before is the call's enter there",
    "evt.latency*": "from enter to exit; here as in Falco 0",
    "evt.wait_latency": "as evt.latency",
    "evt.count.error*": "counts only failures there, so that it has no value for others",
    "evt.outputtime": "evt.time",
    "evt.plugin*": "there are no plugins",
    "evt.reltime*": "since the first event, which may be an enter event or an internal one",
    "evt.type.is": "needs an argument of its own",
    "evt.rawarg": "needs an argument of its own",
    "evt.arg": "compared by names",
    "evt.around": "needs an argument, and is for conditions",
    "evt.buflen": "has a type of its own there",
    "thread.cpu*": "made of switches and a capture's internal events there",
    "thread.exectime": "made of switches, and counts from the enter event there",
    "thread.totexectime": "as thread.exectime",
    "thread.cgroup": "needs an argument",
    "thread.pf*": "taken from switches too there",
    "proc.vm*": "that of the enter events too there",
    "thread.vm*": "as proc.vm*",
    "container.[!i]*": "metadata of a container runtime, which is not in the captures",
    "container.image*": "the same",
    "proc.is_container*": "the same",
    "fd.*.name": "asks name servers",
    "fd.*net": "for conditions",
    "fd.ip": "for conditions",
    "fd.port": "for conditions",
    "fd.proto": "for conditions",
    "proc.apid": "compared by index",
    "proc.aname": "compared by index",
    "proc.loginshellid": "counts from the other end there",
}

INDEXED = [f"proc.{name}[{i}]" for name in ("apid", "aname") for i in range(5)]


class Event:
    def __init__(self, kind, theirs, ours, is_new, is_recorded):
        self.type, self.theirs, self.ours = kind, theirs, ours
        self.is_new, self.is_recorded = is_new, is_recorded


class Difference:
    """A row: fields and events for which a difference is meant, where it looks like that."""

    def __init__(self, fields, is_meant, reason, of_recordings=False):
        self.fields, self.is_meant, self.reason, self.count = fields.split(), is_meant, reason, 0
        self.of_recordings = of_recordings  # of no other captures

    def covers(self, field, e):
        return (e.is_recorded >= self.of_recordings and any(fnmatch.fnmatchcase(field, pattern) for pattern in self.fields)
                and self.is_meant(e, e.theirs[field], e.ours[field]))


def only_ours(e, theirs, ours):
    return theirs == ABSENT and ours != ABSENT


# Fields whose value is on purpose not Falco's, or in another form in its JSON.
NOT_AS_FALCO = {
    "fd.container*": "that run had nobody who tells containers",
    "evt.buffer": "ptrace's data is a number, and no data is nothing",
    "proc.fdusage": "rounded as text",
}


def of(*types):
    return lambda e, theirs, ours: e.type in types


def always(e, theirs, ours):
    return True


def says(theirs, ours):
    return lambda e, s, k: s == theirs and k == ours


def is_for_any_call(e):
    """An event for calls that have none of their own: no parameter of it has a result there."""
    return "res=" not in e.theirs["evt.args"] and "fd=" not in e.theirs["evt.args"]


def of_new(e, theirs, ours):
    """Captures of today have no enter events, from which sysdig takes much of its state."""
    return e.is_new


def of_new_without_open(e, theirs, ours):
    """What an open answers stands in its exit, so that both know it, but for the directory that
    it started from."""
    return e.is_new and not (e.type in ("open", "openat", "openat2", "creat")
                             and "dirfd=-100(" in e.ours["evt.args"]
                             and e.ours["evt.failed"] == "false")


DIFFERENCES = [
    Difference("evt.arg.*", only_ours,
               "an argument of the enter event, or one that events have got since"),
    Difference("evt.arg.*", lambda e, s, k: s.endswith("...") and k.startswith(s[:-3]),
               "cut to 80 bytes there"),
    Difference("evt.arg.data evt.arg.args evt.arg.env", says("", "NULL"),
               "no bytes are NULL in Falco's text"),
    Difference("evt.arg.res", lambda e, s, k: e.type == "mmap" and int(s, 16) == int(k) % 2**64,
               "an address there, a result as of other calls in today's schema"),
    Difference("evt.arg.loginuid", says("-1", "<NONE>"), "a user's name since"),
    Difference("evt.arg.cwd evt.arg.ptid", lambda e, s, k: k == ABSENT,
               "empty in the event: there the bytes that a buffer has from before"),
    Difference("evt.arg.flags", lambda e, s, k: k.startswith(s + "|O_F_"), "flags that are newer"),
    Difference("evt.arg.name evt.arg.fd evt.abspath evt.arg.path",
               lambda e, s, k: s.replace("//", "/") == k, "paths are put together without //"),
    Difference("evt.arg.fd evt.arg.res", of_new, "a descriptor that it learns at enter events"),
    Difference("evt.category", lambda e, s, k: k == "other" and not e.is_new,
               "calls without an event of their own are of one category since"),
    Difference("evt.category", lambda e, s, k: s == "unknown" and e.is_new,
               "found by the enter event's type there"),
    Difference("evt.failed", says("false", ABSENT), "events without a result cannot fail"),
    Difference("evt.buffer", of("ptrace"), "ptrace's data is a number"),
    Difference("syscall.type", of("procexit", "switch"), "no system calls"),
    Difference("fd.*", lambda e, s, k: e.type == "mmap" and s == ABSENT,
               "mmap uses a descriptor since"),
    Difference("fd.dev fd.dev.major fd.dev.minor", lambda e, s, k: not e.is_new and k == "0",
               "memory that was never set, of what is no file, there"),
    Difference("fd.name fd.containername", lambda e, s, k: e.type == "connect" and k in ("", ":"),
               "a connection that failed has no name since"),
    Difference("fd.*", lambda e, s, k: e.type in ("connect", "sendto") and not e.is_new,
               "a second connect of a datagram socket gives it another peer since"),
    Difference("fd.typechar", lambda e, s, k: e.type == "open" and (s, k) == ("f", "o"),
               "an open that failed is of no type since"),
    Difference("fd.*", of_new_without_open, "the descriptor is that of the enter event there"),
    Difference("user.* group.*", of_new, "ids change by the enter event's arguments there"),
    Difference("group.gid", says("8589934591", "4294967295"), "four bytes too many are read there"),
    Difference("proc.exepath", of_new, "made of the enter event's arguments there"),
    Difference("proc.fdopencount proc.fdlimit proc.fdusage", of_new,
               "descriptors and limits come with enter events there"),
    Difference("proc.nthreads", of("procexit"), "without the one that ends, since"),
    Difference("evt.arg.next", of("switch"), "a thread has the name that it gave itself last", of_recordings=True),
    Difference("proc.* thread.*", lambda e, s, k: e.type == "switch" and s == ABSENT,
               "a thread that it knows nothing of any more: it switched away for the last time",
               of_recordings=True),
    Difference("proc.nchilds", lambda e, s, k: int(k) == int(s) + 1,
               "threads count as children of their process since"),
    Difference("proc.pname proc.pcmdline", lambda e, s, k: not e.is_new,
               "a thread's parent is its process's since, was the process itself"),
    Difference("proc.ppid proc.pname proc.pcmdline", lambda e, s, k: e.is_new and k == ABSENT,
               "a parent that the capture does not have is absent since"),
    Difference("proc.sname", lambda e, s, k: k in ("", ABSENT),
               "the leader of a session that the capture does not have is nobody since"),
    Difference("proc.vpid thread.vtid", lambda e, s, k: s == ABSENT,
               "told outside of containers too since"),
    Difference("proc.*", lambda e, s, k: e.ours["proc.pid"] == "-1",
               "of a thread that the capture does not have nothing is made up since"),
    Difference("thread.ismain", lambda e, s, k: e.ours["proc.pid"] == "-1",
               "of a thread that the capture does not have nothing is made up since"),
    Difference("evt.arg.fd", lambda e, s, k: s.replace("<f>", "<d>", 1) == k,
               "the kernel told that it is a directory", of_recordings=True),
    Difference("evt.res evt.rawres", lambda e, s, k: s == ABSENT and e.type.startswith("get"),
               "results of calls that give ids have names of their own there", of_recordings=True),
    Difference("evt.res evt.rawres evt.failed",
               lambda e, s, k: is_for_any_call(e) and s in (ABSENT, "false"),
               "an event for any call holds no result there; ours brings it along",
               of_recordings=True),
    Difference("fd.num", lambda e, s, k: is_for_any_call(e) and only_ours(e, s, k),
               "ours brings the descriptor along, too", of_recordings=True),
    Difference("evt.category", always,
               "of what kind a descriptor is the kernel told, and did not after a close; there it "
               "follows from the events before, some of which are not in a recording with a filter",
               of_recordings=True),
    Difference("evt.arg.fd", lambda e, s, k: s == "<4>" and k.startswith("<4"),
               "the kernel told the protocol", of_recordings=True),
    Difference("fd.num", of("fcntl"), "that of the duplicate, where it makes one, there",
               of_recordings=True),
    Difference("fd.num", of("setsockopt"), "its first parameter is the descriptor since",
               of_recordings=True),
    Difference("evt.arg.*pid evt.arg.*tid", always,
               "names of processes, which follow from events that are not in the recording",
               of_recordings=True),
    Difference("evt.arg.res", lambda e, s, k: e.type in ("fcntl", "clone", "clone3", "fork", "vfork"),
               "the name of a process or descriptor that is not in the recording",
               of_recordings=True),
]

# What of a recording with a filter is compared: the events themselves. The state that they belong to
# sysdig takes from events that the filter leaves out; here each event brings its own.
OF_RECORDINGS = ["evt.*", "fd.num", "proc.pid", "proc.vpid", "thread.vtid"]

# Events that Saker has and sysdig has not.
ONLY_OURS = {
    "procinfo": "a capture's internal event, which it keeps to itself",
    **dict.fromkeys(
        ("accept4", "dup", "dup2", "dup3", "epoll_create", "epoll_create1", "eventfd2",
         "fadvise64", "memfd_create", "pipe2", "prctl", "umount2", "close_range", "newfstatat",
         "syscall"),
        "has an event of a code that it does not know, and passes over"),
}


def is_in(field, table):
    return any(fnmatch.fnmatchcase(field, pattern) for pattern in table)


def run(command):
    environment = {"TZ": "UTC", "PATH": os.environ["PATH"], "HOME": "/",
                   **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
    done = subprocess.run([str(part) for part in command], capture_output=True, env=environment,
                          timeout=60)
    return done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def fields_of_sysdig():
    names = re.findall(r"^([a-z]+\.[a-z_.]+)", run(["sysdig", "-l"])[0], re.MULTILINE)
    assert "evt.type" in names, "sysdig -l has another form"
    return set(names)


def arguments(program):
    """The names of arguments that both know, but those that sysdig takes for a shorter one."""
    def names(text):
        """Of "< open(FD fd, FLAGS32 **flags**: O_RDONLY, ...)": fd and flags."""
        return {name for line in text.splitlines() if "(" in line
                for name in re.findall(r"[(,] ?[A-Z0-9_]+ \**([a-z][A-Za-z0-9_]*)", line)}

    theirs = names(run(["sysdig", "-L"])[0])
    both = theirs & names(run([program, "--list-events"])[0])
    return sorted(name for name in both
                  if not any(name != other and name.startswith(other) for other in theirs))


def fields_of_both(program):
    ours = set(run([program, "--list", "syscall", "-N"])[0].split())
    plain = sorted(name for name in fields_of_sysdig() & ours
                   if not is_in(name, NOT_COMPARED) and name not in KEY)
    return plain + INDEXED + [f"evt.arg.{name}" for name in arguments(program)]


def rows(text, fields):
    events, counts = collections.OrderedDict(), collections.Counter()
    for line in text.splitlines():
        values = line.split(SEPARATOR)
        assert len(values) == len(fields), line
        key = tuple(values[:4])
        counts[key] += 1
        events[key + (counts[key],)] = dict(zip(fields, values))
    return events


def read_both(program, capture, fields):
    wanted = KEY + fields
    layout = "*" + SEPARATOR.join(f"%{name}" for name in wanted)
    theirs, errors = run(["sysdig", "-r", capture, "-p", layout])
    assert not errors, errors
    ours, errors = run([program, "read", capture, NUMBERS_ONLY, "-p", layout])
    assert not errors, errors
    return rows(theirs, wanted), rows(ours, wanted)


def as_text(value):
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def falcos_value(values, field):
    """Falco's value as text."""
    return as_text(values[field]) if field in values else ABSENT


class Comparison:
    def __init__(self):
        self.compared, self.differed, self.meant = collections.Counter(), [], 0
        self.missing, self.only_ours = collections.Counter(), collections.Counter()
        self.types = collections.Counter()

    def explain(self):
        lines = [f"{capture} {field}: {kind} at {time}: sysdig {theirs!r}, saker {ours!r}{why}"
                 for capture, field, kind, time, theirs, ours, why in self.differed[:40]]
        return f"{len(self.differed)} values differ:\n" + "\n".join(lines)


def compare(result, program, capture, fields, falco=None, is_recorded=False):
    theirs, ours = read_both(program, capture, fields)
    is_new = not any(values["evt.dir"] == ">" and values["evt.type"] in ("openat", "close", "mmap")
                     for values in theirs.values())
    known = [json.loads(line) for line in gzip.open(falco, "rt")] if falco else None
    asked = {name for values in known for name in values} if known else set()
    assert not known or len(known) == len(ours)
    for number, (key, own) in enumerate(ours.items()):
        other = theirs.get(key)
        if other is None:
            result.only_ours[key[2]] += 1
            continue
        result.types[key[2]] += 1
        e = Event(key[2], other, own, is_new, is_recorded)
        for field in fields:
            result.compared[field] += 1
            if other[field] == own[field]:
                continue
            row = next((row for row in DIFFERENCES if row.covers(field, e)), None)
            why = ""
            if row and field in asked and not is_in(field, NOT_AS_FALCO):
                said = falcos_value(known[number], field)
                if said != own[field]:
                    row, why = None, f", Falco {said!r}"
            if row:
                row.count += 1
                result.meant += 1
            else:
                result.differed.append((capture.name, field, key[2], key[0], other[field],
                                        own[field], why))
    moments = {key[:2] for key in ours}
    for key, other in theirs.items():
        # Calls whose names it does not know are at least events here.
        if key not in ours and (other["evt.dir"] == "<" and
                                (key[2] != "<unknown>" or key[:2] not in moments)):
            result.missing[key[2]] += 1
