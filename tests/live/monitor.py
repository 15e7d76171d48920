# SPDX-License-Identifier: Apache-2.0
"""Runs the program live and reads what it says: alerts from stdout, messages from stderr.

Nothing here sleeps for a time: a test waits until an alert or a line has come, and shows that
something did not come by doing something afterwards that must come.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAKER", REPOSITORY / "build" / "saker")).resolve()
RULES = REPOSITORY / "rules" / "saker_rules.yaml"

# The last line of the start-up messages.
READY = re.compile(r"\bready\b", re.IGNORECASE)

# Longer than anything may take on a machine under load; reached only by a test that fails.
PATIENCE = 30.0

# What is said of events that were lost, and counted: in all until then, at the end, by a recorder.
LOST = re.compile(r"events were lost \((\d+) in all\)|^Drops: (\d+)$|^  lost before, .*: (\d+)$")

IN_CI = os.environ.get("CI") == "true"


def why_not_live():
    """The reason why no probe can work here, or None. Anything else that fails is a failure."""
    if os.geteuid() != 0:
        return "live tests need root"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "this kernel has no BTF (/sys/kernel/btf/vmlinux)"
    with open("/proc/self/status") as status:
        effective = int(re.search(r"^CapEff:\s*(\w+)", status.read(), re.MULTILINE)[1], 16)
    for number, name in ((39, "CAP_BPF"), (38, "CAP_PERFMON")):
        if not effective >> number & 1 and not effective >> 21 & 1:
            return f"neither {name} nor CAP_SYS_ADMIN is there"
    return None


class Alert(dict):
    """One alert line, with the time at which it arrived (seconds, as time.time())."""

    arrived = 0.0

    @property
    def rule(self):
        return self["rule"]

    @property
    def fields(self):
        return self["output_fields"]


class Losses:
    """How many events all programs have said to have lost, ever."""

    in_all = 0

    def __init__(self):
        self.count = 0  # of one program

    def hear(self, line):
        found = LOST.search(line)
        if found:
            count = max(self.count, *(int(number) for number in found.groups() if number))
            Losses.in_all += count - self.count
            self.count = count


class Monitor:
    """A running saker. Use as a context manager; leaving it ends the program."""

    def __init__(self, *arguments, rules=(RULES,), json_output=True, environment=None, under=()):
        """under: a command that runs the program, in its own place."""
        command = [*under, str(PROGRAM)]
        for path in rules:
            command += ["-r", str(path)]
        # Standard output is what is read; the machine's log is nobody's business here, nor is
        # the port of the web server, which other tests may want at the same time.
        command += ["-o", f"json_output={str(json_output).lower()}",
                    "-o", "syslog_output.enabled=false", "-o", "webserver.enabled=false",
                    *map(str, arguments)]
        self.command = command
        self.json_output = json_output
        self.alerts = []
        self.lines = []  # stdout as it came, for text output
        self.messages = []
        self.losses = Losses()
        self.changed = threading.Condition()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=REPOSITORY, env={**os.environ, **(environment or {})})
        self.readers = [threading.Thread(target=self._read_stdout, daemon=True),
                        threading.Thread(target=self._read_stderr, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read_stdout(self):
        for raw in self.process.stdout:
            arrived = time.time()
            line = raw.decode(errors="surrogateescape").rstrip("\n")
            with self.changed:
                self.lines.append(line)
                if self.json_output and line.startswith("{"):
                    alert = Alert(json.loads(line))
                    alert.arrived = arrived
                    self.alerts.append(alert)
                self.changed.notify_all()

    def _read_stderr(self):
        for raw in self.process.stderr:
            with self.changed:
                self.messages.append(raw.decode(errors="replace").rstrip("\n"))
                self.losses.hear(self.messages[-1])
                self.changed.notify_all()

    @property
    def said(self):
        """All of stderr so far."""
        return "\n".join(self.messages)

    def wait_until(self, condition, what, timeout=PATIENCE):
        """Waits until condition() holds and answers its value."""
        with self.changed:
            value = self.changed.wait_for(
                lambda: condition() or self.process.poll() is not None, timeout)
            value = condition()
        if value:
            return value
        state = self.process.poll()
        state = "still runs" if state is None else f"ended with status {state}"
        raise AssertionError(f"{what}: did not come in {timeout} s; saker {state}; it said:\n"
                             f"{self.said}")

    def wait_ready(self):
        self.wait_until(lambda: any(READY.search(line) for line in self.messages), "the ready line")
        return self

    def mark(self):
        """A point in the alerts: pass it as `since` to look at later ones only."""
        with self.changed:
            return len(self.alerts)

    def find(self, rule=None, since=0, matching=None, **fields):
        """The alerts since a mark that fit; fields are written with _ for the dots."""
        wanted = {name.replace("_", "."): value for name, value in fields.items()}
        return [alert for alert in self.alerts[since:]
                if (rule is None or alert.rule == rule)
                and all(alert.fields.get(name) == value for name, value in wanted.items())
                and (matching is None or matching(alert))]

    def wait_for(self, rule, since=0, matching=None, timeout=PATIENCE, **fields):
        """The first alert that fits, waited for."""
        found = self.wait_until(lambda: self.find(rule, since, matching, **fields),
                                f"alert {rule!r} {fields or ''}", timeout)
        return found[0]

    def wait_quiet(self, seconds, since, matching=None):
        """Answers at once with the alerts when there are any, else with none after that time."""
        with self.changed:
            self.changed.wait_for(lambda: self.find(None, since, matching), seconds)
            return self.find(None, since, matching)

    def stop(self, number=signal.SIGINT):
        """Ends the program as a person would and answers its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"saker did not end on signal {number}") from None
        for reader in self.readers:
            reader.join(PATIENCE)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


