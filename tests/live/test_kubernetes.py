# SPDX-License-Identifier: Apache-2.0
"""Alerts name a pod, and what it belongs to, as a stand-in for an API server tells it.

The processes are the test's own, in a cgroup with the path that a kubelet would give it; no runtime
knows of the container.
"""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

import monitor as live
import runtimes
from conftest import demand_live
from runtimes import wait

sys.path.insert(0, str(live.REPOSITORY / "tests" / "unit" / "metadata"))
from kube_server import ApiServer, make_certificate, pod, thing  # noqa: E402

CGROUPS = Path("/sys/fs/cgroup")
if not (CGROUPS / "cgroup.controllers").exists():
    CGROUPS /= "cpu"

RULES = """
- rule: File read
  desc: whatever Kubernetes tells
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/hostname and container.id != host
  output: >
    %k8smeta.pod.name %k8smeta.pod.uid %k8smeta.pod.ip %k8smeta.pod.label[app] %k8smeta.pod.labels
    %k8smeta.ns.name %k8smeta.ns.label[team] %k8smeta.deployment.name %k8smeta.rs.name
    %k8smeta.svc.name %k8smeta.owner.kind %k8smeta.node.name %k8smeta.sa.name %k8smeta.metadata
    %k8s.pod.name %k8s.ns.name %k8s.pod.uid %k8s.deployment.name %k8s.svc.name %proc.cmdline
    %container.image.repository
  priority: NOTICE
- rule: Shop at work
  desc: what is asked for is told by Kubernetes alone
  condition: >
    evt.type in (open, openat, openat2) and fd.name = /etc/hostname and
    k8smeta.deployment.name = shop and k8smeta.ns.label[team] in (blue)
  output: "%proc.cmdline %k8smeta.pod.name"
  priority: NOTICE
- rule: Others at work
  desc: must not be taken for others before Kubernetes has told
  condition: >
    evt.type in (open, openat, openat2) and fd.name = /etc/hostname and container.id != host and
    not k8smeta.deployment.name = shop
  output: "%proc.cmdline %k8smeta.pod.name"
  priority: NOTICE
"""

CONFIG = """
plugins:
  - name: k8smeta
    library_path: libk8smeta.so
    init_config:
      collectorPort: 45000
      collectorHostname: localhost
      nodeName: "${{FALCO_K8S_NODE_NAME}}"
      verbosity: warning
      hostProc: /host
  - name: container
    library_path: libcontainer.so
    init_config: {{engines: {{docker: {{enabled: false}}, podman: {{enabled: false}},
                              containerd: {{enabled: false}}, cri: {{{cri}}}}}}}
load_plugins: [container, k8smeta]
rule_matching: all
webserver: {{enabled: false}}
container_metadata: {{wait_ms: {wait}}}
kubernetes_metadata:
  api_server: {url}
  ca_file: {ca}
  token_file: {token}
  requests_per_second: 1000
"""


@pytest.fixture
def directory(workshop):
    demand_live()
    path = workshop / f"kubernetes-{secrets.token_hex(4)}"
    path.mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def server(directory):
    if not shutil.which("openssl"):
        (pytest.fail if live.IN_CI else pytest.skip)("openssl is not installed", pytrace=False)
    certificate = make_certificate(directory)
    (directory / "token").write_text("secret\n")
    with ApiServer(certificate, token="secret") as server:
        server.certificate = certificate
        server.put("namespaces", thing("prod", labels={"team": "blue"}))
        deployment = server.put("deployments", thing("shop", "prod"))
        server.set = server.put("replicasets", thing("shop-5d8", "prod", owner=deployment))
        server.put("services", thing("shop-web", "prod", spec={"selector": {"app": "shop"}}))
        yield server


