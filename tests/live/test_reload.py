# SPDX-License-Identifier: Apache-2.0
"""Reloads while events pass: on SIGHUP and where files change."""

import os
import re
import signal
import subprocess
import sys

import pytest

from monitor import Monitor

MARKER = """
- rule: Marker
  desc: every numbered file that is opened
  condition: evt.type in (open, openat, openat2) and fd.name startswith {directory}/marker-
  output: marker=%fd.name
  priority: NOTICE
"""
# Another one each time, so that what is collected grows and shrinks.
OTHERS = ["chmod, fchmod, fchmodat", "mkdir, mkdirat", "rename, renameat, renameat2", "socket"]
OTHER = """
- rule: Other {number}
  desc: of one version of the file
  condition: evt.type in ({calls}) and proc.name = never-{number}
  output: other
  priority: NOTICE
"""
RELOADS = 200

# Opens numbered files until its input ends, and in between files that no rule is about.
STORM = """
import os, select, sys
directory, number = sys.argv[1], 0
poll = select.poll()
poll.register(0, select.POLLIN | select.POLLHUP)
while not poll.poll(1):
    number += 1
    os.close(os.open(f"{directory}/marker-{number}", os.O_CREAT | os.O_WRONLY))
    for _ in range(20):
        os.close(os.open(directory, os.O_RDONLY))
print(number, flush=True)
"""


def done(monitor):
    return sum("reload: done" in line for line in monitor.messages)


def failed(monitor):
    return sum("reload: failed" in line for line in monitor.messages)


def write(path, text):
    """As careful editors do: another file that takes the name."""
    new = f"{path}.new"
    with open(new, "w") as file:
        file.write(text)
    os.rename(new, path)


