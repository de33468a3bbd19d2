"""The users of valid tokens.

For the poller of connections, which must never wait: it verifies a token whose key is known, which takes a
tenth of a millisecond, and no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ...domain.errors import Unavailable
from .identity import BadToken

_MOST = 4096  #: tokens


class VerifiedTokens:
    """Users by token, for the most recently used tokens."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._users: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()
        #: Returns the claims of a valid token, and waits for nobody; none if nobody is asked for tokens.
        self.verify: Callable[[str], Mapping[str, Any]] | None = None

    def remember(self, token: str, claims: Mapping[str, Any]) -> str:
        """Note a valid token at each use; returns its user."""
        user = f"{claims['iss']} {claims['sub']}"
        with self._lock:
            self._users.pop(hash(token), None)
            self._users[hash(token)] = user, claims["exp"]
            while len(self._users) > self._most:
                del self._users[next(iter(self._users))]
        return user

    def user_of(self, token: str) -> str | None:
        """The user of a token; None if it is not valid, or its key is unknown."""
        user, expires = self._users.get(hash(token), (None, 0.0))
        if time.time() < expires or self.verify is None:
            return user
        try:
            return self.remember(token, self.verify(token))
        except (BadToken, Unavailable):
            return None


VERIFIED = VerifiedTokens()  #: the instance of this process
