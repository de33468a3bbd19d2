"""What is installed is what was locked, is listed, and is checked for known vulnerabilities."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from .dockerfile import ROOT
from .locks import LOCKS, pins, text_of, unsatisfied, wanted

PYTHONS = ("3.11", "3.12", "3.13")


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_satisfy_what_the_distributions_ask_for(python: str) -> None:
    assert unsatisfied("server", wanted(), python) == []
    assert unsatisfied("development", wanted("tracing", "test", "dev", "docs"), python) == []
    assert unsatisfied("build", [Requirement("setuptools>=70")], python) == []


def test_a_requirement_out_of_range_would_be_noticed() -> None:
    for text in ("flask>=99", "not-there"):
        assert len(unsatisfied("server", [Requirement(text)], "3.11")) == 1


@pytest.mark.parametrize("lock", LOCKS)
def test_every_file_is_known_by_its_hash_and_no_index_by_its_address(lock: str) -> None:
    assert all(pin.hashes for pin in pins(lock))
    assert "://" not in text_of(lock)
    assert "--index" not in text_of(lock)


def test_what_is_tested_is_what_is_shipped() -> None:
    tested = {(pin.name, pin.version, pin.marker) for pin in pins("development")}
    shipped = {(pin.name, pin.version) for pin in pins("server")}
    assert shipped <= {(name, version) for name, version, _ in tested}


def test_the_bill_of_materials_lists_every_package_that_is_locked(tmp_path: Path) -> None:
    bill = tmp_path / "bill.json"
    subprocess.run(["make", "sbom", f"SBOM={bill}"], cwd=ROOT, check=True, capture_output=True)
    told = json.loads(bill.read_text())
    assert told["bomFormat"] == "CycloneDX"
    listed = {(one["name"], one["version"]) for one in told["components"]}
    assert listed == {(pin.name, pin.version) for pin in pins("server")}
    assert all(reference["hashes"] for one in told["components"] for reference in one["externalReferences"])


# -- vulnerabilities ----------------------------------------------------------------------------------


@contextmanager
def database(known: dict[str, str]) -> Iterator[str]:
    """A database of vulnerabilities like osv.dev: what is known, by package."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["package"]["name"]
            found = [_vulnerability(name, known[name])] if name in known else []
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _vulnerability(package: str, name: str) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.0"}]}]
    affected = [{"package": {"name": package, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"id": name, "summary": "harmless", "details": "harmless", "affected": affected}


def check(url: str) -> subprocess.CompletedProcess[str]:
    words = ("--vulnerability-service=osv", f"--osv-url={url}")
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "vulnerabilities.py", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_known_vulnerability_fails_and_says_what_would_mend_it() -> None:
    with database({"flask": "PYSEC-2026-1"}) as url:
        done = check(url)
    (flask,) = (pin for pin in pins("server") if pin.name == "flask")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == f"flask {flask.version}: PYSEC-2026-1, mended in 999.0"


def test_none_known_passes_and_says_how_many_packages_were_looked_at() -> None:
    with database({"another": "PYSEC-2026-1"}) as url:
        done = check(url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Vulnerabilities: none known in ")


def test_a_database_that_cannot_be_reached_fails_nothing_and_is_told_in_one_line() -> None:
    done = check("http://127.0.0.1:9/v1/query")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "Vulnerabilities: not checked: the database cannot be reached\n"
