# SPDX-License-Identifier: Apache-2.0
"""Ways to a file that do not say its name: each must raise what the plain way raises."""

import os
import re
import shutil
import subprocess
import sys

import pytest

import evasion
import monitor as live

# Used: what is done to a descriptor is told by the file behind it, whoever opened it.
OWN_RULES = """
- rule: Secret used
  desc: d
  condition: >
    evt.type in (read, pread, readv, preadv, splice, mmap)
    and fd.name = /etc/shadow
  output: "%evt.type %fd.num %fd.name"
  priority: NOTICE
- rule: Secret opened
  desc: d
  condition: evt.type in (open, openat, openat2, open_by_handle_at) and fd.name = /etc/shadow
  output: "%evt.type %fd.num %fd.name %fd.nameraw %fd.ino"
  priority: NOTICE
- rule: Kernel asked
  desc: d
  condition: >
    evt.type in (open, openat, openat2) and evt.rawres >= 0
    and fd.name in (/proc/sys/kernel/poweroff_cmd, /sys/kernel/uevent_seqnum)
  output: "%fd.name %fd.nameraw"
  priority: NOTICE
- rule: Kernel read
  desc: d
  condition: evt.type = read and fd.name in (/proc/sys/kernel/poweroff_cmd, /sys/kernel/uevent_seqnum)
  output: "%fd.name"
  priority: NOTICE
"""

OPENED = [
    "plain", "link-chain", "relative-link", "self-root", "thread-self-root", "self-cwd",
    "descriptor-link", "path-reopened", "directory-descriptor", "in-root", "other-cwd",
    "other-descriptor", "other-root", "chrooted", "chrooted-and-moved", "out-of-chroot",
    "bound-directory", "bound-file", "bound-twice", "bound-root", "bound-root-with-mounts",
    "bound-and-chrooted", "pivoted", "tree-clone", "root-tree-clone",
    "tree-moved", "overlaid", "overlay-unmounted", "handle", "directory-handle", "passed-directory",
    "duplicated",
]

USED = [
    "plain", "passed-file", "taken-file", "duplicated", "duplicated-by-fcntl", "after-close-range",
    "changed-by-clone", "bound-root", "bound-and-chrooted", "overlaid", "pread", "readv", "preadv",
    "splice", "mmap",
]


@pytest.fixture(scope="module")
def watch(live_machine, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(OWN_RULES)
    sets = {"saker": [live.RULES], "own": [rules]}
    if evasion.falco_rules():
        sets["falco"] = evasion.falco_rules()
    elif live.IN_CI:
        pytest.fail(f"Falco's rules are not in {evasion.SHARED}")
    with evasion.Watch(**sets) as watch:
        yield watch


@pytest.fixture
def trick(watch, workshop):
    directory = workshop / "trick"
    directory.mkdir()
    yield evasion.Trick(watch, directory, evasion.build("evade_names", workshop))
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("way", OPENED)
def test_opened_however_named(trick, way):
    trick.go(way, "/etc/shadow", trick.directory)
    assert trick.wait_for("own", "Secret opened")
    # Those rules do not mean an opening by a handle.
    if way != "handle":
        assert trick.wait_for("saker", "Sensitive file read", proc_name="evade_names")
        if "falco" in trick.watch.monitors:
            assert trick.wait_for("falco", "Read sensitive file untrusted")


@pytest.mark.parametrize("way", USED)
def test_used_however_come_by(trick, way):
    trick.go(way, "/etc/shadow", trick.directory)
    alert = trick.wait_for("own", "Secret used")
    assert alert.fields["fd.name"] == "/etc/shadow"


@pytest.mark.parametrize("options", [[], ["--pid", "--net", "--fork"]])
@pytest.mark.parametrize("kind, name", [
    ("proc", "/proc/sys/kernel/poweroff_cmd"), ("sysfs", "/sys/kernel/uevent_seqnum")])
def test_what_the_kernel_shows_of_itself_is_mounted_elsewhere(trick, kind, name, options):
    """Each such mount is a file system of its own, in which the same files stand."""
    here = f"{trick.directory}/{name.split('/', 2)[2]}"
    trick.run("unshare", "--mount", *options, "sh", "-c",
              f"mount -t {kind} none {trick.directory} && read line < {here}")
    told = trick.wait_for("own", "Kernel asked", lambda alert: alert.fields["fd.nameraw"] == here)
    assert told.fields["fd.name"] == name
    assert trick.wait_for("own", "Kernel read", fd_name=name)


# Names that a rule of one's own watches, in a directory of the test's own.

TREE_RULES = """
- list: opens
  items: [open, openat, openat2, creat]
- rule: Below
  desc: a file below the directory
  condition: evt.type in (opens) and evt.rawres >= 0 and fd.name startswith DIRECTORY/watched/
  output: "%fd.name %fd.ino %fd.nameraw"
  priority: NOTICE
- rule: Inode
  desc: a file by its number
  condition: evt.type in (opens) and fd.ino = INODE and fd.name startswith DIRECTORY
  output: "%fd.name %fd.ino"
  priority: NOTICE
- rule: Changed
  desc: a name that no call opens
  condition: >
    evt.type in (mkdir, mkdirat, rmdir, unlink, unlinkat, rename, renameat, renameat2, link, linkat,
                 symlink, symlinkat, chmod, fchmodat, chown, lchown, fchownat)
    and (fs.path.name pmatch (DIRECTORY/watched) or fs.path.source pmatch (DIRECTORY/watched)
         or fs.path.target pmatch (DIRECTORY/watched))
  output: "%evt.type %fs.path.name %fs.path.source %fs.path.target"
  priority: NOTICE
"""


@pytest.fixture(scope="module")
def tree(live_machine, workshop, tmp_path_factory):
    """A directory, and a monitor that watches what is below "watched" in it."""
    directory = workshop / "tree"
    (directory / "watched").mkdir(parents=True)
    (directory / "watched" / "file").write_text("text\n")
    rules = tmp_path_factory.mktemp("rules") / "tree.yaml"
    rules.write_text(TREE_RULES.replace("DIRECTORY", str(directory)).replace(
        "INODE", str((directory / "watched" / "file").stat().st_ino)))
    with evasion.Watch(tree=[rules]) as watch:
        yield watch, directory
    subprocess.run(["rm", "-rf", directory], check=True)


@pytest.fixture
def grown(tree):
    return evasion.Trick(tree[0], tree[1]), tree[1]


@pytest.mark.parametrize("name", [
    b"two\nlines", b"not \xff\xfe UTF-8", b"escape\x1b[31mred", b"\xf0\x9f", b"tab\tquote\"back\\",
    "wörter".encode(), b"-rf", b" ", b"a" * 255])
def test_any_byte_may_stand_in_a_name(grown, name):
    trick, directory = grown
    path = os.fsencode(directory / "watched") + b"/" + name
    with open(path, "w"):
        pass
    shown = name.decode(errors="replace")
    trick.wait_for("tree", "Below", lambda alert: alert.fields["fd.name"].split("/")[-1] == shown)


def deep(directory, levels, name, act):
    """Nests directories below one, one call at a time, and acts in the last."""
    where = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=where)
        below = os.open(name, os.O_PATH | os.O_DIRECTORY, dir_fd=where)
        os.close(where)
        where = below
    act(where)
    os.close(where)


