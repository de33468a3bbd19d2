"""Arguments that a function of a script cannot take are told with their place and the name that was meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.domain.estimates import UNKNOWN, of_history
from ska_oso_oet.domain.fitting import problems_of
from ska_oso_oet.domain.scripts import Arguments
from ska_oso_oet.engine.inspection import described

from .test_misfit import FUNCTIONS, NAMES


def observe(
    source: str,
    duration: float = 3.0,
    scans: int = 2,
    offsets: tuple[float, float] = (0, 0),
    *more: int,
    dry: bool = False,
    bands: list[str] | None = None,
    weights: dict[str, float] | None = None,
    **others: str,
) -> None: ...


def strict(source: str, scans: int = 2) -> None: ...


def told(function: Callable[..., Any], *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
    parameters = described(function)["parameters"]
    found = problems_of("main", parameters, Arguments(args=args, kwargs=kwargs))
    return [(one["where"].removeprefix("main."), one["what"]) for one in found]


# One of them is decorated by a test of that module.
@given(
    st.sampled_from([one for one in FUNCTIONS if described(one)["exact"]]),
    st.lists(st.just(0), max_size=5),
    st.dictionaries(NAMES, st.just(0)),
)
def test_what_python_refuses_is_told_and_nothing_else(
    function: Callable[..., Any], args: list[int], kwargs: dict[str, int]
) -> None:
    try:
        function(*args, **kwargs)
    except TypeError:
        refused = True
    else:
        refused = False
    parameters = [{**one, "type": {}} for one in described(function)["parameters"]]
    assert bool(problems_of("main", parameters, Arguments(args=tuple(args), kwargs=kwargs))) is refused


@pytest.mark.parametrize(
    ("args", "kwargs", "problems"),
    [
        (["A"], {"scnas": 4}, [("kwargs.scnas", "main has no argument scnas (did you mean scans?)")]),
        ([], {}, [("kwargs.source", "source is missing")]),
        (["A", 1, 2], {}, [("args[2]", "main takes 2 arguments without a name, not 3")]),
        (["A"], {"source": "B"}, [("kwargs.source", "main is given source twice")]),
        ([], {"sourse": "A"}, [
            ("kwargs.sourse", "main has no argument sourse (did you mean source?)"),
            ("kwargs.source", "source is missing"),
        ]),
        ([7], {}, [("args[0]", "source must be text, not a whole number")]),
    ],
)  # fmt: skip
def test_it_is_told_what_is_wrong(args: list[Any], kwargs: dict[str, Any], problems: Any) -> None:
    assert told(strict, *args, **kwargs) == problems


@pytest.mark.parametrize(
    "kwargs",
    [
        {"duration": 3},
        {"scans": 2.0},
        {"offsets": [1, 2.5]},
        {"bands": None},
        {"bands": ["1", "5a"]},
        {"weights": {"a": 1}},
        {"anything": "text"},
    ],
)
def test_what_may_fit_is_no_problem(kwargs: dict[str, Any]) -> None:
    assert told(observe, "A", **kwargs) == []


@pytest.mark.parametrize(
    ("kwargs", "place", "what"),
    [
        ({"duration": "3"}, "kwargs.duration", "duration must be a number, not text"),
        ({"scans": 2.5}, "kwargs.scans", "scans must be a whole number, not a number"),
        ({"scans": True}, "kwargs.scans", "scans must be a whole number, not true or false"),
        ({"scans": None}, "kwargs.scans", "scans must be a whole number, not null"),
        ({"dry": 1}, "kwargs.dry", "dry must be true or false, not a whole number"),
        ({"offsets": [1]}, "kwargs.offsets", "offsets must have 2 values, not 1"),
        ({"offsets": [1, "2"]}, "kwargs.offsets[1]", "offsets[1] must be a number, not text"),
        ({"bands": "5a"}, "kwargs.bands", "bands must be a list or null, not text"),
        ({"weights": {"a": "1"}}, "kwargs.weights", "weights must be an object or null, not an object"),
        ({"anything": 1}, "kwargs.anything", "anything must be text, not a whole number"),
    ],
)
def test_a_value_that_cannot_fit_is_told(kwargs: dict[str, Any], place: str, what: str) -> None:
    assert told(observe, "A", **kwargs) == [(place, what)]


def test_further_arguments_have_the_type_of_the_rest() -> None:
    assert told(observe, "A", 1, 1, [0, 0], 5, "6") == [("args[5]", "more must be a whole number, not text")]


def test_what_the_oet_adds_or_leaves_out_is_no_problem() -> None:
    def main(subarray_id: int, context: Any, scans: int = 1) -> None: ...

    parameters = described(main)["parameters"]
    given_ = Arguments(kwargs={"sb_json": "x"})
    assert (
        problems_of("main", parameters, given_, added=["subarray_id", "context"], dispensable=["sb_json"])
        == []
    )
    assert len(problems_of("main", parameters, given_)) == 3


def test_what_may_still_come_is_not_missing() -> None:
    parameters = described(strict)["parameters"]
    assert problems_of("main", parameters, Arguments(), whole=False) == []


def test_a_history_gives_median_and_percentiles() -> None:
    runs = [{"started": 100.0, "ended": 100.0 + seconds} for seconds in (5, 1, 3, 2, 4)]
    found = of_history(runs)
    assert found == {"seconds": 3, "low": 1.4, "high": pytest.approx(4.6), "source": "history", "runs": 5}


@pytest.mark.parametrize("runs", [[], [{"started": None, "ended": 3.0}], [{"started": 2.0, "ended": 2.0}]])
def test_nothing_known_is_never_a_time_of_nothing(runs: list[Any]) -> None:
    assert of_history(runs) == UNKNOWN
    assert UNKNOWN["seconds"] is None
