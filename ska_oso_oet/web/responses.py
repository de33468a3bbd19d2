"""The answers about procedures and activities: documents with their URLs, and stops."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, jsonify, request

from .context import services
from .remaining import with_times

STOPPING = 60.0  #: seconds for a stop, beyond the grace period
_STOPPED = ("abort_message", "abort_procedure", "survivors", "survivor_processes")


def shown(collection: str, document: dict[str, Any]) -> dict[str, Any]:
    """A document with its URL, below the URL that the client used for this server."""
    return {"id": document["id"], "uri": f"{base_url()}/{collection}/{document['id']}", **document}


def shown_procedure(document: dict[str, Any]) -> dict[str, Any]:
    """A procedure with its URL, and with the times that change by themselves."""
    return shown("procedures", with_times(document, time.time()))


#: Fields of a running activity's procedure.
PACE = ("pause", "progress", "elapsed", "remaining")


def shown_activity(document: dict[str, Any], procedure: dict[str, Any] | None = None) -> dict[str, Any]:
    """An activity with its URL, and with the pace of its procedure while that runs.

    :param procedure: the document of its procedure, if that runs
    """
    pace = dict.fromkeys(PACE) if procedure is None else with_times(procedure, time.time())
    return shown("activities", {**document, **{name: pace[name] for name in PACE}})


def base_url() -> str:
    """The URL of the API that the client used."""
    return f"{request.host_url.rstrip('/')}{request.script_root}"


def shown_of(collection: str, document: dict[str, Any], subarray: int) -> dict[str, Any]:
    """A document of any subarray, with its URL if the OET of that subarray has a URL beside this one."""
    root, _, mine = base_url().rpartition("/oet/")
    address = f"{root}/oet/{subarray}/{mine[mine.index('api/') :]}/{collection}/{document['id']}"
    return {"id": document["id"], "uri": address, **document}


def created(document: dict[str, Any]) -> Response:
    """The answer to a request that created an object."""
    response = jsonify(document)
    response.status_code = 201
    response.headers["Location"] = document["uri"]
    return response


def stopping_time() -> float:
    """The time limit of a stop in seconds."""
    return STOPPING + services().settings.stop_limit


def stopped(answer: dict[str, Any]) -> Response:
    """The answer to a stop; with its abort, if one was requested, and whether it was a dry run."""
    abort = {"abort": answer["abort"]} if answer.get("abort") else {}
    dry_run = {"simulated": True} if answer.get("simulated") else {}
    return jsonify({key: answer[key] for key in _STOPPED} | abort | dry_run)
