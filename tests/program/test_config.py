# SPDX-License-Identifier: Apache-2.0
"""Configurations as files: where they are looked for, how they are merged, what is said of them."""

import json
import re
import subprocess
import time

import pytest

from conftest import IN_CI, RULES

RULE = """- rule: own rule
  desc: of a test
  condition: evt.type = execve
  output: 'name=%proc.name'
  priority: WARNING
"""

TUTORIAL = """rules_file:
  - {rules}

json_output: false

file_output:
  enabled: false
  keep_alive: false
  filename: ./first.txt

log_stderr: true
log_syslog: true
log_level: info

stdout_output:
  enabled: true

file_output:
  enabled: true
  keep_alive: false
  filename: ./second.txt

program_output:
  enabled: true
  keep_alive: false
  program: "jq '{{text: .output}}' | curl -d @- -X POST https://hooks.example.org/services/XXX"

http_output:
  enabled: true
  url: http://127.0.0.1:9/
"""


def files_of(done):
    """The configuration files that the start messages name."""
    return re.findall(r"configuration: ([^ ]+)$", done.stderr, re.MULTILINE)


def test_a_tutorials_configuration_runs_as_it_stands(saker):
    rules = saker.file("rules.yaml", RULE)
    done = saker("--dry-run", config=TUTORIAL.format(rules=rules))
    assert done.returncode == 0, done.stderr
    assert f"{rules}: 1 rules" in done.stderr
    assert "file_output: stands here a second time; the last one holds" in done.stderr
    assert "rules_file is an older name of rules_files" in done.stderr


def test_further_files_are_read_in_order_and_merged(saker):
    one, two, three = (saker.file(f"{name}.yaml", RULE.replace("own", name))
                       for name in ("one", "two", "three"))
    saker.file("config.d/20.yaml", f"rules_files: [{three}]\njson_output: true\n")
    saker.file("config.d/10.yaml", f"rules_files:\n  - {two}\njson_output: maybe\n")
    (saker.directory / "config.d" / "below").mkdir()
    done = saker("--dry-run", config=f"config_files: [{saker.directory}/config.d, /none/such]\n"
                                     f"rules_files: [{one}]\n")
    assert done.returncode == 0, done.stderr
    assert [path.split("/")[-1] for path in files_of(done)] == ["saker-1.yaml", "10.yaml",
                                                                "20.yaml"]
    assert re.findall(r"rules: .*/(\w+).yaml:", done.stderr) == ["one", "two", "three"]


def test_strategies_override_and_add_only(saker):
    one, two = (saker.file(f"{name}.yaml", RULE.replace("own", name)) for name in ("one", "two"))
    more = saker.file("more.yaml", f"rules_files: [{two}]\n")
    for strategy, want in (("append", ["one", "two"]), ("override", ["two"]),
                           ("add-only", ["one"])):
        done = saker("--dry-run", config=f"config_files: [{{path: {more}, strategy: {strategy}}}]\n"
                                         f"rules_files: [{one}]\n")
        assert done.returncode == 0, done.stderr
        assert re.findall(r"rules: .*/(\w+).yaml:", done.stderr) == want, strategy
    done = saker("--dry-run", config=f"config_files: [{{path: {more}, strategy: sometimes}}]\n")
    assert done.returncode == 1
    assert "saker-4.yaml:1:" in done.stderr and "append, override or add-only" in done.stderr


def test_files_can_be_named_on_the_command_line(saker):
    rules = saker.file("rules.yaml", RULE)
    more = saker.file("more.yaml", f"rules_files: [{rules}]\njson_output: true\n")
    done = saker("--support", "-o", f"config_files={more}", "-o", "json_output=false")
    assert done.returncode == 0, done.stderr
    support = json.loads(done.stdout)
    assert [entry["name"] for entry in support["rules_files"]] == [str(rules)]
    assert '"json_output": "false"' in support["config"]


