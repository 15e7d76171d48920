# SPDX-License-Identifier: Apache-2.0
"""Dry runs: what is checked before anything is watched, and how the program ends."""

from conftest import RULES


def test_a_dry_run_of_the_default_rules_ends_with_0(saker):
    done = saker("--dry-run", "-r", RULES)
    assert done.returncode == 0, done.stderr
    assert "dry run" in done.stderr


def test_a_broken_configuration_ends_with_1_and_the_place(saker):
    done = saker("--dry-run", "-r", RULES, config="json_output: perhaps\n")
    assert done.returncode == 1
    assert "saker-1.yaml:1:14: json_output: found \"perhaps\"" in done.stderr
