"""What can rot: help texts and the README."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import ska_oso_oet_client
from ska_oso_oet.settings import read_settings
from ska_oso_oet.web import responses
from ska_oso_oet_client import limits
from ska_oso_oet_client.cli import main
from ska_oso_oet_client.cli.examples import EXAMPLES
from ska_oso_oet_client.cli.help import MANUAL
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


@pytest.mark.parametrize("path", COMMANDS)
def test_every_page_of_help_ends_with_examples_and_says_where_there_is_more(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path.split()[1:], "--help"]) == ExitStatus.DONE
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) < 80
    examples, _, more = page.partition("\nExamples:\n")[2].partition("\n\n")
    assert [line.strip() for line in examples.splitlines()] == list(EXAMPLES[path])
    common = "Common options: --server-url, --subarray_id, --output, --local, --verbose,\n"
    common += "--help; see oet --help.\n"
    manual = f"Manual: man {path.replace(' ', '-')}\n        {MANUAL}\n"
    assert more == (manual if path == "oet" else common + manual)
    assert ("--server-url URL" in page) is (path == "oet")


@pytest.mark.parametrize(
    ("path", "example"), [(path, example) for path, shown in EXAMPLES.items() for example in shown]
)
def test_every_example_can_be_typed(path: str, example: str) -> None:
    assert path in example
    words = shlex.split(re.sub(r'.*\$\((.*)\)"', r"\1", example).partition(" && ")[0])
    context, rest = oet.make_context("oet", words[1:]), words[1:]
    while isinstance(context.command, click.Group):
        left = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, left)
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    assert context.args == []


def test_help_of_a_command_that_was_called_by_another_name_is_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (["ps"], ["procedure", "ls"], ["wait-for-qa-ready"]):
        assert main([*words, "--help"]) == ExitStatus.DONE
    told = capsys.readouterr().out
    assert told.count("man oet-procedure-list\n") == 2
    assert "man oet-wait_for_qa_ready\n" in told


@pytest.mark.parametrize("status", ExitStatus)
def test_the_readme_tells_every_exit_status(status: ExitStatus) -> None:
    assert f"| {status.value} | " in README


def test_every_public_name_can_be_imported() -> None:
    for name in ska_oso_oet_client.__all__:
        assert getattr(ska_oso_oet_client, name) is not None
    with pytest.raises(AttributeError):
        getattr(ska_oso_oet_client, "no_such_name")  # noqa: B009


def test_the_readme_names_the_time_limits_of_the_code() -> None:
    waiting = " ".join(README.partition("## Waiting\n")[2].partition("## ")[0].split())
    assert f"nothing has arrived for {limits.SILENCE:g} s" in waiting
    assert f"no server answers for another {limits.PATIENCE:g} s" in waiting
    assert f"has {limits.READ_TIMEOUT:g} s for its answer" in waiting
    assert f"at most {responses.STOPPING:g} s beyond its `OET_STOP_GRACE`" in waiting
    assert responses.STOPPING + read_settings({}).stop_grace < limits.READ_TIMEOUT
