"""The user's global options for one run of ``oet``, at any position of the command line."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ..address import LAST_SUBARRAY, is_assumed
from ..terminal import printable_lines
from .colour import painted
from .help import CommonOption, help_option
from .live import aside, waiting
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
        self.asked: int | None = None
        """The subarray that was asked, once one was."""
        self._told = False
        self._told_zone = False

    @property
    def as_json(self) -> bool:
        return self.output == "json"

    @property
    def times(self) -> Times:
        """The times of tables; tells a user in another time zone that they are UTC."""
        if (
            not (self.local or self._told_zone)
            and sys.stdout.isatty()
            and time.localtime().tm_gmtoff
        ):
            self._told_zone = True
            tell("Times are UTC; --local shows those of this terminal")
        return Times(self.local)

    def client(self) -> OETClient:
        """The selected OET; tells the user if its subarray was assumed."""
        client = self.any_client()
        client.while_asking(partial(waiting, "waiting for the server"))
        self.asked = client.subarray_id
        if not self._told and is_assumed(self.server_url, self.subarray_id, os.environ):
            self._told = True
            tell(
                f"Subarray {client.subarray_id} is meant: "
                "neither --subarray_id nor OET_SUBARRAY_ID names another"
            )
        return client

    def typed(self, words: str) -> str:
        """A command for the user to type: ``oet`` with these words, for the OET that is meant."""
        options = []
        if self.subarray_id is not None:
            options.append(f" --subarray_id={self.subarray_id}")
        if self.server_url is not None:
            options.append(f" --server-url={shlex.quote(self.server_url)}")
        return f"oet {words}{''.join(options)}"

    def any_client(self) -> OETClient:
        """The same, for requests that the OET of any subarray answers alike."""
        from ..client import OETClient

        return OETClient(self.server_url, self.subarray_id)


_LOUD = re.compile("[A-Z ]{8}")
"""Sentences that begin like this say that something is wrong on the telescope."""

pass_settings = click.make_pass_decorator(Settings, ensure=True)


def completed(what: str) -> Callable[..., Any]:
    """The completion of a value by a function of ``completers``, which is loaded on first use."""

    def complete(context: click.Context, option: click.Parameter, incomplete: str) -> Any:
        from . import completers

        return getattr(completers, what)(context, incomplete)

    return complete


def tell(sentence: str) -> None:
    """Write a message for the user to stderr, if that is open."""
    # It may contain text of others.
    with suppress(OSError), aside():
        text = printable_lines(sentence)
        click.echo(painted(text, "red" if _LOUD.match(text) else None, err=True), err=True)


def typed(words: str) -> str:
    """The same for the OET of this run of ``oet``."""
    context = click.get_current_context(silent=True)
    settings = context.find_object(Settings) if context is not None else None
    return (settings or Settings()).typed(words)


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value is None or option.name is None:
        return
    setattr(context.ensure_object(Settings), option.name, value)


def _start_logging(context: click.Context, option: click.Parameter, value: bool | None) -> None:
    _remember(context, option, value)
    if value and not context.resilient_parsing:
        import logging

        logging.basicConfig(format="%(name)s: %(message)s")
        # Debug lines of libraries would hide the output.
        logging.getLogger("ska_oso_oet_client").setLevel(logging.DEBUG)


def common_options() -> list[click.Parameter]:
    """New option objects for one command or group."""
    common = partial(CommonOption, callback=_remember, expose_value=False)
    return [
        common(
            ["--server-url", "server_url"],
            metavar="URL",
            help="Address of the OET.  [default: $OET_URL, else this machine]",
        ),
        common(
            ["--subarray_id", "subarray_id"],
            type=click.IntRange(1, LAST_SUBARRAY),
            metavar="N",
            help="Subarray to control; fills {SUBARRAY_ID} in the address.  "
            "[default: $OET_SUBARRAY_ID, else 1]",
        ),
        common(
            ["--output", "output"],
            type=click.Choice(["table", "json"]),
            help="Print tables, or the server's JSON.  [default: table]",
        ),
        common(
            ["--local", "local"],
            type=bool,
            metavar="",
            is_eager=True,  # other options may be times
            help="Show local times with their offset from UTC.  [default: UTC]",
        ),
        common(
            ["--verbose", "verbose"],
            type=bool,
            metavar="",
            callback=_start_logging,
            help="Show requests, and more about errors.",
        ),
        help_option(),
    ]
