"""The run directory: documents are whole or not there, records are numbered and never torn."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.runs.directory import RecordLog, RunDirectory


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    found = RunDirectory(str(tmp_path / "7"))
    found.create({"id": 7})
    return found


def test_a_new_run_has_its_spec_and_a_working_directory(directory: RunDirectory) -> None:
    assert directory.read("spec.json") == {"id": 7}
    assert Path(directory.file("work")).is_dir()


def test_a_document_is_replaced_whole(directory: RunDirectory) -> None:
    directory.write("result.json", {"n": 1})
    directory.write("result.json", {"n": 2})
    assert directory.read("result.json") == {"n": 2}
    with pytest.raises(TypeError):
        directory.write("result.json", {"n": object()})
    assert directory.read("result.json") == {"n": 2}


@pytest.mark.parametrize("content", [b"", b'{"n": 1', b"\xff"])
def test_a_document_that_cannot_be_read_is_not_there(directory: RunDirectory, content: bytes) -> None:
    Path(directory.file("result.json")).write_bytes(content)
    assert directory.read("result.json") is None
    assert directory.read("never.json") is None


def test_records_are_numbered_and_read_back(directory: RunDirectory) -> None:
    log = RecordLog(directory)
    log.append([{"kind": "a"}, {"kind": "b"}])
    log.append([{"kind": "c"}])
    assert log.last == 3
    assert directory.records(0, 10) == [{"kind": k, "n": n} for n, k in enumerate("abc", 1)]


@given(st.integers(0, 12), st.integers(1, 12))
def test_records_are_told_from_memory_as_they_are_read_from_the_file(after: int, limit: int) -> None:
    with tempfile.TemporaryDirectory() as path:
        directory = RunDirectory(path)
        log = RecordLog(directory)
        log.append([{"kind": "x"} for _ in range(10)])
        told = log.after(after, limit)
        assert told == directory.records(after, limit)
        assert [record["n"] for record in told] == list(range(1, 11))[after : after + limit]


def test_records_forgotten_in_memory_are_told_from_the_file(directory: RunDirectory) -> None:
    log = RecordLog(directory)
    for _ in range(100):
        log.append([{"kind": "x"} for _ in range(100)])
    assert [r["n"] for r in log.after(0, 3)] == [1, 2, 3]
    assert [r["n"] for r in log.after(9_998, 500)] == [9_999, 10_000]
    assert log.after(10_000, 500) == []


def test_a_torn_last_record_is_left_out(directory: RunDirectory) -> None:
    RecordLog(directory).append([{"kind": "a"}, {"kind": "b"}])
    path = Path(directory.file("events.jsonl"))
    path.write_bytes(path.read_bytes()[:-1])
    assert [record["n"] for record in directory.records(0, 10)] == [1]


def test_a_disk_that_is_full_delays_records_and_loses_none(directory: RunDirectory) -> None:
    log = RecordLog(directory)
    log.append([{"kind": "a"}])
    file = os.dup(log._fd)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._fd)
    log.append([{"kind": "b"}])
    assert not log.flush()
    assert [r["kind"] for r in log.after(0, 10)] == ["a", "b"]
    os.dup2(file, log._fd)
    log.append([{"kind": "c"}])
    assert log.flush()
    written = Path(directory.file("events.jsonl")).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in written] == list("abc")
    os.close(file)
    os.close(full)
