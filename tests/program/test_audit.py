# SPDX-License-Identifier: Apache-2.0
"""Kubernetes audit events through the whole program: posted to the web hook, and from files."""

import gzip
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from audit import Hook, RULES, config, event, event_list
from conftest import IN_CI, REPOSITORY
from receivers import Certificates

TABLE = REPOSITORY / "tests" / "unit" / "source" / "audit_samples.tsv"
SAMPLES = [line.split("\t") for line in TABLE.read_text().splitlines()[1:]]
USERS_RULES = "upstream/rules/k8s_audit_rules.yaml"


@pytest.fixture
def hook(saker):
    with Hook(saker) as running:
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    if not shutil.which("openssl"):
        (pytest.fail if IN_CI else pytest.skip)("openssl is not installed", pytrace=False)
    return Certificates(tmp_path_factory.mktemp("certificates"))


def names(hook):
    return [alert["output_fields"]["ka.target.name"] for alert in hook.alerts()]


def rules_of(alerts):
    return ", ".join(alert["rule"] for alert in alerts)


@pytest.mark.parametrize("name, rules", SAMPLES, ids=[name for name, _ in SAMPLES])
def test_a_sample_in_a_file_raises_what_its_name_tells(saker, shared, name, rules):
    done = saker("-r", shared / USERS_RULES,
                 config=config(str(shared / f"upstream/audit/{name}.json")))
    assert done.returncode == 0, done.stderr
    assert "arning" not in done.stderr.split("ready,")[0]
    assert rules_of(map(json.loads, done.stdout.splitlines())) == rules


def test_samples_posted_by_curl_raise_what_their_names_tell(saker, shared):
    if not shutil.which("curl"):
        (pytest.fail if IN_CI else pytest.skip)("curl is not installed", pytrace=False)
    with Hook(saker, rules=shared / USERS_RULES) as hook:
        for name, _ in SAMPLES:
            done = subprocess.run(
                ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                 "Content-Type: application/json", "--data-binary",
                 f"@{shared}/upstream/audit/{name}.json",
                 f"http://127.0.0.1:{hook.port}/k8s-audit"],
                capture_output=True, text=True, timeout=30)
            assert (done.returncode, done.stdout) == (0, "200"), done.stderr
        assert hook.end() == 0
        assert rules_of(hook.alerts()) == ", ".join(rules for _, rules in SAMPLES if rules)


def test_a_directory_is_read_to_its_end(saker, shared):
    done = saker("-r", shared / USERS_RULES, config=config(str(shared / "upstream/audit")))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == sum(len(r.split(", ")) for _, r in SAMPLES if r)
    assert "Events: 24 read, 24 judged" in done.stderr


def test_alerts_have_the_time_and_source_of_their_event(saker, hook):
    assert hook.post(event("a")) == 200
    assert hook.end() == 0
    alert, = hook.alerts()
    assert alert["source"] == "k8s_audit"
    assert alert["time"] == "2026-10-26T14:21:53.889736000Z"
    assert alert["output_fields"]["evt.time"] == 1793024513889736000
    assert "number=a id=id-a" in alert["output"]


def test_events_come_alone_in_arrays_and_in_lists_and_compressed(hook):
    v1beta1 = {**event("5"), "apiVersion": "audit.k8s.io/v1beta1"}
    assert hook.post(event("1")) == 200
    assert hook.post([event("2"), event("3")]) == 200
    assert hook.post(event_list([event("4")])) == 200
    assert hook.post({**event_list([v1beta1]), "apiVersion": "audit.k8s.io/v1beta1"}) == 200
    assert hook.post(gzip.compress(json.dumps(event_list([event("6"), event("7")])).encode()),
                     {"Content-Encoding": "gzip"}) == 200
    assert hook.post(event_list([])) == 200
    assert hook.post(event("8"), {"Content-Type": "application/json; charset=utf-8"}) == 200
    assert hook.end() == 0
    assert names(hook) == list("12345678")
    assert hook.refused() == {}


