"""Everything that can go wrong, as one tree.

OETError
├── InvalidRequestError     wrong before anything was sent
├── RefusedError            the server said no
│   └── NotAuthorisedError  ... because of who asks
├── UnreachableError        nobody answered
├── BadAnswerError          somebody answered, but not an OET
└── DeadlineError           the caller's time limit passed
"""

from __future__ import annotations


class OETError(Exception):
    """Base of all errors of this client; the message is one line for people."""


class InvalidRequestError(OETError, ValueError):
    """The request makes no sense, whatever the server's state."""


class RefusedError(OETError):
    """The server understood and refused, or there is nothing the request could apply to.

    ``status`` is the HTTP status, or None when the client itself found nothing to act on.
    """

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


class NotAuthorisedError(RefusedError):
    """Status 401 (log in first) or 403 (not permitted)."""


class UnreachableError(OETError):
    """No OET answers at ``url``."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"Cannot reach the OET at {url} ({reason}); "
            "set OET_URL or --server-url to the address of a running OET"
        )
        self.url = url
        self.reason = reason


class BadAnswerError(OETError):
    """What ``url`` answered is not what an OET answers."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url} does not answer like an OET: {why}")
        self.url = url
        self.why = why


class DeadlineError(OETError):
    """``subject``, such as ``Procedure 3``, was not final within the caller's limit; it runs on."""

    def __init__(self, subject: str, state: str, timeout: float) -> None:
        super().__init__(f"{subject} is still {state} after {timeout:g} s and goes on")
        self.subject = subject
        self.state = state
        self.timeout = timeout
