"""What somebody meant who typed a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_FARTHEST = 2
_LONG = 6


def nearest(key: str, names: Mapping[str, str]) -> str | None:
    """The name whose key ``key`` is probably a slip of.

    Two letters, but fewer than half of a short name: a script may well have an argument ``self``
    although there is an option ``--help``.
    """
    likely = [
        (slips, name)
        for known, name in names.items()
        if (slips := distance(key, known)) <= _FARTHEST and 2 * slips < len(known)
    ]
    return min(likely)[1] if likely else None


def in_part(key: str, names: Mapping[str, str]) -> str | None:
    """The name that begins or ends with the words of ``key``, or that ``key`` goes on from."""
    typed = key.replace("_", "")
    for known, name in names.items():
        words = known.split("_")
        if len(words) == 1:
            continue
        parts = ["".join(words[:n]) for n in range(1, len(words) + 1)]
        parts += ["".join(words[n:]) for n in range(1, len(words))]
        if any(is_slip(typed, part) for part in parts) or key.startswith(f"{known}_"):
            return name
    return None


def is_slip(one: str, word: str) -> bool:
    """Whether it is ``word``, or where that is long, all but one letter of it."""
    return distance(one, word) <= (1 if len(word) >= _LONG else 0)


def alike(word: str, names: Iterable[str]) -> list[str]:
    """The names that begin with ``word``, else the one that it is probably a slip of."""
    names = list(names)
    found = [name for name in names if name.startswith(word)]
    slip = nearest(word, {name: name for name in names})
    return found or ([slip] if slip else [])


def distance(one: str, other: str) -> int:
    """Letters inserted, left out, replaced or swapped with a neighbour between two words."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before_that, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before_that[j - 2] + 1)
            row.append(cost)
    return row[-1]
