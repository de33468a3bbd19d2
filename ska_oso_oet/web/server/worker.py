"""gunicorn's worker: slow, half-open or silent clients occupy no thread."""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gunicorn.http import get_parser
from gunicorn.workers.gthread import TConn, ThreadWorker

from ..auth.verified_tokens import VERIFIED
from ..problems import problem_answer
from .gunicorn_log import BOUNDED
from .lingering_close import BufferedSocket, LingeringClose
from .receiver import Arrivals, NotHere, Unfinished
from .request_end import Arriving
from .thread_shares import Shares
from .waiting_requests import InLine, Lane, asker_of

LOG = logging.getLogger(__name__)
LOG.addFilter(BOUNDED)

#: Threads for probes, whose senders may kill a server that does not answer; more than may wait for workers.
_PROBING = 8
_LINE = 1024  #: requests of one user in the queue
_ACCEPTED = 64  #: connections taken at once


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker, with these differences.

    It releases hijacked connections, and uses a thread only for a complete request. Commands and probes have
    threads of their own, so that they do not wait for readers, and no user can occupy all threads. No thread
    waits for clients that send, read or close slowly.
    """

    def init_process(self) -> None:
        """Create the threads, and serve."""
        self._commanding = ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="command")
        self._probing = ThreadPoolExecutor(_PROBING, thread_name_prefix="probe")
        super().init_process()

    def run(self) -> None:
        """Serve until the end is requested."""
        self._lingering = LingeringClose(self.poller, self.close)
        self._arrivals = Arrivals(self.poller, self._hand_over, self.refuse, self.close)
        threads = self.cfg.threads
        # More than may wait for the archive or the central history, which leaves threads to stops.
        most = max(1, threads * 3 // 4)
        strangers = max(1, threads // 8)
        # No probe is ever refused: whoever sends it may end a server that does not answer.
        probing = Shares(_PROBING, _PROBING, _PROBING * 3 // 4, self.worker_connections)
        self._probes = Lane(probing, self._probing)
        # Hundreds of clients of one address may reconnect at once, and none of them is refused.
        self._commands = Lane(Shares(threads, most, strangers, _LINE), self._commanding)
        self._reads = Lane(Shares(threads, most, strangers, _LINE), self.tpool)
        super().run()

    def accept(self, listener: Any) -> None:
        """Accept connections: in the kernel's queue the newest waits longest, in ours a user goes first."""
        for _ in range(_ACCEPTED):
            try:
                sock, client = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                LOG.warning("Too many connections for the limit of open files")
                self._give_way()
                return
            self.nr_conns += 1
            sock = BufferedSocket(fileno=sock.detach())
            self.enqueue_req(TConn(self.cfg, sock, client, listener.getsockname()))
            if self.nr_conns >= self.worker_connections:
                self._give_way()

    def _give_way(self) -> None:
        """Close the connection that is least needed."""
        for give_way in (
            self._lingering.give_way,
            self._reads.shares.leave_stranger,
            self._commands.shares.leave_stranger,
            self._arrivals.give_way,
            self._leave_idle,
            self._probes.shares.give_way,
            self._commands.shares.give_way,
            self._reads.shares.give_way,
            self._lingering.break_off_idle,
        ):
            if give_way():
                return

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Have connections go on that can."""
        for key, _ in self.poller.select(timeout):
            conn, *_ = getattr(key.data, "args", (None,))  # every step of a connection begins with it
            self.attempt(conn, key.data, key.fileobj)

    def attempt(self, conn: Any, step: Callable[..., None], *args: Any) -> bool:
        """Go on with a connection; whatever goes wrong then, only that connection ends."""
        try:
            step(*args)
        except Exception:
            LOG.exception("A connection was closed because of an internal error")
            if conn is not None:
                self._abandon(conn)
            return False
        return True

    def _abandon(self, conn: Any) -> None:
        with contextlib.suppress(ValueError):
            self.keepalived_conns.remove(conn)
        self._arrivals.forget(conn)
        self._lingering.forget(conn)
        with contextlib.suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)
        if conn.sock.fileno() != -1:
            self.close(conn)

    def _leave_idle(self) -> bool:
        """Close the connection that is idle for longest; returns whether there was one."""
        if not self.keepalived_conns:
            return False
        self._abandon(self.keepalived_conns[0])
        return True

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Wait for another request, unless the connection was closed in favour of another one."""
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def enqueue_req(self, conn: Any) -> None:
        """Wait for a request on a connection."""
        conn.request = Arriving(conn.parser.unreader.take_buffered() if conn.parser else b"")
        self.attempt(conn, self._arrivals.expect, conn)

    def _hand_over(self, conn: Any) -> None:
        request: Arriving = conn.request
        lane = self._probes if request.probe else self._commands if request.commands else self._reads
        asker = asker_of(request, conn.client[0], VERIFIED)

        def finished(_: Any, done: Future[Any]) -> None:
            lane.shares.finished(asker)
            self.finish_request(conn, done)

        lane.shares.want(asker, InLine(self, conn, lambda: self._answer(conn, lane.pool, finished)))

    def _answer(self, conn: Any, pool: Any, finished: Callable[[Any, Future[Any]], None]) -> None:
        future = pool.submit(self.handle, conn)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self.attempt, conn, finished, conn, done)
        )

    def handle(self, conn: Any) -> Any:
        """Answer a request; the parser gets the received bytes, and never blocks."""
        conn.data_ready = True
        conn.parser = get_parser(self.cfg, iter((conn.request.given(),)), conn.client)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request; close the connection after an incomplete one."""
        if not conn.request.whole:
            req.force_close()
            if not conn.whose and not conn.request.ended:
                req.body = NotHere()
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, future: Future[Any]) -> None:
        """Leave a connection alone that was hijacked, or whose request is still arriving."""
        error = None if future.cancelled() else future.exception()
        if not isinstance(error, Unfinished):
            conn.request = None  # it may be large, and its client may stay
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
        elif isinstance(error, Unfinished):
            self._arrivals.admit(conn, error.whose)
        elif conn.sock.unsent:
            self._lingering.send(conn, functools.partial(self.finish_request, conn, future))
        elif future.cancelled() or error is not None or not future.result():
            self._lingering.end(conn)
        else:
            super().finish_request(conn, future)

    def murder_pending(self) -> None:
        """Close connections past their deadline."""
        super().murder_pending()
        self.attempt(None, self._arrivals.break_off)
        self.attempt(None, self._lingering.break_off)

    def refuse(self, conn: Any, status: int, why: str) -> None:
        self.attempt(conn, self._refuse, conn, status, why)

    def _refuse(self, conn: Any, status: int, why: str) -> None:
        conn.request = None
        with contextlib.suppress(OSError):
            conn.sock.sendall(problem_answer(status, why))
        end = functools.partial(self._lingering.end, conn)
        if conn.sock.unsent:
            self._lingering.send(conn, end)
        else:
            end()

    def close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer requests refused by gunicorn with a problem document."""
        said = _Overheard(client)
        super().handle_error(req, said, addr, exc)
        if not said.data:
            return
        status = int(said.data.split(b" ", 2)[1])
        try:
            client.sendall(problem_answer(status, f"the request cannot be read: {exc}"[:500]))
        except OSError as error:
            LOG.debug("Could not send an error: %s", error)


class _Overheard:
    """A stand-in for a socket that records sent bytes."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self.data = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, data: bytes) -> None:
        self.data += data
