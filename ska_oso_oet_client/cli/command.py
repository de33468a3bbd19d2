"""Click commands with the grammar of ``oet``, and groups that load a command when it is used."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .command_line import Grammar, SortedWords, key_of, sort_words
from .help import HelpPage
from .settings import common_options
from .values import json_object, read_value

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class ScriptArguments(NamedTuple):
    """The arguments of one function of the script, from the command line."""

    args: list[Any]
    kwargs: dict[str, Any]


class BareFlag(click.Option):
    """A flag of ours without a value; scripts may have an argument of this name, which has one."""


class IdOption(click.Option):
    """An option whose value may also be the command's first word, unless words are the script's."""


class OetCommand(HelpPage):
    """A command that takes the common options, at any place among its own."""

    takes_script_arguments = False
    for_init = False
    """Whether these are arguments of ``init``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend([*self.more_options(), *common_options()])

    def more_options(self) -> list[click.Parameter]:
        """New options of this kind of command."""
        return []

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found = _sort(ctx, args, self._grammar())
        own = self._own_arguments(found)
        if not self.takes_script_arguments:
            self._take_id(found)
            own += [*found.positionals, *found.literal]
        left = super().parse_args(ctx, [*found.options, "--", *own])
        if self.takes_script_arguments:
            ctx.params["script_arguments"] = ScriptArguments(
                args=[*map(read_value, found.positionals), *found.literal],
                kwargs={**found.keywords, **(ctx.params.pop("kwargs", None) or {})},
            )
        return left

    def _grammar(self) -> Grammar:
        arguments = (p.name for p in self.params if isinstance(p, click.Argument) and p.name)
        return Grammar(
            options=_spellings(self.params),
            flags=_flags(self.params),
            bare=frozenset(p.name for p in self.params if isinstance(p, BareFlag) and p.name),
            words=_words(self.params),
            arguments=frozenset(arguments),
            takes_script_arguments=self.takes_script_arguments,
            for_init=self.for_init,
        )

    def _take_id(self, found: SortedWords) -> None:
        words = found.positionals or found.literal
        names = [p.opts[0] for p in self.params if isinstance(p, IdOption)]
        if not words or not names:
            return
        if any(option.startswith(f"{names[0]}=") for option in found.options):
            raise click.UsageError(
                f"{words[0]} is one word too many: {names[0]} names the ID already"
            )
        found.options.append(f"{names[0]}={words.pop(0)}")

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        pieces = super().collect_usage_pieces(ctx)
        takes_id = any(isinstance(p, IdOption) for p in self.params)
        return [*pieces, "[ID]"] if takes_id and not self.takes_script_arguments else pieces

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        ids = [one for one in self.params if isinstance(one, IdOption) and one.name]
        wanted = not incomplete.startswith("-") and not self.takes_script_arguments
        if wanted and ids and ctx.params.get(ids[0].name or "") is None:
            return ids[0].shell_complete(ctx, incomplete)
        return super().shell_complete(ctx, incomplete)

    def _own_arguments(self, found: SortedWords) -> list[str]:
        """The values of the command's own arguments, in order; they leave the sorted words."""
        own = []
        for parameter in self.params:
            if isinstance(parameter, click.Argument):
                if parameter.name in found.named_arguments:
                    own.append(found.named_arguments[parameter.name])
                elif found.positionals:
                    own.append(found.positionals.pop(0))
                elif found.literal:
                    own.append(found.literal.pop(0))
        return own


class ScriptCommand(OetCommand):
    """A command whose other words are arguments of the script, in ``script_arguments``."""

    takes_script_arguments = True

    def more_options(self) -> list[click.Parameter]:
        return [
            click.Option(
                ["--kwargs", "kwargs"],
                metavar="JSON",
                callback=json_object,
                help="Keyword arguments of the script whose names are options here.",
            )
        ]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = [*self.collect_usage_pieces(ctx), "[ARGS]...", "[--NAME=VALUE]..."]
        formatter.write_usage(ctx.command_path, " ".join(pieces))


class InitCommand(ScriptCommand):
    """The same for the arguments of ``init``."""

    for_init = True


class OetGroup(HelpPage, click.Group):
    """Sub-commands by name: their location (``module:attribute``) and one line of help.

    ``aliases`` are other words for commands, of this group or of one below: ``procedure list``.
    ``sections`` are the headings in its help, with the commands below each.
    """

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[str, str]],
        aliases: Mapping[str, str] = MappingProxyType({}),
        sections: Mapping[str, Sequence[str]] = MappingProxyType({}),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy
        self.sections = sections or {"Commands": tuple(lazy)}
        self.aliases = aliases
        self.no_args_is_help = False
        self.params.extend(common_options())

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = cmd_name.replace("-", "_")
        if name not in self.lazy:
            group, _, inner = self.aliases.get(name, "").rpartition(" ")
            owner = self.get_command(ctx, group) if group else self
            return owner.get_command(ctx, inner) if isinstance(owner, OetGroup) and inner else None
        module, attribute = self.lazy[name][0].split(":")
        command: HelpPage = getattr(import_module(module, __package__), attribute)
        command.path = f"{self.path} {command.name}"
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            from .suggestions import unknown_command

            raise click.UsageError(unknown_command(self, ctx, args[0]))
        return args[0], command, args[1:]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, self.lazy))
        for heading, names in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{widest}}", self.lazy[name][1]) for name in names])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        grammar = Grammar(options=_spellings(self.params), flags=_flags(self.params), is_group=True)
        found = _sort(ctx, args, grammar)
        left = super().parse_args(ctx, [*found.options, *found.positionals])
        if not found.positionals:
            _show_help(ctx)
        return left


def _sort(ctx: click.Context, args: list[str], grammar: Grammar) -> SortedWords:
    try:
        found = sort_words(args, grammar)
    except click.UsageError:
        if ctx.resilient_parsing:  # completion asks; the last option may lack its value
            return _sort(ctx, args[:-1], grammar) if args else SortedWords()
        raise
    if found.help:
        _show_help(ctx)
    return found


def _show_help(ctx: click.Context) -> None:
    if not ctx.resilient_parsing:
        click.echo(ctx.get_help())
        ctx.exit()


def _spellings(params: list[click.Parameter]) -> dict[str, str]:
    return {
        key_of(spelling): spelling
        for parameter in params
        if isinstance(parameter, click.Option)
        for spelling in parameter.opts
    }


def _flags(params: list[click.Parameter]) -> frozenset[str]:
    return frozenset(
        key_of(spelling)
        for parameter in params
        if isinstance(parameter, click.Option)
        and isinstance(parameter.type, click.types.BoolParamType)
        for spelling in parameter.opts
    )


def _words(params: list[click.Parameter]) -> dict[str, Container[str]]:
    return {
        key_of(spelling): parameter.type.words
        for parameter in params
        if hasattr(parameter.type, "words")
        for spelling in parameter.opts
    }
