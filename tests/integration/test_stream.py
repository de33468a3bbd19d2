"""The event stream: everything once, in order, whoever else listens and however badly."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ..conftest import Events, Server, until

FLOOD = "user.script.flood"


@contextlib.contextmanager
def _listening(server: Server, **query: Any) -> Iterator[Events]:
    events = Events(server, **query)
    try:
        yield events
    finally:
        events.close()


def _connect(server: Server, query: str = "", *headers: str, room: int = 0) -> socket.socket:
    """A listener that is nothing but a socket."""
    address = urlsplit(server.url)
    connection = socket.socket()
    if room:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.settimeout(30)
    connection.connect((address.hostname, address.port))
    lines = [f"GET {address.path}/stream?{query} HTTP/1.1", "Host: localhost", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def _vanish(connection: socket.socket) -> None:
    """Hang up without a good-bye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _receive_until(connection: socket.socket, wanted: bytes) -> bytes:
    said = b""
    while wanted not in said:
        part = connection.recv(65536)
        assert part, said
        said += part
    return said


def _everything(server: Server, **query: Any) -> list[dict[str, Any]]:
    """All events up to now, from the journal."""
    pid = server.run("trivial.py")
    server.ended(pid)
    with _listening(server, after=query.pop("after", 0), **query) as events:
        events.wait(lambda e: e.get("topic") == "procedure.lifecycle.complete" and e["result"]["id"] == pid)
        return list(events.all)


def test_the_first_bytes_come_at_once_and_say_when_to_connect_again(server: Server) -> None:
    with _connect(server) as connection:
        said = _receive_until(connection, b"retry:").decode()
        said += _receive_until(connection, b"\n\n").decode() if not said.endswith("\n\n") else ""
    head, _, body = said.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    assert re.search(r"(?i)^content-type: text/event-stream", head, re.M)
    assert body.startswith(":")
    assert body.count("retry: ") == 1


def test_an_event_has_an_id_a_name_and_one_json_object(server: Server) -> None:
    with _connect(server, "topics=procedure.lifecycle.created") as connection:
        _receive_until(connection, b"retry:")
        pid = server.create("trivial.py")
        said = _receive_until(connection, b'"request_id"').decode()
        said += "" if said.endswith("\n\n") else _receive_until(connection, b"\n\n").decode()
    block = said.strip().split("\n\n")[-1].splitlines()
    fields = [line.split(": ", 1) for line in block]
    assert [name for name, _ in fields] == ["id", "event", "data"]
    assert fields[0][1].isdecimal()
    data = json.loads(fields[2][1])
    assert fields[1][1] == data["topic"] == "procedure.lifecycle.created"
    assert data["msg_src"] == "SESWorker"
    assert data["time"] > 0
    assert data["request_id"]
    assert data["result"]["id"] == pid


def test_every_message_tells_its_topic_its_source_and_its_time(server: Server) -> None:
    for event in _everything(server):
        assert event["event"] == event["topic"]
        assert isinstance(event["msg_src"], str)
        assert isinstance(event["time"], float)
        if event["topic"] == "procedure.lifecycle.statechange":
            assert event["msg_src"] == str(event["pid"])


