"""Random legal histories of procedures, made through the domain's own methods."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from hypothesis import strategies as st

from ska_oso_oet.domain import events
from ska_oso_oet.domain.outcome import Outcome, Reason
from ska_oso_oet.domain.procedure import Procedure
from ska_oso_oet.domain.scripts import FRESH, Arguments, FileScript, GitScript
from ska_oso_oet.domain.states import FINAL, TRANSITIONS, ProcedureState

times = st.floats(0, 4e9)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
arguments = st.builds(
    Arguments,
    args=st.lists(json_values, max_size=3).map(tuple),
    kwargs=st.dictionaries(st.text(), json_values, max_size=3),
)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
digits = st.text("0123456789abcdef", min_size=40, max_size=40)
file_scripts = st.builds(FileScript, script_uri=names.map(lambda name: f"file:///{name}s.py"))
branches = st.none() | st.from_regex(r"[a-z]{1,5}(/[a-z0-9-]{1,5})?", fullmatch=True)
git_scripts = st.builds(
    GitScript,
    script_uri=st.from_regex(r"git://[a-z_]{1,9}(/[a-z_]{1,9}){0,2}\.py", fullmatch=True),
    git_repo=st.none() | st.sampled_from(["https://host/a.git", "file:///a", "git@host:a/b", "ssh://me@h/x"]),
    git_branch=branches,
    git_commit=st.none() | digits,
    create_env=st.booleans() | st.just(FRESH),
)
scripts = file_scripts | git_scripts
outcomes = st.builds(
    Outcome,
    reason=st.sampled_from(Reason),
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    by=st.none() | st.text(),
    detail=st.none() | st.text(),
    stages=st.lists(st.tuples(st.text(), times), max_size=3).map(tuple),
)


@dataclasses.dataclass
class Watched(Procedure):
    """A procedure that keeps what it looked like after each event."""

    seen: list[tuple[dict[str, Any], list[tuple[str, float]]]] = dataclasses.field(default_factory=list)

    def look(self) -> None:
        self.seen.append((json.loads(json.dumps(self.to_dict())), list(self.stages)))

    def apply(self, event: events.Event) -> None:
        super().apply(event)
        self.look()


@st.composite
def histories(draw: st.DrawFn) -> tuple[Watched, list[events.Event]]:
    """A procedure after some of what can happen to one, and the events of that."""
    procedure, created = Watched.create(
        draw(st.integers(1, 10**6)),
        draw(scripts),
        draw(arguments),
        draw(times),
        draw(st.none() | st.text()),
    )
    assert isinstance(procedure, Watched)
    procedure.look()
    happened: list[events.Event] = [created]
    for _ in range(draw(st.integers(0, 12))):
        if procedure.final:
            break
        if isinstance(procedure.script, GitScript) and draw(st.integers(0, 9)) == 0:
            happened.append(procedure.resolve(draw(times), draw(digits), draw(branches)))
            continue
        if draw(st.integers(0, 3)) == 0:
            happened.append(procedure.stopping(draw(times), draw(st.sampled_from(["intent", "terminate"]))))
            continue
        happened += _change(draw, procedure, draw(st.sampled_from(sorted(TRANSITIONS[procedure.state]))))
    return procedure, happened


def _change(draw: st.DrawFn, procedure: Procedure, new: ProcedureState) -> list[events.Event]:
    if new in FINAL:
        return procedure.finish(new, draw(times), draw(outcomes), draw(st.none() | st.text()))
    if new is ProcedureState.READY:
        return procedure.ready(draw(times), draw(st.integers(2, 10**6)))
    if new is ProcedureState.RUNNING:
        return procedure.start(draw(times), draw(arguments))
    return [procedure.change(new, draw(times))]


def through_json(event: events.Event) -> events.Event:
    """The event as it comes back from the journal."""
    topic, payload, time = json.loads(json.dumps([event.TOPIC, event.payload(), event.time]))
    return events.event(topic, payload, time)
