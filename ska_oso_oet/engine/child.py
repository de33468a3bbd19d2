"""From a child process of the supervisor to a runner. Standard library only."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from ..kernel import processes
from .process_setup import out_of_reach
from .runner import Runner


def become_runner(control: socket.socket, stdout: int, stderr: int, prepare: Callable[..., Any]) -> int:
    """Turn a fresh child process of the supervisor into a runner; returns its exit status.

    :param prepare: gets a script from git, and its environment
    """
    processes.end_with_parent()
    processes.rename("oet-script")
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, wanted in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(fd, wanted)
        os.close(fd)
    return Runner(out_of_reach(control.detach()), prepare).run()
