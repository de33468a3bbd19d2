"""The values of one process: in memory, and in a file from which counters continue after a crash.

The folder has one file per process. A new process takes the first unlocked file (the kernel releases a lock
with its process) and continues its counters. So counters never decrease, and none exists twice. Gauges are
ignored once their process has ended.

Text files of prometheus-client would cost 16 ms per scrape and worker instead of 0.2 ms (decision 12).

A file is a sequence of rows: the length of the key and the number of values (16 bits each), the key as JSON,
padded with blanks to a multiple of eight bytes, and the values (64 bits each). The files are of one run of
one release: the arbiter removes those of earlier runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import math
import os
import shutil
import struct
import threading
from collections.abc import Iterator

LOG = logging.getLogger(__name__)

Key = tuple[str, ...]  #: kind (see below), name of the metric, values of its labels

COUNTS = "counts"  #: counters, added up over crashes and processes
CURRENT = "current"  #: gauges, valid while their process lives

_HEAD = struct.Struct("<HH")


class Row:
    """The values of one key."""

    __slots__ = ("key", "offset", "values")

    def __init__(self, key: Key, values: list[float], offset: int | None = None) -> None:
        self.key = key
        self.values = values
        self.offset = offset  #: of the values in the file; None before they are written

    def packed(self) -> bytes:
        """The values in the format of the file."""
        return struct.pack(f"<{len(self.values)}d", *self.values)


class Store:
    """The rows of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Key, Row] = {}
        self._file: int | None = None

    def open(self, folder: str) -> None:
        """Write the values to this folder from now on; if that fails, keep them in memory only."""
        with self._lock:
            try:
                os.makedirs(folder, mode=0o700, exist_ok=True)
                self._file = _first_free(folder)
            except OSError as error:
                LOG.warning("Cannot write the metrics of this process: %s", error)
                return
            end = 0
            for row in _rows_of(self._file):
                end = (row.offset or 0) + 8 * len(row.values)
                own = self._rows.get(row.key)
                if row.key[0] == CURRENT:
                    row.values = own.values if own else [math.nan]
                elif own:
                    row.values = _sum(own.values, row.values)
                self._rows[row.key] = row
            os.ftruncate(self._file, end)  # remove a row that is incomplete because its process was killed
            for row in self._rows.values():
                self._write(row)

    def add(self, key: Key, size: int, *changes: tuple[int, float]) -> None:
        """Add to values of a row, which are 0 at first. Thread-safe."""
        with self._lock:
            row = self._row(key, size)
            for place, by in changes:
                row.values[place] += by
            self._write(row)

    def put(self, key: Key, value: float) -> None:
        """Set the only value of a row. Thread-safe."""
        with self._lock:
            row = self._row(key, 1)
            if row.values[0] != value or row.offset is None:
                row.values[0] = value
                self._write(row)

    def _row(self, key: Key, size: int) -> Row:
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = Row(key, [0.0] * size)
        return row

    def _write(self, row: Row) -> None:
        # Not mmap: on a full disk, a page that cannot be allocated would end the process (SIGBUS).
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # full disk: written with the next change
            if row.offset is not None:
                os.pwrite(self._file, row.packed(), row.offset)
                return
            key = json.dumps(row.key).encode()
            key += b" " * (-(_HEAD.size + len(key)) % 8)
            end = os.fstat(self._file).st_size
            data = _HEAD.pack(len(key), len(row.values)) + key + row.packed()
            if os.pwrite(self._file, data, end) < len(data):
                os.ftruncate(self._file, end)
                return
            row.offset = end + _HEAD.size + len(key)


#: The store of this process.
STORE = Store()


def forget(folder: str) -> None:
    """Remove the files of earlier runs, at the start of a server."""
    shutil.rmtree(folder, ignore_errors=True)


def read(folder: str) -> dict[Key, list[float]]:
    """The values of all processes, added up."""
    numbers: dict[Key, list[float]] = {}
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        with contextlib.suppress(OSError), open(os.path.join(folder, name), "rb") as file:
            alive = not _lock(file.fileno(), fcntl.LOCK_SH)
            for row in _rows_of(file.fileno()):
                if row.key[0] == COUNTS or (alive and not math.isnan(row.values[0])):
                    before = numbers.get(row.key)
                    numbers[row.key] = _sum(before, row.values) if before else row.values
    return numbers


def _sum(some: list[float], more: list[float]) -> list[float]:
    return [a + b for a, b in zip(some, more, strict=True)]


def _first_free(folder: str) -> int:
    n = 0
    while True:
        file = os.open(os.path.join(folder, str(n)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _lock(file, fcntl.LOCK_EX):
            return file
        os.close(file)
        n += 1


def _lock(file: int, kind: int) -> bool:
    """Lock a file until it is closed; returns whether that was possible."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _rows_of(file: int) -> Iterator[Row]:
    """The rows of a file, up to an incomplete one."""
    data = os.pread(file, os.fstat(file).st_size, 0)
    at = 0
    with contextlib.suppress(struct.error, ValueError):
        while at < len(data):
            length, size = _HEAD.unpack_from(data, at)
            begin = at + _HEAD.size + length
            row = Row(tuple(json.loads(data[at + _HEAD.size : begin])), [], begin)
            row.values = list(struct.unpack_from(f"<{size}d", data, begin))
            at = begin + 8 * size
            yield row
