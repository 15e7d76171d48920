# SPDX-License-Identifier: Apache-2.0
"""Calls that open nothing (acts.c): what they acted on, and whether the monitor says the same."""
import re

# Two directories, each reached by a link: of the first the link's text is kept with it, of the second
# it is too long for that.
DIRECTORIES = {"near": "/tmp/acts/1", "far": "/tmp/acts/2"}
RACE = "/tmp/acts/race"
RACED = {"unlinkat": "name", "fchmodat": "name", "renameat": "source"}

# Calls that tell by their result which name they were given.
ANSWERED = ["faccessat", "utimensat", "setxattr", "readlinkat", "unlinkat", "renameat", "open_tree", "chdir"]

# Of calls that have two names: the one of each field.
TWO = {"rename": ("{}", "{}-new"), "link": ("{}-new", "{}"), "symlink": ("{}", None), "mount": (None, "{}")}
TWO.update({name + "at": fields for name, fields in TWO.items() if name != "mount"}, renameat2=TWO["rename"])


def rules():
    led = " or ".join(f"fs.path.{field} startswith {directory}/" for directory in DIRECTORIES.values()
                      for field in ("name", "source", "target"))
    text = f"""
- rule: Acted
  desc: on what a name led to
  condition: proc.name = saker-acts and evt.type != openat and ({led})
  output: "%evt.type %fs.path.name %fs.path.source %fs.path.target"
  priority: NOTICE
"""
    for number, result in (1, "evt.rawres = -2"), (2, "not evt.rawres = -2"):
        text += f"""
- rule: Wrong result {number}
  desc: the name of one and the result of the other
  condition: >
    proc.name = saker-acts and evt.type in ({", ".join(ANSWERED)}) and {result} and
    (fs.path.name = {RACE}/{number}only or fs.path.source = {RACE}/{number}only or evt.args contains {RACE}/{number}only)
  output: "%evt.type %evt.args %fs.path.name %fs.path.source"
  priority: NOTICE
"""
    for call, field in RACED.items():
        for number in "12":
            text += f"""
- rule: Raced {call} {number}
  desc: counted
  condition: proc.name = saker-acts and evt.type = {call} and fs.path.{field} = {RACE}/{number}file
  output: "%evt.type"
  priority: NOTICE
"""
    return text


def fields_of(call, directory):
    path = f"{directory}/{call}"
    if call not in TWO:
        return {"fs.path.name": path}
    return {f"fs.path.{which}": form.format(path) for which, form in zip(("source", "target"), TWO[call]) if form}


def missed(call, alerts, directory):
    wanted = {"evt.type": call, **fields_of(call, directory)}
    return not any(wanted.items() <= alert.items() for alert in alerts)


def check(console, log, alerts, release):
    """By hooks, where the kernel has them, through any link and in every race; without them what names tell."""
    has_hooks = re.search(r"^hooks within calls +yes", console, re.M) is not None
    acted = [alert["output_fields"] for alert in alerts if alert["rule"] == "Acted"]
    done = {way: re.findall(rf"^acted {directory} (\S+)$", console, re.M) for way, directory in DIRECTORIES.items()}
    assert min(len(calls) for calls in done.values()) >= 10, console
    expected = dict(done)
    if not has_hooks:
        expected["far"] = []
        expected["near"] = done["near"] if release >= [5, 17] else []
    elif release < [6, 1]:
        # chown's hook takes structures, which no program before 6.1 can be given.
        for way in expected if release < [5, 17] else ["far"]:
            expected[way] = [call for call in done[way] if "chown" not in call]
    for way, directory in DIRECTORIES.items():
        lacking = [call for call in expected[way] if missed(call, acted, directory)]
        assert not lacking, (way, lacking, acted)
    if has_hooks:
        check_races(console, log)
        check_results(console, alerts)


def check_results(console, alerts):
    """Of calls that fail, or that no hook knows, the name is the one that they were given."""
    answered = re.findall(r"^answered (\S+) (\d+) (\d+)$", console, re.M)
    assert [call for call, *_ in answered] == ANSWERED, console
    assert all("0" not in times for _, *times in answered), answered
    wrong = [alert for alert in alerts if alert["rule"].startswith("Wrong result")]
    assert not wrong, (len(wrong), wrong[0], answered)


def check_races(console, log):
    """As often one and as often the other as the files say."""
    races = re.findall(r"^raced (\S+) (\d+) (\d+)$", console, re.M)
    assert {call for call, *_ in races} == RACED.keys(), console
    for call, *times in races:
        assert "0" not in times, (call, times)
        told = []
        for number in "12":
            count = re.search(rf"^  Raced {call} {number}: (\d+)$", log, re.M)
            told.append(int(count[1]) if count else 0)
        assert sum(told) == sum(map(int, times)), (call, times, told)
        assert told == [int(n) for n in times], (call, times, told)


def check_modules(console, alerts):
    """One event of each module that is loaded, before it runs; and of a failure when it is known."""
    hanging = re.search(r"^told of (\d+) that hangs$", console, re.M)
    if not hanging:
        return
    assert hanging[1] == "1", console
    loaded = {}
    for alert in alerts:
        if alert.get("proc.name") == "saker-acts" and alert.get("evt.type") == "finit_module":
            loaded.setdefault(alert["fd.name"], []).append(alert["evt.res"])
    results = dict(re.findall(r"^module (\S+) (-?\d+)$", console, re.M))
    assert results.get("modules/dummy.ko") == "0", console
    assert loaded["/root/modules/dummy.ko"] == ["SUCCESS"], loaded
    assert loaded["/root/modules/tcrypt.ko"][0] == "SUCCESS", loaded
    assert "SUCCESS" not in loaded["/root/modules/tcrypt.ko"][1:], loaded
