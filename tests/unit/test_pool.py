"""One RUNNING at most, the newest few listed, ids never reused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.domain.errors import Busy, Conflict, NotFound
from ska_oso_oet.domain.outcome import Outcome, Reason
from ska_oso_oet.domain.pool import Pool
from ska_oso_oet.domain.procedure import Procedure
from ska_oso_oet.domain.scripts import Arguments, FileScript
from ska_oso_oet.domain.states import FINAL, PREPARING, ProcedureState

S = ProcedureState


def _procedure(pid: int, state: ProcedureState) -> Procedure:
    procedure, _ = Procedure.create(pid, FileScript(script_uri="file:///a.py"), Arguments(), 1.0, None)
    if state in (S.FAILED, S.STOPPED):
        procedure.finish(state, 2.0, Outcome(reason=Reason.LOST))
        return procedure
    for step in (S.IDLE, S.READY, S.RUNNING, S.COMPLETE):
        if procedure.state is state:
            break
        procedure.change(step, 2.0)
    return procedure


def _pool(*states: ProcedureState) -> Pool:
    pool = Pool(len(states))
    for state in states:
        pool.add(_procedure(pool.next_id(), state))
    return pool


def test_a_list_with_room_loses_nobody() -> None:
    pool = Pool(2)
    pool.add(_procedure(1, S.COMPLETE))
    assert pool.make_room() is None
    assert [p.id for p in pool.listed()] == [1]


@pytest.mark.parametrize("finished", sorted(FINAL))
def test_the_oldest_finished_one_goes_first_even_if_a_ready_one_is_older(finished: ProcedureState) -> None:
    pool = _pool(S.READY, S.RUNNING, finished, finished)
    victim = pool.make_room()
    assert victim is not None
    assert victim.id == 3
    assert [p.id for p in pool.listed()] == [1, 2, 4]
    assert pool.find(3) is None


def test_without_a_finished_one_the_oldest_ready_one_goes() -> None:
    victim = _pool(S.IDLE, S.RUNNING, S.READY, S.READY).make_room()
    assert victim is not None
    assert victim.id == 3


def test_a_ready_one_that_is_being_started_stays() -> None:
    pool = _pool(S.READY, S.READY)
    pool.subarray.reserve(1)
    victim = pool.make_room()
    assert victim is not None
    assert victim.id == 2


def test_a_list_of_running_and_preparing_ones_refuses_one_more() -> None:
    pool = _pool(S.RUNNING, S.IDLE, S.CREATING)
    with pytest.raises(Busy) as refused:
        pool.make_room()
    assert refused.value.detail == (
        "3 procedures are running or being prepared, which is the limit; wait until one is READY, or stop one"
    )
    assert len(pool.listed()) == 3


def test_what_is_urgent_is_let_in_all_the_same() -> None:
    pool = _pool(S.RUNNING)
    assert pool.make_room(urgent=True) is None
    assert [p.id for p in pool.listed()] == [1]


def test_even_what_is_urgent_makes_room_where_that_is_possible() -> None:
    victim = _pool(S.COMPLETE).make_room(urgent=True)
    assert victim is not None
    assert victim.id == 1


@given(st.lists(st.sampled_from(S), min_size=1, max_size=6))
def test_nobody_running_or_preparing_ever_leaves(states: list[ProcedureState]) -> None:
    pool = _pool(*states)
    before = {p.id: p for p in pool.listed()}
    try:
        victim = pool.make_room()
    except Busy:
        assert all(not p.final and p.state is not S.READY for p in before.values())
        return
    assert victim is not None
    assert victim.final or victim.state is S.READY
    assert victim.final or not any(p.final for p in before.values())
    assert victim.id == min(
        p.id for p in before.values() if p.final is victim.final and p.state in _leaving()
    )


def _leaving() -> frozenset[ProcedureState]:
    return FINAL | {S.READY}


@pytest.mark.parametrize("state", sorted(set(S) - {S.READY, S.PREP_ENV, S.LOADING, S.INITIALISING}))
def test_only_a_ready_procedure_can_be_started(state: ProcedureState) -> None:
    pool = _pool(state)
    with pytest.raises(Conflict) as refused:
        pool.subarray.reserve(1)
    assert refused.value.detail == (
        f"Cannot start procedure 1: it is {state}, and only a READY procedure can be started; "
        + (
            "try again when it is READY, or stop it: oet procedure stop --pid=1"
            if state in PREPARING
            else "to run its script again, create another"
        )
    )
    assert pool.subarray.holder == (1 if state is S.RUNNING else None)


def test_a_second_start_is_refused_and_says_which_procedure_runs() -> None:
    pool = _pool(S.READY, S.READY)
    assert pool.subarray.reserve(1).id == 1
    with pytest.raises(Conflict) as refused:
        pool.subarray.reserve(2)
    assert refused.value.detail == "Cannot start procedure 2: procedure 1 is being started"
    assert pool.subarray.holder == 1


def test_beside_a_running_procedure_none_is_started_whether_or_not_it_has_the_reservation() -> None:
    pool = _pool(S.READY, S.READY)
    pool.get(1).change(S.RUNNING, 3.0)
    assert pool.subarray.holder == 1
    with pytest.raises(Conflict, match="^Cannot start procedure 2: procedure 1 is RUNNING$"):
        pool.subarray.reserve(2)
    pool.get(1).change(S.COMPLETE, 4.0)
    assert pool.subarray.reserve(2).id == 2


def test_a_procedure_that_is_being_started_is_not_started_once_more() -> None:
    pool = _pool(S.READY)
    pool.subarray.reserve(1)
    with pytest.raises(Conflict) as refused:
        pool.subarray.reserve(1)
    assert refused.value.detail == (
        "Cannot start procedure 1: procedure 1 is being started; to see it: oet procedure describe --pid=1"
    )
    pool.subarray.release(1)
    assert pool.subarray.reserve(1).id == 1


def test_the_reservation_can_be_given_back_only_by_who_has_it() -> None:
    pool = _pool(S.READY, S.READY)
    pool.subarray.hold(1)
    pool.subarray.release(2)
    assert pool.subarray.holder == 1
    pool.subarray.release(1)
    assert pool.subarray.reserve(2).id == 2


def test_nobody_unknown_can_be_found_or_started() -> None:
    pool = _pool(S.READY)
    for look in (pool.get, pool.subarray.reserve):
        with pytest.raises(NotFound, match="^No information available for PID=7$"):
            look(7)
    assert pool.find(7) is None


@given(st.lists(st.integers(0, 50), max_size=20))
def test_an_id_is_never_given_twice(earlier: list[int]) -> None:
    pool, given_before = Pool(), [0]
    for last in earlier:
        pool.count_from(last)
        given_before.append(last)
        new = pool.next_id()
        assert new > max(given_before)
        given_before.append(new)


def test_ids_go_on_after_those_of_procedures_found_at_a_restart() -> None:
    pool = Pool()
    pool.add(_procedure(41, S.READY))
    assert pool.next_id() == 42
