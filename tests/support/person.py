"""Somebody at the pages of the test provider, without a browser: reads forms and posts them."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


class Page(HTMLParser):
    """The first form of a page, and the link that says no to what it asks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.abort: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = given["action"]
        elif tag == "input":
            self.fields[given["name"]] = given.get("value", "")
        elif tag == "a" and given.get("href", "").endswith("/abort"):
            self.abort = given["href"]


class Person:
    """Logs in as ``name``, allows everything unless ``consents`` is false."""

    def __init__(self, name: str, *, consents: bool = True) -> None:
        self.name = name
        self.consents = consents

    def visit(self, link: str, user_code: str = "") -> requests.Response:
        """Do what the pages from ``link`` on ask; the last page, wherever that is."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(link, timeout=30)
            while True:
                page = Page(answer.text)
                if page.action is None:
                    return answer
                if page.fields.get("prompt") == "consent" and not self.consents:
                    assert page.abort is not None
                    return session.get(urljoin(answer.url, page.abort), timeout=30)
                mine = {"login": self.name, "password": "any", "user_code": user_code}
                fields = {name: value or mine.get(name, "") for name, value in page.fields.items()}
                answer = session.post(urljoin(answer.url, page.action), data=fields, timeout=30)
