"""The run directory: the truth about one run.

================  ====================================================================================
``spec.json``     the script and the arguments as they were given; written before anything is started
``process.json``  the supervisor's identity, the script's process and mark
``events.jsonl``  numbered records: every change of state and message, written before they are told
``output``        numbered pieces of output; see output.py
``intent``        why the run is being stopped, for the script to read
``result.json``   the final record; complete, or not there
``work/``         the script's working directory; ``tmp/``, if it is isolated, that for temporary files
================  ====================================================================================

Standard library only.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
from typing import Any

from ..files.opening import at_once
from ..kernel.isolation import Isolation, give, lead_through, show

_NONE = Isolation()

#: Bytes of the last records that are kept in memory, so that telling them needs no reading.
_RECENT = 4 * 2**20


class RunDirectory:
    """The files of one run."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._place = (0, 0)  #: the number of the last record read, and the offset of the next one

    def file(self, name: str) -> str:
        """The path of one of the files."""
        return os.path.join(self.path, name)

    @property
    def socket(self) -> str:
        """The socket of the supervisor."""
        return self.file("control")

    def create(self, spec: dict[str, Any], isolation: Isolation = _NONE) -> None:
        """Make the directory for a new run.

        :raises OSError: if it cannot be written
        """
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        for room in ("work", "tmp") if isolation.apart else ("work",):
            os.makedirs(self.file(room), mode=0o700, exist_ok=True)
            if isolation.account is not None:
                give(self.file(room), isolation.account)
        if isolation.account is not None:
            lead_through(self.path, isolation.gid)
        self.write("spec.json", spec)

    def say_why(self, why: str, isolation: Isolation) -> None:
        """Tell the script why it is being stopped.

        :raises OSError: if it cannot be written
        """
        with open(self.file("intent"), "w", opener=at_once) as file:
            file.write(why)
        if isolation.account is not None:
            show(self.file("intent"), isolation.gid)

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Write a whole document, or nothing; for its owner only.

        :raises OSError: if it cannot be written
        """
        temporary = self.file(f".{name}")
        with open(temporary, "w", opener=at_once) as file:
            json.dump(document, file)
        os.replace(temporary, self.file(name))

    def read(self, name: str) -> dict[str, Any] | None:
        """Read a document; none if it is not there, or cannot be read."""
        try:
            with open(self.file(name), opener=at_once) as file:
                found: dict[str, Any] = json.load(file)
                return found
        except (OSError, ValueError):
            return None

    def records(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Read records numbered above ``after``; a torn last line is left out."""
        found: list[dict[str, Any]] = []
        n, offset = self._place if self._place[0] <= after else (0, 0)
        with contextlib.suppress(OSError), open(self.file("events.jsonl"), "rb", opener=at_once) as file:
            file.seek(offset)
            for line in file:
                if len(found) == limit or not line.endswith(b"\n"):
                    break
                offset += len(line)
                with contextlib.suppress(ValueError, RecursionError):
                    record = json.loads(line)
                    n = record["n"]
                    if n > after:
                        found.append(record)
        self._place = (n, offset)
        return found


class RecordLog:
    """The writer of ``events.jsonl``. A full disk delays writing, never the run."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = at_once(directory.file("events.jsonl"), flags)
        self._recent: collections.deque[tuple[dict[str, Any], int]] = collections.deque()
        self._size = 0
        self._unwritten = b""
        self.last = 0

    def append(self, records: list[dict[str, Any]]) -> None:
        """Number records and write them, in one go."""
        for record in records:
            self.last += 1
            record["n"] = self.last
            line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
            self._unwritten += line
            self._recent.append((record, len(line)))
            self._size += len(line)
        # Records that are not written yet are in memory only.
        if self.flush():
            while self._size > _RECENT:
                self._size -= self._recent.popleft()[1]

    def flush(self) -> bool:
        """Write the records that could not be written before; tell whether none is left."""
        while self._unwritten:
            try:
                written = os.write(self._fd, self._unwritten)
            except OSError:
                return False
            self._unwritten = self._unwritten[written:]
        return True

    def after(self, n: int, limit: int) -> list[dict[str, Any]]:
        """Records numbered above ``n``, the first ``limit`` of them."""
        if self._recent and self._recent[0][0]["n"] <= n + 1:
            skip = n + 1 - self._recent[0][0]["n"]
            return [self._recent[i][0] for i in range(skip, min(skip + limit, len(self._recent)))]
        return self._directory.records(n, limit)
