"""What a script says about execution blocks is checked, and limited."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ska_oso_oet.activities.archive.entities import LARGEST, read_document
from ska_oso_oet.domain import execution_blocks
from ska_oso_oet.domain.activity import Activity, ActivityState
from ska_oso_oet.domain.errors import Invalid
from ska_oso_oet.domain.execution_blocks import Command, ExecutionBlock, Started, message
from ska_oso_oet.domain.scripts import Arguments

STARTED = {"eb_id": "eb-1", "sb_id": "sbd-1", "subarray_id": 1, "telescope": "ska_mid"}
COMMAND = {
    "eb_id": "eb-1",
    "number": 1,
    "command": "Configure",
    "device": "mid-tmc/subarray/01",
    "request": '{"scan_id": 1}',
    "answer": "OK",
    "ok": True,
    "sent": 1795324531.5,
    "ended": 1795324532,
}


def command(**fields: Any) -> Command:
    found = message("execution_block.command", {**COMMAND, **fields})
    assert isinstance(found, Command)
    return found


def block() -> ExecutionBlock:
    activity = Activity(
        id=1,
        activity_name="observe",
        sbd_id="sbd-1",
        sbd_version=3,
        sbi_id="sbi-1",
        procedure_id=7,
        init=Arguments(),
        main=Arguments(),
        activity_states=[(ActivityState.REQUESTED, 1.0)],
        created_by="somebody",
    )
    return ExecutionBlock(Started(eb_id="eb-1", telescope="ska_mid"), activity, 1795324530.0)


def test_a_block_is_a_document_with_its_commands_in_order() -> None:
    found = block()
    for said in (
        command(number=2, ok=False, answer="CommandRefused: not now", request=None),
        command(),
        command(),
    ):
        found.add(said)
    assert found.end("Failed")
    assert found.to_dict() == {
        "interface": "https://schema.skao.int/ska-oso-pdm-eb/0.1",
        "eb_id": "eb-1",
        "telescope": "ska_mid",
        "sbd_ref": "sbd-1",
        "sbd_version": 3,
        "sbi_ref": "sbi-1",
        "status": "Failed",
        "request_responses": [
            {
                "request": "Configure",
                "request_args": {"args": ["mid-tmc/subarray/01", '{"scan_id": 1}'], "kwargs": {}},
                "request_sent_at": "2026-11-22T05:15:31.500000+00:00",
                "status": "OK",
                "response": {"result": "OK"},
                "response_received_at": "2026-11-22T05:15:32+00:00",
            },
            {
                "request": "Configure",
                "request_args": {"args": ["mid-tmc/subarray/01"], "kwargs": {}},
                "request_sent_at": "2026-11-22T05:15:31.500000+00:00",
                "status": "ERROR",
                "error": {"detail": "CommandRefused: not now"},
                "response_received_at": "2026-11-22T05:15:32+00:00",
            },
        ],
        "metadata": {
            "version": 1,
            "created_by": "somebody",
            "created_on": "2026-11-22T05:15:30+00:00",
            "last_modified_by": "somebody",
            "last_modified_on": "2026-11-22T05:15:32+00:00",
        },
    }


def test_a_block_that_has_ended_takes_nothing_more() -> None:
    found = block()
    assert found.end("Observed")
    assert not found.end("Failed")
    assert not found.add(command())
    assert found.to_dict()["status"] == "Observed"


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        *(("started", {"eb_id": eb_id}) for eb_id in (None, 1, "", "../x", "a/b", ".x", "x" * 101, "a\n")),
        *(("started", {"telescope": telescope}) for telescope in (None, "SKA-mid", ["ska_mid"])),
        *(("command", {"number": number}) for number in (None, -1, 1.5, True, "1", 2**31)),
        *(
            ("command", {name: value})
            for name in ("command", "device", "answer")
            for value in (None, 1, "\0")
        ),
        *(("command", {"request": request}) for request in (1, {}, "\ud800")),
        *(("command", {"ok": ok}) for ok in (None, 1, "OK")),
        *(("command", {"sent": at}) for at in (None, "now", True, -1, 1e12, float("nan"), float("inf"))),
        *(("finished", {"status": status}) for status in (None, "observed", "Created", ["Failed"])),
        ("other", {}),
    ],
)
def test_a_message_that_cannot_be_meant_names_its_field(topic: str, fields: dict[str, Any]) -> None:
    right = {"started": STARTED, "command": COMMAND}.get(topic, {"eb_id": "eb-1", "status": "Observed"})
    with pytest.raises(Invalid, match=f"execution_block.{topic}.*({'|'.join(fields) or 'none of'})"):
        message(f"execution_block.{topic}", {**right, **fields})


def test_long_requests_are_shortened() -> None:
    found = command(request="x" * 10**7, answer="y" * 10**7, command="z" * 1000)
    assert found.size < 2.2 * 2**20


def test_a_request_of_a_megabyte_is_whole() -> None:
    request = json.dumps({"scan_id": 1, "note": "x" * (2**20 - 100)})
    assert command(request=request).to_dict()["request_args"]["args"][1] == request


def test_a_block_has_a_greatest_number_and_size_of_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_blocks, "MOST_COMMANDS", 3)
    many = block()
    assert [many.add(command(number=number)) for number in range(5)] == [True, True, True, False, False]
    assert many.left_out == 2
    monkeypatch.setattr(execution_blocks, "MOST_BYTES", 500)
    assert [block().add(command(answer=answer)) for answer in ("OK", "x" * 500)] == [True, False]


@pytest.mark.parametrize("fields", [{}, {"request": "é" * 63_000}, {"answer": '"\\' * 30_000}])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_block_can_be_read_in_an_archive(fields: dict[str, Any], ascii_only: bool) -> None:
    full = block()
    for number in range(9_000):
        full.add(command(number=number, **fields))
        if full.left_out:
            break
    document = full.to_dict()
    data = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert len(data) < LARGEST / 2
    assert read_document(data) == document


def test_the_form_of_a_block_is_that_of_its_moment() -> None:
    found = block()
    found.add(command())
    form = found.form()
    found.add(command(number=2))
    found.end("Observed")
    assert (form()["status"], len(form()["request_responses"])) == ("Created", 1)
