"""What the pages name is there: commands, options, settings, files and targets of make."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from ska_oso_oet.server import main as oet_server
from ska_oso_oet.settings.variables import VARIABLES
from ska_oso_oet.simulator.command_line import main as oet_simulator
from ska_oso_oet_client.cli.root import oet
from ska_oso_oet_client.cli.settings import Settings

from .pages import ROOT, commands, name, pages, spans

PROGRAMS: dict[str, click.Command] = {"oet": oet, "oet-server": oet_server, "oet-simulator": oet_simulator}
PAGES = pages()
every_page = pytest.mark.parametrize("page", PAGES, ids=name)

#: Phrases that are not plain English, and what to write instead.
PLAIN = {
    "asks nobody": "without authentication",
    "nobody is asked": "without authentication",
    "with none nobody": "if unset, …",
    "for want of": "for lack of",
    "goes before": "takes precedence over",
    "lives how long": "lifetime, end",
    "made anew": "rebuilt",
    "taken leave of": "ended, or the user left",
    "come to grief": "fail",
    "that is meant": "selected, requested",
    "to be woken": "alert",
    "what happens": "event, consequence",
    "what is kept": "retention, stored data",
    "where that is": "if that is",
    "whoever": "the user, client or process that",
    "sign of life": "heartbeat, keep-alive",
    "never ends by itself": "never returns",
    "however old": "regardless of age",
    "safe elsewhere": "copied, stored elsewhere",
    "numbers are given": "numbers are assigned",
    "how it stands": "state, `ok` or the trouble",
    "who asked for what": "audit of commands",
    "nobody can tell": "unknown",
    "none where": "none if",
    "in small letters": "in lower case",
    "is believed": "is trusted",
    "has to do something": "has to act",
}


def parse(program: click.Command, words: Sequence[str]) -> None:
    """Have Click read a command line as the program would, and do nothing.

    :raises click.UsageError: naming what is wrong
    """
    try:
        context = program.make_context(program.name or "", list(words), obj=Settings())
        while isinstance(context.command, click.Group):
            group = context.command
            words = [*context._protected_args, *context.args]
            if not words and group.invoke_without_command:
                return
            word, command, rest = group.resolve_command(context, words)
            assert command is not None
            context = command.make_context(word, rest, parent=context)
    except click.exceptions.Exit:  # --help, --version
        pass


def calls(line: str) -> Iterator[list[str]]:
    """The calls of our programs in a line of a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            while words and re.match(r"\w+=|\$$", words[0]):
                words.pop(0)
            if words and words[0] in PROGRAMS:
                yield words
            words = []
        else:
            words.append(word)


@every_page
def test_every_command_line_shown_can_be_given(page: Path) -> None:
    for line in commands(page):
        for program, *words in calls(line):
            try:
                parse(PROGRAMS[program], words)
            except click.UsageError as error:
                pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.parametrize(
    "line",
    [
        "oet procedure stop --run_abrt=False",
        "oet procedures list",
        "oet procedure create file://a.py --git_brnch=x",
        "OET_PORT=0 oet-server --sub-array=2",
        'x=$(oet status --outptu=json); eval "$x"',
        "make demo && oet-simulator --telescope=high",
    ],
)
def test_a_command_line_that_cannot_be_given_is_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        for program, *words in calls(line):
            parse(PROGRAMS[program], words)


def mentioned(span: str) -> Iterator[list[str]]:
    """The commands in `oet procedure list`, `oet activity list | stop`, `oet listen --format=…`."""
    first, *others = (part.split() for part in span.split(" | "))
    yield first
    path = [word for word in first if re.fullmatch("[a-z_]+", word)]
    yield from ([*path[:-1], *other] for other in others)


@every_page
def test_every_command_and_option_mentioned_exists(page: Path) -> None:
    for span in spans(page):
        if span.split()[0] not in PROGRAMS:
            continue
        for words in mentioned(span):
            command = PROGRAMS[words[0]]
            rest = words[1:]
            while rest and isinstance(command, click.Group) and re.fullmatch("[a-z_]+", rest[0]):
                found = command.get_command(click.Context(command), rest.pop(0))
                assert found is not None, f"{span}: no such command"
                command = found
            known = {spelling.replace("-", "_") for option in command.params for spelling in option.opts}
            for word in rest:
                option = word.partition("=")[0].replace("-", "_")
                script = any(isinstance(p, click.Option) and "--kwargs" in p.opts for p in command.params)
                if option.startswith("__") and not script and option not in ("__help", "__version"):
                    assert option in known, f"{span}: no such option"


def _source() -> str:
    packages = (ROOT / "ska_oso_oet", ROOT / "ska_oso_oet_client")
    return "\n".join(path.read_text() for package in packages for path in package.rglob("*.py"))


SETTINGS = {variable.name for variable in VARIABLES.values()} | set(re.findall(r"\bOET_[A-Z_]+\b", _source()))


@every_page
def test_every_setting_named_exists(page: Path) -> None:
    assert set(re.findall(r"\bOET_[A-Z_]*[A-Z]\b", page.read_text())) - SETTINGS == set()


@every_page
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@every_page
def test_every_file_of_the_project_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(r"`((?:[\w-]+/)+(?:[\w-]+\.\w+)?)`", text):
        first = path.split("/")[0]
        for base in (ROOT, ROOT / "ska_oso_oet"):
            if (base / first).is_dir() and not (first == "scripts" and "how-to" in page.parts):
                assert (base / path).exists() or (ROOT / "ska_oso_oet" / path).exists(), path


@every_page
def test_every_target_of_make_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {span.split()[1] for span in spans(page) if re.match(r"make [a-z0-9-]+$", span)}
    named |= {line.split()[1] for line in commands(page) if line.startswith("make ")}
    assert named - targets == set()


@every_page
def test_no_page_has_commands_that_its_readers_do_not_see(page: Path) -> None:
    assert re.findall(r"<!--(?! Made from)[^>]*\$ ", page.read_text()) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "Made from the code" not in page.read_text()], ids=name
)
def test_every_page_is_in_plain_english(page: Path) -> None:
    text = " ".join(page.read_text().split()).lower()
    instead = {phrase: plain for phrase, plain in PLAIN.items() if phrase in text}
    assert not instead, f"write instead of each phrase: {instead}"
