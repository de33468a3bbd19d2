"""A diagram shows what its source says, and is somewhere to be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.render import is_current, sources

from .pages import pages

SOURCES = sources()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_drawing_was_made_from_its_source(source: Path) -> None:
    assert is_current(source), "run `make diagrams`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_drawing_is_shown_on_a_page(source: Path) -> None:
    assert any(f"diagrams/{source.stem}.svg)" in page.read_text() for page in pages())


def test_no_drawing_has_lost_its_source() -> None:
    folder = SOURCES[0].parent
    assert {svg.stem for svg in folder.glob("*.svg")} == {source.stem for source in SOURCES}


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    for path in (SOURCES[0], SOURCES[0].with_suffix(".svg")):
        (tmp_path / path.name).write_text(path.read_text())
    copy = tmp_path / SOURCES[0].name
    assert is_current(copy)
    copy.write_text(f"{copy.read_text()}\n")
    assert not is_current(copy)
