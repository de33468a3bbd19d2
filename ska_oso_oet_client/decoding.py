"""From the server's JSON to typed objects; what does not fit is a bad answer, not a bug here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .errors import BadAnswerError

T = TypeVar("T")


def decode(decoder: Callable[[Any], T], answer: Any, url: str) -> T:
    try:
        return decoder(answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadAnswerError(url, f"{type(error).__name__} {error} in its JSON") from error
