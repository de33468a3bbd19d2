"""The login that ``oet login`` left behind, renewed as long as the provider allows."""

from __future__ import annotations

import contextlib
import logging
import signal
import time
from collections.abc import Callable, Iterator

from ..errors import (
    LoginFailedError,
    NotAuthorisedError,
    NotLoggedInError,
    OETError,
    ProviderUnreachableError,
)
from .provider import ProviderRefusal, Tokens
from .session import Session
from .store import Store

log = logging.getLogger(__name__)


class StoredLogin:
    """Credentials of a person. The file on disk is the truth; other processes renew it, too."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._session: Session | None = None

    def session(self) -> Session | None:
        """The login, renewed if it is time for that."""
        session = self._session or self._store.load()
        if session is not None and self._should_renew(session):
            try:
                session = self._renewed(session.access_token)
            except ProviderUnreachableError as error:
                if session.has_ended(self._clock()):
                    raise
                log.debug("the token is still valid for a while: %s", error)
            except NotLoggedInError:
                self._session = None
                raise
        self._session = session
        return session

    def token(self) -> str | None:
        session = self.session()
        return None if session is None else session.access_token

    def another(self, refused: str) -> str | None:
        self._session = None
        self._session = self._renewed(refused)
        return self._session.access_token

    def holds(self, token: str) -> bool:
        session = self._session
        return (
            session is not None
            and session.access_token == token
            and not session.is_due(self._clock())
        )

    def rejection(self, detail: str) -> NotAuthorisedError:
        server = self._store.server
        if self._session is None:
            return NotLoggedInError(server)
        return NotAuthorisedError(f"{server} does not accept this login: {detail}", 401)

    def _should_renew(self, session: Session) -> bool:
        now = self._clock()
        return session.has_ended(now) or (session.is_due(now) and session.refresh_token is not None)

    def _renewed(self, old: str) -> Session:
        """The session with another access token than ``old``."""
        with self._store.locked():
            found = self._store.load()
            if found is None:
                raise NotLoggedInError(self._store.server)
            if found.access_token != old and not found.is_due(self._clock()):
                return found
            if found.refresh_token is None:
                raise NotLoggedInError(self._store.server)
            with _uninterrupted():
                session = found.renewed(self._refresh(found), self._clock())
                try:
                    self._store.save(session)
                except OETError as error:
                    log.warning("%s; the next command will need a new login", error)
            return session

    def _refresh(self, session: Session) -> Tokens:
        try:
            return session.provider.tokens(
                grant_type="refresh_token",
                refresh_token=session.refresh_token,
                client_id=session.client_id,
                resource=session.audience,
            )
        except ProviderRefusal as refusal:
            if refusal.code != "invalid_grant":
                raise LoginFailedError(
                    f"the identity provider at {session.issuer} gives no new token "
                    f"({refusal.sentence})"
                ) from None
            self._store.remove()
            raise NotLoggedInError(self._store.server) from None


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits: between the provider's answer and the disk, it would cost the login."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
