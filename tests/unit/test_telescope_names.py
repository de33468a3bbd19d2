"""Which devices a script commands."""

from __future__ import annotations

import pytest

from ska_oso_oet.telescope.names import Names, names_of, subarray_of


def test_without_settings_the_names_are_those_of_mid() -> None:
    expected = Names("mid-tmc/subarray/03", "mid-tmc/central-node/0", "")
    assert names_of(3, {}) == expected


def test_low_has_names_of_its_own() -> None:
    expected = Names("low-tmc/subarray/01", "low-tmc/central-node/0", "")
    assert names_of(1, {"SKA_TELESCOPE": "SKA-low"}) == expected


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("mid-tmc/subarray", "mid-tmc/subarray/01"),
        ("mid-tmc/subarray/", "mid-tmc/subarray/01"),
        ("ska_mid/tm_subarray_node", "ska_mid/tm_subarray_node/1"),
        ("ska_low/tm_subarray_node", "ska_low/tm_subarray_node/1"),
        ("tango://db:10000/mid-tmc/subarray", "tango://db:10000/mid-tmc/subarray/01"),
        ("tango://h:1/mid-tmc/subarray#dbase=no", "tango://h:1/mid-tmc/subarray/01#dbase=no"),
        ("tango://h:1/ska_mid/tm_subarray_node#dbase=no", "tango://h:1/ska_mid/tm_subarray_node/1#dbase=no"),
    ],
)
def test_the_number_has_two_digits_in_the_new_style_and_comes_before_options(prefix: str, name: str) -> None:
    assert names_of(1, {"SUBARRAYNODE_TRL_PREFIX": prefix}).subarray == name


def test_two_digits_are_not_padded() -> None:
    assert names_of(16, {}).subarray == "mid-tmc/subarray/16"


def test_the_subarray_is_that_of_the_oet() -> None:
    assert subarray_of({"OET_SUBARRAY_ID": "4"}) == 4
    assert subarray_of({}) == 1
