# SPDX-License-Identifier: Apache-2.0
"""The probe's programs stay within what the verifier goes through at a start.

Its work is what a start mostly takes, and older kernels refuse a program over a million
instructions. The ceilings leave room for growth that somebody means (raise them then), and none
for a loop or a branch by which the verifier's work multiplies unseen.
"""

import re
import subprocess

import pytest

# On Linux 6.18 the largest program took 34,300, all together 305,000; on 6.1 56,900 and 459,000.
VERIFIED_PROGRAM, VERIFIED_ALL = 90_000, 520_000
# As many as fit into a start whose translation to machine code is not felt: 53,500.
INSTRUCTIONS_ALL = 90_000


@pytest.fixture(scope="module")
def sizes(live_machine, program):
    """Rows of the table by program: verified, instructions, native bytes."""
    done = subprocess.run([program, "--probe-info"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return {name: tuple(map(int, numbers.split())) for name, numbers in
            re.findall(r"^(\w+) +((?:\d+ +){2}\d+)$", done.stdout, re.MULTILINE)}


def test_every_program_is_told(sizes):
    assert {"sys_exit", "process_exec", "process_fork", "process_exit", "all"} <= sizes.keys()
    for column in range(3):
        assert sizes["all"][column] == sum(row[column] for name, row in sizes.items()
                                           if name != "all"), sizes


def test_the_verifiers_work_stays_bounded(sizes):
    if not sizes["all"][0]:
        pytest.skip("this kernel does not tell how many instructions the verifier went through")
    too_large = {name: row[0] for name, row in sizes.items()
                 if name != "all" and row[0] > VERIFIED_PROGRAM}
    assert not too_large, f"over {VERIFIED_PROGRAM} instructions each: {too_large}"
    assert sizes["all"][0] <= VERIFIED_ALL, sizes


def test_programs_stay_small(sizes):
    assert sizes["all"][1] <= INSTRUCTIONS_ALL, sizes


def test_a_call_that_nobody_wants_leaves_through_few_instructions(sizes):
    """sys_exit runs at every call of everybody."""
    assert sizes["sys_exit"][0] <= 1000, sizes["sys_exit"]
