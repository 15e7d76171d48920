#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the probe's collection table and flag translations from src/probe/collect.tsv and
translate.tsv, checked against the event schema in src/event/.

usage: generate_probe_table.py SOURCE_DIRECTORY_OF_PROBE SOURCE_DIRECTORY_OF_EVENT OUTPUT.h ARCHITECTURE
ARCHITECTURE: x86_64 or arm64
"""

import pathlib
import re
import sys

SYSCALLS = 512
ROW_PARAMS = 18
NONE = 0xFF
MEM64, MEM32 = 8, 128
FETCH_MAX = 128

# kind in collect.tsv: enum collect_kind, and the schema types that it fills.
INT64 = "errno fd pid int64 uint64 reltime abstime"
KINDS = {
    "ret": ("U64", INT64), "s32": ("S32", INT64), "u64": ("U64", INT64), "u32": ("U32", "uint32 int32 uid gid enumflags32 flags32 mode sigset"),
    "u16": ("U16", "uint16 int16 flags16 enumflags16"), "u8": ("U8", "uint8 int8 flags8 enumflags8 sigtype bool"),
    "flags32": ("FLAGS32", "flags32 enumflags32 mode uint32"), "flags16": ("FLAGS16", "flags16 enumflags16"),
    "flags8": ("FLAGS8", "flags8 enumflags8 uint8"),
    "str": ("STR", "charbuf fspath fsrelpath"), "str_ok": ("STR_OK", "charbuf"), "path": ("STR", "fspath fsrelpath charbuf"),
    "open_flags": ("OPEN_FLAGS", "flags32"), "open_mode": ("OPEN_MODE", "uint32"), "creat_mode": ("CREAT_MODE", "uint32"),
    "creat_flags": ("CREAT_FLAGS", "flags16"), "dev": ("DEV", "uint32"), "ino": ("INO", "uint64"), "fd_ino": ("FD_INO", "uint64"),
    "dev_arg": ("DEV_ARG", "uint32"), "time": ("TIME", "reltime"), "user_u32": ("USER_U32", "uid gid uint32 sigset"),
    "user_u64": ("USER_U64", "uint64"), "file_path": ("FILE_PATH", "fspath"), "memfd_name": ("MEMFD_NAME", "charbuf"), "halves": ("HALVES", "uint64"),
    "sockaddr": ("SOCKADDR", "sockaddr"), "bound": ("BOUND", "sockaddr"), "tuple_connect": ("TUPLE_CONNECT", "socktuple"), "tuple_out": ("TUPLE_OUT", "socktuple"),
    "tuple_in": ("TUPLE_IN", "socktuple"), "tuple_msg_out": ("TUPLE_MSG_OUT", "socktuple"), "tuple_msg_in": ("TUPLE_MSG_IN", "socktuple"),
    "buf_out": ("BUF_OUT", "bytebuf"), "buf_in": ("BUF_IN", "bytebuf"), "iov_out": ("IOV_OUT", "bytebuf"), "iov_in": ("IOV_IN", "bytebuf"),
    "iov_size": ("IOV_SIZE", "uint32"), "msg_out": ("MSG_OUT", "bytebuf"), "msg_in": ("MSG_IN", "bytebuf"), "msg_size": ("MSG_SIZE", "uint32"),
    "msg_control": ("MSG_CONTROL", "bytebuf"), "ret_size": ("RET_SIZE", "uint32"), "queue_pct": ("QUEUE_PCT", "uint8"),
    "queue_len": ("QUEUE_LEN", "uint32"), "queue_max": ("QUEUE_MAX", "uint32"), "sock_self": ("SOCK_SELF", "uint64"), "sock_peer": ("SOCK_PEER", "uint64"),
    "ptrace_addr": ("PTRACE_ADDR", "dyn"), "ptrace_data": ("PTRACE_DATA", "dyn"), "keyctl": ("KEYCTL", "dyn"),
    "prctl_str": ("PRCTL_STR", "charbuf"), "prctl_int": ("PRCTL_INT", "int64"), "caps": ("CAPS", "uint64"), "mount_flags": ("MOUNT_FLAGS", "flags32"),
    "vm_size": ("VM_SIZE", "uint32"), "vm_rss": ("VM_RSS", "uint32"), "vm_swap": ("VM_SWAP", "uint32"), "blob": ("BLOB", "bytebuf"),
    "fsconfig_bytes": ("FSCONFIG_BYTES", "bytebuf"), "fsconfig_text": ("FSCONFIG_TEXT", "charbuf"), "setval": ("SETVAL", "int32"), "poll": ("POLL", "fdlist"), "sockopt_name": ("SOCKOPT_NAME", "enumflags8"),
    "sockopt": ("SOCKOPT", "dyn"),
    "old_limit": ("OLD_LIMIT", "int64"), "sembuf": ("SEMBUF", "uint16 int16 flags16"),
    "quota": ("QUOTA", "charbuf uint64 reltime flags8 flags16 uint32"), "scap_nr": ("SCAP_NR", "syscallid"), "native_nr": ("NATIVE_NR", "uint16"),
}
WITH_TABLE = {"FLAGS32", "FLAGS16", "FLAGS8", "U32"}
FLAGS = {"opens": "ROW_OPENS", "ok": "ROW_FETCH_OK", "critical": "ROW_CRITICAL", "state": "ROW_STATE", "cwd": "ROW_NEW_CWD",
         "longs": "ROW_FETCH_LONGS", "important": "ROW_IMPORTANT", "follows": "ROW_FOLLOWS", "asked": "ROW_ASKED"}
# What each generic event starts with.
GENERIC = ["scap_nr", "native_nr"]
# enum quota_param
QUOTA = {"file": 0, "bhard": 1, "bsoft": 2, "space": 3, "ihard": 4, "isoft": 5, "btime": 7, "itime": 8,
         "bgrace": 9, "igrace": 10, "flags": 11, "format_out": 12, "command": 13, "type": 14, "id": 15, "format": 16}
# net/socket calls behind 32-bit socketcall, by its first argument.
SOCKETCALL = ("- socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown"
              " setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg").split()
# semaphores, messages and shared memory behind 32-bit ipc, by its first argument.
IPC = {1: "semop", 2: "semget", 3: "semctl", 4: "semtimedop", 11: "msgsnd", 12: "msgrcv", 13: "msgget", 14: "msgctl",
       21: "shmat", 22: "shmdt", 23: "shmget", 24: "shmctl"}
# What x32 programs call by numbers of their own, from 512.
X32 = ("rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace rt_sigpending rt_sigtimedwait"
       " rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid set_robust_list get_robust_list vmsplice"
       " move_pages preadv pwritev rt_tgsigqueueinfo recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt"
       " getsockopt io_setup io_submit execveat preadv2 pwritev2").split()


class TableError(Exception):
    pass


def read_rows(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            yield number, line.split("\t")


def value_of(text):
    """enum collect_source of a value's text."""
    if text == "ret":
        return 6
    if text == "zero":
        return 7
    if re.fullmatch(r"[0-5]", text):
        return int(text)
    word = re.fullmatch(r"m(64|32)\.(\d+)", text)
    if not word:
        raise TableError(f"{text!r} is no value")
    index = int(word[2])
    if word[1] == "64":
        return MEM64 + index
    return MEM32 + 4 * index


