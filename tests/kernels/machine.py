# SPDX-License-Identifier: Apache-2.0
"""An emulated machine that boots a kernel, runs the monitor beside what it must see, and ends."""
import json
import lzma
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "live"), str(ROOT / "tests" / "kernels")]
import acts  # noqa: E402
import altered  # noqa: E402
import rewritten  # noqa: E402
from ring import OPERATIONS, RULES, has, wanted  # noqa: E402
from test_probe_size import VERIFIED_ALL, VERIFIED_PROGRAM  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ALTERED = "/tmp/altered"  # where the helper's ways open their files
HIDDEN = '#include <stdio.h>\nint main(void) { puts("ran from memory"); return 0; }'
APPLETS = ["sh", "cat", "echo", "grep", "ifconfig", "kill", "ln", "mkdir", "mount", "poweroff", "sed", "truncate",
           "uname", "usleep"]


def libraries(program, sysroot):
    """Every library that it loads, as path on the machine that it is for and path here."""
    if sysroot is None:
        loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        return {path: pathlib.Path(path) for path in re.findall(r"(/\S+)", loaded)}
    found, left = {}, [program]
    while left:
        text = subprocess.run(["readelf", "-ld", left.pop()], capture_output=True, text=True, check=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text) + re.findall(r"interpreter: /lib/(\S+)\]", text):
            for folder in ("/lib/aarch64-linux-gnu", "/lib"):
                place = sysroot / folder.lstrip("/") / name
                if place.exists() and f"{folder}/{name}" not in found:
                    found[f"{folder}/{name}"] = place
                    left.append(place)
                    break
    return found


def copy_program(program, root, name, sysroot):
    """The program and every library that it loads, at the places it expects them."""
    shutil.copy(program, root / "root" / name)
    for path, library in libraries(program, sysroot).items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)


COMPAT = "/tmp/compat"
# What a 32-bit program did (compat.c), by events: what their arguments hold.
COMPAT_CALLS = {
    "mkdir": COMPAT, "open": f"{COMPAT}/opened", "dup2": "77", "creat": f"{COMPAT}/created",
    "chmod": f"{COMPAT}/opened", "link": f"{COMPAT}/linked", "symlink": f"{COMPAT}/symlink",
    "rename": f"{COMPAT}/renamed", "unlink": f"{COMPAT}/renamed", "access": f"{COMPAT}/opened", "pipe": "fd1=",
    "poll": "timeout=0", "fork": "saker-compat", "execve": "args=executed.again",
}
COMPAT_RULES = f"""
- rule: Done by 32 bits
  desc: what a program of 32 bits does
  condition: evt.type in ({", ".join(COMPAT_CALLS)}) and proc.name in (saker-compat, exe) and evt.rawres >= 0
  output: "%evt.type %evt.args %evt.is_compat %proc.pid"
  priority: NOTICE
"""


