"""gunicorn's worker, for clients of every speed: none that is slow, half-open or silent costs a thread."""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gunicorn.http import get_parser
from gunicorn.workers.gthread import ThreadWorker

from .arrivals import Arrivals, NotHere, Unfinished
from .arriving import Arriving
from .partings import Partings, Unhurried
from .problems import problem_answer

LOG = logging.getLogger(__name__)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker, with these differences.

    It lets go of connections that were taken away, and gives a thread only to a request that has arrived.
    Commands have threads of their own, so that they stand behind nobody who only reads. Nobody waits for
    clients that are slow to send, to read, or to close.
    """

    def init_process(self) -> None:
        """Make the threads for commands, and serve."""
        self._commanding = ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="command")
        super().init_process()

    def run(self) -> None:
        """Serve until told to end."""
        self._partings = Partings(self.poller, self._close)
        self._arrivals = Arrivals(self.poller, self._hand_over, self._refuse, self._close)
        super().run()

    def accept(self, listener: Any) -> None:
        """Take a connection; where there are too many, the one that is least needed must go."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            LOG.warning("Too many connections for the limit of open files")
        else:
            if self.nr_conns < self.worker_connections:
                return
        if not self._partings.give_way() and not self._arrivals.give_way() and self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self._close(conn)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Wait for another request, unless the connection had to go when another's turn came."""
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def enqueue_req(self, conn: Any) -> None:
        """Wait for a request on a connection."""
        if not isinstance(conn.sock, Unhurried):
            conn.sock = Unhurried(fileno=conn.sock.detach())
        conn.request = Arriving(conn.parser.unreader.take_buffered() if conn.parser else b"")
        self._arrivals.expect(conn)

    def _hand_over(self, conn: Any) -> None:
        pool = self._commanding if conn.request.commands else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Any) -> Any:
        """Answer a request; the parser gets what has arrived of it, and waits for nothing."""
        conn.data_ready = True
        conn.parser = get_parser(self.cfg, iter((conn.request.given(),)), conn.client)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Have a request answered; nothing follows one that is not whole."""
        if not conn.request.whole:
            req.force_close()
            if not conn.whose and not conn.request.ended:
                req.body = NotHere()
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, future: Future[Any]) -> None:
        """Neither keep nor close a connection that is no longer ours, or whose request is still arriving."""
        error = None if future.cancelled() else future.exception()
        if not isinstance(error, Unfinished):
            conn.request = None  # it may be large, and its client may stay
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
        elif isinstance(error, Unfinished):
            self._arrivals.admit(conn, error.whose)
        elif conn.sock.unsent:
            self._partings.send(conn, functools.partial(self.finish_request, conn, future))
        elif future.cancelled() or error is not None or not future.result():
            self._partings.end(conn)
        else:
            super().finish_request(conn, future)

    def murder_pending(self) -> None:
        """Close what took too long."""
        super().murder_pending()
        self._arrivals.break_off()
        self._partings.break_off()

    def _refuse(self, conn: Any, status: int, why: str) -> None:
        conn.request = None
        with contextlib.suppress(OSError):
            conn.sock.sendall(problem_answer(status, why))
        end = functools.partial(self._partings.end, conn)
        if conn.sock.unsent:
            self._partings.send(conn, end)
        else:
            end()

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what gunicorn itself refuses with a problem document, too."""
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
    """Stands for a socket and keeps what is sent."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self.data = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, data: bytes) -> None:
        self.data += data
