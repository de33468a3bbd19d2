"""An observation with the ODA's own database as its archive, which is killed in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import serving, until
from ..support.activities import Activities
from ..support.oda_database import UNTIL_12, OdaDatabase, since_18
from ..support.postgresql import PASSWORD, PostgreSQL
from .test_execution_blocks import says


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    server = PostgreSQL().start()
    yield server
    server.close()


def block(version: int, *lines: str) -> dict[str, object]:
    return {
        "interface": "https://schema.skao.int/ska-oso-pdm-sbd/0.1",
        "sbd_id": "sbd-1",
        "telescope": "ska_mid",
        "metadata": {"version": version},
        "activities": {"observe": says(*lines)},
    }


@pytest.mark.parametrize("layout", [UNTIL_12, since_18("text")], ids=["until-12", "since-18"])
@pytest.mark.parametrize("worker", [False, True], ids=["alone", "with-the-worker"])
def test_a_database_killed_in_the_middle_of_an_observation_loses_nothing(
    postgresql: PostgreSQL, tmp_path: Path, layout: str, worker: bool
) -> None:
    database = OdaDatabase(postgresql, layout)
    gates = [tmp_path / "first", tmp_path / "second"]
    database.add(
        block(
            *(1, "started('eb-1')", "command('eb-1', 1)", f"wait_for({str(gates[0])!r})"),
            *("command('eb-1', 2)", f"wait_for({str(gates[1])!r})", "finished('eb-1')"),
        )
    )
    with serving(tmp_path / "state", OET_ODA_URL=database.url) as server:
        activities = Activities(server)
        activity = activities.run("sbd-1")
        until(
            lambda: (
                activities.get(activity["id"])["execution_blocks"] == [{"eb_id": "eb-1", "status": "Created"}]
            )
        )
        until(lambda: database.statuses(activity["sbi_id"]) == [("Created", "Executing")])
        postgresql.kill()
        gates[0].touch()
        gates[1].touch()
        ended = activities.ended(activity["id"])
        assert ended["state"] == "COMPLETE"
        if worker:
            server.kill("activity")
        postgresql.start()
        until(lambda: activities.get(activity["id"])["sbi_status"] == "Observed", 60)
        until(lambda: activities.get(activity["id"])["execution_blocks"][0]["status"] == "Observed", 60)
    assert set(database.instances()) == {activity["sbi_id"]}
    assert database.statuses(activity["sbi_id"])[-1] == ("Executing", "Observed")
    eb = database.execution_block()
    assert eb["status"] == "Observed"
    assert [one["request_args"]["args"][1] for one in eb["request_responses"]] == [
        '{"scan_id": 1}',
        '{"scan_id": 2}',
    ]


def test_the_databases_password_is_for_the_worker_that_needs_it(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    database = OdaDatabase(postgresql, since_18("text"))
    database.add(block(1, "print('done')"))
    name = database.url.partition("@/")[2].partition("?")[0]
    settings = {
        "OET_ODA_URL": "postgresql://",
        "PGHOST": str(postgresql.folder),
        "PGDATABASE": name,
        "PGUSER": "oet",
        "PGPASSWORD": PASSWORD,
    }
    with serving(tmp_path / "state", **settings) as server:
        ended = Activities(server).ended(Activities(server).run("sbd-1", sbd_version=1)["id"])
        assert (ended["state"], ended["sbd_version"]) == ("COMPLETE", 1)
        refused = Activities(server).post("sbd-1", sbd_version=2)
        assert refused.status_code == 404
        assert (
            "no version 2 of scheduling block sbd-1 in the archive postgresql://" in refused.json()["detail"]
        )
