"""A procedure is the fold of its events."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.domain import events
from ska_oso_oet.domain.errors import Conflict
from ska_oso_oet.domain.outcome import Outcome, Reason
from ska_oso_oet.domain.procedure import Procedure
from ska_oso_oet.domain.scripts import Arguments, FileScript
from ska_oso_oet.domain.states import FINAL, TRANSITIONS, ProcedureState

from .histories import Watched, histories, through_json

S = ProcedureState


def _running() -> Procedure:
    procedure, _ = Procedure.create(7, FileScript(script_uri="file:///a.py"), Arguments(), 1.0, "me")
    procedure.change(S.IDLE, 2.0)
    procedure.ready(3.0, 4711)
    procedure.start(4.0, Arguments(args=("bob",)))
    return procedure


@given(histories())
def test_at_every_prefix_the_replayed_procedure_equals_the_live_one(
    history: tuple[Watched, list[events.Event]],
) -> None:
    procedure, happened = history
    read_back = [through_json(event) for event in happened]
    for n, (looked, stages) in enumerate(procedure.seen, 1):
        replayed = Procedure.replay(read_back[:n])
        assert json.loads(json.dumps(replayed.to_dict())) == looked
        assert [tuple(stage) for stage in replayed.stages] == stages


@given(histories())
def test_the_json_form_reads_back_as_the_same_procedure(history: tuple[Watched, list[events.Event]]) -> None:
    looked = json.loads(json.dumps(history[0].to_dict()))
    assert json.loads(json.dumps(Procedure.from_dict(looked).to_dict())) == looked


@given(histories(), st.sampled_from(S))
def test_a_change_outside_the_table_is_a_conflict_and_changes_nothing(
    history: tuple[Watched, list[events.Event]], new: ProcedureState
) -> None:
    procedure, _ = history
    if new in TRANSITIONS[procedure.state]:
        return
    before = procedure.to_dict()
    with pytest.raises(Conflict, match=f"^procedure {procedure.id} cannot go from .* to {new}$"):
        procedure.change(new, 0.0)
    assert procedure.to_dict() == before


@given(histories())
def test_a_final_procedure_refuses_everything_that_changes_it(
    history: tuple[Watched, list[events.Event]],
) -> None:
    procedure, _ = history
    if not procedure.final:
        procedure.finish(S.FAILED, 0.0, Outcome(reason=Reason.LOST))
    before = procedure.to_dict()
    for act in (
        lambda: procedure.ready(1.0, 1),
        lambda: procedure.start(1.0, Arguments()),
        lambda: procedure.finish(S.STOPPED, 1.0, Outcome(reason=Reason.STOPPED)),
    ):
        with pytest.raises(Conflict):
            act()
    assert procedure.to_dict() == before


def test_only_final_states_have_an_outcome_and_only_live_ones_a_process() -> None:
    procedure = _running()
    assert (procedure.outcome, procedure.pid) == (None, 4711)
    procedure.finish(S.COMPLETE, 5.0, Outcome(reason=Reason.COMPLETED, exit_code=0))
    assert procedure.pid is None
    assert procedure.outcome == Outcome(reason=Reason.COMPLETED, exit_code=0)


def test_the_outcome_of_a_stop_lists_its_stages_with_their_times() -> None:
    procedure = _running()
    procedure.stopping(5.0, "intent")
    procedure.stopping(5.5, "terminate")
    *_, last = procedure.finish(S.STOPPED, 6.0, Outcome(reason=Reason.STOPPED))
    assert isinstance(last, events.Stopped)
    assert last.result["outcome"]["stages"] == [["intent", 5.0], ["terminate", 5.5]]


@pytest.mark.parametrize("state", sorted(FINAL))
def test_the_final_event_is_the_last_and_tells_the_whole_procedure(state: ProcedureState) -> None:
    procedure = _running()
    if state is S.COMPLETE:
        happened = procedure.finish(state, 5.0, Outcome(reason=Reason.COMPLETED))
    else:
        happened = procedure.finish(state, 5.0, Outcome(reason=Reason.LOST), "Traceback")
    assert happened[-1].payload() == {"result": procedure.to_dict()}
    assert f"procedure.lifecycle.{state.value.lower()}" == happened[-1].TOPIC
    assert happened[0].payload() == {"pid": 7, "old_state": "RUNNING", "new_state": state.value}


def test_a_stack_trace_is_told_before_the_final_event() -> None:
    happened = _running().finish(S.FAILED, 5.0, Outcome(reason=Reason.SCRIPT_ERROR), "Traceback")
    assert [event.TOPIC for event in happened] == [
        "procedure.lifecycle.statechange",
        "procedure.lifecycle.stacktrace",
        "procedure.lifecycle.failed",
    ]


@pytest.mark.parametrize("first", [None, events.Stopping(time=1.0, pid=7, stage="intent")])
def test_a_history_that_does_not_begin_with_the_creation_is_refused(first: events.Event | None) -> None:
    with pytest.raises(ValueError, match="begins with its creation"):
        Procedure.replay([first] if first else [])


@given(st.text(string.ascii_lowercase + ".", max_size=30))
def test_a_topic_that_is_no_event_is_an_error(topic: str) -> None:
    if topic not in events.EVENTS:
        with pytest.raises(KeyError):
            events.event(topic, {}, 0.0)


@pytest.mark.parametrize("payload", [{}, {"pid": 1, "stage": "kill", "more": 1}])
def test_a_message_with_other_fields_than_the_event_is_an_error(payload: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        events.event("procedure.lifecycle.stopping", payload, 0.0)
