"""Lends PyTango, the server's own, to environments of scripts that have none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

_LENT = "pytango"
_FOLDER = "lent-by-oet"


def lend(packages: str) -> None:
    """Make the server's own PyTango importable, behind everything the project brings itself."""
    if os.path.exists(os.path.join(packages, "tango")):
        return
    folder = os.path.join(packages, _FOLDER)
    os.mkdir(folder)
    for file in _files_of(_LENT):
        link = os.path.join(folder, os.path.basename(file))
        if not os.path.lexists(link):
            os.symlink(file, link)
    with open(os.path.join(packages, f"{_FOLDER}.pth"), "w") as pth:
        pth.write(f"{_FOLDER}\n")


def _files_of(name: str, seen: set[str] | None = None) -> Iterator[str]:
    """The top-level files and folders of a distribution of this interpreter and of all it requires."""
    import importlib.metadata

    from packaging.requirements import Requirement

    seen = set() if seen is None else seen
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in seen:
        return
    seen.add(name)
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
    yield from (str(distribution.locate_file(top)) for top in sorted(tops))
    for text in distribution.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from _files_of(requirement.name, seen)
