#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client of Kubernetes against a stand-in for an API server: test_kube.py CLIENT [TEST...].

CLIENT is kube_client.c, built. Prints TAP.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from kube_server import ApiServer, make_certificate, pod, thing

PATIENCE = 20  # seconds
CLIENT = Path(sys.argv[1]).resolve()


class Skipped(Exception):
    """A test that cannot run here."""


class Client:
    """A running client. What it has told of each pod is in `pods`, by the pod's name."""

    def __init__(self, server, **options):
        options = {"api_server": server.url, **options}
        self.process = subprocess.Popen(
            [CLIENT, *(f"{name}={value}" for name, value in options.items())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.changed = threading.Condition()
        self.pods, self.told, self.answers, self.said = {}, 0, [], ""
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._hear, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for raw in self.process.stdout:
            line = json.loads(raw)
            with self.changed:
                if "pod" in line:
                    self.told += 1
                    self.pods[line["pod"]["name"]] = line["pod"]
                elif "gone" in line:
                    self.pods = {name: it for name, it in self.pods.items()
                                 if it["key"] != line["gone"]}
                else:
                    self.answers.append(line)
                self.changed.notify_all()

    def _hear(self):
        for raw in self.process.stderr:
            with self.changed:
                self.said += raw.decode()
                self.changed.notify_all()

    def wait(self, condition, what):
        end = time.monotonic() + PATIENCE
        with self.changed:
            while not condition():
                left = end - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    raise AssertionError(f"{what}: did not come; pods: {list(self.pods.values())}"
                                         f"\n{self.said}")
                self.changed.wait(min(left, 0.05))

    def wait_for(self, name, what="", **values):
        """The pod, once it is complete and has those values."""
        def is_there():
            it = self.pods.get(name)
            return it and it["complete"] and all(it.get(k) == v for k, v in values.items())
        self.wait(is_there, f"pod {name} {values} {what}")
        return self.pods[name]

    def wait_gone(self, name):
        self.wait(lambda: name not in self.pods, f"end of pod {name}")

    def request(self, line):
        with self.changed:
            count = len(self.answers)
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        self.wait(lambda: len(self.answers) > count, f"answer to {line}")
        return self.answers[count]

    def counters(self):
        return self.request("counters")["counters"]

    def wait_counter(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition(counters := self.counters()):
            if time.monotonic() > end:
                raise AssertionError(f"{what}: {counters}\n{self.said}")
            time.sleep(0.02)
        return counters

    def wait_up(self):
        return self.wait_counter(lambda c: c["is_up"], "it is up")

    def memory(self, name="VmRSS"):
        """KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))

    def stop(self):
        if self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(b"quit\n")
                self.process.stdin.flush()
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the client does not end") from None
        for reader in self.readers:
            reader.join()
        assert status == 0, f"the client ended with {status}:\n{self.said}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
            self.process.wait()
        else:
            self.stop()


def shop(server, namespace="prod", name="shop"):
    """A deployment with its set, in a namespace with a service; answers the set."""
    server.put("namespaces", thing(namespace, labels={"team": "blue"}))
    deployment = server.put("deployments", thing(name, namespace, {"app": name}))
    server.put("services", thing(f"{name}-web", namespace, {"kind": "web"},
                                 spec={"selector": {"app": name}}))
    server.put("services", thing("other", namespace, spec={"selector": {"app": "other"}}))
    server.put("services", thing("without", namespace, spec={}))
    return server.put("replicasets", thing(f"{name}-5d8", namespace,
                                           {"pod-template-hash": "5d8"}, deployment))


def a_pod(server, name="shop-5d8-a", **options):
    owner = shop(server)
    return server.put("pods", pod(name, "prod", labels={"app": "shop", "pod-template-hash": "5d8"},
                                  owner=owner, **options))


def all_is_told_that_a_pod_belongs_to():
    with ApiServer() as server:
        it = a_pod(server, account="keeper", ip="10.2.3.4")
        server.put("pods", pod("elsewhere", node="node-2"))
        server.put("pods", pod("ended", phase="Succeeded"))
        with Client(server) as client:
            told = client.wait_for("shop-5d8-a")
            assert told["key"] == told["uid"] == it["metadata"]["uid"]
            assert (told["ns"], told["node"], told["account"], told["ip"]) == \
                ("prod", "node-1", "keeper", "10.2.3.4")
            assert told["labels"] == {"app": "shop", "pod-template-hash": "5d8"}
            assert told["Namespace"]["labels"] == {"team": "blue"}
            assert told["ReplicaSet"]["name"] == "shop-5d8"
            assert told["Deployment"]["labels"] == {"app": "shop"}
            assert (told["owner_kind"], told["owner"]["name"]) == ("Deployment", "shop")
            assert [s["name"] for s in told["services"]] == ["shop-web"]
            assert told["services"][0]["labels"] == {"kind": "web"}
            assert set(client.pods) == {"shop-5d8-a"}


def owners_of_every_kind_are_told():
    with ApiServer() as server:
        server.put("namespaces", thing("default"))
        cron = server.put("cronjobs", thing("nightly", "default"))
        owners = {
            "daemonsets": thing("agent", "default"), "statefulsets": thing("db", "default"),
            "replicationcontrollers": thing("old", "default"),
            "jobs": thing("nightly-1", "default", owner=cron)}
        for resource, it in owners.items():
            server.put("pods", pod(f"of-{resource}", owner=server.put(resource, it)))
        foreign = thing("x", "default")
        foreign["kind"] = "Job"
        strange = pod("strange", owner=foreign)
        strange["metadata"]["ownerReferences"][0]["apiVersion"] = "batch.volcano.sh/v1alpha1"
        server.put("pods", strange)
        server.put("pods", pod("alone"))
        with Client(server) as client:
            assert client.wait_for("of-daemonsets")["DaemonSet"]["name"] == "agent"
            assert client.wait_for("of-statefulsets")["StatefulSet"]["name"] == "db"
            told = client.wait_for("of-replicationcontrollers")
            assert told["ReplicationController"]["name"] == "old"
            told = client.wait_for("of-jobs")
            assert (told["Job"]["name"], told["CronJob"]["name"], told["owner_kind"]) == \
                ("nightly-1", "nightly", "CronJob")
            told = client.wait_for("strange")
            assert told["owner_kind"] == "Job.batch.volcano.sh" and "Job" not in told
            assert client.wait_for("alone")["owner_kind"] == ""
            assert server.count("volcano|/jobs/x") == 0


def changes_are_told_as_they_come():
    with ApiServer() as server:
        server.put("namespaces", thing("prod"))
        with Client(server) as client:
            client.wait_up()
            it = a_pod(server, ip="")
            client.wait_for("shop-5d8-a", ip="")
            it["status"]["podIP"] = "10.0.0.7"
            server.put("pods", it)
            client.wait_for("shop-5d8-a", ip="10.0.0.7")
            told = client.told
            it["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
            server.put("pods", it)
            job = server.put("pods", pod("job"))
            client.wait_for("job")
            assert client.told == told + 2, "what has not changed is not told again"
            server.delete("pods", it)
            client.wait_gone("shop-5d8-a")
            job["status"]["phase"] = "Failed"
            server.put("pods", job)
            client.wait_gone("job")
            assert server.count(r"pods\?") == 2, "one list, one watch"
            assert client.counters()["errors"] == 0


def long_lists_come_in_pages():
    with ApiServer() as server:
        server.put("namespaces", thing("default"))
        for i in range(450):
            server.put("pods", pod(f"p-{i}"))
        with Client(server) as client:
            client.wait(lambda: len(client.pods) == 450, "all pods")
            assert server.count(r"pods\?.*continue=") == 2


def a_list_that_expires_between_pages_is_begun_anew():
    with ApiServer() as server:
        server.put("namespaces", thing("default"))
        for i in range(250):
            server.put("pods", pod(f"p-{i}"))
        server.manner["continue="] = (410, "the continue parameter is too old")
        with Client(server) as client:
            client.wait(lambda: "too old" in client.said, "the reason")
            del server.manner["continue="]
            client.wait(lambda: len(client.pods) == 250, "all pods")


def static_pods_are_known_by_the_hash_of_their_file():
    with ApiServer() as server:
        server.put("namespaces", thing("kube-system"))
        it = pod("etcd-node-1", "kube-system")
        it["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "ab" * 16}
        it["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": "node-1",
                                              "uid": "n", "controller": True}]
        it = server.put("pods", it)
        with Client(server) as client:
            told = client.wait_for("etcd-node-1")
            assert told["key"] == "ab" * 16 and told["uid"] == it["metadata"]["uid"]
            assert told["owner_kind"] == "Node"
            # Nobody takes another pod's place by an annotation.
            victim = server.put("pods", pod("victim", "kube-system"))
            client.wait_for("victim")
            for mirror in (victim["metadata"]["uid"], "ab" * 16):
                liar = pod("liar", "kube-system")
                liar["metadata"]["annotations"] = {"kubernetes.io/config.mirror": mirror}
                liar = server.put("pods", liar)
                client.wait_for("liar", key=liar["metadata"]["uid"])


def watches_that_end_go_on_where_they_were():
    with ApiServer() as server:
        server.manner["watch seconds"] = 0.3
        server.put("namespaces", thing("default"))
        with Client(server) as client:
            client.wait_up()
            for i in range(4):
                server.put("pods", pod(f"p-{i}"))
                client.wait_for(f"p-{i}")
                watches = server.count("watch=1")
                client.wait(lambda: server.count("watch=1") > watches, "another watch")
            assert client.counters()["lists"] == 1


def bookmarks_say_where_to_go_on():
    with ApiServer() as server:
        server.manner["bookmark seconds"] = 0.1
        server.put("namespaces", thing("default"))
        with Client(server) as client:
            client.wait_up()
            # Of what happens elsewhere nothing is heard but bookmarks.
            for i in range(5):
                server.put("pods", pod(f"elsewhere-{i}", node="node-2"))
            version = server.version
            client.wait_counter(lambda c: c["bookmarks"] >= 2, "bookmarks")
            server.oldest = version
            server.cut()
            client.wait(lambda: server.count("watch=1") >= 2, "another watch")
            assert f"resourceVersion={version}" in server.asked[-1], server.asked[-1]
            counters = client.wait_up()
            assert (counters["lists"], counters["gone"]) == (1, 0), counters


def what_is_forgotten_is_listed_again():
    """410 at the begin of a watch: pods that are gone meanwhile are found out."""
    with ApiServer() as server:
        server.put("namespaces", thing("default"))
        stays, goes = server.put("pods", pod("stays")), server.put("pods", pod("goes"))
        with Client(server) as client:
            client.wait_for("stays")
            client.wait_for("goes")
            server.manner["pods"] = "hang up"
            server.cut()
            client.wait_counter(lambda c: not c["is_up"], "it is down")
            assert set(client.pods) == {"stays", "goes"}, "what is known stays"
            server.delete("pods", goes)
            server.put("pods", pod("comes"))
            server.compact()
            del server.manner["pods"]
            client.wait_for("comes")
            client.wait_gone("goes")
            client.wait_for("stays", key=stays["metadata"]["uid"])
            counters = client.wait_up()
            assert (counters["lists"], counters["gone"]) == (2, 1), counters
            lists = [path for path in server.asked if "limit=" in path and "/pods" in path]
            assert "resourceVersion=0" in lists[0]
            assert "resourceVersion" not in lists[-1], "the newest is asked for"


def what_is_forgotten_during_a_watch_is_listed_again():
    with ApiServer() as server:
        server.manner["gone in the midst"] = True
        server.put("namespaces", thing("default"))
        with Client(server) as client:
            client.wait_up()
            server.compact()
            server.put("pods", pod("late"))
            client.wait_for("late")
            counters = client.counters()
            assert counters["gone"] == 1 and counters["errors"] == 0, counters


def a_server_that_forgets_all_at_once_is_not_asked_all_the_time():
    with ApiServer() as server:
        server.put("namespaces", thing("default"))
        server.manner["watch=1"] = (410, "too old")
        with Client(server) as client:
            client.wait_counter(lambda c: c["gone"] >= 3, "three times")
            begin = client.counters()["requests"]
            time.sleep(1)
            assert client.counters()["requests"] - begin < 10
            del server.manner["watch=1"]
            server.put("pods", pod("a"))
            client.wait_for("a")


def a_server_that_comes_back_is_found():
    with ApiServer() as server:
        a_pod(server)
        server.manner["."] = "hang up"
        with Client(server) as client:
            client.wait(lambda: client.said, "an error")
            client.wait_counter(lambda c: c["errors"] >= 3, "errors")
            assert client.said.count("\n") == 1, f"an error is told once: {client.said}"
            assert client.request("ask x") == {"asked": False}, "nobody waits for it"
            del server.manner["."]
            client.wait_for("shop-5d8-a")
            assert client.request("ask x") == {"asked": True}


def demand_openssl():
    if not shutil.which("openssl") and os.environ.get("CI") != "true":
        raise Skipped("openssl is not installed")


def the_token_is_read_again():
    demand_openssl()
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        certificate = make_certificate(directory)
        token = directory / "token"
        token.write_text("first\n")
        with ApiServer(certificate, token="first") as server:
            a_pod(server)
            with Client(server, ca_file=certificate[0], token_file=token) as client:
                client.wait_for("shop-5d8-a")
                server.token = "second"
                server.cut()
                client.wait(lambda: "Unauthorized" in client.said, "the refusal")
                token.write_text("second\n")
                server.put("pods", pod("next"))
                server.put("namespaces", thing("default"))
                client.wait_for("next")


def certificates_are_checked():
    demand_openssl()
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        certificate = make_certificate(directory)
        other = make_certificate(directory, "other")
        token = directory / "token"
        token.write_text("secret\n")
        with ApiServer(certificate, token="secret") as server:
            a_pod(server)
            with Client(server, ca_file=other[0], token_file=token) as client:
                client.wait(lambda: "certificate" in client.said, "the reason")
                assert not server.asked, "nothing was asked, and no token told"
            with Client(server, ca_file=other[0], token_file=token,
                        is_insecure="true") as client:
                client.wait_for("shop-5d8-a")
    with tempfile.TemporaryDirectory() as directory:
        certificate = make_certificate(Path(directory), address="127.0.0.2")
        with ApiServer(certificate) as server:
            with Client(server, ca_file=certificate[0]) as client:
                client.wait(lambda: client.said, "the reason")
                assert not server.asked, "it is another server's certificate"


def without_tls_no_token_is_told():
    with tempfile.TemporaryDirectory() as directory:
        token = Path(directory) / "token"
        token.write_text("secret\n")
        with ApiServer(token="secret") as server:
            with Client(server, token_file=token) as client:
                client.wait(lambda: "Unauthorized" in client.said, "the refusal")


def what_nobody_may_know_is_left_out():
    with ApiServer() as server:
        a_pod(server)
        server.manner["replicasets|services"] = (403, "forbidden: may not get it")
        with Client(server) as client:
            told = client.wait_for("shop-5d8-a")
            assert told["ReplicaSet"]["name"] == "shop-5d8" and not told["services"]
            assert (told["owner_kind"], told["owner"]["name"]) == ("Deployment", "shop"), \
                "sets are named by their deployment"
            assert told["Deployment"]["labels"] == {"app": "shop"}
            server.put("pods", pod("second", "prod", owner=server.put(
                "replicasets", thing("set-2", "prod"))))
            client.wait_for("second")
            assert server.count("replicasets/set-2") == 0, "it is not asked again and again"
            assert client.said.count("replicasets are not told") == 1, client.said


def owners_that_are_not_there_are_no_error():
    with ApiServer() as server:
        gone = thing("gone", "default")
        gone["kind"] = "Job"
        server.put("pods", pod("a", owner=gone))
        other = server.put("daemonsets", thing("again", "default"))
        of_other = pod("b", owner=other)
        of_other["metadata"]["ownerReferences"][0]["uid"] = "an older one"
        server.put("pods", of_other)
        with Client(server) as client:
            assert client.wait_for("a")["Job"]["uid"] == gone["metadata"]["uid"]
            told = client.wait_for("b")["DaemonSet"]
            assert told["uid"] == "an older one" and not told["labels"]
            assert client.counters()["errors"] == 0


def objects_that_change_are_seen():
    with ApiServer() as server:
        a_pod(server)
        with Client(server, refresh_s=1) as client:
            client.wait_for("shop-5d8-a")
            server.put("namespaces", thing("prod", labels={"team": "red"}))
            server.put("services", thing("second", "prod", spec={"selector": {"app": "shop"}}))
            client.wait(lambda: client.pods["shop-5d8-a"]["Namespace"]["labels"] ==
                        {"team": "red"}, "the namespace's label")
            client.wait(lambda: [s["name"] for s in client.pods["shop-5d8-a"]["services"]] ==
                        ["second", "shop-web"], "the service")
            assert server.count("replicasets/") == 1, "sets do not change"


def errors_of_owners_are_tried_again():
    with ApiServer() as server:
        a_pod(server)
        server.manner["deployments"] = (500, "etcd is away")
        with Client(server) as client:
            client.wait(lambda: "shop-5d8-a" in client.pods, "the pod, by itself")
            client.wait(lambda: "etcd is away" in client.said, "the error")
            assert not client.pods["shop-5d8-a"]["complete"]
            server.put("pods", pod("beside"))
            client.wait(lambda: "beside" in client.pods, "the watch goes on")
            del server.manner["deployments"]
            client.wait_for("shop-5d8-a")


def requests_are_limited():
    with ApiServer() as server:
        for i in range(40):
            server.put("namespaces", thing(f"ns-{i}"))
            server.put("pods", pod(f"p-{i}", f"ns-{i}"))
        with Client(server, requests_per_second=4) as client:
            client.wait(lambda: len(client.pods) == 40, "all pods, whatever they lack")
            client.wait_counter(lambda c: c["requests"] >= 20, "the first at once")
            before, begin = client.counters()["requests"], time.monotonic()
            time.sleep(1.5)
            count = client.counters()["requests"] - before
            assert count <= 4 * (time.monotonic() - begin) + 4, count
            # One that somebody waits for is told before those that came before it.
            lacking = [name for name, it in client.pods.items() if not it["complete"]]
            client.request(f"ask {client.pods[lacking[-1]]['key']}")
            client.wait(lambda: client.pods[lacking[-1]]["complete"], "the one asked for")
            left = sum(not it["complete"] for it in client.pods.values())
            assert left >= len(lacking) - 8, (left, len(lacking))


def who_asks_too_often_is_heard():
    """429: not before the server wants to be asked again."""
    with ApiServer() as server:
        a_pod(server)
        refused = []
        plain = server.refuse
        server.refuse = lambda request, status, message: plain(
            request, status, message, Retry_After="2") or refused.append(time.monotonic())
        server.manner["limit="] = (429, "too many requests")
        with Client(server) as client:
            client.wait(lambda: refused, "the refusal")
            del server.manner["limit="]
            client.wait_for("shop-5d8-a")
            assert len(refused) == 1 and time.monotonic() - refused[0] >= 1.9


def bad_answers_are_told_once_and_do_no_harm():
    manners = {
        "hang": "nothing",
        "large": "larger than",
        b"{": "ends before its end",
        b"[]": "no JSON object",
        b"garbage": "no JSON object",
        b'{"items":[1]}': "an item of the list is no object",
        b'{"items":[{"a":}],"metadata":{"resourceVersion":"1"}}': "broken JSON",
        b'{"items":[{"metadata":{"name":"x"}}],"metadata":{"resourceVersion":"1"}}':
            "without uid, name or namespace",
        b'{"items":[]}': "without a version",
        b"{" * 500: "128 deep",
    }
    for manner, why in manners.items():
        with ApiServer() as server:
            a_pod(server)
            server.manner["limit="] = manner
            with Client(server) as client:
                if manner == "hang":
                    client.wait(lambda: server.asked, "the request")
                else:
                    client.wait(lambda: why in client.said, why)
                    errors = client.counters()["errors"]
                    assert errors > 0
                assert client.memory() < 100 * 1024 or "asan" in str(CLIENT), client.memory()
                assert client.said.count("\n") <= 3, client.said
                if manner != "hang":
                    del server.manner["limit="]
                    server.cut()
                    client.wait_for("shop-5d8-a")


def lists_without_end_are_given_up():
    with ApiServer() as server:
        server.manner["limit="] = json.dumps(
            {"metadata": {"resourceVersion": "1", "continue": "more"}, "items": []}).encode()
        with Client(server, requests_per_second=1000) as client:
            client.wait(lambda: "has no end" in client.said, "the reason")


def bad_watches_are_told_once_and_do_no_harm():
    lines = {
        b"garbage\n": "broken JSON",
        b'{"type":"NEW","object":{}}\n': "no known type",
        b'{"type":"ADDED","object":{}}\n': "without uid",
        b'{"type":"ADDED","object":{"metadata":{"uid":"../../x","name":"a","namespace":"b"}}}\n':
            "without uid",
        b'{"type":"ERROR","object":{"code":500,"message":"broken"}}\n': "status 500: broken",
        b" " * 3000000: "larger than 2097152",
        b"": "ends at once",
    }
    for line, why in lines.items():
        with ApiServer() as server:
            a_pod(server)
            server.manner["watch=1"] = line
            with Client(server) as client:
                client.wait(lambda: why in client.said, why)
                client.wait_for("shop-5d8-a")
                del server.manner["watch=1"]
                server.put("namespaces", thing("default"))
                server.put("pods", pod("next"))
                client.wait_for("next")


def lies_about_objects_are_not_believed():
    with ApiServer() as server:
        a_pod(server)
        server.manner["deployments/shop"] = json.dumps(
            {"metadata": {"name": "other", "namespace": "prod", "uid": "1"}}).encode()
        with Client(server) as client:
            told = client.wait_for("shop-5d8-a")
            assert "was told of prod/other" in client.said, client.said
            assert told["Deployment"]["name"] == "shop" and not told["Deployment"]["labels"]


def what_is_remembered_has_bounds():
    with ApiServer() as server:
        server.put("namespaces", thing("default"))
        labels = {f"{i:0>250}": "x" * 500 for i in range(100)}
        for i in range(120):
            server.put("pods", pod(f"p-{i}", labels=labels))
        with Client(server) as client:
            client.wait_counter(lambda c: c["refused"] > 0 and c["is_up"], "the bound")
            counters = client.counters()
            assert counters["bytes"] <= 8 << 20 and counters["known_bytes"] <= 8 << 20, counters


def what_pods_are_told_with_has_bounds():
    """Services with long labels, each of which selects all pods."""
    with ApiServer() as server:
        server.put("namespaces", thing("default"))
        labels = {f"{i:0>200}": "x" * 60 for i in range(70)}
        for i in range(60):
            server.put("services", thing(f"s-{i}", "default", labels,
                                         spec={"selector": {"app": "a"}}))
        for i in range(40):
            server.put("pods", pod(f"p-{i}", labels={"app": "a"}))
        with Client(server) as client:
            client.wait(lambda: len(client.pods) == 40 and
                        all(it["complete"] for it in client.pods.values()), "all pods")
            counts = [len(it["services"]) for it in client.pods.values()]
            assert max(counts) == 60 and min(counts) == 0, counts
            counters = client.counters()
            assert counters["refused"] > 0
            assert counters["bytes"] <= 16 << 20 and counters["known_bytes"] <= 8 << 20, counters


def the_kubelet_tells_of_its_pods():
    with ApiServer() as server, ApiServer() as kubelet:
        it = a_pod(server)
        kubelet.put("pods", it)
        for resource in ("pods",):
            server.delete(resource, it)
        with Client(server, from_kubelet="true", kubelet=kubelet.url, poll_s=1) as client:
            told = client.wait_for("shop-5d8-a")
            assert told["Deployment"]["name"] == "shop"
            assert server.count("/pods") == 0
            kubelet.put("pods", pod("next"))
            client.wait_for("next")
            kubelet.delete("pods", kubelet.objects["pods", "default", "next"])
            client.wait_gone("next")
            assert client.counters()["errors"] == 0


def the_kubelet_is_asked_at_once_for_a_pod_that_is_not_known():
    with ApiServer() as kubelet:
        with Client(kubelet, api_server="", from_kubelet="true", kubelet=kubelet.url,
                    poll_s=3600) as client:
            client.wait_up()
            it = kubelet.put("pods", pod("new", labels={"pod-template-hash": "5d8"}, owner={
                "kind": "ReplicaSet", "metadata": {"name": "shop-5d8", "uid": "r"}}))
            assert client.request(f"ask {it['metadata']['uid']}") == {"asked": True}
            told = client.wait_for("new")
            assert (told["owner_kind"], told["owner"]["name"]) == ("Deployment", "shop")
            # However often: not more than a few times a second.
            before, begin = kubelet.count("/pods"), time.monotonic()
            for _ in range(200):
                client.request("ask none")
            most = 4 * (time.monotonic() - begin) + 3
            assert kubelet.count("/pods") - before <= most, (kubelet.count("/pods"), most)


def the_end_does_not_wait_for_servers():
    with ApiServer() as server:
        server.manner["."] = "hang"
        with Client(server) as client:
            client.wait(lambda: server.asked, "a request")
            begin = time.monotonic()
            client.stop()
            assert time.monotonic() - begin < 8


TESTS = [
    all_is_told_that_a_pod_belongs_to,
    owners_of_every_kind_are_told,
    changes_are_told_as_they_come,
    long_lists_come_in_pages,
    a_list_that_expires_between_pages_is_begun_anew,
    static_pods_are_known_by_the_hash_of_their_file,
    watches_that_end_go_on_where_they_were,
    bookmarks_say_where_to_go_on,
    what_is_forgotten_is_listed_again,
    what_is_forgotten_during_a_watch_is_listed_again,
    a_server_that_forgets_all_at_once_is_not_asked_all_the_time,
    a_server_that_comes_back_is_found,
    the_token_is_read_again,
    certificates_are_checked,
    without_tls_no_token_is_told,
    what_nobody_may_know_is_left_out,
    owners_that_are_not_there_are_no_error,
    objects_that_change_are_seen,
    errors_of_owners_are_tried_again,
    requests_are_limited,
    who_asks_too_often_is_heard,
    bad_answers_are_told_once_and_do_no_harm,
    lists_without_end_are_given_up,
    bad_watches_are_told_once_and_do_no_harm,
    lies_about_objects_are_not_believed,
    what_is_remembered_has_bounds,
    what_pods_are_told_with_has_bounds,
    the_kubelet_tells_of_its_pods,
    the_kubelet_is_asked_at_once_for_a_pod_that_is_not_known,
    the_end_does_not_wait_for_servers,
]


def main():
    chosen = [test for test in TESTS if not sys.argv[2:] or test.__name__ in sys.argv[2:]]
    print(f"1..{len(chosen)}", flush=True)
    for number, test in enumerate(chosen, 1):
        try:
            test()
        except Skipped as why:
            print(f"ok {number} - {test.__name__} # SKIP {why}", flush=True)
        except Exception:  # pylint: disable=broad-except
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()),
                  end="")
            print(f"not ok {number} - {test.__name__}", flush=True)
        else:
            print(f"ok {number} - {test.__name__}", flush=True)


if __name__ == "__main__":
    main()
