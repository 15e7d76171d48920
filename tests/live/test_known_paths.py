# SPDX-License-Identifier: Apache-2.0
"""What the kernel side remembers of paths is never believed where it has changed.

A file is opened again and again under one name, so that it is known and discarded. Then something on
its way gets a name that a rule wants, and the name that is given leads there by a symbolic link: the
same text, the same file, another path. And back.
"""

import ctypes
import os
import signal

import pytest

import monitor as live
from test_discards import READ, RULE, SAMPLE, count, end

# Of the same length.
PLAIN, WANTED = "benign", "wanted"
ROUNDS, OPENS = 12, 5
# Short names stand in the kernel's structure until 31 or 39 bytes.
LENGTHS = [6, 7, 8, 15, 16, 17, 31, 32, 39, 40, 41, 100]

libc = ctypes.CDLL(None, use_errno=True)


class Switch:
    """One component of a path that is another and back; a link stays in its place."""

    def __init__(self, directory, length=len(PLAIN)):
        self.plain = os.path.join(directory, "x" * (length - len(PLAIN)) + PLAIN)
        self.wanted = os.path.join(directory, "x" * (length - len(WANTED)) + WANTED)

    def to_wanted(self):
        os.rename(self.plain, self.wanted)
        os.symlink(os.path.basename(self.wanted), self.plain)

    def back(self):
        os.unlink(self.plain)
        os.rename(self.wanted, self.plain)


class MovedMount(Switch):
    """The same of a mount that is moved; in a mount namespace of its own."""

    def __init__(self, directory):
        super().__init__(directory)
        self.aside = self.plain + ".aside"
        os.mkdir(self.wanted)

    def mount(self):
        assert libc.unshare(0x20000) == 0
        assert libc.mount(b"none", b"/", None, 0x44000, None) == 0
        assert libc.mount(b"none", os.fsencode(self.plain), b"tmpfs", 0, None) == 0
        open(os.path.join(self.plain, "file"), "w").close()

    def move(self, source, target):
        assert libc.mount(os.fsencode(source), os.fsencode(target), None, 8192, None) == 0

    def to_wanted(self):
        self.move(self.plain, self.wanted)
        os.rename(self.plain, self.aside)
        os.symlink(os.path.basename(self.wanted), self.plain)

    def back(self):
        os.unlink(self.plain)
        os.rename(self.aside, self.plain)
        self.move(self.wanted, self.plain)


def open_often(path):
    for _ in range(OPENS):
        os.close(os.open(path, os.O_RDONLY))


def in_child(act, *cpus):
    child = os.fork()
    if child == 0:
        try:
            if cpus:
                os.sched_setaffinity(0, cpus)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture
def watch(live_machine, workshop, tmp_path, request):
    root = workshop / f"known-{abs(hash(request.node.name)):x}"
    root.mkdir()
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULE.format(condition=f"{READ} and fd.name startswith {root} and fd.name contains {WANTED}"))
    with live.Monitor("-o", f"engine.modern_ebpf.discard_sample={SAMPLE}", rules=[rules]) as monitor:
        monitor.wait_ready()
        yield monitor, root, rules


def there_and_back(watch, switch, path, rounds=ROUNDS, *cpus):
    monitor, root, _ = watch

    def act():
        if isinstance(switch, MovedMount):
            switch.mount()
        open_often(path)
        for _ in range(rounds):
            open_often(path)
            if cpus:
                # Somebody else changes it, on another processor.
                in_child(switch.to_wanted, *(os.sched_getaffinity(os.getppid()) - set(cpus)))
            else:
                switch.to_wanted()
            open_often(path)
            switch.back()
            open_often(path)

    in_child(act, *cpus)
    end(monitor, root)
    assert monitor.stop() == 0
    assert len(monitor.find("Wanted")) == rounds * OPENS, monitor.said
    # All before the first change but what is let through to be looked at, at least.
    assert count(monitor.said, "Events discarded in the kernel") > rounds * OPENS, monitor.said
    assert count(monitor.said, "Discards that were wrong") == 0, monitor.said


