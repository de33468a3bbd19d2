"""The numbers of one process: in memory, and in a file that goes on counting after a crash.

The folder holds one file a process. Whoever starts takes the first file that nobody holds (a lock of the
kernel, gone with its process) and goes on with the counts in it. So counts never go back, and none is
there twice. What was measured at a moment counts for nothing once its process is gone.

Numbers are written, not mapped into memory: where a file system is full, a page that cannot be had would
end the process, while a write that fails only leaves a number behind.

A file is a sequence of rows: the length of a key and how many numbers there are (16 bits each), the key as
JSON, filled up with blanks to a multiple of eight bytes, and the numbers (64 bits each).
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
from collections.abc import Callable, Iterator

LOG = logging.getLogger(__name__)

Key = tuple[str, ...]  #: kind (see below), name of the metric, values of its labels

COUNTS = "counts"  #: what is added up, over crashes and processes
STANDS = "stands"  #: what holds at a moment, while its process lives

_NOTHING = math.nan  #: the number of what a process has not looked at yet
_HEAD = struct.Struct("<HH")
_MOST_FILES = 100


class Row:
    """Numbers under one key."""

    __slots__ = ("_packing", "key", "offset", "values")

    def __init__(self, key: Key, values: list[float], offset: int | None = None) -> None:
        self.key = key
        self.values = values
        self.offset = offset  #: of the numbers in the file, once they are there
        self._packing = struct.Struct(f"<{len(values)}d")

    def packed(self) -> bytes:
        """The numbers as they are in the file."""
        return self._packing.pack(*self.values)


class Store:
    """The rows of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Key, Row] = {}
        self._file: int | None = None

    def open(self, folder: str) -> None:
        """Keep the numbers in this folder from now on; where that is not possible, in memory only."""
        with self._lock:
            try:
                os.makedirs(folder, mode=0o700, exist_ok=True)
                self._file = _first_free(folder)
            except OSError as error:
                LOG.warning("The metrics of this process cannot be shown: %s", error)
                return
            end = 0
            for row in _rows_of(self._file):
                assert row.offset is not None
                end = row.offset + 8 * len(row.values)
                known = self._rows.get(row.key) or Row(row.key, [])
                if row.key[0] == STANDS:
                    nothing = [_NOTHING] * len(row.values)
                    row.values = known.values if len(known.values) == len(row.values) else nothing
                else:
                    row.values = _sum(known.values, row.values)
                self._rows[row.key] = row
            os.ftruncate(self._file, end)  # a row that was being added when its process was killed
            for row in self._rows.values():
                self._write(row)

    def change(self, key: Key, size: int, change: Callable[[list[float]], None]) -> None:
        """Change the numbers of a row, which are zero at first. For all threads."""
        with self._lock:
            row = self._row(key, size)
            change(row.values)
            self._write(row)

    def put(self, key: Key, value: float) -> None:
        """Replace the only number of a row. For all threads."""
        with self._lock:
            row = self._row(key, 1)
            if row.values[0] != value or row.offset is None:
                row.values[0] = value
                self._write(row)

    def _row(self, key: Key, size: int) -> Row:
        row = self._rows.get(key)
        if row is None or len(row.values) != size:
            row = self._rows[key] = Row(key, [0.0] * size)
        return row

    def _write(self, row: Row) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # the disk is full: the next change tries again
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


#: That of this process; metrics write to it.
STORE = Store()


def forget(folder: str) -> None:
    """Begin again at zero: for the start of a whole server."""
    shutil.rmtree(folder, ignore_errors=True)


def read(folder: str) -> dict[Key, list[float]]:
    """The numbers of all processes, added up."""
    found: dict[Key, list[float]] = {}
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        with contextlib.suppress(OSError):
            file = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                alive = _is_held(file)
                for row in _rows_of(file):
                    if row.key[0] == COUNTS or (alive and not math.isnan(row.values[0])):
                        _add(found, row)
            finally:
                os.close(file)
    return found


def _add(found: dict[Key, list[float]], row: Row) -> None:
    before = found.get(row.key)
    found[row.key] = row.values if before is None else _sum(before, row.values)


def _sum(some: list[float], more: list[float]) -> list[float]:
    return [a + b for a, b in zip(some, more, strict=True)] if len(some) == len(more) else more


def _first_free(folder: str) -> int:
    for n in range(_MOST_FILES):
        file = os.open(
            os.path.join(folder, str(n)), os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            os.close(file)
    raise OSError(f"all files in {folder} are in use")


def _is_held(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _rows_of(file: int) -> Iterator[Row]:
    """The rows of a file; what is no row ends it."""
    data = os.pread(file, os.fstat(file).st_size, 0)
    at = 0
    with contextlib.suppress(struct.error, ValueError, TypeError):
        while at < len(data):
            length, size = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            key = tuple(json.loads(data[at : at + length]))
            if not (size and len(key) > 1 and all(isinstance(word, str) for word in key)):
                return
            at += length
            yield Row(key, list(struct.unpack_from(f"<{size}d", data, at)), at)
            at += 8 * size
