"""Every command is recorded with who asked for it and what they were answered, whatever happens."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from ..conftest import Events, Server, serving, until
from ..support.issuer import Issuer
from .conftest import bearer, guarded, log_in

SCRIPT = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}


def _newest(server: Server, **query: Any) -> list[dict[str, Any]]:
    """The record, once what was asked just now is in it."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = _audit(server, **query)
        return bool(found) and found[0]["status"] is not None

    until(there)
    return found


def _audit(server: Server, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get("/audit", **query)
    return found


def _as(server: Server, token: str, method: str, path: str, **more: Any) -> requests.Response:
    return requests.request(method, f"{server.url}{path}", headers=bearer(token), timeout=30, **more)


@pytest.fixture
def oet(oet: Server, issuer: Issuer) -> Server:
    log_in(oet, issuer, subarrays="*")
    return oet


def test_a_command_is_recorded_with_who_asked_and_what_was_answered(oet: Server) -> None:
    before = time.time()
    pid = oet.create("trivial.py", "word")
    entry = _newest(oet, limit=1)[0]
    assert before <= entry.pop("time") <= time.time()
    assert entry.pop("id") > 0
    assert len(entry.pop("request_id")) == 32
    assert entry == {
        "user": "tester",
        "name": "A Tester",
        "address": "127.0.0.1",
        "method": "POST",
        "path": "/procedures",
        "what": '{"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}, '
        '"script_args": {"init": {"args": ["word"], "kwargs": {}}}}',
        "status": 201,
        "detail": f"procedures/{pid}",
    }


def test_who_asked_is_known_to_procedures_and_their_outcomes_and_to_the_log(
    oet: Server, issuer: Issuer
) -> None:
    pid = oet.run("diehard.py", "sleeping")
    assert oet.procedure(pid)["created_by"] == "tester"
    token = issuer.token(scope="oet:execute", subarrays="*", sub="some|body, else")
    assert _as(oet, token, "PUT", f"/procedures/{pid}", json={"state": "STOPPED"}).status_code == 200
    assert oet.procedure(pid)["outcome"]["by"] == "some|body, else"
    assert _as(oet, token, "PUT", f"/procedures/{pid}", json={"state": "STOPPED"}).status_code == 409
    refused = _newest(oet, limit=1)[0]
    line = next(x for x in oet.log.read_text().splitlines() if f"procedure_id:{pid}" in x and "Refused" in x)
    assert f"request_id:{refused['request_id']}" in line
    assert "user:some_body__else" in line


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "detail"),
    [
        (
            "PUT",
            "/procedures/7000",
            {"json": {"state": "STOPPED"}},
            404,
            "No information available for PID=7000",
        ),
        ("POST", "/procedures", {"json": {}}, 422, "script: Field required"),
        ("POST", "/procedures", {"data": b"x"}, 415, "send the body as JSON"),
        ("POST", "/nothing", {"json": {}}, 404, ""),
        ("DELETE", "/procedures", {}, 405, "this method is not allowed here"),
    ],
)
def test_a_command_that_was_refused_is_recorded_too(
    oet: Server, method: str, path: str, more: dict[str, Any], status: int, detail: str
) -> None:
    assert oet.request(method, path, **more).status_code == status
    entry = _newest(oet, limit=1)[0]
    assert (entry["method"], entry["path"], entry["status"]) == (method, path, status)
    assert entry["user"] == "tester"
    assert detail in entry["detail"]


def test_who_was_not_admitted_is_recorded_with_the_reason(oet: Server, issuer: Issuer) -> None:
    reader = issuer.token(scope="oet:read", subarrays="*", sub="reader")
    events = Events(oet, topics="auth")
    assert _at_once(oet, reader, SCRIPT) == b"403"
    assert requests.get(f"{oet.url}/procedures", timeout=20).status_code == 401
    told = events.wait(lambda e: e.get("status") == 401)
    assert (told["method"], told["path"], told["why"]) == (
        "GET",
        "/procedures",
        "send a bearer token in the Authorization header",
    )
    events.close()
    anonymous, known = _newest(oet, limit=2)
    assert (anonymous["user"], anonymous["status"], anonymous["what"]) == (None, 401, None)
    assert (known["user"], known["status"]) == ("reader", 403)
    assert known["detail"] == "you need the permission 'execute'"
    assert "file://trivial.py" in known["what"]


