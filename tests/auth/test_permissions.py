"""What scopes, roles and the claim about subarrays permit, and what routes declare."""

from __future__ import annotations

from typing import Any

import flask
import pytest

from ska_oso_oet.settings import BadSetting, read_settings
from ska_oso_oet.web.auth.permissions import Grants, Permission, Undeclared, commands, declared, needs

READ = {Permission.READ}
BOTH = {Permission.READ, Permission.EXECUTE}
NOTHING: set[Permission] = set()
ISSUER = {"OET_AUTH_ISSUER": "https://issuer.example", "OET_AUTH_AUDIENCE": "oet"}


@pytest.mark.parametrize(
    ("telescope", "claims", "permitted"),
    [
        ("SKA-mid", {"scope": "openid oet:read"}, READ),
        ("SKA-mid", {"scope": "oet:execute"}, BOTH),
        ("SKA-mid", {"scp": "oet:read oet:execute"}, BOTH),
        ("SKA-mid", {"scp": ["oet:read"]}, READ),
        ("SKA-mid", {"roles": ["SW_ENGINEER"]}, BOTH),
        ("SKA-mid", {"groups": ["MID_TELESCOPE_OPERATOR"]}, BOTH),
        ("SKA-mid", {"groups": ["LOW_TELESCOPE_OPERATOR"]}, NOTHING),
        ("SKA-low", {"groups": ["LOW_TELESCOPE_OPERATOR"]}, BOTH),
        ("SKA-low", {"groups": ["MID_TELESCOPE_OPERATOR"]}, NOTHING),
        ("SKA-mid", {"realm_access": {"roles": ["SW_ENGINEER"]}}, BOTH),
        ("SKA-mid", {"resource_access": {"oet": {"roles": ["SW_ENGINEER"]}}}, BOTH),
        ("SKA-mid", {"resource_access": {"oet-cli": {"roles": ["SW_ENGINEER"]}}}, BOTH),
        ("SKA-mid", {"resource_access": {"wiki": {"roles": ["SW_ENGINEER"]}}}, NOTHING),
        ("SKA-mid", {}, NOTHING),
        ("SKA-mid", {"scope": "xoet:read oet:readx OET:READ"}, NOTHING),
        ("SKA-mid", {"scope": ["oet:read"], "roles": {"SW_ENGINEER": 1}, "groups": 7}, READ),
        ("SKA-mid", {"scope": 7, "scp": None, "realm_access": [], "resource_access": {"a": "b"}}, NOTHING),
    ],
)
def test_the_defaults_permit(telescope: str, claims: dict[str, Any], permitted: set[Permission]) -> None:
    settings = read_settings(
        {
            "SKA_TELESCOPE": telescope,
            "OET_AUTH_ISSUER": "https://issuer.example",
            "OET_AUTH_AUDIENCE": "oet",
            "OET_AUTH_CLIENT_ID": "oet-cli",
        }
    )
    assert Grants.of(settings).permissions(claims) == permitted


def test_what_permits_can_be_set() -> None:
    grants = Grants.of(
        read_settings({"OET_AUTH_READ": "role:guest", "OET_AUTH_EXECUTE": "scope:a:b, role:x"})
    )
    assert grants.permissions({"roles": ["guest"]}) == READ
    assert grants.permissions({"scope": "a:b"}) == BOTH
    assert grants.permissions({"roles": ["SW_ENGINEER"], "scope": "oet:execute"}) == NOTHING


@pytest.mark.parametrize("listed", [1, "1", [1], ["01", 5], "*", ["*"], [2, "1"], 1.0])
def test_a_claim_that_lists_the_subarray_permits_it(listed: Any) -> None:
    assert commands({"s": listed}, "s", 1)


@pytest.mark.parametrize(
    "listed", [None, 2, "2", [], [2, 3], True, [True], "1,2", "**", {"1": 1}, ["1" * 5000], "¹"]
)
def test_any_other_claim_does_not(listed: Any) -> None:
    assert not commands({"s": listed}, "s", 1)
    assert not commands({}, "s", 1)


def test_a_route_that_does_not_say_what_it_needs_is_an_error() -> None:
    app = flask.Flask("x", static_folder=None)
    app.add_url_rule("/good", view_func=needs(Permission.READ)(lambda: ""), endpoint="good")
    assert declared(app) == {"good": Permission.READ}
    app.add_url_rule("/forgotten", view_func=lambda: "", endpoint="forgotten")
    with pytest.raises(Undeclared, match="/forgotten"):
        declared(app)


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example",
        "issuer.example",
        "https://",
        "https://a b",
        "https://u:p@a",
        "ftp://a",
        "https://a;b",
    ],
)
def test_an_issuer_must_be_https_or_of_this_machine(url: str) -> None:
    with pytest.raises(BadSetting, match="^OET_AUTH_ISSUER="):
        read_settings(ISSUER | {"OET_AUTH_ISSUER": url})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/realms/x", "http://localhost:1", "http://[::1]/", "https://a/"]
)
def test_an_issuer_is_taken_letter_by_letter(url: str) -> None:
    assert read_settings(ISSUER | {"OET_AUTH_ISSUER": url}).auth_issuers == (url,)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        (ISSUER | {"OET_AUTH": "off"}, "^OET_AUTH=off contradicts OET_AUTH_ISSUER"),
        (ISSUER | {"OET_AUTH_AUDIENCE": ""}, "^OET_AUTH_AUDIENCE must be set"),
        ({"OET_AUTH_READ": "oet:read"}, "^OET_AUTH_READ="),
        ({"OET_AUTH_EXECUTE": "role:"}, "^OET_AUTH_EXECUTE="),
    ],
)
def test_settings_that_contradict_each_other_are_one_line(environ: dict[str, str], named: str) -> None:
    with pytest.raises(BadSetting, match=named) as refused:
        read_settings(environ)
    assert "\n" not in str(refused.value)