@contextlib.contextmanager
def start_monitor(directory, server, wait=10000, cri="enabled: false"):
    config = directory / "saker.yaml"
    config.write_text(CONFIG.format(url=server.url, ca=server.certificate[0], wait=wait, cri=cri,
                                    token=directory / "token"))
    rules = directory / "rules.yaml"
    rules.write_text(RULES)
    with live.Monitor("-c", config, rules=(rules,),
                      environment={"FALCO_K8S_NODE_NAME": "node-1"}) as running:
        running.wait_ready()
        running.wait_until(lambda: any("the API server answers" in m for m in running.messages),
                           "the API server's answer")
        yield running


@contextlib.contextmanager
def cgroup_of(uid):
    """A container's cgroup in that pod, as a kubelet with the cgroupfs driver makes it."""
    top = CGROUPS / "kubepods-saker-test"
    path = top / f"pod{uid}" / secrets.token_hex(32)
    made = [p for p in (top, path.parent, path) if not p.exists()]
    for step in made:
        step.mkdir()
    try:
        yield path
    finally:
        for step in reversed(made):
            with contextlib.suppress(OSError):
                step.rmdir()


def run_in(cgroup):
    """Reads a file in that cgroup: a shell enters it, and becomes the program."""
    subprocess.run(["/bin/sh", "-c", f"echo $$ > {cgroup}/cgroup.procs && exec cat /etc/hostname"],
                   check=True, stdout=subprocess.DEVNULL)


def shop_pod(server, name="shop-5d8-a"):
    return pod(name, "prod", labels={"app": "shop"}, owner=server.set, ip="10.9.8.7",
               account="keeper")


WANT = {
    "k8smeta.pod.ip": "10.9.8.7", "k8smeta.pod.label[app]": "shop",
    "k8smeta.ns.name": "prod", "k8smeta.ns.label[team]": "blue",
    "k8smeta.deployment.name": "shop", "k8smeta.rs.name": "shop-5d8",
    "k8smeta.owner.kind": "Deployment", "k8smeta.node.name": "node-1", "k8smeta.sa.name": "keeper",
    "k8smeta.metadata": "complete", "k8s.ns.name": "prod", "k8s.deployment.name": "shop",
    "k8s.svc.name": "shop-web",
}


def test_alerts_name_what_the_pod_belongs_to(directory, server):
    it = server.put("pods", shop_pod(server))
    uid = it["metadata"]["uid"]
    with start_monitor(directory, server) as running, cgroup_of(uid) as cgroup:
        run_in(cgroup)
        alert = running.wait_for("File read", k8smeta_pod_uid=uid)
        want = WANT | {"k8smeta.pod.name": "shop-5d8-a", "k8s.pod.name": "shop-5d8-a",
                       "k8s.pod.uid": uid, "k8smeta.pod.labels": ["app:shop"],
                       "k8smeta.svc.name": ["shop-web"]}
        assert {field: alert.fields[field] for field in want} == want
        running.wait_for("Shop at work", k8smeta_pod_name="shop-5d8-a")
        assert not running.find("Others at work")


def test_the_first_event_waits_for_its_pod(directory, server):
    """The pod comes when the process has long ended."""
    it = shop_pod(server, "late")
    uid = it["metadata"]["uid"]
    with start_monitor(directory, server) as running, cgroup_of(uid) as cgroup:
        run_in(cgroup)
        assert not running.wait_quiet(0.3, 0)
        server.put("pods", it)
        alert = running.wait_for("File read", k8smeta_pod_uid=uid)
        assert {field: alert.fields[field] for field in WANT} == WANT
        running.wait_for("Shop at work", k8smeta_pod_name="late")
        assert not running.find("Others at work")
        running.stop()
        assert "Pods: 1 asked for, 1 told of, 0 told of too late" in running.said


def test_a_pod_that_is_never_told_of_is_waited_for_so_long_only(directory, server):
    uid = str(uuid.uuid4())
    with start_monitor(directory, server, wait=300) as running, cgroup_of(uid) as cgroup:
        run_in(cgroup)
        alert = running.wait_for("File read", k8s_pod_uid=uid)
        assert alert.fields["k8smeta.metadata"] == "incomplete"
        assert alert.fields["k8smeta.pod.name"] is None
        assert alert["output"].endswith("pod_metadata=incomplete")
        running.wait_for("Others at work")
        assert not running.find("Shop at work")


