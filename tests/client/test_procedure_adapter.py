from __future__ import annotations

import pytest

from ska_oso_oet_client.errors import InvalidRequestError
from ska_oso_oet_client.procedureclient import ProcedureAdapter, ProcedureSummary

from ..support.fake_oet import Answer, FakeOET, procedure_json


@pytest.fixture
def adapter(oet: FakeOET) -> ProcedureAdapter:
    return ProcedureAdapter(f"{oet.url}/procedures")


def test_create_takes_arguments_as_a_dictionary(oet: FakeOET, adapter: ProcedureAdapter) -> None:
    summary = adapter.create("file://x.py", init_args={"args": ("a",), "kwargs": {"b": 1}})
    assert isinstance(summary, ProcedureSummary)
    assert summary.script["script_uri"] == "file://x.py"
    assert summary.state == "CREATING"
    assert oet.asked("POST")[0].body["script_args"] == {
        "init": {"args": ["a"], "kwargs": {"subarray_id": 1, "b": 1}}
    }


def test_the_subarray_of_the_caller_wins(oet: FakeOET, adapter: ProcedureAdapter) -> None:
    adapter.create(script_uri="file://x.py", init_args={"kwargs": {"subarray_id": 3}})
    assert oet.asked("POST")[0].body["script_args"]["init"]["kwargs"] == {"subarray_id": 3}


def test_list_is_a_list_even_of_one(oet: FakeOET, adapter: ProcedureAdapter) -> None:
    oet.add(1)
    oet.add(2)
    assert [summary.id for summary in adapter.list()] == [1, 2]
    (only,) = adapter.list("2")
    assert only.history["stacktrace"] is None


def test_list_asks_for_the_wanted_ones_page_by_page(oet: FakeOET, adapter: ProcedureAdapter) -> None:
    pages = [[procedure_json(i) for i in ids] for ids in ((5, 6, 7), (2, 4), ())]
    oet.plan("GET", "/procedures", *[Answer(body=page) for page in pages])
    wanted = {"state": ["FAILED", "STOPPED"], "script": "obs*.py", "since": 1795324531.5}
    found = adapter.list(all=True, limit=600, **wanted)
    assert [summary.id for summary in found] == [2, 4, 5, 6, 7]
    first, second, third = oet.asked("GET", "/procedures")
    known = {"all": "true", "state": "FAILED,STOPPED", "script": "obs*.py", "since": "1795324531.5"}
    assert first.query == {**known, "limit": "500"}
    assert second.query == {**known, "limit": "500", "before": "5"}
    assert third.query == {**known, "limit": "500", "before": "2"}


def test_of_the_newest_some_are_asked_for_once(oet: FakeOET, adapter: ProcedureAdapter) -> None:
    oet.add(1, "RUNNING")
    assert [summary.id for summary in adapter.list(limit=3, state="RUNNING")] == [1]
    (request,) = oet.asked("GET", "/procedures")
    assert request.query == {"limit": "3", "state": "RUNNING"}


def test_start_and_stop(oet: FakeOET, adapter: ProcedureAdapter) -> None:
    oet.add(1)
    assert adapter.start(pid="1", run_args={"args": ("x",), "kwargs": {}}).state == "RUNNING"
    assert adapter.stop(1, run_abort=False) == "Successfully stopped script with ID 1"
    start, stop = oet.asked("PUT")
    assert start.body["script_args"] == {"main": {"args": ["x"], "kwargs": {}}}
    assert stop.body["abort"] is False


def test_run_returns_the_procedure_at_its_end(oet: FakeOET, adapter: ProcedureAdapter) -> None:
    states = [{**oet.add(1), "state": state} for state in ("READY", "COMPLETE")]
    oet.procedures.clear()
    oet.plan("GET", "/procedures/1", *[Answer(body=state) for state in states])
    assert adapter.run("file://x.py", run_args={"args": [1]}).state == "COMPLETE"
    assert len(oet.asked("PUT")) == 1


def test_run_does_not_start_what_could_not_be_prepared(oet: FakeOET, adapter: ProcedureAdapter) -> None:
    failed = {**oet.add(1), "state": "FAILED"}
    oet.procedures.clear()
    oet.plan("GET", "/procedures/1", Answer(body=failed))
    assert adapter.run("file://x.py").state == "FAILED"
    assert not oet.asked("PUT")


@pytest.mark.parametrize("url", ["http://h/ns/oet/1/api/v1", "http://h/proceduresx"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequestError):
        ProcedureAdapter(url)