DEEP = b'{"kind":"Event","a":' + b"[" * 100000 + b"]" * 100000 + b"}"
BAD = {  # body, headers, status, counted as
    "nothing": (b"", {}, 400, "not_json"),
    "text": (b"audit", {}, 400, "not_json"),
    "half an event": (json.dumps(event("x")).encode()[:-20], {}, 400, "not_json"),
    "more behind it": (json.dumps(event("x")).encode() + b"{}", {}, 400, "not_json"),
    "nesting": (DEEP, {}, 400, "not_json"),
    "broken UTF-8": (b'{"kind":"Event","auditID":"\xff\xfe"}', {}, 400, "not_json"),
    "half a character": (b'{"kind":"Event","auditID":"\xc3"}', {}, 400, "not_json"),
    "UTF-16": (json.dumps(event("x")).encode("utf-16"), {}, 400, "not_json"),
    "NaN": (b'{"kind":"Event","auditID":NaN}', {}, 400, "not_json"),
    "another kind": (b'{"kind":"Pod","apiVersion":"v1"}', {}, 422, "wrong_kind"),
    "another group": (json.dumps({**event("x"), "apiVersion": "v1"}).encode(), {}, 422,
                      "wrong_kind"),
    "no kind": (b"{}", {}, 422, "wrong_kind"),
    "a number": (b"[1]", {}, 422, "wrong_kind"),
    "a list of nothing": (b'{"kind":"EventList","items":[7,null,"x"]}', {}, 422, "wrong_kind"),
    "another type": (b"{}", {"Content-Type": "text/plain"}, 415, "bad_request"),
    "another encoding": (b"{}", {"Content-Encoding": "br"}, 415, "bad_request"),
    "no gzip": (json.dumps(event("x")).encode(), {"Content-Encoding": "gzip"}, 400, "not_json"),
    "half of gzip": (gzip.compress(b'{"a":"' + os.urandom(2000).hex().encode() + b'"}')[:-600],
                     {"Content-Encoding": "gzip"}, 400, "not_json"),
    "more than gzip": (gzip.compress(json.dumps(event("x")).encode()) + b"x",
                       {"Content-Encoding": "gzip"}, 400, "not_json"),
    "a bomb": (gzip.compress(b" " * 30_000_000), {"Content-Encoding": "gzip"}, 413,
               "body_too_big"),
    "a large body": (b" " * 13_000_000, {}, 413, "body_too_big"),
    "a large event": (json.dumps(event("x", requestObject={"a": "x" * 300000})).encode(), {}, 413,
                      "event_too_big"),
}


def test_what_is_no_audit_event_is_refused_and_counted_and_others_are_served(hook):
    expected = {}
    good = 0
    for name, (body, headers, status, cause) in BAD.items():
        try:
            got = hook.post(body, headers)
        except (BrokenPipeError, ConnectionResetError):
            got = None  # answered before all of it was read
        assert got == status or (got is None and status == 413), name
        expected[cause] = expected.get(cause, 0) + 1
        assert hook.post(event(good)) == 200, name
        good += 1
    assert hook.post(event("x"), path="/other") == 404
    assert hook.post(event("x"), path="/k8s-audit/") == 404
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        assert hook.post(b"", method=method) == 405
    expected["bad_request"] += 6
    assert hook.end() == 0
    assert names(hook) == [str(n) for n in range(good)]
    assert hook.refused() == expected


def test_numbers_of_any_size_are_judged(saker):
    rules = RULES.replace("ka.verb = create", "jevt.value[/n] startswith 123456789 or "
                          "jevt.value[/n] = 1e999999")
    with Hook(saker, rules=rules) as hook:
        for name, number in (("a", "1234567890" * 1000), ("b", "1e999999"), ("c", "7")):
            body = json.dumps(event(name))[:-1] + f', "n": {number}}}'
            assert hook.post(body.encode()) == 200
        assert hook.end() == 0
        assert names(hook) == ["a", "b"]


