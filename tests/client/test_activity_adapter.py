from __future__ import annotations

import pytest

from ska_oso_oet_client import ActivityAdapter, ActivitySummary, DeadlineError, InvalidRequestError, OETClient

from ..support.fake_oet import Answer, FakeOET, activity_json


@pytest.fixture
def adapter(oet: FakeOET) -> ActivityAdapter:
    return ActivityAdapter(f"{oet.url}/activities")


def test_run_returns_as_soon_as_the_activity_is_requested(oet: FakeOET, adapter: ActivityAdapter) -> None:
    args = {"init": {"kwargs": {"foo": "bar"}}}
    summary = adapter.run("observe", "sbd-123", script_args=args, prepare_only=True)
    assert isinstance(summary, ActivitySummary)
    assert (summary.id, summary.state, summary.prepare_only) == (1, "REQUESTED", True)
    (request,) = oet.asked("POST", "/activities")
    assert request.body["script_args"] == args
    assert request.body["create_env"] is False
    assert adapter.run("observe", "sbd-123", sbd_version=3).sbd_version == 1
    assert oet.asked("POST", "/activities")[-1].body["sbd_version"] == 3


def test_list_is_a_list_even_of_one(oet: FakeOET, adapter: ActivityAdapter) -> None:
    oet.add_activity(1)
    oet.add_activity(2)
    assert [summary.id for summary in adapter.list()] == [1, 2]
    (only,) = adapter.list("2")
    assert only.activity_states == oet.activities[2]["activity_states"]
    assert only.script_args == oet.activities[2]["script_args"]


def test_list_asks_for_the_wanted_ones_page_by_page(oet: FakeOET, adapter: ActivityAdapter) -> None:
    pages = [[activity_json(i) for i in ids] for ids in ((5, 6, 7), (2, 4), ())]
    oet.plan("GET", "/activities", *[Answer(body=page) for page in pages])
    wanted = {"state": ["FAILED", "STOPPED"], "script": "obs*.py", "since": 1795324531.5}
    found = adapter.list(all=True, limit=600, **wanted)
    assert [summary.id for summary in found] == [2, 4, 5, 6, 7]
    first, second, third = oet.asked("GET", "/activities")
    known = {"all": "true", "state": "FAILED,STOPPED", "script": "obs*.py", "since": "1795324531.5"}
    assert first.query == {**known, "limit": "500"}
    assert second.query == {**known, "limit": "500", "before": "5"}
    assert third.query == {**known, "limit": "500", "before": "2"}


def test_of_the_newest_some_are_asked_for_once(oet: FakeOET, adapter: ActivityAdapter) -> None:
    oet.add_activity(1, "RUNNING")
    assert [summary.id for summary in adapter.list(limit=3, state="RUNNING")] == [1]
    (request,) = oet.asked("GET", "/activities")
    assert request.query == {"limit": "3", "state": "RUNNING"}


def test_stop_tells_what_the_server_says(oet: FakeOET, adapter: ActivityAdapter) -> None:
    oet.add_activity(1, "RUNNING")
    assert adapter.stop("1", run_abort=False) == "Successfully stopped script with ID 1"
    assert oet.asked("PUT", "/activities/1")[0].body == {"state": "STOPPED", "abort": False}


@pytest.mark.parametrize("url", ["http://h/ns/oet/1/api/v1", "http://h/v1/procedures"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequestError, match="does not end in /activities"):
        ActivityAdapter(url)


def test_script_arguments_of_another_form_are_not_sent(oet: FakeOET, adapter: ActivityAdapter) -> None:
    with pytest.raises(InvalidRequestError, match="must map init or main"):
        adapter.run("observe", "sbd-123", {"foo": {"kwargs": {}}})
    assert not oet.requests


def test_waiting_for_an_activity_outlasts_a_restart(oet: FakeOET) -> None:
    busy = Answer.problem(503, "a worker is not there")
    running = Answer(body=activity_json(1, "RUNNING"))
    oet.plan("GET", "/activities/1", running, busy, Answer(502, b""), running)
    oet.add_activity(1, "COMPLETE")
    with OETClient(oet.url, sleep=lambda seconds: None) as client:
        assert client.wait_for_activity(1, notify=lambda text: None).state == "COMPLETE"


def test_waiting_for_an_activity_ends_in_a_state_or_at_a_limit(oet: FakeOET) -> None:
    oet.add_activity(1, "PREPARED")
    with OETClient(oet.url) as client:
        assert client.wait_for_activity(1, until={"PREPARED"}).id == 1
        with pytest.raises(DeadlineError, match="^Activity 1 is still PREPARED after 0 s"):
            client.wait_for_activity(1, 0)


def test_the_last_and_the_current_activity(oet: FakeOET) -> None:
    with OETClient(oet.url) as client:
        assert client.last_activity() is None
        assert client.current_activity() is None
        for aid, state in enumerate(("RUNNING", "PREPARED", "FAILED"), 1):
            oet.add_activity(aid, state)
        last, current = client.last_activity(), client.current_activity()
    assert last is not None and last.id == 3
    assert current is not None and current.id == 1
