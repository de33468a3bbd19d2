"""Seccomp: system calls that a process gives up for good, with all it will ever start.

What Landlock does not restrict, and no script needs: a lease on a file has whoever opens it wait for 45 s,
the server too, the kernel's keyrings belong to the account, and a limit of another process may be a mark of
its run. See the kernel's documentation of
`seccomp filters <https://docs.kernel.org/userspace-api/seccomp_filter.html>`_. Standard library only. Linux
only.
"""

from __future__ import annotations

import errno
import os
import platform
import struct

from .linux import libc

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # instructions of the filter's machine
_NUMBER, _ARCHITECTURE = 0, 4  # places in what is filtered; little-endian
_FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT = 16, 24, 32
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_OTHER_ABI = 0x40000000  #: numbers from here on are those of another interface, x32
_LEASES = (1024, 1040)  #: F_SETLEASE and F_SETDELEG
#: By machine: its name in the kernel, ``fcntl``, ``prlimit64``, and ``add_key``, ``request_key``, ``keyctl``.
_MACHINES = {
    "x86_64": (0xC000003E, 72, 302, (248, 249, 250)),
    "aarch64": (0xC00000B7, 25, 261, (217, 218, 219)),
}


def is_possible() -> bool:
    """Whether the kernel has filters."""
    import ctypes

    libc().prctl(_PR_SET_SECCOMP, _MODE_FILTER, None, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


def restrict() -> None:
    """Take no lease, reach no keyring and limit no other process any more; another machine's programs are
    refused all.

    On machines whose numbers are not known here, nothing is given up.

    :raises OSError: if the kernel refuses
    """
    import ctypes

    if platform.machine() not in _MACHINES:
        return
    program = _program(*_MACHINES[platform.machine()])
    held = ctypes.create_string_buffer(b"".join(program))
    given = struct.pack("HP", len(program), ctypes.addressof(held))
    if libc().prctl(_PR_SET_SECCOMP, _MODE_FILTER, given, 0, 0):
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def _program(machine: int, fcntl: int, prlimit: int, keys: tuple[int, ...]) -> list[bytes]:
    """The filter: each test goes on, over the tests of ``limits``, or to one of the two ends."""
    go_on, over, allow, refuse = "go on", "over", "allow", "refuse"
    limits = [
        (_LOAD, _FIRST_ARGUMENT, go_on, go_on),
        (_EQUAL, 0, allow, go_on),  # of this process
        (_LOAD, _THIRD_ARGUMENT, go_on, go_on),
        (_EQUAL, 0, go_on, refuse),
        (_LOAD, _THIRD_ARGUMENT + 4, go_on, go_on),
        (_EQUAL, 0, allow, refuse),  # they are read
    ]
    steps = [
        (_LOAD, _ARCHITECTURE, go_on, go_on),
        (_EQUAL, machine, go_on, refuse),
        (_LOAD, _NUMBER, go_on, go_on),
        (_AT_LEAST, _OTHER_ABI, refuse, go_on),
        *((_EQUAL, key, refuse, go_on) for key in keys),
        (_EQUAL, prlimit, go_on, over),
        *limits,
        (_EQUAL, fcntl, go_on, allow),
        (_LOAD, _SECOND_ARGUMENT, go_on, go_on),
        *((_EQUAL, lease, refuse, go_on) for lease in _LEASES),
        (_RETURN, _ALLOW, go_on, go_on),
        (_RETURN, _REFUSE, go_on, go_on),
    ]
    program = []
    for place, (code, value, yes, no) in enumerate(steps, 1):
        ends = {allow: len(steps) - 2 - place, refuse: len(steps) - 1 - place}
        skips = {go_on: 0, over: len(limits), **ends}
        program.append(struct.pack("HBBI", code, skips[yes], skips[no], value))
    return program
