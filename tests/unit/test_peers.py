"""Which processes are the server's, by their names."""

from __future__ import annotations

from ska_oso_oet.kernel.peers import FORKSERVER, SERVER
from ska_oso_oet.workers import NAMES


def test_every_worker_is_known_as_a_process_of_the_server() -> None:
    assert {"oet-server", FORKSERVER, *(f"oet-{role}" for role in NAMES)} == SERVER
