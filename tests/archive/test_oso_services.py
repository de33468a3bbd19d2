"""The archive in oso-services: statuses, versions, tokens, and what is kept beside it."""

from __future__ import annotations

import http.server
import json
import logging
import os
import threading
import time
import traceback
import urllib.parse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.activities.archive.entities import Rejected
from ska_oso_oet.activities.archive.kept_here import KeptHere
from ska_oso_oet.domain.errors import ArchiveAway, Conflict, NotFound

from ..support.oso_services import OsoServices
from .entities import SBD_ID, SHORT, InFolder, eb, opened, sbd, sbi

SECRET = "s3cret-of-the-client"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


class Issuer:
    """A token endpoint, which gives a new token each time."""

    def __init__(self) -> None:
        issuer = self
        self.forms: list[dict[str, str]] = []
        self.lifetime: float | str = 3600.0
        self.error: str | None = None

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def do_POST(self) -> None:  # noqa: N802
                length = int(self.headers["Content-Length"])
                issuer.forms.append(dict(urllib.parse.parse_qsl(self.rfile.read(length).decode())))
                if issuer.error is not None:
                    status, document = 401, {"error": issuer.error, "error_description": SECRET}
                else:
                    token = f"token-{len(issuer.forms)}"
                    status, document = 200, {"access_token": token, "expires_in": issuer.lifetime}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/token"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    found = Issuer()
    yield found
    found.server.shutdown()
    found.server.server_close()


def client(issuer: Issuer, folder: Path) -> dict[str, str]:
    (folder / "secret").write_text(SECRET)
    secret_file = str(folder / "secret")
    return {
        "client_id": "oet",
        "client_secret_file": secret_file,
        "token_url": issuer.url,
        "scope": "odt:read",
    }


# -- blocks ------------------------------------------------------------------------------------------


def test_a_block_is_read_with_its_status(services: OsoServices) -> None:
    services.add(sbd())
    services.block_statuses[SBD_ID] = "Ready"
    assert opened(services.url, statuses=("Ready",)).scheduling_block(SBD_ID) == sbd()
    assert services.requests == [f"GET /odt/sbds/{SBD_ID}", f"GET /odt/sbds/{SBD_ID}/status"]


def test_a_block_that_is_a_draft_is_not_observed(services: OsoServices) -> None:
    services.add(sbd())
    services.block_statuses[SBD_ID] = "Draft"
    with pytest.raises(Conflict) as refused:
        opened(services.url, statuses=("Ready", "In Progress")).scheduling_block(SBD_ID)
    assert refused.value.detail == (
        f"scheduling block {SBD_ID} is 'Draft' in the archive {services.url}, and may be observed if it is "
        "Ready or In Progress; set its status there, or change OET_ODA_STATUSES"
    )


def test_statuses_that_are_permitted_are_settings(services: OsoServices) -> None:
    services.add(sbd())
    services.block_statuses[SBD_ID] = "Draft"
    assert opened(services.url, statuses=("draft",)).scheduling_block(SBD_ID) == sbd()
    services.requests.clear()
    assert opened(services.url, statuses=("any",)).scheduling_block(SBD_ID) == sbd()
    assert services.requests == [f"GET /odt/sbds/{SBD_ID}"]


def test_a_release_without_versions_is_told_from_one_with_them(services: OsoServices) -> None:
    services.gives_newest = True
    services.add(sbd(5))
    with pytest.raises(NotFound) as refused:
        opened(services.url).scheduling_block(SBD_ID, 3)
    assert refused.value.detail == (
        f"the archive {services.url} gives version 5 of scheduling block {SBD_ID} instead of version 3; "
        "leave out the version to observe the newest"
    )


def test_a_refusal_names_the_resource_the_answer_and_what_to_do(services: OsoServices) -> None:
    services.accepted = {"right"}
    with pytest.raises(ArchiveAway) as refused:
        opened(services.url).scheduling_block(SBD_ID)
    assert refused.value.detail == (
        f"the archive {services.url} refuses (HTTP 401 to GET /odt/sbds/{SBD_ID}): Not authenticated; give a "
        "token with OET_ODA_TOKEN_FILE or OET_ODA_CLIENT_ID, or check the user and password in OET_ODA_URL"
    )


