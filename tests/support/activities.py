"""Scheduling blocks in a folder archive, and activities of a server, for tests."""

from __future__ import annotations

import json
from typing import Any

import requests

from ..conftest import Events, Server

FINAL = ("COMPLETE", "FAILED", "STOPPED")
OBSERVE = "file://allocate_and_observe.py"


def inline(content: str, **function_args: Any) -> dict[str, Any]:
    """An activity whose script is in the block."""
    return {"kind": "inline", "content": content, "function_args": function_args or None}


class Blocks:
    """The archive of a server, as a folder."""

    def __init__(self, server: Server) -> None:
        self.folder = server.state / "oda"

    def add(self, sbd_id: str, activities: dict[str, Any], version: int = 1, **more: Any) -> str:
        """Add a version of a scheduling block; returns its id."""
        document = {
            "interface": "https://schema.skao.int/ska-oso-pdm-sbd/0.1",
            "sbd_id": sbd_id,
            "telescope": "ska_mid",
            "metadata": {"version": version},
            "activities": activities,
            **more,
        }
        folder = self.folder / "sbd" / sbd_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{version}.json").write_text(json.dumps(document))
        return sbd_id

    def instances(self) -> list[dict[str, Any]]:
        """Every instance that was stored."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("sbi/*/*.json"))]

    def statuses(self, sbi_id: str) -> list[str]:
        """The statuses recorded for an instance, the oldest first."""
        paths = sorted(self.folder.glob(f"sbi_status/{sbi_id}/*.json"), key=lambda path: int(path.stem))
        return [json.loads(path.read_text())["current_status"] for path in paths]


class Activities:
    """Activities of a server, over REST."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def post(self, sbd_id: str, name: str = "observe", **body: Any) -> requests.Response:
        document = {"activity_name": name, "sbd_id": sbd_id, **body}
        return self.server.request("POST", "/activities", json=document)

    def run(self, sbd_id: str, name: str = "observe", **body: Any) -> dict[str, Any]:
        answer = self.post(sbd_id, name, **body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, aid: int) -> dict[str, Any]:
        found: dict[str, Any] = self.server.get(f"/activities/{aid}")
        return found

    def stop(self, aid: int, abort: bool = False) -> requests.Response:
        return self.server.request("PUT", f"/activities/{aid}", json={"state": "STOPPED", "abort": abort})

    def wait(self, aid: int, *states: str, timeout: float = 30) -> dict[str, Any]:
        """Wait until an activity is in one of these states."""
        events = Events(self.server, topics="activity.lifecycle")
        try:
            found = self.get(aid)
            if found["state"] not in states:
                assert found["state"] not in FINAL, found
                wanted = {*states, *FINAL}
                events.wait(lambda e: e.get("aid") == aid and e.get("new_state") in wanted, timeout)
                found = self.get(aid)
            assert found["state"] in states, found
            return found
        finally:
            events.close()

    def ended(self, aid: int, timeout: float = 30) -> dict[str, Any]:
        """Wait until an activity is final."""
        return self.wait(aid, *FINAL, timeout=timeout)
