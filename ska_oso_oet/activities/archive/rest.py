"""The ODA behind its REST interface, ``https://<host>/<namespace>/oda/api/v<major>``."""

from __future__ import annotations

import itertools
import urllib.parse
from typing import Any

from ...domain.errors import ArchiveAway, Conflict, NotFound
from ...domain.scheduling import checked_sbd_id
from ...settings.urls import shown
from .entities import AGAIN, CHECK, FIRST_STATUS, Status, read_document, status_entity
from .exchange import PASSING, Answer, Exchange, Lost


class RestArchive:
    """The ODA on a server. Every call has its own connection and is over after ``timeout`` seconds."""

    def __init__(self, url: str, timeout: float) -> None:
        self.where = shown(url)
        self._url = url
        self._timeout = timeout

    def scheduling_block(self, sbd_id: str) -> dict[str, Any]:
        """See the port."""
        exchange = self._exchange()
        answer = exchange.safely("GET", f"/sbds/{_segment(sbd_id)}")
        if answer.status == 404:
            raise NotFound.scheduling_block(sbd_id, self.where)
        return self._document(answer)

    def store_instance(self, sbi: dict[str, Any]) -> None:
        """See the port."""
        path = f"/sbis/{_segment(sbi['sbi_id'])}"
        exchange = self._exchange()
        for attempt in itertools.count(1):
            sent = _post(exchange, sbi)
            if isinstance(sent, Answer) and 200 <= sent.status < 300:
                return
            # It may be there: the answer was lost on its way, or it was stored before.
            found = exchange.safely("GET", path)
            if found.status != 404:
                return self._require_same(self._document(found), sbi)
            if isinstance(sent, Answer) and sent.status not in PASSING:
                raise self._refused(sent)
            if not exchange.pause(attempt):
                break
        raise exchange.away(sent) if isinstance(sent, Lost) else self._refused(sent)

    def record_status(self, sbi_id: str, status: Status) -> None:
        """See the port."""
        path = f"/status/sbis/{_segment(sbi_id)}"
        exchange = self._exchange()
        found = exchange.safely("GET", path)
        before = FIRST_STATUS if found.status == 404 else self._document(found).get("current_status")
        if before == status:
            return
        answer = exchange.safely("PUT", path, status_entity(sbi_id, status, str(before)))
        self._require_success(answer)

    def _exchange(self) -> Exchange:
        return Exchange(self._url, self._timeout)

    def _document(self, answer: Answer) -> dict[str, Any]:
        self._require_success(answer)
        try:
            return read_document(answer.body)
        except ValueError:
            raise ArchiveAway(
                f"the archive {self.where} answers with something other than a JSON object; {CHECK}"
            ) from None

    def _require_success(self, answer: Answer) -> None:
        if not 200 <= answer.status < 300:
            raise self._refused(answer)

    def _refused(self, answer: Answer) -> ArchiveAway:
        if 300 <= answer.status < 400:
            what, remedy = "redirects, which is not followed", "set OET_ODA_URL to where it redirects to"
        elif answer.status >= 500:
            what, remedy = "answers with an error", AGAIN
        elif answer.status in (401, 403):
            what, remedy = "refuses", "check the user and password in OET_ODA_URL"
        else:
            what, remedy = "refuses", CHECK
        return ArchiveAway(f"the archive {self.where} {what} (HTTP {answer.status}){_said(answer)}; {remedy}")

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


def _segment(identifier: str) -> str:
    return urllib.parse.quote(checked_sbd_id(identifier), safe="")


def _said(answer: Answer) -> str:
    """The server's own sentence, if there is one."""
    try:
        detail = read_document(answer.body).get("detail")
    except ValueError:
        return ""
    text = "".join(c if c.isprintable() else " " for c in str(detail or ""))
    return f": {text[:200]}" if text else ""
