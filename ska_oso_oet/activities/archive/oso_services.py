"""oso-services, the archive since 2026: ``https://<host>/<namespace>/oso/api/v<major>``.

It has no resource for instances of scheduling blocks, so these are kept here. Execution blocks are kept
here, too, and sent if the engineering interface is enabled.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from ...domain.errors import ArchiveAway, NotFound
from .entities import Status, require_status, require_version
from .exchange import Answer, Exchange, Lost
from .kept_here import KeptHere
from .server import Server, segment

LOG = logging.getLogger(__name__)

_EBS = "/engineering/ebs"
_NO_SUCH_METHOD = (404, 405)
_NOT_ENABLED = (501, *_NO_SUCH_METHOD)
_ENDS = {"Observed": "observed", "Failed": "failed"}


class OsoServicesArchive:
    """The archive on a server of oso-services.

    :param statuses: those of a block that may be observed; any if empty
    """

    def __init__(self, server: Server, here: KeptHere, statuses: Collection[str]) -> None:
        self.where = server.where
        self._server = server
        self._here = here
        self._statuses = statuses
        self._enabled = True  #: whether execution blocks are taken there

    def scheduling_block(self, sbd_id: str, version: int | None = None) -> dict[str, Any]:
        """See the port."""
        exchange = self._server.exchange()
        path = f"/odt/sbds/{segment(sbd_id)}"
        answer = exchange.safely("GET", path if version is None else f"{path}?version={version}")
        if answer.status == 404:
            raise self._absent(exchange, path, sbd_id, version)
        document = self._server.document(answer)
        if version is not None:
            require_version(document, sbd_id, version, self.where)
        if self._statuses:
            status = self._server.document(exchange.safely("GET", f"{path}/status")).get("status")
            require_status(status, self._statuses, sbd_id, self.where)
        return document

    def _absent(self, exchange: Exchange, path: str, sbd_id: str, version: int | None) -> NotFound:
        if version is not None:
            newest = exchange.safely("GET", path)
            if newest.status != 404:
                self._server.require_success(newest)
                return NotFound.version(sbd_id, version, self.where)
        return NotFound.scheduling_block(sbd_id, self.where)

    def store_instance(self, sbi: dict[str, Any]) -> None:
        """See the port."""
        self._here.instance(sbi, f"the archive {self.where} has no resource for them")

    def record_status(self, sbi_id: str, status: Status) -> None:
        """See the port."""
        self._here.status(sbi_id, status)

    # -- execution blocks --------------------------------------------------------------------------

    def record_execution_block(self, eb: dict[str, Any]) -> None:
        """See the port."""
        exchange = self._server.exchange()  # its time is that of the whole call
        self._here.execution_block(eb)
        if self._enabled:
            try:
                self._send(exchange, eb)
            except Lost as lost:
                raise exchange.away(lost) from None

    def _send(self, exchange: Exchange, eb: dict[str, Any]) -> None:
        name = self._here.name_there(eb["eb_id"]) or eb["eb_id"]
        found = exchange.safely("GET", f"{_EBS}/{segment(name)}")
        if found.status == 404:
            found = self._create(exchange, eb)
        if found.status in _NOT_ENABLED:
            self._enabled = False
            why = f"the archive {self.where} does not take them (HTTP {found.status} to {found.request})"
            self._here.execution_block(eb, why)
            return
        stored = self._server.document(found)
        name = stored.get("eb_id")
        if not isinstance(name, str):
            raise ArchiveAway(
                f"the archive {self.where} answers {found.request} without eb_id; try again shortly"
            )
        if name != eb["eb_id"]:
            self._here.keep_name(eb["eb_id"], name)
        self._send_commands(exchange, f"{_EBS}/{segment(name)}", stored, eb)

    def _send_commands(
        self, exchange: Exchange, path: str, stored: dict[str, Any], eb: dict[str, Any]
    ) -> None:
        # It appends whatever comes, so those it has are counted.
        for command in eb["request_responses"][len(stored.get("request_responses") or []) :]:
            self._server.require_success(exchange.once("PATCH", f"{path}/request_response", command))
        if eb["status"] in _ENDS:
            self._server.require_success(exchange.safely("PUT", f"{path}/status/{_ENDS[eb['status']]}"))

    def _create(self, exchange: Exchange, eb: dict[str, Any]) -> Answer:
        about = ("eb_id", "telescope", "sbd_ref", "sbd_version", "sbi_ref")
        body = {name: eb[name] for name in about if eb.get(name) is not None}
        answer = exchange.once("POST", f"{_EBS}/", body)
        if answer.status in _NO_SUCH_METHOD:  # earlier releases take no body
            answer = exchange.once("POST", f"{_EBS}/{segment(eb['telescope'])}")
        return answer
