"""Who is at the other end of a Unix socket: a process of the server, or one that a script has started.

Every process of a script is below a supervisor, or, where that was killed, below the nursery it came from:
both adopt what is orphaned. Their names are theirs alone; nobody can give one to a process of theirs, or take
it away. Standard library only.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

#: What the names of supervisors' processes begin with, as ``ps -o comm`` shows them; and that of the nursery.
SUPERVISOR = "oet-super"
NURSERY = "oet-nursery"
#: The names of the server's other processes.
SERVER = frozenset({"oet-server", "oet-bus", "oet-ses", "oet-activity", "oet-rest", NURSERY})

_LONGEST = 15  #: bytes of a name that the kernel keeps
_SO_PEERPIDFD = 77  # Linux 6.5


def supervisor_of(procedure: int | str) -> str:
    """The name of the supervisor of a procedure."""
    return f"{SUPERVISOR}-{procedure}"[:_LONGEST]


def is_own(connection: socket.socket, but: int | None = None) -> bool:
    """Whether who connected has this process's account, and is not a script's process.

    To be asked when the connection is made: what is known of a process that has ended is its number, which
    another may get.

    :param but: a process below which nobody counts, either
    """
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    handle = _handle(connection)
    try:
        return uid == os.geteuid() and not of_script(pid, but) and (handle is None or _is_there(handle, pid))
    finally:
        if handle is not None and handle >= 0:
            os.close(handle)


def _handle(connection: socket.socket) -> int | None:
    """What stays with the process that connected: -1 if it is gone; none where the kernel has no such."""
    try:
        return connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError as error:
        return None if error.errno == errno.ENOPROTOOPT else -1


def _is_there(handle: int, pid: int) -> bool:
    """Whether that process has still its number."""
    try:
        with open(f"/proc/self/fdinfo/{handle}") as file:
            return f"Pid:\t{pid}\n" in file.read()
    except OSError:
        return False


def of_script(pid: int, but: int | None = None) -> bool:
    """Whether a process is below a supervisor or a nursery; one that cannot be looked at counts as such."""
    if pid < 1:
        return True
    while pid > 0 and (pid > 1 or but == 1):  # the parent of what is brought into a container is none
        found = stat(pid)
        if found is None or pid == but or found[0].startswith((SUPERVISOR, NURSERY)):
            return True
        pid = found[1]
    return False


def stat(pid: int) -> tuple[str, int] | None:
    """The name of a process, and its parent; none where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            name, _, rest = file.read().partition(b"(")[2].rpartition(b")")
    except OSError:
        return None
    return name.decode(errors="replace"), int(rest.split()[1])
