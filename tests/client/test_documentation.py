"""What can rot: help texts and the README."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import ska_oso_oet_client
from ska_oso_oet_client.cli.root import oet
from ska_oso_oet_client.exit_status import ExitStatus

README = (Path(ska_oso_oet_client.__file__).parent / "README.md").read_text()


def commands(group: click.Group, path: str = "oet") -> Iterator[tuple[str, click.Command]]:
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands(oet))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_has_help(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_takes_the_common_options(path: str) -> None:
    names = {option.name for option in COMMANDS[path].params}
    assert names >= {"server_url", "subarray_id", "output", "verbose"}


@pytest.mark.parametrize("status", ExitStatus)
def test_the_readme_tells_every_exit_status(status: ExitStatus) -> None:
    assert f"| {status.value} | " in README


def test_every_public_name_can_be_imported() -> None:
    for name in ska_oso_oet_client.__all__:
        assert getattr(ska_oso_oet_client, name) is not None
    with pytest.raises(AttributeError):
        getattr(ska_oso_oet_client, "no_such_name")  # noqa: B009
