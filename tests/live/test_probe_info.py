# SPDX-License-Identifier: Apache-2.0
"""saker --probe-info says which fact comes from where."""

import re
import subprocess

FACTS = {
    "calls": "tp_btf/sys_exit", "opened files": "the file that the descriptor is of", "names of other calls": "name",
    "sockets": "the socket", "where datagrams went": "",
    "programs": "tp_btf/sched_process_exec", "new processes": "tp_btf/sched_process_fork",
    "ends of processes": "tp_btf/sched_process_exit", "names of processes": "tp_btf/task_rename",
    "processes before the start": "", "io_uring": "", "modules": "when", "reboots": "when",
    "signals, switches": "tp_btf/signal_deliver", "page faults": "", "who did it": "the task",
}


def test_every_fact_has_its_source(live_machine, program):
    said = subprocess.run([program, "--probe-info"], stdout=subprocess.PIPE, check=True, text=True).stdout
    told = dict(re.findall(r"^  (\S.*?) {2,}(\S.*)$", said, re.M))
    assert told.keys() == FACTS.keys()
    for fact, source in FACTS.items():
        assert source in told[fact]
    # What the list of features says of a kernel and what is used there agree.
    has_uring, has_loop = (re.search(rf"^{what} +yes", said, re.M) is not None
                           for what in ("io_uring's requests", "paths of any depth"))
    assert ("io_uring_complete" in told["io_uring"]) == has_uring
    assert ("followed once more" in told["names of other calls"]) == has_loop
    has_hooks = re.search(r"^hooks within calls +(yes|no \(.+\))$", said, re.M)[1] == "yes"
    assert ("hooks within the call" in told["names of other calls"]) == has_hooks
    has_changes = re.search(r"^inodes that calls change +yes", said, re.M) is not None
    assert ("the inode that the call changed" in told["names of other calls"]) == has_changes
    by_table, by_program, generic = map(int, re.search(
        r"^calls: (\d+) by rows of a table, (\d+) by programs of their own, (\d+) as number", said, re.M).groups())
    assert by_table > 150 and 3 <= by_program <= 6 and generic > 0
