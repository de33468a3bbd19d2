"""Projects of poetry without a lock: sources bind packages, private indexes go before the public one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..conftest import Server
from .indexes import Index
from .projects import HEAD, PYPROJECT, failure, sees, source


def test_without_a_lock_a_source_binds_a_package_and_priorities_hold_for_the_others(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    public.asked.clear()
    pyproject = (
        PYPROJECT + 'ska-y = {version = "*", source = "skao"}\n' + source(private, priority="explicit")
    )
    found = sees(server, tmp_path, "ska_x", "ska_y", "pub", **{"pyproject.toml": pyproject})
    assert found == ["ska_x private", "ska_y private", "pub public"]
    assert set(public.asked) == {"pub"}


@pytest.mark.parametrize(
    ("more", "and_pypi"),
    [({"priority": "supplemental"}, False), ({"priority": "primary"}, True), ({}, True)],
)
def test_what_is_bound_to_no_source_is_taken_from_a_private_index_that_has_it(
    server: Server, private: Index, tmp_path: Path, more: dict[str, str], and_pypi: bool
) -> None:
    pypi = '[[tool.poetry.source]]\nname = "PyPI"\npriority = "primary"\n' if and_pypi else ""
    pyproject = PYPROJECT + pypi + source(private, **more)
    found = sees(server, tmp_path, "ska_x", "ska_y", "pub", **{"pyproject.toml": pyproject})
    assert found == ["ska_x private", "ska_y private", "pub public"]


def test_a_primary_source_replaces_the_public_index(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    public.asked.clear()
    detail = failure(server, tmp_path, **{"pyproject.toml": PYPROJECT + source(private)})
    assert "pub was not found" in detail
    assert public.asked == []


def test_a_package_its_source_does_not_have_is_sought_nowhere_else(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    public.asked.clear()
    needs = '[tool.poetry.dependencies]\nmissing = {version = "*", source = "skao"}\n'
    pyproject = HEAD + needs + source(private, priority="explicit")
    detail = failure(server, tmp_path, **{"pyproject.toml": pyproject})
    assert "missing was not found" in detail
    assert "missing" not in public.asked


def test_a_project_in_the_standard_form_may_bind_packages_by_poetry(
    server: Server, private: Index, tmp_path: Path
) -> None:
    pyproject = (
        '[project]\nname = "night"\nversion = "1"\ndependencies = ["ska-x>=1", "ska-y"]\n'
        '[project.optional-dependencies]\nmore = ["not-there"]\n'
        '[dependency-groups]\ndev = ["not-there"]\n'
        '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
        "[tool.poetry]\npackage-mode = false\n"
        '[tool.poetry.dependencies]\nska-x = {source = "skao"}\nska-y = {source = "skao"}\n'
    )
    files = {"pyproject.toml": pyproject + source(private, priority="explicit")}
    assert sees(server, tmp_path, "ska_x", **files) == ["ska_x private"]


@pytest.mark.parametrize(
    ("dependency", "sources", "sentence"),
    [
        ('{version = "*", source = "skoa"}', True, "'skoa', which is not among [[tool.poetry.source]]"),
        ('"^1 || ^3"', True, "run 'poetry lock' and commit the file"),
        ('{version = "*", source = "skao"}', False, "source 'skao' in pyproject.toml needs the url"),
        ('{version = "soon"}', True, "pyproject.toml cannot be used: "),
    ],
)
def test_a_project_that_cannot_be_understood_is_told_what_is_wrong(
    server: Server, private: Index, tmp_path: Path, dependency: str, sources: bool, sentence: str
) -> None:
    known = source(private) if sources else '[[tool.poetry.source]]\nname = "skao"\n'
    pyproject = f"{HEAD}[tool.poetry.dependencies]\nska-x = {dependency}\n{known}"
    detail = failure(server, tmp_path, **{"pyproject.toml": pyproject})
    assert sentence in detail
    assert "\n" not in detail
