"""Which names of topics scripts may use, and which lie below others."""

from __future__ import annotations

import functools
from collections.abc import Collection

from .topics import TOPICS

#: The first words of topics that scripts may not use.
RESERVED = frozenset(
    {
        *("request", "procedure", "activity", "operator", "environment", "worker", "auth", "audit"),
        *("stream", "central"),
    }
)

_LONGEST = 200  #: characters of a script's topic


def objection(topic: str) -> str | None:
    """The reason why a script may not publish on a topic; None if it may."""
    first = topic.split(".")[0]
    if first.casefold() in RESERVED or topic in TOPICS:
        return f"topic {topic!r} is for the OET itself; begin with another word, such as 'user'"
    if len(topic) > _LONGEST:
        return f"topic {topic[:40]!r}… has more than {_LONGEST} characters"
    if not all(topic.split(".")):
        return f"topic {topic!r} has an empty word"
    if not topic.isprintable():
        return f"topic {topic!r} has characters that cannot be printed"
    return None


def matches(topic: str, prefixes: Collection[str]) -> bool:
    """Tell whether a topic is, or lies below, one of these prefixes, in constant time for a set."""
    return not _branch(topic).isdisjoint(prefixes)


@functools.lru_cache(1024)
def _branch(topic: str) -> frozenset[str]:
    """A topic and its ancestors."""
    words = topic.split(".")
    return frozenset(".".join(words[:n]) for n in range(1, len(words) + 1))
