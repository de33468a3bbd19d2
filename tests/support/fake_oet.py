"""A small OET over real HTTP: keeps procedures and activities, records requests, plays streams.

Tests write the streams. A stream is a list of pieces: bytes are sent, a ``threading.Event`` is
waited for, and the end of the list closes the connection. Each connection to a path takes the next
stream planned for it.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from ska_oso_oet.bus.topic_names import objection
from ska_oso_oet.bus.topics import TOPICS
from ska_oso_oet.domain.pace import NO_PAUSE

from .contract import Contract, document

BASE = "/ska-oso-oet/oet/1/api/v1"
CREATED_AT = 1795324531.680
LONGEST_WAIT = 20.0

Piece = bytes | threading.Event

_ENVELOPE = frozenset({"topic", "msg_src", "time", "request_id", "user", "subarray"})
_STREAM_TOPICS = frozenset({"procedure.output.end", "stream.reset"})


#: How a script gets on of which nothing is known.
_PACE: dict[str, Any] = {"pause": NO_PAUSE, "progress": None, "elapsed": None, "remaining": None}


def procedure_json(pid: int, state: str = "READY", **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": pid,
        "uri": f"http://oet{BASE}/procedures/{pid}",
        "script": {"script_type": "filesystem", "script_uri": f"file:///scripts/{pid}.py"},
        "script_args": {
            "init": {"args": [], "kwargs": {"subarray_id": 1}},
            "main": {"args": [], "kwargs": {}},
        },
        "history": {"process_states": [["CREATING", CREATED_AT]], "stacktrace": None},
        "state": state,
        "outcome": None,
        "activity_id": None,
        "created_by": None,
        "started_by": None,
        "created": CREATED_AT,
        "started": None,
        "ended": None,
        "stopped_by": None,
        "os_pid": 4711,
        "pid": 4711,
        **_PACE,
        "question": None,
        "checkpoints": [],
        "estimate": None,
        "simulated": False,
        "dry_run": None,
        "rerun_of": None,
        "differs": [],
        "script_sha256": None,
    }
    return {**document, **changes}


def activity_json(aid: int, state: str = "REQUESTED", **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": aid,
        "uri": f"http://oet{BASE}/activities/{aid}",
        "activity_name": "observe",
        "sbd_id": "sbd-123",
        "sbd_version": 1,
        "sbi_id": f"sbi-{aid}",
        "procedure_id": aid,
        "prepare_only": False,
        "create_env": False,
        "script_args": {"init": {"args": [], "kwargs": {}}, "main": {"args": [], "kwargs": {}}},
        "activity_states": [["REQUESTED", CREATED_AT]],
        "state": state,
        "outcome": None,
        "created_by": None,
        "sbi_status": None,
        "script_uri": "file:///scripts/observe.py",
        "started_by": None,
        "execution_blocks": [],
        **_PACE,
        "rerun_of": None,
        "created": CREATED_AT,
        "started": None,
        "ended": None,
        "stopped_by": None,
    }
    return {**document, **changes}


def status_json(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": "1.0.0",
        "subarray_id": 1,
        "ready": True,
        "workers": {},
        "running": None,
        "wait_for_qa_ready": None,
        "override": None,
        "set_by": None,
        "set_at": None,
        "drain": {"drained": False, "since": None, "by": None, "reason": None},
        "reads": 0,
        "stores": {},
        "disk_free": 2**30,
    }
    running = changes.get("running")
    alive = {"alive": [running] if running else [], "obs_state": None, "last_abort": None}
    return {**document, **alive, **changes}


def shown_script(script: dict[str, Any]) -> dict[str, Any]:
    """A script as an OET shows it, whatever was left out when it was asked for."""
    if script["script_type"] == "filesystem":
        return script
    known = {"git_repo": None, "git_branch": "master", "git_commit": None, "resolved_commit": None}
    return {"create_env": False, **script, "git_args": {**known, **(script.get("git_args") or {})}}


def sse(topic: str, id: int | None = None, **fields: Any) -> bytes:
    """An event as the server writes it."""
    number = "" if id is None else f"id: {id}\n"
    return f"{number}event: {topic}\ndata: {json.dumps({'topic': topic, **fields})}\n\n".encode()


def printed(pid: int, n: int, text: str, stream: str = "stdout", **more: Any) -> bytes:
    """An output event; these have no id."""
    return sse("procedure.output", pid=pid, n=n, stream=stream, text=text, **more)


def chunk_json(n: int, text: str, stream: str = "stdout") -> dict[str, Any]:
    return {"n": n, "time": CREATED_AT + n, "stream": stream, "text": text}


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """A planned answer; ``drop`` reads the request and breaks the connection instead."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    odd: bool = False  #: no OET would answer this

    @classmethod
    def problem(cls, status: int, detail: str, **more: Any) -> Answer:
        body = {"type": "about:blank", "title": "No", "status": status, "detail": detail}
        later = {"Retry-After": "2"} if status in (429, 503) else {}
        return cls(status, {**body, **more}, {"Content-Type": "application/problem+json", **later})

    @classmethod
    def created(cls, document: dict[str, Any]) -> Answer:
        return cls(201, document, {"Location": document["uri"]})


