"""Files and folders that several processes read and write.

Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

from .opening import at_once


def files_below(folder: str) -> Iterator[os.DirEntry[str]]:
    """The files below a directory, up to the longest possible path; no link is followed."""
    waiting = [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry


def size_of(folder: str) -> int:
    """The size in bytes of the files below a directory."""
    total = 0
    for file in files_below(folder):
        with contextlib.suppress(OSError):
            total += file.stat(follow_symlinks=False).st_size
    return total


def names_in(folder: str) -> list[str]:
    """The files and folders in a directory, which need not exist."""
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(folder)
    return []


def read(path: str) -> dict[str, Any] | None:
    """Read a document; None if it is missing or incomplete."""
    with contextlib.suppress(OSError, ValueError):
        with open(path, opener=at_once) as file:
            document: dict[str, Any] = json.load(file)
            return document
    return None


def write(path: str, document: dict[str, Any]) -> None:
    """Write a document atomically."""
    with open(f"{path}~", "w") as file:
        json.dump(document, file)
    os.replace(f"{path}~", path)
