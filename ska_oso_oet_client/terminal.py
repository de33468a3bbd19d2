"""Text of others on a terminal: keeps text and colours, and removes all other control sequences.

Hidden text (SGR 8) and controls of the direction of writing, with which another text is shown than
there is, are among these.

A sequence ends at the end of its line at the latest, so that one without an end hides no more.
"""

from __future__ import annotations

import re
from collections import deque

# ECMA-48 with its 8-bit forms, and ESC k, which has screen and tmux rename a window.
_STRING = "(?:\x1b[PX\\]^_k]|[\x90\x98\x9d-\x9f])[^\x07\n\x18\x1a\x1b\x9c]*"
_CSI = "(?:\x1b\\[|\x9b)[0-?]*[ -/]*"
_ESCAPE = "\x1b[ -/]*"
# C0 but for tab, line feed and return; DEL; C1; controls of the direction of writing.
_CHARACTER = "[\0-\b\v\f\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_CONTROL = re.compile(
    f"{_STRING}(?:[\x07\x18\x1a\x9c]|\x1b\\\\)?|{_CSI}[@-~]?|{_ESCAPE}[0-~]?|{_CHARACTER}"
)
_ANY = re.compile(_CHARACTER)
_UNFINISHED = re.compile(f"{_STRING}|{_CSI}|{_ESCAPE}")
_COLOUR = re.compile("\x1b\\[[0-9;:]{0,60}m")
_CHOSEN = re.compile(
    "[345]8[;:](?:5[;:][0-9]*|2[;:][0-9;:]*)"
)  # a colour by number, or by its parts
_HIDDEN = re.compile("(?<![0-9])0*8(?![0-9])")
_COLOUR_OFF = re.compile("\x1b\\[[0;]*m")
_RESET = "\x1b[0m"
_LONGEST = 64  #: characters kept of a sequence without an end: too many for a colour
_COLOURS = 16  #: maximum number restored after a pause


class Screen:
    """Makes a script's output safe to show, piece by piece; see ``pause`` for its colours.

    ``raw``: change nothing. ``in_line`` tells whether the last line is unfinished.
    """

    def __init__(self, raw: bool = False) -> None:
        self._raw = raw
        self._unfinished: dict[str, str] = {}
        self._colours: deque[str] = deque(maxlen=_COLOURS)
        self._paused = False
        self.in_line = False

    def show(self, text: str, stream: str = "") -> str:
        """The safe text of the next piece of a stream; sequences may continue in later pieces."""
        before = "".join(self._colours)
        if not self._raw:
            text = self._safe(self._unfinished.pop(stream, "") + text, stream)
        letters = _CONTROL.sub("", text) if "\x1b" in text else text
        if letters:
            self.in_line = not letters.endswith("\n")
        if not self._paused:
            return text
        if not letters:
            return ""
        self._paused = False
        return before + text

    def pause(self) -> str:
        """The text that ends the script's colours, written before any other text."""
        if self._paused or not self._colours:
            return ""
        self._paused = True
        return _RESET

    def _safe(self, text: str, stream: str) -> str:
        if _ANY.search(text) is None:
            return text
        kept, end = [], 0
        for found in _CONTROL.finditer(text):
            kept.append(text[end : found.start()])
            end, sequence = found.end(), found.group()
            if end == len(text) and _UNFINISHED.fullmatch(sequence):
                self._unfinished[stream] = sequence[:_LONGEST]
            elif _COLOUR.fullmatch(sequence) and not _HIDDEN.search(_CHOSEN.sub("", sequence)):
                kept.append(sequence)
                self._remember(sequence)
        return "".join([*kept, text[end:]])

    def _remember(self, colour: str) -> None:
        if _COLOUR_OFF.fullmatch(colour):
            self._colours.clear()
        else:
            self._colours.append(colour)


def printable(text: str) -> str:
    """``text`` on one line, without control sequences of a terminal, colours too."""
    return "".join(letter if letter.isprintable() else " " for letter in _CONTROL.sub("", text))


def printable_lines(text: str) -> str:
    """The same, line by line."""
    return "\n".join(printable(line) for line in text.split("\n"))


def shortened(text: str, most: int) -> str:
    """``text`` with at most ``most`` characters, the last one telling that there are more."""
    return text if len(text) <= most else text[: most - 1].rstrip("…") + "…"
