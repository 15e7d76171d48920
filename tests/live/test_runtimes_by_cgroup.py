# SPDX-License-Identifier: Apache-2.0
"""Containers whose runtime has no service, or one of a user's own: LXC, systemd-nspawn, rootless
Podman; containers in containers; one container for everything; and what runtimes do at bad times."""

import contextlib
import io
import os
import secrets
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

import monitor as live
import runtimes
from conftest import WORKSHOP, demand_live

RULES = """
- rule: Shadow read
  desc: in a container
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/shadow and container.id != host
  output: >
    %container.id %container.name %container.type %container.image.repository %container.metadata
    %user.name %user.uid %proc.cmdline
  priority: WARNING
"""

CONFIG = """
plugins:
  - name: container
    library_path: libcontainer.so
    init_config:
      engines:
        docker: {{enabled: false}}
        podman: {{enabled: true, sockets: [{socket}]}}
        containerd: {{enabled: false}}
        cri: {{enabled: false}}
        {more}
load_plugins: [container]
webserver: {{enabled: false}}
container_metadata: {{wait_ms: 10000}}
"""

# Long enough for its files to be read.
COMMAND = "cat /etc/shadow; sleep 1"
UNIFIED = Path("/sys/fs/cgroup/unified" if Path("/sys/fs/cgroup/unified").exists()
               else "/sys/fs/cgroup")


def need(*programs):
    demand_live()
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        (pytest.fail if live.IN_CI else pytest.skip)(f"not installed: {missing}", pytrace=False)


@pytest.fixture
def directory():
    # Podman takes no longer paths than 50 bytes for what runs.
    path = WORKSHOP / secrets.token_hex(2)
    path.mkdir(parents=True)
    yield path
    runtimes.unmount_below(path)
    shutil.rmtree(path, ignore_errors=True)


def start_monitor(directory, socket="/nonexistent/sock", more="", environment=None):
    (directory / "saker.yaml").write_text(CONFIG.format(socket=socket, more=more))
    (directory / "rules.yaml").write_text(RULES)
    with contextlib.ExitStack() as stack:
        for name, value in (environment or {}).items():
            stack.enter_context(pytest.MonkeyPatch.context()).setenv(name, value)
        return live.Monitor("-c", directory / "saker.yaml", rules=(directory / "rules.yaml",))


def unpack(path):
    path.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(runtimes.file_system())) as tar:
        tar.extractall(path)
    (path / "usr").mkdir()
    return path


@contextlib.contextmanager
def cgroup(path):
    """Of version 2; for whoever is started by `in_cgroup`."""
    place = UNIFIED / path
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        for below in sorted(place.rglob("*"), reverse=True):
            if below.is_dir():
                below.rmdir()
        while place != UNIFIED:
            with contextlib.suppress(OSError):
                place.rmdir()
            place = place.parent


def in_cgroup(place, *command):
    """The shell that moves has no name that a rule knows."""
    return ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', place, *command]


def expect(running, has_users=True, **want):
    alert = running.wait_for("Shadow read", container_name=want["container.name"])
    if has_users:
        want["user.name"] = runtimes.USER
    assert {field: alert.fields[field] for field in want} == want
    return alert


def test_lxc(directory):
    need("lxc-execute")
    name = f"saker-{secrets.token_hex(4)}"
    root = unpack(directory / name / "rootfs")
    (directory / name / "config").write_text(f"""
lxc.rootfs.path = dir:{root}
lxc.uts.name = {name}
lxc.net.0.type = none
lxc.apparmor.profile = unconfined
lxc.mount.auto = proc:mixed sys:ro
""")
    with start_monitor(directory) as running:
        running.wait_ready()
        runtimes.run("lxc-execute", "-P", directory, "-n", name, "--", "/bin/sh", "-c", COMMAND)
        expect(running, **{"container.name": name, "container.id": name, "container.type": "lxc",
                           "container.metadata": "none"})


