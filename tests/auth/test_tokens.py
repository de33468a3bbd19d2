"""A token is valid or it is not, and the reason says nothing of what it holds."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from ska_oso_oet.domain.errors import Unavailable
from ska_oso_oet.web.auth.identity import BadToken, User
from ska_oso_oet.web.auth.keys import Keys, slots
from ska_oso_oet.web.auth.permissions import Permission
from ska_oso_oet.web.auth.provider import Key, Published, _key
from ska_oso_oet.web.auth.tokens import Tokens

ISSUER = "https://issuer.example/"
NOW = 1_800_000_000.0
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def _published(entry: str | dict[str, Any], kid: str) -> Key:
    document = json.loads(entry) if isinstance(entry, str) else entry
    found = _key({**document, "kid": kid})
    assert found is not None
    return found


KEYS = (
    _published(RSAAlgorithm.to_jwk(RSA.public_key()), "rsa"),
    _published(ECAlgorithm.to_jwk(EC.public_key()), "ec"),
    _published(OKPAlgorithm.to_jwk(ED.public_key()), "ed"),
)


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    keys = Keys(ISSUER, lambda _: Published(keys=KEYS), slots())
    return Tokens({ISSUER: keys}, ("oet", "other"), lambda: NOW)


def _token(key: Any = RSA, algorithm: str = "RS256", kid: Any = "rsa", **claims: Any) -> str:
    known = {"iss": ISSUER, "aud": "oet", "sub": "me", "exp": NOW + 60} | claims
    return jwt.encode(known, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA, "RS256", "rsa"),
        (RSA, "PS384", "rsa"),
        (RSA, "RS512", None),
        (EC, "ES256", "ec"),
        (ED, "EdDSA", "ed"),
    ],
)
def test_every_asymmetric_algorithm_is_taken(
    tokens: Tokens, key: Any, algorithm: str, kid: str | None
) -> None:
    assert tokens.claims(_token(key, algorithm, kid))["sub"] == "me"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 0.5},
        {"exp": int(NOW) + 1},
        {"nbf": NOW + 9},
        {"iat": NOW + 9},
        {"aud": ["something", "other"]},
        {"jti": "1", "nonce": "2"},
    ],
)
def test_a_token_is_valid_at_the_edges_of_its_time(tokens: Tokens, claims: dict[str, Any]) -> None:
    assert tokens.claims(_token(**claims))["iss"] == ISSUER


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": NOW}, "has expired"),
        ({"exp": NOW - 5}, "has expired"),
        ({"exp": str(NOW + 5)}, "times cannot be read"),
        ({"exp": True}, "times cannot be read"),
        ({"exp": 1e300}, "times cannot be read"),
        ({"nbf": NOW + 11}, "not valid yet"),
        ({"iat": NOW + 11}, "not valid yet"),
        ({"iat": "now"}, "times cannot be read"),
        ({"aud": "oe"}, "another audience"),
        ({"aud": []}, "another audience|lacks"),
        ({"aud": {"oet": 1}}, "audience"),
        ({"iss": ISSUER.rstrip("/")}, "issuer"),
        ({"sub": ""}, "subject"),
        ({"sub": "x" * 256}, "subject"),
    ],
)
def test_what_is_wrong_with_the_claims_is_told(tokens: Tokens, claims: dict[str, Any], why: str) -> None:
    with pytest.raises(BadToken, match=why):
        tokens.claims(_token(**claims))


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(EC, "ES256", "rsa"), (RSA, "RS256", "ec"), (ED, "EdDSA", "x")]
)
def test_a_key_of_another_kind_is_none(tokens: Tokens, key: Any, algorithm: str, kid: str) -> None:
    with pytest.raises(BadToken, match="signed with a key"):
        tokens.claims(_token(key, algorithm, kid))


def test_a_token_that_was_valid_once_expires_and_ends_with_its_key() -> None:
    now, published = NOW, Published(keys=KEYS)
    keys = Keys(ISSUER, lambda _: published, slots(), lambda: now)
    tokens = Tokens({ISSUER: keys}, ("oet",), lambda: now)
    first, second = _token(exp=NOW + 60), _token(exp=NOW + 9000)
    assert tokens.claims(first) == tokens.claims(first)
    assert tokens.claims(second)["exp"] == NOW + 9000
    now = NOW + 60
    with pytest.raises(BadToken, match="expired"):
        tokens.claims(first)
    assert tokens.claims(second)
    published = Published(keys=KEYS[1:])
    keys.refresh()
    keys._ended.wait(30)
    with pytest.raises(BadToken, match="signed with a key"):
        tokens.claims(second)


def test_a_refusal_is_remembered_for_ten_seconds_but_not_that_a_key_is_unknown() -> None:
    now, published = NOW, Published(keys=KEYS[1:])
    keys = Keys(ISSUER, lambda _: published, slots(), lambda: now)
    tokens = Tokens({ISSUER: keys}, ("oet",), lambda: now)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    early, late = _token(), _token(other)

    def publish(key: rsa.RSAPrivateKey) -> None:
        nonlocal published
        published = Published(keys=(_published(RSAAlgorithm.to_jwk(key.public_key()), "rsa"),))
        keys.refresh()
        keys._ended.wait(30)

    with pytest.raises(BadToken, match="signed with a key"):
        tokens.claims(early)
    now += 4
    publish(RSA)
    assert tokens.claims(early)
    now += 4
    with pytest.raises(BadToken, match="signature"):
        tokens.claims(late)
    now += 4
    publish(other)
    with pytest.raises(BadToken, match="signature"):
        tokens.claims(late)
    now += 7
    assert tokens.claims(late)


@pytest.mark.parametrize("kid", ["rsa", None])
def test_a_key_that_changes_and_keeps_its_name_is_fetched_before_a_token_is_refused(kid: str | None) -> None:
    now, asked, key = NOW, 0, RSA

    def fetch(_issuer: str) -> Published:
        nonlocal asked
        asked += 1
        return Published(keys=(_published(RSAAlgorithm.to_jwk(key.public_key()), "rsa"),))

    keys = Keys(ISSUER, fetch, slots(), lambda: now)
    tokens = Tokens({ISSUER: keys}, ("oet",), lambda: now)
    old = _token(kid=kid)
    assert tokens.claims(old)
    now += 4
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    new = _token(key, kid=kid)
    with pytest.raises(Unavailable):
        tokens.claims(new, wait=False)
    assert tokens.claims(new)
    with pytest.raises(BadToken, match="signature"):
        tokens.claims(old)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    newest = _token(key, kid=kid)
    now += 1
    with pytest.raises(BadToken, match="signature"):
        tokens.claims(newest)
    assert asked == 2  # too soon
    now += 4
    assert tokens.claims(newest)
    assert asked == 3


def test_a_token_without_a_kid_is_tried_with_a_few_keys() -> None:
    others = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(4)]
    entries = [RSAAlgorithm.to_jwk(key.public_key()) for key in (*others[:3], RSA, others[3])]
    published = Published(keys=tuple(_published(entry, f"k{n}") for n, entry in enumerate(entries)))
    tokens = Tokens({ISSUER: Keys(ISSUER, lambda _: published, slots())}, ("oet",), lambda: NOW)
    assert tokens.claims(_token(kid=None))
    with pytest.raises(BadToken, match="signature"):
        tokens.claims(_token(others[3], kid=None))
    assert tokens.claims(_token(others[3], kid="k4"))


def test_a_check_that_does_not_wait_leaves_the_provider_alone() -> None:
    asked: list[str] = []
    keys = Keys(ISSUER, lambda issuer: asked.append(issuer) or Published(keys=KEYS), slots())
    tokens = Tokens({ISSUER: keys}, ("oet",), lambda: NOW)
    with pytest.raises(Unavailable):
        tokens.claims(_token(), wait=False)
    assert asked == []
    assert tokens.claims(_token()) == tokens.claims(_token(), wait=False)


def test_a_changed_token_is_not_valid(tokens: Tokens) -> None:
    head, _, signature = _token().split(".")
    body = _token(sub="another").split(".")[1]
    with pytest.raises(BadToken, match="signature"):
        tokens.claims(f"{head}.{body}.{signature}")


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda b: b.decode("latin-1")))
def test_rubbish_is_a_bad_token_and_never_an_accident(text: str) -> None:
    tokens = Tokens({}, ("oet",))
    for token in (text, f"{text}.{text}.{text}", f"eyJhbGciOiJSUzI1NiJ9.{text}.x"):
        with pytest.raises(BadToken):
            tokens.claims(token)


def test_a_weak_or_private_or_foreign_key_is_left_aside() -> None:
    weak = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key()))
    private = json.loads(RSAAlgorithm.to_jwk(RSA))
    good = json.loads(RSAAlgorithm.to_jwk(RSA.public_key()))
    entries = (weak, private, good | {"use": "enc"}, {"kty": "oct", "k": "eA"}, good | {"n": "!"}, {}, None)
    assert [_key(entry) for entry in entries] == [None] * len(entries)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Ann", "preferred_username": "a"}, "Ann"),
        ({"preferred_username": "a", "client_id": "c"}, "a"),
        ({"name": 7, "client_id": "c", "azp": "d"}, "c"),
        ({"azp": "d"}, "d"),
        ({}, "me"),
        ({"name": "A\nB\0"}, "A?B?"),
    ],
)
def test_a_user_has_a_name_for_people(claims: dict[str, Any], name: str) -> None:
    user = User.of({"iss": "https://issuer", "sub": "me", "exp": 5, **claims}, frozenset({Permission.READ}))
    assert (user.subject, user.name, user.expires) == ("me", name, 5.0)
