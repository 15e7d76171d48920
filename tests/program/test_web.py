# SPDX-License-Identifier: Apache-2.0
"""The web server, by real clients: without a driver, so that it needs neither root nor a kernel."""

import http.client
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import REPOSITORY, RULES

CONFIG = """
engine: {kind: nodriver}
syslog_output: {enabled: false}
log_syslog: false
webserver: {listen_address: 127.0.0.1, listen_port: 0%s}
metrics: {enabled: true%s}
"""
PATIENCE = 20.0


class Served:
    """The program with its web server; leaving it ends the program, which must be well then."""

    def __init__(self, saker, webserver="", metrics="", more="", rules=RULES):
        self.config = saker.directory / "served.yaml"
        self.config.write_text(CONFIG % (webserver, metrics) + more)
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            saker.command("-c", self.config, "-r", rules, config=None, quiet=False),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=saker.directory)
        self.alerts = []
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in
                        ((self.process.stderr, self.lines), (self.process.stdout, self.alerts))]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, lines):
        for line in stream:
            with self.changed:
                lines.append(line)
                self.changed.notify_all()
        self.process.wait()
        with self.changed:
            self.changed.notify_all()

    def await_(self, condition, what):
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), \
                f"{what} did not come; messages:\n{''.join(self.lines)}"

    def __enter__(self):
        self.await_(lambda: any("ready" in line for line in self.lines)
                    or self.process.poll() is not None, "ready")
        said = re.search(r"listening on (\S+) port (\d+)", "".join(self.lines))
        self.address, self.port = (said[1], int(said[2])) if said else (None, None)
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(timeout=PATIENCE)
        finally:
            self.process.kill()
        for reader in self.readers:
            reader.join()
        if kind is None:
            assert status == 0, "".join(self.lines)

    def ask(self, path, method="GET", context=None, body=None):
        connection = (http.client.HTTPSConnection(self.address, self.port, timeout=PATIENCE,
                                                  context=context) if context else
                      http.client.HTTPConnection(self.address, self.port, timeout=PATIENCE))
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def connect(self):
        return socket.create_connection((self.address, self.port), timeout=PATIENCE)


def test_pages_are_falcos(saker):
    with Served(saker, ", prometheus_metrics_enabled: true") as served:
        status, text, headers = served.ask("/healthz")
        assert (status, text) == (200, '{"status": "ok"}')
        assert headers["Content-Type"] == "application/json"
        status, text, headers = served.ask("/versions")
        assert status == 200 and headers["Content-Type"] == "application/json"
        assert {"default_driver_version", "driver_api_version", "driver_schema_version",
                "engine_version", "engine_version_semver", "falco_version", "libs_version",
                "plugin_api_version"} <= set(json.loads(text))
        assert json.loads(text) == json.loads(saker("--version", "-o", "json_output=true").stdout)
        status, text, headers = served.ask("/metrics")
        assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4"
        assert 'falcosecurity_scap_engine_name_info{engine_name="nodriver",evt_source="syscall"} 1' \
            in text
        assert served.ask("/healthz", "HEAD")[:2] == (200, "")


@pytest.mark.parametrize("method, path, want", [
    ("GET", "/", 404), ("GET", "/healthz/", 404), ("GET", "/healthz%2f..", 404),
    ("GET", "/../healthz", 404), ("GET", "/HEALTHZ", 404), ("GET", "/healthz?verbose=1", 200),
    ("POST", "/healthz", 405), ("DELETE", "/versions", 405), ("PUT", "/nowhere", 404),
    ("BREW", "/healthz", 405), ("OPTIONS", "/healthz", 405),
])
def test_what_there_is_not_is_told(saker, method, path, want):
    with Served(saker) as served:
        status, _, headers = served.ask(path, method, body="x" if method == "POST" else None)
        assert status == want
        assert headers["Allow"] == ("GET, HEAD" if want == 405 else None)


@pytest.mark.parametrize("webserver, metrics, want", [
    ("", "", 404),
    (", prometheus_metrics_enabled: true", ", enabled: false", 404),
    (", prometheus_metrics_enabled: true", "", 200),
])
def test_metrics_need_both_keys(saker, webserver, metrics, want):
    with Served(saker, webserver, metrics) as served:
        assert served.ask("/metrics")[0] == want


def test_the_health_endpoint_has_the_name_it_is_given(saker):
    with Served(saker, ", k8s_healthz_endpoint: /live") as served:
        assert served.ask("/live")[0] == 200
        assert served.ask("/healthz")[0] == 404


def test_it_listens_on_ipv6(saker):
    with Served(saker, ", listen_address: '::1'") as served:
        assert served.ask("/healthz")[0] == 200


