#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the C tables behind event/schema.h from events.tsv, flags.tsv, syscalls.tsv and
generic.tsv.

usage: generate_schema.py DIRECTORY_OF_THE_TSV_FILES OUTPUT.c
"""

import pathlib
import sys

CATEGORIES = (
    "unknown other file net ipc wait signal sleep time process scheduler memory user system internal"
    " io_read io_write io_other"
).split()
FLAGS = {
    name: "EVENT_" + name.upper()
    for name in (
        "creates_fd destroys_fd uses_fd reads_fd writes_fd modifies_state waits skip_reset unused"
        " old_version converted large_payload"
    ).split()
}
SYSCALL_NR_LIMIT = 512
NO_NUMBER = 0xFFFF


class SchemaError(Exception):
    pass


def read_rows(path):
    """Rows of a tab-separated file, each with the line number that messages name."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            yield number, line.split("\t")


class Param:
    def __init__(self, text, flag_tables, where):
        parts = text.split(":")
        self.name, self.type, self.format = parts[:3]
        self.flags, self.dirfd = None, -1
        if len(parts) > 3:
            if parts[3].startswith("dirfd="):
                self.dirfd = int(parts[3][len("dirfd="):])
            elif parts[3] in flag_tables:
                self.flags = parts[3]
            elif not parts[3].startswith("dyn"):
                raise SchemaError(f"{where}: no flag table is named {parts[3]!r}")

    def c(self):
        flags = f"&flag_table_{self.flags}" if self.flags else "NULL"
        return (
            f'{{"{self.name}", PARAM_{self.type.upper()}, FORMAT_{self.format.upper()}, '
            f"{flags}, {self.dirfd}}}"
        )


class Event:
    def __init__(self, cells, flag_tables, where):
        cells = cells + [""] * (7 - len(cells))
        self.code = int(cells[0])
        self.is_enter = cells[1] == ">"
        self.name = cells[2]
        if cells[3] not in CATEGORIES:
            raise SchemaError(f"{where}: no category is named {cells[3]!r}")
        self.category = cells[3]
        self.origin = cells[4]
        self.flags = [] if cells[5] == "-" else cells[5].split(",")
        for flag in self.flags:
            if flag not in FLAGS:
                raise SchemaError(f"{where}: no event flag is named {flag!r}")
        self.params = [Param(text, flag_tables, where) for text in cells[6].split()]

    def rank(self):
        """How well the row stands for its name: today's exit event before all others."""
        return ("old_version" not in self.flags, "unused" not in self.flags, not self.is_enter)

    def c_flags(self):
        flags = [FLAGS[flag] for flag in self.flags] + (["EVENT_ENTER"] if self.is_enter else [])
        flags += {"syscall": ["EVENT_SYSCALL"], "meta": ["EVENT_META"]}.get(self.origin, [])
        return " | ".join(flags) or "0"


class Syscall:
    def __init__(self, cells):
        self.name = cells[0]
        self.x86_64, self.arm64, self.scap = (
            NO_NUMBER if cells[i] == "-" else int(cells[i]) for i in (1, 3, 4)
        )
        self.exit = int(cells[5])


def read_schema(directory):
    flags = {}
    for _, (table, name, value) in read_rows(directory / "flags.tsv"):
        flags.setdefault(table, []).append((name, int(value, 0)))
    events = [
        Event(cells, flags, f"events.tsv:{number}")
        for number, cells in read_rows(directory / "events.tsv")
    ]
    for position, event in enumerate(events):
        if event.code != position:
            raise SchemaError(f"events.tsv: code {event.code} stands where {position} should")
    syscalls = [Syscall(cells) for _, cells in read_rows(directory / "syscalls.tsv")]
    generic = {}
    for number, cells in read_rows(directory / "generic.tsv"):
        name, event_flags, params = cells
        where = f"generic.tsv:{number}"
        if not any(call.name == name and call.exit == 1 for call in syscalls):
            raise SchemaError(f"{where}: {name!r} is no call without an event of its own")
        own = events[1].params
        event = Event(["1", "<", name, events[1].category, events[1].origin, event_flags, params], flags, where)
        event.params = own + event.params
        generic[name] = event
    return flags, events, syscalls, generic


def number_kinds(events, syscalls):
    """Kinds: names of events by their first code, then generic syscalls. {name: event or None}"""
    kinds = {}
    for event in events:
        best = kinds.get(event.name)
        if best is None or event.rank() > best.rank():
            kinds[event.name] = event
    for call in syscalls:
        if call.exit == 1 and call.name not in kinds:
            kinds[call.name] = None
    return kinds


def indexed(numbers, limit):
    """[limit] entries: position of the item with that number plus one, or 0."""
    table = [0] * limit
    for position, number in enumerate(numbers):
        if number < limit:
            if table[number]:
                raise SchemaError(f"syscalls.tsv: number {number} is given twice")
            table[number] = position + 1
    return ",".join(map(str, table))


