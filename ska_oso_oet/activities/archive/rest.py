"""The ODA behind its former REST interface, ``https://<host>/<namespace>/oda/api/v<major>``."""

from __future__ import annotations

import itertools
from typing import Any

from ...domain.errors import Conflict, NotFound
from .entities import FIRST_STATUS, Status, require_version, status_entity
from .exchange import PASSING, Answer, Exchange, Lost
from .kept_here import KeptHere
from .server import Server, segment


class RestArchive:
    """The ODA on a server; execution blocks, for which not every version has a resource, are kept here."""

    def __init__(self, server: Server, here: KeptHere) -> None:
        self.where = server.where
        self._server = server
        self._here = here

    def scheduling_block(self, sbd_id: str, version: int | None = None) -> dict[str, Any]:
        """See the port."""
        wanted = "" if version is None else f"?version={version}"
        answer = self._server.exchange().safely("GET", f"/sbds/{segment(sbd_id)}{wanted}")
        if answer.status == 404:
            raise self._absent(sbd_id, version)
        document = self._server.document(answer)
        if version is not None:
            require_version(document, sbd_id, version, self.where)
        return document

    def _absent(self, sbd_id: str, version: int | None) -> NotFound:
        if version is not None:
            newest = self._server.exchange().safely("GET", f"/sbds/{segment(sbd_id)}")
            if newest.status != 404:
                self._server.require_success(newest)
                return NotFound.version(sbd_id, version, self.where)
        return NotFound.scheduling_block(sbd_id, self.where)

    def store_instance(self, sbi: dict[str, Any]) -> None:
        """See the port."""
        path = f"/sbis/{segment(sbi['sbi_id'])}"
        exchange = self._server.exchange()
        for attempt in itertools.count(1):
            sent = _post(exchange, sbi)
            if isinstance(sent, Answer) and 200 <= sent.status < 300:
                return
            # It may be there: the answer was lost on its way, or it was stored before.
            found = exchange.safely("GET", path)
            if found.status != 404:
                return self._require_same(self._server.document(found), sbi)
            if isinstance(sent, Answer) and sent.status not in PASSING:
                raise self._server.refused(sent)
            if not exchange.pause(attempt):
                break
        raise exchange.away(sent) if isinstance(sent, Lost) else self._server.refused(sent)

    def record_status(self, sbi_id: str, status: Status) -> None:
        """See the port."""
        path = f"/status/sbis/{segment(sbi_id)}"
        exchange = self._server.exchange()
        found = exchange.safely("GET", path)
        before = FIRST_STATUS if found.status == 404 else self._server.document(found).get("current_status")
        if before == status:
            return
        answer = exchange.safely("PUT", path, status_entity(sbi_id, status, str(before)))
        self._server.require_success(answer)

    def record_execution_block(self, eb: dict[str, Any]) -> None:
        """See the port."""
        self._here.execution_block(eb, f"the archive {self.where} has no certain place for execution blocks")

    def _require_same(self, stored: dict[str, Any], sbi: dict[str, Any]) -> None:
        # The ODA may write times and absent values in its own style, so not everything is compared.
        if _execution(stored) != _execution(sbi):
            raise Conflict(
                f"the archive {self.where} already has another SBInstance {sbi['sbi_id']}; try again"
            )


def _post(exchange: Exchange, sbi: dict[str, Any]) -> Answer | Lost:
    try:
        return exchange.once("POST", "/sbis", sbi)
    except Lost as lost:
        return lost


def _execution(sbi: dict[str, Any]) -> tuple[Any, ...]:
    """The fields that distinguish executions."""
    return sbi.get("sbd_ref"), sbi.get("sbd_version")
