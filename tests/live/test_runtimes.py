# SPDX-License-Identifier: Apache-2.0
"""Alerts name the container, its image and its pod, whichever runtime made it, from its first
event on."""

import json
import shutil

import pytest

import monitor as live
import runtimes
from conftest import WORKSHOP, demand_live

RULES = """
- rule: Shadow read
  desc: in a container
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/shadow and container.id != host
  output: >
    %container.name %container.image.repository %container.image.tag %container.type
    %container.metadata %container.label[part] %k8s.pod.name %k8s.ns.name %k8s.pod.uid
    %k8s.pod.label[app] %k8s.pod.full_sandbox_id %proc.name %proc.cmdline %user.name %group.name
  priority: WARNING
- rule: Shell of the team's image
  desc: what is asked for is told by the runtime alone
  condition: >
    evt.type in (execve, execveat) and proc.name = sh and container.image.repository = example.org/team/box
  output: "%container.name %proc.cmdline %container.metadata"
  priority: NOTICE
- rule: Shell of another image
  desc: must not be taken for one before the runtime has told
  condition: >
    evt.type in (execve, execveat) and proc.name = sh and container.id != host and
    not container.image.repository = example.org/team/box
  output: "%container.name %proc.cmdline %container.metadata"
  priority: NOTICE
"""

CONFIG = """
plugins:
  - name: container
    library_path: libcontainer.so
    init_config:
      hooks: [{hooks}]
      engines:
        docker: {{enabled: true, sockets: [{docker}]}}
        podman: {{enabled: true, sockets: [{podman}]}}
        containerd: {{enabled: true, sockets: [{containerd}]}}
        cri: {{enabled: true, sockets: [{cri}]}}
load_plugins: [container]
rule_matching: all
webserver: {{enabled: false}}
container_metadata: {{wait_ms: {wait_ms}}}
"""

KINDS = {"docker": runtimes.Docker, "podman": runtimes.Podman, "containerd": runtimes.Containerd,
         "cri": runtimes.Cri}


@pytest.fixture(scope="module", params=KINDS)
def runtime(request):
    demand_live()
    kind = KINDS[request.param]
    if kind.missing():
        (pytest.fail if live.IN_CI else pytest.skip)(f"not installed: {kind.missing()}",
                                                     pytrace=False)
    directory = WORKSHOP / f"runtime-{request.param}"
    try:
        with kind(directory) as running:
            running.name = request.param
            yield running
    finally:
        shutil.rmtree(directory, ignore_errors=True)


# A busy machine's runtimes may take longer than half a second.
def start_monitor(runtime, hooks="create", wait_ms=10000, arguments=()):
    sockets = {name: "/nonexistent/sock" for name in KINDS}
    sockets[runtime.name] = runtime.socket
    config = runtime.directory / "saker.yaml"
    config.write_text(CONFIG.format(hooks=hooks, wait_ms=wait_ms, **sockets))
    rules = runtime.directory / "rules.yaml"
    rules.write_text(RULES)
    return live.Monitor("-c", config, *arguments, rules=(rules,))


def wait_answers(running):
    running.wait_until(lambda: any("answers at" in line for line in running.messages),
                       "the runtime's answer")


@pytest.mark.parametrize("hooks", ["create", ""], ids=["told", "asked"])
def test_alerts_name_container_and_image(runtime, hooks):
    name = f"shop-{hooks or 'asked'}"
    with start_monitor(runtime, hooks) as running:
        running.wait_ready()
        wait_answers(running)
        # It stays for a moment, so that its files can be read.
        want = runtime.run(name, "cat /etc/shadow; sleep 1")
        alert = running.wait_for("Shadow read", container_name=name)
        want |= {"container.image.repository": runtime.image, "container.image.tag": runtime.tag,
                 "container.type": runtime.kind, "container.metadata": "complete",
                 "user.name": runtimes.USER, "group.name": runtimes.GROUP}
        if runtime.name != "containerd":
            want["container.label[part]"] = "front"
        assert {field: alert.fields[field] for field in want} == want
        shell = running.wait_for("Shell of the team's image", container_name=name)
        assert running.alerts.index(shell) < running.alerts.index(alert)
        assert not running.find("Shell of another image", container_name=name)
        assert not running.find("Shell of another image", container_name=None)


@pytest.mark.parametrize("runtime", ["docker", "cri"], indirect=True)
def test_a_recording_knows_what_was_told_when_it_was_made(runtime):
    """The alerts of its replay are those of the live run, with names, images, pods and users."""
    capture = runtime.directory / "out.scap"
    with start_monitor(runtime, "", arguments=("-w", capture)) as running:
        running.wait_ready()
        wait_answers(running)
        for i in range(2):
            runtime.run(f"taped-{i}", "cat /etc/shadow; sleep 1")
        running.wait_for("Shadow read", container_name="taped-1")
        assert running.stop() == 0
        alerts = list(running.alerts)
    done = runtimes.run(live.PROGRAM, "replay", "-c", runtime.directory / "saker.yaml",
                        "-o", "json_output=true", "-o", "syslog_output.enabled=false",
                        "-r", runtime.directory / "rules.yaml", capture)
    replayed = [json.loads(line) for line in done.splitlines()]
    assert [alert["output"] for alert in replayed] == [alert["output"] for alert in alerts]
    assert [alert["output_fields"] for alert in replayed] == [a["output_fields"] for a in alerts]
    capture.unlink()


# In the default half second, which a busy machine's Podman may need more of.
@pytest.mark.parametrize("runtime,count", [("containerd", 200), ("docker", 20), ("cri", 20)],
                         indirect=["runtime"])
def test_short_containers_have_complete_alerts(runtime, count):
    with start_monitor(runtime, "", wait_ms=500) as running:
        running.wait_ready()
        wait_answers(running)
        for i in range(count):
            runtime.run(f"short-{i}", "exit 0")
        running.wait_until(lambda: len(running.find("Shell of the team's image")) >= count,
                           f"{count} alerts", 30)
        alerts = running.find("Shell of the team's image")
        names = [alert.fields["container.name"] for alert in alerts]
        assert names == [f"short-{i}" for i in range(count)]
        assert {alert.fields["container.metadata"] for alert in alerts} == {"complete"}
        assert not running.find("Shell of another image")
