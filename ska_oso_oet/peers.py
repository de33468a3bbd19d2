"""Who is at the other end of a Unix socket: a process of the server, or one that a script has started.

Every process of a script has a supervisor among its ancestors: supervisors adopt what is orphaned. Their
name is theirs alone; nobody can give it to a process of theirs, or take it away. Standard library only.
"""

from __future__ import annotations

import os
import socket
import struct

#: What the names of supervisors' processes begin with, as ``ps -o comm`` shows them.
SUPERVISOR = "oet-super"


def is_own(connection: socket.socket) -> bool:
    """Whether who connected has this process's account, and is not a script's process."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return uid == os.geteuid() and not of_script(pid)


def of_script(pid: int) -> bool:
    """Whether a process is below a supervisor; one that cannot be looked at counts as such."""
    while pid > 1:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                name, _, rest = file.read().partition(b"(")[2].rpartition(b")")
        except OSError:
            return True
        if name.startswith(SUPERVISOR.encode()):
            return True
        pid = int(rest.split()[1])
    return pid < 1
