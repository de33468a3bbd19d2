"""``oet completion``, and completion in a shell; if it fails, nothing is completed or printed."""

from __future__ import annotations

import contextlib
import io
import os
import re

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from .command import OetCommand
from .settings import Settings

_UNSAFE = re.compile(r"([^\w@%+,./:=-])")
_BASH = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            plain,*) COMPREPLY+=("${line#plain,}") ;;
            dir,*) compopt -o dirnames ;;
            file,*) compopt -o default ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:$COMP_POINT}" OET_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Words(ShellComplete):
    """Words as they were typed, the last one up to the cursor."""

    before = ""  #: the part of the last word that the shell keeps, or that must be repeated

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        # Click completes the value alone if option and value are one word: --pid=3.
        name, equals, _ = incomplete.partition("=")
        self.before = name + equals if equals and name.startswith("--") else ""
        return super().get_completions(args, incomplete)

    def format_completion(self, item: CompletionItem[str]) -> str:
        item.value = self.before + item.value
        return super().format_completion(item)


class _Zsh(_Words, ZshComplete):
    pass


class _Fish(_Words, FishComplete):
    pass


class _Bash(_Words, BashComplete):
    """bash splits words at ``=`` and ``:``, and wants the text after these only."""

    source_template = _BASH
    _typed = ""

    def source(self) -> str:
        return ShellComplete.source(self)

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE")
        if line is None:
            return super().get_completion_args()
        words = split_arg_string(line)
        self._typed = words.pop() if words and not line[-1].isspace() else ""
        return words[1:], self._typed

    def format_completion(self, item: CompletionItem[str]) -> str:
        breaks = set(os.environ.get("OET_WORDBREAKS", "=:")) & set("=:")
        whole = self.before + item.value
        kept = max((self._typed.rfind(letter) + 1 for letter in breaks), default=0)
        if kept and whole.startswith(self._typed[:kept]):
            whole = whole[kept:]
        escaped = _UNSAFE.sub(r"\\\1", whole)
        return f"{item.type},{escaped}"


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def source(root: click.Command, shell: str, variable: str) -> str:
    """The lines that set up completion in a shell."""
    return _SHELLS[shell](root, {}, "oet", variable).source()


def complete(root: click.Command, instruction: str, variable: str) -> int:
    """Answer a shell's request for completion; returns the exit status."""
    shell, _, what = instruction.partition("_")
    if shell not in _SHELLS:
        return 1
    told = ""
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            if what == "source":
                told = source(root, shell, variable)
            else:
                told = _SHELLS[shell](root, {"obj": Settings()}, "oet", variable).complete()
        except (Exception, KeyboardInterrupt):  # noqa: BLE001  the terminal is in use
            return 1
    click.echo(told)
    return 0


@click.command(cls=OetCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the set-up of completion for SHELL.

    For example, in ~/.bashrc: eval "$(oet completion bash)"
    """
    from .completion import source
    from .entry import COMPLETION_VARIABLE

    click.echo(source(context.find_root().command, shell, COMPLETION_VARIABLE))
