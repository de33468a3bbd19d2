"""The journal on real SQLite files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.central.database import bring_up_to_date, engine_for
from ska_oso_oet.central.store import History
from ska_oso_oet.domain.outcome import Outcome, Reason
from ska_oso_oet.domain.procedure import Procedure
from ska_oso_oet.domain.scripts import Arguments, FileScript
from ska_oso_oet.domain.states import ProcedureState
from ska_oso_oet.journal import Journal, Query
from ska_oso_oet.journal.journal import row_of

from ..support.postgresql import shared

S = ProcedureState


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'journal.db'}"


class _InTheCentre(History):
    """The history of a subarray, beside that of another in which the same happens."""

    def __init__(self, engine: sa.Engine, subarray: int) -> None:
        super().__init__(engine, subarray)
        self._other = History(engine, -subarray)

    def append(self, envelopes: list[Envelope]) -> None:  # type: ignore[override]
        rows = [row_of(envelope) for envelope in envelopes]
        with self.engine.begin() as connection:
            for history in (self._other, super()):
                history.append(connection, rows)


@pytest.fixture(scope="module")
def central() -> Iterator[sa.Engine]:
    engine = engine_for(shared().database(), 1)
    with engine.connect() as connection:
        bring_up_to_date(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def here(url: str) -> Iterator[Journal]:
    found = Journal(url)
    yield found
    found.close()


_SUBARRAYS = itertools.count(1)


@pytest.fixture(params=["here", "central"])
def journal(request: pytest.FixtureRequest) -> Journal | _InTheCentre:
    """What is kept here must be found in the central history as well."""
    found = request.getfixturevalue(request.param)
    return found if request.param == "here" else _InTheCentre(found, next(_SUBARRAYS))


def _message(seq: int, topic: str = "user.script.announce", **more: Any) -> Envelope:
    known: dict[str, Any] = {"msg_src": "1", "time": float(seq), "payload": {"n": seq}, "id": f"m{seq}"}
    return Envelope(topic=topic, seq=seq, **(known | more))


def test_what_was_written_is_read_back_in_order_and_whole(journal: Journal) -> None:
    written = [_message(n, request_id="r", user="jo", expires=5.0) for n in (1, 2, 3)]
    journal.append(written)
    assert journal.read(Query()) == written
    assert (journal.first(), journal.head()) == (1, 3)


def test_an_empty_journal_has_no_numbers(journal: Journal) -> None:
    assert (journal.first(), journal.head(), journal.read(Query())) == (0, 0, [])


def test_a_page_ends_with_its_size_and_has_one_message_at_least(journal: Journal) -> None:
    journal.append([_message(seq, payload={"text": "x" * 1000}) for seq in range(1, 9)])
    for size, seqs in ((1, [3]), (2 * 1300, [3, 4]), (10**6, [3, 4, 5, 6])):
        assert [e.seq for e in journal.read(Query(after=2, limit=4, size=size))] == seqs


def test_what_was_written_is_there_for_the_next_process(url: str) -> None:
    first = Journal(url)
    first.append([_message(1)])
    first.close()
    second = Journal(url)
    try:
        assert second.read(Query()) == [_message(1)]
        assert second.head() == 1
    finally:
        second.close()


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        (Query(), [1, 2, 3, 4, 5]),
        (Query(after=3), [4, 5]),
        (Query(limit=2), [1, 2]),
        (Query(after=1, limit=2), [2, 3]),
        (Query(topics=("user",)), [1, 2]),
        (Query(topics=("user.a",)), [1]),
        (Query(topics=("use", "user.a_")), []),
        (Query(topics=("worker", "user.ab")), [2, 3]),
        (Query(topics=()), []),
        (Query(about=(7,)), [2, 4, 5]),
        (Query(about=(1, 7)), [1, 2, 4, 5]),
        (Query(request_id="r"), [4]),
        (Query(since=4.0), [4, 5]),
        (Query(since=2.0, topics=("procedure",), about=(7,), after=4), [5]),
    ],
)
def test_a_query_reads_what_it_asks_for(journal: Journal, query: Query, seqs: list[int]) -> None:
    written = [
        _message(1, "user.a"),
        _message(2, "user.ab", msg_src="7"),
        _message(3, "worker.started", msg_src="Arbiter"),
        _message(4, "request.procedure.stop", msg_src="F", payload={"cmd": {"pid": 7}}, request_id="r"),
        _message(5, "procedure.lifecycle.stopping", msg_src="S", payload={"pid": 7, "stage": "kill"}),
    ]
    journal.append(written)
    assert [e.seq for e in journal.read(query)] == seqs
    assert [e.seq for e in written if query.matches(e)][: query.limit] == seqs


def test_known_tells_which_messages_are_in_the_journal_and_where(here: Journal) -> None:
    here.append([_message(1), _message(2)])
    assert here.numbers_of(["m2", "m3"]) == {"m2": 2}
    assert here.numbers_of([]) == {}


@pytest.mark.parametrize("clash", [_message(1, id="other"), _message(3, id="m1")])
def test_a_batch_is_written_whole_or_not_at_all(journal: Journal, clash: Envelope) -> None:
    journal.append([_message(1)])
    with pytest.raises(sa.exc.IntegrityError):
        journal.append([_message(2), clash])
    assert [e.seq for e in journal.read(Query())] == [1]
    journal.append([_message(2)])
    assert journal.head() == 2


# -- the projection --------------------------------------------------------------------------------


class _History:
    """Writes the events of procedures as they happen."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._numbers = itertools.count(1)

    def write(self, *events: Any) -> None:
        self._journal.append(
            [_message(next(self._numbers), e.TOPIC, msg_src="S", payload=e.payload()) for e in events]
        )

    def create(self, pid: int, script: str = "file:///a.py", at: float = 1.0) -> Procedure:
        procedure, created = Procedure.create(pid, FileScript(script_uri=script), Arguments(), at, None)
        self.write(created)
        return procedure


