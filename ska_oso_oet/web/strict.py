"""Nothing that a client says is left aside: what nobody knows is refused, with what may have been meant."""

from __future__ import annotations

import difflib
import functools
import inspect
import typing
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from flask import Response, current_app, request
from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import Mistake, mistaken
from .requests import ROOT

_UNKNOWN = "extra_forbidden"  #: what pydantic calls a field that there is not
_ADDED_TO = ("/ui", "/openapi.json", *ROOT)  #: addresses that browsers, providers and probes add to
_LONGEST = 100  #: characters of a name that are compared


class Asked(BaseModel):
    """What a client may say, and no other fields."""

    model_config = ConfigDict(extra="forbid")


def from_validation(error: ValidationError) -> Response:
    """What pydantic found wrong with a well-formed request; fields that there are not come first."""
    part = next(part for part in ("body", "query", "path") if error.title.endswith(part.title()))
    unknown, others = [], []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        place = found["loc"]
        if found["type"] == _UNKNOWN:
            name, model = str(place[-1]), _model(error.title, place[:-1])
            elsewhere = next((path for path in _below(model) if path.endswith(f".{name}")), None)
            unknown.append(
                Mistake((part, *place), _there_is_no("field", name, model.model_fields, elsewhere))
            )
        else:
            others.append(Mistake((part, *place), found["msg"].removeprefix("Value error, ")))
    return mistaken([*unknown, *others], said=len(unknown) or 1)


def _model(title: str, place: Sequence[Any]) -> type[Asked]:
    """What is asked for in some place of a request."""
    model = next(found for found in Asked.__subclasses__() if found.__name__ == title)
    for name in place:
        model = _parts(model)[name]
    return model


def _parts(model: type[Asked]) -> dict[str, type[Asked]]:
    """The fields that have fields."""
    return {
        name: kind
        for name, field in model.model_fields.items()
        for kind in (field.annotation, *typing.get_args(field.annotation))
        if inspect.isclass(kind) and issubclass(kind, Asked)
    }


def _below(model: type[Asked]) -> Iterator[str]:
    """All fields that its fields have, with the way to them."""
    for name, part in _parts(model).items():
        yield from (f"{name}.{field}" for field in (*part.model_fields, *_below(part)))


def _there_is_no(kind: str, name: str, known: Collection[str], elsewhere: str | None = None) -> str:
    meant = elsewhere or next(iter(difflib.get_close_matches(name[:_LONGEST].lower(), known, 1)), None)
    if meant:
        return f"there is no such {kind}; did you mean {meant}?"
    return f"there is no such {kind}; known are {', '.join(known)}" if known else f"there are no {kind}s here"


@functools.cache
def _parameters(view: Any) -> Collection[str]:
    model = typing.get_type_hints(inspect.unwrap(view)).get("query")
    return model.model_fields if model is not None else ()


def require_known_parameters() -> Response | None:
    """Refuse parameters of a query that there are not."""
    if request.endpoint is None or request.path.startswith(_ADDED_TO):
        return None
    known = _parameters(current_app.view_functions[request.endpoint])
    unknown = [name for name in request.args if name not in known]
    if not unknown:
        return None
    return mistaken([Mistake(("query", name), _there_is_no("parameter", name, known)) for name in unknown])