# -- tokens ------------------------------------------------------------------------------------------


def test_the_token_in_a_file_is_read_at_each_request(services: OsoServices, token_file: Path) -> None:
    services.add(sbd())
    archive = opened(services.url, token_file=str(token_file))
    archive.scheduling_block(SBD_ID)
    token_file.write_text("second")
    archive.scheduling_block(SBD_ID)
    assert services.tokens == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("content", ["", "two words", "line\nbreak", None])
def test_a_file_without_a_token_is_named(
    services: OsoServices, token_file: Path, content: str | None
) -> None:
    if content is None:
        os.unlink(token_file)
    else:
        token_file.write_text(content)
    with pytest.raises(ArchiveAway, match=f"the file {token_file} of OET_ODA_TOKEN_FILE .*; "):
        opened(services.url, token_file=str(token_file)).scheduling_block(SBD_ID)
    assert services.requests == []


def test_a_client_asks_for_a_token_once(services: OsoServices, issuer: Issuer, tmp_path: Path) -> None:
    services.add(sbd())
    services.accepted = {"token-1"}
    archive = opened(services.url, **client(issuer, tmp_path))
    for _ in range(3):
        archive.scheduling_block(SBD_ID)
    assert issuer.forms == [
        {"grant_type": "client_credentials", "client_id": "oet", "client_secret": SECRET, "scope": "odt:read"}
    ]


def test_a_token_that_is_refused_is_renewed_once(
    services: OsoServices, issuer: Issuer, tmp_path: Path
) -> None:
    services.add(sbd())
    services.accepted = {"token-2"}
    archive = opened(services.url, **client(issuer, tmp_path))
    assert archive.scheduling_block(SBD_ID) == sbd()
    services.accepted = set()
    with pytest.raises(ArchiveAway, match="check the roles and scopes of the client OET_ODA_CLIENT_ID"):
        archive.scheduling_block(SBD_ID)
    assert services.tokens == [f"Bearer token-{n}" for n in (1, 2, 2, 3)]