class Storm:
    def __init__(self, directory):
        self.process = subprocess.Popen([sys.executable, "-c", STORM, directory],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end(self):
        """How many markers there were."""
        output = self.process.communicate(timeout=60)[0]
        return int(output)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def place(live_machine, tmp_path):
    (tmp_path / "files").mkdir()
    return tmp_path


def test_no_alert_is_lost_or_doubled_by_reloads_under_a_storm_of_events(place):
    directory = str(place / "files")
    rules = place / "rules.yaml"

    def version(number):
        calls = OTHERS[number % len(OTHERS)]
        write(rules, MARKER.format(directory=directory) +
              OTHER.format(number=number, calls=calls))

    version(0)
    with Monitor("-o", "watch_config_files=false", "-o", "engine.modern_ebpf.buf_size_preset=6",
                 rules=[rules]) as monitor, Storm(directory) as storm:
        monitor.wait_ready()
        for number in range(1, RELOADS + 1):
            version(number)
            monitor.process.send_signal(signal.SIGHUP)
            monitor.wait_until(lambda: done(monitor) == number, f"reload {number}")
        count = storm.end()
        monitor.wait_for("Marker", fd_name=f"{directory}/marker-{count}")
        assert monitor.stop() == 0
    numbers = [int(alert.fields["fd.name"].rsplit("-", 1)[1])
               for alert in monitor.find("Marker")]
    assert not re.search(r"[1-9]\d* events were lost", monitor.said), monitor.said
    assert len(numbers) > RELOADS
    missing = set(range(min(numbers), count + 1)) - set(numbers)
    assert not missing, f"{len(missing)} of {count} markers: {sorted(missing)[:10]}"
    assert len(numbers) == len(set(numbers)), "markers were told twice"
    assert f"Reloads: {RELOADS}" in monitor.said
    assert f"  Marker: {len(numbers)}" in monitor.said


def rule(directory, name, file):
    return (f"- rule: {name}\n  desc: of a test\n  condition: evt.type in (open, openat, openat2) "
            f"and fd.name = {directory}/{file}\n  output: seen %fd.name\n  priority: NOTICE\n")


def opened(directory, name):
    """Answers the path."""
    path = f"{directory}/{name}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    return path


def in_place(place, rules, text):
    rules.write_text(text)


def renamed(place, rules, text):
    write(rules, text)


def removed_and_written(place, rules, text):
    rules.unlink()
    rules.write_text(text)


@pytest.mark.parametrize("change", [in_place, renamed, removed_and_written])
def test_a_changed_rules_file_is_loaded(place, change):
    rules = place / "rules.yaml"
    rules.write_text(rule(place, "First", "a"))
    with Monitor("-o", "watch_config_files=true", rules=[rules]) as monitor:
        monitor.wait_ready()
        monitor.wait_for("First", fd_name=opened(place, "a"))
        change(place, rules, rule(place, "Second", "a"))
        monitor.wait_until(lambda: done(monitor) == 1, "the reload")
        monitor.wait_for("Second", fd_name=opened(place, "a"))
        assert len(monitor.find("First")) == 1


def test_a_mounted_config_map_is_loaded_when_its_link_is_swapped(place):
    """As a kubelet does it: files are links into ..data, which is a link to what is current."""
    volume = place / "volume"
    for version, name in (("..1", "First"), ("..2", "Second")):
        (volume / version).mkdir(parents=True)
        (volume / version / "rules.yaml").write_text(rule(place, name, "a"))
    (volume / "..data").symlink_to("..1")
    (volume / "rules.yaml").symlink_to("..data/rules.yaml")
    with Monitor("-o", "watch_config_files=true", rules=[volume / "rules.yaml"]) as monitor:
        monitor.wait_ready()
        monitor.wait_for("First", fd_name=opened(place, "a"))
        (volume / "..data_tmp").symlink_to("..2")
        os.rename(volume / "..data_tmp", volume / "..data")
        monitor.wait_until(lambda: done(monitor) == 1, "the reload")
        monitor.wait_for("Second", fd_name=opened(place, "a"))
        # What is current now is watched, too.
        (volume / "..2" / "rules.yaml").write_text(rule(place, "Third", "a"))
        monitor.wait_until(lambda: done(monitor) == 2, "the second reload")
        monitor.wait_for("Third", fd_name=opened(place, "a"))


def test_files_that_appear_in_directories_are_loaded(place):
    config, rules = place / "saker.yaml", place / "rules.d"
    rules.mkdir()
    (rules / "1.yaml").write_text(rule(place, "First", "a"))
    config.write_text(f"rules_files: [{rules}, {place}/later/more.yaml]\n")
    with Monitor("-c", config, "-o", "stdout_output.enabled=true", rules=[]) as monitor:
        monitor.wait_ready()
        write(rules / "2.yaml", rule(place, "Second", "b"))
        monitor.wait_until(lambda: done(monitor) == 1, "the reload")
        monitor.wait_for("Second", fd_name=opened(place, "b"))
        monitor.wait_for("First", fd_name=opened(place, "a"))
        (rules / "2.yaml").unlink()
        monitor.wait_until(lambda: done(monitor) == 2, "the second reload")
        (place / "later").mkdir()
        monitor.wait_until(lambda: done(monitor) == 3, "the third reload")
        write(place / "later" / "more.yaml", rule(place, "Third", "c"))
        monitor.wait_until(lambda: done(monitor) == 4, "the fourth reload")
        monitor.wait_for("Third", fd_name=opened(place, "c"))


BROKEN = {
    "rules": ("rules.yaml", "- rule: Broken\n  desc: d\n  condition: nothing.such = 1\n  output: o\n"
              "  priority: NOTICE\n", "nothing.such"),
    "YAML": ("rules.yaml", "- rule: [\n", "rules.yaml"),
    "configuration": ("saker.yaml", "json_output: {}\n", "json_output"),
    "YAML of the configuration": ("saker.yaml", "a: [\n", "saker.yaml"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_leaves_what_is_in_use(place, name):
    rules, config = place / "rules.yaml", place / "saker.yaml"
    file, text, said = BROKEN[name]
    rules.write_text(rule(place, "First", "a"))
    config.write_text(f"rules_files: [{rules}]\n")
    good = (place / file).read_text()
    with Monitor("-c", config, rules=[]) as monitor:
        monitor.wait_ready()
        write(place / file, text)
        monitor.wait_until(lambda: failed(monitor) == 1, "the failure")
        assert any(said in line for line in monitor.messages), monitor.said
        monitor.wait_for("First", fd_name=opened(place, "a"))
        write(place / file, good)
        monitor.wait_until(lambda: done(monitor) == 1, "the reload")
        monitor.wait_for("First", since=1, fd_name=opened(place, "a"))
        assert monitor.stop() == 0
    assert "Reloads: 1" in monitor.said and "Reloads that failed: 1" in monitor.said


def test_outputs_whose_configuration_changed_are_replaced(place):
    rules, config = place / "rules.yaml", place / "saker.yaml"
    first, second = place / "first.json", place / "second.json"
    rules.write_text(rule(place, "First", "a"))

    def configure(path, more=""):
        write(config, f"rules_files: [{rules}]\n"
                      f"file_output: {{enabled: true, filename: {path}, keep_alive: true}}\n{more}")

    configure(first)
    with Monitor("-c", config, rules=[]) as monitor:
        monitor.wait_ready()
        for _ in range(3):
            opened(place, "a")
        monitor.wait_until(lambda: len(monitor.find("First")) == 3, "three alerts")
        configure(second, "priority: error\nwebserver: {listen_port: 9999}\nlog_level: info\n")
        monitor.wait_until(lambda: done(monitor) == 1, "the reload")
        opened(place, "a")  # below the priority now
        configure(second)
        monitor.wait_until(lambda: done(monitor) == 2, "the second reload")
        monitor.wait_for("First", since=3, fd_name=opened(place, "a"))
        assert monitor.stop() == 0
    assert len(first.read_text().splitlines()) == 3
    assert len(second.read_text().splitlines()) == 1
    assert "a change of webserver.listen_port takes effect at the next start" in monitor.said
    assert "Output file: 4 sent, 0 dropped, 0 failed" in monitor.said
    assert "Output stdout: 4 sent, 0 dropped, 0 failed" in monitor.said


def test_a_reload_takes_effect_without_system_calls_too(place):
    rules = place / "rules.yaml"
    rules.write_text(rule(place, "First", "a"))
    with Monitor("-o", "engine.kind=nodriver", rules=[rules]) as monitor:
        monitor.wait_ready()
        monitor.process.send_signal(signal.SIGHUP)
        monitor.wait_until(lambda: done(monitor) == 1, "the reload")
        assert monitor.stop(signal.SIGTERM) == 0