def test_nobody_waits_for_a_server_that_is_gone(directory, server):
    uid = str(uuid.uuid4())
    with start_monitor(directory, server, wait=60000) as running, cgroup_of(uid) as cgroup:
        server.manner["."] = "hang up"
        server.cut()
        running.wait_until(lambda: any("kubernetes: " in m and "answers" not in m and
                                       "collector" not in m for m in running.messages),
                           "the error")
        run_in(cgroup)
        alert = running.wait_for("File read", k8s_pod_uid=uid)
        assert "incomplete" not in alert["output"]
        # It comes back.
        it = shop_pod(server, "again")
        server.put("pods", it)
        del server.manner["."]
        with cgroup_of(it["metadata"]["uid"]) as other:
            running.wait_until(lambda: sum("the API server answers" in m for m in running.messages) == 2,
                               "the API server's answer")
            run_in(other)
            running.wait_for("Shop at work", k8smeta_pod_name="again")


def test_what_is_told_later_counts_for_processes_that_run(directory, server):
    """Neither what is remembered of a process nor what the kernel was told of it stays."""
    it = shop_pod(server, "later")
    uid = it["metadata"]["uid"]
    with start_monitor(directory, server, wait=100) as running, cgroup_of(uid) as cgroup:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", f"echo $$ > {cgroup}/cgroup.procs; exec /bin/sh -c "
             "'while read line; do read name < /etc/hostname; done'"], stdin=subprocess.PIPE)
        try:
            def read_file(wanted, count):
                end = time.monotonic() + live.PATIENCE
                while len(running.find(wanted)) < count:
                    assert time.monotonic() < end, f"{wanted}: did not come"
                    shell.stdin.write(b"go\n")
                    shell.stdin.flush()
                    time.sleep(0.05)
            read_file("Others at work", 20)
            assert not running.find("Shop at work")
            server.put("pods", it)
            read_file("Shop at work", 20)
            # And it may become another one's.
            it["metadata"]["labels"] = {"app": "other"}
            del it["metadata"]["ownerReferences"]
            server.put("pods", it)
            count = len(running.find("Others at work"))
            read_file("Others at work", count + 20)
        finally:
            shell.kill()
            shell.wait()


def test_pods_in_flight_keep_their_alerts(directory, server):
    """Many pods, each of which comes to life while its process runs already."""
    with start_monitor(directory, server) as running, contextlib.ExitStack() as stack:
        pods = [shop_pod(server, f"many-{i}") for i in range(40)]
        cgroups = [stack.enter_context(cgroup_of(it["metadata"]["uid"])) for it in pods]
        teller = threading.Thread(target=lambda: [server.put("pods", it) for it in pods])
        teller.start()
        for cgroup in cgroups:
            run_in(cgroup)
        teller.join()
        for it in pods:
            running.wait_for("Shop at work", k8smeta_pod_name=it["metadata"]["name"])
        assert len(running.find("Shop at work")) == 40
        assert not running.find("Others at work")


