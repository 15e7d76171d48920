# SPDX-License-Identifier: Apache-2.0
"""What the configuration says of rules decides which alerts come and what they say."""

import pytest

import monitor as live

# All of them hold for the same event; the last one ends what is waited for.
RULES = """
- macro: opened
  condition: evt.type in (open, openat, openat2) and fd.name = {path}
- rule: First of all
  desc: d
  condition: opened
  output: first
  priority: WARNING
  tags: [alpha]
- rule: Second of all
  desc: d
  condition: opened
  output: second
  priority: NOTICE
  tags: [alpha, beta]
- rule: Never meant
  desc: d
  condition: opened
  enabled: false
  output: third
  priority: NOTICE
- rule: Last
  desc: d
  condition: evt.type in (open, openat, openat2) and fd.name = {end}
  output: last
  priority: WARNING
"""

FIRST, SECOND, THIRD = "First of all", "Second of all", "Never meant"

CASES = {
    "the first rule alone": ([], [FIRST]),
    "the first, said": (["rule_matching=first"], [FIRST]),
    "all rules": (["rule_matching=all"], [FIRST, SECOND]),
    "the first that is enabled": (["rules[]={disable: {rule: First*}}"], [SECOND]),
    "none with the tag": (["rule_matching=all", "rules[]={disable: {tag: alpha}}"], []),
    "none but those with the tag": (["rule_matching=all", "rules[]={disable: {rule: '*'}}",
                                     "rules[]={enable: {tag: beta}}",
                                     "rules[]={enable: {rule: Last}}"], [SECOND]),
    "what the file disables": (["rule_matching=all", "rules[]={enable: {rule: Never meant}}"],
                               [FIRST, SECOND, THIRD]),
    "the last word counts": (["rule_matching=all", "rules[]={disable: {tag: alpha}}",
                              "rules[]={enable: {rule: Second of all}}"], [SECOND]),
    "a least priority": (["rule_matching=all", "priority=warning"], [FIRST]),
}


@pytest.fixture
def alerts_of(program, tmp_path):
    reason = live.why_not_live()
    if reason and live.IN_CI:
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    path, end = tmp_path / "opened", tmp_path / "end"
    path.touch()
    end.touch()
    (tmp_path / "rules.yaml").write_text(RULES.format(path=path, end=end))

    def watch(*options, arguments=()):
        given = [part for option in options for part in ("-o", option)]
        with live.Monitor(*arguments, *given, rules=[tmp_path / "rules.yaml"]) as monitor:
            monitor.wait_ready()
            path.read_text()
            end.read_text()
            monitor.wait_for("Last")
            return [alert for alert in monitor.alerts if alert.rule != "Last"]
    return watch


@pytest.mark.parametrize("what", CASES)
def test_rules_are_chosen(alerts_of, what):
    options, expected = CASES[what]
    assert [alert.rule for alert in alerts_of(*options)] == expected


def test_outputs_are_appended(alerts_of, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("rule_matching: all\n"
                      "append_output:\n"
                      "  - match: {tags: [beta]}\n"
                      "    extra_output: and %evt.type\n"
                      "  - match: {rule: First of all, source: syscall}\n"
                      "    extra_fields: [proc.pid, {who: 'me: %proc.name'}]\n"
                      "  - match: {source: k8s_audit}\n"
                      "    extra_output: never\n")
    first, second = alerts_of(arguments=["-c", config])
    assert first["output"].endswith(" first")
    assert first.fields["who"].startswith("me: python")
    assert isinstance(first.fields["proc.pid"], int)
    assert second["output"].endswith(" second and openat")
    assert second.fields["evt.type"] == "openat"
    assert "who" not in second.fields