@pytest.mark.parametrize("length", LENGTHS)
def test_a_directory_that_has_another_name(watch, length):
    root = watch[1]
    switch = Switch(root, length)
    os.makedirs(f"{switch.plain}/deep/deeper")
    open(f"{switch.plain}/deep/deeper/file", "w").close()
    there_and_back(watch, switch, f"{switch.plain}/deep/deeper/file")


@pytest.mark.parametrize("length", LENGTHS)
def test_a_file_that_has_another_name(watch, length):
    root = watch[1]
    switch = Switch(root, length)
    open(switch.plain, "w").close()
    there_and_back(watch, switch, switch.plain)


@pytest.mark.parametrize("name", ["file", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/file", "n" * 100])
def test_a_file_below_a_directory_that_has_another_name(watch, name):
    root = watch[1]
    switch = Switch(root)
    path = f"{switch.plain}/{name}"
    os.makedirs(os.path.dirname(path))
    open(path, "w").close()
    there_and_back(watch, switch, path)


def test_a_mount_that_is_moved(watch):
    root = watch[1]
    os.mkdir(root / PLAIN)
    switch = MovedMount(root)
    there_and_back(watch, switch, f"{switch.plain}/file")


def test_what_another_processor_renames(watch):
    root = watch[1]
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one processor")
    switch = Switch(root)
    os.mkdir(switch.plain)
    open(f"{switch.plain}/file", "w").close()
    there_and_back(watch, switch, f"{switch.plain}/file", ROUNDS, min(os.sched_getaffinity(0)))


def test_a_name_of_the_same_text_below_another_root(watch):
    """The name leads to another file after chroot, whose path is a wanted one."""
    monitor, root, _ = watch
    path, jail = root / PLAIN, root / WANTED
    path.write_text("")
    (jail / str(path.parent)[1:]).mkdir(parents=True)
    (jail / str(path)[1:]).write_text("")

    def act():
        for _ in range(ROUNDS):
            open_often(path)
        os.chroot(jail)
        open_often(path)

    in_child(act)
    end(monitor, root)
    assert monitor.stop() == 0
    assert len(monitor.find("Wanted")) == OPENS, monitor.said
    assert count(monitor.said, "Events discarded in the kernel") > OPENS, monitor.said


def test_a_file_that_is_gone_and_another_that_came(watch):
    monitor, root, _ = watch
    path = root / PLAIN

    def act():
        for _ in range(ROUNDS):
            path.write_text("")
            open_often(path)
            (root / WANTED).write_text("")
            os.unlink(path)
            os.symlink(WANTED, path)
            open_often(path)
            os.unlink(path)
            os.unlink(root / WANTED)

    in_child(act)
    end(monitor, root)
    assert monitor.stop() == 0
    assert len(monitor.find("Wanted")) == ROUNDS * OPENS, monitor.said


def test_rules_that_are_loaded_anew(watch):
    """What is known is of the rules by which it was found."""
    monitor, root, rules = watch
    path = root / PLAIN
    path.write_text("")
    for _ in range(ROUNDS):
        open_often(path)
    assert not monitor.find("Wanted")
    rules.write_text(RULE.format(condition=f"{READ} and fd.name = {path}"))
    monitor.process.send_signal(signal.SIGHUP)

    def is_seen():
        open_often(path)
        return monitor.find("Wanted")

    monitor.wait_until(is_seen, "alert of the new rules")
    end(monitor, root)
    since = monitor.mark()
    open_often(path)
    end(monitor, root, since)
    assert len(monitor.find("Wanted", since)) == OPENS
    assert monitor.stop() == 0


def test_what_is_left_of_a_longer_name(watch):
    """The file has a shorter name now; a link's name begins with it and a byte of the old one."""
    monitor, root, _ = watch
    long, short, link = root / f"{PLAIN}x", root / PLAIN, root / f"{PLAIN}x{WANTED}"

    def act():
        for _ in range(ROUNDS):
            long.write_text("")
            open_often(long)
            os.rename(long, short)
            open_often(short)
            os.symlink(short, link)
            open_often(link)
            os.unlink(link)
            os.unlink(short)

    in_child(act)
    end(monitor, root)
    assert monitor.stop() == 0
    assert len(monitor.find("Wanted")) == ROUNDS * OPENS, monitor.said
