"""An activity follows its procedure, whatever it hears of it and how often."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.domain.activity import FINAL, LIVE, TRANSITIONS, Activity, ActivityState
from ska_oso_oet.domain.outcome import Outcome, Reason
from ska_oso_oet.domain.scripts import Arguments

A = ActivityState


def _activity() -> Activity:
    return Activity(
        id=1,
        activity_name="observe",
        sbd_id="sbd-1",
        sbd_version=2,
        sbi_id="sbi-1",
        procedure_id=7,
        init=Arguments(args=(1,), kwargs={"foo": "bar"}),
        main=Arguments(),
        activity_states=[(A.REQUESTED, 1.0)],
    )


def _procedure(*states: str, reason: Reason | None = None) -> dict[str, Any]:
    outcome = Outcome(reason=reason, detail="why").to_dict() if reason else None
    history = [[state, float(at)] for at, state in enumerate(states, 1)]
    return {"id": 7, "history": {"process_states": history}, "outcome": outcome}


PREPARED = ("CREATING", "IDLE", "LOADING", "IDLE", "READY")


def test_states_are_final_or_live_and_no_change_leads_out_of_a_final_one() -> None:
    assert frozenset(A) == FINAL | LIVE
    assert not FINAL & LIVE
    assert all(not TRANSITIONS[state] for state in FINAL)
    assert all(TRANSITIONS[state] >= {A.FAILED, A.STOPPED} for state in LIVE)


def test_it_takes_its_times_from_its_procedure() -> None:
    activity = _activity()
    done = _procedure(*PREPARED, "RUNNING", "COMPLETE", reason=Reason.COMPLETED)
    changes = activity.follow(done)
    assert [(c.old_state, c.new_state, c.time) for c in changes] == [
        (A.REQUESTED, A.PREPARED, 5.0),
        (A.PREPARED, A.RUNNING, 6.0),
        (A.RUNNING, A.COMPLETE, 7.0),
    ]
    assert activity.outcome is not None
    assert activity.outcome.reason is Reason.COMPLETED


@pytest.mark.parametrize(
    ("end", "reason", "state"),
    [
        ("FAILED", Reason.LOAD_ERROR, A.FAILED),
        ("STOPPED", Reason.STOPPED, A.STOPPED),
    ],
)
def test_a_procedure_that_never_ran_ends_it_all_the_same(end: str, reason: Reason, state: A) -> None:
    activity = _activity()
    activity.follow(_procedure("CREATING", "IDLE", "LOADING", end, reason=reason))
    assert activity.state is state
    assert not activity.ran
    assert activity.due_sbi_status == "Failed"


@given(heard=st.lists(st.integers(1, 7), max_size=12))
def test_what_is_heard_twice_late_or_not_at_all_makes_no_difference(heard: list[int]) -> None:
    whole = (*PREPARED, "RUNNING", "COMPLETE")
    activity = _activity()
    for length in (*heard, 7):
        reason = Reason.COMPLETED if length == 7 else None
        activity.follow(_procedure(*whole[:length], reason=reason))
    assert [state for state, _ in activity.activity_states] == [
        A.REQUESTED,
        A.PREPARED,
        A.RUNNING,
        A.COMPLETE,
    ]


def test_once_it_has_failed_for_itself_its_procedure_changes_nothing() -> None:
    activity = _activity()
    activity.follow(_procedure(*PREPARED))
    activity.fail(6.0, "Cannot start procedure 7: procedure 3 is RUNNING")
    assert activity.follow(_procedure(*PREPARED, "STOPPED", reason=Reason.STOPPED)) == []
    assert activity.state is A.FAILED
    assert activity.outcome is not None
    assert activity.outcome.detail == "Cannot start procedure 7: procedure 3 is RUNNING"


def test_a_change_that_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="activity 1 cannot go from REQUESTED to COMPLETE"):
        _activity().change(A.COMPLETE, 2.0)


def test_the_archive_is_due_a_status_once_it_runs() -> None:
    activity = _activity()
    assert activity.due_sbi_status is None
    activity.follow(_procedure(*PREPARED))
    assert activity.due_sbi_status is None
    activity.follow(_procedure(*PREPARED, "RUNNING"))
    assert activity.due_sbi_status == "Executing"
    activity.follow(_procedure(*PREPARED, "RUNNING", "COMPLETE", reason=Reason.COMPLETED))
    assert activity.due_sbi_status == "Observed"


def test_its_json_form_brings_it_back_whole() -> None:
    activity = _activity()
    activity.follow(_procedure(*PREPARED, "RUNNING", "FAILED", reason=Reason.SCRIPT_ERROR))
    activity.sbi_status = "Failed"
    assert Activity.from_dict(activity.to_dict()) == activity
