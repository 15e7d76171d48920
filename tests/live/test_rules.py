# SPDX-License-Identifier: Apache-2.0
"""Each default rule fires for its case and stays silent for a near miss."""

import re

import pytest
import yaml

from cases import CONTAINER_RULES, FIRES, SILENT
from monitor import RULES


def name_of(case):
    return f"{case.rule}: {case.what}"


@pytest.fixture(scope="module")
def rules():
    return [item for item in yaml.safe_load(RULES.read_text()) if "rule" in item]


@pytest.mark.parametrize("case", FIRES, ids=name_of)
def test_rule_fires(scene, case):
    case.how(scene)
    expected = {name: value.format(scene=scene.directory) if isinstance(value, str) else value
                for name, value in case.fields.items()}
    alert = scene.wait_for(case.rule)
    found = {name: alert.fields.get(name) for name in expected}
    assert found == expected, alert["output"]


@pytest.mark.parametrize("case", SILENT, ids=name_of)
def test_near_miss_is_silent(scene, case):
    case.how(scene)
    scene.expect_none(case.rule)


def test_every_rule_has_both_cases(rules):
    names = {rule["rule"] for rule in rules}
    for table in (FIRES, SILENT):
        covered = {case.rule for case in table} | CONTAINER_RULES
        assert covered == names


def test_every_rule_says_what_it_is(rules):
    for rule in rules:
        name = rule["rule"]
        assert len(rule["desc"]) > 60, name
        assert any(tag.startswith("mitre_") for tag in rule["tags"]), name
        assert any(re.fullmatch(r"T\d{4}(\.\d{3})?", tag) for tag in rule["tags"]), name
        for field in ("user.name", "proc.name", "proc.exepath", "proc.cmdline", "proc.pid",
                      "proc.pname", "container.id"):
            assert f"%{field}" in rule["output"], (name, field)


def test_every_rule_is_documented(rules):
    text = (RULES.parents[1] / "docs" / "detections.md").read_text()
    documented = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert documented == [rule["rule"] for rule in rules]
