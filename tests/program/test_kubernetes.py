# SPDX-License-Identifier: Apache-2.0
"""The manifest for a cluster, held against what the program asks of an API server, and its plugin."""

import re
import sys

import pytest

from conftest import REPOSITORY

yaml = pytest.importorskip("yaml")
sys.path.insert(0, str(REPOSITORY / "tests" / "unit" / "metadata"))
from kube_server import GROUPS  # noqa: E402

MANIFEST = REPOSITORY / "packaging" / "kubernetes" / "saker.yaml"


@pytest.fixture
def manifest():
    """Its documents, by kind."""
    documents = list(yaml.safe_load_all(MANIFEST.read_text()))
    assert all(document["apiVersion"] and document["metadata"]["name"] for document in documents)
    return {document["kind"]: document for document in documents}


def test_rights_are_those_that_are_used(manifest):
    """Each resource that the client asks for, and no other; nothing may be changed."""
    granted = {(group, resource): set(rule["verbs"])
               for rule in manifest["ClusterRole"]["rules"]
               for group in rule["apiGroups"] for resource in rule["resources"]}
    used = {}
    for resource, (path, _) in GROUPS.items():
        group = path.split("/")[1] if path.startswith("apis/") else ""
        used[group, resource] = {"pods": {"list", "watch"}, "services": {"list"}}.get(
            resource, {"get"})
    assert granted == used
    source = (REPOSITORY / "src" / "metadata" / "kube_objects.c").read_text()
    for resource in GROUPS:
        assert resource == "pods" or f'"{resource}"' in source


def test_parts_of_the_manifest_fit_together(manifest):
    account = manifest["ServiceAccount"]["metadata"]
    [subject] = manifest["ClusterRoleBinding"]["subjects"]
    assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])
    assert manifest["ClusterRoleBinding"]["roleRef"]["name"] == \
        manifest["ClusterRole"]["metadata"]["name"]
    assert account["namespace"] == manifest["Namespace"]["metadata"]["name"]
    daemon = manifest["DaemonSet"]
    pod = daemon["spec"]["template"]
    assert daemon["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["serviceAccountName"] == account["name"]
    [container] = pod["spec"]["containers"]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(volumes) == set(mounts)
    assert volumes["config"]["configMap"]["name"] == manifest["ConfigMap"]["metadata"]["name"]
    environment = {entry["name"]: entry for entry in container["env"]}
    assert environment["HOST_ROOT"]["value"] == mounts["host"]
    assert environment["SAKER_NODE_NAME"]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
    [flag, path] = container["args"]
    assert flag == "-c" and path.startswith(mounts["config"] + "/")
    assert path.removeprefix(mounts["config"] + "/") in manifest["ConfigMap"]["data"]
    port = yaml.safe_load(manifest["ConfigMap"]["data"]["saker.yaml"])["webserver"]["listen_port"]
    assert [entry["containerPort"] for entry in container["ports"]] == [port]


def test_capabilities_are_those_of_the_service(manifest):
    [container] = manifest["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    unit = (REPOSITORY / "packaging" / "systemd" / "saker.service.in").read_text()
    bounds = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE)[1].split()
    added = container["securityContext"]["capabilities"]["add"]
    assert {"CAP_" + name for name in added} == set(bounds)


def test_the_configuration_is_understood(saker, manifest):
    config = manifest["ConfigMap"]["data"]["saker.yaml"]
    rules = REPOSITORY / "rules" / "saker_rules.yaml"
    config = config.replace("/etc/saker/saker_rules.yaml", str(rules))
    done = saker("--dry-run", config=config)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower(), done.stderr


PLUGIN = """load_plugins: [k8smeta]
plugins:
  - name: k8smeta
    library_path: libk8smeta.so
    init_config: {collectorHostname: localhost, collectorPort: 45000, nodeName: n}
"""
RULE = """- required_plugin_versions:
    - name: k8smeta
      version: 0.2.0
- rule: Link made
  desc: in a pod
  condition: evt.type in (link, linkat) and not k8smeta.ns.name = prod
  output: Link made
  priority: WARNING
"""


def test_the_plugin_is_part_of_the_program(saker):
    rules = saker.file("rules.yaml", RULE)
    done = saker("--dry-run", "-r", rules, config=PLUGIN)
    assert done.returncode == 0 and "not loaded" not in done.stderr, done.stderr
    info = saker("--plugin-info", "k8smeta", config=PLUGIN)
    assert info.returncode == 0 and "part of the program" in info.stdout
    names = saker("--list", "-N").stdout.split()
    assert {"k8smeta.pod.name", "k8smeta.svc.labels", "k8smeta.rc.uid"} <= set(names)


def test_the_plugins_fields_are_suggested(saker, captures):
    """As Falco's plugin has it: the pod's name, and its namespace."""
    rules = saker.file("rules.yaml", RULE)
    done = saker.replay(captures / "host_activity.scap", rules=[rules], config=PLUGIN)
    assert done.returncode == 0, done.stderr
    assert "Link made k8smeta_pod_name=<NA> k8smeta_ns_name=<NA>" in done.stdout, done.stdout
