"""Finding and ending processes: the marks, identities and kernel switches that stopping relies on.

Every process of a run has a **mark**: a number in a resource limit (``RLIMIT_RTTIME``, which binds
real-time threads only, at a height nothing reaches). Fork and exec both hand it down, and no
session, process group or re-parenting changes it, so a double-forked grandchild is found even when its
supervisor is dead.

Standard library only. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import struct
from collections.abc import Collection
from typing import Any

from . import peers
from .linux import libc, stat

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522
_PR_SET_CHILD_SUBREAPER = 36

_PF_EXITING = 0x4  #: among the flags in /proc/<pid>/stat

#: Descriptors of the engine are moved up to here, beyond those that scripts close.
OUT_OF_REACH = 700


def control(option: int, value: Any) -> None:
    """Set one of the kernel's switches of this process."""
    libc().prctl(option, value, 0, 0, 0)


def give_up_capabilities() -> None:
    """Be root in name only, if at all; with no new privileges that holds for its children, too.

    :raises OSError: if the kernel refuses
    """
    control(_PR_SET_NO_NEW_PRIVS, 1)
    if libc().capset(struct.pack("Ii", _CAPABILITY_VERSION, 0), bytes(24)):
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
    # Through the thread: files of a private process can be written by root only.
    try:
        with open("/proc/thread-self/comm", "w") as file:
            file.write(name)
    except PermissionError:  # an isolated script's
        control(_PR_SET_NAME, name.encode())


def mark_of(run_directory: str) -> int:
    """The number of a run: it depends only on the name of its directory, not on its content."""
    import hashlib

    name = f"{_boot_id()} {os.path.realpath(run_directory)}"
    digest = hashlib.blake2b(name.encode(), digest_size=6).digest()
    return (1 << 52) | int.from_bytes(digest, "big")


def marks_work() -> bool:
    """Whether the limits this process was started with leave room for marks."""
    hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
    return hard == resource.RLIM_INFINITY or hard > 1 << 53


def apply_mark(mark: int) -> None:
    """Mark this process and all it will ever start."""
    # Prior art: control groups, which need rights that a container does not give; sessions and process
    # groups, which any child can leave. A child can clear its mark, too, so supervisors adopt orphans.
    _, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    resource.setrlimit(resource.RLIMIT_RTTIME, (mark, hard))


def marked(mark: int) -> list[int]:
    """The processes alive with this mark; zombies are not alive."""
    pids = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):
                if _mark_on(int(name)) == mark and alive(int(name)):
                    pids.append(int(name))
    return pids


def live_marks() -> set[int]:
    """The marks of all runs, on this machine, of which a process is alive."""
    marks = set()
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):
                mark = _mark_on(int(name))
                if mark >> 52 == 1 and alive(int(name)):
                    marks.add(mark)
    return marks


def _mark_on(pid: int) -> int:
    try:
        return resource.prlimit(pid, resource.RLIMIT_RTTIME)[0]
    except PermissionError:
        if os.geteuid():
            return 0  # another account's: scripts have another account only if the server is root
    with open(f"/proc/{pid}/limits") as file:
        limit = next(line for line in file if line.startswith("Max realtime timeout")).split()[3]
    return int(limit) if limit.isdecimal() else 0


def descendants(root: int) -> list[int]:
    """The processes alive below this one, those included whose mark was taken off."""
    pids: list[int] = []
    layer = [root]
    while layer:
        layer = [child for parent in layer for child in children(parent)]
        pids += layer
    return [pid for pid in pids if alive(pid)]


def children(parent: int) -> list[int]:
    """The children of a process, zombies included."""
    pids: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{thread}/children") as file:
                pids += map(int, file.read().split())
    return pids


def of_run(mark: int, root: int | None = None, name: str | None = None) -> set[int]:
    """The processes alive with this mark, but for those that are known to be no run's, or another's.

    A script can put its mark on any process of its account.

    :param root: the run's supervisor, all of whose descendants are meant as well
    :param name: the name of its supervisor, if its process is not known
    """
    own = {pid for pid in marked(mark) if not _of_others(pid, root, name)}
    return {*own, *(descendants(root) if root is not None else ())}


def _of_others(pid: int, root: int | None, name: str | None) -> bool:
    process = stat(pid)
    if process is None or pid == root or process.name in peers.SERVER:
        return True
    while pid > 1 and pid != root and process is not None:
        if process.name.startswith(peers.SUPERVISOR):
            return process.name != name
        pid = process.parent
        process = stat(pid)
    return False


def kill(pids: Collection[int]) -> int:
    """Send SIGKILL to these processes; return how many they are."""
    for pid in pids:
        # A process that a set-uid program has given another account cannot be killed.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(pids)


def kill_groups(pids: Collection[int]) -> None:
    """Send SIGKILL to the process groups of children of this process, but not to its own."""
    groups = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            groups.add(os.getpgid(pid))
    for group in groups - {os.getpgid(0)}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether anything of a process runs: a leader that has ended may leave threads behind."""
    process = stat(pid)
    if process is not None and process.state not in ("Z", "X"):
        return True
    try:
        return len(os.listdir(f"/proc/{pid}/task")) > 1
    except OSError:
        return False


def ending(pid: int) -> bool:
    """Whether a process is on its way out, or gone."""
    process = stat(pid)
    return process is None or bool(process.flags & _PF_EXITING)


def identity(pid: int) -> dict[str, object] | None:
    """Distinguishes a process from later ones with the same number; none if it does not exist."""
    process = stat(pid)
    if process is None:
        return None
    return {"pid": pid, "started": process.started, "boot": _boot_id()}


def is_there(known: dict[str, Any]) -> bool:
    """Whether the process with this identity exists."""
    found = identity(known["pid"])
    return found is not None and all(known[key] == found[key] for key in ("started", "boot"))


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


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
