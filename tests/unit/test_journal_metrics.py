"""What the messages in the journal tell is counted, once each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.broker.broker import Broker
from ska_oso_oet.broker.journal_metrics import MeteredJournal, count
from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.telemetry.metrics import instruments
from ska_oso_oet.telemetry.metrics.store import COUNTS, Store

from ..support.buses import Bus, in_loop, said


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    made = Store()
    monkeypatch.setattr("ska_oso_oet.telemetry.metrics.instruments.STORE", made)
    yield made


def message(topic: str, **payload: Any) -> Envelope:
    return Envelope(topic=topic, msg_src="SESWorker", time=0.0, payload=payload)


def procedure(*states: tuple[str, float], reason: str = "completed") -> dict[str, Any]:
    history = {"process_states": list(states), "stacktrace": None}
    return {"id": 1, "state": states[-1][0], "history": history, "outcome": {"reason": reason}}


PREPARED = (("CREATING", 0), ("IDLE", 1), ("PREP_ENV", 2), ("IDLE", 12), ("LOADING", 13), ("READY", 13.5))


def counted(store: Store, name: str) -> dict[tuple[str, ...], list[float]]:
    return {key[2:]: row.values for key, row in store._rows.items() if key[:2] == (COUNTS, name)}


def phases(store: Store) -> dict[str, tuple[float, float]]:
    """How often, and how long in all."""
    found = counted(store, "oet_procedure_phase_seconds")
    return {labels[0]: (sum(values[:-1]), values[-1]) for labels, values in found.items()}


def test_each_phase_is_counted_once_those_of_the_preparation_when_it_is_over(store: Store) -> None:
    count([message("procedure.lifecycle.ready", result=procedure(*PREPARED))])
    assert phases(store) == {"PREP_ENV": (1, 10), "LOADING": (1, 0.5)}
    ended = procedure(*PREPARED, ("RUNNING", 20), ("COMPLETE", 120))
    count([message("procedure.lifecycle.complete", result=ended)])
    assert phases(store) == {
        "PREP_ENV": (1, 10),
        "LOADING": (1, 0.5),
        "READY": (1, 6.5),
        "RUNNING": (1, 100),
    }


def test_the_phases_of_a_procedure_that_never_was_ready_are_counted_at_its_end(store: Store) -> None:
    ended = procedure(*PREPARED[:3], ("FAILED", 5), reason="environment_error")
    count([message("procedure.lifecycle.failed", result=ended)])
    assert phases(store) == {"PREP_ENV": (1, 3)}
    assert counted(store, "oet_procedures_finished_total") == {("FAILED", "environment_error"): [1]}


def test_a_clock_that_was_set_back_makes_no_time_negative(store: Store) -> None:
    ended = procedure(("LOADING", 10), ("STOPPED", 5), reason="stopped")
    count([message("procedure.lifecycle.stopped", result=ended)])
    assert phases(store) == {"LOADING": (1, 0)}


def test_restarts_and_failed_aborts_are_counted(store: Store) -> None:
    count(
        [
            message("worker.restarted", worker="SESWorker"),
            message("worker.restarted", worker="somebody's"),
            message("worker.lost", worker="SESWorker"),
            message("procedure.abort.failed", pid=1, abort_procedure=2, detail="no"),
        ]
    )
    assert counted(store, "oet_worker_restarts_total") == {("SESWorker",): [1]}
    assert counted(store, "oet_aborts_failed_total") == {(): [1]}


@pytest.mark.parametrize("payload", [{}, {"result": None}, {"result": {"state": "COMPLETE"}}])
def test_what_cannot_be_counted_stands_in_nobodys_way(store: Store, payload: dict[str, Any]) -> None:
    count([message("procedure.lifecycle.complete", **payload), message("worker.restarted", worker="Bus")])
    assert counted(store, "oet_worker_restarts_total") == {("Bus",): [1]}


@in_loop
async def test_a_message_that_is_repeated_is_counted_once(tmp_path: Path) -> None:
    store = instruments.STORE
    journal = MeteredJournal(f"sqlite:///{tmp_path / 'journal.db'}")
    serving = asyncio.create_task(Broker(journal, str(tmp_path / "bus.sock")).serve())
    bus = Bus(str(tmp_path / "bus.sock"))
    client = await bus.client("me")
    once = said(client, 1)
    for _ in range(3):
        await asyncio.gather(*client.send([once]))
    restarted = client.envelope("worker.restarted", {"worker": "Bus"})
    for _ in range(3):
        await asyncio.gather(*client.send([restarted]))
    assert counted(store, "oet_journal_written_total") == {(): [2]}
    assert counted(store, "oet_worker_restarts_total") == {("Bus",): [1]}
    assert sum(counted(store, "oet_journal_write_seconds")[()][:-1]) == 2
    await bus.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await asyncio.sleep(0)
    journal.close()
