"""``oet procedure fetch``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ...errors import InvalidRequestError, RefusedError
from ..command import OetCommand
from ..command_line import SortedWords
from ..settings import Settings, completed, pass_settings, tell
from ..showing import show_json
from ..which import LAST, last_procedure, pid_option

if TYPE_CHECKING:
    from ...client import OETClient


class FetchCommand(OetCommand):
    """Its first word is the ID if it is a number; all others are names of files."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "[ID]", "[NAME]..."]

    def _own_arguments(self, found: SortedWords) -> list[str]:
        named = any(option.startswith("--pid=") for option in found.options)
        if not named and found.positionals and found.positionals[0].isdecimal():
            self._take_id(found)
        own = [*found.named_arguments.values(), *found.positionals, *found.literal]
        found.positionals, found.literal = [], []
        return own


@click.command(cls=FetchCommand)
@click.argument("names", nargs=-1, shell_complete=completed("files"))
@pid_option(LAST)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False),
    default=".",
    metavar="FOLDER",
    help="Where to.  [default: here]",
)
@pass_settings
def fetch(settings: Settings, pid: int | None, names: Sequence[str], folder: str) -> None:
    """Fetch files that a script has written: those with these names, or in these folders, or all.

    Works while the script runs, too. Files that are there already are not replaced.
    """
    with settings.client() as client:
        pid = last_procedure(client.procedures()).id if pid is None else pid
        fetched = [
            _fetch(client, pid, name, os.path.join(os.fsencode(folder), name))
            for name in _wanted(client, pid, [os.fsencode(name) for name in names])
        ]
    if settings.as_json:
        show_json(fetched)
    files = "1 file" if len(fetched) == 1 else f"{len(fetched)} files"
    size: Any = sum(one["size"] for one in fetched)
    tell(f"Fetched {files} of procedure {pid} into {folder}, {size} bytes")


def _wanted(client: OETClient, pid: int, names: Sequence[bytes]) -> list[bytes]:
    """The names of the files that are meant."""
    found = client.files(pid)
    known = [file.name for file in found.files]
    if not names:
        if found.more:
            raise RefusedError(
                f"Procedure {pid} has written more files than can be listed; name those you want"
            )
        return known
    meant: dict[bytes, None] = {}
    for name in names:
        below = name.rstrip(b"/") + b"/"
        inside = [one for one in known if one == name or one.startswith(below)]
        meant.update(dict.fromkeys(inside or [name]))
    return list(meant)


def _fetch(client: OETClient, pid: int, name: bytes, path: bytes) -> dict[str, Any]:
    # The script has chosen the name.
    if {b"", b".", b".."} & set(name.split(b"/")) or b"\0" in name:
        raise InvalidRequestError(f"{_shown(name)} is no name of a file of procedure {pid}")
    pieces = client.file(pid, name)
    first = next(pieces, b"")  # refused before anything is made here
    try:
        os.makedirs(os.path.dirname(path) or b".", exist_ok=True)
        file = open(path, "xb")  # noqa: SIM115  the disk refuses otherwise than the OET
    except FileExistsError:
        raise InvalidRequestError(
            f"{_shown(path)} is there already; choose another folder: --to=FOLDER"
        ) from None
    except OSError as error:
        raise InvalidRequestError(f"{_shown(path)} cannot be written: {error.strerror}") from None
    try:
        with file:
            size = file.write(first)
            for piece in pieces:
                size += file.write(piece)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(path)
        if isinstance(error, OSError):
            raise InvalidRequestError(
                f"{_shown(path)} cannot be written: {error.strerror}"
            ) from None
        raise
    return {"path": _shown(name), "size": size, "file": _shown(path)}


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")
