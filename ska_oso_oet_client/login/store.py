"""Logins on disk: one file per OET that nobody but its owner can read.

A login is changed only under a lock, and read again once the lock is held: a refresh token is
good for one use, so a second terminal must find the tokens that the first one got.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..decoding import decode
from ..errors import OETError
from .session import Session

_STATE_VARIABLE = "XDG_STATE_HOME"
_ONLY_MINE = 0o600
_ONLY_MY_FOLDER = 0o700


class Store:
    """The login to one OET, whose address without subarray is ``server``."""

    def __init__(self, server: str, environment: Mapping[str, str]) -> None:
        self.server = server
        name = hashlib.sha256(server.encode()).hexdigest()[:32]
        self._folder = _folder(environment)
        self._path = self._folder / f"{name}.json"
        # Always the same one: the leftover of a killed process is written over, or removed later.
        self._unfinished = self._folder / f"{name}.new"
        self._lock = self._folder / f"{name}.lock"

    def load(self) -> Session | None:
        """The login as it is now; None when there is none that can be read."""
        try:
            text = self._read()
            session = decode(Session, json.loads(text))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return session if session.server == self.server else None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """No other process changes the login meanwhile. Raises OETError when it cannot be kept."""
        with self._sentence():
            self._make_folder()
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _ONLY_MINE)
        try:
            with self._sentence():
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def save(self, session: Session) -> None:
        """Keep the login, whole or not at all. Only under the lock."""
        with self._sentence():
            self._unfinished.unlink(missing_ok=True)
            handle = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_MINE)
            try:
                with open(handle, "w", encoding="utf-8") as file:
                    json.dump(session.to_json(), file)
                    file.flush()
                    os.fsync(file.fileno())
                self._unfinished.replace(self._path)
            except BaseException:
                self._unfinished.unlink(missing_ok=True)
                raise

    def is_empty(self) -> bool:
        """Whether nothing is kept, not even something that cannot be read."""
        return not any(os.path.lexists(path) for path in (self._path, self._unfinished))

    def remove(self) -> None:
        """Forget the login. Only under the lock."""
        with self._sentence():
            for path in (self._unfinished, self._path):
                path.unlink(missing_ok=True)

    def _read(self) -> str:
        with open(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            if found.st_uid != os.geteuid():
                raise PermissionError(f"{self._path} belongs to somebody else")
            if found.st_mode & 0o077:
                # A backup or a careless copy: it is ours, so it is put right.
                os.fchmod(file.fileno(), _ONLY_MINE)
            return file.read()

    def _make_folder(self) -> None:
        if not self._folder.is_absolute():
            raise FileNotFoundError(errno.ENOENT, "there is no home directory")
        self._folder.mkdir(mode=_ONLY_MY_FOLDER, parents=True, exist_ok=True)
        if self._folder.stat().st_mode & 0o077:
            self._folder.chmod(_ONLY_MY_FOLDER)

    @contextlib.contextmanager
    def _sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OETError(
                f"Cannot store the login in {self._folder}: {error.strerror}; "
                f"set {_STATE_VARIABLE} to a folder that you can write to"
            ) from error


def _folder(environment: Mapping[str, str]) -> Path:
    named = Path(environment.get(_STATE_VARIABLE, ""))
    # The specification of these folders says that a relative one is to be ignored.
    state = named if named.is_absolute() else Path(os.path.expanduser("~/.local/state"))
    return state / "oet" / "client" / "tokens"
