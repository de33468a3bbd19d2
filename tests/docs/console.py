"""Carries out what a page shows: its console blocks, in a shell, and compares what is said with the page.

In a block, `$ command` is typed and what follows is what it says; `…` stands for any lines, or for anything
in one. `make run`, `oet-server`, `oet-simulator`, `oet listen` and `oet login` go on, with a `&` or as in a
terminal of their own; what the one that was started last says later is a block without a command, and a block
that begins with `^C` ends it. A code block with a caption is a file of that name.

Times, ports, commits and such may be any others, and columns of any width; ids of procedures are those shown.
How long something takes may be anything, and what is only said because it takes long need not be shown.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_PART = re.compile(
    r"^```console\n(?P<console>.*?)^```"
    r"|^```\{code-block\} \w+\n:caption: (?P<name>\S+)\n\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_GOES_ON = re.compile(r"(make run|oet-server|oet-simulator|oet listen|oet login)\b")
_LIMIT = 60.0  #: seconds for one command
_END = "--- that was it"


class DifferentError(AssertionError):
    """A command said something else than the page."""


class Terminal:
    """A shell, and what it left running.

    :param folder: where it starts
    :param environ: its environment
    :param instead: what is typed instead of what the page says: other ports, say
    :param at_login: somebody who does what `oet login` asks for, given what it says
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        instead: Mapping[str, str],
        at_login: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = folder
        self._at_login = at_login
        self._instead = dict(instead)
        self._shell = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environ),
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self._running: list[tuple[int, Path]] = []
        self._begun = 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc_info: object) -> None:
        while self._running:
            self._interrupt()
        assert self._shell.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.close()
        self._shell.wait(_LIMIT)
        self._reading.join(_LIMIT)
        assert self._shell.stdout is not None
        self._shell.stdout.close()

    def _read(self) -> None:
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            self._lines.put(line)

    def follow(self, page: str) -> None:
        """Do everything that a page shows.

        :raises DifferentError: naming the command
        """
        for part in _PART.finditer(page):
            if part["name"]:
                (Path(self._type("pwd").strip()) / part["name"]).write_text(part["text"])
            else:
                self._block(part["console"])

    def _block(self, text: str) -> None:
        if text.startswith("^C\n"):
            self._interrupt()
            text = text.removeprefix("^C\n")
        elif not text.startswith("$ "):
            self._says("…\n" + text)
        for command, said in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            for old, new in self._instead.items():
                command = command.replace(old, new)
            if _GOES_ON.match(command):
                self._go_on(command, said)
            else:
                found = self._type(command)
                if not _alike(said, found):
                    raise DifferentError(f"$ {command}\n{found}\ninstead of\n{said}")

    def _type(self, command: str) -> str:
        assert self._shell.stdin is not None
        self._shell.stdin.write(
            f"(exit $status); {{ eval {shlex.quote(command)}; }} </dev/null; status=$?; echo '{_END}'\n"
        )
        self._shell.stdin.flush()
        said, deadline = "", time.monotonic() + _LIMIT
        while True:
            try:
                said += self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise DifferentError(f"$ {command}\nhas not ended yet; so far it says\n{said}") from None
            before, end, _ = said.partition(_END)
            if end:
                return before

    def _go_on(self, command: str, said: str) -> None:
        self._begun += 1
        log = self._folder / f".terminal-{self._begun}"
        log.touch()
        command = command.removesuffix(" &")
        pid = int(self._type(f"{command} >{shlex.quote(str(log))} 2>&1 & echo $!"))
        self._running.append((pid, log))
        self._says(said)
        self._learn(said, log.read_text())
        if command.startswith("oet login") and self._at_login is not None:
            self._at_login(log.read_text())

    def _learn(self, shown: str, said: str) -> None:
        """From now on use the ports that were really given, and the server that is really there."""
        port = r"(?<=127\.0\.0\.1:)\d+"
        for page, real in zip(re.findall(port, shown), re.findall(port, said), strict=False):
            self._instead |= {page: real}
            self._instead.pop(f"--port={page}", None)  # from now on that is the one
        if ready := re.search(r"is ready: (\S+)", said):
            self._type(f"export OET_URL={ready[1]}")

    def _says(self, text: str) -> None:
        _, log = self._running[-1]
        deadline = time.monotonic() + _LIMIT
        while not _alike(text, log.read_text(), so_far=True):
            if time.monotonic() > deadline:
                raise DifferentError(f"What goes on says\n{log.read_text()}\ninstead of\n{text}")
            time.sleep(0.05)

    def _interrupt(self) -> None:
        pid, _ = self._running.pop()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)  # a shell has its background commands ignore Ctrl-C
        self._type(f"wait {pid}")


def _alike(shown: str, said: str, *, so_far: bool = False) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n"
        for line in _loose(shown).splitlines()
    )
    found = _loose(said)
    return bool(re.match(pattern, found) if so_far else re.fullmatch(pattern, found))


def _loose(text: str) -> str:
    """What may differ is made the same."""
    text = re.sub(r"\beb-[0-9a-z-]+", "eb-0", text)
    text = re.sub(r"\b[0-9a-f]{12,40}\b|\b[A-Z]{4}-[A-Z]{4}\b|\d[\d.:-]+", "0", text)
    text = re.sub(r"-{2,}", "--", text)
    text = re.sub(r"\b(in|after|for) [\d.]+ (s|min)\b", r"\1 0 s", text)
    text = re.sub(r"\b[\d.]+ (s|min) ago\b", "0 s ago", text)
    text = re.sub(r"^.+ \(\d+ s\)\n", "", text, flags=re.MULTILINE)
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line)