def test_bad_items_of_a_list_do_not_keep_the_others_from_being_judged(hook):
    large = event("large", requestObject={"a": "x" * 300000})
    assert hook.post(event_list([event("1"), 7, large, {}, event("2")])) == 200
    assert hook.end() == 0
    assert names(hook) == ["1", "2"]
    assert hook.refused() == {"wrong_kind": 2, "event_too_big": 1}


def test_sizes_are_as_configured(saker):
    with Hook(saker, init={"maxEventSize": 2000, "webhookMaxBatchSize": 4000}) as hook:
        assert hook.post(event("1", x="y" * 1500)) == 200
        assert hook.post(event("2", x="y" * 2500)) == 413
        assert hook.post([event("3", x="y" * 1200), event("4", x="y" * 1200)]) == 200
        assert hook.post([event("5", x="y" * 1800), event("6", x="y" * 1800),
                          event("7", x="y" * 1800)]) == 413
        assert hook.end() == 0
        assert names(hook) == ["1", "3", "4"]


def test_what_was_accepted_is_judged_before_the_end(hook):
    connection = hook.connect()
    for batch in range(5):
        body = event_list([event(batch * 2000 + n, pad="x" * 500) for n in range(2000)])
        assert hook.post(body, connection=connection) == 200
    assert hook.end() == 0
    assert len(hook.alerts()) + lost_alerts(hook) == 10000
    assert "Events: 10000 read, 10000 judged" in hook.log()


def lost_alerts(hook):
    return int(re.search(r"Output stdout: \d+ sent, (\d+) dropped", hook.log()).group(1))


def test_each_event_is_judged_once_across_reloads(hook):
    total, stop = 3000, threading.Event()
    reloads = 0

    def post():
        connection = hook.connect()
        for first in range(0, total, 10):
            assert hook.post(event_list([event(n) for n in range(first, first + 10)]),
                             connection=connection) == 200
        stop.set()

    poster = threading.Thread(target=post)
    poster.start()
    while not stop.is_set():
        done = hook.log().count("reload: done")
        hook.child.send_signal(signal.SIGHUP)
        reloads += 1
        hook.wait_for(lambda: hook.log().count("reload: done") > done, "reloaded")
    poster.join()
    assert hook.end() == 0
    assert lost_alerts(hook) == 0
    assert names(hook) == [str(n) for n in range(total)]
    assert reloads >= 2


def test_rules_of_a_reload_judge_what_comes_then(saker):
    with Hook(saker) as hook:
        assert hook.post(event("1")) == 200
        hook.wait_for(lambda: len(hook.alerts()) == 1, "judged")
        saker.file("rules.yaml", RULES.replace("Numbered", "Renamed"))
        hook.child.send_signal(signal.SIGHUP)
        hook.wait_for(lambda: "reload: done" in hook.log(), "reloaded")
        assert hook.post(event("2")) == 200
        assert hook.end() == 0
        assert [alert["rule"] for alert in hook.alerts()] == ["Numbered", "Renamed"]


