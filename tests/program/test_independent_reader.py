# SPDX-License-Identifier: Apache-2.0
"""Captures mean to Saker what they mean to Debian's sysdig (independent_reader.py)."""

import shutil

import independent_reader
import pytest
from conftest import IN_CI, PROGRAM

NAMES = ["cat_write", "connect_localhost", "curl_google", "host_activity", "open-multiple-files",
         "test_ipv6_client"]


@pytest.fixture(scope="module")
def fields():
    if not shutil.which("sysdig"):
        (pytest.fail if IN_CI else pytest.skip)("sysdig is not installed", pytrace=False)
    fields = independent_reader.fields_of_both(PROGRAM)
    assert len(fields) > 200, fields
    return fields


@pytest.fixture(scope="module")
def compared(fields, captures):
    """All captures, once."""
    results = {}
    for name in NAMES:
        results[name] = independent_reader.Comparison()
        independent_reader.compare(results[name], PROGRAM, captures / f"{name}.scap", fields,
                                   falco=captures / f"{name}.fields.jsonl.gz")
    return results


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_the_same_text_or_differs_for_a_reason(compared, name):
    result = compared[name]
    assert not result.differed, result.explain()
    assert sum(result.compared.values()) > 500
    print(f"{sum(result.compared.values())} values, of which {result.meant} differ on purpose")


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_there_for_both(compared, name):
    result = compared[name]
    assert not result.missing
    assert not set(result.only_ours) - set(independent_reader.ONLY_OURS)


def test_every_reason_is_needed(compared):
    assert compared
    idle = [row.reason for row in independent_reader.DIFFERENCES
            if not row.count and not row.of_recordings]
    assert not idle
