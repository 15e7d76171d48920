# SPDX-License-Identifier: Apache-2.0
"""Flags that print something: in Falco's forms, for the scripts that read them."""

import json
import os
import re
import threading
import time

import pytest

from conftest import RULES


def test_version_as_text_and_json(saker):
    text = saker("--version")
    assert text.returncode == 0 and text.stderr == ""
    lines = dict(re.findall(r"^ *([A-Z][\w ]+): +(\S+)$", text.stdout, re.MULTILINE))
    assert set(lines) == {"Saker version", "Falco version", "Libs version", "Plugin API", "Engine",
                          "API version", "Schema version", "Default driver"}
    facts = json.loads(saker("--version", "-o", "json_output=true").stdout)
    assert set(facts) == {"saker_version", "falco_version", "libs_version", "plugin_api_version",
                          "driver_api_version", "driver_schema_version", "default_driver_version",
                          "engine_version", "engine_version_semver"}
    assert facts["engine_version_semver"] == lines["Engine"]
    assert facts["engine_version"] == lines["Engine"].split(".")[1]
    assert facts["driver_schema_version"] == lines["Schema version"]


def test_support_tells_versions_system_configuration_and_rules(saker):
    rules = saker.file("rules.yaml", "# \xe9 and no rule\n")
    (saker.directory / "binary.yaml").write_bytes(b"# \xff\n")
    done = saker("--support", "-r", rules, "-r", saker.directory / "binary.yaml",
                 config="json_output: true\nprogram_output: {program: 'say \"x\"'}\n")
    assert done.returncode == 0, done.stderr
    support = json.loads(done.stdout)
    assert set(support) == {"version", "engine_info", "system_info", "cmdline", "config",
                            "rules_files"}
    assert set(support["system_info"]) == {"sysname", "nodename", "release", "version", "machine"}
    assert support["system_info"]["release"] == os.uname().release
    assert support["rules_files"][0] == {"name": str(rules),
                                         "variants": [{"content": "# \xe9 and no rule\n"}]}
    assert "\ufffd" in support["rules_files"][1]["variants"][0]["content"] \
        or "UTF-8" in support["rules_files"][1]["variants"][0]["content"]
    assert "--support" in support["cmdline"]
    assert r'"program_output": {"program": "say \"x\""}' in support["config"]


def test_rules_may_come_from_a_pipe_that_is_slow(saker):
    pipe = saker.directory / "pipe"
    os.mkfifo(pipe)
    rules = RULES.read_bytes()

    def write():
        with open(pipe, "wb") as end:
            for at in range(0, len(rules), 4096):
                end.write(rules[at:at + 4096])
                end.flush()
                time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    done = saker("-V", pipe)
    writer.join()
    assert done.returncode == 0 and f"{pipe}: Ok" in done.stdout, done.stdout + done.stderr


def test_page_size(saker):
    assert saker("--page-size").stdout == f"{os.sysconf('SC_PAGESIZE')}\n"


def test_ignored_events(saker):
    assert saker("-i").stdout == "Ignored syscall(s):\n\n"


def test_plugins(saker):
    none = saker("--list-plugins")
    assert none.returncode == 0 and none.stdout.startswith("0 Plugins Loaded:\n\n")
    config = ("load_plugins: [container]\nplugins:\n  - name: container\n"
              "    library_path: libcontainer.so\n    init_config: {with_size: false}\n")
    one = saker("--list-plugins", config=config)
    assert one.stdout.startswith("1 Plugins Loaded:\n\nName: container\n")
    for name in ("container", "libcontainer.so"):
        info = saker("--plugin-info", name, config=config)
        assert info.returncode == 0 and "Name: container\n" in info.stdout
        assert '{"with_size":false}' in info.stdout
    own = saker("--plugin-info", "k8saudit",
                config="plugins: [{name: k8saudit, library_path: x, open_params: /y}]\n").stdout
    assert "part of the program" in own and "source='k8s_audit'" in own and "/y" in own
    unknown = saker("--plugin-info", "nobody", config=config)
    assert unknown.returncode == 1 and unknown.stdout == "" and "nobody" in unknown.stderr


def test_fields_in_three_forms(saker):
    names = saker("--list", "-N").stdout.split()
    assert "proc.name" in names and "evt.dir" not in names
    as_json = json.loads(saker("--list", "-N", "--format", "json").stdout)
    assert as_json == {"fieldnames": names}
    classes = json.loads(saker("--list", "--format", "json").stdout)["fieldclasses"]
    fields = {field["name"]: field for c in classes for field in c["fields"]}
    assert list(fields) == names
    assert fields["proc.name"]["type"] == "CHARBUF" and fields["proc.name"]["argument"] is None
    assert fields["evt.arg"]["argument"] == {"required": True, "type": ["INDEX", "KEY"]}
    assert {c["name"] for c in classes} >= {"evt", "proc", "fd", "user"}
    text = saker("--list").stdout
    assert "Field Class:                  evt\n" in text
    assert re.search(r"^Event Sources: +syscall ", text, re.MULTILINE)
    assert "(Type: CHARBUF)" not in text and "(Type: CHARBUF)" in saker("--list", "-v").stdout
    page = saker("--list", "--format", "markdown").stdout
    assert re.search(r"^`proc\.name` \| CHARBUF \|", page, re.MULTILINE)
    old = saker("--list", "--markdown")
    assert old.stdout == page and "--format markdown" in old.stderr


