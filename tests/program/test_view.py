# SPDX-License-Identifier: Apache-2.0
"""saker replay and saker read: captures from files, pipes and standard input, whole and damaged."""

import gzip
import json
import os
import re
import subprocess
import zlib

import pytest
from conftest import RULES

EVENTS = {"cat_write": 43, "curl_google": 624, "host_activity": 2501}


def plain(path):
    """The bytes of a capture without gzip."""
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def alerts(done):
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_a_line(saker, captures, name):
    done = saker("read", captures / f"{name}.scap", quiet=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == EVENTS[name]


def test_the_usual_line_is_that_of_sysdig(saker, captures):
    done = saker("read", captures / "cat_write.scap", "evt.type = open", "-n", "1")
    assert done.stdout == (
        "137 16:17:57.881785348 0 cat (20072) < open fd=3(<f>/etc/ld.so.cache) "
        "name=/etc/ld.so.cache flags=4097(O_RDONLY|O_CLOEXEC) mode=0 dev=<NA> ino=<NA>\n")


@pytest.mark.parametrize("is_compressed", [False, True])
def test_captures_come_through_standard_input_and_pipes(saker, captures, is_compressed, tmp_path):
    data = plain(captures / "cat_write.scap")
    if is_compressed:
        data = gzip.compress(data)
    file, pipe = tmp_path / "x", tmp_path / "pipe"
    file.write_bytes(data)
    os.mkfifo(pipe)
    with file.open("rb") as stdin:
        from_stdin = saker("read", "-", stdin=stdin)
    with subprocess.Popen(["cp", file, pipe]) as writer:
        try:
            from_pipe = saker("read", pipe)
        finally:
            writer.terminate()
    assert from_stdin.returncode == from_pipe.returncode == 0
    assert from_stdin.stdout == from_pipe.stdout == saker("read", file).stdout
    assert len(from_pipe.stdout.splitlines()) == EVENTS["cat_write"]


def test_a_filter_may_be_words_and_name_macros(saker, captures):
    capture = captures / "host_activity.scap"
    quoted = saker("read", capture, "evt.type=openat and proc.name=cat", "-p", "%fd.name")
    words = saker("read", capture, "evt.type=openat", "and", "proc.name=cat", "-p", "%fd.name")
    assert quoted.stdout == words.stdout != ""
    rules = saker.file("m.yaml", "- macro: opened\n  condition: evt.type = openat\n")
    macro = saker("read", capture, "-r", rules, "opened and proc.name=cat", "-p", "%fd.name")
    assert macro.stdout == quoted.stdout, macro.stderr


def test_json_lines_have_the_formats_fields(saker, captures):
    done = saker("read", captures / "host_activity.scap", "evt.type=connect", "-j",
                 "-p", "*%evt.num %proc.name %fd.sport")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 34
    assert all(list(line) == ["evt.num", "proc.name", "fd.sport"] for line in lines)


def test_tables_add_up(saker, captures):
    done = saker("read", captures / "curl_google.scap", "--top", "evt.type", "--by", "time", "-n2")
    assert done.stdout.splitlines()[1].split() == ["80.26ms", "15", "98.4%", "poll"]
    done = saker("read", captures / "host_activity.scap", "--top", "proc.name,evt.type", "-j")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[0] == {"proc.name,evt.type": "cat, openat", "count": 126, "bytes": 0, "time": 0}
    assert [row["count"] for row in rows] == sorted((row["count"] for row in rows), reverse=True)
    done = saker("read", captures / "host_activity.scap", "--top", "evt.type", "--by", "time")
    assert "no enter events" in done.stderr


def test_who_stops_reading_is_no_error(saker, captures):
    command = saker.command("read", captures / "host_activity.scap", quiet=False)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
        assert reader.stdout.readline()
        reader.stdout.close()
        assert reader.stderr.read() == b""
    assert reader.returncode == 0


@pytest.mark.parametrize("arguments, said", [
    (["no_such_macro"], "filter:1:"),
    (["evt.type = open and proc.nam = x"], "filter:21:"),
    (["-p", "%proc.nam"], "format:2:"),
    (["-t", "x"], "-t x: expected"),
    (["--by", "count"], "--by needs --top"),
    (["--top", "evt.type", "--by", "size"], "expected count, bytes or time"),
    (["--color", "red"], "expected auto, always or never"),
    (["-n", "none"], "expected a number"),
])
def test_mistakes_are_told_with_their_place(saker, captures, arguments, said):
    done = saker("read", captures / "cat_write.scap", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["read", "replay"])
def test_what_is_readable_of_a_damaged_capture_is_used(saker, captures, tmp_path, command):
    data = plain(captures / "host_activity.scap")
    damaged = tmp_path / "damaged.scap"
    damaged.write_bytes(data[:len(data) * 2 // 3])
    rules = ["-r", RULES] if command == "replay" else []
    done = saker(command, damaged, *rules)
    assert done.returncode == 1
    place = re.search(r"damaged.scap: the capture ends within a block at byte (\d+)", done.stderr)
    assert place and len(data) // 3 < int(place[1]) < len(damaged.read_bytes())
    assert len(done.stdout.splitlines()) > (1 if rules else 1000)


def test_unknown_blocks_are_counted(saker, captures, tmp_path):
    data = plain(captures / "cat_write.scap")
    block = (0x777).to_bytes(4, "little") + (16).to_bytes(4, "little") + b"\0" * 4 + (
        16).to_bytes(4, "little")
    (tmp_path / "more.scap").write_bytes(data + block)
    done = saker("replay", tmp_path / "more.scap", "-r", RULES)
    assert done.returncode == 0
    assert "Blocks of the captures that are not known: 1" in done.stderr


def test_captures_are_replayed_one_after_the_other(saker, captures):
    once = alerts(saker("replay", captures / "host_activity.scap", "-r", RULES))
    twice = saker("replay", captures / "host_activity.scap", "/nonexistent",
                  captures / "host_activity.scap", "-r", RULES)
    by_flag = saker("-e", captures / "host_activity.scap", "-r", RULES)
    by_key = saker.replay(captures / "host_activity.scap", rules=[RULES])
    assert once and alerts(twice) == once + once
    assert twice.returncode == 1 and "/nonexistent" in twice.stderr
    assert alerts(by_flag) == alerts(by_key) == once
    assert by_flag.returncode == by_key.returncode == 0


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_pipe_is_followed_and_can_be_left(saker, captures, is_compressed):
    data = plain(captures / "cat_write.scap")
    if is_compressed:
        pack = zlib.compressobj(wbits=31)
        data = pack.compress(data[:-300]) + pack.flush(zlib.Z_SYNC_FLUSH)
    command = saker.command("read", "-", quiet=False)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as reader:
        reader.stdin.write(data)
        reader.stdin.flush()
        # Comes though the pipe is still open, and then nothing does.
        lines = [reader.stdout.readline() for _ in range(40)]
        reader.terminate()
        assert reader.wait(timeout=20) == 0
        reader.stdin.close()
    assert all(line.endswith(b"\n") for line in lines)


def test_nobody_at_a_pipes_other_end_is_no_reason_to_hang(saker, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(saker.command("replay", tmp_path / "pipe", "-r", RULES, "-M", "1"),
                          capture_output=True, timeout=20)
    assert done.returncode == 0
