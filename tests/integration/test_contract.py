"""Conversations with a server, and with the fake of the client's tests, are as the document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ..conftest import Server
from ..support.activities import Blocks, inline
from ..support.contract import Contract, document, exchange
from ..support.fake_oet import FakeOET

SCRIPT = {"script_type": "filesystem", "script_uri": "file://trivial.py"}
ARGUMENTS = {"init": {"args": [], "kwargs": {}}, "main": {"args": [], "kwargs": {}}}
STOP = {"state": "STOPPED", "abort": False}

#: What both are asked, in this order.
BOTH: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/auth", None),
    ("POST", "/procedures", {"script": SCRIPT, "script_args": ARGUMENTS}),
    ("GET", "/procedures", None),
    ("GET", "/procedures/1", None),
    ("GET", "/procedures/1/output?tail=2", None),
    ("PUT", "/procedures/1", STOP),
    ("GET", "/procedures/7000", None),
    ("POST", "/activities", {"activity_name": "observe", "sbd_id": "sbd-1", "prepare_only": True}),
    ("GET", "/activities", None),
    ("GET", "/activities/1", None),
    ("PUT", "/activities/1", STOP),
    ("GET", "/activities/7000", None),
    ("GET", "/operator/wait_for_qa_ready", None),
    ("PUT", "/operator/wait_for_qa_ready", {"action": "disable"}),
    ("POST", "/drain", {"reason": "a test"}),
    ("POST", "/resume", {}),
    ("GET", "/audit?limit=5", None),
)
#: What only a server is asked.
MORE: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/procedures?all=true&state=STOPPED", None),
    ("GET", "/procedures?all_subarrays=true", None),
    ("GET", "/environments", None),
    ("DELETE", "/environments/none", None),
    ("GET", "/livez", None),
    ("GET", "/readyz", None),
    ("GET", "/status", None),
    ("POST", "/procedures", {}),
    ("POST", "/procedures", {"script": SCRIPT | {"script_uri": "file:///not/there.py"}}),
    ("PUT", "/procedures/1", STOP),
    ("GET", "/stream?last_event_id=x", None),
    ("POST", "/drain", {"unknown": 1}),
)


class Recording(requests.Session):
    """A session that has every answer judged."""

    def __init__(self, base: str, contract: Contract) -> None:
        super().__init__()
        self.base, self.contract = base, contract
        self.mistakes: list[str] = []
        self.answered: set[tuple[str, int]] = set()
        self.hooks["response"].append(self._judge)

    def _judge(self, response: requests.Response, **_: Any) -> None:
        method, path, _ = exchange(response, self.base)
        self.answered.add((f"{method} {path}", response.status_code))
        self.mistakes += self.contract.mistakes_of_answer(
            method, path, response.status_code, response.headers, response.text
        )

    def ask(self, method: str, path: str, body: Any) -> requests.Response:
        return self.request(method, f"{self.base}{path}", json=body, timeout=60)


@pytest.fixture
def fake() -> Iterator[FakeOET]:
    found = FakeOET()
    yield found
    found.close()


def test_a_server_answers_as_its_document_says(new_server: Server) -> None:
    Blocks(new_server).add("sbd-1", {"observe": inline("def main():\n    pass\n")})
    recording = Recording(new_server.url, Contract(new_server.get("/openapi.json")))
    for method, path, body in BOTH[:2]:
        recording.ask(method, path, body)
    new_server.wait_state(1, "READY")
    for method, path, body in (*BOTH[2:], *MORE):
        answer = recording.ask(method, path, body)
        assert answer.status_code != 500, answer.text
    recording.ask("POST", "/procedures", {"script": SCRIPT})
    new_server.ended(new_server.run("endings.py", "raise"))
    recording.ask("GET", "/procedures", None)
    recording.close()
    assert recording.mistakes == []
    assert {200, 201, 404, 409, 422} <= {status for _, status in recording.answered}


def test_the_fake_of_the_clients_tests_answers_as_the_document_says(fake: FakeOET) -> None:
    recording = Recording(fake.url, Contract(document()))
    for method, path, body in BOTH:
        assert recording.ask(method, path, body).status_code < 500
    recording.close()
    assert recording.mistakes == fake.mistakes == []


def test_the_judge_sees_what_is_not_as_the_document_says() -> None:
    contract = Contract(document())
    good = {"Content-Type": "application/json", "Location": "http://x/procedures/1"}

    def mistakes(*about: Any) -> list[str]:
        return list(contract.mistakes_of_answer(*about))

    assert mistakes("GET", "/livez", 200, good, '{"status": "alive", "version": "1"}') == []
    assert mistakes("GET", "/livez", 200, good, '{"status": "dead", "version": "1"}')
    assert mistakes("GET", "/livez", 418, good, "{}") == ["GET /livez answers 418, which is not said"]
    assert mistakes("GET", "/livez", 200, {"Content-Type": "text/html"}, "")
    assert mistakes("POST", "/procedures", 201, {"Content-Type": "application/json"}, "{}")
    assert mistakes("GET", "/nothing", 200, good, "{}") == ["nothing is said about GET /nothing"]
    asked = contract.mistakes_of_request
    assert list(asked("GET", "/procedures", {"limit": "7"}, None)) == []
    assert list(asked("GET", "/procedures", {"limit": "0"}, None))
    assert list(asked("GET", "/procedures", {"page": "0"}, None))
    assert list(asked("POST", "/procedures", {}, {"script": SCRIPT})) == []
    assert list(asked("POST", "/procedures", {}, {"script": SCRIPT | {"script_uri": "x.py"}}))
    assert list(asked("POST", "/resume", {}, {"x": 1}))
