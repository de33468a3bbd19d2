"""One conversation with git: all its processes end when it has lasted too long."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ..kernel import processes
from .errors import PreparationError
from .git_settings import environment_for_git


class Said(NamedTuple):
    """The exit status and the output of git."""

    status: int
    out: str
    err: str


def run_git(
    words: Sequence[str],
    *,
    at: str,
    deadline: float,
    said: str | None = None,
    credentials: str | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Said:
    """Run git.

    :param at: its working folder
    :param deadline: seconds it may take
    :param said: its standard input
    :param credentials: a file in the format of git's credential store, which this git may read and no other
    :param settings: beside those that always hold
    :param variables: of its environment
    :raises PreparationError: if the file cannot be read
    :raises TimeoutError: if it takes longer; nothing of it is left then
    """
    opened = _open(credentials) if credentials else None
    try:
        process = subprocess.Popen(
            ["git", *words],
            cwd=at,
            env={**os.environ, **environment_for_git(opened, settings), **variables},
            pass_fds=[] if opened is None else [opened],
            stdin=subprocess.DEVNULL if said is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    finally:
        if opened is not None:
            os.close(opened)
    try:
        out, err = process.communicate(said.encode() if said is not None else None, timeout=deadline)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"did not answer within {deadline:g} s") from None
    finally:
        if process.poll() is None:
            kill_children()
            process.wait()
    return Said(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def _open(credentials: str) -> int:
    try:
        return os.open(credentials, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PreparationError(
            f"{credentials}, which OET_GIT_CREDENTIALS names, cannot be read: {error.strerror}"
        ) from None


def kill_children() -> None:
    """End all processes that this one has started, down to the last helper of git."""
    for pid in processes.descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
