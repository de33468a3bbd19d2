"""Shows on stderr the subject of a wait, and its duration.

On a terminal it is the last line, which is removed before other output; else new lines.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ..terminal import printable, shortened

FIRST = 1.0
"""Seconds after which the subject of a wait is shown."""

EVERY = 30.0
"""Seconds between two lines without a terminal."""

Told = str | tuple[str, float] | None
"""The subject of a wait, and its beginning on the monotonic clock, if it is not now."""

_ERASE = "\r\x1b[K"
_shown: list[Live] = []


class Live:
    """Shows the text that ``tell`` returns, if any, with its age in seconds.

    It may return the beginning as well. ``lines``: whether to write lines without a terminal.
    """

    def __init__(self, tell: Callable[[], Told], lines: bool = True) -> None:
        self._tell = tell
        self._lines = lines
        self._on_terminal = can_redraw()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._told: Told = None
        self._since = time.monotonic()
        self._told_at = 0.0
        self._drawn = False
        self.hidden = False  #: while another line is unfinished

    def start(self) -> None:
        if self._on_terminal or self._lines:
            threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        self.erase()

    def erase(self) -> None:
        with self._lock:
            if self._drawn:
                self._drawn = False
                _write(_ERASE)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Hide the line while other text is written."""
        with self._lock:
            self.erase()
            yield

    def _run(self) -> None:
        while not self._over.wait(0.5):
            with self._lock:
                if not self._over.is_set():
                    self._look()

    def _look(self) -> None:
        told, now = self._tell(), time.monotonic()
        text, since = told if isinstance(told, tuple) else (told, now)
        if told != self._told:
            self._told, self._since, self._told_at = told, since, 0.0
        waited = now - self._since
        if text is None:
            self.erase()
        elif self._on_terminal:
            if waited >= FIRST and not self.hidden:
                line = shortened(_with_seconds(text, waited), _columns() - 1)
                _write(f"{_ERASE}{line}")
                self._drawn = True
        elif self._lines and waited >= (self._told_at + EVERY if self._told_at else FIRST):
            self._told_at = waited
            _write(_with_seconds(text, waited) + "\n")


def _with_seconds(text: str, waited: float) -> str:
    seconds = f"{int(waited)} s"
    return printable(f"{text} {seconds}" if text.endswith(" for") else f"{text} ({seconds})")


@contextmanager
def waiting(for_what: str | Callable[[], Told], lines: bool = True) -> Iterator[Live]:
    """Show the reason of a wait while the block runs; waits inside the block are not shown."""
    live = Live((lambda: for_what) if isinstance(for_what, str) else for_what, lines)
    if _shown:
        yield _shown[-1]
        return
    _shown.append(live)
    live.start()
    try:
        yield live
    finally:
        live.stop()
        _shown.remove(live)


@contextmanager
def aside() -> Iterator[None]:
    """Write other text than the subject of the wait."""
    if not _shown:
        yield
        return
    with _shown[-1].aside():
        yield


def can_redraw() -> bool:
    """Whether stderr is a terminal that can rewrite a line."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and os.environ.get("TERM", "dumb") not in ("", "dumb")


def _columns() -> int:
    with suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    return 80


def _write(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