def test_ids_grow_by_one_from_the_first_message_ever(server: Server) -> None:
    numbers = [event["seq"] for event in _everything(server)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("form", ["header", "query"])
def test_everything_after_an_id_is_replayed(server: Server, form: str) -> None:
    everything = _everything(server)
    last = everything[len(everything) // 2]["seq"]
    query = {"after": last} if form == "header" else {"last_event_id": last}
    with _listening(server, **query) as events:
        events.wait(lambda e: e.get("seq") == everything[-1]["seq"])
        assert [e for e in events.all if e["seq"] <= everything[-1]["seq"]] == everything[last:]


def test_the_header_wins_over_the_query(server: Server) -> None:
    everything = _everything(server)
    with _listening(server, after=2, last_event_id=10**6) as events:
        events.wait(lambda e: e.get("seq") == everything[-1]["seq"])
        assert events.all[0]["seq"] == 3


def test_without_an_id_only_what_is_new_is_sent(server: Server) -> None:
    head = _everything(server)[-1]["seq"]
    with _listening(server) as events:
        server.create("trivial.py")
        events.wait(lambda e: e.get("topic") == "procedure.lifecycle.created")
        assert min(e["seq"] for e in events.all if "seq" in e) > head


@pytest.mark.parametrize("header", ["x", "-1", "9" * 30, "1.5", "²"])
def test_an_id_this_stream_never_sent_is_refused(server: Server, header: str) -> None:
    headers = {"Last-Event-ID": header.encode(), "Accept": "*/*"}
    answer = server.request("GET", "/stream", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Last-Event-ID must be a number this stream has sent"


@pytest.mark.parametrize("query", ["", f"topics={FLOOD}"])
def test_a_listener_that_reconnects_while_a_script_publishes_misses_nothing_and_gets_nothing_twice(
    server: Server, query: str
) -> None:
    count = 8000
    filters = dict([query.split("=")]) if query else {}
    pid = server.create("floods.py")
    server.wait_state(pid, "READY")
    last = first = _everything(server)[-1]["seq"]
    server.start_main(pid, "messages", count)
    got: list[dict[str, Any]] = []
    for _ in range(20):
        with _listening(server, after=last, **filters) as events:
            events.wait(lambda e: "seq" in e)
        until(lambda events=events: events.ended)
        # As if it had hung up after a few hundred at the most, so that there is enough for everybody.
        got += [e for e in events.all if "seq" in e][:300]
        last = got[-1]["seq"]
    with _listening(server, after=last, **filters) as events:
        if not any(e.get("n") == count - 1 for e in got):
            events.wait(lambda e: e.get("n") == count - 1)
        got += [e for e in list(events.all) if "seq" in e]
    assert [e["n"] for e in got if e["topic"] == FLOOD] == list(range(count))
    numbers = [e["seq"] for e in got]
    assert numbers == sorted(set(numbers))
    if not query:
        assert numbers == list(range(first + 1, first + 1 + len(numbers)))
    server.ended(pid)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"topics": "procedure.lifecycle"}, r"procedure\.lifecycle\."),
        ({"topics": "procedure.lifecycle.*"}, r"procedure\.lifecycle\."),
        ({"topics": "user, request"}, r"(user|request)\."),
        ({"topics": "procedure.lifecycle.comp"}, r"nothing"),
        ({"exclude": "procedure"}, r"(?!procedure\.)"),
        (
            {"topics": "procedure", "exclude": "procedure.lifecycle.statechange"},
            r"procedure\.(?!.*statechange)",
        ),
    ],
)
def test_topics_can_be_chosen_and_left_out(server: Server, query: dict[str, str], wanted: str) -> None:
    pid = server.run("echo.py")
    server.ended(pid)
    everything = _everything(server)
    expected = [e for e in everything if re.match(wanted, e["topic"])]
    with _listening(server, after=0, **query) as events:
        if expected:
            events.wait(lambda e: e.get("seq") == expected[-1]["seq"])
        known = [e for e in list(events.all) if e["seq"] <= everything[-1]["seq"]]
    assert known == expected


@pytest.mark.parametrize("name", ["topics", "exclude"])
def test_no_listener_has_each_message_compared_with_thousands_of_prefixes(server: Server, name: str) -> None:
    answer = server.request(
        "GET", "/stream", params={name: ",".join(f"user.{n}" for n in range(51))}, headers={"Accept": "*/*"}
    )
    assert answer.status_code == 422
    assert "at most 50 prefixes" in answer.json()["detail"]


def test_a_listener_can_choose_one_procedure(server: Server) -> None:
    pid = server.run("echo.py")
    server.ended(pid)
    other = server.create("trivial.py")
    server.wait_state(other, "READY")
    with _listening(server, after=0, procedure=pid) as events:
        events.wait(lambda e: e.get("topic") == "procedure.lifecycle.complete")
        topics = [e["topic"] for e in events.all]
    assert topics[0] == "procedure.lifecycle.created"
    assert "user.script.announce" in topics
    assert topics[-1] == "procedure.lifecycle.complete"
    states = [e["new_state"] for e in events.all if e["topic"] == "procedure.lifecycle.statechange"]
    assert states == ["IDLE", "LOADING", "IDLE", "INITIALISING", "READY", "RUNNING", "COMPLETE"]


def test_output_is_told_live_without_an_id(server: Server) -> None:
    pid = server.create("prints.py")
    server.wait_state(pid, "READY")
    with _listening(server, procedure=pid) as events:
        server.start_main(pid)
        events.wait(lambda e: e.get("topic") == "procedure.lifecycle.complete")
        pieces = [e for e in events.all if e["topic"] == "procedure.output"]
    assert pieces
    assert all("seq" not in piece for piece in pieces)
    assert all("seq" in e for e in events.all if e["topic"] != "procedure.output")
    assert {piece["stream"] for piece in pieces} == {"stdout", "stderr"}


def test_an_id_beyond_the_journal_gets_one_reset_and_then_goes_on_live(server: Server) -> None:
    with _listening(server, after=10**9) as events:
        reset = events.wait(lambda e: e.get("event") == "stream.reset")
        assert events.all[0] == reset
        server.create("trivial.py")
        events.wait(lambda e: e.get("topic") == "procedure.lifecycle.created")
        assert [e["event"] for e in events.all].count("stream.reset") == 1


