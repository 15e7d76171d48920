# SPDX-License-Identifier: Apache-2.0
"""Names that lead elsewhere from one moment to the next: links and directories that are exchanged while
they are walked, files that are renamed or covered while they are open, files that get their name late.
"""

import ctypes
import mmap
import os
import re
import subprocess

import pytest

import evasion

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_FOLLOW, RENAME_EXCHANGE = -100, 0x400, 2

RULES = """
- list: opens
  items: [open, openat, openat2]
- rule: Wrong file
  desc: the name of one and the number of the other
  condition: >
    evt.type in (opens)
    and ((fd.name = DIRECTORY/1file and fd.ino = INODE2) or (fd.name = DIRECTORY/2file and fd.ino = INODE1))
  output: "%fd.name %fd.ino %fd.nameraw"
  priority: NOTICE
- rule: Strange name
  desc: a file in a directory that is exchanged has no name but these two
  condition: >
    evt.type in (opens) and fd.ino in (INODE3, INODE4)
    and not fd.name in (DIRECTORY/1directory/file, DIRECTORY/2directory/file)
  output: "%fd.name %fd.ino %fd.nameraw"
  priority: NOTICE
- rule: First file
  desc: counted
  condition: evt.type in (opens) and fd.name = DIRECTORY/1file and fd.ino = INODE1 and proc.args contains " 40"
  output: "%fd.name"
  priority: NOTICE
- rule: The end
  desc: all before has been judged
  condition: evt.type in (opens) and fd.name startswith DIRECTORY/end
  output: "%fd.name"
  priority: NOTICE
- rule: Used
  desc: a file below the watched directory
  condition: >
    evt.type in (open, openat, openat2, read, write, pread, pwrite, ftruncate, fchmod)
    and evt.rawres >= 0 and fd.name startswith DIRECTORY/watched/
  output: "%evt.type %fd.name %fd.nameraw %fd.ino"
  priority: NOTICE
- rule: Changed
  desc: a name below the watched directory
  condition: >
    evt.type in (renameat2, linkat, truncate, chmod, unlink)
    and (fs.path.name startswith DIRECTORY/ or fs.path.source startswith DIRECTORY/watched/
         or fs.path.target startswith DIRECTORY/watched/)
  output: "%evt.type %fs.path.name %fs.path.source %fs.path.target"
  priority: NOTICE
"""


@pytest.fixture(scope="module")
def scene(live_machine, workshop, tmp_path_factory):
    directory = workshop / "moves"
    (directory / "watched").mkdir(parents=True)
    numbers = {}
    for number in "12":
        file = directory / f"{number}file"
        file.write_text("text\n")
        (directory / f"{number}link").symlink_to(file.name)
        numbers[f"INODE{number}"] = file
        inside = directory / f"{number}directory" / "file"
        inside.parent.mkdir()
        inside.write_text("text\n")
        numbers[f"INODE{int(number) + 2}"] = inside
        # Links to directories that have a link to a file.
        (directory / f"{number}place").mkdir()
        (directory / f"{number}place" / "file").symlink_to(f"../{file.name}")
        (directory / f"{number}parent").symlink_to(f"{number}place")
    text = RULES.replace("DIRECTORY", str(directory))
    for name, file in numbers.items():
        text = text.replace(name, str(file.stat().st_ino))
    rules = tmp_path_factory.mktemp("rules") / "moves.yaml"
    rules.write_text(text)
    with evasion.Watch(own=[rules]) as watch:
        yield watch, directory, evasion.build("evade_moves", workshop)
    subprocess.run(["rm", "-rf", directory], check=True)


@pytest.fixture
def trick(scene):
    return evasion.Trick(*scene)


def run(trick, way, count):
    times = [0, 0]
    for _ in range(5):
        times = [before + int(n) for before, n in zip(times, trick.go(way, count, trick.directory).split())]
        if all(times):
            break
    assert all(times), "both files had their turn"
    for attempt in range(30):
        (trick.directory / f"end-{attempt}").touch()
        # Where the rings are full, it is lost as others are.
        if trick.watch.monitors["own"].wait_quiet(1, trick.since["own"], lambda alert: alert.rule == "The end"):
            break
    trick.wait_for("own", "The end")
    return times


# In all a million rounds.
@pytest.mark.parametrize("way, count", [
    ("links-openat", 300000), ("links-openat2", 200000), ("links-openat2-in-root", 100000),
    ("parents-openat", 200000), ("directories-openat", 100000), ("directories-openat2", 100000)])
def test_no_alert_names_a_file_that_was_not_opened(trick, way, count):
    run(trick, way, count)
    for rule in ("Wrong file", "Strange name"):
        assert not trick.alerts("own", rule), trick.alerts("own", rule)[0]["output"]


@pytest.mark.parametrize("way", ["links-openat", "links-openat2", "parents-openat"])
def test_every_opening_is_seen_under_the_files_name(trick, way):
    times = run(trick, way, 4000)
    assert len(trick.alerts("own", "First file")) == times[0]


