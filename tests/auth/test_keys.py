"""Keys are fetched when they are needed, kept while the provider is away, and never asked for in a flood."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet.domain.errors import Unavailable
from ska_oso_oet.web.auth.keys import Keys, slots
from ska_oso_oet.web.auth.provider import Key, ProviderAway, Published


def _key(kid: str, kind: str = "RSA", curve: str | None = None, algorithm: str | None = None) -> Key:
    return Key(kid=kid, kind=kind, curve=curve, algorithm=algorithm, public=kid)


class Provider:
    """Publishes what a test says, when it says so."""

    def __init__(self, *kids: str) -> None:
        self.kids = kids
        self.asked = 0
        self.away = False
        self.answering = threading.Event()
        self.answering.set()
        self.now = 1000.0
        self.keys = Keys("https://issuer.example", self.ask, slots(), lambda: self.now)

    def ask(self, _issuer: str) -> Published:
        self.asked += 1
        assert self.answering.wait(30)
        if self.away:
            raise ProviderAway("it is away")
        return Published(keys=tuple(_key(kid) for kid in self.kids))

    def find(self, kid: str) -> Key | None:
        return next(iter(self.keys.find(kid, "RS256")), None)


def _in_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_key_is_fetched_when_it_is_first_needed_and_only_then() -> None:
    provider = Provider("a")
    for _ in range(3):
        found = provider.find("a")
        assert found is not None
    assert provider.asked == 1


def test_an_unknown_key_is_looked_for_once_in_a_few_seconds() -> None:
    provider = Provider("a")
    assert [provider.find(f"x{n}") for n in range(20)] == [None] * 20
    assert provider.asked == 1
    provider.now += 4
    provider.kids = ("b",)
    assert provider.find("b") is not None
    assert provider.find("a") is None  # withdrawn
    assert provider.asked == 2


def test_known_keys_go_on_working_while_the_provider_is_away() -> None:
    provider = Provider("a")
    provider.find("a")
    provider.away = True
    provider.now += 1e6
    assert provider.find("a") is not None
    provider.keys._ended.wait(30)
    provider.now += 4
    assert provider.find("b") is None
    assert provider.find("a") is not None


def test_old_keys_are_fetched_again_without_anybody_waiting() -> None:
    provider = Provider("a")
    provider.find("a")
    provider.now += 601
    provider.answering.clear()
    assert provider.find("a") is not None
    provider.kids = ("b",)
    provider.answering.set()
    provider.keys._ended.wait(30)
    assert provider.asked == 2
    assert provider.find("a") is None


def test_without_any_key_nobody_can_be_told_and_it_is_said_at_once() -> None:
    provider = Provider("a")
    provider.away = True
    for _ in range(5):
        with pytest.raises(Unavailable, match="identity provider cannot be reached"):
            provider.find("a")
    assert provider.asked == 1


def test_few_wait_for_a_provider_that_hangs_and_the_others_are_told_at_once() -> None:
    provider = Provider("a")
    provider.answering.clear()
    found: list[Key | None] = []
    waiting = [_in_thread(lambda: found.append(provider.find("a"))) for _ in range(2)]
    while provider.keys._slots._value:
        pass
    with pytest.raises(Unavailable):
        provider.find("a")
    provider.answering.set()
    for thread in waiting:
        thread.join(30)
    assert [key and key.kid for key in found] == ["a"] * 2
    assert provider.asked == 1


def test_those_who_wait_are_counted_over_all_issuers() -> None:
    one, other = Provider("a"), Provider("b")
    other.keys._slots = one.keys._slots
    one.answering.clear()
    other.answering.clear()
    waiting = [_in_thread(functools.partial(one.find, "a")) for _ in range(2)]
    while one.keys._slots._value:
        pass
    with pytest.raises(Unavailable):
        other.find("b")
    for provider in (one, other):
        provider.answering.set()
    for thread in waiting:
        thread.join(30)


def test_a_fetch_that_never_ends_is_given_up_and_what_it_says_at_last_counts_no_more() -> None:
    provider = Provider("old")
    hanging = threading.Event()
    good = provider.keys._fetch

    def hang(issuer: str) -> Published:
        old = good(issuer)
        assert hanging.wait(30)
        return old

    provider.keys._fetch = hang
    provider.keys.refresh()
    lost = provider.keys._ended
    provider.keys._fetch, provider.kids = good, ("new",)
    provider.now += 31
    assert provider.find("new") is not None
    hanging.set()
    assert lost.wait(30)
    assert provider.find("new") is not None


def test_nobody_waits_longer_than_the_limit_for_a_provider_that_hangs() -> None:
    provider = Provider("a")
    provider.answering.clear()
    provider.keys.refresh()
    provider.now += 3
    with pytest.raises(Unavailable):
        provider.find("a")
    provider.answering.set()


def test_a_failure_nobody_thought_of_does_not_end_fetching() -> None:
    provider = Provider("a")
    good, provider.keys._fetch = provider.keys._fetch, lambda _: 1 / 0  # type: ignore[assignment,return-value]
    with pytest.raises(Unavailable):
        provider.find("a")
    provider.keys._fetch = good
    provider.now += 4
    assert provider.find("a") is not None


@pytest.mark.parametrize(
    ("key", "algorithm", "fits"),
    [
        (_key("a"), "RS256", True),
        (_key("a"), "PS512", True),
        (_key("a", algorithm="PS256"), "RS256", False),
        (_key("a", "EC", "P-256"), "ES256", True),
        (_key("a", "EC", "P-256"), "ES384", False),
        (_key("a", "EC", "P-256"), "RS256", False),
        (_key("a", "OKP", "Ed25519"), "EdDSA", True),
        (_key("a", "OKP", "Ed25519", "EdDSA"), "EdDSA", True),
        (_key("a"), "EdDSA", False),
    ],
)
def test_a_key_fits_the_algorithms_of_its_kind(key: Key, algorithm: str, fits: bool) -> None:
    assert key.fits(algorithm) is fits


def test_a_token_without_a_kid_means_any_of_the_first_four_keys_that_fit() -> None:
    rsa, ec = _key("a"), _key("b", "EC", "P-256")
    assert Published(keys=(rsa, ec)).find(None, "RS256") == (rsa,)
    many = tuple(_key(kid) for kid in "abcdef")
    assert Published(keys=many).find(None, "RS256") == many[:4]
    assert Published(keys=many).find("f", "RS256") == many[5:]


def test_keys_are_renewed_for_nobody_who_asks_again_too_soon() -> None:
    provider = Provider("a")
    provider.find("a")
    provider.now += 1
    assert not provider.keys.renew()
    assert provider.asked == 1
    provider.now += 3
    assert provider.keys.renew()
    assert provider.asked == 2
    provider.away = True
    provider.now += 4
    assert not provider.keys.renew()
    assert provider.find("a") is not None
