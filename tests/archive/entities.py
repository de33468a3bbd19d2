"""Scheduling blocks and instances for the tests of archives, and the two kinds of archive that hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ska_oso_oet.activities.archive import Archive
from ska_oso_oet.activities.archive.opening import Access, open_archive

from ..support.oda import Oda
from ..support.oda_database import OdaDatabase
from ..support.oso_services import OsoServices

TIMEOUT = 10.0  #: of calls that are to succeed
SHORT = 0.4  #: of calls that are to be late
SBD_ID = "sbd-mvp01-20220923-00001"


def opened(url: str, timeout: float = TIMEOUT, here: Path = Path("/nowhere"), **how: Any) -> Archive:
    """The archive at a URL, which keeps in the folder ``here`` what it has no place for."""
    return open_archive(url, timeout, Access(here=str(here), **how))


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


def command(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "request": "AssignResources",
        "request_args": {"args": ["ska_mid/tm_central/central_node", f'{{"n": {number}}}'], "kwargs": {}},
        "request_sent_at": f"2026-11-25T04:38:{number:02}+00:00",
        "response": {"result": "OK"},
        "response_received_at": f"2026-11-25T04:38:{number:02}.5+00:00",
        "status": "OK",
    } | fields


def eb(commands: int = 0, status: str = "Created", eb_id: str = "eb-1", **fields: Any) -> dict[str, Any]:
    return {
        "interface": "https://schema.skao.int/ska-oso-pdm-eb/0.1",
        "eb_id": eb_id,
        "sbd_ref": SBD_ID,
        "sbd_version": 1,
        "sbi_ref": "sbi-1",
        "telescope": "ska_mid",
        "status": status,
        "request_responses": [command(number) for number in range(1, commands + 1)],
        "metadata": {"version": 1, "created_by": "oet", "created_on": "2026-11-25T04:38:00+00:00"},
    } | fields


class InFolder:
    """A folder archive, and what lies in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = opened(folder.as_uri())

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

    def execution_block(self, eb_id: str = "eb-1") -> dict[str, Any]:
        """The newest version of an execution block."""
        newest = max((self.folder / "eb" / eb_id).iterdir(), key=lambda path: int(path.stem))
        found: dict[str, Any] = json.loads(newest.read_text())
        return found


class OnServer:
    """An archive behind the ODA's former REST interface, and what the server holds."""

    def __init__(self, oda: Oda, here: Path) -> None:
        self.oda = oda
        self.add = oda.add
        self.archive = opened(oda.url, here=here)
        self.execution_block = InFolder(here).execution_block

    def instances(self) -> dict[str, Any]:
        return self.oda.instances

    def statuses(self, sbi_id: str) -> list[tuple[str, str]]:
        return changes(self.oda.statuses[sbi_id])


class OnOsoServices:
    """An archive in oso-services, what the server holds, and what is kept here."""

    def __init__(self, services: OsoServices, here: Path) -> None:
        self.services = services
        self.here = here
        self.archive = opened(services.url, here=here, statuses=("Ready",))
        self.instances = InFolder(here).instances
        self.statuses = InFolder(here).statuses

    def add(self, document: dict[str, Any], sbd_id: str | None = None) -> None:
        self.services.add(document, sbd_id)
        self.services.block_statuses[sbd_id or document["sbd_id"]] = "Ready"

    def execution_block(self, eb_id: str = "eb-1") -> dict[str, Any]:
        return self.services.execution_blocks[eb_id]


class InDatabase:
    """An archive in the ODA's own database."""

    def __init__(self, database: OdaDatabase, here: Path) -> None:
        self.database = database
        self.archive = opened(database.url, here=here, statuses=("Ready",))
        self.add = database.add
        self.instances = database.instances
        self.statuses = database.statuses
        self.execution_block = database.execution_block


def changes(entities: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entity["previous_status"], entity["current_status"]) for entity in entities]
