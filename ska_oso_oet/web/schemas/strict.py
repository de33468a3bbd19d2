"""Strict requests: an unknown field or parameter is refused, with the nearest known name."""

from __future__ import annotations

import difflib
import functools
import inspect
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from flask import Response, current_app, request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from ..middleware.base_path import ROOT
from ..middleware.errors import MOST, Mistake, mistaken

_UNKNOWN = "extra_forbidden"  #: pydantic's name for an unknown field
_ADDED_TO = ("/ui", "/openapi.json", *ROOT)  #: paths to which browsers, providers and probes add parameters
_LONGEST = 100  #: characters of a name that are compared


class StrictModel(BaseModel):
    """The base of requests: other fields are refused."""

    model_config = ConfigDict(extra="forbid")


def from_validation(error: ValidationError, within: tuple[int, ...] = ()) -> Response:
    """The answer to an invalid request, from pydantic's errors; unknown fields come first.

    :param within: the place in the body of what was validated
    """
    part = next(part for part in ("body", "query", "path") if error.title.endswith(part.title()))
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    unknown = [one["loc"] for one in errors if one["type"] == _UNKNOWN][:MOST]
    mistakes = [Mistake((part, *within, *place), _no_field(error.title, place)) for place in unknown]
    others = [one for one in errors if one["type"] != _UNKNOWN][:MOST]
    mistakes += [
        Mistake((part, *within, *one["loc"]), one["msg"].removeprefix("Value error, ")) for one in others
    ]
    return mistaken(mistakes, said=len(unknown) or 1)


def _no_field(title: str, place: Sequence[Any]) -> str:
    name, model = str(place[-1]), _model(title, place[:-1])
    elsewhere = next((path for path in _below(model) if path.endswith(f".{name}")), None)
    return _there_is_no("field", name, model.model_fields, elsewhere)


def _model(title: str, place: Sequence[Any]) -> type[StrictModel]:
    """The model at a place in a request."""
    model = next(kind for kind in StrictModel.__subclasses__() if kind.__name__ == title)
    for name in place:
        model = _parts(model)[name]
    return model


def _parts(model: type[StrictModel]) -> dict[str, type[StrictModel]]:
    """The fields of a model that are models themselves."""
    return {
        name: kind
        for name, field in model.model_fields.items()
        for kind in (field.annotation, *typing.get_args(field.annotation))
        if inspect.isclass(kind) and issubclass(kind, StrictModel)
    }


def _below(model: type[StrictModel]) -> Iterator[str]:
    """The paths of all fields of these models."""
    for name, part in _parts(model).items():
        yield from (f"{name}.{field}" for field in (*part.model_fields, *_below(part)))


def _there_is_no(kind: str, name: str, known: Collection[str], elsewhere: str | None = None) -> str:
    meant = elsewhere or next(iter(difflib.get_close_matches(name[:_LONGEST].lower(), known, 1)), None)
    if meant:
        return f"there is no such {kind}; did you mean {meant}?"
    return f"there is no such {kind}; known are {', '.join(known)}" if known else f"there are no {kind}s here"


def _is_list(field: FieldInfo) -> bool:
    return any(typing.get_origin(kind) is list for kind in typing.get_args(field.annotation))


@functools.cache
def lists(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a query that may be given more than once."""
    return frozenset(name for name, field in model.model_fields.items() if _is_list(field))


@functools.cache
def _parameters(view: Any) -> Mapping[str, FieldInfo]:
    model = typing.get_type_hints(inspect.unwrap(view)).get("query")
    return model.model_fields if model is not None else {}


def require_known_parameters() -> Response | None:
    """Refuse unknown parameters of a query, and repeated ones that are not lists."""
    if request.endpoint is None or request.path.startswith(_ADDED_TO):
        return None
    parameters = _parameters(current_app.view_functions[request.endpoint])
    unknown = [name for name in request.args if name not in parameters][:MOST]
    mistakes = [Mistake(("query", name), _there_is_no("parameter", name, parameters)) for name in unknown]
    twice = [
        name for name in parameters if len(request.args.getlist(name)) > 1 and not _is_list(parameters[name])
    ]
    mistakes += [Mistake(("query", name), "it is given more than once") for name in twice]
    return mistaken(mistakes) if mistakes else None
