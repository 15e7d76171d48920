# SPDX-License-Identifier: Apache-2.0
"""Alerts in the log of a real rsyslogd and a real journald, each in a world with an empty /dev and
/run of its own, so that the machine's log is left alone. Needs root for that."""

import json
import os
import shutil
import subprocess

import pytest

from conftest import IN_CI, PROGRAM

JOURNALD = "/lib/systemd/systemd-journald"

PRIORITIES = {"EMERGENCY": ("emerg", 0), "CRITICAL": ("crit", 2), "WARNING": ("warning", 4),
              "DEBUG": ("debug", 7)}
# The four opens of cat_write.scap.
FILES = ["/etc/ld.so.cache", "/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/locale/locale-archive",
         "/dev/null"]
RULES = "".join(f"""
- rule: Opened {priority}
  desc: of a test
  condition: evt.type in (open, openat, openat2) and fd.name = {file}
  output: opened %fd.name
  priority: {priority}
  tags: [files, T1005]
""" for priority, file in zip(PRIORITIES, FILES))

# Arguments: the socket to wait for, how often to ask whether all has come, the daemon's command,
# that question, and the program's command line.
WORLD = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs none /dev
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "/dev/${device%:*}" c 1 "${device#*:}"
done
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
socket=$1 daemon=$2 question=$3
shift 3
sh -c "exec $daemon" >daemon.log 2>&1 &
pid=$!
wait_until() {
    tries=0
    until sh -c "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { echo "did not come: $1" >&2; kill $pid; exit 9; }
        sleep 0.05
    done
}
wait_until "test -S $socket"
status=0
"$@" >&2 || status=$?
wait_until "$question"
kill $pid
wait $pid || true
exit $status
"""

RSYSLOG = """
module(load="imuxsock" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0")
template(name="plain" type="string"
         string="%syslogfacility-text%.%syslogseverity-text% %programname%:%msg%\\n")
:msg, contains, "opened" action(type="omfile" file="FOLDER/log" template="plain")
"""


@pytest.fixture
def log_of_world(saker, captures):
    """Replays the capture in such a world; answers what it said."""
    def run(daemon, socket, question):
        for tool in (daemon.split()[0], "unshare"):
            if not shutil.which(tool):
                (pytest.fail if IN_CI else pytest.skip)(f"{tool} is not there", pytrace=False)
        if os.geteuid() != 0:
            (pytest.fail if IN_CI else pytest.skip)("needs root", pytrace=False)
        command = [PROGRAM, "-c", saker.file("config.yaml", "stdout_output: {enabled: false}\n"),
                   "-r", saker.file("rules.yaml", RULES), "-o", "engine.kind=replay", "-o",
                   f"engine.replay.capture_file={captures / 'cat_write.scap'}",
                   "-o", "webserver.enabled=false"]
        done = subprocess.run(["unshare", "-m", "sh", "-c", WORLD, "world", socket, daemon,
                               question, *map(str, command)], cwd=saker.directory, text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "Output syslog: 4 sent, 0 dropped, 0 failed" in done.stderr
        return done
    return run


def test_rsyslog_gets_alerts_with_their_priorities(log_of_world, saker):
    log = saker.directory / "log"
    saker.file("rsyslog.conf", RSYSLOG.replace("FOLDER", str(saker.directory)))
    log_of_world("rsyslogd -n -f rsyslog.conf -i rsyslog.pid", "/dev/log",
                 f"test $(wc -l < {log}) -ge 4 2> /dev/null")
    lines = log.read_text().splitlines()
    assert len(lines) == 4
    for line, (name, _), file in zip(lines, PRIORITIES.values(), FILES):
        assert line.startswith(f"daemon.{name} saker: ")
        assert line.endswith(f"opened {file}")


def test_journald_gets_alerts_with_fields(log_of_world, saker):
    log = saker.directory / "log"
    log_of_world(JOURNALD, "/run/systemd/journal/socket",
                 "journalctl -q --no-pager -D /run/log/journal -o json TAGS=T1005 "
                 f"> {log} 2> /dev/null; test $(wc -l < {log}) -ge 4")
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(entries) == 4
    for entry, (priority, (_, number)), file in zip(entries, PRIORITIES.items(), FILES):
        assert entry["PRIORITY"] == str(number)
        assert entry["RULE"] == f"Opened {priority}"
        assert entry["SOURCE"] == "syscall"
        assert sorted(entry["TAGS"]) == ["T1005", "files"]
        assert entry["SYSLOG_IDENTIFIER"] == "saker"
        assert entry["_TRANSPORT"] == "journal"
        assert entry["MESSAGE"].endswith(f"opened {file}")
