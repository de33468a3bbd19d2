"""Words of others, for a terminal."""


def printable(text: str) -> str:
    """``text`` on one line, without characters that a terminal would take as commands."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