def create_in(where):
    os.close(os.open("last", os.O_CREAT | os.O_WRONLY, dir_fd=where))


@pytest.mark.parametrize("levels, name", [(30, "b" * 200), (20, "c" * 255), (1400, "dd")])
def test_nesting_beyond_the_longest_path(grown, levels, name):
    """The path's beginning counts for rules, its end for people: of both there is something."""
    trick, directory = grown
    deep(directory / "watched", levels, name, create_in)
    alert = trick.wait_for("tree", "Below",
                           lambda alert: alert.fields["fd.name"].endswith(f"/{name}/last"))
    shown = alert.fields["fd.name"].split("/")
    assert set(shown[len(directory.parts) + 1:-1]) == {name}
    assert 2000 < len(alert.fields["fd.name"]) <= 8192


def test_deep_nesting_is_seen_from_its_working_directory(grown):
    trick, directory = grown

    def act(where):
        child = os.fork()
        if child == 0:
            os.fchdir(where)
            os.open("here", os.O_CREAT)
            os._exit(0)
        os.waitpid(child, 0)
    deep(directory / "watched", 25, "e" * 200, act)
    trick.wait_for("tree", "Below", lambda alert: alert.fields["fd.name"].endswith("e/here"))


# In a mount namespace of its own, with a file system of its own on the watched directory.
OTHER = """
set -e
cd DIRECTORY
mount -t tmpfs none watched
mkdir -p watched/sub/below; : > watched/sub/file; : > watched/file
WAY
"""
OTHER_WAYS = {
    "plain": ": > watched/last",
    "whole": "mount --bind watched place; : > place/last",
    "part": "mount --bind watched/sub place; : > place/last",
    "part of a part": "mount --bind watched/sub place; mount --bind place/below other; : > other/last",
    "file": "mv watched/file watched/last; : > other-file; mount --bind watched/last other-file; : > other-file",
    "below a bound root": "mount --rbind / place; : > placeDIRECTORY/watched/last",
    "moved": "mount --bind watched/sub place; mount --move place other; : > other/last",
}
CHANGED_WAYS = {
    "whole": "mount --bind watched place; mkdir place/last",
    "part": "mount --bind watched/sub place; mkdir place/last",
    "of the root's file system": "umount watched; mount --bind / place; mkdir placeDIRECTORY/watched/last;"
                                 "rmdir watched/last",
}


