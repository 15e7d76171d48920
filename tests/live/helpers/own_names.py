# SPDX-License-Identifier: Apache-2.0
"""WAY DIRECTORY: calls that open nothing, by one thread that rewrites nothing.

In mounts of its own. Inodes have several names, directories move into each other, names end in slashes,
begin at descriptors and go through links; an overlay copies up, and covers what is below.
"""

import ctypes
import os
import shutil
import subprocess
import sys

LIBC = ctypes.CDLL(None)
AT_FDCWD, EXCHANGE = -100, 2


def touch(path):
    with open(path, "w"):
        pass


def exchange(first, second):
    LIBC.renameat2(AT_FDCWD, first.encode(), AT_FDCWD, second.encode(), EXCHANGE)


def one_inode_of_several_names(at):
    os.mkdir(f"{at}/s")
    touch(f"{at}/a")
    os.link(f"{at}/a", f"{at}/b")
    os.link(f"{at}/a", f"{at}/s/c")
    for name in "b", "s/c", "a":
        os.chmod(f"{at}/{name}", 0o600)
        os.utime(f"{at}/{name}")
        os.truncate(f"{at}/{name}", 0)
        os.chown(f"{at}/{name}", 0, 0)
    os.unlink(f"{at}/b")
    os.link(f"{at}/a", f"{at}/b")
    os.unlink(f"{at}/a")
    os.rename(f"{at}/b", f"{at}/d")
    os.link(f"{at}/d", f"{at}/b")
    os.rename(f"{at}/s/c", f"{at}/c")
    for name in "c", "d", "b":
        os.unlink(f"{at}/{name}")


def directories_within_each_other(at):
    os.mkdir(f"{at}/x/")
    os.mkdir(f"{at}/x/y")
    os.mkdir(f"{at}/z")
    os.rename(f"{at}/z", f"{at}/x/y/z")
    os.rename(f"{at}/x/y/z", f"{at}/z")
    touch(f"{at}/x/f")
    os.rename(f"{at}/x/f", f"{at}/x/y/f")
    os.rename(f"{at}/x/y/f", f"{at}/x/f")
    touch(f"{at}/x/y/f")
    os.rename(f"{at}/x/f", f"{at}/x/y/f")
    touch(f"{at}/x/f")
    exchange(f"{at}/x/f", f"{at}/x/y/f")
    exchange(f"{at}/x/y", f"{at}/z")


def by_other_ways(at):
    os.symlink("x", f"{at}/l")
    os.lchown(f"{at}/l", 0, 0)
    os.chmod(f"{at}/l/f", 0o640)
    os.unlink(f"{at}/l/f")
    os.mkdir(f"{at}/l/m")
    os.rmdir(f"{at}/l/m/")
    os.unlink(f"{at}/l")
    os.chdir(f"{at}/z")
    os.unlink("f")
    os.mkdir("../q")
    os.rmdir("../q")
    os.chdir("/")
    fd = os.open(at, os.O_RDONLY)
    os.mkdir("r", dir_fd=fd)
    os.rename("r", "t", src_dir_fd=fd, dst_dir_fd=fd)
    os.rmdir("t", dir_fd=fd)
    os.mkdir(f"/proc/self/fd/{fd}/r")
    os.rmdir(f"/proc/self/fd/{fd}/r")
    os.close(fd)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def scene(way, directory):
    """Where to do it."""
    if way == "plain":
        return directory
    at = f"{directory}/at"
    os.mkdir(at)
    if way == "tmpfs":
        mount("-t", "tmpfs", "none", at)
    elif way == "bind":
        os.makedirs(f"{directory}/part/of")
        mount("--bind", f"{directory}/part/of", at)
    elif way == "overlay":
        for name in "lower/dir", "upper", "work":
            os.makedirs(f"{directory}/{name}")
        for name in "abcde":
            touch(f"{directory}/lower/l{name}")
        touch(f"{directory}/lower/dir/f")
        mount("-t", "overlay", "none", "-o",
              f"lowerdir={directory}/lower,upperdir={directory}/upper,workdir={directory}/work", at)
        os.unlink(f"{at}/la")
        os.chmod(f"{at}/lb", 0o600)
        os.rename(f"{at}/lc", f"{at}/lcc")
        os.link(f"{at}/ld", f"{at}/ldd")
        os.utime(f"{at}/le")
        os.unlink(f"{at}/lb")
        os.unlink(f"{at}/dir/f")
        os.rmdir(f"{at}/dir")
        os.mkdir(f"{at}/dir")
        os.mkdir(f"{at}/la")
    return at


AT = scene(*sys.argv[1:3])
one_inode_of_several_names(AT)
directories_within_each_other(AT)
by_other_ways(AT)
for entry in "x", "z", "s":
    shutil.rmtree(f"{AT}/{entry}")