def _at_once(oet: Server, token: str, body: Any) -> bytes:
    """The status of a POST whose body comes with its head; of one that may not, later ones are not read."""
    address, content = urlsplit(oet.url), json.dumps(body).encode()
    head = (
        f"POST {address.path}/procedures HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(head.encode() + content)
        return connection.makefile("rb").readline().split()[1]


def test_what_was_read_is_only_counted(oet: Server) -> None:
    newest = _newest(oet, limit=1)[0]["id"]
    before = oet.get("/status")["reads"]
    for _ in range(5):
        oet.get("/procedures")
    assert oet.get("/status")["reads"] >= before + 5
    assert _newest(oet, limit=1)[0]["id"] == newest


def test_secrets_are_not_recorded_and_long_bodies_are_cut_off(oet: Server, issuer: Issuer) -> None:
    token = issuer.token(scope="oet:execute", subarrays="*")
    kwargs = {
        "password": "hunter2",
        "nested": [{"api_key": "hunter2", "url": "https://me:hunter2@host/x"}],
        "note": f"see {token}",
        "long": "x" * 10_000,
    }
    body = {"script_args": {"init": {"kwargs": kwargs}}}
    assert oet.request("POST", "/procedures", json=body).status_code == 422
    entry = _newest(oet, limit=1)[0]
    assert len(entry["what"]) == 2048
    assert "hunter2" not in entry["what"]
    assert token[:20] not in entry["what"]
    assert '"password": "***"' in entry["what"]
    assert "https://***@host/x" in entry["what"]


def test_the_record_can_be_filtered_and_paged(oet: Server, issuer: Issuer) -> None:
    since = time.time()
    one = issuer.token(scope="oet:execute", subarrays="*", sub="one")
    for n in range(4):
        assert _as(oet, one, "PUT", f"/procedures/{8000 + n}", json={"state": "STOPPED"}).status_code == 404
    assert _as(oet, one, "PUT", "/operator/wait_for_qa_ready", json={"action": "enable"}).status_code == 200
    oet.create("trivial.py")
    mine = _newest(oet, user="one")
    assert [entry["status"] for entry in mine] == [200, 404, 404, 404, 404]
    assert _newest(oet, user="one", result="done") == mine[:1]
    assert _newest(oet, user="one", result="refused") == mine[1:]
    assert oet.get("/audit", user="one", result="unanswered") == []
    assert _newest(oet, since=since, limit=500)[1:] == mine
    assert _newest(oet, user="one", limit=2) == mine[:2]
    assert _newest(oet, user="one", limit=2, before=mine[1]["id"]) == mine[2:4]
    assert oet.get("/audit", since=time.time() + 60) == []
    assert oet.request("GET", "/audit?limit=501").status_code == 422
    assert oet.request("GET", "/audit?result=perhaps").status_code == 422


def test_the_same_key_of_another_user_is_another_request(oet: Server, issuer: Issuer) -> None:
    ids = []
    for subject in ("first", "second", "first"):
        token = issuer.token(scope="oet:execute", subarrays="*", sub=subject)
        headers = bearer(token) | {"Idempotency-Key": "k"}
        answer = requests.post(f"{oet.url}/procedures", json=SCRIPT, headers=headers, timeout=30)
        ids.append(answer.json()["id"])
    assert ids[0] == ids[2] != ids[1]
    records = _newest(oet, limit=3)
    assert [entry["user"] for entry in records] == ["first", "second", "first"]
    assert records[0]["request_id"] == records[2]["request_id"]


def test_a_day_is_on_record_completely_over_a_crash(own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer, sub="jo", name="Jo Smith")
        pid = server.run("diehard.py", "sleeping")
        server.request("PUT", "/procedures/4711", json={"state": "STOPPED"})
        server.request("POST", "/procedures", data=b"{", headers={"Content-Type": "application/json"})
        reader = bearer(own_issuer.token(sub="reader", scope="oet:read"))
        requests.put(f"{server.url}/procedures/{pid}", json={"state": "STOPPED"}, headers=reader, timeout=20)
        requests.get(f"{server.url}/procedures", timeout=20)
        until(lambda: _audit(server)[0]["status"] == 401)  # nobody waits for what was refused to be recorded
        server.kill("rest")
        server.ready()
        server.stop_script(pid)
        until(lambda: _audit(server)[0]["status"] == 200)
        told = [(e["user"], e["method"], e["path"].split("/")[-1], e["status"]) for e in _audit(server)]
        assert told[::-1] == [
            ("jo", "POST", "procedures", 201),
            ("jo", "PUT", str(pid), 200),
            ("jo", "PUT", "4711", 404),
            ("jo", "POST", "procedures", 400),
            ("reader", "PUT", str(pid), 403),
            (None, "GET", "procedures", 401),
            ("jo", "PUT", str(pid), 200),
        ]
        first = _audit(server)[-1]
        assert (first["name"], first["address"]) == ("Jo Smith", "127.0.0.1")
        assert "diehard.py" in first["what"]
        assert [e["status"] for e in _audit(server, result="refused")] == [401, 403, 400, 404]
        assert {e["user"] for e in _audit(server, user="reader")} == {"reader"}
        assert _audit(server, since=time.time() + 60) == []
        page = _audit(server, limit=2)
        assert _audit(server, before=page[-1]["id"]) == _audit(server)[2:]


def test_a_command_whose_flaskworker_is_killed_is_recorded_without_an_answer(
    own_issuer: Issuer, tmp_path: Path
) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer)
        events = Events(server)
        pid = server.run("diehard.py", "cleans_up", 1)
        events.wait(lambda e: e.get("msg") == "here")
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(server.put, pid, state="STOPPED")
            events.wait(lambda e: e.get("stage") == "terminate")
            _kill_all_of(server, "rest")
            with pytest.raises(requests.RequestException):
                stopping.result()
        server.ready()
        until(lambda: server.procedure(pid)["state"] == "STOPPED")
        entry = _audit(server, result="unanswered")[0]
        assert (entry["method"], entry["path"]) == ("PUT", f"/procedures/{pid}")
        assert (entry["user"], entry["status"], entry["detail"]) == ("tester", None, "no answer on record")
        assert server.procedure(pid)["outcome"]["by"] == "tester"


