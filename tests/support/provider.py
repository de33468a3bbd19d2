"""A real OpenID provider as a process, with users alice, bob and mallory.

alice is a SW_ENGINEER, bob has no role and mallory is a LOW_TELESCOPE_OPERATOR. Access tokens are
JSON Web Tokens (RS256) for the audience ``AUDIENCE``, with the claims ``scope``, ``name`` and
``roles``. Clients: oet-cli for people, oet-svc with SECRET for programs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from .person import Person

AUDIENCE = "https://oet.test"
SCOPES = "openid profile offline_access oet:read oet:execute"
CLIENT = "oet-cli"
SERVICE = "oet-svc"
SECRET = "s3cret+of/the service"

_HERE = Path(__file__).parents[1] / "oidc"


class Provider:
    """One provider on this machine. ``issuer`` is its address, the same after a restart."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.issuer = ""
        self._process: subprocess.Popen[str] | None = None
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self) -> Provider:
        node = shutil.which("node")
        assert node is not None, "The tests need an OpenID provider: install nodejs and npm"
        stamp = _HERE / "node_modules" / ".installed"
        assert stamp.exists(), (
            "The tests need an OpenID provider: run make tests/oidc/node_modules/.installed"
        )
        port = str(urlsplit(self.issuer).port or 0)
        with open(self.log, "a") as log:
            self._process = subprocess.Popen(
                [node, "provider.mjs", port],
                cwd=_HERE,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self.log.read_text()
        self.issuer = json.loads(line)["issuer"]
        return self

    def stop(self) -> None:
        """End it; what it knew is lost."""
        self._session.close()
        if self._process is not None:
            self._process.communicate(timeout=10)  # closes its standard input
            self._process = None

    def settings(self, *, access_token_ttl: int) -> None:
        """For tokens from now on, in seconds."""
        self._control("settings", access_token_ttl=access_token_ttl)

    def rotate_keys(self, *, keep: bool = True) -> None:
        """Sign with a new key from now on; the old ones are still published if ``keep``."""
        self._control("rotate-keys", keep=keep)

    def withdraw(self) -> None:
        """From now on ``claims`` knows none of the access tokens there are."""
        self._control("withdraw")

    def claims(self, token: str) -> dict[str, Any] | None:
        """What an access token says, as long as it holds."""
        found: dict[str, Any] | None = self._control("claims", token=token)["claims"]
        return found

    def revoke(self, token: str) -> None:
        """Revoke a refresh token, as a user may at the provider's own pages."""
        answer = self._session.post(
            f"{self.issuer}/token/revocation", data={"token": token, "client_id": CLIENT}, timeout=30
        )
        assert answer.status_code == 200, answer.text

    def token_for(self, user: str) -> str:
        """An access token of ``user``, who logs in for it."""
        return str(self.login(user)["access_token"])

    def login(self, user: str, scopes: str = SCOPES) -> dict[str, Any]:
        """What the token endpoint gives after ``user`` has logged in."""
        verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode()).digest()
        with _Landing() as landing:
            query = {
                "client_id": CLIENT,
                "response_type": "code",
                "redirect_uri": landing.url,
                "scope": scopes,
                "resource": AUDIENCE,
                "prompt": "consent",
                "state": "any",
                "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
                "code_challenge_method": "S256",
            }
            Person(user).visit(f"{self.issuer}/auth?{urlencode(query)}")
        return self.token(
            grant_type="authorization_code",
            code=landing.code,
            redirect_uri=landing.url,
            client_id=CLIENT,
            code_verifier=verifier,
            resource=AUDIENCE,
        )

    def service_token(self, scopes: str = "oet:read oet:execute") -> str:
        """An access token of the client oet-svc."""
        fields = {"grant_type": "client_credentials", "scope": scopes, "resource": AUDIENCE}
        return str(self.token(client_id=SERVICE, client_secret=SECRET, **fields)["access_token"])

    def token(self, **fields: str) -> dict[str, Any]:
        answer = self._session.post(f"{self.issuer}/token", data=fields, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _control(self, name: str, **body: Any) -> dict[str, Any]:
        answer = self._session.post(f"{self.issuer}/control/{name}", json=body, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


class _Landing:
    """Where the provider sends a user back to, with a code."""

    def __init__(self) -> None:
        self.code = ""
        landing = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                landing.code = parse_qs(urlsplit(self.path).query)["code"][0]
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.handle_request)
        self.url = f"http://127.0.0.1:{self._server.server_port}/callback"

    def __enter__(self) -> _Landing:
        self._server.timeout = 30
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._thread.join()
        self._server.server_close()
