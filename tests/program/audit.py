# SPDX-License-Identifier: Apache-2.0
"""A monitor that audit events are posted to, for tests."""

import http.client
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import time

RULES = """
- rule: Numbered
  desc: of a test
  condition: ka.verb = create
  output: number=%ka.target.name id=%ka.auditid
  priority: INFO
  source: k8s_audit
"""

JSON = {"Content-Type": "application/json"}


def event(name, verb="create", **more):
    return {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": f"id-{name}",
            "stage": "ResponseComplete", "stageTimestamp": "2026-10-26T14:21:53.889736Z",
            "verb": verb, "objectRef": {"resource": "pods", "name": str(name)}, **more}


def event_list(events):
    return {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": events}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def config(params, init=None, rules_matching="all"):
    lines = ["json_output: true", f"rule_matching: {rules_matching}", "engine: {kind: nodriver}",
             "watch_config_files: false", "load_plugins: [k8saudit]", "plugins:",
             "  - name: k8saudit", "    library_path: libk8saudit.so",
             f"    open_params: {json.dumps(params)}"]
    if init:
        lines.append(f"    init_config: {json.dumps(init)}")
    return "\n".join(lines) + "\n"


class Hook:
    """A saker whose only source is a web hook; ends with the block."""

    def __init__(self, saker, rules=RULES, init=None, tls=False, prefix=(), preexec=None):
        self.saker = saker
        self.port = free_port()
        self.scheme = "https" if tls else "http"
        if isinstance(rules, str):
            rules = saker.file("rules.yaml", rules)
        command = saker.command("-r", rules, config=config(
            f"{self.scheme}://127.0.0.1:{self.port}/k8s-audit", init))
        self.out = open(saker.directory / "alerts.txt", "w+b")
        self.err = open(saker.directory / "log.txt", "w+b")
        self.child = subprocess.Popen([*prefix, *command], stdout=self.out, stderr=self.err,
                                      cwd=saker.directory, preexec_fn=preexec)

    def __enter__(self):
        self.wait_for(lambda: b"ready," in self.log_bytes(), "ready")
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.out.close()
        self.err.close()

    def log_bytes(self):
        return (self.saker.directory / "log.txt").read_bytes()

    def log(self):
        return self.log_bytes().decode()

    def wait_for(self, condition, what, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.child.poll() is None, f"saker has ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"not {what} in {seconds} s:\n{self.log()}"
            time.sleep(0.02)

    def connect(self, context=None, timeout=20):
        if self.scheme == "https":
            return http.client.HTTPSConnection("127.0.0.1", self.port, context=context,
                                               timeout=timeout)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def post(self, body, headers=None, path="/k8s-audit", method="POST", connection=None,
             context=None):
        """The status of the answer. body: bytes, or what JSON is made of."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        own = connection or self.connect(context)
        own.request(method, path, body, {**JSON, **(headers or {})})
        answer = own.getresponse()
        answer.read()
        if not connection:
            own.close()
        return answer.status

    def raw(self, data=b""):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        if data:
            s.sendall(data)
        return s

    def end(self):
        """Ends it as a service manager would; its exit status."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout=30)

    def alerts(self):
        lines = (self.saker.directory / "alerts.txt").read_text().splitlines()
        return [json.loads(line) for line in lines if line]

    def refused(self):
        """Counts by cause, of the log of its end."""
        found = re.search(r"k8s_audit: refused: (.*)", self.log()[self.log().rfind("accepted"):])
        return {name: int(n) for name, n in re.findall(r"(\w+) (\d+)", found.group(1))} \
            if found else {}

    def resident_mb(self):
        with open(f"/proc/{self.child.pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
