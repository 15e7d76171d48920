# SPDX-License-Identifier: Apache-2.0
"""The monitor on other kernels than the running one: Debian's own, booted under emulation.

Debian 12's kernel comes from apt. SAKER_KERNELS may name further ones, packages (.deb) or images,
separated by colons: the probe is meant for every kernel with BTF from 5.8 on.
"""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import machine

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
STORE = ROOT / "build" / "kernels"
SAKER = pathlib.Path(os.environ.get("SAKER", ROOT / "build" / "saker"))
PACKAGE = "linux-image-cloud-amd64"


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


@pytest.fixture(scope="session")
def disk(tmp_path_factory):
    return machine.make_disk(tmp_path_factory.mktemp("machine"), SAKER, shutil.which("busybox"))


@pytest.mark.parametrize("kernel", kernels(), ids=lambda k: getattr(k, "name", k))
def test_the_monitor_alerts(kernel, disk, tmp_path):
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("qemu-system-x86_64 is not installed")
    image = image_of(kernel)
    if STORE in image.parents:
        disk = machine.add_modules(disk, image.parents[1], tmp_path)
    console = machine.boot("qemu-system-x86_64", image, disk, "ttyS0", [])
    machine.check(console)
