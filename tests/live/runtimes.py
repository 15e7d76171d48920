# SPDX-License-Identifier: Apache-2.0
"""Real container runtimes, each with its own directories and socket, and images made on the spot.

Containers are in the host's network, so that no network plugin, bridge or packet filter is needed.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUSYBOX = Path("/usr/bin/busybox")
COMMANDS = ("sh", "cat", "sleep", "true")
# No host's root has these names.
USER, GROUP = "inner-root", "inner-wheel"
FILES = {"etc/passwd": f"{USER}:x:0:0:root:/:/bin/sh\n", "etc/group": f"{GROUP}:x:0:\n",
         "etc/shadow": "root:*:19000:0:99999:7:::\n"}
PATIENCE = 30.0
# What a machine may not give away, and containers ask for by default.
LIMITS = ["--ulimit", "nofile=1024:1024"]


def wait(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not after {PATIENCE} s")


def file_system():
    """A root file system with busybox, as the bytes of a tar file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "run"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        tar.add(BUSYBOX, "bin/busybox")
        for name in COMMANDS:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        for name, text in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def oci_image(path, *names):
    """An image of that file system under several names, as an OCI layout (image-spec)."""
    layer = file_system()

    def blob(content, kind):
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

    blobs = {}
    config = blob(json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sleep", "100000"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }).encode(), "application/vnd.oci.image.config.v1+json")
    manifest = blob(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [blob(layer, "application/vnd.oci.image.layer.v1.tar")],
    }).encode(), "application/vnd.oci.image.manifest.v1+json")
    index = {"schemaVersion": 2, "manifests": [
        {**manifest, "annotations": {"io.containerd.image.name": name}} for name in names]}
    with tarfile.open(path, "w") as tar:
        for name, content in [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
                              ("index.json", json.dumps(index).encode()),
                              *((f"blobs/sha256/{k}", v) for k, v in blobs.items())]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE, **options)
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stderr.decode()}"
    return done.stdout.decode()


@contextlib.contextmanager
def service(directory, *command, environment=None):
    """A program that runs as long as the context; ended with all that it started."""
    with open(directory / "log", "ab") as log:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def unmount_below(directory):
    """What runtimes leave behind would keep the directory from being removed."""
    with open("/proc/self/mountinfo") as mounts:
        places = [line.split()[4] for line in mounts]
    for place in reversed(places):
        if place.startswith(f"{directory}/"):
            subprocess.run(["umount", "--lazy", place], capture_output=True)


class Runtime:
    """Needs `programs`; start() and run() are each runtime's."""

    programs = ()

    def __init__(self, directory):
        self.directory = directory
        self.socket = directory / "sock"
        self.stack = contextlib.ExitStack()
        directory.mkdir(parents=True)

    @classmethod
    def missing(cls):
        return [name for name in cls.programs if not shutil.which(name)]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stack.close()
        unmount_below(self.directory)

    def serve(self, *command, **options):
        self.process = self.stack.enter_context(service(self.directory, *command, **options))
        wait(self.socket.exists, f"{command[0]}'s socket")


class Docker(Runtime):
    programs = ("dockerd", "docker")
    kind, image, tag = "docker", "example.org/team/box", "v1"

    def client(self, *words, **options):
        return run("docker", "-H", f"unix://{self.socket}", *words, **options)

    def start(self):
        self.serve("dockerd", "--data-root", self.directory / "root", "--exec-root",
                   self.directory / "exec", "--pidfile", self.directory / "pid", "-H",
                   f"unix://{self.socket}", "--storage-driver", "vfs", "--bridge", "none",
                   "--iptables=false", "--ip-forward=false")
        wait(self.answers, "dockerd")
        self.client("import", "-", f"{self.image}:{self.tag}", input=file_system())

    def answers(self):
        return subprocess.run(["docker", "-H", f"unix://{self.socket}", "version"],
                              capture_output=True).returncode == 0

    def run(self, name, command):
        self.client("run", "--rm", "--network", "host", "--name", name, "--label", "part=front",
                    f"{self.image}:{self.tag}", "sh", "-c", command)
        return {"container.name": name}


