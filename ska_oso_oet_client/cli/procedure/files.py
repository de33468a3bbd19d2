"""``oet procedure files`` and ``fetch``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ...errors import InvalidRequestError, RefusedError
from ..command import OetCommand
from ..command_line import SortedWords
from ..default_ids import LAST, last_procedure, pid_option
from ..settings import Settings, completed, pass_settings, tell
from ..showing import show_json

if TYPE_CHECKING:
    from ...client import OETClient


@click.command(cls=OetCommand)
@pid_option(LAST)
@pass_settings
def files(settings: Settings, pid: int | None) -> None:
    """Show the files that a script has written in its working directory, also while it runs."""
    with settings.client() as client:
        pid = last_procedure(client.procedures()).id if pid is None else pid
        found = client.files(pid)
    if settings.as_json:
        show_json(found.document)
        return
    from ..tables import table

    rows = [
        (file.path, file.size, settings.times.to_the_second(file.modified)) for file in found.files
    ]
    click.echo(table(("File", "Bytes", "Changed"), rows, numbers=("Bytes",)))
    if found.more:
        tell("There are more files than these; each can be fetched by its name")
    if not rows:
        tell(f"Procedure {pid} has written no file in its working directory")


_MOST_TOLD = 5  #: names of skipped files


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
    help="The folder to write to.  [default: here]",
)
@pass_settings
def fetch(settings: Settings, pid: int | None, names: Sequence[str], folder: str) -> None:
    """Fetch files that a script has written: those with these names, or in these folders, or all.

    Hidden files are fetched only if they are named. Works while the script runs, too. Files that
    are there already are not replaced.
    """
    with settings.client() as client:
        pid = last_procedure(client.procedures()).id if pid is None else pid
        wanted = _wanted(client, pid, [os.fsencode(name) for name in names])
        # The script has chosen the names, and programs read hidden files as configuration.
        hidden = [name for name in wanted if not names and _is_hidden(name)]
        fetched = [
            _fetch(client, pid, name, os.path.join(os.fsencode(folder), name))
            for name in wanted
            if name not in hidden
        ]
    if settings.as_json:
        show_json(fetched)
    files = "1 file" if len(fetched) == 1 else f"{len(fetched)} files"
    size: Any = sum(one["size"] for one in fetched)
    tell(f"Fetched {files} of procedure {pid} into {folder}, {size} bytes")
    if hidden:
        more = ", …" if len(hidden) > _MOST_TOLD else ""
        names_left = ", ".join(map(_shown, hidden[:_MOST_TOLD])) + more
        tell(f"Hidden files were left out: {names_left}; to fetch them, name them")


def _wanted(client: OETClient, pid: int, names: Sequence[bytes]) -> list[bytes]:
    """The names of the selected files."""
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
    first = next(pieces, b"")  # a refusal comes before the file is created
    try:
        os.makedirs(os.path.dirname(path) or b".", exist_ok=True)
        file = open(path, "xb")  # noqa: SIM115  errors of the disk differ from those of the OET
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


def _is_hidden(name: bytes) -> bool:
    return any(part[:1] == b"." and part.strip(b".") for part in name.split(b"/"))


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")