def test_an_id_older_than_what_is_kept_gets_one_reset_and_then_all_that_is_kept(own_server: Server) -> None:
    head = _everything(own_server)[-1]["seq"]
    with contextlib.closing(sqlite3.connect(own_server.state / "journal.db", timeout=10)) as database:
        database.execute("DELETE FROM messages WHERE seq <= 5")
        database.commit()
    with _listening(own_server, after=2) as events:
        events.wait(lambda e: e.get("seq") == head)
    assert events.all[0]["event"] == "stream.reset"
    assert [e["seq"] for e in events.all[1:] if e["seq"] <= head] == list(range(6, head + 1))


def test_a_reset_is_a_json_object_like_every_event_and_has_no_id(server: Server) -> None:
    with _listening(server, after=10**9) as events:
        reset = events.wait(lambda e: e.get("event") == "stream.reset")
    assert reset["topic"] == "stream.reset"
    assert isinstance(reset["msg_src"], str)
    assert isinstance(reset["time"], float)
    assert "seq" not in reset


@pytest.mark.timeout(300)
def test_a_listener_that_never_reads_is_disconnected_and_the_others_notice_nothing(server: Server) -> None:
    pid = server.create("floods.py")
    server.wait_state(pid, "READY")
    with _connect(server, room=4096) as silent, _listening(server, procedure=pid) as other:
        server.start_main(pid, "output", 24)
        other.wait(lambda e: e.get("topic") == "procedure.lifecycle.complete", timeout=200)
        received = 0
        # With a window as small as before, the kernel would send what is left in pieces, five a second.
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        with contextlib.suppress(ConnectionResetError):
            while part := silent.recv(2**20):
                received += len(part)
        # A connection still open would have let recv wait in vain.
        assert received < 24 * 2**20
        assert not other.ended
    assert server.get(f"/procedures/{pid}/output", tail=1)["chunks"][0]["text"] == "the last line\n"


def test_hundreds_of_listeners_that_come_stall_or_vanish_do_not_keep_rest_from_answering(
    server: Server,
) -> None:
    with contextlib.ExitStack() as stack:
        for n in range(200):
            connection = _connect(server, room=4096)
            if n % 3 == 0:
                _vanish(connection)
            else:
                stack.enter_context(connection)
                if n % 3 == 1:
                    _receive_until(connection, b"retry:")
        with _listening(server) as events:
            pid = server.run("diehard.py", "sleeping")
            server.stop_script(pid)
            events.wait(lambda e: e.get("topic") == "procedure.lifecycle.stopped")
    pid = server.run("trivial.py")
    assert server.ended(pid)["state"] == "COMPLETE"


def test_deeply_nested_values_of_a_script_do_not_end_the_stream_or_the_run(server: Server) -> None:
    pid = server.create("rest_deep.py")
    server.wait_state(pid, "READY")
    with _listening(server) as events:
        server.start_main(pid, 10, 100, *range(900, 1010, 5), 100_000)
        events.wait(lambda e: e.get("msg") == "the end")
        events.wait(lambda e: e.get("topic") == "procedure.lifecycle.complete")
        told = {e["depth"]: e["value"] for e in events.all if e["topic"] == "user.deep"}
    assert len(told) == 25
    assert json.dumps(told[10]) == "[" * 11 + "]" * 11
    assert all(isinstance(value, str) for depth, value in told.items() if depth > 100)


def test_a_replay_of_large_events_is_whole_for_a_client_that_reads(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "large.py"
    script.write_text(
        "from pubsub import pub\ndef main():\n"
        "    pub.sendMessage('user.large', n=-1, text='m' * 5_000_000)\n"
        "    for n in range(400):\n        pub.sendMessage('user.large', n=n, text='m' * 20_000)\n"
    )
    assert server.ended(server.run(str(script)), timeout=60)["state"] == "COMPLETE"
    replayed = Events(server, topics="user.large", after=0)
    replayed.wait(lambda e: e["n"] == 399)
    assert [e["n"] for e in replayed.all] == list(range(-1, 400))
    replayed.close()


def test_a_field_of_a_script_says_nothing_about_who_asked(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "pretends.py"
    script.write_text(
        "from pubsub import pub\n"
        "def main():\n"
        "    pub.sendMessage('user.script.pretended', user='root', request_id='forged')\n"
    )
    with _listening(server, topics="user.script.pretended") as events:
        pid = server.run(str(script))
        told = events.wait(lambda e: e["topic"] == "user.script.pretended")
    assert (told["user_"], told["request_id_"], told["msg_src"]) == ("root", "forged", str(pid))
    assert "user" not in told and "request_id" not in told
