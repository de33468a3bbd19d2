"""What the user chose for one run of ``oet``, at whatever position of the command line."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ..address import LAST_SUBARRAY, is_assumed
from ..terminal import printable_lines
from .times import Times

if TYPE_CHECKING:
    from ..client import OETClient


class Settings:
    """The options every command has. The position nearest to the end of the line wins."""

    def __init__(self) -> None:
        self.server_url: str | None = None
        self.subarray_id: int | None = None
        self.output = "table"
        self.verbose = False
        self.local = False
        self._told = False

    @property
    def as_json(self) -> bool:
        return self.output == "json"

    @property
    def times(self) -> Times:
        return Times(self.local)

    def client(self) -> OETClient:
        """The OET that is meant; where nobody said which subarray's, that is told."""
        client = self.any_client()
        if not self._told and is_assumed(self.server_url, self.subarray_id, os.environ):
            self._told = True
            tell(
                f"Subarray {client.subarray_id} is meant: "
                "neither --subarray_id nor OET_SUBARRAY_ID names another"
            )
        return client

    def any_client(self) -> OETClient:
        """The same, for questions that every subarray's OET answers alike."""
        from ..client import OETClient

        return OETClient(self.server_url, self.subarray_id)


pass_settings = click.make_pass_decorator(Settings, ensure=True)


def completed(what: str) -> Callable[..., Any]:
    """What completes a value: a function of ``completing``, which is loaded when it is asked."""

    def complete(context: click.Context, option: click.Parameter, incomplete: str) -> Any:
        from . import completing

        return getattr(completing, what)(context, incomplete)

    return complete


def tell(sentence: str) -> None:
    """Talk to the user, if there is one still, without touching the data on stdout."""
    # Much of it may be words of others.
    with suppress(OSError):
        click.echo(printable_lines(sentence), err=True)


def typed(words: str) -> str:
    """A command for the user to type: ``oet`` with these words, for the same OET as this one."""
    context = click.get_current_context(silent=True)
    settings = context.find_object(Settings) if context is not None else None
    options = []
    if settings is not None and settings.subarray_id is not None:
        options.append(f" --subarray_id={settings.subarray_id}")
    if settings is not None and settings.server_url is not None:
        options.append(f" --server-url={shlex.quote(settings.server_url)}")
    return f"oet {words}{''.join(options)}"


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value is None or option.name is None:
        return
    setattr(context.ensure_object(Settings), option.name, value)


def _start_logging(context: click.Context, option: click.Parameter, value: bool | None) -> None:
    _remember(context, option, value)
    if value and not context.resilient_parsing:
        import logging

        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s")


def common_options() -> list[click.Parameter]:
    """New option objects for one command or group."""
    return [
        click.Option(
            ["--server-url", "server_url"],
            metavar="URL",
            callback=_remember,
            expose_value=False,
            help="Address of the OET.  [default: $OET_URL, else this machine]",
        ),
        click.Option(
            ["--subarray_id", "subarray_id"],
            type=click.IntRange(1, LAST_SUBARRAY),
            metavar="N",
            callback=_remember,
            expose_value=False,
            help="Subarray to control; fills {SUBARRAY_ID} in the address.  "
            "[default: $OET_SUBARRAY_ID, else 1]",
        ),
        click.Option(
            ["--output", "output"],
            type=click.Choice(["table", "json"]),
            callback=_remember,
            expose_value=False,
            help="Print tables, or the server's JSON.  [default: table]",
        ),
        click.Option(
            ["--local", "local"],
            type=bool,
            metavar="",
            is_eager=True,  # other options may be times
            callback=_remember,
            expose_value=False,
            help="Show local times with their offset from UTC.  [default: UTC]",
        ),
        click.Option(
            ["--verbose", "verbose"],
            type=bool,
            metavar="",
            callback=_start_logging,
            expose_value=False,
            help="Show requests, and more about errors.",
        ),
    ]