def test_systemd_nspawn(directory):
    """By the cgroup of its unit, as systemd would make that; below it nspawn makes its own."""
    need("systemd-nspawn")
    name = f"saker-{secrets.token_hex(4)}"
    root = unpack(directory / "root")
    with start_monitor(directory) as running, \
            cgroup(f"machine.slice/systemd-nspawn@{name}.service") as place:
        running.wait_ready()
        runtimes.run(*in_cgroup(place, "systemd-nspawn", "-q", "-D", root, "-M", name,
                                "--register=no", "--keep-unit", "-a", "--pipe", "/bin/sh", "-c",
                                COMMAND))
        expect(running, **{"container.name": name, "container.type": "systemd-nspawn",
                           "container.metadata": "none"})


class Rootless:
    """Podman of a user made for the test, in a cgroup of version 2 that is its own."""

    def __init__(self, directory, place):
        self.directory, self.place = directory, place
        self.user = f"saker-{secrets.token_hex(4)}"
        self.socket = directory / "run" / "podman" / "podman.sock"

    def __enter__(self):
        self.socket.parent.mkdir(parents=True)
        runtimes.run("useradd", "--system", "--home-dir", self.directory, "--no-create-home",
                     self.user)
        runtimes.run("usermod", "--add-subuids", "1700000000-1700065535", "--add-subgids",
                     "1700000000-1700065535", self.user)
        self.uid = int(runtimes.run("id", "-u", self.user))
        for path in [self.directory, *self.directory.rglob("*"), self.place]:
            os.chown(path, self.uid, -1)
        for path in self.place.iterdir():
            os.chown(path, self.uid, -1)
        for path in (WORKSHOP, self.directory):
            path.chmod(0o711)
        return self

    def __exit__(self, *_):
        # Its pause process holds its namespaces; nobody else is that user.
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                if status.stat().st_uid == self.uid:
                    os.kill(int(status.parent.name), 9)
        subprocess.run(["userdel", self.user], capture_output=True)

    def words(self, *words):
        """Podman sees cgroups of version 2 alone."""
        podman = ["podman", "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs",
                  "--events-backend", "file", "--runtime", "runc", *words]
        return in_cgroup(
            self.place, "unshare", "-m", "sh", "-c",
            'umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; cd /; exec "$@"', "sh",
            "setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups", "env",
            f"HOME={self.directory}", f"XDG_RUNTIME_DIR={self.directory}/run", *podman)


def test_rootless_podman(directory):
    need("podman", "runc", "newuidmap", "setpriv", "useradd")
    with cgroup(f"saker-{secrets.token_hex(4)}") as place, Rootless(directory, place) as podman:
        image = directory / "fs.tar"
        image.write_bytes(runtimes.file_system())
        image.chmod(0o644)
        runtimes.run(*podman.words("import", image, "localhost/box:v1"))
        with runtimes.service(directory, *podman.words("system", "service", "--time", "0",
                                                       f"unix://{podman.socket}")):
            runtimes.wait(podman.socket.exists, "podman's socket")
            with start_monitor(directory, podman.socket) as running:
                running.wait_ready()
                running.wait_until(lambda: any("answers at" in m for m in running.messages),
                                   "the runtime's answer")
                runtimes.run(*podman.words(
                    "run", "--rm", "--cgroup-parent", f"/{place.relative_to(UNIFIED)}", "--network",
                    "host", *runtimes.LIMITS, "--ulimit", "nproc=1024:1024", "--name", "inner",
                    "localhost/box:v1", "sh", "-c", COMMAND))
                # The container's root is the user, outside.
                expect(running, **{"container.name": "inner", "container.type": "podman",
                                   "container.image.repository": "localhost/box",
                                   "container.metadata": "complete", "user.uid": podman.uid})


