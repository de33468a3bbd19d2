"""``oet completion``."""

from __future__ import annotations

import click

from .command import OetCommand


@click.command(cls=OetCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the set-up of completion for SHELL.

    For example, in ~/.bashrc: eval "$(oet completion bash)"
    """
    from .completing import source
    from .entry import COMPLETION_VARIABLE

    click.echo(source(context.find_root().command, shell, COMPLETION_VARIABLE))
