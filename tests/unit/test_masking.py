"""What may be secret is masked by the names of fields and by what it looks like, and nothing else is."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from ska_oso_oet.domain.masking import masked

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqbyJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"password": "x"}, {"password": "***"}),
        ({"DB_PASSWD": 7, "apiKey": None}, {"DB_PASSWD": "***", "apiKey": "***"}),
        ({"api_key": ["x"], "Authorization": {}}, {"api_key": "***", "Authorization": "***"}),
        ({"args": [{"nested": [{"secret": {"deep": 1}}]}]}, {"args": [{"nested": [{"secret": "***"}]}]}),
        (f"see {JWT}.", "see ***"),
        ({JWT: 1}, {"***": 1}),
        ("https://me:pw@host/x and ftp://you@host", "https://***@host/x and ftp://***@host"),
        ("ssh://git@host/x.git", "ssh://git@host/x.git"),
        ("ssh://git:pw@host/x.git", "ssh://***@host/x.git"),
        ("file:///s/surveyJupiter.py", "file:///s/surveyJupiter.py"),
        ("git@host:x.git, a@b", "git@host:x.git, a@b"),
        ({"subarray_id": 1, "ok": [True, None]}, {"subarray_id": 1, "ok": [True, None]}),
    ],
)
def test_what_may_be_secret_is_masked_and_nothing_else(given: Any, shown: Any) -> None:
    assert masked(given) == shown
    assert masked(shown) == shown


def test_names_are_looked_at_however_long_and_long_ones_are_not_kept() -> None:
    tracemalloc.start()
    try:
        for n in range(20):
            name = f"{n}" + "k" * 2**20
            assert masked({name: 1, f"{name}_token": 1}) == {name: 1, f"{name}_token": "***"}
        del name
        assert tracemalloc.get_traced_memory()[0] < 2**20
    finally:
        tracemalloc.stop()