def read_translations(path, arch):
    """Those named NAME@ARCHITECTURE stand for NAME there."""
    tables = {}
    rows = [cells for _, cells in read_rows(path) if cells[0] != "table"]
    own = {cells[0].partition("@")[0] for cells in rows if cells[0].endswith("@" + arch)}
    for cells in rows:
        name, form, kernel, scap = cells
        name, _, only = name.partition("@")
        if only != (arch if name in own else ""):
            continue
        table = tables.setdefault(name, {"bits": [], "enum": [], "mask": 0, "default": None})
        if form == "bits":
            table["bits"].append((int(kernel, 0), int(scap, 0)))
        elif form == "mask":
            table["mask"] |= int(kernel, 0)
        elif kernel == "*":
            table["default"] = int(scap, 0)
        elif "-" in kernel:
            table["enum"].append(tuple(int(x) for x in kernel.split("-")))
        else:
            table["enum"].append((int(kernel, 0), int(scap, 0), None))
    return tables


def shifted(mask, shift):
    masked = f"(v & {mask:#x}u)"
    if shift == 0:
        return masked
    return f"({masked} << {shift})" if shift > 0 else f"({masked} >> {-shift})"


def translation(table):
    """C statements that leave the scap value in v."""
    if table["enum"]:
        lines = []
        for entry in table["enum"]:
            if len(entry) == 2:
                lines.append(f"\t\tif (v >= {entry[0]} && v <= {entry[1]})\n\t\t\treturn v;")
        single = [entry for entry in table["enum"] if len(entry) == 3]
        if single:
            lines.append("\t\tswitch (v) {")
            for kernel, scap, _ in single:
                lines.append(f"\t\tcase {kernel:#x}:\n\t\t\treturn {scap:#x};")
            lines.append("\t\t}")
        lines.append(f"\t\treturn {table['default']:#x};")
        return lines
    # No branch on a bit: what the verifier must walk doubles with each.
    groups = {}
    for kernel, scap in table["bits"]:
        for bit in range(32):
            if scap >> bit & 1:
                shift = bit - (kernel.bit_length() - 1)
                groups[shift] = groups.get(shift, 0) | kernel
    if table["mask"]:
        groups[0] = groups.get(0, 0) | table["mask"]
    return ["\t\treturn " + " |\n\t\t       ".join(shifted(m, s) for s, m in sorted(groups.items())) + ";"]