def test_a_token_near_its_end_is_replaced(
    services: OsoServices, issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.add(sbd())
    archive = opened(services.url, **client(issuer, tmp_path))
    archive.scheduling_block(SBD_ID)
    from ska_oso_oet.activities.archive import login

    now = login.time.monotonic
    monkeypatch.setattr(login.time, "monotonic", lambda: now() + 3571)
    services.requests.clear()
    archive.scheduling_block(SBD_ID)
    assert len(issuer.forms) == 2


@pytest.mark.parametrize("lifetime", [10**400, "inf", "soon"])
def test_a_token_whose_lifetime_cannot_be_meant_is_kept_for_minutes(
    services: OsoServices,
    issuer: Issuer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lifetime: float | str,
) -> None:
    services.add(sbd())
    issuer.lifetime = lifetime
    archive = opened(services.url, **client(issuer, tmp_path))
    for _ in range(2):
        archive.scheduling_block(SBD_ID)
    assert len(issuer.forms) == 1
    from ska_oso_oet.activities.archive import login

    monkeypatch.setattr(login.time, "monotonic", partial(later, login.time.monotonic, 271))
    archive.scheduling_block(SBD_ID)
    assert len(issuer.forms) == 2


def later(clock: Callable[[], float], seconds: float) -> float:
    return clock() + seconds


def test_a_client_that_is_refused_is_told_without_its_secret(
    services: OsoServices, issuer: Issuer, tmp_path: Path
) -> None:
    issuer.error = "invalid_client"
    with pytest.raises(ArchiveAway) as refused:
        opened(services.url, **client(issuer, tmp_path)).scheduling_block(SBD_ID)
    assert refused.value.detail == (
        f"the token endpoint {issuer.url} gives no token (HTTP 401, invalid_client); check OET_ODA_CLIENT_ID "
        "and OET_ODA_CLIENT_SECRET_FILE"
    )
    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_a_file_with_certificates_that_is_not_there_is_named(token_file: Path) -> None:
    with pytest.raises(ArchiveAway, match="check OET_ODA_CA_FILE"):
        opened("https://127.0.0.1:9/oso/api/v16", SHORT, ca_file="/nowhere.pem").scheduling_block(SBD_ID)


# -- what is kept here -------------------------------------------------------------------------------


def test_instances_are_kept_here_and_said_so_once(
    services: OsoServices, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = opened(services.url, here=tmp_path)
    with caplog.at_level(logging.WARNING):
        for sbi_id in ("sbi-1", "sbi-2"):
            archive.store_instance(sbi(sbi_id))
    assert set(InFolder(tmp_path).instances()) == {"sbi-1", "sbi-2"}
    assert [record.getMessage() for record in caplog.records] == [
        f"Scheduling block instances are kept in the folder {tmp_path}: the archive {services.url} has no "
        "resource for them"
    ]
    assert services.requests == []


def test_execution_blocks_are_kept_here_too(services: OsoServices, tmp_path: Path) -> None:
    archive = opened(services.url, here=tmp_path)
    archive.record_execution_block(eb(2, "Observed"))
    assert InFolder(tmp_path).execution_block() == eb(2, "Observed")


@pytest.mark.parametrize(("status", "asked"), [(501, 1), (404, 3), (405, 1)])
def test_a_server_that_takes_no_execution_blocks_is_asked_once(
    services: OsoServices, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, asked: int
) -> None:
    services.enabled = False
    services.disabled = status, {"detail": "no such thing"}
    archive = opened(services.url, here=tmp_path)
    for commands in (0, 2):
        archive.record_execution_block(eb(commands))
    assert InFolder(tmp_path).execution_block() == eb(2)
    assert len(services.requests) == asked
    assert "Execution blocks are kept in the folder" in caplog.text


@pytest.mark.parametrize("takes_bodies", [True, False])
def test_an_execution_block_with_an_id_of_the_servers_is_found_again(
    services: OsoServices, tmp_path: Path, takes_bodies: bool
) -> None:
    services.own_ids, services.takes_bodies = True, takes_bodies
    opened(services.url, here=tmp_path).record_execution_block(eb(1))
    opened(services.url, here=tmp_path).record_execution_block(eb(3, "Observed"))  # after a restart
    ((eb_id, stored),) = services.execution_blocks.items()
    assert eb_id != "eb-1"
    assert (len(stored["request_responses"]), stored["status"]) == (3, "Observed")


def test_a_command_whose_answer_was_lost_is_not_sent_twice(services: OsoServices, tmp_path: Path) -> None:
    archive = opened(services.url, here=tmp_path)
    archive.record_execution_block(eb(1))
    services.misbehave("lose_answer", times=1, method="PATCH")
    with pytest.raises(ArchiveAway, match="cannot be reached"):
        archive.record_execution_block(eb(3))
    archive.record_execution_block(eb(3))
    assert services.execution_blocks["eb-1"]["request_responses"] == eb(3)["request_responses"]


def test_while_the_server_is_away_execution_blocks_are_kept_here(
    services: OsoServices, tmp_path: Path
) -> None:
    archive = opened(services.url, here=tmp_path)
    services.stop()
    with pytest.raises(ArchiveAway):
        archive.record_execution_block(eb(1))
    assert InFolder(tmp_path).execution_block() == eb(1)


@pytest.mark.parametrize(
    ("status", "lasting"), [(403, True), (404, True), (422, True), (408, False), (429, False), (500, False)]
)
def test_a_refusal_that_will_last_is_told_from_one_that_may_pass(
    services: OsoServices, tmp_path: Path, status: int, lasting: bool
) -> None:
    services.refusal = status
    with pytest.raises(ArchiveAway) as refused:
        opened(services.url, here=tmp_path).record_execution_block(eb(1, "Observed"))
    assert isinstance(refused.value, Rejected) is lasting
    assert InFolder(tmp_path).execution_block() == eb(1, "Observed")


def test_the_time_of_a_call_includes_that_of_storing_here(
    services: OsoServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened(services.url, SHORT, here=tmp_path)
    keep = KeptHere.execution_block

    def slowly(here: KeptHere, eb: dict[str, Any]) -> None:
        time.sleep(SHORT)
        keep(here, eb)

    monkeypatch.setattr(KeptHere, "execution_block", slowly)
    with pytest.raises(ArchiveAway, match="did not answer within"):
        archive.record_execution_block(eb(1))
    assert services.requests == []
