# SPDX-License-Identifier: Apache-2.0
"""The monitor on other kernels than the running one: Debian's own, booted under emulation.

Debian 12's kernel comes from apt. SAKER_KERNELS may name further ones, packages (.deb) or images,
separated by colons: the probe is meant for every kernel with BTF from 5.8 on.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "live"))
from ring import OPERATIONS, RULES, has, wanted  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
STORE = ROOT / "build" / "kernels"
SAKER = pathlib.Path(os.environ.get("SAKER", ROOT / "build" / "saker"))
PACKAGE = "linux-image-cloud-amd64"
HIDDEN = '#include <stdio.h>\nint main(void) { puts("ran from memory"); return 0; }'
APPLETS = ["sh", "mv", "cat", "echo", "grep", "ifconfig", "kill", "ln", "mkdir", "mount", "poweroff", "uname", "usleep"]


def debian_kernel():
    """The package of Debian's current kernel, downloaded once."""
    def depends():
        text = subprocess.run(["apt-cache", "depends", PACKAGE], capture_output=True, text=True,
                              check=False).stdout
        return re.search(r"Depends: (linux-image-\S+)", text)

    if not depends():
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
    name = depends().group(1)
    found = sorted(STORE.glob(f"{name}_*.deb"))
    if not found:
        subprocess.run(["apt-get", "download", "-q", name], cwd=STORE, check=True,
                       stdout=subprocess.DEVNULL)
        found = sorted(STORE.glob(f"{name}_*.deb"))
    return found[-1]


def kernels():
    STORE.mkdir(parents=True, exist_ok=True)
    named = [pathlib.Path(p) for p in os.environ.get("SAKER_KERNELS", "").split(":") if p]
    return ["debian"] + named


def image_of(kernel):
    if kernel == "debian":
        kernel = debian_kernel()
    if kernel.suffix != ".deb":
        return kernel
    unpacked = STORE / kernel.stem
    if not unpacked.exists():
        subprocess.run(["dpkg-deb", "-x", kernel, unpacked], check=True)
    return next((unpacked / "boot").glob("vmlinuz-*"))


def copy_program(program, root, name):
    """The program and every library that it loads, at the places it expects them."""
    shutil.copy(program, root / "root" / name)
    loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+)", loaded):
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)


@pytest.fixture(scope="session")
def disk(tmp_path_factory):
    """An initial file system with busybox, saker, its default rules and what is to be seen."""
    root = tmp_path_factory.mktemp("machine")
    for folder in ["bin", "dev", "etc", "proc", "root", "sys", "tmp"]:
        (root / folder).mkdir()
    shutil.copy(shutil.which("busybox"), root / "bin" / "busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")
    (root / "etc" / "shadow").write_text("root:!:1::::::\n")
    copy_program(SAKER, root, "saker")
    for source, name in [("calls.c", "calls"), (None, "calls-true")]:
        text = (HERE / source).read_text() if source else HIDDEN
        subprocess.run(["cc", "-static", "-O1", "-x", "c", "-", "-o", root / "root" / name],
                       input=text, text=True, check=True)
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-static", "-O1", "-o", root / "root" / "saker-ring",
                    ROOT / "tests" / "live" / "helpers" / "uring.c"], check=True)
    (root / "root" / "ring.yaml").write_text(RULES)
    (root / "root" / "operations").write_text("\n".join(OPERATIONS) + "\n")
    shutil.copy(ROOT / "config" / "saker.yaml", root / "root" / "saker.yaml")
    shutil.copytree(ROOT / "rules", root / "root" / "rules")
    shutil.copy(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    image = tmp_path_factory.mktemp("disk") / "initrd.gz"
    subprocess.run("find . | cpio -o -H newc --quiet | gzip -1 > " + str(image), shell=True, cwd=root,
                   check=True)
    return image


@pytest.mark.parametrize("kernel", kernels(), ids=lambda k: getattr(k, "name", k))
def test_the_monitor_alerts(kernel, disk):
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("qemu-system-x86_64 is not installed")
    console = subprocess.run(
        ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "1024", "-smp", "2",
         "-nographic", "-no-reboot", "-nic", "none", "-kernel", image_of(kernel), "-initrd", disk,
         "-append", "console=ttyS0 panic=-1 quiet"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False,
    ).stdout.decode(errors="replace").replace("\r", "")
    assert "--- ended with status 0" in console, console[-6000:]
    log = console.split("--- log", 1)[1].split("--- alerts", 1)[0]
    lines = console.split("--- alerts", 1)[1].split("--- ended", 1)[0].splitlines()
    alerts = [json.loads(line) for line in lines if line.startswith("{")]
    assert re.search(r"^Drops: 0$", log, re.M), log

    reads = [a["output_fields"] for a in alerts if "shadow" in json.dumps(a["output_fields"])]
    commands = [fields.get("proc.cmdline") for fields in reads]
    for command in ["cat /etc/shadow", "cat /tmp/link", "cat ../etc/./shadow",
                    "cat /tmp/mounted/shadow"]:
        assert command in commands, (command, commands, log)
    # Names that open nothing are followed with bpf_loop, which came with 5.17.
    release = [int(n) for n in re.search(r"kernel (\d+)\.(\d+)", console).groups()]
    moved = [a for a in alerts if a["output_fields"].get("fs.path.target") == "/bin/moved"]
    assert bool(moved) == (release >= [5, 17]), alerts

    rules = {a["rule"] for a in alerts}
    # Some kernels refuse to run a file in memory: then nothing may claim that one ran.
    assert any("memory" in rule.lower() for rule in rules) == ("ran from memory" in console), rules
    assert any("module" in rule.lower() for rule in rules), rules

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
