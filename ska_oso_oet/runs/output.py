"""Captured output: numbered pieces of stdout and stderr, the first and the last part kept.

A piece is a line of JSON: ``n``, ``time``, ``stream``, ``at`` (bytes that came before it) and ``text``.
The first half of the limit goes to the file ``output``; what follows goes to files ``output-<n>`` of a
quarter of the limit each, of which the last two are kept. What is missing in between shows in ``at``.

Standard library only.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
from collections import deque
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..files.opening import at_once

_BLOCK = 2**20


class OutputLog:
    """The writer. Never blocks or fails the script: text that cannot be written is dropped, and counted."""

    def __init__(self, directory: str, limit: int) -> None:
        self._directory = directory
        self._limit = max(limit, 4096)
        self._decoders: dict[str, codecs.IncrementalDecoder] = {}
        self._at = 0
        self._segments: list[str] = []
        self._open("output", self._limit // 2)
        self.last = 0

    def _open(self, name: str, room: int) -> None:
        path = os.path.join(self._directory, name)
        self._fd = at_once(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self._room = room

    def write(self, stream: str, data: bytes, time: float) -> dict[str, Any] | None:
        """Keep a piece of output; return it, if it makes any text yet. Empty data ends the stream."""
        decoder = self._decoders.get(stream)
        if decoder is None:
            decoder = self._decoders[stream] = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(data, final=not data)
        return self._piece(stream, text, time) if text else None

    def note(self, text: str, time: float) -> dict[str, Any]:
        """Keep a line for the script's author among those of stderr; return it."""
        return self._piece("stderr", text, time)

    def _piece(self, stream: str, text: str, time: float) -> dict[str, Any]:
        self.last += 1
        piece = {"n": self.last, "time": time, "stream": stream, "at": self._at, "text": text}
        self._at += len(text.encode("utf-8", "replace"))
        self._keep(json.dumps(piece, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
        return piece

    def _keep(self, line: bytes) -> None:
        if self._room < len(line):
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1
            name = f"output-{self.last:012d}"
            self._segments.append(name)
            for old in self._segments[:-2]:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self._directory, old))
            self._segments = self._segments[-2:]
            self._room = self._limit // 4
            with contextlib.suppress(OSError):
                self._open(name, self._room)
        self._room -= len(line)
        with contextlib.suppress(OSError):
            if os.write(self._fd, line) < len(line):
                os.write(self._fd, b"\n")


class OutputReader:
    """Reads pages of captured output; remembers its position, so that following costs little."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._places: dict[int, tuple[str, int, int]] = {}  # n → segment, offset behind it, bytes so far

    def _segments(self) -> list[str]:
        with contextlib.suppress(OSError):
            names = [n for n in os.listdir(self._directory) if n == "output" or n.startswith("output-")]
            return sorted(names)
        return []

    def _opened(self, segment: str) -> BinaryIO:
        return open(os.path.join(self._directory, segment), "rb", opener=at_once)

    def page(self, after: int, limit: int, streams: tuple[str, ...]) -> dict[str, Any]:
        """Pieces numbered above ``after``, about ``limit`` bytes of text."""
        pieces: list[dict[str, Any]] = []
        size, last = 0, after
        at: int | None = self._places[after][2] if after in self._places else None if after else 0
        for segment, end, piece in self._from(after):
            if piece["n"] <= after:
                at = _end(piece)
                continue
            if at is not None and piece["at"] > at:
                pieces.append(_marker(piece, piece["at"] - at))
            at, last = _end(piece), piece["n"]
            if piece["stream"] in streams:
                size += len(piece["text"])
                pieces.append(_shown(piece))
            self._remember(last, segment, end, at)
            if size >= limit:
                break
        return {"chunks": pieces, "next": last}

    def _remember(self, n: int, segment: str, offset: int, at: int) -> None:
        self._places.pop(n - 1, None)
        self._places[n] = (segment, offset, at)
        while len(self._places) > 64:
            del self._places[next(iter(self._places))]

    def _from(self, after: int) -> Iterator[tuple[str, int, dict[str, Any]]]:
        known, offset, _ = self._places.get(after, ("", 0, 0))
        for segment in self._segments():
            if segment < known:
                continue
            start = offset if segment == known else 0
            with contextlib.suppress(OSError), self._opened(segment) as file:
                file.seek(start)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    start += len(line)
                    with contextlib.suppress(ValueError):
                        yield segment, start, json.loads(line)

    def tail(
        self, lines: int, streams: tuple[str, ...], limit: int = 2**20, after: int = 0
    ) -> dict[str, Any]:
        """A page that begins with the last ``lines`` lines above ``after``; it ends as ``page`` does."""
        pieces: deque[dict[str, Any]] = deque()
        missing, size, cut = lines, 0, False
        newest, later, hole = after, None, None
        for piece in self._backwards():
            newest = max(newest, piece["n"])
            if missing <= 0 or piece["n"] <= after:
                break
            if later is not None and _end(piece) < later["at"]:
                hole = _marker(later, later["at"] - _end(piece))
            later = piece
            if piece["stream"] not in streams:
                continue
            text, ends = piece["text"], piece["text"].count("\n")
            # A line may have come in several pieces: it begins where the one before it ended.
            missing += not size and text.endswith("\n")
            kept = text if ends < missing else "\n".join(text.rsplit("\n", missing)[-missing:])
            for found in (hole, _shown(piece | {"text": kept})) if kept else ():
                if found is not None:
                    pieces.appendleft(found)
                    size += len(found["text"])
                hole = None
            missing -= ends
            while size - len(pieces[-1]["text"]) >= limit:
                size -= len(pieces.pop()["text"])
                cut = True
        return {"chunks": list(pieces), "next": pieces[-1]["n"] if cut else newest}

    def _backwards(self) -> Iterator[dict[str, Any]]:
        for segment in reversed(self._segments()):
            with contextlib.suppress(OSError), self._opened(segment) as file:
                position, rest = file.seek(0, os.SEEK_END), b""
                while position or rest:
                    start = max(0, position - _BLOCK)
                    file.seek(start)
                    lines = (file.read(position - start) + rest).split(b"\n")
                    rest = lines.pop(0) if start else b""
                    position = start
                    for line in reversed(lines):
                        with contextlib.suppress(ValueError):
                            if line:
                                yield json.loads(line)
                    if not start:
                        break


def _end(piece: dict[str, Any]) -> int:
    return int(piece["at"]) + len(piece["text"].encode("utf-8", "replace"))


def _shown(piece: dict[str, Any]) -> dict[str, Any]:
    return {key: piece[key] for key in ("n", "time", "stream", "text")}


def _marker(piece: dict[str, Any], dropped: int) -> dict[str, Any]:
    text = f"\n[... {dropped} bytes dropped ...]\n"
    return {"n": piece["n"] - 1, "time": piece["time"], "stream": "oet", "text": text}
