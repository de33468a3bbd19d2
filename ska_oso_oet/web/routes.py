"""Groups of routes. The parts of a request reach a view as validated models.

A view has parameters called ``path``, ``query`` and ``body``, whose annotations are the models. What else is
said of a route is for the OpenAPI document, which is made with a release and shipped (``docs/openapi.py``).
flask-openapi3 makes it; to serve with it as well would take a quarter of FlaskWorker's start, and it makes
the schema of a query anew for each request.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import Blueprint, request
from pydantic import BaseModel, ValidationError

from .schemas import strict

View = Callable[..., Any]


class Route(NamedTuple):
    """A route, and what the document says of it."""

    method: str
    rule: str
    view: View
    summary: str
    responses: Mapping[Any, Any]  #: a model, or a part of an OpenAPI document, by status


class Routes:
    """A group of routes.

    :param module: the name of the module of its views
    :param tag: under which the document lists them
    """

    def __init__(self, name: str, module: str, *, tag: str) -> None:
        self.blueprint = Blueprint(name, module)
        self.tag = tag
        self.routes: list[Route] = []

    def get(self, rule: str, *, summary: str, responses: Mapping[Any, Any]) -> Callable[[View], View]:
        """The decorator of a view that reads."""
        return self._route("GET", rule, summary, responses)

    def post(self, rule: str, *, summary: str, responses: Mapping[Any, Any]) -> Callable[[View], View]:
        """The decorator of a view that makes something, or commands."""
        return self._route("POST", rule, summary, responses)

    def put(self, rule: str, *, summary: str, responses: Mapping[Any, Any]) -> Callable[[View], View]:
        """The decorator of a view that changes something."""
        return self._route("PUT", rule, summary, responses)

    def delete(self, rule: str, *, summary: str, responses: Mapping[Any, Any]) -> Callable[[View], View]:
        """The decorator of a view that removes something."""
        return self._route("DELETE", rule, summary, responses)

    def _route(
        self, method: str, rule: str, summary: str, responses: Mapping[Any, Any]
    ) -> Callable[[View], View]:
        def declare(view: View) -> View:
            self.routes.append(Route(method, rule, view, summary, responses))
            self.blueprint.add_url_rule(rule, view_func=_validated(view), methods=[method])
            return view

        return declare


def _validated(view: View) -> View:
    models = {part: model for part, model in typing.get_type_hints(view).items() if part in _READ}

    @functools.wraps(view)
    def answer(**path: Any) -> Any:
        try:
            parts = {part: model.model_validate(_READ[part](model, path)) for part, model in models.items()}
        except ValidationError as error:
            return strict.from_validation(error)
        return view(**parts)

    return answer


def _path(_model: type[BaseModel], path: dict[str, Any]) -> Any:
    return path


def _query(model: type[BaseModel], _path: dict[str, Any]) -> Any:
    lists = strict.lists(model)
    return {
        name: request.args.getlist(name) if name in lists else request.args[name]
        for name in model.model_fields
        if name in request.args
    }


def _body(_model: type[BaseModel], _path: dict[str, Any]) -> Any:
    return request.get_json()


#: How each part of a request is read. The order is that in which mistakes are told.
_READ: dict[str, Callable[[type[BaseModel], dict[str, Any]], Any]] = {
    "path": _path,
    "query": _query,
    "body": _body,
}
