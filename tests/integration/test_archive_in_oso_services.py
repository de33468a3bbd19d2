"""An observation with oso-services as its archive: token, status, version and execution block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..conftest import serving, until
from ..support.activities import Activities
from ..support.oso_services import OsoServices, serving_oso_services
from .test_execution_blocks import newest, says

TOKEN = "a-token-nobody-may-see"


def add(services: OsoServices, version: int, status: str, *lines: str) -> None:
    document: dict[str, Any] = {
        "sbd_id": "sbd-1",
        "telescope": "ska_mid",
        "metadata": {"version": version},
        "activities": {"observe": says(*lines)},
    }
    services.add(document)
    services.block_statuses["sbd-1"] = status


def test_a_version_of_a_block_is_observed_with_a_token_and_leaves_its_records(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    state = tmp_path / "state"
    with (
        serving_oso_services() as services,
        serving(state, OET_ODA_URL=services.url, OET_ODA_TOKEN_FILE=str(token_file)) as server,
    ):
        activities = Activities(server)
        services.accepted = {TOKEN}
        add(services, 1, "Draft", "started('eb-1')", "command('eb-1', 1)", "finished('eb-1')")
        add(services, 2, "Draft", "1 / 0")
        refused = activities.post("sbd-1")
        assert refused.status_code == 409
        assert "scheduling block sbd-1 is 'Draft' in the archive" in refused.json()["detail"]
        services.block_statuses["sbd-1"] = "Ready"
        refused = activities.post("sbd-1", sbd_version=7)
        assert refused.status_code == 404
        assert "no version 7 of scheduling block sbd-1" in refused.json()["detail"]
        ended = activities.ended(activities.run("sbd-1", sbd_version=1)["id"])
        assert (ended["state"], ended["sbd_version"]) == ("COMPLETE", 1)
        until(lambda: activities.get(ended["id"])["execution_blocks"][0]["status"] == "Observed")
        until(lambda: activities.get(ended["id"])["sbi_status"] == "Observed")
        stored = services.execution_blocks["eb-1"]
        assert (stored["status"], len(stored["request_responses"])) == ("Observed", 1)
        assert newest(state / "oda", "eb-1")["sbi_ref"] == ended["sbi_id"]
        services.accepted = set()
        refused = activities.post("sbd-1")
        assert refused.status_code == 503
        assert "renew the token in the file of OET_ODA_TOKEN_FILE" in refused.json()["detail"]
    told = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert TOKEN.encode() not in told
