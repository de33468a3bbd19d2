"""Pages of help with examples, and with few words about the options of all commands."""

from __future__ import annotations

import click

from .command_line import SHORT

MANUAL = "https://developer.skao.int/projects/ska-oso-oet"


class CommonOption(click.Option):
    """An option that every command has: described with ``oet`` itself, named elsewhere."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return super().get_help_record(ctx) if ctx.parent is None else None


def help_option() -> CommonOption:
    """``--help``, which :mod:`.command_line` has found before Click would."""
    return CommonOption(
        ["--help"], type=bool, metavar="", expose_value=False, help="Show this message and exit."
    )


def _with_letter(option: str) -> str:
    letters = {long: letter for letter, long in SHORT.items()}
    letter = letters.get(option.partition(" ")[0])
    return f"{letter}, {option}" if letter else option


class HelpPage(click.Command):
    """A command whose help ends with examples and a link to the documentation."""

    path = "oet"  #: the command as it is called

    @property
    def manual(self) -> str:
        """The name of its manual page."""
        return self.path.replace(" ", "-")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = [p.get_help_record(ctx) for p in self.get_params(ctx)]
        shown = [(_with_letter(one[0]), one[1]) for one in records if one]
        if shown:
            with formatter.section("Options"):
                formatter.write_dl(shown)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from .examples import EXAMPLES

        with formatter.section("Examples"):
            for example in EXAMPLES[self.path]:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        formatter.write_paragraph()
        if ctx.parent is not None:
            names = ", ".join(p.opts[0] for p in self.params if isinstance(p, CommonOption))
            formatter.write_text(f"Common options: {names}; see oet --help.")
        formatter.write(f"Manual: man {self.manual}\n        {MANUAL}\n")
