"""The keys of one issuer: fetched in the background, kept, and fetched again when one is not known.

No request waits for a provider beyond the provider's time limit, few wait at all, and keys that are known
go on working however long the provider is away: its tokens expire by themselves.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from ...domain.errors import Unavailable
from .provider import TIME_LIMIT, Key, ProviderAway, Published, ask

LOG = logging.getLogger(__name__)

_LOST = 30.0  #: seconds after which a fetch that has not ended, against its limit, is given up
_PAUSE = 3.0  #: seconds between fetches, so that unknown keys cannot be used to flood the provider
_FRESH = 600.0  #: seconds after which keys are fetched again, so that withdrawn ones stop working
#: Requests that may wait for fetches at a time, of all issuers; the threads that answer requests are few.
_MOST_WAITING = 4
_AWAY = "the identity provider cannot be reached; try again shortly"


def places() -> threading.Semaphore:
    """Where requests wait for keys."""
    return threading.Semaphore(_MOST_WAITING)


class Keys:
    """The keys of one issuer.

    :param fetch: asks the provider
    :param places: for requests that wait, shared by all issuers
    :param clock: seconds
    """

    def __init__(
        self,
        issuer: str,
        fetch: Callable[[str], Published],
        places: threading.Semaphore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._places = places
        self._began: float | None = None
        self._ended = threading.Event()
        self._ended.set()
        self._read = 0.0
        self.published: Published | None = None  #: what is known; none before the first answer

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key a token names, or None where the issuer has no such key.

        :raises Unavailable: where that cannot be told now
        """
        found = self._known(kid, algorithm)
        if found is not None:
            if self._clock() - self._read > _FRESH:
                self.refresh()
            return found
        self.refresh()
        ended = self._ended
        if not ended.is_set() and self._patience() > 0:
            if not self._places.acquire(blocking=False):
                raise Unavailable(_AWAY)
            try:
                ended.wait(self._patience())
            finally:
                self._places.release()
        if self.published is None:
            raise Unavailable(_AWAY)
        return self._known(kid, algorithm)  # the fetch may have ended before it was waited for

    def refresh(self) -> None:
        """Have the keys fetched in the background, unless that is going on or was done just now."""
        with self._lock:
            now = self._clock()
            pause = _PAUSE if self._ended.is_set() else _LOST
            if self._began is not None and now - self._began < pause:
                return
            self._began = now
            self._ended = ended = threading.Event()
        # No thread of a pool: the process must not wait for it at its end.
        threading.Thread(target=self._refresh, args=(ended,), name="keys", daemon=True).start()

    def _refresh(self, ended: threading.Event) -> None:
        try:
            found = self._fetch(self._issuer)
            with self._lock:
                if self._ended is ended:  # one that was given up may know what holds no more
                    self.published = found
                    self._read = self._clock()
        except ProviderAway as error:
            LOG.error("The keys of %s cannot be fetched: %s", self._issuer, error)
        except Exception:
            LOG.exception("The keys of %s cannot be fetched", self._issuer)
        finally:
            ended.set()

    def _known(self, kid: str | None, algorithm: str) -> Key | None:
        return self.published.find(kid, algorithm) if self.published is not None else None

    def _patience(self) -> float:
        return (self._began or 0.0) + TIME_LIMIT - self._clock()


def keys_of(issuers: Sequence[str]) -> dict[str, Keys]:
    """The keys of each issuer; requests that wait for any of them share the places there are."""
    shared = places()
    return {issuer: Keys(issuer, ask, shared) for issuer in issuers}
