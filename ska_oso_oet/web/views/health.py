"""The views of liveness, readiness and status."""

from __future__ import annotations

import asyncio
import shutil
import time
import uuid
from typing import Any

from flask import Response, jsonify

from ... import __version__
from ...bus import topics
from ...bus.central_queries import ask_central
from ...bus.client import BusClient
from ...domain.errors import Refusal
from ..auth.permissions import Permission, needs
from ..context import Services, services
from ..gateway import ask
from ..middleware.errors import problem
from ..problems import PROBLEMS
from ..remaining import with_times
from ..routes import Routes
from ..schemas import health as schemas
from .drain import STATE, drain_state
from .operator import shown

_ASK = 2.0  #: seconds for the answer of a worker
_WORKERS = ("SESWorker", "ActivityWorker")
_CENTRAL = "CentralWorker"  #: optional; a server is ready without it

_Told = tuple[dict[str, str], dict[str, Any], dict[str, str | None]]

api = Routes("health", __name__, tag="health")


@api.get("/livez", summary="Is the process alive?", responses={200: schemas.Alive, **PROBLEMS})
@needs(Permission.OPEN)
def livez() -> Response:
    """Asks no other process."""
    return jsonify({"status": "alive", "version": __version__})


@api.get("/readyz", summary="Do all workers answer?", responses={200: schemas.Ready, **PROBLEMS})
@needs(Permission.OPEN)
def readyz() -> Response:
    """Asks every worker over the bus; a drained server is not ready."""
    workers, drain, stores = _ask_everybody()
    said = {
        name: state and state.partition(":")[0] for name, state in stores.items()
    }  # the reason needs a login
    if away := _away(workers):
        return problem(503, f"not ready: {', '.join(away)} cannot be reached", workers=workers, stores=said)
    if drain["drained"]:  # user and reason need a login
        return problem(503, "not ready: draining, no new work is taken", workers=workers, stores=said)
    return jsonify({"status": "ready", "workers": workers, "stores": said})


@api.get("/status", summary="Show the status of the server", responses={200: schemas.Status, **PROBLEMS})
@needs(Permission.READ)
def status() -> Response:
    """The server, its workers, live procedures, the last obsState, and the operator's decisions."""
    context = services()
    workers, drain, stores = _ask_everybody()
    procedures: list[dict[str, Any]] = []
    switch = shown({"wait_for_qa_ready": None, "override": None})
    if workers["SESWorker"] == "ok":
        listed = ask(topics.LIST_PROCEDURES, {"pids": None}, _ASK)
        procedures = [with_times(procedure, time.time()) for procedure in listed]
        switch = shown(ask(topics.SHOW_QA, {}, _ASK))
    return jsonify(
        {
            "version": __version__,
            "subarray_id": context.settings.subarray_id,
            "ready": not _away(workers) and not drain["drained"],
            "workers": workers,
            "running": next((p for p in procedures if _commands(p)), None),
            "alive": [p for p in procedures if p["outcome"] is None],
            "obs_state": _document(context, "subarray", context.settings.subarray_id),
            "last_abort": _document(context, "abort", 0),
            **switch,
            "drain": drain,
            "reads": context.reads.value,
            "stores": stores,
            "disk_free": shutil.disk_usage(context.settings.state_dir).free,
        }
    )


def _away(workers: dict[str, str]) -> list[str]:
    """The required workers that do not answer."""
    return [worker for worker, answer in workers.items() if answer != "ok" and worker != _CENTRAL]


def _document(found: Services, kind: str, i: int) -> dict[str, Any] | None:
    """A document of the journal about the subarray; the server itself reads no device."""
    read = found.bridge.client.lookup.documents(kind=kind, ids=[i])
    try:
        documents = found.bridge.wait_for(read, _ASK)
    except Refusal:  # the bus is away, which is reported elsewhere
        return None
    return documents[0] if documents else None


def _ask_everybody() -> _Told:
    """The workers' answers, the drain and the state of the stores; nulls if they are unknown."""
    context = services()
    bus, central = context.bridge.client, bool(context.settings.central_url)
    # Readiness checks need no login, and may come at any rate.
    question = context.health.ask("health", {}, lambda: _gather(bus, central))
    told: _Told = context.bridge.wait_for(question, _ASK * 3)
    return told


async def _gather(bus: BusClient, central: bool) -> _Told:
    return await asyncio.gather(_ask_all(bus, central), _ask_drain(bus), _stores(bus, central))


async def _ask_drain(bus: BusClient) -> dict[str, Any]:
    try:
        reply = await bus.ask(topics.SHOW_DRAIN, {}, request_id=uuid.uuid4().hex, timeout=_ASK)
    except Refusal:
        return dict.fromkeys(STATE)
    return drain_state(reply.payload["result"])


async def _stores(bus: BusClient, central: bool) -> dict[str, str | None]:
    """The state of the journal, its copy and its export. None affects readiness, since stops still work."""
    try:
        stores = await bus.lookup.health()
    except ConnectionError:
        return dict.fromkeys(("journal", "central_history", "audit_export"))
    copy = await _ask_central(bus) if central else None
    return {"journal": stores["journal"], "central_history": copy, "audit_export": stores["audit_export"]}


async def _ask_central(bus: BusClient) -> str:
    try:
        return str(await ask_central(bus, topics.CENTRAL_HEALTH, {}, _ASK))
    except Refusal as error:
        return f"away: {error.detail}"


async def _ask_all(bus: BusClient, central: bool) -> dict[str, str]:
    # The answer has come through the broker, so the bus is ready.
    asked = (*_WORKERS, _CENTRAL) if central else _WORKERS
    answers = await asyncio.gather(*(_ask_one(bus, worker) for worker in asked))
    reached: dict[str, Any] = {"bus": "ok" if bus.connected else "away", "FlaskWorker": "ok"}
    return reached | dict(zip(asked, answers, strict=True))


async def _ask_one(bus: BusClient, worker: str) -> str:
    try:
        await bus.ask(topics.PING, {"worker": worker}, request_id=uuid.uuid4().hex, timeout=_ASK)
    except Refusal as error:
        return f"away: {error.detail}"
    return "ok"


def _commands(procedure: dict[str, Any]) -> bool:
    """Whether it commands the telescope."""
    return bool(procedure["state"] == "RUNNING" and not procedure["simulated"])
