"""The SKA log line."""

from __future__ import annotations

import logging
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.telemetry.logs import SkaFormatter, tagged


def _record(message: str, *args: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord(
        "x",
        logging.WARNING,
        "/a/b/bus.py",
        12,
        message,
        args,
        exc_info,
        func="publish",  # type: ignore[arg-type]
    )


def _fields(line: str) -> list[str]:
    return line.split("|", 7)


def test_a_line_has_eight_fields_in_the_order_of_the_ska() -> None:
    fields = SkaFormatter("SESWorker").format(_record("%d fields", 8)).split("|")
    assert len(fields) == 8
    assert fields[0] == "1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields[1])
    assert fields[2:] == ["WARNING", "MainThread", "publish", "bus.py#12", "worker:SESWorker", "8 fields"]


def test_the_time_is_utc() -> None:
    record = _record("x")
    record.created, record.msecs = 0.25, 250.0
    assert _fields(SkaFormatter("w").format(record))[1] == "1970-01-01T00:00:00.250Z"


@given(st.text())
def test_whatever_the_message_it_stays_one_line_with_the_message_last(message: str) -> None:
    line = SkaFormatter("w").format(_record("%s", message))
    assert len(line.splitlines()) == 1
    # No sequence of a terminal's is among what others have named.
    assert not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f]", line)
    if message.isprintable():
        assert _fields(line)[7] == message


def test_tags_hold_inside_the_block_and_nest() -> None:
    formatter = SkaFormatter("w")
    with tagged(request_id="r1", procedure_id=None):
        assert _fields(formatter.format(_record("x")))[6] == "worker:w,request_id:r1"
        with tagged(procedure_id=7):
            assert _fields(formatter.format(_record("x")))[6] == "worker:w,request_id:r1,procedure_id:7"
        with tagged(request_id=None):
            assert _fields(formatter.format(_record("x")))[6] == "worker:w"
    assert _fields(formatter.format(_record("x")))[6] == "worker:w"


def test_tags_end_with_the_block_also_when_it_fails() -> None:
    with pytest.raises(RuntimeError):
        with tagged(procedure_id=7):
            raise RuntimeError
    assert _fields(SkaFormatter("w").format(_record("x")))[6] == "worker:w"


def test_a_trace_back_follows_the_line() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        line, *trace = SkaFormatter("w").format(_record("x", exc_info=sys.exc_info())).splitlines()
    assert len(_fields(line)) == 8
    assert trace[0].startswith("Traceback")
    assert trace[-1] == "ValueError: no"
