"""Files and folders that several processes look at: read, written and removed without a fuss.

Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import Any


def size_of(folder: str) -> int:
    """The bytes that the files below a directory take up."""
    total = 0
    for path, _, files in os.walk(folder):
        for file in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, file)).st_size
    return total


def names_in(folder: str) -> list[str]:
    """The files and folders in a directory, which need not exist."""
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(folder)
    return []


def remove(path: str) -> None:
    """Remove a file or a directory, if it is there."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if os.path.isdir(path) and not os.path.islink(path):
            _open_folders(path)
            shutil.rmtree(path)
        else:
            os.unlink(path)


def _open_folders(path: str) -> None:
    """Whatever a build has closed is ours to remove."""
    with contextlib.suppress(PermissionError):
        os.chmod(path, 0o700)
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _open_folders(entry.path)


def read(path: str) -> dict[str, Any] | None:
    """Read a document; nothing where it is not there, or half written."""
    with contextlib.suppress(OSError, ValueError):
        with open(path) as file:
            found: dict[str, Any] = json.load(file)
            return found
    return None


def write(path: str, document: dict[str, Any]) -> None:
    """Write a document whole or not at all."""
    with open(f"{path}~", "w") as file:
        json.dump(document, file)
    os.replace(f"{path}~", path)
