"""Characters that texts may contain."""

from __future__ import annotations


def unprintable(text: str) -> bool:
    """Whether it contains control characters, or characters that UTF-8 cannot encode."""
    return not encodable(text) or any(ord(c) < 32 or ord(c) == 127 for c in text)


def encodable(text: str) -> bool:
    """Whether UTF-8 can carry it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