def test_what_cannot_be_merged_is_refused_with_its_place(saker):
    nested = saker.file("nested.yaml", "json_output: true\nconfig_files: [x.yaml]\n")
    broken = saker.file("broken.yaml", "json_output: [\n")
    wrong = saker.file("wrong.yaml", "\nlog_level: loud\n")
    for path, want in ((nested, "nested.yaml:2:1:"), (broken, "broken.yaml:"),
                       (wrong, "wrong.yaml:2:12: log_level")):
        done = saker("--dry-run", config=f"config_files: {path}\n")
        assert done.returncode == 1, path
        assert want in done.stderr
    done = saker("--dry-run", config=f"config_files: [{saker.directory}/saker-4.yaml]\n")
    assert done.returncode == 1 and "names itself" in done.stderr


SENDS = """
- rule: Sends
  desc: d
  condition: evt.type=sendto and static.zone=a1
  output: sent %evt.buffer %evt.arg.data %len(evt.buffer) from %static.zone.
  priority: NOTICE
"""


@pytest.mark.parametrize("settings, text, fields", [
    ("static_fields: {zone: a1}\nappend_output: []\n",
     "Notice sent hello hello 5 from a1.",
     {"evt.buffer": "hello", "evt.arg.data": "hello", "static.zone": "a1"}),
    ("static_fields: {zone: a1, of.it: '2'}\nbuffer_format_base64: true\n",
     "Notice sent aGVsbG8= aGVsbG8= 5 from a1. static_zone=a1 static_of_it=2",
     {"evt.buffer": "aGVsbG8=", "evt.arg.data": "aGVsbG8=", "static.zone": "a1",
      "static.of.it": "2"}),
])
def test_static_fields_and_the_form_of_buffers(saker, captures, settings, text, fields):
    rules = saker.file("rules.yaml", SENDS)
    done = saker.replay(captures / "host_activity.scap", rules=[rules],
                        config="json_output: true\n" + settings)
    assert done.returncode == 0, done.stderr
    alert = json.loads(done.stdout.splitlines()[0])
    assert alert["output"].split(": ", 1)[1] == text
    assert {k: v for k, v in alert["output_fields"].items() if k != "evt.time"} == fields


def test_static_fields_that_are_not_there_are_told(saker):
    rules = saker.file("rules.yaml", SENDS)
    done = saker("--dry-run", "-r", rules, config="static_fields: {zon: a1}\n")
    assert done.returncode == 1 and "unknown field 'static.zone'" in done.stderr
    assert "rules.yaml:4:34" in done.stderr
    done = saker("--dry-run", "-r", rules, config="static_fields: {'a b': a1}\n")
    assert done.returncode == 1 and "saker-2.yaml:1:17: static_fields" in done.stderr
    skipped = saker.file("skipped.yaml", SENDS + "  skip-if-unknown-filter: true\n")
    done = saker("--dry-run", "-r", skipped, config="")
    assert done.returncode == 0, done.stderr


def test_a_missing_configuration_is_an_error(saker):
    done = saker("--dry-run", "-c", "/none/such.yaml", config=None)
    assert done.returncode == 1 and "/none/such.yaml" in done.stderr


def test_rules_files_that_are_not_there_are_named(saker):
    for files, told in (("[/none/a.yaml]", "(/none/a.yaml)"),
                        ("[/none/a.yaml, /none/b]", "(/none/a.yaml, ...)")):
        done = saker("--dry-run", config=f"rules_files: {files}\n")
        assert done.returncode == 1 and told in done.stderr, done.stderr


def test_variables_of_the_environment_are_put_in(saker):
    rules = saker.file("rules.yaml", RULE)
    done = saker("--dry-run", config="rules_files: ['${RULES_DIRECTORY}/rules.yaml']\n",
                 env={"RULES_DIRECTORY": str(rules.parent)})
    assert done.returncode == 0, done.stderr
    assert f"{rules}: 1 rules" in done.stderr


