"""Traces, sent to a real receiver of OTLP; and nothing of them where nobody asked for them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ska_oso_oet.bus.envelope import Envelope

from ..conftest import Server, serving, until
from ..support.activities import Activities, Blocks, inline

SCRIPT = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}
TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENT = "b7ad6b7169203331"


class Span(NamedTuple):
    name: str
    trace: str
    id: str
    parent: str
    seconds: float
    about: dict[str, Any]


class Receiver:
    """A collector: takes spans over HTTP, and keeps them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    receiver._take(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _take(self, request: ExportTraceServiceRequest) -> None:
        with self._changed:
            for resource in request.resource_spans:
                process = _read(resource.resource.attributes)
                for scope in resource.scope_spans:
                    self.spans += [_span(span, process) for span in scope.spans]
            self._changed.notify_all()

    def wait(self, wanted: Callable[[Span], bool]) -> Span:
        """The first span that is wanted, once it has come."""
        deadline = time.monotonic() + 30
        with self._changed:
            while not (found := [span for span in self.spans if wanted(span)]):
                assert self._changed.wait(deadline - time.monotonic()), [s.name for s in self.spans]
        return found[0]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _read(attributes: Any) -> dict[str, Any]:
    return {a.key: a.value.int_value or a.value.string_value for a in attributes}


def _span(span: Any, process: dict[str, Any]) -> Span:
    seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return Span(span.name, *ids, seconds, {**process, **_read(span.attributes)})


def tracing(url: str) -> dict[str, str]:
    """The settings that send traces there, soon."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "50"}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture(scope="module")
def server(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", **tracing(receiver.url)) as found:
        until(lambda: _all_trace(found, receiver))  # they begin as soon as they can
        yield found


def _all_trace(server: Server, receiver: Receiver) -> bool:
    for path in ("/procedures", "/activities"):
        server.get(path)
    return {span.about["oet.worker"] for span in receiver.spans} == {
        "FlaskWorker",
        "SESWorker",
        "ActivityWorker",
    }


def ask(server: Server, method: str, path: str, parent: str, **body: Any) -> Any:
    answer = server.request(method, path, json=body, headers={"traceparent": parent})
    assert answer.status_code < 300, answer.text
    return answer.json()


def test_a_trace_goes_from_the_client_over_the_bus_to_what_the_supervisor_does(
    server: Server, receiver: Receiver
) -> None:
    parent = f"00-{TRACE}-{CLIENT}-01"
    pid = ask(server, "POST", "/procedures", parent, **SCRIPT)["id"]
    server.wait_state(pid, "READY")
    ask(server, "PUT", f"/procedures/{pid}", parent, state="RUNNING")
    server.ended(pid)

    def found(name: str) -> Span:
        return receiver.wait(lambda span: span.name == name and span.trace == TRACE)

    for path, topic, phase in (
        ("POST /procedures", "request.procedure.create", "LOADING"),
        ("PUT /procedures/{procedure_id}", "request.procedure.start", "RUNNING"),
    ):
        asked, carried_out, done = found(path), found(topic), found(phase)
        assert asked.parent == CLIENT
        assert carried_out.parent == asked.id
        assert done.parent == carried_out.id
        assert done.about["oet.procedure"] == pid
        assert [span.about["oet.worker"] for span in (asked, carried_out)] == ["FlaskWorker", "SESWorker"]
        assert {span.about["service.name"] for span in (asked, carried_out, done)} == {"ska-oso-oet"}
        assert asked.about["oet.subarray"] == "1"
    history = {state: at for state, at in server.procedure(pid)["history"]["process_states"]}
    assert abs(found("RUNNING").seconds - (history["COMPLETE"] - history["RUNNING"])) < 1e-3
    assert found("POST /procedures").about["oet.status"] == 201


def test_an_activity_is_one_trace_over_all_workers(server: Server, receiver: Receiver) -> None:
    Blocks(server).add("sbd-1", {"observe": inline("def main():\n    pass\n")})
    activity = Activities(server).run("sbd-1", prepare_only=True)
    server.wait_state(activity["procedure_id"], "READY")
    first = receiver.wait(lambda span: span.name == "POST /activities")
    assert first.parent == ""
    run = receiver.wait(lambda span: span.name == "request.activity.run")
    assert (run.parent, run.about["oet.worker"]) == (first.id, "ActivityWorker")
    for topic in ("request.procedure.check", "request.procedure.create"):
        asked = receiver.wait(lambda span, topic=topic: (span.trace, span.name) == (run.trace, topic))
        assert asked.parent == run.id


def test_a_stop_is_traced(server: Server, receiver: Receiver) -> None:
    pid = server.run("diehard.py", "sleeping")
    trace = "1" * 32
    ask(server, "PUT", f"/procedures/{pid}", f"00-{trace}-{CLIENT}-01", state="STOPPED")
    receiver.wait(lambda span: (span.trace, span.name) == (trace, "request.procedure.stop"))


@pytest.mark.parametrize("parent", ["", "rubbish", "00-0-0-01", f"ff-{TRACE}-{CLIENT}-01", "é" * 3000])
def test_a_traceparent_that_is_none_is_left_aside(server: Server, receiver: Receiver, parent: str) -> None:
    before = len(receiver.spans)
    headers = {"traceparent": parent.encode("latin-1")}
    assert server.request("GET", "/audit", headers=headers).status_code == 200
    receiver.wait(lambda span: span.name == "GET /audit" and span in receiver.spans[before:])
    assert {span.parent for span in receiver.spans if span.name == "GET /audit"} == {""}


def test_streams_are_traced_until_they_begin_and_probes_are_not(server: Server, receiver: Receiver) -> None:
    root = server.url.split("/ska-oso-oet")[0]
    for path in ("/livez", "/readyz", "/metrics"):
        assert requests.get(f"{root}{path}", timeout=20).status_code == 200
    pid = server.create("trivial.py")
    server.wait_state(pid, "READY")
    receiver.wait(lambda span: span.name == "GET /stream")
    names = " ".join(span.name for span in receiver.spans)
    assert not re.search("livez|readyz|metrics|request.operator.drain", names)


def test_nobody_is_named(server: Server, receiver: Receiver) -> None:
    known = {"service.name", "service.instance.id", "oet.worker", "oet.subarray"}
    known |= {"oet.status", "oet.request_id", "oet.procedure"}
    said = {key for span in receiver.spans for key in span.about if not key.startswith("telemetry.sdk.")}
    assert said <= known


@pytest.mark.parametrize("kind", ["nobody answers", pytest.param("nobody listens", marks=pytest.mark.long)])
@pytest.mark.long
def test_without_a_collector_everything_works_and_ends(tmp_path: Path, kind: str) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if kind == "nobody answers":
            deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with serving(tmp_path / "state", **tracing(url)) as server:
            server.ended(server.run("trivial.py"))
            pid = server.run("diehard.py", "sleeping")
            assert server.stop_script(pid)["survivors"] == 0
            server.kill("ses")
            server.ready()
            assert server.stop() == 0
            said = [line for line in server.log.read_text().splitlines() if "cannot be sent" in line]
            assert all(url in line for line in said)
            assert "opentelemetry" not in server.log.read_text()


# -- off ---------------------------------------------------------------------------------------------

WORKERS = """
import sys
from ska_oso_oet import server
from ska_oso_oet.telemetry import tracing
from ska_oso_oet.workers import activity, arbiter, bus, rest, script_execution
with tracing.span("a", None) as about:
    assert tracing.current() is None
tracing.happened("a", 0.0, 1.0, "b")
tracing.flush(1.0)
print([name for name in sys.modules if name.startswith(("opentelemetry", "google"))], tracing.on())
"""
MISSING = """
from ska_oso_oet.telemetry import logs, tracing
logs.configure("INFO", "text", "test")
tracing.begin("http://127.0.0.1:1", {"oet.worker": "test"})
print(tracing.on())
"""


def _python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_where_it_is_off_nothing_of_it_is_loaded() -> None:
    assert _python(WORKERS).stdout == "[] False\n"


def test_where_it_is_not_installed_that_is_said_and_no_reason_to_end(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError('not here')")
    done = _python(MISSING, PYTHONPATH=str(tmp_path))
    assert done.stdout == "False\n"
    assert re.search(r"WARNING test: Nothing is traced: install ska_oso_oet\[tracing\]", done.stderr)


@pytest.mark.parametrize("trace", [None, f"00-{TRACE}-{CLIENT}-01"])
def test_an_envelope_carries_a_trace_only_where_there_is_one(trace: str | None) -> None:
    made = Envelope(topic="a", msg_src="b", time=0.0, payload={}, trace=trace)
    assert ("trace" in made.to_dict()) is (trace is not None)
    assert Envelope.from_dict(made.to_dict()) == made
