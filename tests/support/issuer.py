"""An OpenID provider for the tests: real HTTP, real keys, and faults to order."""

from __future__ import annotations

import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "oet-tests"


class Issuer:
    """Signs tokens, and publishes the keys they are checked with."""

    def __init__(self) -> None:
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self._go_on = threading.Event()
        self._go_on.set()
        self.asked = 0  #: how often the keys were fetched
        self.kid: str | None = None  #: the name of the present key, if it has one
        self.rotate()

    # -- keys and tokens ---------------------------------------------------------------------------

    def rotate(self, keep_name: bool = False) -> None:
        """Sign with a new key from now on, and publish that one only."""
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if not keep_name:
            self.kid = uuid.uuid4().hex

    @property
    def public_pem(self) -> bytes:
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, kind)

    def claims(self, **more: Any) -> dict[str, Any]:
        """Claims of a good token; one given as None is left out."""
        now = time.time()
        known = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "tester",
            "name": "A Tester",
            "iat": int(now),
            "exp": now + 600,
        }
        return {name: value for name, value in (known | more).items() if value is not None}

    def token(self, *, headers: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """A token signed with the present key."""
        head = {**self._name(), **(headers or {})}
        return jwt.encode(self.claims(**claims), key or self.key, algorithm="RS256", headers=head)

    # -- the server --------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/realms/test"

    def start(self) -> Issuer:
        """Publish; after a stop at the same address."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._go_on.wait(60)
                body = json.dumps(outer._document(self.path)).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked has given up

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Be away: connections are refused."""
        self._go_on.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def slow(self) -> None:
        """Take connections and say nothing, until :meth:`quick`."""
        self._go_on.clear()

    def quick(self) -> None:
        """Answer again."""
        self._go_on.set()

    def _document(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "authorization_endpoint": f"{self.url}/login",
                "token_endpoint": f"{self.url}/token",
            }
        self.asked += 1
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, **self._name(), "use": "sig", "alg": "RS256"}]}

    def _name(self) -> dict[str, str]:
        return {"kid": self.kid} if self.kid is not None else {}