class Row:
    def __init__(self, name, code, scap_nr, params, translations):
        self.name, self.code, self.scap_nr = name, code, scap_nr
        self.schema = params
        self.translations = translations
        self.family, self.flags = "PLAIN", []
        self.fetch, self.fetch_size = NONE, 0
        self.fds, self.name_param = [], NONE
        self.follow_arg = NONE
        self.paths = []
        self.params = []

    def fill(self, cells):
        _, family, flags, fetch, fd, name, params = cells
        self.family = family.upper()
        for flag in [] if flags == "-" else flags.split(","):
            word, _, argument = flag.partition("=")
            self.flags.append(FLAGS[word])
            if argument:
                self.follow_arg = int(argument)
        if fetch != "-":
            arg, size = fetch.split(":")
            self.fetch, self.fetch_size = int(arg), int(size)
            if self.fetch_size > FETCH_MAX:
                raise TableError(f"fetches more than {FETCH_MAX} bytes")
        if fd != "-":
            for one in fd.split(","):
                src, param = one.split(":")
                self.fds.append((value_of(src), int(param)))
        if name != "-":
            self.name_param = int(name)
        if self.family in ("FORK", "EXEC"):
            return
        tokens = GENERIC if self.code == 1 else []
        tokens = tokens + ([] if params == "-" else params.split(" "))
        if len(tokens) != len(self.schema):
            raise TableError(f"has {len(tokens)} parameters, the schema {len(self.schema)}")
        if len(tokens) > ROW_PARAMS:
            raise TableError(f"has more than {ROW_PARAMS} parameters")
        for index, (token, schema) in enumerate(zip(tokens, self.schema)):
            self.params.append(self.param(index, token, schema))

    def param(self, index, token, schema):
        match = re.fullmatch(r"(\w+)(?:\(([^)]*)\))?", token)
        if not match or match[1] not in KINDS:
            raise TableError(f"{token!r} is no parameter")
        kind, types = KINDS[match[1]]
        name, type_ = schema
        if type_ not in types.split():
            raise TableError(f"{token!r} cannot fill {name}, which is {type_}")
        src, aux, table = (6 if match[1] == "ret" else 7), 7, 0
        arguments = match[2].split(",") if match[2] else []
        if match[1] == "path":
            path, _, directory = arguments[0].partition("@")
            src = value_of(path)
            self.paths.append((index, value_of(directory) if directory else NONE))
        elif match[1] == "quota":
            aux = QUOTA[arguments[0]]
        elif match[1] in ("keyctl", "old_limit", "sembuf"):
            src, aux = value_of(arguments[0]), int(arguments[-1])
        elif match[1] == "caps":
            src = int(arguments[0])
        elif arguments:
            src = value_of(arguments[0])
            if len(arguments) > 1 and kind in WITH_TABLE:
                kind = {"U32": "FLAGS32"}.get(kind, kind)
                if arguments[1] not in self.translations:
                    raise TableError(f"no translation is named {arguments[1]!r}")
                table = 1 + list(self.translations).index(arguments[1])
            elif len(arguments) > 1:
                aux = value_of(arguments[1])
        return f"{{KIND_{kind}, {src}, {aux}, {table}}}"

    def c(self):
        paths = (self.paths + [(NONE, NONE)] * 2)[:2]
        fds = (self.fds + [(NONE, NONE)] * 2)[:2]
        return (
            f"{{.code = {self.code}, .scap_nr = {self.scap_nr}, .nparams = {len(self.params)}, "
            f".family = FAMILY_{self.family}, .flags = {' | '.join(self.flags) or 0}, "
            f".fetch_arg = {self.fetch}, .fetch_size = {self.fetch_size}, .fd_src = {fds[0][0]}, "
            f".fd_param = {fds[0][1]}, .fd2_src = {fds[1][0]}, .fd2_param = {fds[1][1]}, "
            f".follow_arg = {self.follow_arg}, .name_param = {self.name_param}, "
            f".path_param = {{{paths[0][0]}, {paths[1][0]}}}, .path_dir = {{{paths[0][1]}, {paths[1][1]}}}, "
            f".params = {{{', '.join(self.params)}}}}}"
        )


