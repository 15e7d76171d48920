# SPDX-License-Identifier: Apache-2.0
"""--config-schema and the program's own checks agree on what each key takes.

Each value is given to every key at once, in a configuration of its own, so that a run tells of all
keys what the program says of it.
"""

import json
import re

import pytest
import yaml

jsonschema = pytest.importorskip("jsonschema")

VALUES = [True, False, None, 0, 1, -1, 5, 10, 11, 100, 65535, 65536, 2**32, 2**40, 0.5, 1.5, -0.5,
          "some words", "", "info", "debug", "first", "rules", "log", "append", "10.0.0.1", "1h30m",
          "30s", "99", "1s1h", "h", "true", "off", [], ["log"], ["ignore", "exit"], ["x", "y"],
          [["x"]], [{}], [{"a": "b"}], [{"a": ["b"]}], {}, {"a": "b"}, {"a": ["b"]},
          [{"path": "/none", "strategy": "append"}], [{"path": "/none", "strategy": "x"}],
          [{"strategy": "append"}]]


def leaves(schema, path=()):
    """Keys that hold values, as (path, schema); a list's items have "[]" in their path."""
    if "properties" in schema:
        for name, below in schema["properties"].items():
            yield from leaves(below, (*path, name))
    elif "properties" in schema.get("items", {}) and "string" not in schema["type"]:
        yield from leaves(schema["items"], (*path[:-1], path[-1], "[]"))
    else:
        yield path, schema


def key_of(path):
    return ".".join(path).replace(".[]", "[]")


def document_of(path, value):
    for name in reversed(path):
        value = [value] if name == "[]" else {name: value}
    return value


def merge(into, document):
    for name, value in document.items():
        if name in into and isinstance(value, dict):
            merge(into[name], value)
        elif name in into and isinstance(value, list):
            merge(into[name][0], value[0])
        else:
            into[name] = value


@pytest.fixture
def schema(saker):
    done = saker("--config-schema")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused_by_program(saker, document):
    """Keys of which the program says that the value does not fit."""
    done = saker("--dry-run", config=yaml.safe_dump(document), quiet=False)
    pattern = r"saker-\d+\.yaml:\d+:\d+: ([a-z0-9_.\[\]]+): found .*, expected "
    found = re.findall(pattern, done.stderr)
    assert not re.search(r"runtime error|Sanitizer", done.stderr), done.stderr
    return {re.sub(r"^(config_files)\[\]\.strategy$", r"\1", key) for key in found}


def test_it_is_a_schema(schema):
    jsonschema.Draft6Validator.check_schema(schema)
    assert schema["additionalProperties"] is False


def is_number_in_quotes(value, subschema):
    """Which the program takes; so does YAML's other half of readers."""
    return value == "99" and {"integer", "number"} & set(subschema.get("type", []))


@pytest.mark.parametrize("value", VALUES, ids=lambda v: json.dumps(v)[:30])
def test_both_take_the_same_values(saker, schema, value):
    document, refused = {}, set()
    for path, subschema in leaves(schema):
        if is_number_in_quotes(value, subschema):
            continue
        merge(document, document_of(path, value))
        if not jsonschema.Draft6Validator(subschema).is_valid(value):
            refused.add(key_of(path))
    assert refused_by_program(saker, document) == refused


def test_both_know_the_same_keys(saker, schema):
    document = {}
    for path, subschema in leaves(schema):
        if not key_of(path).startswith(("rules_file", "config_files")):
            merge(document, document_of(path, subschema.get("default")))
    done = saker("--dry-run", config=yaml.safe_dump(document), quiet=False)
    assert "no such key" not in done.stderr
    validator = jsonschema.Draft6Validator(schema)
    assert not list(validator.iter_errors(document))
    for unknown in ({"x": 1}, {"engine": {"x": 1}}, {"plugins": [{"name": "a", "x": 1}]},
                    {"append_output": [{"match": {"x": 1}}]}):
        assert not validator.is_valid(unknown)
        done = saker("--dry-run", config=yaml.safe_dump(unknown), quiet=False)
        assert "x: no such key" in done.stderr


def test_maps_are_maps_for_both(saker, schema):
    validator = jsonschema.Draft6Validator(schema)
    for document in ({"engine": 5}, {"engine": []}, {"plugins": {}}, {"plugins": [5]},
                     {"rules": [[]]}, {"rules": "x"}, {"webserver": "on"}):
        assert not validator.is_valid(document), document
        assert refused_by_program(saker, document), document
    assert not validator.is_valid({"plugins": [{"name": "x"}]})
    done = saker("--dry-run", config="plugins: [{name: x}]\n")
    assert done.returncode == 1 and "library_path is missing" in done.stderr


def test_the_default_configuration_fits(schema):
    from conftest import REPOSITORY
    text = (REPOSITORY / "config" / "saker.yaml").read_text()
    jsonschema.validate(yaml.safe_load(text), schema, jsonschema.Draft6Validator)
