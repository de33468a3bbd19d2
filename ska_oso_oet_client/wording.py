"""Words of others, for a terminal."""


def printable(text: str) -> str:
    """``text`` on one line, without characters that a terminal would take as commands."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def shortened(text: str, most: int) -> str:
    """``text`` with at most ``most`` characters, the last one telling that there are more."""
    return text if len(text) <= most else text[: most - 1] + "…"
