"""The grammar of ``oet``: which words are options, which go to the script.

Click takes over once the words are sorted; it has no notion of options it does not know, nor of
``-`` and ``_`` being the same.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from .misspellings import GIT, advice, in_part, matter_of, nearest
from .values import read_value

SHORT = {"-f": "--follow", "-o": "--output", "-s": "--subarray_id", "-v": "--verbose"}
"""One letter for the options that are typed most; no argument of a script has a single dash."""

_NEGATIVE_NUMBER = re.compile(r"-\.?\d")
_BOOLEAN_WORDS = frozenset({"true", "false"})
_HARMLESS = frozenset({"--raw", "--local"})
"""A slip of these changes the display only; but a script may have an argument ``ra``."""


@dataclass(frozen=True)
class Grammar:
    """The grammar of one command: option keys with their spelling, its flags, argument names.

    ``bare``: flags that are ours without a value only; with one, they are the script's.
    ``words``: values of a flag besides true and false.
    ``takes_script_arguments``: unknown options belong to the script instead of being errors;
    ``for_init``: to its ``init``.
    ``is_group``: the first word that is no option ends the options.
    """

    options: Mapping[str, str]
    flags: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    words: Mapping[str, Container[str]] = field(default_factory=dict)
    arguments: frozenset[str] = frozenset()
    takes_script_arguments: bool = False
    for_init: bool = False
    is_group: bool = False

    def names(self) -> Iterator[str]:
        harmless = _HARMLESS if self.takes_script_arguments else frozenset()
        yield from (name for name in self.options.values() if name not in harmless)
        yield from (f"--no-{_dashes(flag)}" for flag in self.flags if f"--{flag}" not in harmless)
        yield from (f"--{name}" for name in self.arguments)
        yield "--help"


@dataclass
class SortedWords:
    """``literal`` words came after ``--`` and are always text."""

    options: list[str] = field(default_factory=list)
    named_arguments: dict[str, str] = field(default_factory=dict)
    positionals: list[str] = field(default_factory=list)
    literal: list[str] = field(default_factory=list)
    keywords: dict[str, Any] = field(default_factory=dict)
    help: bool = False


def key_of(option: str) -> str:
    """The key of an option, equal for all its spellings."""
    return option.removeprefix("--").replace("-", "_")


def sort_words(words: Sequence[str], grammar: Grammar) -> SortedWords:
    """Sort a command's words; raises click.UsageError for slips."""
    found = SortedWords()
    end = words.index("--") if "--" in words else len(words)
    if not grammar.is_group and any(word in ("--help", "-h") for word in words[:end]):
        found.help = True
        return found
    found.literal = list(words[end + 1 :])
    queue = list(words[:end])
    while queue:
        if grammar.is_group and not _is_option(queue[0]):
            found.positionals = queue + list(words[end:])
            found.literal = []
            break
        word = queue.pop(0)
        if not _is_option(word):
            found.positionals.append(word)
        elif word in ("--help", "-h"):
            found.help = True
            break
        elif (long := SHORT.get(word[:2], "")) and key_of(long) in grammar.options:
            value = word[2:].removeprefix("=")
            _sort_option(f"{long}={value}" if word[2:] else long, queue, grammar, found)
        elif not word.startswith("--"):
            raise click.UsageError(f"No such option {word}; put -- before text that begins with -")
        else:
            _sort_option(word, queue, grammar, found)
    return found


def _sort_option(word: str, queue: list[str], grammar: Grammar, found: SortedWords) -> None:
    name, equals, value = word.partition("=")
    key = key_of(name)
    negated = key.removeprefix("no_")
    if key in grammar.bare and equals:
        found.keywords[key] = read_value(value)
    elif key in grammar.options:
        spelling = grammar.options[key]
        if equals:
            pass
        elif key in grammar.flags:
            takes_word = queue and key not in grammar.bare and _is_value(queue[0], key, grammar)
            value = queue.pop(0) if takes_word else "True"
        else:
            value = _value_of(spelling, queue)
        found.options.append(f"{spelling}={value}")
    elif negated != key and negated in grammar.flags:
        if equals:
            raise click.UsageError(f"{name} takes no value; write --{negated}={value} instead")
        found.options.append(f"{grammar.options[negated]}=False")
    elif key in grammar.arguments:
        found.named_arguments[key] = value if equals else _value_of(name, queue)
    else:
        _refuse_slip(name, key, grammar)
        if key in found.keywords:
            raise click.UsageError(f"{name} is given twice")
        if equals:
            found.keywords[key] = read_value(value)
        elif queue and not _is_option(queue[0]):
            found.keywords[key] = read_value(queue.pop(0))
        else:
            found.keywords[key] = True


def _is_value(word: str, flag: str, grammar: Grammar) -> bool:
    word = word.lower()
    return word in _BOOLEAN_WORDS or word in grammar.words.get(flag, ())


def _value_of(name: str, queue: list[str]) -> str:
    if not queue or queue[0].startswith("--"):
        raise click.UsageError(f"{name} needs a value")
    return queue.pop(0)


def _is_option(word: str) -> bool:
    return len(word) > 1 and word.startswith("-") and not _NEGATIVE_NUMBER.match(word)


def _refuse_slip(name: str, key: str, grammar: Grammar) -> None:
    """Refuses unknown options, except those of a script: a slip must not start another action."""
    names = {key_of(option): option for option in grammar.names()}
    meant, matter = nearest(key, names), matter_of(key, grammar.for_init)
    negated = meant is not None and meant.startswith("--no-")
    if matter in (*names, *grammar.options) and not negated:
        meant = grammar.options.get(matter) or names[matter]
    elif meant is None and matter in (None, GIT):
        meant = in_part(key, names)
    if meant is not None:
        advised = f"; did you mean {meant}?"
    elif matter is not None and grammar.takes_script_arguments:
        advised = f"; {advice(matter)}."
    elif grammar.takes_script_arguments and key:
        return
    else:
        advised = ""
    if advised and grammar.takes_script_arguments:
        advised += f" If it is for the script: --kwargs='{{\"{key}\": ...}}', or as text after --"
    raise click.UsageError(f"No such option {name}{advised}")


def _dashes(key: str) -> str:
    return key.replace("_", "-")
