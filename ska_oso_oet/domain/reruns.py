"""Reruns: an earlier run once more, with the same script and arguments, or with what differs told."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from .errors import Conflict, Invalid
from .masking import MASK, masked_text
from .origin import NEWEST, SHORT
from .scripts import Arguments, FileScript, GitScript, Script, script_from_dict

_LONGEST = 80  #: characters of a value in a sentence
_MOST = 20  #: sentences about arguments

FUNCTIONS = ("init", "main")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RerunProcedure:
    """Run a procedure once more, up to READY."""

    pid: int
    init: Arguments = Arguments()  #: over those it had
    main: Arguments = Arguments()
    newest: bool = False  #: the newest commit of the branch instead of the same one
    accept_changes: bool = False  #: even if the script's file has changed
    aid: int | None = None  #: the activity that is run once more with it
    activity_id: int | None = None  #: the new activity
    script: Script | None = None  #: the script of that activity, as its block has it

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "pid": self.pid,
            "script_args": {name: getattr(self, name).to_dict() for name in FUNCTIONS},
            "newest": self.newest,
            "accept_changes": self.accept_changes,
            "aid": self.aid,
            "activity_id": self.activity_id,
            "script": self.script.to_dict() if self.script is not None else None,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RerunProcedure:
        """Read the JSON form.

        :raises Invalid: naming the field that is wrong
        """
        given = data.get("script_args") or {}
        plain = ("pid", "newest", "accept_changes", "aid", "activity_id")
        return cls(
            **{name: data[name] for name in plain if name in data},
            init=Arguments.from_dict(given.get("init")),
            main=Arguments.from_dict(given.get("main")),
            script=script_from_dict(data["script"]) if data.get("script") else None,
        )

    def typed(self, option: str = "") -> str:
        """The command of `oet` for it, with an option."""
        if self.aid is not None:
            return f"oet activity rerun --aid={self.aid} {option}".strip()
        return f"oet procedure rerun --pid={self.pid} {option}".strip()


@dataclasses.dataclass(frozen=True, kw_only=True)
class RerunActivity:
    """Carry out an activity once more: of the same version of its block, by the same script."""

    aid: int
    script_args: dict[str, Any] = dataclasses.field(default_factory=dict)  #: over those it had
    newest: bool = False
    accept_changes: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RerunActivity:
        """Read the JSON form."""
        return cls(**{one.name: data[one.name] for one in dataclasses.fields(cls) if one.name in data})


def same_script(command: RerunProcedure, script: Script, original: Script) -> tuple[Script, list[str]]:
    """The script to run, and what differs in it.

    :param script: the one that is asked for
    :param original: the one that ran, with its commit
    :raises Invalid: if the newest commit of a file is wanted
    :raises Conflict: if the commit that ran is not known
    """
    if type(script) is not type(original):
        raise Conflict(
            f"Cannot rerun procedure {command.pid}: its scheduling block has another kind of script now; run "
            "the activity anew"
        )
    if not isinstance(script, GitScript) or not isinstance(original, GitScript):
        if command.newest:
            raise Invalid("newest is for scripts from git; a script's file is taken as it is, or refused")
        return script, []
    commit = original.resolved_commit
    if command.newest:
        script = dataclasses.replace(script, git_commit=None)
        return script, [f"{NEWEST}{(commit or original.git_commit or 'an unknown one')[:SHORT]}"]
    if commit is None:
        raise Conflict(
            f"Cannot rerun procedure {command.pid}: it is not known which commit it ran; to run the newest "
            f"of its branch: {command.typed('--newest')}"
        )
    return dataclasses.replace(script, git_commit=commit), []


def require_unmasked(command: RerunProcedure, function: str, remembered: Arguments, given: Arguments) -> None:
    """Make sure that arguments from the journal, which keeps no secrets, are whole.

    :param given: those that replace them
    :raises Conflict: naming an argument that is not
    """
    if not given.args and _has_mask(remembered.args):
        which = f"the positional arguments of {function} have"
    else:
        names = (n for n, value in remembered.kwargs.items() if n not in given.kwargs)
        lost = next((n for n in names if MASK in n or _has_mask(remembered.kwargs[n])), None)
        if lost is None:
            return
        which = f"argument {_short(lost)} of {function} has"
    how = (
        "--script-args"
        if command.aid is not None
        else "--init_kwargs"
        if function == "init"
        else "--NAME=VALUE"
    )
    raise Conflict(
        f"Cannot rerun procedure {command.pid}: {which} a secret that is not kept any more, or is another "
        f"user's; give it again, "
        f"as {how} or in script_args"
    )


def require_whole(command: RerunProcedure, script: Script) -> None:
    """Make sure that nothing in a script's document is masked.

    :raises Conflict: if something is
    """
    if _has_mask(script.to_dict()):
        raise Conflict(
            f"Cannot rerun procedure {command.pid}: the address of its script has a secret that is not kept "
            "any more; create a procedure of it again"
        )


def changed_file(command: RerunProcedure, script: FileScript, before: str, now: str) -> list[str]:
    """What is to be told of a script's file.

    :param before: its SHA-256 as it ran, ``now`` as it is
    :raises Conflict: if it has changed, and that is not accepted
    """
    if before == now:
        return []
    hashes = f"SHA-256 {now[:SHORT]} instead of {before[:SHORT]}"
    if not command.accept_changes:
        raise Conflict(
            f"Cannot rerun procedure {command.pid}: {script.script_uri} has changed since, {hashes}; to run "
            f"it as it is now: {command.typed('--accept_changes')}"
        )
    return [f"{script.script_uri} has changed: {hashes}"]


def other_arguments(function: str, before: Arguments, now: Arguments) -> list[str]:
    """In words, which arguments of a function differ; without secrets."""
    told = list(_other_arguments(function, before, now))
    more = len(told) - _MOST
    return told if more <= 0 else [*told[:_MOST], f"{more} more arguments of {function}"]


def _other_arguments(function: str, before: Arguments, now: Arguments) -> Iterator[str]:
    shown, was = now.shown, before.shown
    if before.args != now.args:
        yield _instead(f"positional arguments of {function}:", shown["args"], was["args"])
    for name, value in now.kwargs.items():
        if name in before.kwargs and _same(before.kwargs[name], value):
            continue
        what, key = f"argument {_short(name)} of {function}:", masked_text(name)
        if name in before.kwargs:
            yield _instead(what, shown["kwargs"].get(key), was["kwargs"].get(key))
        else:
            yield f"{what} {_written(shown['kwargs'].get(key))}, which was not given"


def _same(one: Any, other: Any) -> bool:
    return _exact(one) == _exact(other)  # 1, 1.0 and true are not the same


def _exact(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _instead(what: str, shown: Any, was: Any) -> str:
    new, old = _written(shown), _written(was)
    return f"{what} another value" if new == old else f"{what} {new} instead of {old}"


def _written(value: Any) -> str:
    return _short(json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    text = masked_text(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _has_mask(value: Any) -> bool:
    if isinstance(value, str):
        return MASK in value
    if isinstance(value, dict):
        return any(MASK in key or _has_mask(part) for key, part in value.items())
    return isinstance(value, (list, tuple)) and any(map(_has_mask, value))
