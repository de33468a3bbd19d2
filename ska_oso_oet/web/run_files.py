"""Files in a script's working directory, opened without races with the script that lead out of it.

Each folder and file is opened relative to an open folder, and no link is followed. A file of another account
than the directory's is ignored: a hard link of the script could expose a file that only the server may read.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import urllib.parse
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ..domain.errors import NotFound, Unavailable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_NAME = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

_MOST = 10_000  #: files in a list
_MOST_SEEN = 50_000  #: names examined
_MOST_BYTES = 2**21  #: bytes of the addresses of a list
_DEEPEST = 64  #: depth of folders


class Found(NamedTuple):
    """A file: its path in the working directory, size in bytes, and time of the last change."""

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
        """The files, sorted by path, and whether there are more."""
        files: list[Found] = []
        told, more = 0, False
        with contextlib.suppress(OSError), _opened(self._room, _FOLDER) as room:
            walk = _Walk(os.fstat(room).st_uid)
            for file in walk.below(room):
                told += len(urllib.parse.quote(file.path))
                if len(files) == _MOST or told > _MOST_BYTES:
                    more = True
                    break
                files.append(file)
            more = more or walk.cut_short
        return sorted(files), more

    def open(self, path: bytes) -> tuple[BinaryIO, int]:
        """Open a file, and get its current size.

        :raises NotFound: if the script has written no such file
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
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode) or status.st_uid != os.fstat(room).st_uid:
                    raise self._refusal(path)
                # O_PATH first, so that no device or pipe is opened; then for reading, without blocking: a
                # lease of the script would block for 45 s.
                way = f"/proc/self/fd/{file}"
                return open(os.open(way, _READ), "rb", buffering=0), status.st_size
        except BlockingIOError:
            raise Unavailable(
                f"procedure {self._pid} holds a lease on {_shown(path)}; try again when it has ended"
            ) from None
        except PermissionError:
            raise Unavailable(
                f"procedure {self._pid} has closed {_shown(path)} to the server; its script can open it again"
            ) from None
        except OSError:
            raise self._refusal(path) from None

    def _refusal(self, path: bytes) -> NotFound:
        return NotFound(
            f"procedure {self._pid} has written no file {_shown(path)}; to see which it has: "
            f"oet procedure files --pid={self._pid}"
        )


class _Walk:
    """Finds the files of one account."""

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
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and status.st_uid == self._owner:
                    yield Found(before + name, status.st_size, status.st_mtime)
                elif stat.S_ISDIR(status.st_mode) and depth == _DEEPEST:
                    self.cut_short = True
                elif stat.S_ISDIR(status.st_mode):
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
