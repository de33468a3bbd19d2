"""Completion of words by the server's documents.

Sends one request with a short time limit; if the server is away, nothing is completed.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from threading import Thread
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from ..model import READY
from .settings import Settings

if TYPE_CHECKING:
    from ..client import OETClient

PATIENCE = 1.5  #: seconds for the answer of the server

Found = list[CompletionItem[str]]
Offers = Iterator[tuple[str, "str | None"]]  #: words, each with a line of help
Completer = Callable[[click.Context, str], Found]

_FILE = "file://"


def _asking(offers: Callable[[OETClient, click.Context], Offers]) -> Completer:
    """Completion by the offers of the selected OET, if they arrive in time."""

    @functools.wraps(offers)
    def complete(context: click.Context, incomplete: str) -> Found:
        return _beginning(incomplete, _asked(context, offers))

    return complete


def _asked(context: click.Context, offers: Callable[[OETClient, click.Context], Offers]) -> Found:
    from .. import client as _loaded  # noqa: F401  before the time limit begins

    found: Found = []

    def work() -> None:
        settings = context.ensure_object(Settings)
        with contextlib.suppress(Exception), settings.any_client() as client:
            found.extend(
                CompletionItem(word, help=about) for word, about in offers(client, context)
            )

    asking = Thread(target=work, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return [] if asking.is_alive() else found


@_asking
def procedures(client: OETClient, context: click.Context) -> Offers:
    """IDs of procedures that the command can be used for."""
    for one in reversed(client.procedures()):
        if context.info_name == "start" and one.state != READY:
            continue
        if context.info_name not in ("stop", "wait") or not one.is_final:
            yield str(one.id), f"{one.script.uri} {one.state}"


@_asking
def activities(client: OETClient, context: click.Context) -> Offers:
    """IDs of activities that the command can be used for."""
    for one in reversed(client.activities()):
        if context.info_name != "stop" or not one.is_final:
            yield str(one.id), f"{one.activity_name} of {one.sbd_id} {one.state}"


@_asking
def activity_names(client: OETClient, context: click.Context) -> Offers:
    """Names of activities that were run on this subarray, the last one first."""
    newest = reversed(client.activities())
    yield from _first_of((one.activity_name, one.sbd_id) for one in newest)


@_asking
def scheduling_blocks(client: OETClient, context: click.Context) -> Offers:
    """Scheduling blocks observed on this subarray, with the activity that was typed."""
    name = context.params.get("activity_name")
    yield from _first_of(
        (one.sbd_id, one.activity_name)
        for one in reversed(client.activities())
        if name in (None, one.activity_name)
    )


def _first_of(offers: Offers) -> Offers:
    found: dict[str, str | None] = {}
    for word, about in offers:
        found.setdefault(word, about)
    yield from found.items()


def _scripts(client: OETClient, context: click.Context) -> Offers:
    return ((one.uri, one.summary) for one in client.scripts())


def scripts(context: click.Context, incomplete: str) -> Found:
    """URIs of scripts; ``file://`` need not be typed."""
    if "://" in incomplete and not incomplete.startswith(_FILE):
        return []
    found = _asked(context, _scripts)
    return _beginning(incomplete, found) or _beginning(_FILE + incomplete, found)


@_asking
def environments(client: OETClient, context: click.Context) -> Offers:
    """IDs of environments, work trees and mirrors."""
    return ((one.id, f"{one.kind} of {one.repository}") for one in client.environments())


def files(context: click.Context, incomplete: str) -> Found:
    """Names of files written by the procedure whose ID was typed."""
    by_name = procedures if context.params.get("pid") is None else _files
    return by_name(context, incomplete)


@_asking
def _files(client: OETClient, context: click.Context) -> Offers:
    return ((one.path, None) for one in client.files(context.params["pid"]).files)


def topics(context: click.Context, incomplete: str) -> Found:
    """Topics that have a sentence, and their prefixes; a comma begins another one."""
    from ..sentences import PATTERNS

    before, comma, last = incomplete.rpartition(",")
    known = sorted({topic[:end] for topic in PATTERNS for end in _ends(topic)})
    return [CompletionItem(f"{before}{comma}{one}") for one in known if one.startswith(last)]


def _ends(topic: str) -> Iterator[int]:
    yield from (n for n, letter in enumerate(topic) if letter == ".")
    yield len(topic)


def _beginning(incomplete: str, found: Iterable[CompletionItem[str]]) -> Found:
    """The printable ones with this beginning."""
    return [one for one in found if one.value.startswith(incomplete) and one.value.isprintable()]