def make_disk(folder, saker, busybox, compiler=("cc",), sysroot=None, compat=None):
    """An initial file system with busybox, saker, its default rules and what is to be seen. Answers its path.

    compat: a compiler for 32-bit programs.
    """
    root = folder / "root"
    root.mkdir()
    for name in ["bin", "dev", "etc", "proc", "root", "sys", "tmp"]:
        (root / name).mkdir()
    shutil.copy(busybox, root / "bin" / "busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")
    (root / "etc" / "shadow").write_text("root:!:1::::::\n")
    copy_program(saker, root, "saker", sysroot)
    for source, name in [("calls.c", "calls"), (None, "calls-true")]:
        text = (HERE / source).read_text() if source else HIDDEN
        subprocess.run([*compiler, "-static", "-O1", "-x", "c", "-", "-o", root / "root" / name],
                       input=text, text=True, check=True)
    helpers = ROOT / "tests" / "live" / "helpers"
    for sources, name in [((helpers / "uring").glob("*.c"), "saker-ring"),
                          ([helpers / "altered_calls.c"], "saker-altered"), ([HERE / "acts.c"], "saker-acts"),
                          ([helpers / "evade_address.c"], "saker-address"),
                          ([helpers / "evade_structure.c"], "saker-structure")]:
        subprocess.run([*compiler, "-std=c17", "-D_GNU_SOURCE", "-static", "-O1", "-pthread", "-o",
                        root / "root" / name, *sources], check=True)
    if compat:
        subprocess.run([compat, "-static", "-O1", "-o", root / "root" / "saker-compat", HERE / "compat.c"], check=True)
    (root / "root" / "compat.yaml").write_text(COMPAT_RULES)
    (root / "root" / "ring.yaml").write_text(RULES)
    (root / "root" / "altered.yaml").write_text(altered.rule(ALTERED))
    (root / "root" / "acts.yaml").write_text(acts.rules())
    (root / "root" / "rewritten.yaml").write_text(rewritten.RULES)
    (root / "root" / "ways").write_text("\n".join(altered.OPENINGS) + "\n")
    (root / "root" / "operations").write_text("\n".join(OPERATIONS) + "\n")
    shutil.copy(ROOT / "config" / "saker.yaml", root / "root" / "saker.yaml")
    shutil.copytree(ROOT / "rules", root / "root" / "rules")
    shutil.copy(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    image = folder / "initrd.gz"
    subprocess.run("find . | cpio -o -H newc --quiet | gzip -1 > " + str(image), shell=True, cwd=root,
                   check=True)
    return image


def add_modules(disk, kernel, folder):
    """A disk that has some of the kernel's modules as well, where its package is unpacked."""
    root = folder / kernel.name
    (root / "root" / "modules").mkdir(parents=True)
    (root / "root" / "modules" / "loader").write_text("#!/bin/sh\nexec usleep 1000000000\n")
    (root / "root" / "modules" / "loader").chmod(0o755)
    for name in ["dummy", "tcrypt"]:
        for module in kernel.rglob(f"{name}.ko*"):
            data = module.read_bytes()
            (root / "root" / "modules" / f"{name}.ko").write_bytes(
                lzma.decompress(data) if module.suffix == ".xz" else data)
    image = folder / f"{kernel.name}.gz"
    shutil.copy(disk, image)
    subprocess.run(f"find . | cpio -o -H newc --quiet | gzip -1 >> {image}", shell=True, cwd=root, check=True)
    return image


# Calls by x32's numbers, which Debian's kernels have switched off; interrupts that a kernel with
# preemption everywhere would take for stray ones when much is printed.
CHOICES = "syscall.x32=y noirqdebug"


# All that can be emulated but cmpxchg16b, whose flags the emulator loses now and then: kernels that
# take memory by it do not live long.
CPU = "max,-cx16"


def boot(emulator, kernel, disk, console_name, flags, cpu=CPU):
    """Answers what the machine printed. Kernels that the emulator lets die before they are up get a second chance."""
    for _ in range(3):
        console = run(emulator, kernel, disk, console_name, flags, cpu)
        if re.search(r"^.*kernel \d+\.", console, re.M):
            break
    return console


def run(emulator, kernel, disk, console, flags, cpu):
    return subprocess.run(
        [emulator, "-accel", "tcg", "-cpu", cpu, "-m", "1024", "-smp", "2",
         "-nographic", "-no-reboot", "-nic", "none", "-kernel", kernel, "-initrd", disk,
         "-append", f"console={console} panic=-1 quiet {CHOICES}", *flags],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False,
    ).stdout.decode(errors="replace").replace("\r", "")


def check(console):
    """What the monitor said on every kernel."""
    assert "--- ended with status 0" in console, console[-6000:]
    log = console.split("--- log", 1)[1].split("--- alerts", 1)[0]
    lines = console.split("--- alerts", 1)[1].split("--- ended", 1)[0].splitlines()
    alerts = [json.loads(line) for line in lines if line.startswith("{")]
    assert re.search(r"^Drops: 0$", log, re.M), log

    # Programs that only some kernels get are within the same bounds; before 5.16 this is 0.
    verified = dict(re.findall(r"^(\w+) +(\d+) +\d+ +\d+$", console, re.M))
    assert int(verified.pop("all")) <= VERIFIED_ALL, verified
    assert max(map(int, verified.values())) <= VERIFIED_PROGRAM, verified

    reads = [a["output_fields"] for a in alerts if "shadow" in json.dumps(a["output_fields"])]
    commands = [fields.get("proc.cmdline") for fields in reads]
    for command in ["cat /etc/shadow", "cat /tmp/link", "cat ../etc/./shadow",
                    "cat /tmp/mounted/shadow"]:
        assert command in commands, (command, commands, log)
    release = [int(n) for n in re.search(r"kernel (\d+)\.(\d+)", console).groups()]
    acts.check(console, log, alerts, release)
    rewritten.check(console, alerts)

    told = [(a["rule"], a["output_fields"].get("evt.type"), a["output_fields"].get("fd.name")) for a in alerts]
    # A part of another file system, under another name; a call without an event of its own.
    assert ("Process spied on", "openat", "/proc/1/mem") in told, told
    assert ("Log cleared", "ftruncate", "/var/log/cut") in told, told

    rules = {a["rule"] for a in alerts}
    # Some kernels refuse to run a file in memory: then nothing may claim that one ran.
    assert any("memory" in rule.lower() for rule in rules) == ("ran from memory" in console), rules
    assert any("module" in rule.lower() for rule in rules), rules

    acts.check_modules(console, [a["output_fields"] for a in alerts])

    opened = [a["output_fields"] for a in alerts if a["rule"] == "Opened"]
    ways = re.findall(r"^altered (\S+)$", console, re.M)
    assert {"filter-refuses", "supervisor-lets", "killed"} <= set(ways), console
    # Of Debian's kernels these alone can have calls by x32's numbers.
    assert "x32" in ways or "-rt-amd64" not in console, ways
    for way in ways:
        altered.check(way, ALTERED, opened)

    if "\ncompat done" in console:
        told = [a["output_fields"] for a in alerts if a["rule"] == "Done by 32 bits"]
        for call, text in COMPAT_CALLS.items():
            # What a successful exec tells of is the new program.
            assert any(fields["evt.type"] == call and text in fields["evt.args"]
                       and (fields["evt.is_compat"] or call == "execve") for fields in told), (call, text, told)
        assert any(fields.get("proc.name") == "saker-compat" for fields in reads), reads

    if re.search(r"io_uring's requests +yes", console):
        check_rings(console, [a["output_fields"] for a in alerts])
    else:
        assert release < [6, 0], console


def check_rings(console, alerts):
    """Every operation that the kernel did gave its call's alert."""
    told = [fields for fields in alerts if fields.get("proc.name") == "saker-ring"]
    missing = []
    for pid, way, operation, directory, port in re.findall(
            r"^did (\d+) (\S+) (\S+) (\S+) (\d+)$", console, re.M):
        event, fields = OPERATIONS[operation]
        fields = wanted(fields, directory, port)
        if not any(alert["proc.pid"] == int(pid) and alert["evt.type"] == event
                   and alert["evt.is_io_uring"] == (way != "plain")
                   and all(has(alert, name, value) for name, value in fields.items())
                   for alert in told):
            missing.append((way, operation, fields, [
                a for a in told if a["proc.pid"] == int(pid) and a["evt.is_io_uring"]]))
    assert not missing, missing
    assert "openat2" in {alert["evt.type"] for alert in told if alert["evt.is_io_uring"]}, console
