from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet_client import OETClient
from ska_oso_oet_client.address import keeps_secrets, resolve
from ska_oso_oet_client.errors import InvalidRequestError

from ..support.fake_oet import FakeOET
from .conftest import Result

PLACEHOLDER = "https://k8s.example/ns/oet/{SUBARRAY_ID}/api/v1"
SECOND = "https://k8s.example/ns/oet/2/api/v1"


def test_without_any_choice_it_is_the_first_subarray_of_this_machine() -> None:
    assert resolve(None, None, {}) == ("http://127.0.0.1:5000/ska-oso-oet/oet/1/api/v1", 1, None)


def test_the_argument_wins_over_the_environment() -> None:
    assert resolve("http://a/x", None, {"OET_URL": "http://b/x"}).url == "http://a/x"
    assert resolve(None, None, {"OET_URL": "http://b/x"}).url == "http://b/x"


def test_an_empty_variable_is_no_choice() -> None:
    assert resolve(None, None, {"OET_URL": " "}).url.startswith("http://127.0.0.1:5000/")


@given(st.integers(1, 16))
def test_the_placeholder_becomes_the_subarray(number: int) -> None:
    assert resolve(PLACEHOLDER, number, {}) == (PLACEHOLDER.format(SUBARRAY_ID=number), number, None)


def test_the_url_tells_the_subarray_when_the_user_does_not() -> None:
    assert resolve(SECOND, None, {}) == (SECOND, 2, None)
    assert resolve(SECOND, 2, {}) == (SECOND, 2, None)


def test_a_url_of_another_subarray_is_an_error_that_names_both() -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        resolve(None, 3, {"OET_URL": SECOND})
    assert "--subarray_id=3" in str(refusal.value)
    assert "names subarray 2" in str(refusal.value)


def test_a_url_without_subarray_takes_any() -> None:
    url = "http://h/ns/oet/api/v1"
    assert resolve(url, 7, {}) == (url, 7, "--subarray_id=7")
    assert resolve(None, None, {"OET_URL": url, "OET_SUBARRAY_ID": "7"}) == (url, 7, "OET_SUBARRAY_ID=7")
    assert resolve(url, None, {"OET_SUBARRAY_ID": "7"}) == (url, 1, "")


@pytest.mark.parametrize("typed", ["h:5000/ns/oet/1/api/v1", "http://h:5000/ns/oet/1/api/v1///"])
def test_scheme_and_trailing_slashes_are_put_right(typed: str) -> None:
    assert resolve(typed, None, {}).url == "http://h:5000/ns/oet/1/api/v1"


@pytest.mark.parametrize("typed", ["ftp://h/x", "http://", "http:///"])
def test_other_schemes_and_missing_hosts_are_refused(typed: str) -> None:
    with pytest.raises(InvalidRequestError):
        resolve(typed, None, {})


@pytest.mark.parametrize("number", [0, 17, -1])
def test_there_are_sixteen_subarrays(number: int) -> None:
    with pytest.raises(InvalidRequestError, match="between 1 and 16"):
        resolve(None, number, {})


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://oet.example", True),
        ("http://127.0.0.1:5000", True),
        ("http://localhost/x", True),
        ("http://oet.example", False),
        ("javascript://localhost/%0aalert(1)", False),
        ("file://localhost/etc/passwd", False),
        ("http://[bad", False),
    ],
)
def test_only_http_of_this_machine_is_as_good_as_https(url: str, safe: bool) -> None:
    assert keeps_secrets(url) is safe


@pytest.mark.parametrize("word", ["abort", "drain", "status"])
def test_a_subarray_that_the_address_does_not_name_is_checked_before_anything_is_commanded(
    oet: FakeOET, run: Callable[..., Result], word: str
) -> None:
    url = f"--server-url={oet.url.replace('/oet/1/', '/oet/')}"
    done = run(word, url, "--subarray_id=2")
    assert done.status == 2
    assert "--subarray_id=2 contradicts the server URL" in done.err
    assert "whose server drives subarray 1" in done.err
    assert {request.method for request in oet.requests} == {"GET"}


def test_an_address_without_a_subarray_is_that_of_its_server(oet: FakeOET) -> None:
    with OETClient(oet.url.replace("/oet/1/", "/oet/")) as client:
        assert client.subarray_id == 1
    with OETClient(oet.url.replace("/oet/1/", "/oet/"), 1) as client:
        assert client.subarray_id == 1
