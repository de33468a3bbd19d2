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
    from click.shell_completion import get_completion_class

    from .entry import COMPLETION_VARIABLE

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"No completion for {shell}")
    root = context.find_root().command
    click.echo(kind(root, {}, "oet", COMPLETION_VARIABLE).source())