# Calls that newer architectures have not, and what does the same there.
SUCCESSORS = {"epoll_wait": "epoll_pwait"}


def number(cell):
    return None if cell in ("-", "") else int(cell.split(",")[0])


# Calls that the programs know by number.
NAMED = "clone fork vfork clone3 execve execveat exit exit_group".split()
COLUMNS = {"x86_64": 1, "arm64": 3}
COMPAT_COLUMNS = {"x86_64": 2, "arm64": 6}
FOREIGN = {"x86_64": 487, "arm64": 474}  # the first number that is not the kernel's


def generate(probe, event, arch):
    schemas = {}
    for _, cells in read_rows(event / "events.tsv"):
        params = cells[6].split(" ") if len(cells) > 6 and cells[6] else []
        schemas[int(cells[0])] = [tuple(p.split(":")[:2]) for p in params]
    generic = {}
    for _, cells in read_rows(event / "generic.tsv"):
        generic[cells[0]] = [tuple(p.split(":")[:2]) for p in cells[2].split(" ")]
    translations = read_translations(probe / "translate.tsv", arch)

    rows, by_name, compat, known = {}, {}, {}, set()
    for _, cells in read_rows(event / "syscalls.tsv"):
        name, native, scap_nr, code = cells[0], number(cells[COLUMNS[arch]]), int(cells[4]), int(cells[5])
        numbers = cells[COMPAT_COLUMNS[arch]]
        known.add(name)
        if native is None:
            continue
        row = Row(name, 1, scap_nr, schemas[1], translations)
        row.own_code = code
        row.params = ["{KIND_SCAP_NR, 7, 7, 0}", "{KIND_NATIVE_NR, 7, 7, 0}"]
        rows[native] = by_name[name] = row
        row.nr = native
        for old in ([] if numbers == "-" else numbers.split(",")):
            compat[int(old)] = native

    for line, cells in read_rows(probe / "collect.tsv"):
        if cells[0] == "syscall":
            continue
        if cells[0] in known and cells[0] not in by_name:
            continue  # this architecture has no such call
        try:
            row = by_name[cells[0]]
            row.code, row.params = row.own_code, []
            row.schema = schemas[1] + generic.get(cells[0], []) if row.own_code == 1 else schemas[row.own_code]
            row.fill(cells)
        except (TableError, KeyError, ValueError) as e:
            raise TableError(f"collect.tsv:{line}: {cells[0]}: {e}")

    out = ["/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */",
           "/* Generated by tools/generate_probe_table.py. */",
           "#ifndef SAKER_COLLECT_TABLE_H", "#define SAKER_COLLECT_TABLE_H", '#include "probe/shared.h"', "",
           "#define CAPS_KNOWN 0x1ffffffffffULL", "",
           "static const struct collect_row collect_rows[PROBE_SYSCALLS] = {"]
    for nr in range(SYSCALLS):
        if nr in rows:
            out.append(f"\t[{nr}] = {rows[nr].c()}, /* {rows[nr].name} */")
        else:
            out.append(f"\t[{nr}] = {{.flags = ROW_UNUSED}},")
    out += ["};", "", "enum {"]
    succeeded = {name: other for name, other in SUCCESSORS.items()
                 if name not in by_name or by_name[name].nr >= FOREIGN[arch]}
    out += [f"\tCALL_{rows[nr].name} = {nr}," for nr in sorted(rows) if rows[nr].name not in succeeded]
    out += [f"\tCALL_{name} = CALL_{other}," for name, other in succeeded.items()]
    # Those that are not there get numbers that no call has.
    out += [f"\tNR_{name.upper()} = {by_name[name].nr if name in by_name else 0x10000 + i}," for i, name in enumerate(NAMED)]
    out += ["};", "", "/* Numbers from here on stand for calls that only 32-bit programs have. */",
            f"enum {{ FIRST_FOREIGN = {FOREIGN[arch]} }};", "", "/* Native numbers of 32-bit programs' calls; 0xffff: none. */",
            "static const uint16_t compat_native[PROBE_SYSCALLS] = {"]
    for nr in range(SYSCALLS):
        out.append(f"\t{compat.get(nr, 0xffff)},")
    out += ["};", "", f"enum {{ COMPAT_SOCKETCALL = 102, SOCKETCALLS = {len(SOCKETCALL)} }};",
            "static const uint16_t socketcall_native[32] = {"]
    alias = {"send": "sendto", "recv": "recvfrom"}
    for index in range(32):
        name = SOCKETCALL[index] if index < len(SOCKETCALL) else "-"
        name = alias.get(name, name)
        out.append(f"\t{by_name[name].nr if name in by_name else 0xffff}, /* {name} */")
    out += ["};", "enum { COMPAT_IPC = 117, COMPAT_OLD_MMAP = 90, IPC_CALLS = 32 };",
            "static const uint16_t ipc_native[IPC_CALLS] = {"]
    out += [f"\t{by_name[IPC[i]].nr if IPC.get(i) in by_name else 0xffff}," for i in range(32)]
    out += ["};", f"enum {{ X32_FIRST = 512, X32_CALLS = {len(X32)} }};", "static const uint16_t x32_native[64] = {"]
    out += [f"\t{by_name[name].nr if name in by_name else 0xffff}, /* {name} */" for name in X32]
    out += ["};", "", "#ifdef __bpf__", "enum {"]
    for index, name in enumerate(translations, 1):
        out.append(f"\tTRANSLATE_{name.upper()} = {index},")
    out += ["};", "", "static __always_inline __u32 translate(__u8 table, __u32 v)", "{", "\tswitch (table) {"]
    for name, table in translations.items():
        out.append(f"\tcase TRANSLATE_{name.upper()}:")
        out += translation(table)
    out += ["\t}", "\treturn v;", "}", "#endif", "#endif", ""]
    return "\n".join(out)


def main():
    probe, event, output = (pathlib.Path(p) for p in sys.argv[1:4])
    try:
        output.write_text(generate(probe, event, sys.argv[4]))
    except TableError as e:
        sys.exit(f"generate_probe_table.py: {e}")


if __name__ == "__main__":
    main()
