"""How procedures and activities are answered: each has an address of its own, and both are stopped alike."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request

from .services import services

_STOPPING = 60.0  #: seconds for a stop, beyond the grace period
_STOPPED = ("abort_message", "abort_procedure", "survivors", "survivor_processes")


def shown(collection: str, document: dict[str, Any]) -> dict[str, Any]:
    """A document with its address, as whoever asks has addressed this server."""
    return {"id": document["id"], "uri": f"{base_url()}/{collection}/{document['id']}", **document}


def base_url() -> str:
    """The address of the API, as whoever asks has addressed this server."""
    return f"{request.host_url.rstrip('/')}{request.script_root}"


def shown_of(collection: str, document: dict[str, Any], subarray: int) -> dict[str, Any]:
    """A document of any subarray, with its address where that subarray's OET is found beside this one."""
    root, _, mine = base_url().rpartition("/oet/")
    address = f"{root}/oet/{subarray}/{mine[mine.index('api/') :]}/{collection}/{document['id']}"
    return {"id": document["id"], "uri": address, **document}


def created(document: dict[str, Any]) -> Response:
    """The answer to a request that brought this into being."""
    response = jsonify(document)
    response.status_code = 201
    response.headers["Location"] = document["uri"]
    return response


def stopping_time() -> float:
    """How long a stop may take, in seconds."""
    return _STOPPING + services().settings.stop_grace


def stopped(answer: dict[str, Any]) -> Response:
    """The answer to a stop; nothing about an abort where none was asked for."""
    abort = {"abort": answer["abort"]} if answer.get("abort") else {}
    return jsonify({key: answer[key] for key in _STOPPED} | abort)
