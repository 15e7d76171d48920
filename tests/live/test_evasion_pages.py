# SPDX-License-Identifier: Apache-2.0
"""Arguments in memory that is not there: the event comes all the same, and says what was done.

Of each call the page that holds what its arguments point to is brought by another thread when the kernel
asks for it, is one of a file that was never read, or is taken away again and again while the call runs.
"""

import shutil

import pytest

import evasion

RULES = """
- rule: Done
  desc: what the calls did
  condition: >
    evt.type in (unlinkat, renameat2, truncate, mount, connect, bpf, ptrace, execve)
    and proc.exepath endswith /evade_pages and evt.rawres >= 0
  output: >
    %evt.type %fs.path.name %fs.path.source %fs.path.target %fd.name %fd.sip %fd.sport %evt.arg.cmd
    %evt.arg.request %proc.args %proc.exepath %evt.args
  priority: NOTICE
- rule: The end
  desc: all before has been judged
  condition: evt.type in (open, openat) and fd.name = DIRECTORY/end
  output: "%fd.name"
  priority: NOTICE
"""

# The call, its event, and what the alert must say.
CALLS = {
    "unlink": ("unlinkat", {"fs.path.name": "{dir}/unlinked"}),
    "rename": ("renameat2", {"fs.path.source": "{dir}/old", "fs.path.target": "{dir}/new"}),
    "truncate": ("truncate", {"fs.path.name": "{dir}/cut"}),
    "mount": ("mount", {"fs.path.source": "{dir}/source", "fs.path.target": "{dir}/target"}),
    "connect": ("connect", {"fd.sip": "127.0.0.1", "fd.sport": 9}),
    "bpf": ("bpf", {"evt.arg.cmd": "BPF_MAP_CREATE"}),
    "ptrace": ("ptrace", {"evt.arg.request": "PTRACE_SETREGSET"}),
    "exec": ("execve", {"proc.args": "hidden-argument"}),
}
# Of other calls of the same type, and of pages of zeros that the kernel read.
OTHERS = {"mount": ("/", "/none"), "connect": ("0.0.0.0", "0"),
          "ptrace": ("PTRACE_TRACEME", "PTRACE_GETREGSET")}
# An exec has no second round, and its own memory is what the kernel reads its arguments to.
AGAIN = [call for call in CALLS if call != "exec"]


@pytest.fixture(scope="module")
def scene(live_machine, workshop, tmp_path_factory):
    directory = workshop / "pages"
    directory.mkdir()
    rules = tmp_path_factory.mktemp("rules") / "pages.yaml"
    rules.write_text(RULES.replace("DIRECTORY", str(directory)))
    with evasion.Watch(own=[rules]) as watch:
        yield watch, directory, evasion.build("evade_pages", workshop)
    shutil.rmtree(directory)


@pytest.fixture
def trick(scene):
    return evasion.Trick(*scene)


def fits(trick, call):
    event, fields = CALLS[call]
    wanted = {name: value.format(dir=trick.directory) if isinstance(value, str) else value
              for name, value in fields.items()}

    def check(alert):
        return alert.fields["evt.type"] == event and all(
            alert.fields[name] == value for name, value in wanted.items())
    return check


@pytest.mark.parametrize("how", ["plain", "fault", "file"])
@pytest.mark.parametrize("call", CALLS)
def test_pages_that_are_brought_when_they_are_asked_for(trick, call, how):
    trick.go(call, how, trick.directory, 9)
    trick.wait_for("own", "Done", fits(trick, call))


@pytest.mark.parametrize("call", AGAIN)
def test_pages_that_are_taken_away_while_calls_run(trick, call):
    done = int(trick.go(call, "away", trick.directory, 9))
    assert done, "some got through"
    with open(trick.directory / "end", "w"):
        pass
    trick.wait_for("own", "The end")
    event = CALLS[call][0]
    told = [alert for alert in trick.alerts("own", "Done") if alert.fields["evt.type"] == event]
    # There are other calls of some types: the first look at the registers, the namespace's mounts.
    assert len(told) >= done
    fields = {name: str(value).format(dir=trick.directory) for name, value in CALLS[call][1].items()}
    for alert in told:
        for name, value in fields.items():
            shown = alert.fields[name]
            # What cannot be read any more is absent; zeros are an address, which ends a connection.
            assert shown is None or str(shown) in (value, *OTHERS.get(call, ())), alert["output"]