def watched(trick, name, text="text\n"):
    path = trick.directory / "watched" / name
    path.write_text(text)
    return path


def test_a_file_that_is_renamed_while_it_is_open(trick):
    """Written under the name that it has by now, wherever it was opened."""
    before = trick.directory / "innocent"
    before.write_text("text\n")
    fd = os.open(before, os.O_RDWR)
    before.rename(trick.directory / "watched" / "renamed")
    os.write(fd, b"data")
    os.ftruncate(fd, 0)
    os.close(fd)
    for call in ("write", "ftruncate"):
        trick.wait_for("own", "Used", evt_type=call, fd_name=str(trick.directory / "watched" / "renamed"))


def test_names_that_are_exchanged(trick):
    secret, decoy = watched(trick, "secret"), trick.directory / "decoy"
    decoy.write_text("decoy\n")
    assert LIBC.renameat2(AT_FDCWD, os.fsencode(decoy), AT_FDCWD, os.fsencode(secret), RENAME_EXCHANGE) == 0
    trick.wait_for("own", "Changed", fs_path_source=str(decoy), fs_path_target=str(secret))


@pytest.mark.parametrize("how", ["empty name", "link of /proc"])
def test_a_file_that_gets_its_name_late(trick, how):
    fd = os.open(trick.directory, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"data")
    target = trick.directory / "watched" / f"late-{len(how)}"
    old = (fd, b"", 0x1000) if how == "empty name" else (AT_FDCWD, b"/proc/self/fd/%d" % fd, AT_SYMLINK_FOLLOW)
    assert LIBC.linkat(old[0], old[1], AT_FDCWD, os.fsencode(target), old[2]) == 0, ctypes.get_errno()
    trick.wait_for("own", "Changed", evt_type="linkat", fs_path_source=str(target))
    os.write(fd, b"more")
    os.close(fd)
    # Its own name is the one that it was made with.
    target.read_text()
    trick.wait_for("own", "Used", fd_name=str(target))


def test_a_file_that_is_covered_while_it_is_open(trick):
    """A mount over its directory takes its name away from others, not from what is told of it."""
    path = watched(trick, "covered")
    script = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open({str(path)!r}, os.O_RDWR)
libc.unshare(0x20000)
libc.mount(None, b"/", None, 0x44000, None)
assert libc.mount(b"none", {os.fsencode(path.parent)!r}, b"tmpfs", 0, None) == 0
os.pwrite(fd, b"data", 0)
os.fchmod(fd, 0o640)
"""
    trick.run("/usr/bin/python3", "-c", script)
    for call in ("pwrite", "fchmod"):
        trick.wait_for("own", "Used", evt_type=call, fd_name=str(path))


def mapping(path):
    with open(path, "rb") as file:
        memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    maps = open("/proc/self/maps").read()
    place = re.search(rf"^([0-9a-f]+)-([0-9a-f]+) .* {re.escape(str(path))}$", maps, re.MULTILINE)
    return memory, f"/proc/self/map_files/{place[1]}-{place[2]}"


def test_opened_by_a_mapping(trick):
    path = watched(trick, "mapped")
    memory, link = mapping(path)
    os.close(os.open(link, os.O_RDONLY))
    trick.wait_for("own", "Used", fd_name=str(path), fd_nameraw=link)
    memory.close()


def test_a_mapping_is_not_taken_for_a_descriptor(trick):
    """Those of /proc/PID/map_files begin with a digit, too: never a wrong file."""
    path, other = watched(trick, "mapped"), trick.directory / "innocent"
    other.write_text("text\n")
    memory, link = mapping(path)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(other, os.O_RDONLY), 0)
        os.chmod(link, 0o640)
        os._exit(0)
    os.waitpid(child, 0)
    memory.close()
    os.chmod(path, 0o600)
    trick.wait_for("own", "Changed", evt_type="chmod", fs_path_name=str(path))
    assert not [alert for alert in trick.alerts("own", "Changed") if str(other) in alert["output"]]


@pytest.mark.parametrize("name", ["fdinfo", "fd"])
def test_what_is_known_of_a_descriptor_is_not_its_file(trick, name):
    """/proc/PID/fd/N leads to the file, /proc/PID/fdinfo/N is one of its own."""
    path = watched(trick, "described")
    with open(path, "rb") as file:
        os.close(os.open(f"/proc/self/{name}/{file.fileno()}", os.O_RDONLY))
        trick.wait_for("own", "Used", fd_nameraw=str(path))
        watched(trick, "last")
        trick.wait_for("own", "Used", fd_nameraw=str(trick.directory / "watched" / "last"))
        by_link = [alert for alert in trick.alerts("own", "Used")
                   if alert.fields["fd.nameraw"].startswith("/proc/self/")]
        assert bool(by_link) == (name == "fd"), by_link
