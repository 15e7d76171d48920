# SPDX-License-Identifier: Apache-2.0
"""No detour to a file hides it: /etc/shadow is seen by whatever name it is reached.

Where the name that the program gave says nothing, the name that the kernel resolved must give the
alert; so each case only asks that there is one, and that it shows a name of the file.
"""

import os
import subprocess

import pytest

from monitor import Monitor

DETOURS = {
    "symbolic link": lambda scene: scene.do("read", link(scene, "/etc/shadow")),
    "symbolic link to the directory":
        lambda scene: scene.do("read", link(scene, "/etc") + "/shadow"),
    "dot dot": lambda scene: scene.do("read", "/usr/../etc/shadow"),
    "dots and slashes": lambda scene: scene.do("read", "//etc/.//../etc/./shadow"),
    "dot dot behind a symbolic link":
        lambda scene: scene.do("read", link(scene, "/etc/ssl") + "/../shadow"),
    "working directory": lambda scene: scene.do("read-in", "/etc", "shadow"),
    "working directory above": lambda scene: scene.do("read-in", "/etc/ssl", "../shadow"),
    "directory descriptor": lambda scene: scene.do("read-at", "/etc", "shadow"),
    "directory descriptor above": lambda scene: scene.do("read-at", "/etc/ssl", "../shadow"),
    "/proc/self/root": lambda scene: scene.do("read", "/proc/self/root/etc/shadow"),
    "/proc/self/cwd":
        lambda scene: scene.do("read", "/proc/self/cwd/shadow", cwd="/etc"),
    "openat2": lambda scene: scene.do("read-openat2", "/etc/shadow"),
    "openat2 through a link":
        lambda scene: scene.do("read-openat2", link(scene, "/etc/shadow")),
    "handle": lambda scene: read_by_handle(scene),
}


def link(scene, target):
    path = scene.path(f"link-{len(os.listdir(scene.directory))}")
    os.symlink(target, path)
    return path


def read_by_handle(scene):
    """Not every file system gives handles out."""
    if "not supported" in scene.do("read-handle", "/etc/shadow", ok=(0, 1)):
        pytest.skip("the root file system has no file handles")


@pytest.mark.parametrize("way", DETOURS)
def test_detour_does_not_hide_the_file(scene, way):
    DETOURS[way](scene)
    alert = scene.wait_for("Sensitive file read")
    assert alert.fields["fd.name"].startswith("/"), alert["output"]


def test_bind_mount_does_not_hide_the_file(scene):
    """/etc mounted once more elsewhere, in a mount namespace of the test's own."""
    place = scene.path("mounted")
    os.mkdir(place)
    subprocess.run(["unshare", "-m", "sh", "-c",
                    f"mount --bind /etc {place} && exec {scene.act} read {place}/shadow"], check=True)
    assert scene.wait_for("Sensitive file read", fd_name="/etc/shadow")


def test_plain_name_is_shown_as_given(scene):
    scene.do("read-in", "/etc", "shadow")
    assert scene.wait_for("Sensitive file read").fields["fd.name"] == "/etc/shadow"


def test_one_open_gives_one_alert(scene):
    """Both names of the file match here, which is still one event."""
    scene.do("read", "/proc/self/root/etc/shadow")
    scene.wait_for("Sensitive file read")
    scene.pass_by()
    assert len(scene.monitor.find("Sensitive file read", scene.since, scene.is_ours)) == 1


OWN_RULE = """
- rule: Name changed
  desc: a name below the real directory
  condition: >
    evt.type in (mkdir, mkdirat, rmdir, unlink, unlinkat, rename, renameat, renameat2, link, linkat,
                 symlink, symlinkat, chmod, fchmodat, chown, fchownat)
    and (fs.path.name pmatch (REAL) or fs.path.source pmatch (REAL) or fs.path.target pmatch (REAL))
  output: "%evt.type %fs.path.name %fs.path.source %fs.path.target"
  priority: NOTICE
"""


def test_calls_that_open_nothing_are_seen_behind_links(scene, tmp_path):
    """Every call acts through a symbolic link to the directory; the rule knows the real one."""
    real, way = scene.path("real"), scene.path("way")
    os.mkdir(real)
    os.symlink(real, way)
    rules = tmp_path / "rules.yaml"
    rules.write_text(OWN_RULE.replace("REAL", real))
    calls = [
        (lambda: os.mkdir(way + "/d"), "d"),
        (lambda: open(way + "/f", "w").close() or os.chmod(way + "/f", 0o600), "f"),
        (lambda: os.chown(way + "/f", 0, 0), "f"),
        (lambda: os.link(way + "/f", way + "/g"), "g"),
        (lambda: os.symlink("f", way + "/s"), "s"),
        (lambda: os.rename(way + "/g", way + "/d/h"), "d/h"),
        (lambda: os.unlink(way + "/d/../f"), "f"),
        (lambda: os.unlink(way + "//d/./h"), "d/h"),
        (lambda: os.rmdir(way + "/d"), "d"),
    ]
    with Monitor(rules=(rules,)) as running:
        running.wait_ready()
        for call, name in calls:
            before = len(running.alerts)
            call()
            running.wait_until(lambda: len(running.alerts) > before, f"an alert for {name}")
            fields = running.alerts[before].fields
            paths = [fields[f"fs.path.{which}"] for which in ("name", "source", "target")]
            assert f"{real}/{name}" in paths, (name, running.alerts[before]["output"])
