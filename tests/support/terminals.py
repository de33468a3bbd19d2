"""`oet` as an operator has it: against a real server."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..conftest import Server

OET = str(Path(sys.executable).parent / "oet")


class Terminal:
    """A terminal whose OET_URL is set."""

    def __init__(self, server: Server) -> None:
        self.environ = {**os.environ, "OET_URL": server.url.replace("/oet/1/", "/oet/{SUBARRAY_ID}/")}
        self.environ["OET_SUBARRAY_ID"] = "1"

    def __call__(self, *words: str, status: int = 0) -> str:
        """Run `oet` with these words; returns what it printed."""
        done = subprocess.run(
            [OET, *words], env=self.environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        assert "Traceback (most recent call last)" not in done.stderr
        return done.stdout + done.stderr

    def open(self, *words: str, stderr: int | None = None) -> subprocess.Popen[str]:
        """Run `oet` and go on."""
        return subprocess.Popen(
            [OET, *words], env=self.environ, stdout=subprocess.PIPE, stderr=stderr, text=True
        )

    @contextmanager
    def typing(self, *words: str, size: tuple[int, int] = (80, 24), **environ: str) -> Iterator[Typing]:
        """Run `oet` in a pseudoterminal that is its own, with so many columns and lines."""
        typing = Typing(words, {**self.environ, "TERM": "xterm", **environ}, size)
        try:
            yield typing
        finally:
            typing.process.kill()
            typing.process.wait()
            typing.hang_up()


class Typing:
    """`oet` with somebody at its terminal."""

    def __init__(self, words: tuple[str, ...], environ: dict[str, str], size: tuple[int, int]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            [OET, *words],
            env=environ,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.told = ""

    def until(self, *texts: str, timeout: float = 30) -> None:
        """Read until one of these is on the terminal."""
        deadline = time.monotonic() + timeout
        while not any(text in self.told for text in texts):
            assert self._read(deadline), f"it ended; told was: {self.told}"

    def end(self, timeout: float = 30) -> str:
        """Read until it has ended; returns all that is on the terminal."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        self.process.wait(timeout)
        return self.told

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"nothing more came; told was: {self.told}"
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # nobody holds the other end any more
            return False
        self.told += piece.decode().replace("\r\n", "\n")
        return bool(piece)

    def ctrl_c(self) -> None:
        """Press it."""
        os.write(self._master, b"\x03")

    def hang_up(self) -> None:
        """Close the terminal."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