class Scene:
    """Where one test acts: a directory of its own, and the processes that it ran there.

    Alerts are told apart from those of the rest of the machine by the pids of these processes or
    by the directory's name, which is unique.
    """

    counter = 0

    def __init__(self, monitor, act, directory):
        self.monitor = monitor
        self.act = str(act)
        self.directory = directory
        self.name = directory.name
        self.pids = set()
        self.children = []
        self.since = monitor.mark()
        self.undo = []

    def path(self, *parts):
        return str(self.directory.joinpath(*parts))

    def file(self, name, text="", mode=0o644):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def start(self, *command, **options):
        """Starts a process and remembers its pid; options are those of Popen."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.STDOUT)
        child = subprocess.Popen([str(part) for part in command], **options)
        self.pids.add(child.pid)
        self.children.append(child)
        return child

    def run(self, *command, ok=(0,), **options):
        """Runs a process to its end and answers its output."""
        child = self.start(*command, **options)
        output = child.communicate(timeout=60)[0]
        output = output.decode(errors="replace") if output else ""
        assert child.returncode in ok, f"{command} ended with {child.returncode}: {output}"
        return output

    def do(self, action, *arguments, ok=(0,), **options):
        """Runs an action of helpers/act.c."""
        return self.run(self.act, action, *arguments, ok=ok, **options)

    def target(self):
        """A process to look into: waits until it is told to end."""
        child = subprocess.Popen([self.act, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.children.append(child)
        child.stdout.readline()
        return child

    def is_ours(self, alert):
        fields = alert.fields
        if fields.get("proc.pid") in self.pids:
            return True
        return any(isinstance(value, str) and self.name in value for value in fields.values())

    def wait_for(self, rule, timeout=PATIENCE, **fields):
        try:
            return self.monitor.wait_for(rule, self.since, self.is_ours, timeout, **fields)
        except AssertionError as missing:
            others = self.monitor.find(None, self.since, self.is_ours)
            raise AssertionError("\n".join(
                [str(missing), f"other alerts of this test: {len(others)}",
                 *(f"{alert.rule}: {alert['output']}" for alert in others)])) from None

    def pass_by(self):
        """Returns when everything that happened before has been judged.

        It does something that must give an alert, and waits for that alert. Two of them, because
        a monitor may hand on what happened on two processors at nearly the same time in any order.
        """
        for _ in range(2):
            Scene.counter += 1
            path = self.file(f"sentinel-{os.getpid()}-{Scene.counter}")
            subprocess.run([self.act, "chmod", path, "4755"], check=True)
            self.monitor.wait_for("Setuid bit set", self.since, fs_path_name=path)

    def expect_none(self, rule=None):
        """Nothing that this test did gave an alert of that rule (of any rule: None)."""
        self.pass_by()
        found = [alert for alert in self.monitor.find(rule, self.since, self.is_ours)
                 if "sentinel-" not in str(alert.fields.get("fs.path.name"))]
        assert not found, "unexpected: " + "\n".join(alert["output"] for alert in found)

    def close(self):
        for child in self.children:
            if child.stdin:
                child.stdin.close()
            if child.poll() is None:
                try:
                    child.wait(2)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            if child.stdout:
                child.stdout.close()
        for step in reversed(self.undo):
            step()
