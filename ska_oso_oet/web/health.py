"""Whether this server lives, is ready, and what it is doing."""

from __future__ import annotations

import asyncio
import shutil
import threading
import uuid
from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from .. import __version__
from ..bus.client import BusClient
from ..domain.errors import Refusal
from . import health_schemas as schemas
from .asking import ask
from .auth.permissions import Permission, needs
from .drain import STATE, drain_state
from .errors import problem
from .operator import shown
from .problems import PROBLEMS
from .services import Services, services

_ASK = 2.0  #: seconds a worker may take to answer
_WORKERS = ("SESWorker", "ActivityWorker")
#: Anybody may ask whether the server is ready; where a worker hangs, threads for commands must be left.
_ASKING = threading.BoundedSemaphore(4)

_Told = tuple[dict[str, str], dict[str, Any], dict[str, str | None]]

api = APIBlueprint("health", __name__, abp_tags=[Tag(name="health")])


@api.get("/livez", summary="Is the process alive?", responses={200: schemas.Alive, **PROBLEMS})
@needs(Permission.OPEN)
def livez() -> Response:
    """Asks nobody."""
    return jsonify({"status": "alive", "version": __version__})


@api.get("/readyz", summary="Do all workers answer?", responses={200: schemas.Ready, **PROBLEMS})
@needs(Permission.OPEN)
def readyz() -> Response:
    """Asks every worker over the bus; a drained server is not ready."""
    if not _ASKING.acquire(blocking=False):
        return problem(503, "not ready: others are waiting for an answer to the same question")
    try:
        return _readiness()
    finally:
        _ASKING.release()


def _readiness() -> Response:
    workers, drain, stores = _ask_everybody()
    said = {name: state and state.partition(":")[0] for name, state in stores.items()}  # why is not for all
    away = [worker for worker, answer in workers.items() if answer != "ok"]
    if away:
        return problem(503, f"not ready: {', '.join(away)} cannot be reached", workers=workers, stores=said)
    if drain["drained"]:  # who did it, and why, is for those who may read
        return problem(503, "not ready: draining, no new work is taken", workers=workers, stores=said)
    return jsonify({"status": "ready", "workers": workers, "stores": said})


@api.get("/status", summary="What is this server doing?", responses={200: schemas.Status, **PROBLEMS})
@needs(Permission.READ)
def status() -> Response:
    """The server, its workers, what lives, where the subarray was seen, and what the operator decided."""
    found = services()
    workers, drain, stores = _ask_everybody()
    procedures: list[dict[str, Any]] = []
    switch = shown({"wait_for_qa_ready": None, "override": None})
    if workers["SESWorker"] == "ok":
        procedures = ask("request.procedure.list", {"pids": None}, _ASK)
        switch = shown(ask("request.operator.state", {}, _ASK))
    return jsonify(
        {
            "version": __version__,
            "subarray_id": found.settings.subarray_id,
            "ready": all(answer == "ok" for answer in workers.values()) and not drain["drained"],
            "workers": workers,
            "running": next((p for p in procedures if p["state"] == "RUNNING"), None),
            "alive": [p for p in procedures if p["outcome"] is None],
            "obs_state": _obs_state(found),
            **switch,
            "drain": drain,
            "reads": found.reads.value,
            "stores": stores,
            "disk_free": shutil.disk_usage(found.settings.state_dir).free,
        }
    )


def _obs_state(found: Services) -> dict[str, Any] | None:
    """What a script told last of this subarray; the server itself asks no device."""
    read = found.bridge.client.read_documents(kind="subarray", ids=[found.settings.subarray_id])
    try:
        documents = found.bridge.wait_for(read, _ASK)
    except Refusal:  # the bus is away, which is told elsewhere
        return None
    return documents[0] if documents else None


def _ask_everybody() -> _Told:
    """What workers answer, whether new work is taken, how the stores stand; nulls where nobody can tell."""
    bridge = services().bridge
    return bridge.wait_for(_gather(bridge.client), _ASK * 3)


async def _gather(bus: BusClient) -> _Told:
    return await asyncio.gather(_ask_all(bus), _ask_drain(bus), _stores(bus))


async def _ask_drain(bus: BusClient) -> dict[str, Any]:
    try:
        reply = await bus.ask("request.operator.drain", {}, request_id=uuid.uuid4().hex, timeout=_ASK)
    except Refusal:
        return dict.fromkeys(STATE)
    return drain_state(reply.payload["result"])


async def _stores(bus: BusClient) -> dict[str, str | None]:
    """How the journal, its copy and its export stand; none makes a server unfit to end what it runs."""
    try:
        return await bus.health()
    except ConnectionError:
        return dict.fromkeys(("journal", "central_history", "audit_export"))


async def _ask_all(bus: BusClient) -> dict[str, str]:
    # An answer has come through the broker, so the bus need not be asked.
    answers = await asyncio.gather(*(_ask_one(bus, worker) for worker in _WORKERS))
    reached: dict[str, Any] = {"bus": "ok" if bus.connected else "away", "FlaskWorker": "ok"}
    return reached | dict(zip(_WORKERS, answers, strict=True))


async def _ask_one(bus: BusClient, worker: str) -> str:
    try:
        await bus.ask("request.worker.ping", {"worker": worker}, request_id=uuid.uuid4().hex, timeout=_ASK)
    except Refusal as error:
        return f"away: {error.detail}"
    return "ok"
