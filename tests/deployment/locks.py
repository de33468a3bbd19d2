"""The lock files, and what they have to satisfy."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import tomllib
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .dockerfile import ROOT

LOCKS = ("server", "development", "build")


class Pin(NamedTuple):
    """One package of a lock file."""

    name: str
    version: str
    marker: str
    hashes: int


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def pins(lock: str) -> Iterator[Pin]:
    """The packages of a lock file; anything in it that is none is an error."""
    joined = text_of(lock).replace("\\\n", " ")
    for line in joined.splitlines():
        if line.startswith("#"):
            continue
        found = re.fullmatch(
            r"([a-z0-9-]+)==([^ ;]+)(?: ; ([^#]*?))?((?: +--hash=sha256:[0-9a-f]{64})+)", line
        )
        assert found is not None, line
        yield Pin(found[1], found[2], found[3] or "", found[4].count("--hash"))


def wanted(*extras: str) -> list[Requirement]:
    """What the distributions ask for, without each other."""
    packaging = configparser.ConfigParser()
    packaging.read(ROOT / "setup.cfg")
    lines = packaging["options"]["install_requires"].splitlines()
    for extra in extras:
        lines += packaging["options.extras_require"][extra].splitlines()
    client = tomllib.loads((ROOT / "ska_oso_oet_client" / "pyproject.toml").read_text())
    found = [Requirement(line) for line in [*lines, *client["project"]["dependencies"]] if line.strip()]
    return [one for one in found if not canonicalize_name(one.name).startswith("ska-oso-oet")]


def unsatisfied(lock: str, requirements: Iterable[Requirement], python: str) -> list[str]:
    """The requirements that a lock file does not satisfy on Linux, under this version of Python."""
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    known = {pin.name: pin for pin in pins(lock) if not pin.marker or Marker(pin.marker).evaluate(here)}
    missing = []
    for one in requirements:
        pin = known.get(canonicalize_name(one.name))
        if pin is None or not one.specifier.contains(pin.version, prereleases=True):
            missing.append(f"{one}, locked is {pin and pin.version}")
    return missing
