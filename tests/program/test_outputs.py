# SPDX-License-Identifier: Apache-2.0
"""Alerts of a replayed capture on their ways: files, programs, web servers."""

import gzip
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from conftest import IN_CI
from receivers import Certificates, WebServer

RULES = """
- rule: File opened
  desc: of a test
  condition: evt.type in (open, openat, openat2)
  output: opened file=%fd.name command=%proc.cmdline
  priority: WARNING
  tags: [files, T1005]
"""
COUNT = 4  # of such events in cat_write.scap


@pytest.fixture
def replay(saker, captures):
    """Replays the capture with the configuration given; standard output has the alerts too."""
    def run(config, *arguments, **options):
        rules = saker.file("rules.yaml", RULES)
        return saker.replay(captures / "cat_write.scap", *arguments, rules=[rules], config=config,
                            **options)
    return run


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    if not shutil.which("openssl"):
        (pytest.fail if IN_CI else pytest.skip)("openssl is not installed", pytrace=False)
    return Certificates(tmp_path_factory.mktemp("certificates"))


def http_config(url, json_output=True, **keys):
    lines = [f"json_output: {str(json_output).lower()}", "http_output:", "  enabled: true",
             f"  url: {url}"]
    lines += [f"  {key}: {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def lost(done, channel):
    """Alerts of a channel that were sent, dropped and failed; None where none was lost."""
    found = re.search(rf"Output {channel}: (\d+) sent, (\d+) dropped, (\d+) failed", done.stderr)
    counts = tuple(map(int, found.groups()))
    return counts if counts[1] or counts[2] else None


@pytest.mark.parametrize("json_output", [True, False], ids=["json", "text"])
def test_a_web_server_gets_each_alert_as_the_body_of_a_request(replay, json_output):
    with WebServer() as server:
        done = replay(http_config(server.url, json_output))
    assert done.returncode == 0, done.stderr
    assert server.bodies == done.stdout.splitlines()
    assert len(server.bodies) == COUNT
    for request in server.requests:
        assert (request.method, request.path) == ("POST", "/alerts")
        assert request.headers["Content-Type"] == ("application/json" if json_output
                                                   else "text/plain")
        assert request.headers["User-Agent"] == "falcosecurity/falco"
    assert lost(done, "http") is None
    assert len({request.connection for request in server.requests}) == 1


def test_the_user_agent_is_as_configured_and_quotes_around_the_url_do_not_matter(replay):
    with WebServer() as server:
        replay(http_config(f"'\"{server.url}\"'", user_agent="someone/1.0"))
    assert [r.headers["User-Agent"] for r in server.requests] == ["someone/1.0"] * COUNT


def test_bodies_are_compressed_where_asked(replay):
    with WebServer() as server:
        done = replay(http_config(server.url, compress_uploads=True))
    assert [r.headers["Content-Encoding"] for r in server.requests] == ["gzip"] * COUNT
    assert [gzip.decompress(r.body).decode() for r in server.requests] == done.stdout.splitlines()


def test_answers_are_printed_where_asked(replay):
    for echo in (False, True):
        with WebServer(answer=b"<answer>\n") as server:
            done = replay(http_config(server.url, echo=echo) + "stdout_output: {enabled: false}\n")
        assert done.stdout == "<answer>\n" * COUNT * echo


def test_what_may_come_right_is_tried_again(replay):
    with WebServer([503, 500, 429, 200]) as server:
        done = replay(http_config(server.url))
    assert server.bodies == done.stdout.splitlines()[:1] * 3 + done.stdout.splitlines()
    assert lost(done, "http") is None
    assert "output http: the server answered with status 503" in done.stderr
    assert "output http: works again" in done.stderr
    assert f"Output http: {COUNT} sent, 0 dropped, 0 failed, 3 retries" in done.stderr


def test_what_the_server_refuses_is_counted_and_not_tried_again(replay):
    with WebServer([403, 200]) as server:
        done = replay(http_config(server.url))
    assert len(server.requests) == COUNT
    assert lost(done, "http") == (COUNT - 1, 0, 1)
    assert "status 403" in done.stderr


def test_a_server_that_never_answers_is_given_up(replay):
    """Each request may take five times output_timeout, here 0.1 s, and one more is made."""
    with WebServer(["stall"]) as server:
        done = replay(http_config(server.url, max_consecutive_timeouts=1)
                      + "output_timeout: 20\n", "-o", "output_timeout=20")
        assert server.requests
    assert lost(done, "http") == (0, 0, COUNT)


def test_a_server_that_is_not_there_is_counted(replay):
    with WebServer() as server:
        url = server.url
    started = time.monotonic()
    done = replay(http_config(url) + "output_timeout: 500\n")
    assert done.returncode == 0
    assert lost(done, "http") == (0, 0, COUNT)
    assert time.monotonic() - started < 10
    assert done.stdout.count("\n") == COUNT


def test_tls_with_the_authority_given(replay, certificates):
    for key in ("ca_cert", "ca_bundle"):
        with WebServer(tls=certificates.context()) as server:
            done = replay(http_config(server.url, **{key: certificates.path("authority.crt")}))
        assert server.bodies == done.stdout.splitlines(), done.stderr


def test_tls_with_a_directory_of_authorities(replay, certificates, tmp_path):
    directory = tmp_path / "authorities"
    directory.mkdir()
    shutil.copy(certificates.path("authority.crt"), directory / "authority.pem")
    subprocess.run(["openssl", "rehash", directory], check=True, capture_output=True)
    with WebServer(tls=certificates.context()) as server:
        done = replay(http_config(server.url, ca_path=str(directory)))
    assert server.bodies == done.stdout.splitlines(), done.stderr


def test_a_certificate_of_strangers_is_refused_unless_insecure(replay, certificates):
    with WebServer(tls=certificates.context()) as server:
        done = replay(http_config(server.url, ca_cert=certificates.path("stranger.crt"))
                      + "output_timeout: 300\n")
        assert not server.requests
        assert lost(done, "http") == (0, 0, COUNT)
        assert "certificate" in done.stderr
        done = replay(http_config(server.url, insecure=True))
        assert server.bodies == done.stdout.splitlines(), done.stderr


def test_the_server_sees_our_certificate(replay, certificates):
    keys = {"ca_cert": certificates.path("authority.crt"), "mtls": True}
    with WebServer(tls=certificates.context(client=True)) as server:
        done = replay(http_config(server.url, **keys, client_cert=certificates.path("client.crt"),
                                  client_key=certificates.path("client.key")))
    assert server.bodies == done.stdout.splitlines(), done.stderr
    assert (("commonName", "client"),) in server.requests[0].certificate["subject"]
    with WebServer(tls=certificates.context(client=True)) as server:
        done = replay(http_config(server.url, **keys,
                                  client_cert=certificates.path("stranger-client.crt"),
                                  client_key=certificates.path("stranger-client.key"))
                      + "output_timeout: 300\n")
    assert not server.requests
    assert lost(done, "http") == (0, 0, COUNT)


def test_a_file_and_a_program_beside_a_server_that_stalls(replay, saker):
    with WebServer(["stall"]) as server:
        done = replay(http_config(server.url) + """
output_timeout: 1000
file_output: {enabled: true, filename: alerts.txt}
program_output: {enabled: true, keep_alive: true, program: cat > program.txt}
""")
    for name in ("alerts.txt", "program.txt"):
        assert (saker.directory / name).read_text() == done.stdout
    assert lost(done, "http") == (0, 0, COUNT)
    assert lost(done, "file") is None


PIPELINES = {
    "text of a chat message": "jq '{text: .output}' | curl -s -d @- -X POST URL",
    "with a header": "curl -s -H 'Content-Type: application/json' -d @- URL",
    "a loop": "while read -r line; do printf %s \"$line\" | curl -s -d @- URL; done",
}


@pytest.mark.parametrize("keep_alive", [False, True], ids=["once", "kept"])
@pytest.mark.parametrize("what", PIPELINES)
def test_pipelines_of_tutorials(replay, what, keep_alive):
    for tool in ("jq", "curl"):
        if not shutil.which(tool):
            (pytest.fail if IN_CI else pytest.skip)(f"{tool} is not installed", pytrace=False)
    # What curl prints of answers would stand among the alerts.
    with WebServer(answer=b"") as server:
        program = PIPELINES[what].replace("URL", server.url)
        done = replay("json_output: true\n"
                      "output_timeout: 10000\n"
                      "program_output:\n"
                      "  enabled: true\n"
                      f"  keep_alive: {str(keep_alive).lower()}\n"
                      f"  program: {json.dumps(program)}\n")
        assert lost(done, "program") is None, done.stderr
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(alerts) == COUNT
    if "jq" in program:
        wanted = [alert["output"] for alert in alerts]
        # curl -d takes the line ends away; several objects of one run are one body.
        found = [text["text"] for body in server.bodies
                 for text in json.loads("[" + re.sub(r"}\s*{", "},{", body) + "]")]
    elif keep_alive and "while" not in program:
        wanted = ["".join(done.stdout.splitlines())]
        found = server.bodies
    else:
        wanted = done.stdout.splitlines()
        found = server.bodies
    assert found == wanted


def test_a_full_queue_ends_the_program_where_recovery_is_exit(replay, saker, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    config = """
stdout_output: {enabled: false}
output_timeout: 100
file_output: {enabled: true, filename: fifo}
outputs_queue: {capacity: 1, recovery: RECOVERY}
"""
    done = replay(config.replace("RECOVERY", "exit"))
    assert done.returncode == 1
    assert "outputs_queue.recovery is exit" in done.stderr
    done = replay(config.replace("RECOVERY", "continue"))
    assert done.returncode == 0
    sent, dropped, failed = lost(done, "file")
    assert sent == 0 and dropped >= 1 and dropped + failed == COUNT
