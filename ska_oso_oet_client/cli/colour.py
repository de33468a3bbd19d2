"""Colour on terminals that support it; never the only sign."""

from __future__ import annotations

import os
import sys

import click

COLOURS = {"FAILED": "red", "STOPPED": "yellow", "RUNNING": "green", "READY": "cyan"}
"""States that are worth a look; the others look like everything else."""


def painted(text: str, colour: str | None, err: bool = False) -> str:
    """``text`` in this colour, unless there is no terminal, or NO_COLOR, or TERM=dumb."""
    stream = sys.stderr if err else sys.stdout
    if colour is None or stream is None or not stream.isatty():
        return text
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return text
    return click.style(text, fg=colour)
