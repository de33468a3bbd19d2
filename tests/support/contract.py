"""The OpenAPI document as a judge: is what was asked, and what was answered, as it says?"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from jsonschema import Draft202012Validator

from ska_oso_oet.web.openapi import document as openapi

Document = dict[str, Any]


@functools.cache
def document() -> Document:
    """The document of this release, without a server."""
    return openapi.document()


class Contract:
    """What one document says."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._operations = {
            (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "/?")): operation
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What is said about a method of a path below the base path."""
        for (known, pattern), operation in self._operations.items():
            if known == method and pattern.fullmatch(path):
                found: dict[str, Any] = operation
                return found
        return None

    def mistakes_of_request(
        self, method: str, path: str, query: Mapping[str, str], body: Any
    ) -> Iterator[str]:
        """In what a request is not as it should be."""
        operation = self.operation(method, path)
        if operation is None:
            yield f"nothing is said about {method} {path}"
            return
        known = {p["name"]: p["schema"] for p in operation.get("parameters", ()) if p["in"] == "query"}
        for name, value in query.items():
            if name not in known:
                yield f"{method} {path} has no parameter {name}"
            elif all(list(self._against(known[name], meant)) for meant in _meanings(value)):
                yield f"{method} {path}?{name}={value} cannot be"
        if (expected := operation.get("requestBody")) is not None:
            if body is not None or expected["required"]:
                yield from self._against(expected["content"]["application/json"]["schema"], body)
        elif body is not None:
            yield f"{method} {path} takes no body"

    def mistakes_of_answer(
        self, method: str, path: str, status: int, headers: Mapping[str, str], text: str
    ) -> Iterator[str]:
        """In what an answer is not as it should be."""
        what = f"{method} {path} answers {status}"
        operation = self.operation(method, path)
        if operation is None:
            yield f"nothing is said about {method} {path}"
            return
        response = operation["responses"].get(str(status))
        if response is None:
            yield f"{what}, which is not said"
            return
        for name, header in response.get("headers", {}).items():
            if header.get("required") and name not in headers:
                yield f"{what} without {name}"
        kind = headers.get("Content-Type", "").partition(";")[0]
        if kind not in response["content"]:
            yield f"{what} with {kind}, not {list(response['content'])}"
        elif kind.endswith("json"):
            mistakes = self._against(response["content"][kind]["schema"], json.loads(text))
            yield from (f"{what}: {mistake}" for mistake in mistakes)

    def _against(self, schema: Mapping[str, Any], value: Any) -> Iterator[str]:
        whole = {**schema, "components": self._document["components"]}
        for error in Draft202012Validator(whole).iter_errors(value):
            yield f"{error.json_path} {error.message[:500]}"


def _meanings(text: str) -> Iterator[Any]:
    """What the value of a parameter may mean."""
    yield text
    yield text.split(",")  # as a list, which may also be said by saying it again
    with contextlib.suppress(ValueError):
        yield json.loads(text.lower())


def exchange(response: requests.Response, base: str) -> tuple[str, str, dict[str, str]]:
    """The method, the path below the base path, and the query of what was answered."""
    assert response.request.method is not None
    url = urlsplit(str(response.request.url))
    path = url.path.removeprefix(urlsplit(base).path)
    return response.request.method, path, dict(parse_qsl(url.query, keep_blank_values=True))