def test_a_runtimes_label_leads_to_the_pod(directory, server):
    """A real container, whose runtime tells of its image, and Kubernetes of its owner."""
    if runtimes.Cri.missing():
        (pytest.fail if live.IN_CI else pytest.skip)(
            f"not installed: {runtimes.Cri.missing()}", pytrace=False)
    it = shop_pod(server, "pod-shop")
    it["metadata"]["uid"] = "uid-of-pod-shop"
    server.put("pods", it)
    work = directory.with_name(directory.name + "-runtime")
    try:
        with runtimes.Cri(work) as runtime, start_monitor(
                directory, server, cri=f"sockets: [{runtime.socket}]") as running:
            running.wait_until(lambda: any("containers: cri answers" in m
                                           for m in running.messages), "the runtime's answer")
            runtime.run("shop", "cat /etc/hostname; sleep 1")
            alert = running.wait_for("File read", k8smeta_pod_uid="uid-of-pod-shop")
            want = {"k8s.pod.name": "pod-shop", "k8smeta.deployment.name": "shop",
                    "k8smeta.metadata": "complete", "k8s.deployment.name": "shop",
                    "container.image.repository": runtime.image}
            assert {field: alert.fields[field] for field in want} == want
            running.wait_for("Shop at work", k8smeta_pod_name="pod-shop")
            assert not running.find("Others at work")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def memory(process):
    """KiB: what is resident now, and at most so far."""
    status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return tuple(next(int(line.split()[1]) for line in status if line.startswith(name))
                 for name in ("VmRSS:", "VmHWM:"))


def cpu_seconds(process):
    """Of the thread that asks Kubernetes."""
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        if (task / "comm").read_text() == "kubernetes\n":
            stat = (task / "stat").read_text().rsplit(")", 1)[1].split()
            return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    raise AssertionError("there is no such thread")


def test_an_hour_of_a_large_node_takes_20_megabytes(directory, server):
    """500 pods on the node, and 10,000 that start and end, half of them of jobs of their own."""
    with start_monitor(directory, server) as running:
        before = memory(running.process)[0]
        for i in range(50):
            server.put("namespaces", thing(f"ns-{i}", labels={"team": f"team-{i}"}))
            for j in range(10):
                server.put("services", thing(f"svc-{j}", f"ns-{i}", {"app": "x" * 40},
                                             spec={"selector": {"app": f"app-{j}"}}))
        labels = {f"example.org/label-{n}": "x" * 40 for n in range(12)}
        for i in range(500):
            namespace = f"ns-{i % 50}"
            deployment = server.put("deployments", thing(f"app-{i}", namespace, labels))
            owner = server.put("replicasets", thing(f"app-{i}-5d8", namespace, labels, deployment))
            server.put("pods", pod(f"app-{i}-5d8-x", namespace, owner=owner, filling=8000,
                                   labels=labels | {"app": f"app-{i % 10}"}))
        last = server.put("pods", shop_pod(server, "last"))
        with cgroup_of(last["metadata"]["uid"]) as cgroup:
            run_in(cgroup)
            running.wait_for("Shop at work", k8smeta_pod_name="last", timeout=120)
        settled = memory(running.process)[0]
        for i in range(10000):
            namespace = f"ns-{i % 50}"
            owner = server.set
            if i % 2:
                owner = thing(f"job-{i}", namespace)
                owner = server.put("jobs", owner)
            else:
                namespace = "prod"
            it = server.put("pods", pod(f"pod-{i}", namespace, owner=owner, filling=8000, ip="",
                                        labels=labels, phase="Pending"))
            it["status"] = {"phase": "Running", "podIP": "10.1.2.3"}
            server.put("pods", it)
            server.delete("pods", it)
            if i % 2:
                server.delete("jobs", owner)
            if i % 500 == 0:
                wait(lambda: server.told >= server.history[-1][0], "what was told")
                del server.history[:], server.asked[:]
        end = server.put("pods", shop_pod(server, "end"))
        with cgroup_of(end["metadata"]["uid"]) as cgroup:
            run_in(cgroup)
            running.wait_for("Shop at work", k8smeta_pod_name="end", timeout=120)
        after, most = memory(running.process)
        print(f"KiB: {before} before, {settled} with 500 pods, {after} after 10,000 starts, "
              f"{most} at most; {cpu_seconds(running.process)} s of CPU")
        assert most - before < 20 * 1024
        running.stop()
        assert int(re.search(r"(\d+) events of watches, 0 errors", running.said)[1]) > 30000
        assert "could not be remembered" not in running.said, running.said
