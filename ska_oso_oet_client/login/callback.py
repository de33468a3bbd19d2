"""The browser's way back to ``oet login``: one page on this computer, for one visit.

Anything can call a port of this computer: other programs, other users, and every page the browser
has open. So only requests like a redirect of the identity provider are answered, and only
with the state that this login made up. Nothing that was sent is ever shown.
"""

from __future__ import annotations

import hmac
import queue
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

from ..errors import LoginFailedError
from ..terminal import printable

ADDRESS = "127.0.0.1"
PATH = "/callback"

_SLOWEST_REQUEST = 10.0
_PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>oet login</title></head>'
    "<body><h1>{heading}</h1><p>{text}</p></body></html>"
)
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}
# Headers of browsers: only a redirect of a whole window counts, not an image in some page.
_OF_A_WINDOW = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@dataclass(frozen=True)
class Code:
    """An authorization code."""

    value: str = field(repr=False)


class Callback:
    """Waits, while it is entered, for the code of the login with this ``state``.

    ``issuer`` is checked if the provider says who it is, and it must if it ``names_itself``.
    """

    def __init__(self, state: str, issuer: str, names_itself: bool) -> None:
        self._state = state
        self._issuer = issuer
        self._names_itself = names_itself
        self._results: queue.SimpleQueue[Code | LoginFailedError] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_over = False
        self._had_strays = False
        self._server = ThreadingHTTPServer((ADDRESS, 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.host = f"{ADDRESS}:{self._server.server_port}"
        self.url = f"http://{self.host}{PATH}"

    def __enter__(self) -> Callback:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self, timeout: float) -> str:
        """The code; raises LoginFailedError when there is none, or none within ``timeout``."""
        try:
            result = self._results.get(timeout=timeout)
        except queue.Empty:
            stray = (
                "; an answer came that does not belong to this login" if self._had_strays else ""
            )
            raise LoginFailedError(f"nobody logged in within {timeout:g} s{stray}") from None
        if isinstance(result, LoginFailedError):
            raise result
        return result.value

    def belongs(self, query: str) -> bool:
        """Whether a visit has the state of this login; any page can make one that has not."""
        states = [value for name, value in parse_qsl(query) if name == "state"]
        found = len(states) == 1 and hmac.compare_digest(states[0].encode(), self._state.encode())
        self._had_strays |= not found
        return found

    def judge(self, query: str) -> Code | LoginFailedError | None:
        """The result of a visit for the login; None once another visit decided it."""
        result = self._result_of(query)
        with self._lock:
            if self._is_over:
                return None
            self._is_over = True
            return result

    def tell(self, result: Code | LoginFailedError) -> None:
        """Let ``wait`` return, once the browser has its page."""
        self._results.put(result)

    def _result_of(self, query: str) -> Code | LoginFailedError:
        pairs = parse_qsl(query, keep_blank_values=True)
        given = dict(pairs)
        if len(given) != len(pairs):
            return LoginFailedError("the answer has a parameter twice; try again")
        issuer = given.get("iss")
        if issuer != self._issuer and (issuer is not None or self._names_itself):
            return LoginFailedError("the answer is not from the identity provider that was asked")
        if "error" in given:
            about = given.get("error_description")
            words = f"{given['error']}: {about}" if about else given["error"]
            return LoginFailedError(f"the identity provider says {printable(words)}")
        if not given.get("code"):
            return LoginFailedError("the identity provider's answer has no code")
        return Code(given["code"])


def _handler_of(callback: Callback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # A browser may open connections that it never uses.
        timeout = _SLOWEST_REQUEST
        server_version = "oet"
        sys_version = ""

        def do_GET(self) -> None:  # noqa: N802
            url = urlsplit(self.path)
            if self.headers.get_all("Host") != [callback.host]:
                self._show(HTTPStatus.MISDIRECTED_REQUEST, "This page has another address")
            elif url.path != PATH or url.netloc:
                self._show(HTTPStatus.NOT_FOUND, "There is no such page")
            elif any(
                self.headers.get(name, value) != value for name, value in _OF_A_WINDOW.items()
            ):
                self._show(HTTPStatus.FORBIDDEN, "This page cannot be part of another")
            elif not callback.belongs(url.query):
                self._show(HTTPStatus.BAD_REQUEST, "This does not belong to the login")
            else:
                self._end_login(url.query)

        def _refuse_method(self) -> None:
            self._show(HTTPStatus.METHOD_NOT_ALLOWED, "This page can only be looked at")

        do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _refuse_method  # noqa: N815

        def _end_login(self, query: str) -> None:
            result = callback.judge(query)
            if result is None:
                self._show(HTTPStatus.GONE, "This login is over")
                return
            try:
                if isinstance(result, Code):
                    self._show(HTTPStatus.OK, "You can close this window", "oet goes on.")
                else:
                    self._show(HTTPStatus.BAD_REQUEST, "The login failed", "oet tells why.")
            finally:
                callback.tell(result)

        def _show(self, status: HTTPStatus, heading: str, text: str = "") -> None:
            page = _PAGE.format(heading=heading, text=text).encode()
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(page)
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the request line has the code in it."""

    return Handler
