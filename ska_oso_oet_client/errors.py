"""Everything that can go wrong, as one tree.

OETError
├── InvalidRequestError           wrong before anything was sent
├── RefusedError                  the server said no
│   └── NotAuthorisedError        ... because of who asks
│       ├── NotLoggedInError      ... who is nobody yet, or nobody any more
│       └── LoginFailedError      ... and could not show who that is
├── UnreachableError              nobody answered
│   ├── LostError                 ... any more
│   └── ProviderUnreachableError  ... at the identity provider
├── BadAnswerError                somebody answered, but not an OET
│   └── ProviderAnswerError       ... nor, where one should be, an identity provider
└── DeadlineError                 the caller's time limit passed
"""

from __future__ import annotations

import re

_KINDS = {"PID": "procedure", "AID": "activity"}


class OETError(Exception):
    """Base of all errors of this client; the message is one line for people."""


class InvalidRequestError(OETError, ValueError):
    """The request is invalid in every state of the server."""


class RefusedError(OETError):
    """The server understood and refused, or there is nothing the request could apply to.

    ``status`` is the HTTP status, or None when the client itself found nothing to act on;
    ``detail`` is the server's sentence.
    """

    def __init__(self, detail: str, status: int | None = None) -> None:
        unknown = re.fullmatch(r"No information available for (PID|AID)=(\d+)", detail)
        super().__init__(f"There is no {_KINDS[unknown[1]]} {unknown[2]}" if unknown else detail)
        self.detail = detail
        self.status = status


class NotAuthorisedError(RefusedError):
    """Status 401 (log in first) or 403 (not permitted)."""


class NotLoggedInError(NotAuthorisedError):
    """The OET at ``server`` wants a login, and there is none that still holds."""

    def __init__(self, server: str) -> None:
        super().__init__(f"Not logged in to {server}: run `oet login`", 401)
        self.server = server


class LoginFailedError(NotAuthorisedError):
    """The identity provider, or the person at its page, did not let the login happen."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The login failed: {why}", 401)


class UnreachableError(OETError):
    """No OET answers at ``url``; ``sent`` if the request may have reached it."""

    def __init__(self, url: str, reason: str, sent: bool = False) -> None:
        super().__init__(
            f"The OET at {url} does not answer ({reason}); it may be restarting or stuck: try again"
            if sent
            else f"Cannot reach the OET at {url} ({reason}); "
            "set OET_URL or --server-url to the address of a running OET"
        )
        self.url = url
        self.reason = reason
        self.sent = sent


class LostError(UnreachableError):
    """The OET at ``url`` answered, and then did not for ``seconds``; scripts may go on there."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url = url
        self.reason = f"gone for {seconds:g} s"
        self.sent = True
        OETError.__init__(self, f"Not heard from the OET at {url} for {seconds:g} s")


class ProviderUnreachableError(UnreachableError):
    """The identity provider does not answer; that says nothing about the login itself."""

    def __init__(self, url: str, reason: str) -> None:
        OETError.__init__(self, f"Cannot reach the identity provider at {url} ({reason})")
        self.sent = False
        self.url = url
        self.reason = reason


class BadAnswerError(OETError):
    """``url`` gave an answer that no OET gives; ``status`` is HTTP's."""

    def __init__(self, url: str, why: str, status: int | None = None) -> None:
        super().__init__(f"{url} does not answer like an OET: {why}")
        self.url = url
        self.why = why
        self.status = status


class ProviderAnswerError(BadAnswerError):
    """``url`` gave an answer that no identity provider gives."""

    def __init__(self, url: str, why: str) -> None:
        OETError.__init__(self, f"{url} does not answer like an identity provider: {why}")
        self.url = url
        self.why = why
        self.status = None


class DeadlineError(OETError):
    """``subject``, such as ``Procedure 3``, was not final within the caller's limit; it runs on."""

    def __init__(self, subject: str, state: str, timeout: float) -> None:
        super().__init__(f"{subject} is still {state} after {timeout:g} s and goes on")
        self.subject = subject
        self.state = state
        self.timeout = timeout
