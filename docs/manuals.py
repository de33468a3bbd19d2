"""Manual pages of the commands, made from what `--help` shows; `make docs` writes them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from ska_oso_oet import __version__
from ska_oso_oet.server import described
from ska_oso_oet.server import main as oet_server
from ska_oso_oet.settings.variables import VARIABLES
from ska_oso_oet.simulator.command_line import main as oet_simulator
from ska_oso_oet_client.cli.examples import EXAMPLES
from ska_oso_oet_client.cli.help import MANUAL, HelpPage
from ska_oso_oet_client.cli.root import oet
from ska_oso_oet_client.exit_status import ExitStatus

_EXIT = {
    ExitStatus.DONE: "It is done; of what was followed or waited for: it is COMPLETE.",
    ExitStatus.SCRIPT_FAILED: "The script, or the abort, did not come to its end.",
    ExitStatus.USAGE: "Wrong usage.",
    ExitStatus.REFUSED: "The OET refused.",
    ExitStatus.NOT_AUTHORISED: "Not logged in, or not permitted.",
    ExitStatus.UNREACHABLE: "No OET answers.",
    ExitStatus.INTERNAL: "A fault of oet itself.",
    ExitStatus.INTERRUPTED: "Ctrl-C.",
}
Items = list[tuple[str, str]]


def client() -> dict[str, str]:
    """The pages of `oet` and its commands, by the names of their files."""
    return dict(_client(oet, click.Context(oet, info_name="oet")))


def server() -> dict[str, str]:
    """The pages of `oet-server` and `oet-simulator`."""
    settings = [(variable.name, described(variable)) for variable in VARIABLES.values()]
    return {
        f"{name}.1": _page(name, click.Context(command, info_name=name), more)
        for name, command, more in (
            ("oet-server", oet_server, {"ENVIRONMENT": settings}),
            ("oet-simulator", oet_simulator, {}),
        )
    }


def _client(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    assert isinstance(command, HelpPage)
    more = {"EXIT STATUS": [(str(status.value), meaning) for status, meaning in _EXIT.items()]}
    yield f"{command.manual}.1", _page(command.manual, context, more if context.parent is None else {})
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _client(found, click.Context(found, info_name=name, parent=context))


def _page(name: str, context: click.Context, more: dict[str, Items]) -> str:
    command = context.command
    first, *rest = re.split(r"\n\s*\n", inspect.cleandoc(command.help or ""))
    lines = [f'.TH {_text(name.upper())} 1 "" "OET {__version__}" "Observation Execution Tool"']
    lines += [".SH NAME", f"{_text(name)} \\- {_text(' '.join(first.split()).rstrip('.'))}"]
    usage = " ".join(command.get_usage(context).removeprefix("Usage: ").split())
    lines += [".SH SYNOPSIS", _text(usage), ".SH DESCRIPTION"]
    for paragraph in (first, *rest):
        lines += [_text(" ".join(paragraph.split())), ".PP"]
    options = [
        record for option in command.get_params(context) if (record := option.get_help_record(context))
    ]
    lines += _items("OPTIONS", [(names, about) for names, about in options])
    if context.parent is not None:
        lines += [".PP", "Options that all commands have are described in", ".BR oet (1)."]
    lines += _items("COMMANDS", list(_commands(context)))
    for title, items in more.items():
        lines += _items(title, items)
    if isinstance(command, HelpPage):
        lines += [".SH EXAMPLES", ".nf", *map(_text, EXAMPLES[command.path]), ".fi"]
    return "\n".join([*lines, ".SH SEE ALSO", _text(MANUAL)]) + "\n"


def _commands(context: click.Context) -> Iterator[tuple[str, str]]:
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield f"{context.command_path} {name}", " ".join((found.help or "").split("\n\n")[0].split())


def _items(title: str, items: Items) -> list[str]:
    found = [f".SH {title}"] if items else []
    for term, about in items:
        found += [".TP", rf"\fB{_text(term)}\fR", _text(" ".join(about.split()))]
    return found


def _text(text: str) -> str:
    """As roff, in which a line may not begin with a dot or an apostrophe."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
