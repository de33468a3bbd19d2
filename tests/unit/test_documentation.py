"""What can rot is generated: the pages made from the code are those that are checked in."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate import PAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_says_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run `make docs`"


def test_every_make_target_a_user_may_call_has_a_help_text() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    phony = next(line for line in lines if line.startswith(".PHONY:")).split()[1:]
    helped = {line.split(":")[0] for line in lines if ":" in line and "## " in line}
    assert set(phony) - helped == set()


def test_the_links_of_the_readme_and_the_documentation_lead_somewhere() -> None:
    import re

    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
