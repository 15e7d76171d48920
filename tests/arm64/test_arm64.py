# SPDX-License-Identifier: Apache-2.0
"""The build for arm64, as far as this machine can run it.

Cross-compiled against Debian's arm64 libraries by `tests/run --suite arm64`; its tables and all that
needs no kernel run under qemu's user mode. What the probe does there, an emulated
machine with Debian's arm64 kernel shows.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "kernels"))
import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("SAKER_ARM64", ROOT / "build-arm64"))
NATIVE = pathlib.Path(os.environ.get("SAKER", ROOT / "build" / "saker"))
SYSROOT = ROOT / "build" / "arm64" / "root"
CAPTURES = pathlib.Path(os.environ.get("SAKER_SHARED", ROOT.parent / "shared")) / "upstream" / "captures"
HEADER = SYSROOT / "usr" / "include" / "asm-generic" / "unistd.h"
COMPAT_COMPILER = "arm-linux-gnueabihf-gcc"
COMPAT_HEADER = pathlib.Path("/usr/arm-linux-gnueabihf/include/asm/unistd-eabi.h")
TESTS = ["event/test_schema", "event/test_event", "probe/test_table", "fields/test_fields", "fields/test_param_text",
         "condition/test_operators", "engine/test_lookup", "base/test_map", "base/test_str"]


def missing(what):
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{what} is not there")


@pytest.fixture(scope="module")
def emulated():
    """The start of a command that runs a program of the build."""
    if not (BUILD / "saker").exists():
        missing(BUILD / "saker")
    if not shutil.which("qemu-aarch64-static"):
        missing("qemu-aarch64-static")
    return ["qemu-aarch64-static", "-L", str(SYSROOT)]


def output(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False, cwd=ROOT, timeout=300)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


@pytest.mark.parametrize("flags", [["--version"], ["--list"], ["--config-schema"]], ids=" ".join)
def test_it_says_what_the_native_build_says(emulated, flags):
    known = subprocess.run([NATIVE, *flags], capture_output=True, check=False)
    if known.returncode != 0:
        pytest.skip(f"no such flag: {flags}")
    assert output(*emulated, BUILD / "saker", *flags) == known.stdout


@pytest.mark.parametrize("command", ["replay", "read"])
def test_captures_mean_the_same(emulated, command):
    captures = sorted(CAPTURES.glob("*.scap")) if CAPTURES.is_dir() else []
    if not captures:
        missing(CAPTURES)
    flags = ["-r", ROOT / "rules", "-o", "syslog_output.enabled=false"] if command == "replay" else []
    said = 0
    for capture in captures:
        known = output(NATIVE, command, capture, *flags)
        said += len(known)
        assert output(*emulated, BUILD / "saker", command, capture, *flags) == known, capture
    assert said > 0


@pytest.mark.parametrize("name", TESTS)
def test_units_hold(emulated, name):
    output(*emulated, BUILD / "tests" / "unit" / name)


def rows():
    for line in (ROOT / "src" / "event" / "syscalls.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


# The header's name of a call that has another name on 64-bit machines; None: it is none there.
RENAMED = {"fstatat": "newfstatat", "sync_file_range2": None, "arch_specific_syscall": None, "syscalls": None,
           "nfsservctl": None}


def test_numbers_are_those_of_the_headers():
    if not HEADER.exists():
        missing(HEADER)
    table = {row[0]: int(row[3]) for row in rows() if row[3] != "-"}
    text = HEADER.read_text()
    wrong = []
    for name, number in re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", text, re.M):
        name = None if 403 <= int(number) <= 423 \
            else RENAMED.get(name, name)  # of 32-bit machines alone
        if name and table.get(name) != int(number):
            wrong.append((name, number, table.get(name)))
    assert not wrong
    assert len(table) > 280


def test_numbers_of_32_bit_programs_are_those_of_their_headers():
    if not COMPAT_HEADER.exists():
        missing(COMPAT_HEADER)
    table = {row[0]: [int(number) for number in row[6].split(",") if number != "-"] for row in rows()}
    text = COMPAT_HEADER.read_text()
    calls = re.findall(r"^#define __NR_(\w+)\s+\(__NR_SYSCALL_BASE \+ (\d+)\)$", text, re.M)
    numbers = {int(number) for _, number in calls}
    assert not [(name, number, table[name]) for name, number in calls
                if table.get(name) and int(number) not in table[name]]
    assert all(number in numbers for row in table.values() for number in row)
    assert len([name for name, _ in calls if table.get(name)]) > 300


@pytest.mark.parametrize("image", ["debian", *filter(None, os.environ.get("SAKER_ARM64_KERNELS", "").split(":"))])
def test_the_monitor_alerts_on_debians_kernel(tmp_path, image):
    """A whole machine, emulated: the probe's programs verified, compiled and run by an arm64 kernel.

    SAKER_ARM64_KERNELS may name images of further ones, separated by colons.
    """
    kernels = sorted((SYSROOT.parent / "kernel" / "boot").glob("vmlinuz-*")) if image == "debian" else [image]
    if not (BUILD / "saker").exists() or not kernels:
        missing(f"{BUILD / 'saker'} or a kernel")
    for tool in ("qemu-system-aarch64", COMPAT_COMPILER):
        if not shutil.which(tool):
            missing(tool)
    disk = machine.make_disk(tmp_path, BUILD / "saker", SYSROOT.parent / "kernel" / "bin" / "busybox",
                             ("aarch64-linux-gnu-gcc", f"--sysroot={SYSROOT}"), SYSROOT, COMPAT_COMPILER)
    # A model without pointer authentication: emulating that takes most of the time of one that has it.
    console = machine.boot("qemu-system-aarch64", kernels[-1], disk, "ttyAMA0", ["-machine", "virt"], cpu="cortex-a72")
    machine.check(console)
    assert "\ncompat done" in console, console[-6000:]
