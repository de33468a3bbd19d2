"""The keys of one issuer: fetched in the background, cached, and fetched again for an unknown or changed one.

Few requests wait for a provider, and none beyond its time limit. Cached keys stay valid while the provider is
away, since tokens expire.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from ...domain.errors import Unavailable
from .provider import TIME_LIMIT, Key, ProviderAway, Published, ask

LOG = logging.getLogger(__name__)

_LOST = 30.0  #: seconds after which a fetch is abandoned that has exceeded its limit
_PAUSE = 3.0  #: seconds between fetches, so that unknown keys cannot be used to flood the provider
_FRESH = 600.0  #: seconds after which keys are fetched again, so that withdrawn ones stop working
#: Requests that may wait for fetches at once, of all issuers, since threads are few.
_MOST_WAITING = 2
_AWAY = "the identity provider cannot be reached; try again shortly"


def slots() -> threading.Semaphore:
    """Slots for requests that wait for keys."""
    return threading.Semaphore(_MOST_WAITING)


class Keys:
    """The keys of one issuer.

    :param fetch: fetches the metadata of the provider
    :param slots: for requests that wait, shared by all issuers
    :param clock: seconds
    """

    def __init__(
        self,
        issuer: str,
        fetch: Callable[[str], Published],
        slots: threading.Semaphore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._slots = slots
        self._began: float | None = None
        self._ended = threading.Event()
        self._ended.set()
        self._read = 0.0
        self.published: Published | None = None  #: the latest metadata; None before the first answer

    def find(self, kid: str | None, algorithm: str, wait: bool = True) -> tuple[Key, ...]:
        """The keys that a token may be signed with; none if the issuer has no such key.

        :param wait: whether to have keys fetched, and wait for them, if this one is unknown
        :raises Unavailable: if that is unknown, because the provider is away
        """
        if keys := self.cached(kid, algorithm):
            if self._clock() - self._read > _FRESH:
                self.refresh()
            return keys
        self._refreshed(wait)
        if self.published is None:
            raise Unavailable(_AWAY)
        return self.cached(kid, algorithm)  # the fetch may have ended before the wait began

    def renew(self, wait: bool = True) -> bool:
        """Fetch the keys once more, as one may have changed that keeps its name.

        Returns whether they are newer than this call; not if they were fetched a moment ago.

        :param wait: whether to have them fetched, and wait for that
        :raises Unavailable: if nobody can wait for them now
        """
        asked = self._clock()
        self._refreshed(wait)
        with self._lock:
            return self._began is not None and asked <= self._began <= self._read

    def _refreshed(self, wait: bool) -> None:
        """Have the keys fetched, unless they just were, and wait for that."""
        if not wait:
            raise Unavailable(_AWAY)
        self.refresh()
        ended = self._ended
        if not ended.is_set() and self._patience() > 0:
            if not self._slots.acquire(blocking=False):
                raise Unavailable(_AWAY)
            try:
                ended.wait(self._patience())
            finally:
                self._slots.release()

    def cached(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The same of those that were fetched last."""
        return self.published.find(kid, algorithm) if self.published is not None else ()

    def refresh(self) -> None:
        """Fetch the keys in the background, unless a fetch is running or was just finished."""
        with self._lock:
            now = self._clock()
            pause = _PAUSE if self._ended.is_set() else _LOST
            if self._began is not None and now - self._began < pause:
                return
            self._began = now
            self._ended = ended = threading.Event()
        # A daemon thread, not one of a pool, which would delay the end of the process.
        threading.Thread(target=self._refresh, args=(ended,), name="keys", daemon=True).start()

    def _refresh(self, ended: threading.Event) -> None:
        try:
            published = self._fetch(self._issuer)
            with self._lock:
                if self._ended is ended:  # an abandoned fetch may have old keys
                    self.published = published
                    self._read = self._clock()
        except ProviderAway as error:
            LOG.error("Cannot fetch the keys of %s: %s", self._issuer, error)
        except Exception:
            LOG.exception("Cannot fetch the keys of %s", self._issuer)
        finally:
            ended.set()

    def _patience(self) -> float:
        return (self._began or 0.0) + TIME_LIMIT - self._clock()


def keys_of(issuers: Sequence[str]) -> dict[str, Keys]:
    """The keys of each issuer; requests that wait for any of them share the slots."""
    shared = slots()
    return {issuer: Keys(issuer, ask, shared) for issuer in issuers}