def test_messages_go_where_the_configuration_says(saker):
    assert saker("--dry-run", "-r", RULES, config="log_stderr: false\n").stderr == ""
    quiet = saker("--dry-run", "-r", RULES, config="log_level: error\n")
    assert quiet.returncode == 0 and quiet.stderr == ""
    iso = saker("--dry-run", "-r", RULES, config="time_format_iso_8601: true\n")
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000: ", line)
               for line in iso.stderr.splitlines()), iso.stderr
    plain = saker("--dry-run", "-r", RULES)
    assert all(re.match(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}: ", line)
               for line in plain.stderr.splitlines()), plain.stderr
    errors = saker("--dry-run", config="log_stderr: false\njson_output: 7\n")
    assert errors.returncode == 1 and "json_output" in errors.stderr


def test_a_file_of_nothing_but_mistakes_is_told_of_in_short(saker):
    began = time.monotonic()
    many = saker("--dry-run", config="".join(f"key{i}: 1\n" for i in range(100000)))
    assert many.returncode == 1  # there are no rules
    assert "further messages of this kind are left out" in many.stderr
    assert len(many.stderr.splitlines()) < 250
    deep = saker("--dry-run", config="a: " + "[" * 100000)
    assert deep.returncode == 1 and "saker-2.yaml:1:" in deep.stderr
    aliases = "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))
    assert saker("--dry-run", config=aliases).returncode == 1
    merges = "m0: &m0 {k0: v}\n" + "".join(
        f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 8)}], k{i}: v}}\n" for i in range(1, 12))
    assert saker("--dry-run", config=merges).returncode == 1
    assert time.monotonic() - began < 30


def in_own_etc(saker, *names):
    """Runs it where /etc holds nothing but those files (with a user namespace of its own)."""
    script = "mount -t tmpfs tmpfs /etc && " + " && ".join(
        f"mkdir -p $(dirname {name}) && echo 'rules_files: [{RULES}]' > {name}" for name in names)
    command = saker.command("--dry-run", config=None)
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                           f'{script} && exec "$@"', "sh", *command], capture_output=True,
                          text=True, cwd=saker.directory, timeout=60)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        (pytest.fail if IN_CI else pytest.skip)(f"no namespaces here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return done


def test_falcos_configuration_is_read_where_there_is_none_of_our_own(saker):
    ours, falcos = "/etc/saker/saker.yaml", "/etc/falco/falco.yaml"
    assert files_of(in_own_etc(saker, ours, falcos)) == [ours]
    done = in_own_etc(saker, falcos)
    assert files_of(done) == [falcos]
    assert f"{ours} is not there" in done.stderr


def test_without_an_output_nothing_runs(saker):
    done = saker("--dry-run", "-r", RULES, config="stdout_output: {enabled: false}\n")
    assert done.returncode == 1 and "no output is enabled" in done.stderr


def test_without_a_driver_it_waits_for_its_end(saker):
    command = saker.command("-r", RULES, "-P", "saker.pid", config="engine: {kind: nodriver}\n")
    pid_file = saker.directory / "saker.pid"
    pid_file.write_text("999999999\n")  # of a run that was cut off
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True,
                          cwd=saker.directory) as running:
        try:
            deadline = time.monotonic() + 10
            said = ""
            while "ready" not in said and time.monotonic() < deadline:
                said += running.stderr.readline()
            assert "ready" in said, said
            assert pid_file.read_text().strip() == str(running.pid)
            second = saker("-r", RULES, "-P", "saker.pid", config="engine: {kind: nodriver}\n")
            assert second.returncode == 1
            assert f"process {running.pid} runs already" in second.stderr
            running.terminate()
            running.communicate(timeout=10)
        finally:
            running.kill()
    assert running.returncode == 0
    assert not pid_file.exists()


def test_it_stops_after_the_time_it_was_given(saker):
    done = saker("-r", RULES, "-M", "1", config="engine: {kind: nodriver}\n")
    assert done.returncode == 0, done.stderr
