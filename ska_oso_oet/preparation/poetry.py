"""Projects of poetry: their dependencies and indexes, in the form that uv understands.

Each package with a source of its own is bound to that index: uv seeks it nowhere else. Loaded only where an
environment of such a project is made.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.markers import InvalidMarker, Marker
from poetry.core.factory import Factory
from poetry.core.packages.dependency import Dependency

from .errors import PreparationError
from .manifest import Manifest

MAIN = "main"  #: the group of a project's own dependencies


@dataclasses.dataclass(frozen=True)
class Needed:
    """One package to install."""

    name: str
    requirement: str
    index: str | None = None  #: the only index it may come from
    hashes: tuple[str, ...] = ()  #: of which its file must have one


class Pool(NamedTuple):
    """The indexes of packages that are bound to none."""

    indexes: tuple[str, ...]
    public: bool  #: whether the public index is asked, too


def write(folder: str, name: str, needed: Iterable[Needed]) -> list[str]:
    """Write the dependencies as a project for uv; return the options that install it."""
    needed = list(needed)
    indexes = list(dict.fromkeys(one.index for one in needed if one.index))
    lines = ["[project]", f"name = {_quoted(name)}", 'version = "0"', "dependencies = ["]
    lines += [f"{_quoted(one.requirement)}," for one in needed]
    lines += ["]"]
    for n, url in enumerate(indexes):
        lines += ["[[tool.uv.index]]", f'name = "source-{n}"', f"url = {_quoted(url)}", "explicit = true"]
    lines += ["[tool.uv.sources]"]
    bound = {one.name: indexes.index(one.index) for one in needed if one.index}
    lines += [f'{_quoted(name)} = {{ index = "source-{n}" }}' for name, n in bound.items()]
    os.mkdir(folder)
    project, hashes = os.path.join(folder, "pyproject.toml"), os.path.join(folder, "hashes.txt")
    Path(project).write_text("\n".join(lines) + "\n")
    hashed = [f"{one.requirement} --hash={' --hash='.join(one.hashes)}\n" for one in needed if one.hashes]
    Path(hashes).write_text("".join(hashed))
    return ["--requirement", project, *(["--constraint", hashes] if hashed else [])]


def _quoted(text: str) -> str:
    """A string in TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# -- the sources of pyproject.toml -------------------------------------------------------------------


def pool(manifest: Manifest) -> Pool:
    """The indexes in which poetry looks for packages without a source of their own.

    As poetry 2 has it: in its ``primary`` sources, and in the public index if there are none or one of
    them is called PyPI; after them in ``supplemental`` ones; in ``explicit`` ones never. Of these the private
    ones are asked first.
    """
    by_priority: dict[str, list[str]] = {"primary": [], "supplemental": []}
    public = named_public = False
    for source in manifest.poetry.get("source", ()):
        rank = _rank(source)
        if str(source.get("name", "")).lower() == "pypi":
            named_public, public = True, public or rank != "explicit"
        elif rank in by_priority:
            by_priority[rank].append(_url(source))
    if not named_public:
        public = not by_priority["primary"]
    return Pool((*by_priority["primary"], *by_priority["supplemental"]), public)


def _rank(source: dict[str, Any]) -> str:
    older = {"default": "primary", "secondary": "supplemental"}
    given = source.get("priority") or ("secondary" if source.get("secondary") else "primary")
    return older.get(str(given).lower(), str(given).lower())


def _url(source: dict[str, Any]) -> str:
    url = source.get("url")
    if not isinstance(url, str) or not re.match(r"(https?|file)://\S+$", url):
        raise PreparationError(
            f"source {source.get('name')!r} in pyproject.toml needs the url of an index: https://…"
        )
    return url


# -- without a lock ----------------------------------------------------------------------------------


def needed(manifest: Manifest, public: str) -> Iterator[Needed]:
    """The dependencies in pyproject.toml, for this machine and without extras.

    :param public: the index that poetry calls PyPI
    :raises PreparationError: if that cannot be told to uv
    """
    sources = {str(source.get("name")).lower(): source for source in manifest.poetry.get("source", ())}
    for dependency in dependencies(manifest):
        text = dependency.to_pep_508()
        if "||" in text:
            raise PreparationError(
                f"{dependency.name} has alternative versions in pyproject.toml, between which only a "
                "poetry.lock decides; run 'poetry lock' and commit the file"
            )
        wanted = (dependency.source_name or "").lower()
        if not wanted:
            yield Needed(dependency.name, text)
        elif wanted in sources or wanted == "pypi":
            yield Needed(dependency.name, text, public if wanted == "pypi" else _url(sources[wanted]))
        else:
            raise PreparationError(
                f"{dependency.name} is to come from source {dependency.source_name!r}, which is not among "
                "[[tool.poetry.source]] in pyproject.toml"
            )


def dependencies(manifest: Manifest) -> Iterator[Dependency]:
    """The dependencies in pyproject.toml, in poetry's own form.

    :raises PreparationError: if it cannot be read
    """
    try:
        package = Factory().create_poetry(Path(manifest.source)).package
    except Exception as error:  # noqa: BLE001  poetry-core has no class for faults of a project
        raise PreparationError(f"pyproject.toml cannot be used: {error}") from None
    if package.has_dependency_group(MAIN):
        for dependency in package.dependency_group(MAIN).dependencies_for_locking:
            if not dependency.is_optional() and holds(str(dependency.marker)):
                yield dependency


def holds(marker: str, extras: Iterable[str] = ()) -> bool:
    """Whether something is needed under this interpreter, with these extras."""
    if marker in ("", "*"):
        return True
    try:
        parsed = Marker(marker)
    except InvalidMarker as error:
        raise PreparationError(f"marker {marker!r} cannot be read: {error}") from None
    return any(parsed.evaluate({"extra": extra}) for extra in (*extras, ""))
