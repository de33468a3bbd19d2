"""A refusal travels as kind and detail, and means one HTTP status."""

from __future__ import annotations

import pytest

from ska_oso_oet.domain import errors


def _kinds(cls: type[errors.Refusal]) -> set[str]:
    return {cls.kind}.union(*(_kinds(sub) for sub in cls.__subclasses__()))


def test_every_kind_of_refusal_has_an_http_status() -> None:
    assert _kinds(errors.Refusal) <= set(errors.STATUS)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Invalid("x"), 422),
        (errors.NotFound("x"), 404),
        (errors.Conflict("x"), 409),
        (errors.Busy("x"), 429),
        (errors.Unavailable("x"), 503),
        (errors.DiskFull("x"), 503),
        (errors.WorkerAway("x"), 503),
        (errors.ArchiveAway("x"), 503),
        (errors.TimedOut("x"), 504),
    ],
)
def test_a_refusal_rebuilt_from_what_travelled_is_the_same(error: errors.Refusal, status: int) -> None:
    rebuilt = errors.refusal(error.kind, error.detail)
    assert type(rebuilt) is type(error)
    assert (rebuilt.kind, rebuilt.detail, rebuilt.status) == (error.kind, "x", status)


def test_an_internal_error_travels_as_status_500() -> None:
    assert errors.refusal("internal", "x").status == 500


def test_a_kind_of_a_newer_release_is_still_a_refusal() -> None:
    assert errors.refusal("never_heard_of", "x").status == 400


def test_an_unknown_procedure_is_named_in_the_refusal() -> None:
    assert errors.NotFound.procedure(7).detail == "No information available for PID=7"
