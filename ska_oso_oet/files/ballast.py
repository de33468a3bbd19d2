"""Room that is set aside on the disk of the state directory, for what must not fail when that is full."""

from __future__ import annotations

import asyncio
import contextlib
import os

#: Bytes, and files, that must be free for new work.
NEW_WORK = 16 * 2**20
NEW_FILES = 200

_FILES = 64
_SIZE = 128 * 1024  #: bytes of each file
_INTERVAL = 5.0  #: seconds between looks for room


def free(directory: str) -> tuple[int, int]:
    """The bytes and the files that are free on the disk of a directory.

    :raises OSError: if it cannot be used
    """
    disk = os.statvfs(directory)
    # Some file systems count no files.
    return disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else NEW_FILES * 100


class Ballast:
    """Files of 8 MiB in all, which are removed when their room is needed.

    Errors of the disk are ignored: it is then as if there were no ballast.

    :param state_dir: the state directory
    """

    def __init__(self, state_dir: str) -> None:
        self._directory = os.path.join(state_dir, "ballast")

    def lend(self, files: int) -> None:
        """Make room on a full disk: 128 KiB and one file for each of so many ``files``."""
        with contextlib.suppress(OSError):
            size, count = free(self._directory)
            if size < files * _SIZE or count < files:
                for name in os.listdir(self._directory)[:files]:
                    os.unlink(os.path.join(self._directory, name))

    def fill(self) -> None:
        """Set aside what is missing, as far as there is room."""
        with contextlib.suppress(OSError):
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            for name in sorted({str(n) for n in range(_FILES)} - set(os.listdir(self._directory))):
                _allocate(os.path.join(self._directory, name))

    async def keep(self) -> None:
        """Set aside what was lent, then again whenever there is room beside new work; never returns."""
        self.fill()
        while True:
            await asyncio.sleep(_INTERVAL)
            with contextlib.suppress(OSError):
                size, count = free(self._directory)
                if size >= NEW_WORK + _FILES * _SIZE and count >= NEW_FILES + _FILES:
                    self.fill()


def _allocate(path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(file, 0, _SIZE)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(file)
