"""What a script has written in its working directory, opened so that no race with the script leads out of it.

Everything is opened below what is open already, and no link is followed. A file that is not of the account
that the directory belongs to was not written by the script: a hard link could show what only the server
may read.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ..domain.errors import NotFound, Unavailable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

_MOST = 10_000  #: files that are told
_MOST_SEEN = 50_000  #: names that are looked at
_MOST_TOLD = 2**21  #: bytes of paths that are told
_DEEPEST = 64  #: folders in folders


class Found(NamedTuple):
    """A file: its path from the working directory, its size in bytes, and when it was changed last."""

    path: bytes
    size: int
    modified: float


class RunFiles:
    """The files of one run.

    :param runs: the folder of the run directories
    """

    def __init__(self, runs: str, pid: int) -> None:
        self._room = os.path.join(runs, str(pid), "work")
        self._pid = pid

    def all(self) -> tuple[list[Found], bool]:
        """The files in order of their paths, and whether there are more."""
        found: list[Found] = []
        told, more = 0, False
        with contextlib.suppress(OSError), _opened(self._room, _FOLDER) as room:
            walk = _Walk(os.fstat(room).st_uid)
            for file in walk.below(room):
                told += len(file.path)
                if len(found) == _MOST or told > _MOST_TOLD:
                    more = True
                    break
                found.append(file)
            more = more or walk.cut_short
        return sorted(found), more

    def open(self, path: bytes) -> tuple[BinaryIO, int]:
        """A file, and how large it is now.

        :raises NotFound: where the script has written no such file
        """
        *folders, name = path.split(b"/")
        if {b"", b".", b".."} & {*folders, name} or b"\0" in path:
            raise self._refusal(path)
        try:
            with contextlib.ExitStack() as opened:
                room = opened.enter_context(_opened(self._room, _FOLDER))
                folder = room
                for each in folders:
                    folder = opened.enter_context(_opened(each, _NAME | os.O_DIRECTORY, folder))
                file = opened.enter_context(_opened(name, _NAME, folder))
                known = os.fstat(file)
                if not stat.S_ISREG(known.st_mode) or known.st_uid != os.fstat(room).st_uid:
                    raise self._refusal(path)
                # What is open as a name only, so that no device or pipe is touched, is opened to be read.
                return open(f"/proc/self/fd/{file}", "rb", buffering=0), known.st_size
        except PermissionError:
            raise Unavailable(f"procedure {self._pid} has closed {_shown(path)} to the server") from None
        except OSError:
            raise self._refusal(path) from None

    def _refusal(self, path: bytes) -> NotFound:
        return NotFound(f"procedure {self._pid} has written no file {_shown(path)}")


class _Walk:
    """Looks for the files of one account."""

    def __init__(self, owner: int) -> None:
        self._owner = owner
        self._seen = 0
        self.cut_short = False

    def below(self, folder: int, before: bytes = b"", depth: int = 0) -> Iterator[Found]:
        """The files below an open folder."""
        with os.scandir(folder) as entries:
            names = sorted(
                os.fsencode(one.name) for one in itertools.islice(entries, _MOST_SEEN - self._seen)
            )
        self._seen += len(names)
        self.cut_short |= self._seen >= _MOST_SEEN
        for name in names:
            with contextlib.suppress(OSError):
                known = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISREG(known.st_mode) and known.st_uid == self._owner:
                    yield Found(before + name, known.st_size, known.st_mtime)
                elif stat.S_ISDIR(known.st_mode) and depth == _DEEPEST:
                    self.cut_short = True
                elif stat.S_ISDIR(known.st_mode):
                    with _opened(name, _FOLDER, folder) as inner:
                        yield from self.below(inner, before + name + b"/", depth + 1)


@contextlib.contextmanager
def _opened(path: str | bytes, flags: int, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _shown(path: bytes) -> str:
    return repr(path.decode("utf-8", "replace"))