def in_own_mounts(directory, way):
    for name in ("place", "other"):
        (directory / name).mkdir(exist_ok=True)
    script = OTHER.replace("WAY", way).replace("DIRECTORY", str(directory))
    subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], check=True)


@pytest.mark.parametrize("way", OTHER_WAYS)
def test_other_file_systems_that_are_mounted_again(grown, way):
    """Where their files are is told by the first mount, whatever part of them another one shows."""
    trick, directory = grown
    in_own_mounts(directory, OTHER_WAYS[way])
    trick.wait_for("tree", "Below", lambda alert: (
        re.fullmatch(f"{directory}/watched/(sub/)?(below/)?last", alert.fields["fd.name"])))


@pytest.mark.parametrize("way", CHANGED_WAYS)
def test_names_below_what_is_mounted_again(grown, way):
    trick, directory = grown
    in_own_mounts(directory, CHANGED_WAYS[way])
    trick.wait_for("tree", "Changed", lambda alert: (
        alert.fields["evt.type"] in ("mkdir", "mkdirat")
        and re.fullmatch(f"{directory}/watched/(sub/)?last", alert.fields["fs.path.name"] or "")))


def test_parent_that_was_renamed(grown):
    """The descriptor is of a directory that has another name by now."""
    trick, directory = grown
    os.mkdir(directory / "before")
    where = os.open(directory / "before", os.O_PATH | os.O_DIRECTORY)
    os.rename(directory / "before", directory / "watched" / "after")
    create_in(where)
    os.close(where)
    trick.wait_for("tree", "Below", fd_name=str(directory / "watched" / "after" / "last"))


def test_hard_link_has_the_inode(grown):
    trick, directory = grown
    os.link(directory / "watched" / "file", directory / "other-name")
    trick.wait_for("tree", "Changed", fs_path_target=str(directory / "watched" / "file"))
    (directory / "other-name").read_text()
    alert = trick.wait_for("tree", "Inode", fd_name=str(directory / "other-name"))
    assert alert.fields["fd.ino"] == (directory / "watched" / "file").stat().st_ino


def through_descriptor(path):
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY)
    return f"/proc/self/fd/{fd}"


# Calls that open nothing, by ways whose links have no text.
WAYS = {
    "/proc/self/root": lambda directory: f"/proc/self/root{directory}",
    "/proc/thread-self/root": lambda directory: f"/proc/thread-self/root{directory}",
    "/proc/PID/root": lambda directory: f"/proc/{os.getppid()}/root{directory}",
    "/proc/self/fd/N": lambda directory: through_descriptor(directory),
    "/dev/fd/N": lambda directory: through_descriptor(directory).replace("/proc/self", "/dev"),
    "link to a link of /proc": lambda directory: symlinked(directory, "/proc/self/root"),
}


def symlinked(directory, target):
    link = directory / "to-root"
    if not link.is_symlink():
        link.symlink_to(target)
    return f"{link}{directory}"


@pytest.mark.parametrize("way", WAYS)
def test_links_of_proc_hide_no_name(grown, way):
    trick, directory = grown
    watched = WAYS[way](directory) + "/watched"
    real = directory / "watched"
    acts = [
        (lambda: os.mkdir(watched + "/dir"), "mkdir", real / "dir"),
        (lambda: os.symlink("dir", watched + "/s"), "symlink", real / "s"),
        (lambda: os.rename(watched + "/s", watched + "/t"), "rename", real / "t"),
        (lambda: os.unlink(watched + "/t"), "unlink", real / "t"),
        (lambda: os.chmod(watched + "/file", 0o640), "chmod", real / "file"),
        (lambda: os.rmdir(watched + "/dir"), "rmdir", real / "dir"),
    ]
    for act, call, path in acts:
        act()
        trick.wait_for("tree", "Changed", lambda alert: call in alert["output"] and str(path) in
                       [alert.fields[f"fs.path.{which}"] for which in ("name", "source", "target")])


def test_file_without_a_name_is_linked(grown):
    """linkat by descriptor: an empty name, and a link of /proc that is followed."""
    trick, directory = grown
    link = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open(sys.argv[1], os.O_PATH)
old, flags = (b"", 0x1000) if sys.argv[3] == "empty" else (b"/proc/self/fd/%d" % fd, 0x400)
at = fd if sys.argv[3] == "empty" else -100
assert libc.linkat(at, old, -100, sys.argv[2].encode(), flags) == 0, ctypes.get_errno()
"""
    for how in ("empty", "link"):
        subprocess.run([sys.executable, "-c", link, directory / "watched" / "file", directory / how, how],
                       check=True)
        trick.wait_for("tree", "Changed", fs_path_source=str(directory / how),
                       fs_path_target=str(directory / "watched" / "file"))