def test_fields_of_one_source(saker):
    assert "ka.verb" in saker("--list", "k8s_audit", "-N").stdout.split()
    assert "ka.verb" not in saker("--list=syscall", "-N").stdout.split()
    done = saker("--list", "nothing")
    assert done.returncode == 1 and "nothing" in done.stderr


def test_events_in_three_forms(saker):
    text = saker("--list-events").stdout
    assert text.startswith("The events below are valid for")
    assert re.search(r"^< openat\(FD \*\*fd\*\*, FD \*\*dirfd\*\*, .*\*\*flags\*\*: ", text,
                     re.MULTILINE)
    groups = ["Syscall events", "Tracepoint events", "Plugin events", "Metaevents"]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == groups
    as_json = json.loads(saker("--list-events", "--format", "json").stdout)
    assert set(as_json) == {"schema_version", *groups}
    openat = next(e for e in as_json["Syscall events"] if e["name"] == "openat")
    assert openat["dir"] == "<" and openat["params"][0] == {"name": "fd", "type": "FD"}
    page = saker("--list-events", "--format", "markdown").stdout
    assert "Yes | `<` | `openat` | FD **fd**" in page


def test_rules_are_validated_and_described_together(saker):
    both = json.loads(saker("-V", RULES, "-L", "-o", "json_output=true").stdout)
    assert both["falco_load_results"][0]["successful"] is True
    assert both["falco_describe_results"]["rules"]
    text = saker("-V", RULES, "-L").stdout
    assert ": Ok" in text and "Sensitive file read" in text


SOURCES = [
    (["--disable-source", "syscall"], 1, "one event source must remain"),
    (["--enable-source", "syscall"], 0, "dry run"),
    (["--enable-source", "k8s_audit"], 1, "no event source of that name: k8s_audit"),
    (["--disable-source", "nobody"], 1, "no event source of that name: nobody"),
    (["--enable-source", "syscall", "--disable-source", "syscall"], 1, "do not go together"),
    (["--disable-source", "syscall", "-o", "engine.kind=replay",
      "-o", "engine.replay.capture_file=x.scap"], 0, "dry run"),
]


@pytest.mark.parametrize("arguments, status, said", SOURCES, ids=lambda a: str(a)[:40])
def test_sources_are_chosen(saker, arguments, status, said):
    done = saker("--dry-run", "-r", RULES, *arguments)
    assert done.returncode == status, done.stderr
    assert said in done.stderr


AUDIT = """plugins:
  - {name: k8saudit, library_path: libk8saudit.so, open_params: 'http://:9765/k8s-audit'}
"""


def test_a_plugins_source_can_be_all_there_is(saker):
    done = saker("--dry-run", "-r", RULES, "--disable-source", "syscall", config=AUDIT)
    assert done.returncode == 0, done.stderr


def alerts_of(done):
    return [line for line in done.stdout.splitlines() if " Warning " in line]


RULE = """- rule: Link made
  desc: of a test
  condition: evt.type in (symlink, symlinkat)
  output: Link made
  priority: WARNING
"""

# All links of that capture were made in one container, of which it knows the id alone.
CONTAINER = ("container_id=3f1c9a0b7d5e container_name=<NA> container_image_repository=<NA> "
             "container_image_tag=<NA>")


@pytest.mark.parametrize("flags, config, want", [
    ([], "", "Link made"),
    (["-p", "user=%user.name"], "", "Link made user=root"),
    (["-pc"], "", f"Link made {CONTAINER}"),
    (["-p", "kubernetes"], "", f"Link made {CONTAINER} k8s_pod_name=<NA> k8s_ns_name=<NA>"),
    ([], "plugins: [{name: container, library_path: libcontainer.so}]\n",
     f"Link made {CONTAINER} k8s_pod_name=<NA> k8s_ns_name=<NA>"),
    (["-pc"], "plugins: [{name: container, library_path: libcontainer.so}]\nappend_output:\n"
              "  - {suggested_output: true, match: {rule: other}}\n  - {extra_output: more}\n",
     "Link made more"),
], ids=["plain", "text", "container", "kubernetes", "suggested", "matched"])
def test_more_is_printed(saker, captures, flags, config, want):
    rules = saker.file("rules.yaml", RULE)
    done = saker.replay(captures / "host_activity.scap", *flags, rules=[rules], config=config)
    assert done.returncode == 0, done.stderr
    alerts = alerts_of(done)
    assert alerts
    assert {alert.split(" Warning ")[1] for alert in alerts} == {want}
