"""oso-services as a real server for tests: blocks with a status, execution blocks, tokens, no instances."""

from __future__ import annotations

import contextlib
import urllib.parse
from collections.abc import Iterator
from typing import Any

from .oda import Oda, found, json_of

BASE = "/ska-oso-services/oso/api/v16"


class OsoServices(Oda):
    """The archive since 2026, with the misbehaviours of an ODA."""

    base = BASE

    def __init__(self) -> None:
        super().__init__()
        self.block_statuses: dict[str, str] = {}  #: by sbd_id
        self.execution_blocks: dict[str, dict[str, Any]] = {}  #: by the id it has here
        self.enabled = True  #: whether it takes execution blocks
        self.disabled = 501, {"detail": "The engineering API is not enabled"}  #: its answer if it does not
        self.refusal = 0  #: the status of its answer to any command of an execution block; 0 if it takes it
        self.takes_bodies = True  #: whether an execution block may be created from a document
        self.own_ids = False  #: whether it gives execution blocks ids of its own
        self.gives_newest = False  #: whether it overlooks ``?version=``
        self.accepted: set[str] | None = None  #: tokens; None if it needs none

    def work(self, method: str, path: str, token: str | None, body: bytes) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        steps = [urllib.parse.unquote(step) for step in path.split("/")[1:]]
        if steps[0] == "odt":
            if self.accepted is not None and (token or "").removeprefix("Bearer ") not in self.accepted:
                return 401, {"status": 401, "title": "Unauthorized", "detail": "Not authenticated"}
            asked = urllib.parse.parse_qs(query).get("version")
            version = int(asked[0]) if asked and not self.gives_newest else None
            return self._definition(method, steps[1:], version)
        if steps[:2] == ["engineering", "ebs"]:
            if not self.enabled:
                return self.disabled
            return self._execution_block(method, steps[2:], json_of(body))
        return 404, {"detail": "Not Found"}

    def _definition(self, method: str, steps: list[str], version: int | None) -> tuple[int, Any]:
        match method, *steps:
            case "GET", "sbds", sbd_id:
                return found(self.block(sbd_id, version), sbd_id)
            case "GET", "sbds", sbd_id, "status":
                status = self.block_statuses.get(sbd_id)
                document = {"entity_id": sbd_id, "status": status, "updated_by": "somebody"}
                return found(document if status else None, sbd_id)
        return 404, {"detail": "Not Found"}

    def _execution_block(self, method: str, steps: list[str], document: dict[str, Any]) -> tuple[int, Any]:
        match method, *steps:
            case "GET", eb_id:
                return found(self.execution_blocks.get(eb_id), eb_id)
            case "POST", "" if self.takes_bodies:
                return self._create(document)
            case "POST", ("ska_mid" | "ska_low") as telescope:
                return self._create({"telescope": telescope})
            case "PATCH", _, "request_response" if self.refusal:
                return self.refusal, {"detail": "not like this"}
            case "PATCH", eb_id, "request_response" if eb_id in self.execution_blocks:
                if not {"request", "status", "request_sent_at"} <= document.keys():
                    return 422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}
                self.execution_blocks[eb_id]["request_responses"].append(document)
                return 200, self.execution_blocks[eb_id]
            case "PUT", eb_id, "status", ("observed" | "failed") as status:
                self.execution_blocks[eb_id]["status"] = status.capitalize()
                return 200, {"entity_id": eb_id, "status": status.capitalize()}
        return 404, {"detail": "Not Found"}

    def _create(self, document: dict[str, Any]) -> tuple[int, Any]:
        wanted = None if self.own_ids else document.get("eb_id")
        eb_id = wanted or f"eb-986-20261125-{len(self.execution_blocks) + 1}"
        created = {**document, "eb_id": eb_id, "request_responses": [], "status": "Created"}
        self.execution_blocks[eb_id] = created
        return 200, created


@contextlib.contextmanager
def serving_oso_services() -> Iterator[OsoServices]:
    """An oso-services for a block."""
    services = OsoServices()
    services.start()
    try:
        yield services
    finally:
        services.stop()