def write_flags(flags, out):
    for table, rows in flags.items():
        out(f"static const struct flag_name flags_{table}[] = {{")
        for name, value in rows:
            out(f'\t{{"{name}", {value:#x}}},')
        out("};")
        out(
            f"static const struct flag_table flag_table_{table} = "
            f'{{"{table}", flags_{table}, {len(rows)}}};'
        )
    out("const struct flag_table *const schema_flag_tables[] = {")
    for table in sorted(flags):
        out(f"\t&flag_table_{table},")
    out("};")
    out(f"const uint16_t schema_flag_table_count = {len(flags)};")


def write_generic(generic, kinds, out):
    """The generic event as each call has it, in the order of kinds."""
    numbers = {name: number for number, name in enumerate(kinds)}
    for name, event in generic.items():
        out(f"static const struct param_schema params_of_{name}[] = {{")
        for param in event.params:
            out(f"\t{param.c()},")
        out("};")
    out("const struct event_schema schema_generic[] = {")
    for name, event in sorted(generic.items(), key=lambda item: numbers[item[0]]):
        out(
            f'\t{{"{name}", params_of_{name}, 1, {numbers[name]}, {event.c_flags()}, '
            f"{len(event.params)}, CATEGORY_{event.category.upper()}}},"
        )
    out("};")
    position = {name: i for i, name in enumerate(sorted(generic, key=numbers.get), 1)}
    by_kind = ",".join(str(position.get(name, 0)) for name in kinds)
    out(f"const uint8_t schema_generic_by_kind[] = {{{by_kind}}};")


def write_events(events, kinds, out):
    numbers = {name: number for number, name in enumerate(kinds)}
    for event in events:
        if event.params:
            out(f"static const struct param_schema params_{event.code}[] = {{")
            for param in event.params:
                out(f"\t{param.c()},")
            out("};")
    out("const struct event_schema schema_events[] = {")
    for event in events:
        params = f"params_{event.code}" if event.params else "NULL"
        out(
            f'\t{{"{event.name}", {params}, {event.code}, {numbers[event.name]}, '
            f"{event.c_flags()}, {len(event.params)}, CATEGORY_{event.category.upper()}}},"
        )
    out("};")
    out(f"const uint16_t event_code_count = {len(events)};")


def write_kinds(kinds, out):
    out("const struct schema_kind schema_kinds[] = {")
    for name, event in kinds.items():
        if event is None:
            out(f'\t{{"{name}", EVENT_SYSCALL, CATEGORY_OTHER, -1}},')
        else:
            code = -1 if "unused" in event.flags or "old_version" in event.flags else event.code
            out(
                f'\t{{"{name}", {event.c_flags()}, CATEGORY_{event.category.upper()}, {code}}},'
            )
    out("};")
    out(f"const uint16_t event_kind_count = {len(kinds)};")
    order = sorted(range(len(kinds)), key=lambda number: list(kinds)[number])
    out("const uint16_t schema_kinds_by_name[] = {" + ",".join(map(str, order)) + "};")


def write_syscalls(syscalls, events, kinds, out):
    numbers = {name: number for number, name in enumerate(kinds)}

    def row(call, nr):
        kind = call.name if call.exit == 1 else events[call.exit].name
        return f'\t{{"{call.name}", {nr}, {call.scap}, {call.exit}, {numbers[kind]}}},'

    for number, (condition, arch) in enumerate(
        (("defined(__x86_64__)", "x86_64"), ("defined(__aarch64__)", "arm64"))
    ):
        out(f"#{'el' if number else ''}if {condition}")
        out("const struct syscall_schema schema_syscalls[] = {")
        for call in syscalls:
            out(row(call, getattr(call, arch)))
        out("};")
        by_nr = indexed([getattr(call, arch) for call in syscalls], SYSCALL_NR_LIMIT)
        out(f"const uint16_t schema_syscalls_by_nr[SYSCALL_NR_LIMIT] = {{{by_nr}}};")
    out("#else")
    out('#error "syscalls.tsv has no numbers for this architecture"')
    out("#endif")
    kind_by_nr = [0] * SYSCALL_NR_LIMIT
    for call in syscalls:
        if call.x86_64 != NO_NUMBER:
            kind_by_nr[call.x86_64] = numbers[call.name if call.exit == 1 else events[call.exit].name] + 1
    out(f"const uint16_t schema_kinds_by_x86_64_nr[SYSCALL_NR_LIMIT] = {{{','.join(map(str, kind_by_nr))}}};")
    limit = max(call.scap for call in syscalls if call.scap != NO_NUMBER) + 1
    by_scap = indexed([call.scap for call in syscalls], limit)
    out(f"const uint16_t schema_syscalls_by_scap_nr[] = {{{by_scap}}};")
    out(f"const uint16_t schema_scap_nr_count = {limit};")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    flags, events, syscalls, generic = read_schema(pathlib.Path(sys.argv[1]))
    kinds = number_kinds(events, syscalls)
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Generated by tools/generate_schema.py from the tables in src/event. */",
        '#include "event/schema_tables.h"',
        "",
    ]
    write_flags(flags, lines.append)
    write_events(events, kinds, lines.append)
    write_generic(generic, kinds, lines.append)
    write_kinds(kinds, lines.append)
    write_syscalls(syscalls, events, kinds, lines.append)
    pathlib.Path(sys.argv[2]).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (SchemaError, OSError, ValueError) as error:
        sys.exit(f"generate_schema.py: {error}")
