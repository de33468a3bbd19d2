"""Numbers go on over crashes, are added up over processes, and never get in anybody's way."""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ska_oso_oet.telemetry.metrics.catalogue import CATALOGUE
from ska_oso_oet.telemetry.metrics.instruments import Counter, Gauge, Histogram
from ska_oso_oet.telemetry.metrics.store import COUNTS, CURRENT, Store, forget, read

DONE = Counter(name="done_total", meaning="", labels=("how",))
LEVEL = Gauge(name="level", meaning="")
TIME = Histogram(name="time_seconds", meaning="", buckets=(0.1, 1.0))

#: A process that counts, and says so before it waits to be killed.
COUNTING = """
import sys, time
from ska_oso_oet.telemetry.metrics.store import STORE
from ska_oso_oet.telemetry.metrics.instruments import Counter, Gauge
STORE.open(sys.argv[1])
for _ in range(int(sys.argv[2])):
    Counter(name="done_total", meaning="", labels=("how",)).add("well")
Gauge(name="level", meaning="").set(float(sys.argv[2]))
print("counted", flush=True)
time.sleep(3600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "metrics")


@pytest.fixture
def store(folder: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of this process, for one test."""
    made = Store()
    monkeypatch.setattr("ska_oso_oet.telemetry.metrics.instruments.STORE", made)
    yield made
    if made._file is not None:
        os.close(made._file)


class Counting:
    """A process that counts."""

    def __init__(self, folder: str, times: int) -> None:
        command = [sys.executable, "-c", COUNTING, folder, str(times)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"counted\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def done(folder: str) -> list[float]:
    return read(folder)[(COUNTS, "done_total", "well")]


def test_nothing_is_read_where_nothing_was_written(folder: str) -> None:
    assert read(folder) == {}


def test_counts_are_kept_by_their_labels(folder: str, store: Store) -> None:
    store.open(folder)
    DONE.add("well")
    DONE.add("well", by=2)
    DONE.add("bädly")
    assert read(folder) == {(COUNTS, "done_total", "well"): [3], (COUNTS, "done_total", "bädly"): [1]}


def test_what_was_counted_before_there_was_a_file_is_in_it(folder: str, store: Store) -> None:
    DONE.add("well")
    LEVEL.set(7)
    store.open(folder)
    assert read(folder) == {(COUNTS, "done_total", "well"): [1], (CURRENT, "level"): [7]}


def test_a_histogram_counts_up_to_and_including_its_bounds(folder: str, store: Store) -> None:
    store.open(folder)
    for seconds in (0.0, 0.1, 0.11, 1.0, 1.5):
        TIME.observe(seconds)
    *counts, total = read(folder)[(COUNTS, "time_seconds")]
    assert counts == [2, 2, 1]
    assert math.isclose(total, 2.71)


def test_processes_are_added_up_and_each_has_a_file_of_its_own(folder: str) -> None:
    processes = [Counting(folder, times) for times in (1, 2, 3)]
    assert sorted(os.listdir(folder)) == ["0", "1", "2"]
    assert done(folder) == [6]
    assert read(folder)[(CURRENT, "level")] == [6]
    for process in processes:
        process.kill()


def test_a_killed_process_keeps_its_counts_and_the_next_one_goes_on_with_them(folder: str) -> None:
    other = Counting(folder, 10)
    seen = []
    for _ in range(3):
        process = Counting(folder, 5)
        seen.append(done(folder))
        process.kill()
        seen.append(done(folder))
    assert seen == [[15], [15], [20], [20], [25], [25]]
    assert sorted(os.listdir(folder)) == ["0", "1"]
    other.kill()


def test_what_stood_in_a_killed_process_stands_no_more(folder: str, store: Store) -> None:
    Counting(folder, 5).kill()
    assert (CURRENT, "level") not in read(folder)
    store.open(folder)
    assert (CURRENT, "level") not in read(folder)
    LEVEL.set(1)
    assert read(folder)[(CURRENT, "level")] == [1]
    assert done(folder) == [5]


def test_threads_lose_no_count(folder: str, store: Store) -> None:
    store.open(folder)

    def work() -> None:
        for _ in range(500):
            DONE.add("well")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done(folder) == [4000]


@pytest.mark.parametrize(
    "torn", [b"\x20", b'\x20\x00\x01\x00["counts", "to', b'\x0c\x00\x01\x00["counts","a"]\0\0', b"\0" * 100]
)
def test_a_row_that_was_torn_by_a_kill_is_no_loss_for_what_is_added_later(
    folder: str, store: Store, torn: bytes
) -> None:
    Counting(folder, 5).kill()
    with open(os.path.join(folder, "0"), "ab") as file:
        file.write(torn)
    assert done(folder) == [5]
    store.open(folder)
    DONE.add("badly")
    assert done(folder) == [5]
    assert read(folder)[(COUNTS, "done_total", "badly")] == [1]


def test_on_a_full_disk_counting_goes_on_and_is_shown_later(folder: str, store: Store) -> None:
    store.open(folder)
    DONE.add("well")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = os.stat(os.path.join(folder, "0")).st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        DONE.add("badly")
        DONE.add("well")
        assert read(folder) == {(COUNTS, "done_total", "well"): [2]}
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    DONE.add("badly")
    assert read(folder)[(COUNTS, "done_total", "badly")] == [2]


def test_a_folder_that_cannot_be_used_is_no_reason_to_end(tmp_path: Path, store: Store) -> None:
    (tmp_path / "file").write_text("")
    store.open(str(tmp_path / "file" / "metrics"))
    DONE.add("well")


def test_what_is_forgotten_begins_again_at_zero(folder: str) -> None:
    process = Counting(folder, 5)
    forget(folder)
    assert read(folder) == {}
    process.kill()
    process = Counting(folder, 2)
    assert done(folder) == [2]
    process.kill()


@pytest.mark.parametrize("name", CATALOGUE)
def test_names_are_as_prometheus_would_have_them(name: str) -> None:
    metric = CATALOGUE[name]
    assert name.startswith("oet_")
    assert name.endswith("_total") is isinstance(metric, Counter)
    assert name.endswith("_seconds") is isinstance(metric, Histogram)
    assert metric.meaning[0].isupper()
    assert not metric.meaning.endswith(".")
    assert all(len(labels) == len(metric.labels) for labels in metric.always)
    assert "le" not in metric.labels
    assert "subarray" not in metric.labels
