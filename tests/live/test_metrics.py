# SPDX-License-Identifier: Apache-2.0
"""Metrics of a running monitor: what Falco's are called ours are called, too, and they count right."""

import json
import os
import re
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor import IN_CI, REPOSITORY, Monitor

SHARED = Path(os.environ.get("SAKER_SHARED", REPOSITORY / ".." / "shared")).resolve()

RULES = """
- rule: Symlink created
  desc: links with a name of the test's
  condition: evt.type in (symlink, symlinkat) and evt.res=SUCCESS and evt.arg.linkpath startswith {}
  output: link %evt.arg.linkpath
  priority: WARNING
  tags: [host, filesystem, T1036]
"""
LINKS = 50

# Metrics of Falco's that are not there, or another way, by a pattern of the name; as fields of the
# alert the part behind the first underscore or dot is the same.
DIFFERENCES = {
    r"n_(evts|drops)_task_file_.*": "descriptors that are open at the start are not read: each "
                                    "event brings its own",
    r"n_drops_task": "the iterator's reader waits for it, nothing is dropped",
    r"n_fds|n_(added|removed)_fds|n_(non)?cached_fd_lookups|n_failed_fd_lookups":
        "no table of descriptors is kept: each event brings its own",
    r"n_(stored|retrieved)_evts|n_(store|retrieve)_evts_drops":
        "no entry events are stored for their exits",
    r"n_(noncached|cached|failed)_thread_lookups": "there is no cache of the last thread",
    r"n_drops_buffer_.*_enter": "events are completed calls: there are no enter events",
    r"sha256_(rules|config)_file\..*": "named for files of one's own",
}


def difference(name):
    return next((why for pattern, why in DIFFERENCES.items() if re.fullmatch(pattern, name)), None)


