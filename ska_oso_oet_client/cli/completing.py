"""Completion in a shell: of words that ``oet`` knows, and of what the server knows.

The server is asked once and not waited for long; where it is away, or anything goes wrong, nothing
is completed and nothing is said.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from threading import Thread
from typing import TYPE_CHECKING

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from ..model import READY
from .settings import Settings

if TYPE_CHECKING:
    from ..client import OETClient

PATIENCE = 1.5  #: seconds that the server has to answer

Found = list[CompletionItem[str]]

_FILE = "file://"
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

    before = ""  #: what of the last word the shell does not replace, or else has to be repeated

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        # Click completes the value alone of what is one word: --pid=3.
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
    """bash splits words at ``=`` and ``:``, and wants only what comes after these."""

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
    """What sets up completion in a shell."""
    return _SHELLS[shell](root, {}, "oet", variable).source()


def complete(root: click.Command, instruction: str, variable: str) -> int:
    """Answer a shell that wants to know how its line may go on; returns the exit status."""
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


# -- what the server knows ---------------------------------------------------------------------


def _asked(context: click.Context, ask: Callable[[OETClient], Found]) -> Found:
    """What the OET that is meant answers, if it does so soon."""
    from .. import client as _loaded  # noqa: F401  that is no waiting for the server

    found: Found = []

    def work() -> None:
        settings = context.ensure_object(Settings)
        with contextlib.suppress(Exception), settings.any_client() as client:
            found.extend(ask(client))

    asking = Thread(target=work, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return [] if asking.is_alive() else found


def procedures(context: click.Context, incomplete: str) -> Found:
    """IDs of procedures with which the command can do something."""

    def ask(client: OETClient) -> Found:
        return [
            CompletionItem(str(one.id), help=f"{one.script.uri} {one.state}")
            for one in reversed(client.procedures())
            if (context.info_name != "start" or one.state == READY)
            and (context.info_name not in ("stop", "wait") or not one.is_final)
        ]

    return _beginning(incomplete, _asked(context, ask))


def activities(context: click.Context, incomplete: str) -> Found:
    """IDs of activities with which the command can do something."""

    def ask(client: OETClient) -> Found:
        return [
            CompletionItem(str(one.id), help=f"{one.activity_name} of {one.sbd_id} {one.state}")
            for one in reversed(client.activities())
            if context.info_name != "stop" or not one.is_final
        ]

    return _beginning(incomplete, _asked(context, ask))


def scripts(context: click.Context, incomplete: str) -> Found:
    """URIs of scripts; ``file://`` need not be typed."""
    if "://" in incomplete and not incomplete.startswith(_FILE):
        return []

    def ask(client: OETClient) -> Found:
        return [CompletionItem(one.uri, help=one.summary) for one in client.scripts()]

    found = _asked(context, ask)
    return _beginning(incomplete, found) or _beginning(_FILE + incomplete, found)


def environments(context: click.Context, incomplete: str) -> Found:
    """IDs of what is kept for scripts from git."""

    def ask(client: OETClient) -> Found:
        return [
            CompletionItem(one.id, help=f"{one.kind} of {one.repository}")
            for one in client.environments()
        ]

    return _beginning(incomplete, _asked(context, ask))


def files(context: click.Context, incomplete: str) -> Found:
    """Names of files that the procedure has written whose ID was typed."""
    pid: int | None = context.params.get("pid")
    if pid is None:
        return procedures(context, incomplete)

    def ask(client: OETClient, pid: int = pid) -> Found:
        return [CompletionItem(one.path) for one in client.files(pid).files]

    return _beginning(incomplete, _asked(context, ask))


def topics(context: click.Context, incomplete: str) -> Found:
    """Topics that have a sentence, and what they begin with; a comma begins another one."""
    from ..sentences import PATTERNS

    before, comma, last = incomplete.rpartition(",")
    known = sorted({topic[:end] for topic in PATTERNS for end in _ends(topic)})
    return [CompletionItem(f"{before}{comma}{one}") for one in known if one.startswith(last)]


def _ends(topic: str) -> Iterator[int]:
    yield from (n for n, letter in enumerate(topic) if letter == ".")
    yield len(topic)


def _beginning(incomplete: str, found: Iterable[CompletionItem[str]]) -> Found:
    """Those that go on so, and that can be shown."""
    return [one for one in found if one.value.startswith(incomplete) and one.value.isprintable()]
