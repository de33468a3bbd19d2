"""Where a script is to pause. Standard library only."""

from __future__ import annotations

import re
from typing import Any


class WantedPause:
    """A pause that the operator wants.

    :param at: regular expression for a checkpoint, by its name or as it is shown (``scan 3 of 5``); none
        means any
    """

    def __init__(self, number: int, at: str | None) -> None:
        self.number = number
        try:
            self._at = None if at is None else re.compile(at)
        except re.error:  # written for a newer Python than that of the script
            self._at = re.compile(re.escape(at or ""))

    def matches(self, place: dict[str, Any]) -> bool:
        """Whether it is to take place there."""
        name = place["name"]
        shown = [name, f"{name} {place['n']}", f"{name} {place['n']} of {place['of']}"]
        return self._at is None or any(self._at.fullmatch(text) for text in shown)