def nofile(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        pytest.skip(f"only {hard} descriptors may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def test_ten_thousand_idle_clients_keep_nobody_away(hook):
    nofile(11000)
    idle = []
    try:
        for n in range(10000):
            # Some say nothing, some begin and do not go on.
            idle.append(hook.raw(b"POST /k8s-audit HTTP/1.1\r\nHost: x\r\n" if n % 2 else b""))
        for n in range(20):
            assert hook.post(event(n)) == 200
        assert hook.resident_mb() < 400
    finally:
        for s in idle:
            s.close()
    assert hook.end() == 0
    assert names(hook) == [str(n) for n in range(20)]


def test_slow_clients_are_left_and_others_served_meanwhile(hook):
    head = b"POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    s = hook.raw(head)
    began, served = time.monotonic(), 0
    s.settimeout(0.5)
    while time.monotonic() - began < 40:
        try:
            s.sendall(b"X-Drip: 1\r\n")
            if s.recv(100) == b"":
                break
        except TimeoutError:
            pass
        except OSError:
            break
        assert hook.post(event(served)) == 200
        served += 1
    # The time that a first request has, and what it takes to be looked at.
    assert 15 < time.monotonic() - began < 35
    s.close()
    assert hook.end() == 0
    assert len(hook.alerts()) == served


def test_bodies_that_never_end_take_no_room_from_others(hook):
    head = (b"POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 12000000\r\n\r\n")
    held = [hook.raw(head) for _ in range(8)]
    for s in held:
        s.sendall(b" " * 11_900_000)
    # What is as large as they are has to come again.
    status = hook.post(b" " * 11_000_000 + json.dumps(event("large")).encode())
    assert status == 429
    assert hook.post(event("small")) == 200
    for s in held:
        s.close()
    hook.wait_for(lambda: hook.post(b" " * 11_000_000 + json.dumps(event("large")).encode()) == 200,
                  "accepted")
    assert hook.end() == 0
    assert names(hook) == ["small", "large"]
    assert hook.refused()["no_room"] >= 1
    assert hook.refused()["cut_short"] >= 1


def test_it_runs_without_any_privilege(saker):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    nobody = pwd.getpwnam("nobody")
    os.chmod(saker.directory, 0o777)
    for parent in list(saker.directory.parents)[:3]:
        if parent.name.startswith("pytest"):
            os.chmod(parent, 0o755)

    def become():
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)

    with Hook(saker, preexec=become) as hook:
        status = open(f"/proc/{hook.child.pid}/status").read()
        assert "CapEff:\t0000000000000000" in status
        maps = os.listdir(f"/proc/{hook.child.pid}/fd")
        assert not any("bpf" in os.readlink(f"/proc/{hook.child.pid}/fd/{fd}") for fd in maps)
        assert hook.post(event("1")) == 200
        assert hook.end() == 0
        assert names(hook) == ["1"]


def server_pem(certificates, saker):
    """Key and certificate in one file, as users of the plugin have them."""
    return str(saker.file("server.pem", "".join(
        open(certificates.path(f"server.{kind}")).read() for kind in ("key", "crt"))))


def client_context(certificates, client=None):
    context = ssl.create_default_context(cafile=certificates.path("authority.crt"))
    if client:
        context.load_cert_chain(certificates.path(f"{client}.crt"),
                                certificates.path(f"{client}.key"))
    return context


def test_https_with_the_certificate_of_the_plugin(saker, certificates):
    init = {"sslCertificate": server_pem(certificates, saker)}
    with Hook(saker, init=init, tls=True) as hook:
        assert hook.post(event("1"), context=client_context(certificates)) == 200
        with pytest.raises(ssl.SSLError):
            hook.post(event("2"), context=ssl.create_default_context())
        s = hook.raw(b"GET / HTTP/1.1\r\n\r\n")  # no TLS
        assert b"HTTP/1.1 200" not in s.recv(100)
        s.close()
        assert hook.post(event("4"), context=client_context(certificates)) == 200
        assert hook.end() == 0
        assert names(hook) == ["1", "4"]


def test_only_clients_with_a_certificate_where_that_is_asked_for(saker, certificates):
    init = {"sslCertificate": server_pem(certificates, saker),
            "sslClientCA": certificates.path("authority.crt")}
    with Hook(saker, init=init, tls=True) as hook:
        assert hook.post(event("1"), context=client_context(certificates, "client")) == 200
        assert hook.post(event("2"), context=client_context(certificates)) == 403
        assert hook.post(event("3"),
                         context=client_context(certificates, "stranger-client")) == 403
        assert hook.end() == 0
        assert names(hook) == ["1"]
        assert hook.refused() == {"no_certificate": 2}


def test_it_does_not_start_where_it_cannot_listen_or_has_no_certificate(saker):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = saker("-r", saker.file("rules.yaml", RULES),
                     config=config(f"http://127.0.0.1:{taken.getsockname()[1]}/k8s-audit"))
    assert done.returncode == 1
    assert "cannot listen" in done.stderr
    done = saker("-r", saker.file("rules.yaml", RULES),
                 config=config("https://127.0.0.1:0/k8s-audit", {"sslCertificate": "/no/such.pem"}))
    assert done.returncode == 1
    assert "sslCertificate: /no/such.pem" in done.stderr
