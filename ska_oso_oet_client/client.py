"""``OETClient``: every operation of one OET as a method that returns typed objects."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from .address import resolve
from .decoding import decode
from .errors import DeadlineError
from .follow import Follower
from .happenings import Event, OutputChunk, OutputPage
from .model import (
    READY,
    RUNNING,
    CallArguments,
    Environment,
    Procedure,
    ServerStatus,
    StopResult,
)
from .patience import PATIENCE, outlast
from .script_source import script_document
from .stream import EventStream
from .transport import Transport

FIRST_POLL = 0.1
SLOWEST_POLL = 1.0

# Questions and answers between the workers, some of them our own.
_QUESTIONS = (
    "request.procedure.list",
    "procedure.pool",
    "request.procedure.output",
    "procedure.pool.output",
    "request.environment.list",
    "environment.pool",
    "request.worker",
    "worker.pong",
)

T = TypeVar("T")
Notify = Callable[[str], None]

log = logging.getLogger(__name__)


class OETClient:
    """One OET, which is one subarray. Not for use by several threads at once.

    Without arguments it talks to the address in OET_URL, as the ``oet`` command does.
    All methods raise OETError when the server refuses, is away or is no OET.
    """

    def __init__(
        self,
        server_url: str | None = None,
        subarray_id: int | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url, self.subarray_id = resolve(server_url, subarray_id, os.environ)
        self._transport = Transport(self.url, sleep)

    def __enter__(self) -> OETClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def status(self) -> ServerStatus:
        return decode(ServerStatus.from_json, self._transport.get("/status"), self.url)

    def procedures(self) -> list[Procedure]:
        """The ten newest, oldest first."""
        answer = self._transport.get("/procedures")
        return [self._procedure(item) for item in decode(list, answer, self.url)]

    def procedure(self, pid: int) -> Procedure:
        return self._procedure(self._transport.get(f"/procedures/{pid}"))

    def last_procedure(self) -> Procedure | None:
        """The one created last, if there is any."""
        return max(self.procedures(), key=lambda procedure: procedure.id, default=None)

    def running_procedure(self) -> Procedure | None:
        """The one whose ``main`` runs; an OET runs one at a time."""
        running = (found for found in self.procedures() if found.state == RUNNING)
        return next(running, None)

    def create_procedure(
        self,
        script_uri: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        git_repo: str | None = None,
        git_branch: str | None = None,
        git_commit: str | None = None,
        create_env: bool = False,
    ) -> Procedure:
        """Load a script; its ``init`` gets the arguments, and which subarray it is for.

        Returns as soon as the procedure exists, usually before it is READY.
        """
        script = script_document(
            script_uri,
            git_repo=git_repo,
            git_branch=git_branch,
            git_commit=git_commit,
            create_env=create_env,
        )
        init = CallArguments(
            args=tuple(args), kwargs={"subarray_id": self.subarray_id, **(kwargs or {})}
        )
        body = {"script": script, "script_args": {"init": init.to_json()}}
        return self._procedure(self._transport.change("POST", "/procedures", body))

    def start_procedure(
        self, pid: int, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Procedure:
        """Call ``main`` of a READY procedure; returns when it is called, not when it is done."""
        main = CallArguments(args=tuple(args), kwargs=dict(kwargs or {}))
        body = {"state": RUNNING, "script_args": {"main": main.to_json()}}
        return self._procedure(self._transport.change("PUT", f"/procedures/{pid}", body))

    def run_procedure(
        self,
        script_uri: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        init: CallArguments | None = None,
        **script_options: Any,
    ) -> Procedure:
        """Load a script, start it when it is READY and return when it has ended.

        ``args`` and ``kwargs`` are for ``main``; the options are those of ``create_procedure``.
        """
        init = init or CallArguments()
        pid = self.create_procedure(script_uri, init.args, init.kwargs, **script_options).id
        prepared = self.wait(pid, until={READY})
        if prepared.is_final:
            return prepared
        self.start_procedure(pid, args, kwargs)
        return self.wait(pid)

    def stop_procedure(self, pid: int, run_abort: bool = True) -> StopResult:
        """Returns when nothing of the script is left and, if asked for, the abort has begun."""
        body = {"state": "STOPPED", "abort": run_abort}
        answer = self._transport.change("PUT", f"/procedures/{pid}", body)
        return decode(StopResult.from_json, answer, self.url)

    def environments(self) -> list[Environment]:
        """What the server keeps for scripts from git, what was used last first."""
        answer = self._transport.get("/environments")
        found = decode(list, answer, self.url)
        return [decode(Environment.from_json, item, self.url) for item in found]

    def remove_environment(self, environment_id: str) -> Environment:
        """Refused while a procedure uses it; what is needed again is made again."""
        path = f"/environments/{quote(environment_id, safe='')}"
        answer = self._transport.change("DELETE", path)
        return decode(Environment.from_json, answer, self.url)

    def output(
        self,
        pid: int,
        *,
        after: int | None = None,
        tail: int | None = None,
        streams: Sequence[str] = (),
    ) -> OutputPage:
        """A page of what the script printed: after chunk ``after``, or the last ``tail`` lines."""
        answer = self._transport.get(
            f"/procedures/{pid}/output", after=after, tail=tail, stream=_comma_list(streams)
        )
        return decode(OutputPage.from_json, answer, self.url)

    def all_output(
        self, pid: int, *, after: int = 0, streams: Sequence[str] = (), patient: bool = False
    ) -> Iterator[OutputChunk]:
        """Everything printed so far after chunk ``after``.

        ``patient``: outlast a restart of the server.
        """
        while True:
            ask = partial(self.output, pid, after=after, streams=streams)
            page = self.patiently(ask) if patient else ask()
            yield from page.chunks
            if not page.chunks or page.next <= after:
                return
            after = page.next

    def live_output(
        self,
        pid: int,
        *,
        tail: int | None = None,
        streams: Sequence[str] = (),
        notify: Notify = log.warning,
    ) -> Iterator[OutputChunk]:
        """What the script printed and prints, until it has ended."""
        stream = EventStream(
            self._transport,
            f"/procedures/{pid}/output",
            params={"follow": "true", "tail": tail, "stream": _comma_list(streams)},
            patience=PATIENCE,
            notify=notify,
        )
        last = 0
        for message in stream:
            if message.name == "procedure.output.end":
                stream.close()
                return
            if message.name == "procedure.output":
                chunk = decode(OutputChunk.from_json, message.data, self.url)
                # With ``tail``, a connection lost early begins again with lines already seen.
                if chunk.n > last:
                    last = chunk.n
                    yield chunk

    def events(
        self,
        *,
        topics: Sequence[str] = (),
        exclude: Sequence[str] = (),
        from_id: str | None = None,
        notify: Notify = log.warning,
    ) -> Iterator[Event]:
        """Everything that happens from now on, or after event ``from_id``. Never ends by itself."""
        for message in self.event_stream(
            topics=topics, exclude=exclude, from_id=from_id, notify=notify
        ):
            if message.name is not None:
                yield Event.from_message(message.name, message.data, message.id)

    def event_stream(
        self,
        *,
        topics: Sequence[str] = (),
        exclude: Sequence[str] = (),
        from_id: str | None = None,
        patience: float | None = None,
        notify: Notify = log.warning,
    ) -> EventStream:
        """The stream below ``events``, for those who need its bytes or its moment of opening."""
        params = {"topics": _comma_list(topics), "exclude": _comma_list(exclude)}
        return EventStream(
            self._transport, params=params, last_id=from_id, patience=patience, notify=notify
        )

    def follower(self, notify: Notify = log.warning) -> Follower:
        """An open ear: what is created or started from now on can be followed without a gap."""
        stream = self.event_stream(exclude=_QUESTIONS, patience=PATIENCE, notify=notify)
        return Follower(self, stream, notify)

    def wait(
        self,
        pid: int,
        timeout: float | None = None,
        *,
        until: Collection[str] = (),
        notify: Notify = log.warning,
    ) -> Procedure:
        """The procedure once it is final, or in one of the states ``until``.

        Asks again and again: a blocked read of the stream could not keep a time limit. Outlasts
        a restart of the server, if it was there at first. Raises DeadlineError after ``timeout``
        seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_POLL
        procedure = self.procedure(pid)
        while not procedure.is_final and procedure.state not in until:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise DeadlineError(pid, procedure.state, timeout or 0.0)
                pause = min(pause, left)
            self._transport.sleep(pause)
            pause = min(1.5 * pause, SLOWEST_POLL)
            procedure = self.patiently(lambda: self.procedure(pid), notify)
        return procedure

    def patiently(self, ask: Callable[[], T], notify: Notify = log.warning) -> T:
        """The answer to ``ask``, asked again while the server restarts."""
        return outlast(ask, self._transport.sleep, notify)

    def _procedure(self, answer: Any) -> Procedure:
        return decode(Procedure.from_json, answer, self.url)


def _comma_list(values: Sequence[str]) -> str | None:
    return ",".join(values) or None
