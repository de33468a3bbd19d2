"""The states partition, and the table of changes covers them."""

from __future__ import annotations

from ska_oso_oet.domain.states import FINAL, LIVE, PREPARING, TRANSITIONS, ProcedureState

S = ProcedureState


def test_every_state_is_preparing_or_ready_or_running_or_final_and_only_one_of_them() -> None:
    parts = [PREPARING, {S.READY}, {S.RUNNING}, FINAL]
    assert sum(len(part) for part in parts) == len(S)
    assert frozenset().union(*parts) == frozenset(S)
    assert PREPARING | {S.READY, S.RUNNING} == LIVE


def test_the_names_on_the_wire_are_those_of_the_contract() -> None:
    assert [state.value for state in S] == [
        "CREATING",
        "IDLE",
        "PREP_ENV",
        "LOADING",
        "INITIALISING",
        "READY",
        "RUNNING",
        "COMPLETE",
        "FAILED",
        "STOPPED",
    ]
    assert all(str(state) == state.value for state in S)


def test_the_table_has_a_row_for_every_state() -> None:
    assert set(TRANSITIONS) == set(S)


def test_every_live_state_can_fail_and_can_be_stopped() -> None:
    assert all({S.FAILED, S.STOPPED} <= TRANSITIONS[state] for state in LIVE)


def test_nothing_follows_a_final_state() -> None:
    assert all(TRANSITIONS[state] == frozenset() for state in FINAL)


def test_only_a_running_procedure_completes_and_only_a_ready_one_runs() -> None:
    assert {state for state in S if S.COMPLETE in TRANSITIONS[state]} == {S.RUNNING}
    assert {state for state in S if S.RUNNING in TRANSITIONS[state]} == {S.READY}


def test_every_state_can_be_reached_from_creating() -> None:
    reached = {S.CREATING}
    while more := {new for state in reached for new in TRANSITIONS[state]} - reached:
        reached |= more
    assert reached == set(S)