class Podman(Runtime):
    programs = ("podman", "runc")
    kind, image, tag = "podman", "example.org/team/box", "v2"

    def environment(self):
        return {"CONTAINERS_CONF": str(self.directory / "containers.conf")}

    def words(self):
        return ["podman", "--root", self.directory / "root", "--runroot", self.directory / "run",
                "--tmpdir", self.directory / "tmp", "--storage-driver", "vfs", "--cgroup-manager",
                "cgroupfs", "--events-backend", "file", "--runtime", "runc"]

    def client(self, *words, **options):
        return run(*self.words(), *words, env={**os.environ, **self.environment()}, **options)

    def start(self):
        (self.directory / "containers.conf").write_text("[containers]\n[engine]\n")
        self.serve(*self.words(), "system", "service", "--time", "0", f"unix://{self.socket}",
                   environment=self.environment())
        tar = self.directory / "fs.tar"
        tar.write_bytes(file_system())
        self.client("import", tar, f"{self.image}:{self.tag}")

    def run(self, name, command):
        self.client("run", "--rm", "--network", "host", *LIMITS, "--ulimit", "nproc=1024:1024",
                    "--name", name, "--label", "part=front", f"{self.image}:{self.tag}", "sh", "-c",
                    command)
        return {"container.name": name}


class Containerd(Runtime):
    """Its own API, as ctr uses it."""

    programs = ("containerd", "ctr", "runc")
    kind, image, tag = "containerd", "example.org/team/box", "v3"
    namespace = "default"

    def client(self, *words):
        return run("ctr", "-a", self.socket, "-n", self.namespace, *words)

    def start(self):
        config = self.directory / "config.toml"
        config.write_text(f"""
version = 2
root = "{self.directory}/root"
state = "{self.directory}/state"
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "example.org/team/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
""")
        self.serve("containerd", "--config", config)
        image = self.directory / "image.tar"
        oci_image(image, f"{self.image}:{self.tag}", "example.org/team/pause:1")
        wait(lambda: subprocess.run(["ctr", "-a", self.socket, "version"],
                                    capture_output=True).returncode == 0, "containerd")
        self.client("images", "import", "--snapshotter", "native", image)

    def run(self, name, command):
        self.client("run", "--snapshotter", "native", "--rm", "--net-host",
                    f"{self.image}:{self.tag}", name, "/bin/sh", "-c", command)
        return {"container.name": name}


class Cri(Containerd):
    """The same, as a kubelet uses it: helpers/cri.c is the kubelet."""

    programs = (*Containerd.programs, "cc")
    namespace = "k8s.io"

    def start(self):
        super().start()
        self.kubelet = self.directory / "cri"
        sources = ["tests/live/helpers/cri.c", "src/metadata/grpc.c", "src/metadata/protobuf.c",
                   "src/base/error.c", "src/base/str.c"]
        run("cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-I", REPOSITORY / "src", "-o", self.kubelet,
            *(REPOSITORY / source for source in sources), "-lnghttp2", "-lm")

    def remove(self, sandbox):
        """As a kubelet does: asked again where the runtime is busy with it."""
        command = [str(word) for word in (self.kubelet, self.socket, "remove", sandbox)]
        wait(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                                    timeout=PATIENCE).returncode == 0, f"removal of {sandbox}")

    def run(self, name, command):
        """As a kubelet does: asked again where the runtime could not make the sandbox."""
        words = [str(word) for word in (self.kubelet, self.socket, "run", f"pod-{name}", "prod", name,
                                        f"{self.image}:{self.tag}", "/bin/sh", "-c", command)]
        for _ in range(3):
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                  timeout=PATIENCE)
            if b"RunPodSandbox" not in done.stderr:
                break
        assert done.returncode == 0, f"{words}: status {done.returncode}\n{done.stderr.decode()}"
        sandbox, _ = done.stdout.decode().split()
        self.stack.callback(self.remove, sandbox)
        return {"container.name": name, "k8s.pod.name": f"pod-{name}", "k8s.ns.name": "prod",
                "k8s.pod.uid": f"uid-of-pod-{name}", "k8s.pod.label[app]": "shop",
                "k8s.pod.full_sandbox_id": sandbox}
