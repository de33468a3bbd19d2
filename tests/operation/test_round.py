"""What one round, from create to its end, costs the bus; more of it would be noticed here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Events, Server, serving
from ..support.scraping import number, until_number

ROUNDS = 8


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "state") as found:
        yield found


def _so_far(server: Server) -> tuple[float, float, float]:
    """Messages written, transactions and frames; once the bus has no more to write."""
    until_number(server, 0, "oet_bus_unacknowledged_messages", worker="FlaskWorker")
    until_number(server, 0, "oet_bus_unacknowledged_messages", worker="SESWorker")
    frames = [number(server, "oet_bus_frames_total", direction=each) or 0 for each in ("in", "out")]
    written, transactions = (
        number(server, name) or 0 for name in ("oet_journal_written_total", "oet_journal_write_seconds_count")
    )
    return written, transactions, sum(frames)


def _round(server: Server, events: Events) -> None:
    pid = server.create("trivial.py")
    events.wait(lambda e: e["topic"] == "procedure.lifecycle.ready" and e["result"]["id"] == pid)
    server.start_main(pid)
    events.wait(lambda e: e["topic"] == "procedure.lifecycle.complete" and e["result"]["id"] == pid)
    # Both answers are recorded, the second behind the state.
    events.wait(lambda _: events.topics().count("audit.result") == events.topics().count("audit.command"))


def test_a_round_has_no_more_messages_transactions_and_frames_than_it_needs(server: Server) -> None:
    events = Events(server)
    spent = []
    for _ in range(ROUNDS):
        before = _so_far(server)
        _round(server, events)
        spent.append([after - was for was, after in zip(before, _so_far(server), strict=True)])
    events.close()
    assert {messages for messages, _, _ in spent} == {16}
    # On a busy machine, fewer messages share a transaction and a frame.
    assert min(transactions for _, transactions, _ in spent) <= 9
    assert min(frames for _, _, frames in spent) <= 33
