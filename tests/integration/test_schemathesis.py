"""The OpenAPI document says what the server does: schemathesis tries all it says, and finds nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..auth.conftest import bearer, guarded
from ..conftest import Server, serving
from ..support.activities import Blocks, inline
from ..support.issuer import Issuer

CONFIGURATION = Path(__file__).parents[2] / "schemathesis.toml"
#: Scripts are found, and nothing is fetched from anywhere.
SETTINGS = {"SCRIPTS_LOCATION": "", "OET_GIT_ALLOWED": "file:///nowhere", "OET_STOP_GRACE": "1 s"}
UNLINKED = "--phases=examples,coverage,fuzzing"  #: for what needs nothing of one another
PHASES = f"{UNLINKED},stateful"


def _server(state: Path) -> Iterator[Server]:
    with serving(state, **SETTINGS) as server:
        # The scheduling block that the document has for an example.
        activities = {"observe": inline("def main(*args, **kwargs):\n    pass\n")}
        Blocks(server).add("sbd-mvp01-20220923-00001", activities)
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    yield from _server(tmp_path / "state")


def _try(
    server: Server,
    folder: Path,
    *words: str,
    examples: int = 5,
    seed: str = "1",
    configuration: Path = CONFIGURATION,
) -> str:
    """Have requests made; returns what was found."""
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            *(program, "--config-file", configuration),
            *("run", f"{server.url}/openapi.json", "--no-color", "--request-timeout=60"),
            *("--suppress-health-check=all", f"--max-examples={examples}", f"--seed={seed}", *words),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{server.log.read_text()[-5000:]}"
    return done.stdout


def _operations(server: Server) -> int:
    return sum(len(item) for item in server.get("/openapi.json")["paths"].values())


def _require_that_it_was_used(server: Server) -> None:
    """Scripts were created and ran, so what was tried is not only what is refused."""
    procedures = server.get("/procedures", all=True, limit=500)
    assert any(("RUNNING" in dict(p["history"]["process_states"])) for p in procedures)
    assert server.get("/activities")
    statuses = {entry["status"] for entry in server.get("/audit", limit=500)}
    assert {200, 201, 409, 422} <= statuses


@pytest.mark.timeout(300)
def test_no_answer_differs_from_the_document(server: Server, tmp_path: Path) -> None:
    told = _try(server, tmp_path, PHASES)
    assert f"Tested: {_operations(server) - 1}" in told  # all but draining
    _require_that_it_was_used(server)
    drain = ("--include-path=/drain", "--include-path=/resume", UNLINKED)
    all_of_it = tmp_path / "all.toml"
    all_of_it.write_text(CONFIGURATION.read_text().replace("enabled = false", "enabled = true"))
    told = _try(server, tmp_path, *drain, configuration=all_of_it)
    assert "Tested: 2" in told
    assert "Failed to answer a request" not in server.log.read_text()


@pytest.mark.timeout(300)
def test_nor_where_tokens_are_asked_for(tmp_path: Path) -> None:
    issuer = Issuer().start()
    try:
        with guarded(tmp_path / "state", issuer, **SETTINGS) as server:
            token = bearer(issuer.token(scope="oet:execute"))["Authorization"]
            words = ("--phases=examples,fuzzing", f"--header=Authorization:{token}")
            told = _try(server, tmp_path, *words, examples=2)
            assert f"Tested: {_operations(server) - 1}" in told  # all but draining
    finally:
        issuer.stop()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", os.environ.get("OET_TEST_SEEDS", "2,3,4").split(","))
def test_nor_do_many_more(server: Server, tmp_path: Path, seed: str) -> None:
    _try(server, tmp_path, PHASES, examples=200, seed=seed)
    _require_that_it_was_used(server)
