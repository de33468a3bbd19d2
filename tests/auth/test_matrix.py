"""Every route, with every kind of token, answers exactly what it must and changes nothing it must not."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from ska_oso_oet.settings import read_settings
from ska_oso_oet.web.app import create_app
from ska_oso_oet.web.auth.permissions import Permission, declared
from ska_oso_oet.web.bridge import Bridge
from ska_oso_oet.web.streams.hub import Hub

from ..conftest import Server
from ..support.issuer import Issuer
from .conftest import bearer, commands_asked

SCRIPT = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}

#: What each route is sent, something that would have an effect, and what it answers who may send it.
ANSWERS: dict[tuple[str, str], tuple[int, Any]] = {
    ("GET", "/procedures"): (200, None),
    ("POST", "/procedures"): (201, SCRIPT),
    ("POST", "/procedures/check"): (200, SCRIPT),
    ("GET", "/procedures/<int:procedure_id>"): (404, None),
    ("PUT", "/procedures/<int:procedure_id>"): (404, {"state": "STOPPED"}),
    ("GET", "/procedures/<int:procedure_id>/output"): (404, None),
    ("POST", "/procedures/<int:procedure_id>/rerun"): (404, {}),
    ("GET", "/procedures/<int:procedure_id>/pause"): (404, None),
    ("PUT", "/procedures/<int:procedure_id>/pause"): (404, {"wanted": True}),
    ("GET", "/procedures/<int:procedure_id>/question"): (404, None),
    ("PUT", "/procedures/<int:procedure_id>/question"): (404, {"answer": "yes"}),
    ("POST", "/abort"): (422, {"restart": "nonsense"}),
    ("GET", "/procedures/<int:procedure_id>/files"): (404, None),
    ("GET", "/procedures/<int:procedure_id>/files/<any_text:path>"): (404, None),
    ("GET", "/scripts"): (200, None),
    ("POST", "/procedures/schema"): (422, {}),
    ("GET", "/scripts/<any_text:path>"): (404, None),
    ("GET", "/activities"): (200, None),
    ("POST", "/activities"): (404, {"activity_name": "observe", "sbd_id": "sbd-1"}),
    ("GET", "/activities/<int:activity_id>"): (404, None),
    ("PUT", "/activities/<int:activity_id>"): (404, {"state": "STOPPED"}),
    ("POST", "/activities/<int:activity_id>/rerun"): (404, {}),
    ("GET", "/operator/wait_for_qa_ready"): (200, None),
    ("PUT", "/operator/wait_for_qa_ready"): (200, {"action": "enable"}),
    ("POST", "/drain"): (200, {}),
    ("POST", "/resume"): (200, {}),
    ("GET", "/environments"): (200, None),
    ("DELETE", "/environments/<string:environment_id>"): (404, None),
    ("GET", "/stream"): (200, None),
    ("GET", "/audit"): (200, None),
    ("GET", "/audit/records"): (200, None),
    ("GET", "/audit/verdict"): (200, None),
    ("GET", "/status"): (200, None),
    ("GET", "/auth"): (200, None),
    ("GET", "/livez"): (200, None),
    ("GET", "/readyz"): (200, None),
    ("GET", "/metrics"): (404, None),  # at the root only
    ("GET", "/openapi.json"): (200, None),
    ("GET", "/ui"): (200, None),
    ("GET", "/ui/start.js"): (200, None),
    ("GET", "/ui/oauth2-redirect.html"): (200, None),
    ("GET", "/ui/oauth2-redirect.js"): (200, None),
    ("GET", "/ui/<path:name>"): (404, None),
}


def _routes() -> list[tuple[str, str, Permission]]:
    bridge = Bridge("nowhere")
    try:
        app = create_app(read_settings({}), bridge, Hub())._app._app  # type: ignore[attr-defined]
    finally:
        bridge.loop.close()
    permissions = declared(app)
    return sorted(
        (method, rule.rule, permissions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in rule.methods
    )


ROUTES = _routes()


def _send(oet: Server, method: str, rule: str, headers: dict[str, str]) -> requests.Response:
    _, body = ANSWERS.get((method, rule), (0, None))
    path = re.sub("<int:.*?>", "7000", re.sub("<(string|path|any_text):.*?>", "nothing", rule))
    headers = {"Accept": "*/*", **headers}
    with oet.session.request(
        method, f"{oet.url}{path}", json=body, headers=headers, timeout=20, stream=True
    ) as answer:
        if "event-stream" not in answer.headers.get("Content-Type", ""):
            assert answer.content is not None
        return answer


def _encoded(issuer: Issuer, key: Any, algorithm: str) -> str:
    claims = issuer.claims(scope="oet:execute", subarrays=["*"])
    # The library refuses to sign with what looks like a public key; an attacker does not.
    if algorithm == "HS256":
        return _signed_with_the_public_key(issuer, claims)
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": issuer.kid})


def _signed_with_the_public_key(issuer: Issuer, claims: dict[str, Any]) -> str:
    import base64
    import hashlib
    import hmac
    import json

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = {"alg": "HS256", "typ": "JWT", "kid": issuer.kid}
    text = ".".join(part(json.dumps(each).encode()) for each in (head, claims))
    return f"{text}.{part(hmac.digest(issuer.public_pem, text.encode(), hashlib.sha256))}"


def _good(issuer: Issuer, **more: Any) -> str:
    return issuer.token(**{"scope": "oet:read oet:execute", "subarrays": [1], **more})


ANOTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)

#: Not good enough to say who asks: 401 at every route that is not open.
UNKNOWN: dict[str, Callable[[Issuer], dict[str, str]]] = {
    "no token": lambda _: {},
    "another scheme": lambda _: {"Authorization": "Basic dTpw"},
    "no token behind the scheme": lambda _: {"Authorization": "Bearer "},
    "rubbish": lambda _: bearer("rubbish"),
    "rubbish in three parts": lambda _: bearer("a.b.c"),
    "alg none": lambda i: bearer(_encoded(i, None, "none")),
    "HS256 with the public key": lambda i: bearer(_encoded(i, None, "HS256")),
    "wrong issuer": lambda i: bearer(_good(i, iss="https://elsewhere.example")),
    "wrong audience": lambda i: bearer(_good(i, aud="another")),
    "no audience": lambda i: bearer(_good(i, aud=None)),
    "no subject": lambda i: bearer(_good(i, sub=None)),
    "no expiry": lambda i: bearer(_good(i, exp=None)),
    "expired": lambda i: bearer(_good(i, exp=time.time() - 1)),
    "not yet valid": lambda i: bearer(_good(i, nbf=time.time() + 60)),
    "issued in the future": lambda i: bearer(_good(i, iat=time.time() + 60)),
    "unknown kid": lambda i: bearer(_good(i, headers={"kid": "nobody's"})),
    "another key with a known kid": lambda i: bearer(_good(i, key=ANOTHER_KEY)),
    "an id token's unknown type": lambda i: bearer(_good(i, headers={"typ": "logout+jwt"})),
    "critical extension": lambda i: bearer(_good(i, headers={"crit": ["b64"], "b64": True})),
    "too long": lambda i: bearer(_good(i, filler="x" * 14_000)),
    "two tokens": lambda i: {"Authorization": f"Bearer {_good(i)}, Bearer {_good(i)}"},
}

EMPTY = list(UNKNOWN)[:3]  #: those that send no bearer token at all

#: Known, but not permitted: 403 at every route that is not open.
NOBODY: dict[str, Callable[[Issuer], str]] = {
    "no scopes": lambda i: _good(i, scope=None),
    "other scopes": lambda i: _good(i, scope="openid oet:reader", roles=["OPERATOR"]),
    "the other telescope's operator": lambda i: _good(i, scope=None, roles=["LOW_TELESCOPE_OPERATOR"]),
    "another subarray's": lambda i: _good(i, subarrays=[2, "3"]),
    "no subarray's": lambda i: _good(i, subarrays=None),
    "a role in place of a scope": lambda i: _good(i, scope="SW_ENGINEER", roles=["oet:execute"]),
}

EVERYTHING: dict[str, Callable[[Issuer], str]] = {
    "execute": lambda i: _good(i, scope="oet:execute"),
    "execute in scp": lambda i: _good(i, scope=None, scp=["oet:execute"]),
    "operator": lambda i: _good(i, scope=None, roles=["MID_TELESCOPE_OPERATOR"], subarrays="*"),
    "engineer by group": lambda i: _good(i, scope=None, groups=["SW_ENGINEER"], subarrays=["1"]),
    "engineer in the realm": lambda i: _good(i, scope=None, realm_access={"roles": ["SW_ENGINEER"]}),
}


def test_every_route_says_what_it_answers_who_may_use_it() -> None:
    methods = {(method, rule) for method, rule, _ in ROUTES if method not in ("HEAD", "OPTIONS")}
    assert methods == set(ANSWERS)


def test_only_these_routes_are_open() -> None:
    opened = {rule for _, rule, permission in ROUTES if permission is Permission.OPEN}
    assert {rule for rule in opened if not rule.startswith("/ui")} == {
        "/livez",
        "/readyz",
        "/metrics",
        "/auth",
        "/openapi.json",
    }


@pytest.mark.parametrize("kind", UNKNOWN)
def test_without_a_good_token_every_route_is_401(oet: Server, issuer: Issuer, kind: str) -> None:
    headers = UNKNOWN[kind](issuer)
    before = commands_asked(oet)
    for method, rule, permission in ROUTES:
        answer = _send(oet, method, rule, headers)
        if permission is Permission.OPEN:
            assert answer.status_code not in (401, 403), (method, rule)
            continue
        assert answer.status_code == 401, (method, rule, answer.status_code)
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer realm="oet"')
        assert ('error="invalid_token"' in challenge) is (kind not in EMPTY)
        if method != "HEAD":
            problem = answer.json()
            assert set(problem) == {"type", "title", "status", "detail"}
            assert kind in EMPTY or headers["Authorization"].split()[-1] not in answer.text
    assert commands_asked(oet) == before


@pytest.mark.parametrize("kind", NOBODY)
def test_who_has_no_permission_gets_403_everywhere(oet: Server, issuer: Issuer, kind: str) -> None:
    headers = bearer(NOBODY[kind](issuer))
    before = commands_asked(oet)
    for method, rule, permission in ROUTES:
        answer = _send(oet, method, rule, headers)
        if permission is Permission.OPEN:
            assert answer.status_code not in (401, 403), (method, rule)
            continue
        assert answer.status_code == 403, (method, rule, answer.status_code)
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
        if method not in ("HEAD", "OPTIONS"):
            by_claim = "your token is not for subarray 1"
            wanted = f"you need the permission '{permission}'"
            assert answer.json()["detail"] == (by_claim if "subarray's" in kind else wanted)
    assert commands_asked(oet) == before


def test_who_may_read_reads_everything_and_commands_nothing(oet: Server, issuer: Issuer) -> None:
    headers = bearer(_good(issuer, scope="oet:read"))
    before = commands_asked(oet)
    for method, rule, permission in ROUTES:
        if method == "OPTIONS":
            continue  # goes to any of the routes of a path
        answer = _send(oet, method, rule, headers)
        if permission is Permission.EXECUTE:
            assert answer.status_code == 403, (method, rule)
            if method != "HEAD":
                assert answer.json()["detail"] == "you need the permission 'execute'"
        elif method != "HEAD":
            assert answer.status_code == ANSWERS[method, rule][0], (method, rule)
    assert commands_asked(oet) == before


@pytest.mark.parametrize("kind", EVERYTHING)
def test_who_may_execute_may_do_everything(oet: Server, issuer: Issuer, kind: str) -> None:
    headers = bearer(EVERYTHING[kind](issuer))
    for (method, rule), (expected, _) in ANSWERS.items():
        answer = _send(oet, method, rule, headers)
        assert answer.status_code == expected, (method, rule)


def test_a_token_in_the_address_is_none(oet: Server, issuer: Issuer) -> None:
    token = _good(issuer)
    assert requests.get(f"{oet.url}/procedures?access_token={token}", timeout=20).status_code == 401


def test_after_a_change_of_keys_new_tokens_work_and_old_ones_do_not(oet: Server, issuer: Issuer) -> None:
    old = bearer(_good(issuer))
    assert requests.get(f"{oet.url}/procedures", headers=old, timeout=20).status_code == 200
    issuer.rotate()
    deadline = time.monotonic() + 10
    new = bearer(_good(issuer))
    # Within a few seconds of a fetch there is no other one.
    while requests.get(f"{oet.url}/procedures", headers=new, timeout=20).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert requests.get(f"{oet.url}/procedures", headers=old, timeout=20).status_code == 401
