"""Runs uv, which makes environments: its output is output of the run, and gives the reason of a failure."""

from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping

from ..domain.repositories import without_secrets
from .errors import PreparationError
from .git_process import kill_children

_KEPT = 1000  #: lines
_SHORT = 16  #: lines of a complaint that is told in full
_TAIL = 5
_CHAIN = re.compile(r"error:|hint:|  cause: ")  # as uv begins the lines that are its own
_DECISIVE = re.compile(r"\s*([\w.]*(Error|Exception|Exit)\b|(fatal |\w+: )?error\b|fatal\b|ERROR\b|E: ).*")


def find_uv() -> str:
    """The path of uv.

    :raises PreparationError: if it is not installed
    """
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    uv = beside if os.access(beside, os.X_OK) else shutil.which("uv")
    if uv is None:
        raise PreparationError("uv, which makes the environments of scripts, is not installed on the server")
    return uv


def install(
    command: list[str],
    what: str,
    at: str | None = None,
    variables: Mapping[str, str] | None = None,
    credentials: bytes = b"",
) -> None:
    """Run uv; its output is output of the run.

    :param what: the name of the environment, for messages
    :param variables: environment variables for it
    :param credentials: in the format of netrc; for uv, which reads them first, and not for its builds
    :raises PreparationError: with the lines that tell why it failed
    """
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    environment["UV_NO_WRAP"] = "1"  # one reason, one line
    # The installer gets neither the server's own variables nor those for the script.
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "UV_PROJECT", "UV_PYTHON"):
        environment.pop(name, None)
    environment |= {"GIT_TERMINAL_PROMPT": "0", **(variables or {})}
    if "UV_DEFAULT_INDEX" in (variables or {}):
        environment.pop("UV_INDEX_URL", None)  # its older name
    inherited = []
    if credentials:
        inherited.append(_to_be_read_once(credentials))
        environment["NETRC"] = f"/dev/fd/{inherited[0]}"
    said: collections.deque[str] = collections.deque(maxlen=_KEPT)
    process = subprocess.Popen(
        command,
        cwd=at,
        env=environment,
        pass_fds=inherited,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
    )
    for descriptor in inherited:
        os.close(descriptor)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            line = without_secrets(line)
            said.append(line.rstrip())
            sys.stderr.write(line)
        process.wait()
    finally:
        if process.poll() is None:
            kill_children()
            process.wait()
        process.stdout.close()
    if process.returncode:
        message = complaint(list(said))
        if process.returncode < 0 or not message:
            message = f"{message}\nuv ended with status {process.returncode}".strip()
        raise PreparationError(f"{what} could not be made: {message}")


def _to_be_read_once(content: bytes) -> int:
    """A pipe that holds this.

    :raises PreparationError: if it is more than a pipe holds
    """
    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)
    try:
        if os.write(mouth, content) < len(content):
            raise PreparationError("the file that OET_PIP_CREDENTIALS names is too long: 64 KiB are enough")
    finally:
        os.close(mouth)
    return ear


def complaint(said: list[str]) -> str:
    """The lines that tell why uv failed: its own chain of reasons, and of a build those that decide."""
    begins = [n for n, line in enumerate(said) if line.startswith("error:")]
    block = [line for line in said[begins[-1] if begins else -_SHORT :] if line.strip()]
    if len(block) > _SHORT:
        own = {n for n, line in enumerate(block) if _CHAIN.match(line)}
        built = [n for n in range(len(block)) if n not in own]
        decisive = [n for n in built if _DECISIVE.match(block[n])]
        kept = sorted(own | set(decisive[-2:]) | set(built[-_TAIL:]))
        skips = [n for n, before in zip(kept, [-1, *kept], strict=False) if n != before + 1]
        block = [("         …\n" if n in skips else "") + block[n] for n in kept]
    return "\n".join(line.replace(" " * 9, " " * 4) for line in block)
