"""The diagrams that are made from the code, as PlantUML: the states, and the layers of packages."""

from __future__ import annotations

import configparser
import enum
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import grimp

from ska_oso_oet.domain import activity, states

_ROOT = Path(__file__).parents[1]
_NOTE = "' Made from the code by `make docs`; a test compares the two."

Transitions = Mapping[enum.Enum, frozenset[enum.Enum]]


def procedure_states() -> str:
    """The states of a procedure."""
    return _states("states", states.TRANSITIONS)


def activity_states() -> str:
    """The states of an activity."""
    return _states("activity-states", activity.TRANSITIONS)


def _states(name: str, transitions: Transitions) -> str:
    """One arrow from the frame around the live states says what every one of them may become."""
    every = list(type(next(iter(transitions))))
    meanings = _meanings(type(every[0]))
    live = [state for state in every if transitions[state]]
    final = [state for state in every if not transitions[state]]
    always = frozenset.intersection(*(transitions[state] for state in live))
    arrows = [(old, new) for old in live for new in every if new in transitions[old] - always]
    return "\n".join(
        [
            _NOTE,
            f"@startuml {name}",
            "hide empty description",
            "state live {",
            f"  [*] --> {every[0].value}",
            *(f"  state {state.value} : {_wrapped(meanings[state.name], 22)}" for state in live),
            *(f"  {old.value} --> {new.value}" for old, new in arrows if new in live),
            "}",
            *(f"state {state.value} : {_wrapped(meanings[state.name], 22)}" for state in final),
            *(f"{old.value} --> {new.value}" for old, new in arrows if new in final),
            *(f"live --> {state.value}" for state in every if state in always),
            "@enduml",
            "",
        ]
    )


def _meanings(kind: type[enum.Enum]) -> dict[str, str]:
    """The sentence beside each member of an enumeration."""
    found = re.findall(r"^\s+(\w+) = .*#: (.+)$", inspect.getsource(kind), re.MULTILINE)
    return {name: meaning.replace("``", "") for name, meaning in found}


def packages() -> str:
    """The packages by layer, as import-linter checks them, and which imports which."""
    config = configparser.ConfigParser()
    config.read(_ROOT / "setup.cfg")
    contract = config["importlinter:contract:layers"]
    rows = [[name.strip() for name in row.split("|")] for row in contract["layers"].split("\n") if row]
    lines = [_NOTE, "@startuml packages", f"package {contract['containers']} {{"]
    for row in rows:
        lines += [
            "  together {",
            *(f'    rectangle "**{name}**\\n{_purpose(name)}" as {name}' for name in row),
            "  }",
        ]
    lines += [f"  {upper} --> {lower}" for upper, lower in _imports(rows)]
    lines += ["}", "@enduml", ""]
    return "\n".join(lines)


def _imports(rows: list[list[str]]) -> Iterator[tuple[str, str]]:
    """Which package imports which, without what follows from the others."""
    names = [name for row in rows for name in row]
    graph = grimp.build_graph("ska_oso_oet")
    whole = {name: f"ska_oso_oet.{name}" for name in names}
    for module in whole.values():
        if graph.find_children(module):
            graph.squash_module(module)
    imported = {
        name: [
            below
            for below in names
            if below != name and graph.direct_import_exists(importer=whole[name], imported=whole[below])
        ]
        for name in names
    }
    reached: dict[str, set[str]] = {}
    for name in reversed(names):  # those below come first
        reached[name] = set(imported[name]).union(*(reached[below] for below in imported[name]))
    for name in names:
        for below in imported[name]:
            if not any(below in reached[other] for other in imported[name]):
                yield name, below


def _purpose(name: str) -> str:
    """The first sentence of the package's docstring."""
    text = inspect.getdoc(importlib.import_module(f"ska_oso_oet.{name}")) or ""
    return _wrapped(re.split(r"\.\s|\.$|:$", text.split("\n\n")[0])[0].replace("`", ""), 30)


def _wrapped(text: str, width: int) -> str:
    lines = textwrap.wrap(
        text.replace("#", ":"), width, break_long_words=False
    )  # PlantUML numbers lines by #
    return "\\n".join(lines)
