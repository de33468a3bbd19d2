"""The lock file of poetry, followed to the letter: versions, sources and hashes, of poetry 1 and 2."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from poetry.core.constraints.version import Version, parse_constraint
from poetry.core.packages.vcs_dependency import VCSDependency

from .errors import PreparationError
from .manifest import Manifest, read_toml
from .poetry import MAIN, Needed, dependencies, holds

Package = dict[str, Any]  #: an entry of the file


def locked(manifest: Manifest) -> list[Needed]:
    """The packages to install here, without extras and other groups.

    :raises PreparationError: if the lock does not fit to pyproject.toml
    """
    lock = read_toml(manifest.path("poetry.lock"))
    packages = lock.get("package", [])
    if any("groups" in package for package in packages):  # poetry 2 names the groups of each package
        chosen = [package for package in packages if _is_chosen(package)]
    else:
        chosen = _Walk(packages, manifest).reached()
    files = lock.get("metadata", {}).get("files", {})  # of poetry 1.3 and older
    return [_needed(package, files.get(package["name"]), manifest) for package in chosen]


def _is_chosen(package: Package) -> bool:
    markers = package.get("markers") or ""
    if isinstance(markers, dict):
        markers = markers.get(MAIN, "")
    return MAIN in package.get("groups", [MAIN]) and not package.get("optional") and holds(markers)


class _Walk:
    """The packages that the dependencies of a project lead to, in a lock without groups."""

    def __init__(self, packages: list[Package], manifest: Manifest) -> None:
        self._packages = packages
        self._extras: dict[int, set[str]] = {}  #: with which extras a package was reached, by its place
        for dependency in dependencies(manifest):
            self._reach(dependency.name, str(dependency.constraint), dependency.extras)

    def reached(self) -> list[Package]:
        return [self._packages[place] for place in sorted(self._extras)]

    def _reach(self, name: str, constraint: str, extras: Iterable[str]) -> None:
        place = self._find(canonicalize_name(name), constraint)
        reached = self._extras.setdefault(place, set())
        new = {"", *map(canonicalize_name, extras)} - reached
        reached |= new
        package = self._packages[place]
        for other, given in package.get("dependencies", {}).items() if new else ():
            for spec in given if isinstance(given, list) else [given]:
                spec = {"version": spec} if isinstance(spec, str) else spec
                if holds(spec.get("markers", ""), new) and not _is_left_out(other, spec, package, new):
                    self._reach(other, spec.get("version", "*"), spec.get("extras", ()))

    def _find(self, name: str, constraint: str) -> int:
        places = [n for n, one in enumerate(self._packages) if canonicalize_name(one["name"]) == name]
        if len(places) == 1:
            return places[0]
        allowed = parse_constraint(constraint)
        for place in places:
            if allowed.allows(Version.parse(self._packages[place]["version"])):
                return place
        raise PreparationError(
            f"poetry.lock has no {name} {constraint}, which the project needs; "
            "run 'poetry lock' and commit the file"
        )


def _is_left_out(name: str, spec: dict[str, Any], package: Package, extras: set[str]) -> bool:
    """Whether a dependency belongs to extras that are not requested."""
    if not spec.get("optional"):
        return False
    for extra, texts in package.get("extras", {}).items():
        listed = (canonicalize_name(text.split(" ")[0].split("[")[0].split(";")[0]) for text in texts)
        if canonicalize_name(extra) in extras and canonicalize_name(name) in listed:
            return False
    return True


def _needed(package: Package, files: list[Package] | None, manifest: Manifest) -> Needed:
    name, source = package["name"], package.get("source", {})
    files = package.get("files", files)
    hashes = tuple(file["hash"] for file in files or ())
    place = source.get("url", "")
    match source.get("type"):
        case "git":
            dependency = VCSDependency(
                name, "git", place, rev=source["resolved_reference"], directory=source.get("subdirectory")
            )
            return Needed(name, dependency.to_pep_508())
        case "url":
            return Needed(name, f"{name} @ {place}", hashes=hashes)
        case "file" | "directory":
            path = Path(manifest.path(place)).resolve()
            if not path.exists():
                raise PreparationError(
                    f"{name} in poetry.lock is to come from {place}, which the repository does not have"
                )
            return Needed(name, f"{name} @ {path.as_uri()}", hashes=hashes)
    if files == []:
        raise PreparationError(f"poetry.lock has no hash of {name}; run 'poetry lock' and commit the file")
    return Needed(name, f"{name}=={package['version']}", place or None, hashes)
