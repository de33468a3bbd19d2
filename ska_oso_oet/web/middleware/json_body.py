"""The body of a request: strict JSON, an object or here and there a list, of limited size and depth."""

from __future__ import annotations

import json
import math
from typing import Any

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnprocessableEntity, UnsupportedMediaType

from ...domain.nesting import DEEPEST, MOST_VALUES, once, too_deep, too_many

_MAY_BE_LISTS = ("/procedures/check",)  #: paths of requests that may be several at once
_MAY_BE_BARE = ("/drain", "/resume", "/abort")  #: paths of requests whose body is optional


class JsonRequest(Request):
    """A request whose body, if it has one, is a JSON object."""

    said: Any = None  #: the body, after it was read

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Read the body.

        :raises BadRequest: if it is not JSON
        :raises UnsupportedMediaType: if its content type is another one
        :raises UnprocessableEntity: if it is JSON but not an object
        """
        # Required even without a body: no page of another site can send this content type.
        if not self.is_json:
            raise UnsupportedMediaType("send the body as JSON, with Content-Type: application/json")
        if self.path in _MAY_BE_BARE and self.content_length in (None, 0) and not self._in_chunks:
            return {}
        if self.content_length is not None and self.content_length > (self.max_content_length or 0):
            raise RequestEntityTooLarge
        try:
            data = self.get_data()
        except (
            OSError,
            ParseException,
        ) as error:  # the body violates HTTP
            raise BadRequest(f"the body cannot be read: {type(error).__name__}") from None
        if self.content_length is None and len(data) >= (self.max_content_length or 0):
            raise RequestEntityTooLarge  # no more was read of a chunked body
        try:
            document = json.loads(data, parse_constant=_not_json, parse_float=_finite, object_pairs_hook=once)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise BadRequest(f"the body is not JSON: {reason}") from None
        if too_deep(document):
            raise BadRequest(f"the body is nested too deeply; at most {DEEPEST} levels are accepted")
        if too_many(document):
            raise BadRequest(f"the body has too many values; at most {MOST_VALUES} are accepted")
        if not isinstance(document, (dict, list) if self.path in _MAY_BE_LISTS else dict):
            raise UnprocessableEntity("the body must be a JSON object")
        self.said = document
        return document

    @property
    def _in_chunks(self) -> bool:
        return "Transfer-Encoding" in self.headers


def _not_json(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value
