# SPDX-License-Identifier: Apache-2.0
"""Real containers, run by runc: a root file system on overlayfs with busybox and our helper in it.

The cgroup has the path that Docker would give it, so the container's id is known beforehand.
"""

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

BUSYBOX = Path("/usr/bin/busybox")
COMMANDS = ("sh", "cat", "cp", "id", "true")


class Container:
    """One container; use as a context manager. Its files are below `directory`."""

    def __init__(self, scene):
        self.scene = scene
        self.id = secrets.token_hex(32)
        self.name = f"saker-{scene.name}-{self.id[:8]}"
        self.directory = scene.directory / "container"
        self.root = self.directory / "root"
        self.state = self.directory / "state"

    def __enter__(self):
        # Overlays cannot lie on any file system; on tmpfs they can.
        self.directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.directory], check=True)
        image = self.directory / "image"
        for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "run", "mnt"):
            (image / name).mkdir(parents=True)
        shutil.copy(BUSYBOX, image / "bin" / "busybox")
        shutil.copy(self.scene.act, image / "bin" / "act")
        for name in COMMANDS:
            (image / "bin" / name).symlink_to("busybox")
        (image / "etc" / "passwd").write_text("root:x:0:0:root:/:/bin/sh\nguest:x:65534:65534::/:/bin/sh\n")
        (image / "etc" / "shadow").write_text("root:*:19000:0:99999:7:::\n")
        for name in ("upper", "work", "root"):
            (self.directory / name).mkdir()
        subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o",
             f"lowerdir={image},upperdir={self.directory}/upper,workdir={self.directory}/work",
             self.root], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run([*self.runc(), "delete", "--force", self.name], capture_output=True)
        subprocess.run(["umount", "--lazy", self.root], check=True)
        subprocess.run(["umount", "--lazy", self.directory], check=True)

    def runc(self):
        return ["runc", "--root", str(self.state)]

    def configure(self, command, user=0, capabilities=()):
        """Writes config.json for a container whose first process is the command."""
        subprocess.run(["runc", "spec"], cwd=self.directory, check=True)
        path = self.directory / "config.json"
        config = json.loads(path.read_text())
        config["root"] = {"path": str(self.root), "readonly": False}
        config["linux"]["cgroupsPath"] = f"/docker/{self.id}"
        process = config["process"]
        process["terminal"] = False
        process["args"] = [str(part) for part in command]
        process["user"] = {"uid": user, "gid": user}
        for kind in process["capabilities"]:
            process["capabilities"][kind] += list(capabilities)
        # runc asks for what it was started with at most: a lower limit may be all there is.
        process.pop("rlimits", None)
        path.write_text(json.dumps(config))
        os.makedirs(self.state, exist_ok=True)

    def command(self):
        return [*self.runc(), "run", "--bundle", self.directory, self.name]

    def run(self, *command, ok=(0,), **settings):
        """Runs a command as the container's first process; answers its output."""
        self.configure(command, **settings)
        return self.scene.run(*self.command(), ok=ok)

    def start(self):
        """Starts the container with a process that waits; ends with the scene."""
        self.configure(["/bin/act", "wait"])
        first = self.scene.start(*self.command(), stdin=subprocess.PIPE)
        assert first.stdout.readline() == b"ready\n"

    def execute(self, *command, user=0):
        """Runs a command in the started container, as docker exec and kubectl exec do."""
        return self.scene.run(*self.runc(), "exec", "--user", str(user), self.name, *command)

    def is_inside(self, alert):
        return alert.fields.get("container.id") == self.id[:12]

    def wait_for(self, rule, **fields):
        return self.scene.monitor.wait_for(rule, self.scene.since, self.is_inside, **fields)

    def expect_none(self, rule=None):
        self.scene.pass_by()
        found = self.scene.monitor.find(rule, self.scene.since, self.is_inside)
        assert not found, "unexpected: " + "\n".join(alert["output"] for alert in found)
