# SPDX-License-Identifier: Apache-2.0
"""What the program does with rules beside watching; none of it needs a probe or root."""

import json
import subprocess

import pytest

import monitor as live

RULES = """
- rule: Alpha one
  desc: the first
  condition: evt.type = openat and fd.name = /x
  output: alpha one %proc.name
  priority: WARNING
  tags: [t1]
- rule: Alpha two
  desc: the second
  condition: evt.type = openat and fd.name = /x
  output: alpha two
  priority: INFO
  tags: [t2]
- rule: Beta
  desc: the third
  condition: evt.type = openat and fd.name = /x
  output: beta
  priority: DEBUG
  tags: [t1, t2]
"""

TESTS = """
tests:
- {name: one event, event: {evt.type: openat, fd.name: /x}, fires: [Alpha one]}
"""


@pytest.fixture
def run(program, tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "tests.yaml").write_text(TESTS)

    def call(*arguments, status=0):
        result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True,
                                timeout=60, cwd=tmp_path)
        assert result.returncode == status, result.stdout + result.stderr
        return result.stdout
    return call


SELECTIONS = {
    "nothing chosen": ([], ["Alpha one", "Alpha two", "Beta"]),
    "a name": (["rules[]={disable: {rule: Beta}}"], ["Alpha one", "Alpha two"]),
    "a pattern": (["rules[]={disable: {rule: Alpha*}}"], ["Beta"]),
    "a tag": (["rules[]={disable: {tag: t1}}"], ["Alpha two"]),
    "all, then a tag again": (["rules[]={disable: {rule: '*'}}", "rules[]={enable: {tag: t2}}"],
                              ["Alpha two", "Beta"]),
    "the last one decides": (["rules[]={enable: {rule: Beta}}", "rules[]={disable: {tag: t1}}"],
                             ["Alpha two"]),
    "a least priority": (["priority=info"], ["Alpha one", "Alpha two"]),
    "a higher one": (["priority=WARNING"], ["Alpha one"]),
}


@pytest.mark.parametrize("what", SELECTIONS)
def test_configuration_chooses_rules(run, what):
    options, expected = SELECTIONS[what]
    arguments = [part for option in options for part in ("-o", option)]
    status = 0 if "Alpha one" in expected else 1
    output = run("rules", "test", "tests.yaml", "-r", "rules.yaml", "-o", "json_output=true",
                 *arguments, status=status)
    assert json.loads(output)["files"][0]["tests"][0]["fired"] == expected


def test_one_rule_is_described(run):
    text = run("-l", "Alpha two", "-r", "rules.yaml")
    assert "Alpha two" in text and "the second" in text and "Beta" not in text
    rules = json.loads(run("-l", "Alpha two", "-r", "rules.yaml", "-o", "json_output=true"))["rules"]
    assert [rule["info"]["name"] for rule in rules] == ["Alpha two"]
    assert rules[0]["details"]["events"]
    assert rules[0]["details"]["condition_fields"] == ["evt.type", "fd.name"]
    run("-l", "Gamma", "-r", "rules.yaml", status=1)


def test_all_rules_are_described(run):
    text = run("-L", "-r", "rules.yaml")
    assert all(name in text for name in ("Alpha one", "Alpha two", "Beta"))
    described = json.loads(run("-L", "-r", "rules.yaml", "-o", "json_output=true"))
    assert {"rules", "macros", "lists", "required_engine_version"} <= set(described)
    assert len(described["rules"]) == 3


def test_output_is_appended_where_it_fits(run, tmp_path):
    (tmp_path / "config.yaml").write_text(
        "append_output:\n"
        "  - match: {tags: [t1]}\n    extra_output: pid=%proc.pid\n"
        "  - match: {source: syscall, rule: Beta}\n    extra_fields: [evt.num, {who: '%user.name'}]\n")
    described = json.loads(run("-c", "config.yaml", "-L", "-r", "rules.yaml",
                               "-o", "json_output=true"))
    details = {rule["info"]["name"]: rule["details"] for rule in described["rules"]}
    assert details["Alpha one"]["output_compiled"] == "alpha one %proc.name pid=%proc.pid"
    assert details["Alpha two"]["output_compiled"] == "alpha two"
    assert details["Beta"]["output_compiled"] == "beta pid=%proc.pid"
    (tmp_path / "config.yaml").write_text("append_output:\n  - extra_fields: [proc.nam]\n")
    result = run("-c", "config.yaml", "-L", "-r", "rules.yaml", status=1)
    assert result == ""


def test_schema_is_json(run):
    assert json.loads(run("--rule-schema"))["definitions"]


def test_validation_reports_in_json(run, tmp_path):
    (tmp_path / "broken.yaml").write_text("- rule: x\n  condition: nothing\n")
    report = json.loads(run("-V", "rules.yaml", "-o", "json_output=true"))
    assert report["falco_load_results"][0]["successful"] is True
    report = json.loads(run("-V", "rules.yaml", "-V", "broken.yaml", "-o", "json_output=true",
                            status=1))
    results = {result["name"]: result for result in report["falco_load_results"]}
    assert results["broken.yaml"]["successful"] is False
    error = results["broken.yaml"]["errors"][0]
    assert error["code"].startswith("LOAD_ERR_")
    assert error["context"]["locations"]


def test_several_files_are_validated_together(run, tmp_path):
    (tmp_path / "own.yaml").write_text("- rule: Beta\n  enabled: false\n"
                                       "  override: {enabled: replace}\n")
    assert "own.yaml: Ok" in run("-V", "rules.yaml", "own.yaml")
    run("-V", "own.yaml", status=1)


def test_rules_are_explained(run, tmp_path):
    (tmp_path / "event.yaml").write_text("{evt.type: openat, fd.name: /y}\n")
    text = run("rules", "explain", "Alpha one", "-r", "rules.yaml", "--event", "event.yaml")
    assert "false" in text and "fd.name = /x   # it is /y" in text
    assert "guard" in text
    assert text.endswith("For this event the rule does not hold.\n")
    told = json.loads(run("rules", "explain", "Alpha one", "-r", "rules.yaml", "--event",
                          "event.yaml", "-o", "json_output=true"))
    assert told["rule"] == "Alpha one" and told["holds"] is False and told["cost"]


@pytest.mark.parametrize("arguments", [["rules"], ["rules", "nothing"], ["rules", "test"],
                                       ["rules", "explain"], ["rules", "explain", "a", "b"]],
                         ids=" ".join)
def test_incomplete_commands_are_refused(run, arguments):
    run(*arguments, status=1)


def test_default_rules_pass_their_tests(run):
    output = run("rules", "test", live.REPOSITORY / "rules" / "tests" / "saker_rules_test.yaml")
    assert ", 0 failed" in output
