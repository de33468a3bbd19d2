"""The Dockerfile as data: its stages, and the instructions that this one uses."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]

_KNOWN = {"RUN", "COPY", "ENV", "ARG", "USER", "WORKDIR", "LABEL", "EXPOSE", "VOLUME", "HEALTHCHECK", "CMD"}


@dataclass
class Stage:
    """One FROM and what follows it. ``steps`` are the instructions in order."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        return [value for name, value in self.steps if name == instruction]

    def words(self, instruction: str) -> list[str]:
        """The words of an instruction in exec form."""
        (value,) = self.values(instruction)
        words: list[str] = json.loads(value[value.index("[") :])
        return words

    def assignments(self, instruction: str) -> dict[str, str]:
        """What all ENV (ARG, LABEL) instructions set, as it is written."""
        words = [word for value in self.values(instruction) for word in shlex.split(value)]
        return dict(word.split("=", 1) for word in words)


def stages() -> list[Stage]:
    """The stages of the Dockerfile; anything that could be misread is an error."""
    found: list[Stage] = []
    for entry in DockerfileParser(str(ROOT / "Dockerfile")).structure:
        name, value = entry["instruction"], entry["value"]
        if name == "FROM":
            words = value.split()
            found.append(Stage(words[0], words[2] if len(words) == 3 else ""))
        elif name != "COMMENT":
            found[-1].steps.append((name, value))
    for stage in found:
        unknown = {name for name, _ in stage.steps} - _KNOWN
        assert not unknown, f"the tests do not know {unknown}"
    return found


def sources(copy: str) -> tuple[str | None, list[str], str]:
    """The stage, the sources and the destination of a COPY."""
    words = copy.split()
    stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
    assert not words[0].startswith("-"), f"the tests do not know {words[0]}"
    return stage, words[:-1], words[-1]


def expanded(text: str, variables: dict[str, str]) -> str:
    """A value with ``$NAME`` replaced."""
    return re.sub(r"\$(\w+)", lambda found: variables.get(found[1], ""), text)


def sent_to_the_engine(path: Path) -> bool:
    """Whether .dockerignore lets a path (relative to the root) into the build: the last pattern decides."""
    names = [path.as_posix(), *(parent.as_posix() for parent in path.parents)][:-1]
    kept = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if (
            line
            and not line.startswith("#")
            and any(_matches(name, line.removeprefix("!")) for name in names)
        ):
            kept = line.startswith("!")
    return kept


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(name.rpartition("/")[2], pattern.removeprefix("**/"))
    return name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern)
