"""Shows a changing text until Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

EVERY = 2.0
"""Seconds between two looks."""

_HOME, _END_LINE, _END_SCREEN, _CLEAR = "\x1b[H", "\x1b[K", "\x1b[J", "\x1b[2J"


def watch(render: Callable[[], str]) -> None:
    """Print the result of ``render``: in place on a terminal, else after each change."""
    on_screen = sys.stdout.isatty()
    if on_screen:
        click.echo(_CLEAR, nl=False)
    before = None
    while True:
        text = render()
        if on_screen:
            lines = [*text.splitlines(), "", f"Every {EVERY:g} s; Ctrl-C ends"]
            drawn = "".join(f"{line}{_END_LINE}\n" for line in lines)
            click.echo(f"{_HOME}{drawn}{_END_SCREEN}", nl=False)
        elif text != before:
            click.echo(text if before is None else f"\n{text}")
            sys.stdout.flush()
        before = text
        time.sleep(EVERY)
