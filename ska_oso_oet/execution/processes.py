"""Finding and ending processes: the marks, identities and kernel switches that stopping relies on.

Every process of a run wears a **mark**: a number in a resource limit (``RLIMIT_RTTIME``, which binds
real-time threads only, at a height nothing reaches). Fork and exec both hand it down, and no
session, process group or re-parenting changes it, so a double-forked grandchild is found even when its
supervisor is dead.

Standard library only. Linux only.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import signal
import struct
from collections.abc import Collection
from typing import Any

from .. import peers

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522
_PR_SET_CHILD_SUBREAPER = 36

_PF_EXITING = 0x4  #: among the flags in /proc/<pid>/stat

#: Descriptors of the engine are moved up here, where scripts that close the usual ones do not find them.
OUT_OF_REACH = 700


@functools.cache
def _libc() -> Any:
    import ctypes  # slow, and of no use to a script's own interpreter

    return ctypes.CDLL(None, use_errno=True)


def control(option: int, value: Any) -> None:
    """Set one of the kernel's switches of this process."""
    _libc().prctl(option, value, 0, 0, 0)


def give_up_capabilities() -> None:
    """Be root in name only, if at all; with no new privileges that holds for whatever is started, too.

    :raises OSError: where the kernel refuses
    """
    control(_PR_SET_NO_NEW_PRIVS, 1)
    if _libc().capset(struct.pack("Ii", _CAPABILITY_VERSION, 0), bytes(24)):
        raise OSError("capabilities cannot be given up")


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent dies."""
    parent = os.getppid()
    control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    control(_PR_SET_CHILD_SUBREAPER, 1)


def rename(name: str) -> None:
    """Set the name shown by ``ps -o comm``; 15 bytes are kept."""
    # Through the thread: what belongs to a private process is root's to write.
    try:
        with open("/proc/thread-self/comm", "w") as file:
            file.write(name)
    except PermissionError:  # an isolated script's
        control(_PR_SET_NAME, name.encode())


def mark_of(run_directory: str) -> int:
    """The number of a run: known as long as its directory's name is, whatever the script does to that."""
    import hashlib

    with open("/proc/sys/kernel/random/boot_id") as file:
        name = f"{file.read().strip()} {os.path.realpath(run_directory)}"
    digest = hashlib.blake2b(name.encode(), digest_size=6).digest()
    return (1 << 52) | int.from_bytes(digest, "big")


def marks_work() -> bool:
    """Whether the limits this process was started with leave room for marks."""
    hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
    return hard == resource.RLIM_INFINITY or hard > 1 << 53


def wear(mark: int) -> None:
    """Mark this process and all it will ever start."""
    _, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    resource.setrlimit(resource.RLIMIT_RTTIME, (mark, hard))


def wearers(mark: int) -> list[int]:
    """The processes alive that wear this mark; zombies are not alive."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):
                if _worn_by(int(name)) == mark and alive(int(name)):
                    found.append(int(name))
    return found


def worn() -> set[int]:
    """The marks of all runs, on this machine, of which a process is alive."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):
                mark = _worn_by(int(name))
                if mark >> 52 == 1 and alive(int(name)):
                    found.add(mark)
    return found


def _worn_by(pid: int) -> int:
    try:
        return resource.prlimit(pid, resource.RLIMIT_RTTIME)[0]
    except PermissionError:
        if os.geteuid():
            return 0  # somebody else's: scripts have another account only where the server is root
    with open(f"/proc/{pid}/limits") as file:
        limit = next(line for line in file if line.startswith("Max realtime timeout")).split()[3]
    return int(limit) if limit.isdecimal() else 0


def descendants(root: int) -> list[int]:
    """The processes alive below this one, those included whose mark was taken off."""
    found: list[int] = []
    layer = [root]
    while layer:
        layer = [child for parent in layer for child in children(parent)]
        found += layer
    return [pid for pid in found if alive(pid)]


def children(parent: int) -> list[int]:
    """The processes whose parent is this one, those included that nobody has waited for yet."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found


def unburied() -> set[int]:
    """The children of this process that have ended and that nobody has waited for yet."""
    return {pid for pid in children(os.getpid()) if (_stat(pid) or ["X"])[0] == "Z"}


def of_run(mark: int, root: int | None = None, name: str | None = None) -> set[int]:
    """The processes alive that wear this mark, but for those that are known to be no run's, or another's.

    A script can put its mark on whatever has its account.

    :param root: the run's supervisor, all of whose descendants are meant as well
    :param name: the name of its supervisor, where that itself is not known
    """
    marked = {pid for pid in wearers(mark) if not _of_others(pid, root, name)}
    return {*marked, *(descendants(root) if root is not None else ())}


def _of_others(pid: int, root: int | None, name: str | None) -> bool:
    known = peers.stat(pid)
    if known is None or pid == root or known[0] in peers.SERVER:
        return True
    while pid > 1 and pid != root and known is not None:
        if known[0].startswith(peers.SUPERVISOR):
            return known[0] != name
        pid = known[1]
        known = peers.stat(pid)
    return False


def kill(pids: Collection[int]) -> int:
    """Send SIGKILL to these processes; return how many they are."""
    for pid in pids:
        # What has become another account's, through a set-uid program, is not ours to kill.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(pids)


def alive(pid: int) -> bool:
    """Whether anything of a process runs: a leader that has ended may leave threads behind."""
    if (_stat(pid) or ["X"])[0] not in ("Z", "X"):
        return True
    try:
        return len(os.listdir(f"/proc/{pid}/task")) > 1
    except OSError:
        return False


def ending(pid: int) -> bool:
    """Whether a process is on its way out, or gone."""
    stat = _stat(pid)
    return stat is None or bool(int(stat[6]) & _PF_EXITING)


def identity(pid: int) -> dict[str, object] | None:
    """What tells a process from any other that may get its number later; none where it does not exist."""
    stat = _stat(pid)
    if stat is None:
        return None
    with open("/proc/sys/kernel/random/boot_id") as file:
        return {"pid": pid, "started": int(stat[19]), "boot": file.read().strip()}


def is_there(known: dict[str, Any]) -> bool:
    """Whether the process with this identity exists."""
    found = identity(known["pid"])
    return found is not None and all(known[key] == found[key] for key in ("started", "boot"))


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].decode().split()
    except OSError:
        return None


def killed_by_kernel() -> int:
    """How many processes of this control group the kernel has killed for want of memory so far."""
    try:
        with open("/proc/self/cgroup") as file:
            group = file.readline().strip().split("::")[-1]
        with open(f"/sys/fs/cgroup{group}/memory.events") as file:
            counts = dict(line.split() for line in file)
    except (OSError, ValueError):
        return 0
    return int(counts.get("oom_kill", 0))
