"""The envelope every message travels in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.bus.envelope import Envelope, about

from .histories import json_values, times

envelopes = st.builds(
    Envelope,
    topic=st.text(),
    msg_src=st.text(),
    time=times,
    payload=st.dictionaries(st.text(), json_values, max_size=3),
    id=st.text(min_size=1),
    request_id=st.none() | st.text(),
    user=st.none() | st.text(),
    expires=st.none() | times,
    seq=st.none() | st.integers(1),
)


@given(envelopes)
def test_an_envelope_survives_json(envelope: Envelope) -> None:
    assert Envelope.from_dict(json.loads(json.dumps(envelope.to_dict()))) == envelope


def test_keys_of_a_newer_release_are_left_aside() -> None:
    envelope = Envelope(topic="t", msg_src="s", time=1.0, payload={})
    assert Envelope.from_dict(envelope.to_dict() | {"colour": "red"}) == envelope


@pytest.mark.parametrize("field", ["topic", "msg_src", "time", "payload"])
def test_a_message_without_a_required_field_is_an_error(field: str) -> None:
    data = Envelope(topic="t", msg_src="s", time=1.0, payload={}).to_dict()
    del data[field]
    with pytest.raises(TypeError, match=field):
        Envelope.from_dict(data)


def test_no_two_messages_have_the_same_id() -> None:
    made = {Envelope(topic="t", msg_src="s", time=1.0, payload={}).id for _ in range(100)}
    assert len(made) == 100


@pytest.mark.parametrize(
    ("topic", "msg_src", "payload", "pid"),
    [
        ("user.script.announce", "7", {"msg": "x", "pid": 3}, 7),
        ("procedure.lifecycle.statechange", "7", {"pid": 7}, 7),
        ("procedure.lifecycle.stopping", "SESWorker", {"pid": 7, "stage": "kill"}, 7),
        ("procedure.lifecycle.created", "SESWorker", {"result": {"id": 7}}, 7),
        ("procedure.stop.answered", "SESWorker", {"result": {"id": 7}}, 7),
        ("request.procedure.start", "FlaskWorker", {"cmd": {"pid": 7}}, 7),
        ("request.procedure.create", "FlaskWorker", {"cmd": {"script": {}}}, None),
        ("request.procedure.list", "FlaskWorker", {"pids": [7]}, None),
        ("procedure.pool.list", "SESWorker", {"result": [{"id": 7}]}, None),
        ("request.failed", "SESWorker", {"topic": "request.procedure.stop"}, None),
        ("worker.lost", "Arbiter", {"worker": "Bus", "pid": 7}, None),
        ("procedure.lifecycle.stopping", "SESWorker", {"pid": "7"}, None),
    ],
)
def test_a_message_tells_which_procedure_it_is_about(
    topic: str, msg_src: str, payload: dict[str, Any], pid: int | None
) -> None:
    assert about(topic, msg_src, payload) == pid
    assert Envelope(topic=topic, msg_src=msg_src, time=0.0, payload=payload).about == pid
