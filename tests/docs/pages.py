"""The pages of the documentation, and what is written in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


def pages() -> list[Path]:
    """Every page a reader may see, in the site or beside the code."""
    in_site = [page for page in DOCS.rglob("*.md") if "node_modules" not in page.parts]
    return [*sorted(ROOT.glob("*.md")), ROOT / "ska_oso_oet_client" / "README.md", *sorted(in_site)]


def name(page: Path) -> str:
    """A page as a test calls it."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in this language."""
    return [text for kind, text in _BLOCK.findall(page.read_text()) if kind == language]


def spans(page: Path) -> Iterator[str]:
    """Everything set as code within the text of a page."""
    for span in _SPAN.finditer(_BLOCK.sub("", page.read_text())):
        yield span[1]


def commands(page: Path) -> Iterator[str]:
    """The command lines that a reader is shown at a prompt, or in a shell script."""
    for text in blocks(page, "console"):
        joined = text.replace("\\\n", " ")
        yield from (line[2:] for line in joined.splitlines() if line.startswith("$ "))
    for text in blocks(page, "sh"):
        yield from (line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#"))
