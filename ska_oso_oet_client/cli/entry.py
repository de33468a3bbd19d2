"""The entry point of ``oet``: every failure becomes one line on stderr and an exit status."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from ..errors import (
    BadAnswerError,
    InvalidRequestError,
    NotAuthorisedError,
    OETError,
    UnreachableError,
)
from ..exit_status import ExitStatus
from ..terminal import printable
from .colour import painted
from .interruption import Terminated, signals_as_ctrl_c
from .remedies import sentence
from .root import oet
from .settings import Settings, tell

COMPLETION_VARIABLE = "_OET_COMPLETE"

# The first class that fits decides.
_STATUS_OF: tuple[tuple[type[OETError], ExitStatus], ...] = (
    (InvalidRequestError, ExitStatus.USAGE),
    (NotAuthorisedError, ExitStatus.NOT_AUTHORISED),
    (UnreachableError, ExitStatus.UNREACHABLE),
    (BadAnswerError, ExitStatus.UNREACHABLE),
    (OETError, ExitStatus.REFUSED),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    instruction = os.environ.get(COMPLETION_VARIABLE)
    if instruction:
        from .completion import complete

        return complete(oet, instruction, COMPLETION_VARIABLE)
    _never_fail_to_encode()
    settings = Settings()
    words = list(sys.argv[1:] if arguments is None else arguments)
    status: int = ExitStatus.DONE
    try:
        status = _run(words, settings)
        if sys.stdout is not None:  # it may have been closed by the parent process
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Python flushes stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _run(words: list[str], settings: Settings) -> int:
    try:
        with signals_as_ctrl_c(), oet.make_context("oet", words, obj=settings) as context:
            status = oet.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except Terminated as end:
        return end.status
    except (KeyboardInterrupt, click.Abort):
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        raise
    except click.ClickException as error:
        return _fail(error.format_message(), ExitStatus.USAGE, settings)
    except OETError as error:
        return _fail(sentence(error, settings), _status_of(error), settings)
    except OSError as error:
        if error.errno == errno.EIO:  # the terminal is closed; its SIGHUP comes in a moment
            return 128 + signal.SIGHUP
        return _fail(f"{type(error).__name__}: {error}", ExitStatus.INTERNAL, settings)
    except Exception as error:  # noqa: BLE001  # a bug must not show a traceback
        return _fail(f"{type(error).__name__}: {error}", ExitStatus.INTERNAL, settings)
    return status if isinstance(status, int) else ExitStatus.DONE


def _fail(message: str, status: ExitStatus, settings: Settings) -> ExitStatus:
    if settings.verbose:
        import traceback

        tell(traceback.format_exc())
    prefix = painted("Error:", "red", err=True)
    with suppress(OSError):
        # Much of it may be words of others.
        click.echo(f"{prefix} {printable(' '.join(message.split()))}", err=True)
    return status


def _status_of(error: OETError) -> ExitStatus:
    return next(status for kind, status in _STATUS_OF if isinstance(error, kind))


def _never_fail_to_encode() -> None:
    # A script may print characters that this terminal cannot show.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
