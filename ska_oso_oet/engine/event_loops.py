"""How a stop reaches a script whose main thread runs an event loop: its tasks are cancelled and may clean up.

Standard library only; looks at asyncio and trio if the script has imported them.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Iterable
from signal import getsignal
from time import monotonic
from types import FrameType
from typing import Any

_BLOCKED = 0.5  #: seconds without a turn after which a loop is held up by something that must be interrupted
_QUIET = 3  #: looks without anything that cleans up, after which a cancellation was lost


class Loops:
    """Stops the tasks of an event loop.

    :param stopped: makes the exception that ends the loop once its tasks have cleaned up
    """

    def __init__(self, stopped: Callable[[], BaseException]) -> None:
        self._stopped = stopped
        self._asyncio: _Asyncio | None = None
        self._interrupted = False

    def sent(self, error: BaseException) -> bool:
        """Whether an exception is how a stop reaches coroutines."""
        name = type(error).__name__
        return (self._asyncio is not None and name == "CancelledError") or (
            self._interrupted and name in ("KeyboardInterrupt", "Cancelled")
        )

    def stop(self, frame: FrameType | None, patient: bool) -> bool:
        """Have a loop that runs in this thread end; tell whether that is enough for now.

        :param frame: the interrupted frame
        :param patient: whether clean-ups in progress must not be disturbed
        """
        asyncio = sys.modules.get("asyncio")
        loop = asyncio._get_running_loop() if asyncio is not None else None  # noqa: SLF001
        if loop is None:
            return self._stop_trio(frame, patient)
        if self._asyncio is None or not self._asyncio.concerns(loop):
            self._asyncio = _Asyncio(asyncio, loop, self._stopped)
        return self._asyncio.stop(patient)

    def _stop_trio(self, frame: FrameType | None, patient: bool) -> bool:
        """Trio ends all its tasks after a keyboard interrupt; from outside there is no other way."""
        interrupt = getsignal(signal.SIGINT)
        module = getattr(interrupt, "__module__", None)
        if not callable(interrupt) or not isinstance(module, str) or module.split(".")[0] != "trio":
            return False
        if not self._interrupted or not patient:
            self._interrupted = True
            interrupt(signal.SIGINT, frame)
        return True


class _Asyncio:
    """The stop of one event loop of asyncio."""

    def __init__(self, asyncio: Any, loop: Any, stopped: Callable[[], BaseException]) -> None:
        self._asyncio = asyncio
        self._loop = loop
        self._stopped = stopped
        tasks = asyncio.all_tasks(loop)
        self._for_ever = not any(map(_is_main, tasks))
        # One that others wait for is cancelled by them; twice would cut its clean-up short.
        chosen = [task for task in tasks if (not task._callbacks if self._for_ever else _is_main(task))]  # noqa: SLF001
        self._tasks = chosen or list(tasks)
        self._cancelled = False
        self._probed: float | None = None  #: when the loop was asked for a sign of life it has not given yet
        self._quiet = 0

    def concerns(self, loop: Any) -> bool:
        """Whether this is the stop of the tasks that run in a loop now."""
        return self._loop is loop and not all(task.done() for task in self._tasks)

    def stop(self, patient: bool) -> bool:
        """See :meth:`Loops.stop`."""
        if not self._tasks:
            return False
        if self._probed is not None and monotonic() - self._probed > _BLOCKED:
            self._probed = None
            return False
        busy = self._is_cleaning_up(patient)
        if not self._cancelled:
            if not busy:
                self._cancel_first()
        elif busy:
            self._quiet = 0
        else:
            self._quiet += 1
            if self._quiet >= _QUIET:
                self._cancel()
        self._probe()
        return True

    def _cancel_first(self) -> None:
        self._cancelled = True
        for task in self._tasks:
            task.add_done_callback(self._ended)
        self._cancel()

    def _cancel(self) -> None:
        self._quiet = 0
        for task in self._tasks:
            if not task.done():
                task.cancel()

    def _ended(self, ended: Any) -> None:
        if not ended.cancelled() and isinstance(ended.exception(), SystemExit):
            return  # it was interrupted, and has ended the loop
        if not all(task.done() for task in self._tasks):
            return
        self._tasks = list(self._asyncio.all_tasks(self._loop)) if self._for_ever else []
        if not self._tasks:
            raise self._stopped()
        self._cancel_first()

    def _probe(self) -> None:
        if self._probed is None:
            self._probed = monotonic()
            with contextlib.suppress(RuntimeError):  # it has been closed meanwhile
                self._loop.call_soon_threadsafe(self._alive)

    def _alive(self) -> None:
        self._probed = None

    def _is_cleaning_up(self, patient: bool) -> bool:
        """Whether a task that waits is handling an exception: our cancellation; any, while we are patient."""
        cancelled = self._asyncio.CancelledError
        return any(
            patient or (self._cancelled and isinstance(error, cancelled))
            for task in self._asyncio.all_tasks(self._loop)
            for error in _handled(task.get_coro())
        )


def _is_main(task: Any) -> bool:
    """Whether the loop, of asyncio or uvloop, runs until this task is done."""
    callbacks: Iterable[Any] = getattr(task, "_callbacks", None) or ()
    return any("run_until_complete" in getattr(one[0], "__qualname__", "") for one in callbacks)


def _handled(coroutine: Any) -> Iterable[BaseException]:
    """The exceptions that a coroutine which waits, and those it waits for, are handling."""
    while coroutine is not None:
        yield from (found for found in gc.get_referents(coroutine) if isinstance(found, BaseException))
        coroutine = _awaited(coroutine)


_AWAITED = ("cr_await", "gi_yieldfrom", "ag_await")


def _awaited(coroutine: Any) -> Any:
    """The awaitable that a coroutine waits for; none if that is not a coroutine."""
    if not any(hasattr(coroutine, name) for name in _AWAITED):
        # The next step of an asynchronous generator, which does not tell whose it is.
        return next((found for found in gc.get_referents(coroutine) if hasattr(found, "ag_await")), None)
    awaited = (getattr(coroutine, name, None) for name in _AWAITED)
    return next((found for found in awaited if found is not None), None)
