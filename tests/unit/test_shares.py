"""Who asks for much waits in line; who asks for little does not wait behind that."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ska_oso_oet.domain.errors import Unavailable
from ska_oso_oet.web.auth.identity import BadToken
from ska_oso_oet.web.auth.verified_tokens import VerifiedTokens
from ska_oso_oet.web.server.request_end import Arriving
from ska_oso_oet.web.server.thread_shares import Asker, Shares
from ska_oso_oet.web.server.waiting_requests import asker_of

GREEDY, MODEST = (Asker(name, known=True) for name in ("greedy", "modest"))


class Request:
    """One that is only noted."""

    def __init__(self, name: str, log: list[str], gone: bool = False) -> None:
        self._name, self._log, self._gone = name, log, gone

    def begin(self, waited: bool) -> bool:
        if not (waited and self._gone):
            self._log.append(self._name)
        return not (waited and self._gone)

    def refuse(self) -> None:
        self._log.append(f"refuse {self._name}")

    def close(self) -> None:
        self._log.append(f"close {self._name}")


def test_one_user_has_a_share_only_and_others_have_theirs() -> None:
    shares, log = Shares(3, 2, 1, 64), list[str]()
    for n in range(60):
        shares.want(GREEDY, Request(f"g{n}", log, gone=n > 3))
    shares.want(MODEST, Request("m", log))
    assert log == ["g0", "g1", "m"]
    shares.finished(GREEDY)
    shares.finished(GREEDY)
    assert log == ["g0", "g1", "m", "g2", "g3"]
    shares.finished(GREEDY)
    shares.finished(GREEDY)  # of those behind, all have given up
    shares.finished(MODEST)
    shares.want(GREEDY, Request("again", log))
    assert log[5:] == ["again"]


def test_users_take_turns_for_the_threads_there_are() -> None:
    shares, log = Shares(1, 1, 1, 64), list[str]()
    for user in (GREEDY, GREEDY, GREEDY, MODEST, MODEST):
        shares.want(user, Request(user.name, log))
    for user in (GREEDY, GREEDY, MODEST, GREEDY, MODEST):
        shares.finished(user)
    assert log == ["greedy", "greedy", "modest", "greedy", "modest"]


def test_however_many_strangers_there_are_they_leave_threads_and_users_go_first() -> None:
    shares, log = Shares(3, 3, 2, 64), list[str]()
    strangers = [Asker(f"s{n}", known=False) for n in range(100)]
    for stranger in strangers:
        shares.want(stranger, Request(stranger.name, log))
    for n in range(2):
        shares.want(GREEDY, Request(f"g{n}", log))
    assert log == ["s0", "s1", "g0"]
    shares.finished(strangers[0])
    shares.finished(strangers[1])
    assert log[3:] == ["g1", "s99"]


def test_the_newest_stranger_goes_first_and_one_address_does_not_keep_another_waiting() -> None:
    shares, log = Shares(1, 1, 1, 64), list[str]()
    flood, other = Asker("flood", known=False), Asker("other", known=False)
    for n in range(4):
        shares.want(flood, Request(f"f{n}", log))
    for n in range(2):
        shares.want(other, Request(f"o{n}", log))
    for asker in (flood, other, flood, other, flood, flood):
        shares.finished(asker)
    assert log == ["f0", "o1", "f3", "o0", "f2", "f1"]


def test_a_line_has_an_end_and_makes_room() -> None:
    shares, log = Shares(2, 1, 1, 64), list[str]()
    for n in range(70):
        shares.want(GREEDY, Request(f"g{n}", log))
    for n in range(2):
        shares.want(MODEST, Request(f"m{n}", log))
    assert log == ["g0", *(f"refuse g{n}" for n in range(1, 6)), "m0"]
    shares.want(Asker("stranger", known=False), Request("s", log))
    shares.want(Asker("other", known=False), Request("o", log))
    assert log[7:] == []
    assert shares.leave_stranger()
    for _ in range(66):
        assert shares.give_way()
    assert log[7:10] == ["close s", "close o", "close g6"]
    assert not shares.leave_stranger()
    assert not shares.give_way()


VALID = {"iss": "https://idp", "sub": "alice", "exp": time.time() + 86400}


def _verify(token: str) -> dict[str, Any]:
    """As the guard does without waiting."""
    if token == "of.unknown.key":
        raise Unavailable("the provider is away")
    if token != "new":
        raise BadToken("its signature is not valid")
    return VALID


@pytest.mark.parametrize(
    ("head", "asker"),
    [
        ("", Asker("address 192.0.2.1", known=False)),
        ("\r\nAuthorization: Bearer verified", Asker("user https://idp alice", known=True)),
        ("\r\nauthorization:bearer  verified", Asker("user https://idp alice", known=True)),
        ("\r\nAuthorization: Bearer new", Asker("user https://idp alice", known=True)),
        ("\r\nAuthorization: Bearer forged", Asker("address 192.0.2.1", known=False)),
        ("\r\nAuthorization: Bearer expired", Asker("address 192.0.2.1", known=False)),
        ("\r\nAuthorization: Bearer of.unknown.key", Asker("address 192.0.2.1", known=False)),
        ("\r\nX-Authorization: Bearer verified", Asker("address 192.0.2.1", known=False)),
    ],
)
def test_a_share_is_that_of_a_user_with_a_valid_token_or_else_an_addresss(head: str, asker: Asker) -> None:
    tokens = VerifiedTokens()
    tokens.verify = _verify
    tokens.remember("verified", VALID)
    tokens.remember("expired", VALID | {"exp": time.time() - 1})
    request = Arriving(f"GET / HTTP/1.1{head}\r\n\r\n".encode())
    assert asker_of(request, "192.0.2.1", tokens) == asker


def test_where_nobody_is_asked_for_a_token_addresses_are_users() -> None:
    request = Arriving(b"GET / HTTP/1.1\r\nAuthorization: Bearer some\r\n\r\n")
    assert asker_of(request, "127.0.0.1", VerifiedTokens()) == Asker("address 127.0.0.1", known=True)


def test_whether_the_server_lives_is_told_first() -> None:
    live, ready = (Arriving(f"GET /{name} HTTP/1.1\r\n\r\n".encode()) for name in ("livez", "readyz"))
    assert [asker_of(probe, "192.0.2.1", VerifiedTokens()).known for probe in (live, ready)] == [True, False]


def test_the_tokens_used_last_are_remembered() -> None:
    tokens = VerifiedTokens(most=2)
    for n in (0, 1, 0, 2):
        tokens.remember(f"t{n}", VALID | {"sub": f"user{n}"})
    users = [tokens.user_of(f"t{n}") for n in range(3)]
    assert users == ["https://idp user0", None, "https://idp user2"]