def test_the_latest_document_of_a_procedure_is_kept(journal: Journal) -> None:
    history = _History(journal)
    procedure = history.create(1)
    assert journal.procedures() == [procedure.to_dict()]
    procedure.change(S.IDLE, 2.0)
    history.write(*procedure.ready(3.0, 4711))
    assert journal.procedures() == [procedure.to_dict()]
    history.write(*procedure.start(4.0, Arguments()))
    history.write(*procedure.finish(S.FAILED, 5.0, Outcome(reason=Reason.LOST), "Traceback"))
    assert journal.procedures() == [procedure.to_dict()]


def test_a_state_is_found_from_the_change_on_before_the_document_follows(journal: Journal) -> None:
    history = _History(journal)
    procedure = history.create(1)
    history.write(procedure.change(S.IDLE, 2.0))
    assert journal.procedures(states=["CREATING"]) == []
    assert [found["id"] for found in journal.procedures(states=["IDLE"])] == [1]


@pytest.mark.parametrize(
    ("query", "pids"),
    [
        ({}, [4, 3, 2, 1]),
        ({"limit": 2}, [4, 3]),
        ({"before": 3}, [2, 1]),
        ({"before": 3, "limit": 1}, [2]),
        ({"pids": [1, 4, 9]}, [4, 1]),
        ({"pids": []}, []),
        ({"states": ["STOPPED"]}, [3]),
        ({"states": ["STOPPED", "CREATING"]}, [4, 3, 2, 1]),
        ({"states": []}, []),
        ({"script": "a.py"}, [2, 1]),
        ({"script": "%"}, [4]),
        ({"script": "_"}, []),
        ({"script": "a.py", "before": 2}, [1]),
        ({"script": "A.PY"}, [2, 1]),
        ({"script": "/x/*.py"}, [2]),
        ({"script": "///?.py"}, [3, 1]),
        ({"script": "[ab].py"}, []),
        ({"script": "\\"}, []),
        ({"since": 3.0}, [4, 3]),
        ({"since": 3.5, "script": "*"}, [4]),
        ({"since": 5.0}, []),
    ],
)
def test_lists_are_the_newest_first_and_filtered(
    journal: Journal, query: dict[str, Any], pids: list[int]
) -> None:
    history = _History(journal)
    scripts = ["file:///a.py", "file:///x/a.py", "file:///b.py", "file:///100%.py"]
    procedures = [history.create(n, script, float(n)) for n, script in enumerate(scripts, 1)]
    history.write(*procedures[2].finish(S.STOPPED, 9.0, Outcome(reason=Reason.STOPPED)))
    assert [found["id"] for found in journal.procedures(**query)] == pids


def _activity(journal: Journal, seq: int, aid: int, state: str) -> dict[str, Any]:
    document = {"id": aid, "state": state, "sbd_id": f"sbd-{aid}", "script_uri": f"file:///{aid}.py"}
    document["activity_states"] = [["REQUESTED", float(aid)]]
    journal.append([_message(seq, "activity.lifecycle.running", msg_src="A", payload={"result": document})])
    return document


def test_the_latest_document_of_every_activity_is_kept_and_found_by_id_and_state(journal: Journal) -> None:
    _activity(journal, 1, 1, "REQUESTED")
    second = _activity(journal, 2, 2, "REQUESTED")
    first = _activity(journal, 3, 1, "COMPLETE")
    assert journal.documents(kind="activity") == [second, first]
    assert journal.documents(kind="activity", limit=1) == [second]
    assert journal.documents(kind="activity", ids=[1]) == [first]
    assert journal.documents(kind="activity", states=["COMPLETE", "FAILED"]) == [first]
    assert journal.documents(kind="activity", since=2.0) == [second]
    assert journal.documents(kind="activity", script="1.*") == [first]
    assert journal.documents(kind="activity", since=1.0, script="/2.py", states=["COMPLETE"]) == []
    assert journal.documents(kind="operator") == []


def test_the_last_word_of_the_operator_is_kept(journal: Journal) -> None:
    for seq, wait in enumerate((True, False), 1):
        payload = {"wait_for_qa_ready": wait, "override": None, "n": seq}
        journal.append([_message(seq, "operator.override.state", msg_src="S", payload=payload)])
    assert journal.documents(kind="operator") == [{"wait_for_qa_ready": False, "override": None, "n": 2}]
