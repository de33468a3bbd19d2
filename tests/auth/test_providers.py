"""Identity providers that are away, hang, or are several; and what then still works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from openapi_spec_validator import validate

from ..conftest import Server, until
from ..support.issuer import Issuer
from .conftest import bearer, guarded, log_in, status


@pytest.fixture
def other() -> Iterator[Issuer]:
    found = Issuer().start()
    yield found
    found.stop()


def test_with_the_provider_down_known_keys_work_and_others_are_refused_at_once(
    own_issuer: Issuer, tmp_path: Path
) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        token = own_issuer.token(scope="oet:read")
        until(lambda: status(server, token) == 200)
        own_issuer.stop()
        own_issuer.rotate()
        unknown = own_issuer.token(scope="oet:read")
        began = time.monotonic()
        assert status(server, unknown) == 401
        assert status(server, token) == 200
        assert time.monotonic() - began < 5
        own_issuer.start()
        until(lambda: status(server, unknown) == 200)


@pytest.mark.parametrize("named", [True, False])
def test_a_key_changes_under_the_same_name_or_none_and_its_tokens_are_valid_at_once(
    own_issuer: Issuer, tmp_path: Path, named: bool
) -> None:
    own_issuer.kid = "the-key" if named else None
    with guarded(tmp_path / "state", own_issuer) as server:
        old = own_issuer.token(scope="oet:read")
        until(lambda: status(server, old) == 200)
        for user in range(2):
            own_issuer.rotate(keep_name=True)
            new = own_issuer.token(scope="oet:read", sub=f"user {user}")
            until(lambda new=new: status(server, new) == 200, 5)
            assert status(server, old) == 401
        assert own_issuer.asked <= 4


def test_with_a_provider_that_hangs_a_stop_is_as_prompt_as_ever(own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer)
        pid = server.run("diehard.py", "sleeping")
        own_issuer.slow()
        unknown = own_issuer.token(scope="oet:read", headers={"kid": "unknown"})
        with ThreadPoolExecutor(32) as pool:
            answers = [pool.submit(status, server, unknown) for _ in range(64)]
            began = time.monotonic()
            server.stop_script(pid)
            assert time.monotonic() - began < 2
            assert {answer.result() for answer in answers} <= {401, 503}
        assert server.process is not None
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10


def test_before_any_key_is_known_tokens_are_answered_503_and_the_rest_works(
    own_issuer: Issuer, tmp_path: Path
) -> None:
    own_issuer.stop()
    with guarded(tmp_path / "state", own_issuer) as server:
        answer = requests.get(
            f"{server.url}/procedures", headers=bearer(own_issuer.token(scope="oet:read")), timeout=20
        )
        assert answer.status_code == 503
        assert answer.json()["detail"] == "the identity provider cannot be reached; try again shortly"
        assert "Retry-After" in answer.headers
        assert requests.get(f"{server.url}/procedures", timeout=20).status_code == 401
        assert requests.get(f"{server.url}/auth", timeout=20).json()["required"] is True
        own_issuer.start()
        until(lambda: status(server, own_issuer.token(scope="oet:read")) == 200)


def test_two_issuers_are_accepted_at_once_each_with_its_own_keys(
    own_issuer: Issuer, other: Issuer, tmp_path: Path
) -> None:
    with guarded(tmp_path / "state", own_issuer, other) as server:
        for issuer in (own_issuer, other):
            until(lambda issuer=issuer: status(server, issuer.token(scope="oet:read")) == 200)  # type: ignore[misc]
        forged = own_issuer.token(scope="oet:read", iss=other.url)
        assert status(server, forged) == 401
        other.stop()
        assert status(server, own_issuer.token(scope="oet:read")) == 200


def test_two_users_of_the_same_subject_are_told_apart_on_record(
    own_issuer: Issuer, other: Issuer, tmp_path: Path
) -> None:
    with guarded(tmp_path / "state", own_issuer, other) as server:
        made = {}
        for issuer in (own_issuer, other):
            log_in(server, issuer)
            until(lambda issuer=issuer: status(server, issuer.token(scope="oet:read")) == 200)  # type: ignore[misc]
            made[issuer.url] = server.create("trivial.py")
        for url, pid in made.items():
            assert server.procedure(pid)["created_by"] == f"tester@{url}"
            recorded = server.get("/audit", user=f"tester@{url}")
            assert [entry["path"] for entry in recorded] == ["/procedures"]
        assert server.get("/audit", user="tester") == []


def test_how_to_log_in_is_told_to_all(oet: Server, issuer: Issuer) -> None:
    found = requests.get(f"{oet.url}/auth", timeout=20).json()
    assert found == {
        "required": True,
        "issuer": issuer.url,
        "client_id": None,
        "scopes": "openid profile offline_access oet:read oet:execute",
        "audience": "oet-tests",
    }


def test_without_an_issuer_it_is_told_that_nobody_is_asked(server: Server) -> None:
    found = server.get("/auth")
    assert (found["required"], found["issuer"], found["client_id"]) == (False, None, None)


def test_the_document_says_how_to_log_in_and_what_each_route_needs(oet: Server, issuer: Issuer) -> None:
    until(lambda: status(oet, issuer.token(scope="oet:read", subarrays="*")) == 200)
    document = requests.get(f"{oet.url}/openapi.json", timeout=20).json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    flow = schemes["login"]["flows"]["authorizationCode"]
    assert flow["authorizationUrl"] == f"{issuer.url}/login"
    assert flow["tokenUrl"] == f"{issuer.url}/token"
    assert document["paths"]["/procedures"]["post"]["security"] == [{"bearer": []}, {"login": []}]
    assert "Permission: execute" in document["paths"]["/procedures"]["post"]["description"]
    assert document["paths"]["/livez"]["get"]["security"] == []
    document["paths"] = {path: document["paths"][path] for path in ("/livez", "/auth")}  # the rest takes long
    validate(document)


def test_the_page_may_talk_to_the_issuer_and_logs_in_with_pkce(oet: Server, issuer: Issuer) -> None:
    page = requests.get(f"{oet.url}/ui", timeout=20)
    assert f"connect-src 'self' {issuer.url.split('/realms')[0]};" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in page.headers
    start = requests.get(f"{oet.url}/ui/start.js", timeout=20).text
    assert '"usePkceWithAuthorizationCodeGrant": true' in start
    redirect = requests.get(f"{oet.url}/ui/oauth2-redirect.html", timeout=20)
    assert redirect.status_code == 200
    assert "<script src=" in redirect.text  # what is written into the page itself may not run
    script = requests.get(f"{oet.url}/ui/oauth2-redirect.js", timeout=20)
    assert "swaggerUIRedirectOauth2" in script.text
