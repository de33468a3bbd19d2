"""The forkserver: a small process that has the script libraries imported and forks supervisors.

It has one thread, no event loop, no sockets but one to SESWorker, and no Tango proxies, so that forking it
is safe. Started by SESWorker, ends with it, and with the last of its supervisors. Standard library, and the
modules to preload.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import select
import signal
import socket
import sys
from typing import Any

from ..engine.child import become_runner
from ..kernel import confidential, isolation, processes
from ..kernel.peers import FORKSERVER, SUPERVISOR
from .supervisor import Supervisor

LOG = logging.getLogger(__name__)

_ROUNDS = 2000  #: times in a row that strays are looked for


def serve(orders: socket.socket) -> socket.socket | None:
    """Fork a supervisor for each socket that arrives, until the other end closes.

    Returns nothing then, once its supervisors have ended; and in each supervisor its socket, so that a
    script's process ends where a program does, with nothing of the forkserver on its stack. What a supervisor
    leaves behind that was killed is killed.
    """
    processes.adopt_orphans()
    supervisors: set[int] = set()
    ended = False  #: whether the service has
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    while True:
        ready = select.select([read_end] if ended else [orders.fileno(), read_end], [], [])[0]
        if read_end in ready:
            os.read(read_end, 4096)
            _reap(supervisors)
        if not ended and orders.fileno() in ready:
            data, fds, _flags, _address = socket.recv_fds(orders, 16, 1)
            ended = not data
        else:
            data = b""
        if ended and not supervisors:
            return None
        if not data:
            continue
        supervisor = os.fork()
        if supervisor == 0:
            signal.set_wakeup_fd(-1)
            for number in (read_end, write_end):
                os.close(number)
            orders.close()
            for number in (signal.SIGCHLD, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            return socket.socket(fileno=fds[0])
        supervisors.add(supervisor)
        for fd in fds:
            os.close(fd)


def _reap(supervisors: set[int]) -> None:
    """Reap children that have ended, and kill those that are no supervisors but a script's."""
    for _ in range(_ROUNDS):
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                supervisors.discard(ended)
        strays = [pid for pid in processes.children(os.getpid()) if pid not in supervisors]
        if not strays:
            return
        processes.kill(strays)


def become_supervisor(service: socket.socket) -> int:
    """Turn a fresh child process of the forkserver into a supervisor with a runner of its own.

    Returns in the runner only, with its exit status.
    """
    os.setsid()
    processes.adopt_orphans()
    processes.rename(SUPERVISOR)
    ours, theirs = socket.socketpair()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    runner = os.fork()
    if runner == 0:
        for end in (service, ours):
            end.close()
        for fd in (out_r, err_r):
            os.close(fd)
        return become_runner(theirs, out_w, err_w, _prepare)
    theirs.close()
    for fd in (out_w, err_w):
        os.close(fd)
    try:
        asyncio.run(Supervisor(service, ours, {"stdout": out_r, "stderr": err_r}, runner).run())
    except BaseException:  # noqa: BLE001  the end of a process
        LOG.exception("A supervisor failed")
        for _ in range(_ROUNDS):
            if not processes.kill(processes.descendants(os.getpid())):
                break
        os._exit(1)  # the forkserver kills the rest
    sys.stderr.flush()
    os._exit(0)


def _prepare(*args: Any) -> Any:
    # Loaded with the libraries, or by the first run that needs it: the forkserver begins without it.
    from ..preparation.prepare import prepare

    return prepare(*args)


def _fork_once() -> None:
    """Have those threads end that libraries such as OpenBLAS start when imported, and end before a fork."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    with contextlib.suppress(ChildProcessError):  # the kernel reaps it
        os.waitpid(child, 0)


def main() -> int:
    """Run the forkserver: ``forkserver FD [MODULE …]``; returns the exit status."""
    confidential.keep_private()
    processes.rename(FORKSERVER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    orders = socket.socket(fileno=int(sys.argv[1]))
    rooms = __package__.rpartition(".")[0]
    ours = (f"{rooms}.preparation.prepare", f"{rooms}.preparation.environment")
    for name in ("pubsub.pub", "multiprocessing", *ours, *sys.argv[2:]):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  scripts can run without the library
            sys.stderr.write(f"cannot preload {name}: {error}\n")
    isolation.interpreter()
    _fork_once()
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        sys.stderr.write(f"the preloaded modules started {threads - 1} threads; scripts may hang\n")
    gc.collect()
    gc.freeze()
    service = serve(orders)
    return 0 if service is None else become_supervisor(service)


if __name__ == "__main__":
    sys.exit(main())
