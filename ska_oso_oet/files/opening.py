"""Opening files that a script may have had its hands on. Standard library only."""

from __future__ import annotations

import os


def at_once(path: str, flags: int) -> int:
    """Open a file, one for its owner only if it is new; for ``open``.

    Nothing is waited for: a lease of a script's would take 45 s, and a pipe in the file's place for ever.

    :raises BlockingIOError: if there is a lease, which the kernel takes from its holder by and by
    """
    return os.open(path, flags | os.O_NONBLOCK, 0o600)
