"""An archive behind http, and what its answers mean."""

from __future__ import annotations

import urllib.parse
from typing import Any

from ...domain.errors import ArchiveAway
from ...domain.scheduling import checked_sbd_id
from ...settings.urls import shown
from .entities import AGAIN, CHECK, Rejected, read_document
from .exchange import Answer, Exchange
from .login import Login

_PASSWORD = (
    "give a token with OET_ODA_TOKEN_FILE or OET_ODA_CLIENT_ID, or check the user and password in OET_ODA_URL"
)


_PASSING = (408, 425, 429)  #: refusals that say nothing against the request


class Server:
    """The server of an archive. Every call has its own connection.

    :param timeout: seconds that the requests of one call may take together
    """

    def __init__(self, url: str, timeout: float, login: Login | None, ca_file: str) -> None:
        self.where = shown(url)
        self._url = url
        self._timeout = timeout
        self._login = login
        self._ca_file = ca_file

    def exchange(self) -> Exchange:
        """Begin a call."""
        return Exchange(self._url, self._timeout, self._login, self._ca_file)

    def document(self, answer: Answer) -> dict[str, Any]:
        """The document of an answer.

        :raises ArchiveAway: if there is none
        """
        self.require_success(answer)
        try:
            return read_document(answer.body)
        except ValueError:
            raise ArchiveAway(
                f"the archive {self.where} answers {answer.request} with something other than a JSON object; "
                f"{CHECK}"
            ) from None

    def require_success(self, answer: Answer) -> None:
        """Raise ArchiveAway unless the server did what it was asked for."""
        if not 200 <= answer.status < 300:
            raise self.refused(answer)

    def refused(self, answer: Answer) -> ArchiveAway:
        """The refusal that an answer means: which resource, what was answered, and what to do."""
        if 300 <= answer.status < 400:
            what, remedy = "redirects", "that is not followed; set OET_ODA_URL to where it redirects to"
        elif answer.status >= 500:
            what, remedy = "answers with an error", AGAIN
        elif answer.status in (401, 403):
            what, remedy = "refuses", self._login.remedy if self._login else _PASSWORD
        else:
            what, remedy = "refuses", CHECK
        kind = Rejected if 400 <= answer.status < 500 and answer.status not in _PASSING else ArchiveAway
        return kind(
            f"the archive {self.where} {what} (HTTP {answer.status} to {answer.request}){_said(answer)}; "
            f"{remedy}"
        )


def segment(identifier: str) -> str:
    """An id as one element of a path."""
    return urllib.parse.quote(checked_sbd_id(identifier), safe="")


def _said(answer: Answer) -> str:
    """The server's own sentence, if there is one; the library FastAPI makes a list of them."""
    try:
        detail = read_document(answer.body).get("detail")
    except ValueError:
        return ""
    if isinstance(detail, list):
        detail = "; ".join(str(one.get("msg")) for one in detail if isinstance(one, dict))
    text = "".join(c if c.isprintable() else " " for c in str(detail or ""))
    return f": {text[:200]}" if text else ""