def test_podman_in_podman(directory):
    """Each container has its own id; of the inner one the host's runtime knows nothing."""
    need(*runtimes.Podman.programs)
    shutil.copytree("/etc/containers", directory / "etc-containers")
    (directory / "inner.tar").write_bytes(runtimes.file_system())
    inner = ("podman --root /tmp/r --runroot /tmp/rr --tmpdir /tmp/t --storage-driver vfs "
             "--cgroup-manager cgroupfs --events-backend file --runtime runc")
    limits = " ".join([*runtimes.LIMITS, "--ulimit", "nproc=1024:1024"])
    command = (f"/bin/busybox mkdir -p /var/tmp; export PATH=/usr/bin:/usr/sbin:/bin; "
               f"{inner} import /inner.tar box:v9 && {inner} run --rm --network host {limits} "
               f"--cgroups=enabled box:v9 sh -c '{COMMAND}'")
    volumes = [word for path in ("/usr", "/lib", "/lib64") if Path(path).exists()
               for word in ("-v", f"{path}:{path}:ro")]
    with runtimes.Podman(directory / "p") as podman, \
            start_monitor(directory, podman.socket) as running:
        running.wait_ready()
        running.wait_until(lambda: any("answers at" in m for m in running.messages),
                           "the runtime's answer")
        podman.client("run", "--rm", "--privileged", "--network", "host", *limits.split(), "--name",
                      "outer", *volumes, "-v", f"{directory}/etc-containers:/etc/containers", "-v",
                      f"{directory}/inner.tar:/inner.tar:ro", f"{podman.image}:{podman.tag}", "sh",
                      "-c", command)
        alert = running.wait_for("Shadow read", proc_cmdline="cat /etc/shadow")
        assert alert.fields["container.type"] == "podman"
        assert alert.fields["container.name"] is None
        assert alert.fields["container.metadata"] == "none"
        assert alert.fields["user.name"] == runtimes.USER


def test_one_container_for_everything(directory):
    more = "static: {enabled: true, container_id: one, container_name: all, container_image: 'r/b:t'}"
    with start_monitor(directory, more=more) as running:
        running.wait_ready()
        subprocess.run(["cat", "/etc/shadow"], stdout=subprocess.DEVNULL, check=True)
        alert = running.wait_for("Shadow read", proc_cmdline="cat /etc/shadow")
        want = {"container.id": "one", "container.name": "all", "container.type": "static",
                "container.image.repository": "r/b", "container.metadata": "complete",
                "user.name": "root"}
        assert {field: alert.fields[field] for field in want} == want


def test_engines_by_cgroup_can_be_disabled(directory):
    need("lxc-execute")
    with start_monitor(directory, more="lxc: {enabled: false}") as running, \
            cgroup(f"lxc.payload.saker-{secrets.token_hex(4)}") as place:
        running.wait_ready()
        subprocess.run(in_cgroup(place, "cat", "/etc/shadow"), stdout=subprocess.DEVNULL,
                       check=True)
        with cgroup(f"libpod-{secrets.token_hex(32)}") as other:
            subprocess.run(in_cgroup(other, "cat", "/etc/shadow"), stdout=subprocess.DEVNULL,
                           check=True)
            running.wait_for("Shadow read", container_type="podman")
        assert not running.find("Shadow read", container_type="lxc")


def test_a_runtime_below_the_hosts_root_that_comes_late_and_comes_back(directory):
    """HOST_ROOT stands before the sockets' paths; nobody has to be there at the start."""
    need(*runtimes.Podman.programs)
    host = directory / "h"
    host.mkdir()
    (host / "proc").symlink_to("/proc")
    for name in ("etc", "sys"):
        (host / name).symlink_to(f"/{name}")
    with start_monitor(directory, "/p/sock", environment={"HOST_ROOT": str(host)}) as running:
        running.wait_ready()
        for i in range(2):
            with runtimes.Podman(host / "p") as podman:
                running.wait_until(
                    lambda: sum("answers at" in m for m in running.messages) == i + 1,
                    "the runtime's answer")
                podman.run(f"late-{i}", COMMAND)
                # It is not really the host's root: users cannot be told by it.
                expect(running, has_users=False, **{"container.name": f"late-{i}", "container.type": "podman",
                                   "container.image.repository": podman.image,
                                   "container.metadata": "complete"})
            runtimes.unmount_below(host)
            shutil.rmtree(host / "p")
