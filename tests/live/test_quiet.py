# SPDX-License-Identifier: Apache-2.0
"""Ordinary work gives no alert: nothing at all, packages, compilers, test runs.

Only alerts about the processes that a test started count, told by their session: others may be at
work on the machine. Whether an idle machine is quiet can be told on one that is idle, so that test
runs with CI=true only.
"""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from monitor import IN_CI, Monitor

# Shows the session of a process in every alert, so that what others do at the time can be told.
SESSION = ("-o", "append_output[0].extra_output=session=%proc.sid")

PACKAGE = "saker-live-test"


class Work:
    """Runs commands in a session of its own beside a monitor."""

    def __init__(self, running):
        self.monitor = running
        self.sessions = set()
        self.since = running.mark()

    def run(self, *command, **options):
        child = subprocess.Popen([str(part) for part in command], start_new_session=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, **options)
        self.sessions.add(child.pid)
        output = child.communicate(timeout=300)[0].decode(errors="replace")
        assert child.returncode == 0, f"{command}: {output}"
        return output

    def counts(self, alert):
        if "sentinel-" in str(alert.fields.get("fs.path.name")):
            return False
        return alert.fields.get("proc.sid") in self.sessions


@pytest.fixture(scope="module")
def running(live_machine):
    with Monitor(*SESSION) as running:
        yield running.wait_ready()


@pytest.fixture
def work(running, act, tmp_path):
    work = Work(running)
    yield work
    sentinel = tmp_path / "sentinel-quiet"
    sentinel.touch()
    subprocess.run([act, "chmod", sentinel, "4755"], check=True)
    running.wait_for("Setuid bit set", work.since, fs_path_name=str(sentinel))
    alerts = running.find(None, work.since, work.counts)
    assert not alerts, "unexpected:\n" + "\n".join(alert["output"] for alert in alerts)


@pytest.mark.skipif(not IN_CI, reason="others may be at work here; CI=true says that nobody is")
def test_idle_machine(running):
    """Three seconds in which nothing is asked of the machine; an alert ends the wait at once."""
    alerts = running.wait_quiet(3, running.mark())
    assert not alerts, "\n".join(alert["output"] for alert in alerts)


@pytest.fixture
def package(tmp_path):
    """A package with something for every part of the system that packages usually touch."""
    root = tmp_path / "package"
    files = {
        "usr/bin/saker-live-test": "#!/bin/sh\nexit 0\n",
        "usr/sbin/saker-live-testd": "#!/bin/sh\nexit 0\n",
        "usr/lib/saker-live-test/helper": "#!/bin/sh\nexit 0\n",
        "usr/share/man/man1/saker-live-test.1": ".TH SAKER-LIVE-TEST 1\n",
        "usr/share/doc/saker-live-test/copyright": "none\n",
        "lib/systemd/system/saker-live-test.service":
            "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        "etc/saker-live-test.conf": "# nothing\n",
        "etc/cron.d/saker-live-test": "# nothing\n",
        "etc/profile.d/saker-live-test.sh": "# nothing\n",
        "etc/logrotate.d/saker-live-test": "# nothing\n",
        "DEBIAN/conffiles": "/etc/saker-live-test.conf\n/etc/cron.d/saker-live-test\n"
                            "/etc/profile.d/saker-live-test.sh\n/etc/logrotate.d/saker-live-test\n",
        "DEBIAN/triggers": "activate-noawait ldconfig\n",
        "DEBIAN/control": textwrap.dedent(f"""\
            Package: {PACKAGE}
            Version: 1.0
            Architecture: all
            Maintainer: Nobody <nobody@example.org>
            Description: package of a test
             It does nothing and is removed again.
            """),
        # What maintainer scripts do: users, files in /etc, services, alternatives, a set-id bit.
        "DEBIAN/postinst": textwrap.dedent("""\
            #!/bin/sh
            set -e
            useradd --system --no-create-home saker-live-test 2>/dev/null || true
            echo "# made by a maintainer script" > /etc/saker-live-test.local
            chmod 4755 /usr/lib/saker-live-test/helper
            update-alternatives --install /usr/bin/saker-live-alt saker-live-alt \\
                /usr/bin/saker-live-test 10
            grep -q nothing /etc/shadow || true
            deb-systemd-helper enable saker-live-test.service >/dev/null 2>&1 || true
            echo installed > /var/log/saker-live-test.log
            """),
        "DEBIAN/prerm": textwrap.dedent("""\
            #!/bin/sh
            set -e
            update-alternatives --remove saker-live-alt /usr/bin/saker-live-test
            """),
        "DEBIAN/postrm": textwrap.dedent("""\
            #!/bin/sh
            set -e
            if [ "$1" = purge ]; then
                userdel saker-live-test 2>/dev/null || true
                deb-systemd-helper purge saker-live-test.service >/dev/null 2>&1 || true
                rm -f /etc/saker-live-test.local /var/log/saker-live-test.log
            fi
            """),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        is_program = text.startswith("#!") and not name.endswith(".conf")
        path.chmod(0o755 if is_program else 0o644)
    built = tmp_path / f"{PACKAGE}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", root, built], check=True,
                   capture_output=True)
    built.chmod(0o644)
    yield built
    subprocess.run(["dpkg", "--purge", PACKAGE], capture_output=True)


def apt(*arguments):
    return ["apt-get", "-y", "-q", "--allow-downgrades", "-o", "DPkg::Lock::Timeout=120",
            "-o", "APT::Sandbox::User=root", *arguments]


def test_dpkg(work, package):
    work.run("dpkg", "--force-confnew", "-i", package)
    work.run("dpkg", "--purge", PACKAGE)


def test_apt_get(work, package):
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (apt("install", package), apt("install", "--reinstall", package),
                    apt("purge", PACKAGE)):
        work.run(*command, env=environment)


def test_compiler(work, tmp_path):
    source = tmp_path / "program.c"
    source.write_text("#include <stdio.h>\nint main(void) { return puts(\"x\") < 0; }\n")
    (tmp_path / "Makefile").write_text("program: program.c\n\tcc -O1 -o program program.c\n")
    work.run("make", "-C", tmp_path)


def test_test_run(work, tmp_path):
    test = tmp_path / "test_nothing.py"
    test.write_text("import subprocess\n\n\ndef test_nothing(tmp_path):\n"
                    "    (tmp_path / 'x').write_text('y')\n"
                    "    subprocess.run(['sh', '-c', 'ls / >/dev/null'], check=True)\n")
    work.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_version_control(work, tmp_path):
    work.run("git", "init", "-q", tmp_path / "repository")
    work.run("git", "-C", tmp_path / "repository", "-c", "user.name=x",
             "-c", "user.email=x@example.org", "commit", "-q", "--allow-empty", "-m", "nothing")


def test_users_are_managed(work):
    try:
        work.run("useradd", "--create-home", "saker-live-user")
        work.run("usermod", "--comment", "nobody", "saker-live-user")
        work.run("passwd", "--lock", "saker-live-user")
    finally:
        work.run("userdel", "--remove", "saker-live-user")


def test_identity_is_changed_by_su(work):
    work.run("su", "-s", "/bin/sh", "-c", "id -u", "nobody")
