"""Scheduling blocks and instances for the tests of archives, and the two kinds of archive that hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ska_oso_oet.activities.archive import open_archive

from ..support.oda import Oda

TIMEOUT = 10.0  #: of calls that are to succeed
SHORT = 0.4  #: of calls that are to be late
SBD_ID = "sbd-mvp01-20220923-00001"


def sbd(version: int = 1, sbd_id: str = SBD_ID, **fields: Any) -> dict[str, Any]:
    return {
        "sbd_id": sbd_id,
        "telescope": "ska_mid",
        "metadata": {"version": version},
        "activities": {},
    } | fields


def sbi(sbi_id: str = "sbi-1", **fields: Any) -> dict[str, Any]:
    return {
        "interface": "https://schema.skao.int/ska-oso-pdm-sbi/0.1",
        "sbi_id": sbi_id,
        "sbd_ref": SBD_ID,
        "sbd_version": 1,
        "telescope": "ska_mid",
        "activities": [{"activity_ref": "observe", "runtime_args": []}],
    } | fields


class InFolder:
    """A folder archive, and what lies in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = open_archive(folder.as_uri(), TIMEOUT)

    def add(self, document: dict[str, Any], sbd_id: str | None = None) -> None:
        path = (
            self.folder / "sbd" / (sbd_id or document["sbd_id"]) / f"{document['metadata']['version']}.json"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def instances(self) -> dict[str, Any]:
        return {path.parent.name: json.loads(path.read_text()) for path in self.folder.glob("sbi/*/1.json")}

    def statuses(self, sbi_id: str) -> list[tuple[str, str]]:
        paths = sorted((self.folder / "sbi_status" / sbi_id).iterdir(), key=lambda path: int(path.stem))
        return changes([json.loads(path.read_text()) for path in paths])


class OnServer:
    """An archive on a server, and what the server holds."""

    def __init__(self, oda: Oda) -> None:
        self.oda = oda
        self.add = oda.add
        self.archive = open_archive(oda.url, TIMEOUT)

    def instances(self) -> dict[str, Any]:
        return self.oda.instances

    def statuses(self, sbi_id: str) -> list[tuple[str, str]]:
        return changes(self.oda.statuses[sbi_id])


def changes(entities: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entity["previous_status"], entity["current_status"]) for entity in entities]
