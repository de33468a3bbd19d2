"""A procedure that a command creates and starts: without a start it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import OETError, RefusedError
from ..model import RUNNING, Procedure
from .interruption import answered
from .live import waiting
from .settings import tell, typed
from .stopping import tell_survivors

if TYPE_CHECKING:
    from ..client import OETClient


@contextmanager
def made_and_started(client: OETClient, create: Callable[[], Procedure]) -> Iterator[Procedure]:
    """If the block ends early, the procedure is stopped unless its ``main`` runs.

    Without abort: a script that has not begun has nothing to abort on the subarray.
    """
    created = None
    try:
        with answered(f"The procedure may have been made; to see it: {typed('procedure list')}"):
            created = create()
        yield created
    except BaseException as cause:
        if created is not None:
            _stop(client, created.id, cause)
        if isinstance(cause, BrokenPipeError):
            raise RefusedError("Nobody reads the output: the script was not started") from cause
        raise


def _stop(client: OETClient, pid: int, cause: BaseException) -> None:
    # After the ^C of a terminal a line begins.
    line = "\n" if isinstance(cause, KeyboardInterrupt) else ""
    again = " once more" if type(cause) is KeyboardInterrupt else ""
    by_hand = f"To stop it: {typed(f'procedure stop --pid={pid}')}"
    try:
        procedure = client.procedure(pid)
        if procedure.is_final:
            tell(f"{line}Procedure {pid} is {procedure.state}")
        elif procedure.state == RUNNING:
            rejoin = typed(f"procedure logs --follow --pid={pid}")
            tell(
                f"{line}Stopped listening; procedure {pid} goes on. {by_hand}; to rejoin: {rejoin}"
            )
        else:
            tell(
                f"{line}Procedure {pid} has not run its main yet; stopping it. "
                f"Ctrl-C{again} leaves at once"
            )
            with waiting(f"stopping procedure {pid}"):
                result = client.stop_procedure(pid, run_abort=False)
            tell(f"Procedure {pid} is stopped, without an abort of the subarray")
            tell_survivors(result)
    except KeyboardInterrupt:
        tell(f"\nProcedure {pid} may still be there, and nobody will start it. {by_hand}")
        raise
    except OETError as error:
        tell(f"Procedure {pid} may still be there: {error}. {by_hand}")