def certificate(directory):
    """Key and certificate in one file, as upstream wants them."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    directory / "key.pem", "-out", directory / "cert.pem"],
                   check=True, capture_output=True)
    both = directory / "saker.pem"
    both.write_text((directory / "key.pem").read_text() + (directory / "cert.pem").read_text())
    return both


def test_it_speaks_tls(saker, tmp_path):
    pem = certificate(tmp_path)
    with Served(saker, f", ssl_enabled: true, ssl_certificate: {pem}") as served:
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        assert served.ask("/healthz", context=context)[0] == 200
        done = subprocess.run(["curl", "-sS", "--cacert", tmp_path / "cert.pem",
                               f"https://127.0.0.1:{served.port}/healthz"],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.stdout == '{"status": "ok"}', done.stderr
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = version
            with pytest.raises((ssl.SSLError, OSError)):
                served.ask("/healthz", context=old)
        # Those who do not speak it get nothing, and keep nobody else from it.
        with served.connect() as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" not in plain.recv(4096)
        assert served.ask("/healthz", context=context)[0] == 200


@pytest.mark.parametrize("content, said", [
    (None, "No such file"), ("", "certificate"), ("not PEM at all\n", "certificate")])
def test_a_certificate_that_is_none_is_an_error(saker, tmp_path, content, said):
    pem = tmp_path / "bad.pem"
    if content is not None:
        pem.write_text(content)
    with Served(saker, f", ssl_enabled: true, ssl_certificate: {pem}") as served:
        assert served.process.wait(timeout=PATIENCE) == 1
        for reader in served.readers:
            reader.join()
        assert "webserver" in "".join(served.lines) and said in "".join(served.lines)
        served.process.returncode = 0


def test_a_taken_port_is_told_and_tried_again(saker):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with Served(saker, f", listen_port: {port}") as served:
            assert served.port is None
            assert any("Address already in use; trying again" in line for line in served.lines)
            other.close()
            served.await_(lambda: any("listening on" in line for line in served.lines),
                          "a free port")
            served.address, served.port = "127.0.0.1", port
            assert served.ask("/healthz")[0] == 200


def test_an_address_that_is_none_is_an_error(saker):
    with Served(saker, ", listen_address: nowhere") as served:
        assert served.process.wait(timeout=PATIENCE) == 1
        served.process.returncode = 0


def read_all(connection):
    """Until it ends, or says nothing more."""
    text = b""
    connection.settimeout(1)
    try:
        while chunk := connection.recv(65536):
            text += chunk
    except (ConnectionResetError, TimeoutError):
        pass
    return text


@pytest.mark.parametrize("request_", [
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
    b"\0" * 1000 + b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 200 + b"\r\n\r\n",
    b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
], ids=range(8))
def test_requests_that_are_none_are_refused(saker, request_):
    with Served(saker) as served:
        with served.connect() as bad:
            try:
                bad.sendall(request_)
                bad.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has heard enough
            answer = read_all(bad)
        assert not answer or re.match(rb"HTTP/1\.[01] (4|5)\d\d ", answer), answer[:200]
        assert served.ask("/healthz")[0] == 200


def test_a_large_body_is_passed_over(saker):
    with Served(saker) as served:
        assert served.ask("/healthz", "POST", body="x" * 4_000_000)[0] == 405
        assert served.ask("/healthz", body="x" * 100_000)[0] == 200


@pytest.mark.parametrize("is_tls", [False, True])
def test_visitors_who_only_stay_keep_nobody_out(saker, tmp_path, is_tls):
    """With TLS they do not even say who they are."""
    context, keys = None, ""
    if is_tls:
        keys = f", ssl_enabled: true, ssl_certificate: {certificate(tmp_path)}"
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    idle = []
    try:
        with Served(saker, keys) as served:
            for i in range(1000):
                connection = served.connect()
                # Some say nothing, some begin and never end.
                if i % 2:
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
                idle.append(connection)
                if i % 100 == 0:
                    began = time.monotonic()
                    assert served.ask("/healthz", context=context)[0] == 200
                    assert time.monotonic() - began < 5
            for connection in idle[-20:]:
                try:
                    connection.sendall(b"a")
                except OSError:
                    pass
            assert served.ask("/healthz", context=context)[0] == 200
            descriptors = len(os.listdir(f"/proc/{served.process.pid}/fd"))
            assert descriptors < 600, f"{descriptors} descriptors"
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_ask_at_once(saker):
    with Served(saker, ", prometheus_metrics_enabled: true") as served:
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda i: served.ask(("/healthz", "/versions", "/metrics")[i % 3]),
                                    range(600)))
        assert all(status == 200 for status, _, _ in answers)


def test_metrics_come_as_an_alert_and_in_a_file(saker):
    file = saker.directory / "metrics.jsonl"
    with Served(saker, metrics=f", interval: 200ms, output_file: {file}",
                more="json_output: true\n") as served:
        served.await_(lambda: len(served.alerts) >= 3, "three snapshots")
    alerts = [json.loads(line) for line in served.alerts]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["sample"] for line in lines] == list(range(1, len(lines) + 1))
    for alert, line in zip(alerts, lines):
        assert alert["rule"] == "Falco internal: metrics snapshot"
        assert alert["output"].endswith("Falco metrics snapshot")
        assert alert["priority"] == "Informational" and alert["source"] == "internal"
        assert alert["output_fields"] == line["output_fields"]
        assert alert["output_fields"]["evt.source"] == "syscall"
    times = [alert["output_fields"]["evt.time"] for alert in alerts]
    for earlier, later in zip(times, times[1:]):
        assert (later - earlier) / 1e9 == pytest.approx(0.2, abs=2)
    assert alerts[0]["time"][:10] == time.strftime("%Y-%m-%d", time.gmtime(times[0] // 10**9))


@pytest.mark.parametrize("metrics, has, has_not", [
    (", output_rule: true, rules_counters_enabled: false", "falco.memory_rss_mb", "falco.rules."),
    (", convert_memory_to_mb: false", "falco.memory_rss_kb", "falco.memory_rss_mb"),
    (", resource_utilization_enabled: false", "falco.version", "falco.memory_"),
    (", state_counters_enabled: false, include_empty_values: true", "scap.n_drops_perc",
     "falco.n_threads"),
    (", kernel_event_counters_enabled: false", "falco.num_evts", "scap.n_"),
    (", include_empty_values: true", "falco.rules.Marker", "saker.nothing"),
    ("", "falco.sha256_rules_file.rules_yaml", "falco.rules.Marker"),
])
def test_keys_choose_what_is_told(saker, metrics, has, has_not):
    rules = saker.file("rules.yaml", "- rule: Marker\n  desc: d\n  condition: evt.type=open\n"
                                     "  output: o\n  priority: INFO\n")
    with Served(saker, metrics=", interval: 100ms" + metrics, more="json_output: true\n",
                rules=rules) as served:
        served.await_(lambda: served.alerts, "a snapshot")
    fields = json.loads(served.alerts[0])["output_fields"]
    assert has in fields
    assert not [name for name in fields if name.startswith(has_not)]


def test_a_file_that_cannot_be_written_is_told_once(saker):
    folder = saker.directory / "not-yet"
    with Served(saker, metrics=f", interval: 100ms, output_file: {folder}/metrics") as served:
        served.await_(lambda: len(served.alerts) >= 5, "snapshots")
        assert sum("metrics.output_file" in line for line in served.lines) == 1
        folder.mkdir()
        served.await_(lambda: any("can be written again" in line for line in served.lines),
                      "the file")
        (folder / "metrics").rename(folder / "rotated")
        served.await_((folder / "metrics").exists, "a file of the old name")


def test_a_reload_changes_the_interval(saker):
    with Served(saker, metrics=", interval: 1h", more="json_output: true\n") as served:
        served.config.write_text(CONFIG % ("", ", interval: 100ms") + "json_output: true\n")
        served.process.send_signal(signal.SIGHUP)
        served.await_(lambda: len(served.alerts) >= 2, "snapshots")
        fields = json.loads(served.alerts[-1])["output_fields"]
        assert fields["falco.reload_ts"] > fields["falco.start_ts"] + 10**6
        assert fields["saker.reloads.done"] >= 1


def test_the_page_of_metrics_is_the_tables(saker):
    page = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text()
    with Served(saker, ", prometheus_metrics_enabled: true") as served:
        text = served.ask("/metrics")[1]
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(names) == len(set(names)) > 20
    for name in names:
        assert f"`{name}`" in page


def test_sources_are_told_apart(saker):
    plugin = """
plugins: [{name: k8saudit, library_path: libk8saudit.so, open_params: 'http://127.0.0.1:0/k8s-audit'}]
load_plugins: [k8saudit]
"""
    with Served(saker, ", prometheus_metrics_enabled: true", more=plugin) as served:
        text = served.ask("/metrics")[1]
    assert 'engine_name_info{engine_name="source_plugin",evt_source="k8s_audit"} 1' in text
    assert 'saker_events_read_total{evt_source="k8s_audit"} 0' in text
    assert 'saker_audit_refused_total{cause="not_json"} 0' in text
