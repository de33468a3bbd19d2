"""What a restart reads back: whatever was masked, in a time that does not grow with the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ska_oso_oet.domain.errors import Invalid
from ska_oso_oet.domain.masking import masked
from ska_oso_oet.domain.scripts import LONGEST_URI, checked_uri, script_from_dict, script_read_back
from ska_oso_oet.journal import Journal, Query
from ska_oso_oet.runs.protocol import MOST_VALUES
from ska_oso_oet.supervision import runner_messages

TOKEN = "eyJhbGciOiJSUzI1NiJ9"


@pytest.mark.parametrize(
    "script",
    [
        {"script_type": "filesystem", "script_uri": f"file:///scripts/{TOKEN}.py"},
        {
            "script_type": "git",
            "script_uri": f"git://{TOKEN}.py",
            "create_env": "fresh",
            "git_args": {"git_repo": f"https://host/{TOKEN}.git", "git_branch": TOKEN},
        },
        {"script_type": "filesystem", "script_uri": "file:///scripts/observe.py"},
    ],
)
def test_a_script_is_read_back_as_it_was_masked(script: dict[str, Any]) -> None:
    recorded = masked(script_from_dict(script).to_dict())
    assert script_read_back(recorded).to_dict() == recorded


@pytest.mark.parametrize("kind", ["file", "git"])
def test_a_script_uri_has_a_greatest_length(kind: str) -> None:
    with pytest.raises(Invalid, match="more than 4096 characters"):
        checked_uri(f"{kind}://{'x' * LONGEST_URI}.py", "git" if kind == "git" else "filesystem")


def test_what_is_young_is_found_by_its_time_and_not_by_reading_all(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.db'}")
    asked: list[str] = []
    sa.event.listen(
        journal.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_more: asked.append(statement),
    )
    journal.read(Query(topics=("a",), since=1.0))
    journal.requests(("a",), 1.0)
    with journal.reading() as connection:
        for statement in [one for one in asked if "FROM messages" in one]:
            values = (1,) * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            assert "ix_messages_time" in str(plan), (statement, plan)
    journal.close()


def test_what_a_script_says_has_a_greatest_number_of_values_and_length_of_texts() -> None:
    def said(values: int) -> bytes:
        return json.dumps({"say": "message", "topic": "user.x", "payload": {"a": [[]] * values}}).encode()

    assert runner_messages.read(said(MOST_VALUES - 10)) is not None
    assert runner_messages.read(said(MOST_VALUES)) is None
    failed = {"say": "failed", "phase": "main", "type": "E", "detail": "x" * 10**6, "stacktrace": None}
    read = runner_messages.read(json.dumps(failed).encode())
    assert read is not None
    assert len(read["detail"]) < 10**5
