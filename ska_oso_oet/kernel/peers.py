"""Who is at the other end of a Unix socket: a process of the server, or one that a script has started.

Every process of a script is below a supervisor, or, if that was killed, below the forkserver it came from:
both adopt orphans. Their names are theirs alone; no script can give one to a process, or take
it away. Standard library only.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from .linux import stat

#: How the names of supervisors' processes begin, as ``ps -o comm`` shows them; and that of the forkserver.
SUPERVISOR = "oet-super"
FORKSERVER = "oet-forkserver"
#: The names of the server's other processes.
SERVER = frozenset(
    {"oet-server", "oet-bus", "oet-ses", "oet-activity", "oet-central", "oet-rest", FORKSERVER}
)

_LONGEST = 15  #: bytes of a name that the kernel keeps
_SO_PEERPIDFD = 77  # Linux 6.5


def supervisor_of(procedure: int | str) -> str:
    """The name of the supervisor of a procedure."""
    return f"{SUPERVISOR}-{procedure}"[:_LONGEST]


def is_own(connection: socket.socket, but: int | None = None) -> bool:
    """Whether who connected has this process's account, and is not a script's process.

    To be asked when the connection is made: of a process that has ended only its number is known, which
    another may get.

    :param but: a process whose descendants do not count, either
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
    """A handle of the process that connected: -1 if it is gone; none if the kernel has no such handles."""
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
    """Whether a process is below a supervisor or a forkserver; so counts one that cannot be looked at."""
    if pid < 1:
        return True
    while pid > 0 and (pid > 1 or but == 1):  # a process brought into a container has no parent
        process = stat(pid)
        if process is None or pid == but or process.name.startswith((SUPERVISOR, FORKSERVER)):
            return True
        pid = process.parent
    return False