def _kill_all_of(server: Server, role: str) -> None:
    """SIGKILL a worker with every process of its own."""
    victim = server.worker(role)
    for process in (*victim.children(recursive=True), victim):
        process.kill()
    victim.wait(10)


def test_tokens_are_nowhere_in_what_the_server_writes(own_issuer: Issuer, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with guarded(state, own_issuer, LOG_LEVEL="DEBUG") as server:
        token = own_issuer.token(scope="oet:execute")
        rubbish = own_issuer.token(scope="oet:execute", aud="another")
        server.session.headers.update(bearer(token))
        server.ended(server.run("trivial.py"))
        for odd in (rubbish, f"{token}x", f"{token} {token}"):
            assert _as(server, odd, "POST", "/procedures", json=SCRIPT).status_code == 401
        assert _as(server, token, "GET", f"/procedures?access_token={token}").status_code == 422
        assert _as(server, token, "PUT", f"/environments/{token}").status_code == 405
        assert _as(server, token, "POST", "/procedures", data=b"{" + token.encode()).status_code == 415
        _newest(server)
    for path in [server.log, *state.rglob("*")]:
        if path.is_file():
            written = path.read_bytes()
            for part in (*token.split("."), *rubbish.split(".")[1:]):
                assert part.encode() not in written, path


def test_without_an_issuer_commands_are_recorded_without_a_user(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        pid = server.create("trivial.py")
        entry = _newest(server)[0]
        assert (entry["user"], entry["name"], entry["status"]) == (None, None, 201)
        assert entry["detail"] == f"procedures/{pid}"
        assert server.procedure(pid)["created_by"] is None


@pytest.mark.parametrize("known", [False, True], ids=["strangers", "a user without a permission"])
def test_a_flood_of_refusals_does_not_fill_the_journal(
    known: bool, own_issuer: Issuer, tmp_path: Path
) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        headers = bearer(own_issuer.token(sub="bob", scope="openid")) if known else {}
        with requests.Session() as refused:
            refused.headers.update(headers)
            for _ in range(500):
                answer = refused.put(f"{server.url}/procedures/1", json=SCRIPT, timeout=20)
                assert answer.status_code == (403 if known else 401)
            log_in(server, own_issuer)
            until(lambda: _shown_how_many(server, refused))
        assert len(server.get("/audit", limit=500)) < 450


def _shown_how_many(server: Server, refused: requests.Session) -> bool:
    refused.get(f"{server.url}/procedures", timeout=20)
    return any("more such requests" in entry["detail"] for entry in server.get("/audit", limit=20))


def test_refusals_of_strangers_are_bounded_for_all_web_workers_together(
    own_issuer: Issuer, tmp_path: Path
) -> None:
    with guarded(tmp_path / "state", own_issuer, OET_WEB_WORKERS="3") as server:
        log_in(server, own_issuer)
        began = time.monotonic()
        with ThreadPoolExecutor(6) as clients:
            statuses = clients.map(lambda _: requests.get(f"{server.url}/procedures", timeout=60), range(600))
            assert {answer.status_code for answer in statuses} == {401}
        most = 200 + 10 * (time.monotonic() - began)
        server.create("trivial.py")
        _newest(server, limit=1)  # what was sent before it is there, too, of that web worker
        recorded = [entry for entry in _audit(server, limit=500) if entry["status"] == 401]
        assert 50 <= len(recorded) <= most
