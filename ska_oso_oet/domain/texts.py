"""What a text is made of."""

from __future__ import annotations


def unprintable(text: str) -> bool:
    """Whether it holds what no name may: control characters, or what UTF-8 cannot carry."""
    return not encodable(text) or any(ord(c) < 32 or ord(c) == 127 for c in text)


def encodable(text: str) -> bool:
    """Whether UTF-8 can carry it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