@pytest.fixture(scope="module")
def sample():
    folder = SHARED / "upstream"
    if not folder.is_dir():
        (pytest.fail if IN_CI else pytest.skip)(f"{folder} is not there", pytrace=False)
    return folder


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a monitor tells after some alerts: text for Prometheus, the alert, its own counts."""
    folder = tmp_path_factory.mktemp("metrics")
    rules = folder / "rules.yaml"
    rules.write_text(RULES.format(folder))
    config = folder / "saker.yaml"
    config.write_text("log_syslog: false\n")
    with Monitor("-c", config, "-o", "webserver.enabled=true", "-o", "webserver.listen_address=127.0.0.1",
                 "-o", "webserver.listen_port=0", "-o", "webserver.prometheus_metrics_enabled=true",
                 "-o", "metrics.enabled=true", "-o", "metrics.interval=500ms",
                 "-o", "metrics.include_empty_values=true", "-o", "metrics.rules_time_sample=1",
                 "-o", "metrics.kernel_event_counters_per_cpu_enabled=true",
                 rules=[rules]) as monitor:
        monitor.wait_ready()
        port = re.search(r"listening on \S+ port (\d+)", "\n".join(monitor.messages))[1]
        for i in range(LINKS):
            os.symlink("nowhere", folder / f"link{i}")
        links = [monitor.wait_for("Symlink created",
                                  matching=lambda a, i=i: a.fields["evt.arg.linkpath"].endswith(
                                      f"/link{i}"))
                 for i in range(LINKS)]
        snapshot = monitor.wait_for(
            "Falco internal: metrics snapshot",
            matching=lambda a: a.fields.get("falco.rules.Symlink_created") == LINKS
            and "falco.evts_rate_sec" in a.fields)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    return text, snapshot, links


def families(text):
    return {family.name: family for family in text_string_to_metric_families(text)}


def label_keys(family):
    return {tuple(sorted(sample.labels)) for sample in family.samples}


def value(told, name, **labels):
    samples = [sample.value for family in families(told[0]).values() for sample in family.samples
               if sample.name == name and labels.items() <= sample.labels.items()]
    assert len(samples) == 1, f"{name} {labels}: {samples}"
    return samples[0]


def test_the_text_is_well_formed(told):
    names = re.findall(r"^# TYPE (\S+)", told[0], re.MULTILINE)
    assert len(names) == len(set(names))
    assert all(name in re.findall(r"^# HELP (\S+) \S", told[0], re.MULTILINE) for name in names)
    for family in families(told[0]).values():
        assert family.type in ("counter", "gauge", "histogram"), family.name
        series = [(sample.name, *sorted(sample.labels.items())) for sample in family.samples]
        assert len(series) == len(set(series)), family.name


def test_falcos_metrics_have_falcos_names_types_and_labels(told, sample):
    ours = families(told[0])
    seen = set()
    for theirs in text_string_to_metric_families((sample / "metrics_sample.prom").read_text()):
        short = re.sub(r"^falcosecurity_(falco|scap|evt)_|_total$", "", theirs.name)
        if theirs.name not in ours:
            assert difference(short), f"{theirs.name} is not there"
            continue
        assert ours[theirs.name].type == theirs.type, theirs.name
        assert label_keys(theirs) <= label_keys(ours[theirs.name]), theirs.name
        assert [s.name for s in theirs.samples][0] in [s.name for s in ours[theirs.name].samples]
        seen.add(theirs.name)
    others = {name for name in ours if not name.startswith("saker_")} - seen
    assert all("_run_" in name or "_avg_time" in name for name in others), others


def test_the_alert_has_falcos_fields(told, sample):
    theirs = json.loads((sample / "metrics_event_sample.json").read_text())
    alert = told[1]
    for key in ("output", "priority", "rule", "source"):
        want = theirs[key]
        assert alert[key] == want or key == "output" and alert[key].endswith(want)
    assert set(theirs) == set(alert)
    for name, want in theirs["output_fields"].items():
        short = name.split(".", 1)[1]
        if ".interfaces." in name:
            continue  # this machine's may be others
        if name not in alert.fields:
            assert difference(short), f"{name} is not there"
            continue
        got = alert.fields[name]
        assert isinstance(got, type(want)) or {type(got), type(want)} <= {int, float}, name
    ours = {name for name in alert.fields if name not in theirs["output_fields"]}
    for name in ours:
        assert re.match(r"saker\.|falco\.(sha256_|host_netinfo\.)|scap\..*\.(run|avg)_", name), name


def test_counters_count(told):
    text, snapshot, _ = told
    # The priority is a number there, as Falco's.
    assert value(told, "falcosecurity_falco_rules_matches_total", rule_name="Symlink created",
                 priority="4", source="syscall", tag_T1036="true") == LINKS
    assert value(told, "saker_alerts_total", priority="Warning") == LINKS
    assert snapshot.fields["falco.rules.matches_total"] == LINKS
    assert value(told, "falcosecurity_scap_n_evts_total") >= LINKS
    per_cpu = families(text)["falcosecurity_scap_n_evts_cpu"].samples
    assert len(per_cpu) == os.cpu_count()
    assert value(told, "saker_output_sent_total", output="stdout") >= LINKS
    assert value(told, "falcosecurity_falco_duration_seconds_total") < 60
    assert value(told, "falcosecurity_falco_host_num_cpus_total") == os.cpu_count()
    rss = value(told, "falcosecurity_falco_memory_rss_bytes")
    assert 1 << 20 < rss < 1 << 30
    assert snapshot.fields["falco.memory_rss_mb"] == pytest.approx(rss / 2 ** 20, rel=0.5)
    assert value(told, "falcosecurity_scap_n_evts_task_total") > 10
    assert value(told, "saker_event_path_blind") == 0
    assert value(told, "saker_heartbeats_lost_total") == 0


def test_rules_are_timed_where_that_is_asked_for(told):
    seconds = value(told, "saker_rules_cpu_seconds_total", rule_name="Symlink created")
    assert LINKS * 10e-9 < seconds < 1
    assert told[1].fields["saker.rules_cpu_sec.Symlink_created"] <= seconds


def test_files_are_told_by_their_sums(told):
    sums = families(told[0])["falcosecurity_falco_sha256_rules_files_info"].samples
    assert [s.labels["file_name"] for s in sums] == ["rules.yaml"]
    field = told[1].fields["falco.sha256_rules_file.rules_yaml"]
    assert field == sums[0].labels["sha256"] and len(field) == 64


def test_latency_is_a_histogram_of_all_alerts(told):
    text, _, links = told
    count = value(told, "saker_alert_latency_seconds_count", output="stdout")
    assert LINKS <= count <= value(told, "saker_output_sent_total", output="stdout")
    buckets = [(float(s.labels["le"]), s.value)
               for s in families(text)["saker_alert_latency_seconds"].samples
               if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == (float("inf"), count)
    assert [n for _, n in buckets] == sorted(n for _, n in buckets)
    # A second is beyond what any machine under tests needs, and what is seen here is later.
    assert dict(buckets)[0.5] > 0
    slowest = max(link.arrived - link.fields["evt.time"] / 1e9 for link in links)
    assert value(told, "saker_alert_latency_seconds_sum", output="stdout") \
        <= slowest * count + 1