class Issuer(Protocol):
    """Whoever gave the tokens, and so knows what they say."""

    issuer: str

    def claims(self, token: str) -> dict[str, Any] | None: ...


class FakeOET:
    def __init__(self) -> None:
        self.issuer: Issuer | None = None
        self.authentication: dict[str, Any] = {
            "required": False,
            "issuer": None,
            "client_id": None,
            "scopes": "openid",
            "audience": None,
        }
        self.audit: list[dict[str, Any]] = []
        self.procedures: dict[int, dict[str, Any]] = {}
        self.activities: dict[int, dict[str, Any]] = {}
        self.qa_switch: dict[str, Any] = {
            "wait_for_qa_ready": True,
            "override": None,
            "set_by": None,
            "set_at": None,
        }
        self.drain: dict[str, Any] = {"drained": False, "since": None, "by": None, "reason": None}
        self.output: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self.requests: list[Request] = []
        self.answers: dict[tuple[str, str], deque[Answer]] = defaultdict(deque)
        self.streams: dict[str, deque[list[Piece]]] = defaultdict(deque)
        self.mistakes: list[str] = []  # against the OpenAPI document and the topics
        self.held: dict[tuple[str, str], tuple[threading.Event, threading.Event]] = {}
        self.first_state = "CREATING"
        self.next_changes: dict[str, Any] = {}
        self.page_size = 2
        self.chunked = True
        self.started = threading.Event()
        self.created = threading.Event()
        self.requested = threading.Event()
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        self.url = self.root + BASE
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def add(self, pid: int, state: str = "READY", **changes: Any) -> dict[str, Any]:
        self.procedures[pid] = procedure_json(pid, state, **changes)
        return self.procedures[pid]

    def add_activity(self, aid: int, state: str = "REQUESTED", **changes: Any) -> dict[str, Any]:
        self.activities[aid] = activity_json(aid, state, **changes)
        return self.activities[aid]

    def plan(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path].extend(answers)

    def hold(self, method: str, path: str) -> tuple[threading.Event, threading.Event]:
        """Carry such a request out, which the first event tells, and answer it after the second."""
        self.held[method, path] = threading.Event(), threading.Event()
        return self.held[method, path]

    def hold_back(self, request: Request) -> None:
        """Wait where the answer to such a request is held."""
        if (request.method, request.path) in self.held:
            carried_out, go_on = self.held[request.method, request.path]
            carried_out.set()
            go_on.wait(LONGEST_WAIT)

    def plan_stream(self, *pieces: Piece, path: str = "/stream", odd: bool = False) -> None:
        """Plan what the next connection is sent; no OET would send ``odd`` pieces."""
        self.streams[path].append(list(pieces))
        for piece in pieces:
            if isinstance(piece, bytes) and not odd:
                self.mistakes += _mistakes_of_events(piece)

    def demand_login(self, issuer: Issuer, /, **changes: Any) -> None:
        """From now on answer only those whose token is from ``issuer``, and obey those with a role."""
        self.issuer = issuer
        self.authentication = {
            "required": True,
            "issuer": issuer.issuer,
            "client_id": "oet-cli",
            "scopes": "openid profile offline_access oet:read oet:execute",
            "audience": "https://oet.test",
            **changes,
        }

    def refusal(self, request: Request) -> Answer | None:
        """The answer to somebody who may not ask this."""
        if self.issuer is None or request.path == "/auth":
            return None
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        claims = self.issuer.claims(token)
        if claims is None:
            answer = Answer.problem(401, "The token does not hold" if token else "Log in first")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        if request.method != "GET" and claims.get("roles") == []:
            return Answer.problem(403, "you need the permission 'execute'")
        return None

    def judge(self, request: Request, answer: Answer) -> None:
        """Note each difference of a request, or an answer of an OET, from the OpenAPI document."""
        if answer.odd or answer.drop or isinstance(answer.body, bytes):
            return  # bytes are a proxy's error page
        contract, about = Contract(document()), (request.method, request.path)
        headers = {"Content-Type": "application/json", **answer.headers}
        text = json.dumps(answer.body)
        self.mistakes += contract.mistakes_of_answer(*about, answer.status, headers, text)
        if answer.status < 400:
            self.mistakes += contract.mistakes_of_request(*about, request.query, request.body)

    def asked(self, method: str, path: str | None = None) -> list[Request]:
        return [r for r in self.requests if r.method == method and path in (None, r.path)]

    def answer(self, request: Request) -> Answer:
        planned = self.answers[request.method, request.path]
        if planned:
            return planned.popleft()
        if request.path == "/auth":
            return Answer(body=self.authentication)
        if request.path == "/status":
            return Answer(body=status_json(drain=self.drain))
        if request.path == "/audit":
            return self._audit_page(request.query)
        words = request.path.strip("/").split("/")
        if words[0] == "activities":
            return self._answer_activity(request, words[1:])
        if request.path == "/operator/wait_for_qa_ready":
            return self._answer_qa(request)
        if request.path == "/abort":
            self.add(5, "RUNNING")
            return Answer.created(self.procedures[5])
        if request.path in ("/drain", "/resume"):
            return self._answer_drain(request)
        if request.path == "/procedures" and request.method == "GET":
            return Answer(body=list(self.procedures.values()))
        if request.path == "/procedures":
            return self._create(request.body)
        if words[0] == "procedures" and int(words[1]) in self.procedures:
            pid = int(words[1])
            if words[2:] == ["output"]:
                return self._page(pid, request.query)
            if request.method == "PUT":
                return self._change(pid, request.body)
            return Answer(body=self.procedures[pid])
        return Answer.problem(404, f"No information available for PID={words[-1]}")

    def _audit_page(self, query: dict[str, str]) -> Answer:
        before = int(query.get("before", 10**9))
        found = [entry for entry in self.audit if entry["id"] < before]
        return Answer(body=found[: int(query["limit"])])

    def _answer_activity(self, request: Request, words: list[str]) -> Answer:
        if not words and request.method == "GET":
            return Answer(body=list(self.activities.values()))
        if not words:
            aid = max(self.activities, default=0) + 1
            asked = {name: request.body[name] for name in ("activity_name", "sbd_id", "prepare_only")}
            self.add_activity(aid, **asked)
            self.requested.set()
            return Answer.created(self.activities[aid])
        aid = int(words[0])
        if aid not in self.activities:
            return Answer.problem(404, f"No information available for AID={aid}")
        if request.method == "PUT":
            return self._stopped(self.activities[aid]["procedure_id"], request.body)
        return Answer(body=self.activities[aid])

    def _answer_qa(self, request: Request) -> Answer:
        if request.method == "PUT" and request.body["action"] == "override":
            override = {"state": "requested", "procedure_id": 3, "time": CREATED_AT}
            self.qa_switch = {**self.qa_switch, "override": override}
        elif request.method == "PUT":
            self.qa_switch = {
                **self.qa_switch,
                "wait_for_qa_ready": request.body["action"] == "enable",
            }
        return Answer(body=self.qa_switch)

    def _answer_drain(self, request: Request) -> Answer:
        if request.path == "/resume":
            self.drain = dict.fromkeys(self.drain) | {"drained": False}
        elif not self.drain["drained"]:
            reason = (request.body or {}).get("reason")
            self.drain = {"drained": True, "since": CREATED_AT, "by": "alice", "reason": reason}
        return Answer(body=self.drain)

    def _create(self, body: dict[str, Any]) -> Answer:
        pid = max(self.procedures, default=0) + 1
        given = {"main": {"args": [], "kwargs": {}}, **body["script_args"]}
        self.add(
            pid, self.first_state, script=shown_script(body["script"]), script_args=given, **self.next_changes
        )
        self.created.set()
        return Answer.created(self.procedures[pid])

    def _change(self, pid: int, body: dict[str, Any]) -> Answer:
        if body["state"] == "STOPPED":
            return self._stopped(pid, body)
        running = {**self.procedures[pid], "state": "RUNNING"}
        if self.procedures[pid]["state"] == "READY":
            self.procedures[pid] = running
        self.started.set()
        return Answer(body=running)

    def _stopped(self, pid: int, body: dict[str, Any]) -> Answer:
        message, abort = f"Successfully stopped script with ID {pid}", {"abort_procedure": None}
        if body["abort"]:
            message += " and aborted subarray activity"
            abort = {
                "abort_procedure": 5,
                "abort": {"procedure": 5, "state": "RUNNING", "outcome": None},
            }
        return Answer(body={"abort_message": message, **abort, "survivors": 0, "survivor_processes": []})

    def _page(self, pid: int, query: dict[str, str]) -> Answer:
        after = int(query.get("after", 0))
        streams = query.get("stream", "stdout,stderr,oet").split(",")
        newest = max((chunk["n"] for chunk in self.output[pid]), default=0)
        found = [c for c in self.output[pid] if c["n"] > after and c["stream"] in streams]
        if "tail" in query:
            page, following = _last_lines(found, int(query["tail"])), max(newest, after)
        else:
            page = found[: self.page_size]
            following = page[-1]["n"] if page else max(newest, after)
        state = self.procedures[pid]["state"]
        final = state in ("COMPLETE", "FAILED", "STOPPED")
        body = {"procedure_id": pid, "chunks": page, "next": following, "final": final, "state": state}
        return Answer(body=body)


def _mistakes_of_events(piece: bytes) -> Iterator[str]:
    """Fields that a topic of the OET does not have, and topics that nobody may send."""
    for block in piece.decode(errors="replace").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        try:
            topic, given = lines["event"], json.loads(lines["data"])
        except (KeyError, ValueError):
            continue  # a comment, or half an event
        if topic in TOPICS:
            fields = {*TOPICS[topic].fields, *TOPICS[topic].optional}
            renamed = {f"{name}_" for name in fields & _ENVELOPE}
            unknown = given.keys() - fields - _ENVELOPE - renamed
            yield from (f"{topic} has no field {name}" for name in sorted(unknown))
        elif topic not in _STREAM_TOPICS and (reason := objection(topic)):
            yield reason


def _last_lines(chunks: list[dict[str, Any]], lines: int) -> list[dict[str, Any]]:
    """The end of these pieces, from where that many lines before it begin."""
    text = "".join(chunk["text"] for chunk in chunks)
    whole = text.splitlines(keepends=True)
    skipped = len("".join(whole[: max(len(whole) - lines, 0)]))
    found = []
    for chunk in chunks:
        kept = chunk["text"][skipped:]
        skipped = max(skipped - len(chunk["text"]), 0)
        found += [{**chunk, "text": kept}] if kept else []
    return found


def _handler_of(oet: FakeOET) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            # The address without a subarray is documented, too.
            url = urlsplit(self.path.replace("/oet/api/", "/oet/1/api/", 1))
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            path = url.path.removeprefix(BASE)
            request = Request(self.command, path, query, dict(self.headers), body)
            oet.requests.append(request)
            refusal = oet.refusal(request)
            wants_stream = "text/event-stream" in self.headers.get("Accept", "")
            if refusal is None and wants_stream and oet.streams[path]:
                if url.path.startswith(BASE):
                    oet.judge(request, Answer(body="", headers={"Content-Type": "text/event-stream"}))
                self._stream(oet.streams[path].popleft())
                return
            answer = refusal or oet.answer(request)
            if url.path.startswith(BASE):
                oet.judge(request, answer)
            oet.hold_back(request)
            if answer.drop:
                self.close_connection = True
                return
            raw = answer.body
            payload = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

        def _stream(self, pieces: list[Piece]) -> None:
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            if oet.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in pieces:
                if isinstance(piece, bytes):
                    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)
                    self.wfile.write(chunk if oet.chunked else piece)
                    self.wfile.flush()
                elif not piece.wait(LONGEST_WAIT):
                    return

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
