"""Finding things: which scripts there are and what they take, and what a run has written."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from ska_oso_oet.domain.errors import NotFound, Unavailable
from ska_oso_oet.web.run_files import RunFiles

from ..conftest import Server, serving
from ..support.terminals import Terminal

OBSERVE = '''"""Observe one source.

It takes as long as it takes.
"""
open("/proc/self/comm").close()
assert False, "it was run"

def init(subarray_id: int):
    pass

async def main(source, /, duration: float = 60.0, *, scans=2, password="hunter2", **more):
    """Scan the source."""
'''
WRITE = r'''"""Write all sorts of things."""
import os

def main(big=0):
    open("a b\n%.txt", "w").write("with a strange name")
    open(b"caf\xe9", "w").write("not UTF-8")
    open("empty", "w").close()
    os.makedirs("data/night")
    with open("data/night/scan.fits", "wb") as file:
        file.truncate(big)
    os.symlink("/etc/passwd", "link")
    os.symlink("/etc", "folder")
    os.symlink("..", "data/up")
    os.mkfifo("pipe")
'''
WAIT = """import time
def main():
    with open("log.txt", "w") as file:
        print("first line", file=file, flush=True)
        while True:
            time.sleep(0.1)
"""
#: Goes on swapping a file and a folder for links that lead out.
RACE = """import os
def main():
    os.makedirs("here/inner", exist_ok=True)
    for folder in ("here", "here/inner"):
        open(f"{folder}/spec.json", "w").write("mine")
    os.symlink("../..", "out")
    os.symlink("../../spec.json", "link")
    open("file", "w").write("mine")
    while True:
        os.rename("here", "kept"); os.rename("out", "here")
        os.rename("here", "out"); os.rename("kept", "here")
        os.rename("file", "mine"); os.rename("link", "file")
        os.rename("file", "link"); os.rename("mine", "file")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with scripts of one's own."""
    folder = tmp_path_factory.mktemp("site")
    scripts = folder / "scripts"
    (scripts / "night").mkdir(parents=True)
    for name, text in (
        ("observe.py", OBSERVE),
        ("night/write.py", WRITE),
        ("wait.py", WAIT),
        ("race.py", RACE),
        ("module.py", "value = 1\n"),
        ("broken.py", "x = 1\ndef main(:\n"),
        ("hello_world.py", '"""Not the packaged one."""\nfrom module import value as main\n'),
    ):
        (scripts / name).write_text(text)
    (scripts / "hostile.py").write_text(f"main = {'(' * 150}1{')' * 150}\nx = {'-' * 300_000}1\n")
    (scripts / "large.py").write_text(f"def main(): pass\n#{'x' * 2**21}\n")
    (scripts / "outside.py").symlink_to("/etc/passwd")
    os.mkfifo(scripts / "pipe.py")
    allowed = f"{scripts}:{folder / 'none'}"
    with serving(folder / "state", SCRIPTS_LOCATION=str(scripts), OET_SCRIPT_PATHS=allowed) as server:
        yield server


@pytest.fixture
def oet(site: Server) -> Terminal:
    return Terminal(site)


def fetch(server: Server, path: str) -> requests.Response:
    return requests.get(f"{server.url}{path}", timeout=30)


def named(server: Server) -> dict[str, Any]:
    return {one["uri"]: one for one in server.get("/scripts")}


# -- scripts ---------------------------------------------------------------------------------------


def test_scripts_are_listed_by_what_they_say_and_none_is_run(site: Server) -> None:
    found = named(site)
    assert found["file://observe.py"]["summary"] == "Observe one source."
    assert found["file://night/write.py"]["summary"] == "Write all sorts of things."
    assert found["file://wait.py"]["summary"] is None
    assert "file://module.py" not in found
    assert "line 2" in found["file://broken.py"]["error"]
    assert found["file://large.py"]["error"] == "it has more than 1024 KiB"
    assert found["file://hostile.py"]["error"]
    assert not {"file://outside.py", "file://pipe.py"} & set(found)


def test_a_script_of_ones_own_hides_the_packaged_one_of_its_name(site: Server) -> None:
    found = named(site)
    assert found["file://hello_world.py"]["summary"] == "Not the packaged one."
    assert not found["file://hello_world.py"]["packaged"]
    assert found["file://abort.py"]["packaged"]
    assert "restart" in site.get("/scripts/abort.py")["main"]["signature"]


def test_one_script_tells_what_init_and_main_take(site: Server) -> None:
    told = site.get("/scripts/observe.py")
    assert told["docstring"] == "Observe one source.\n\nIt takes as long as it takes."
    assert told["init"]["signature"] == "init(subarray_id: int)"
    assert told["main"]["signature"] == (
        "main(source, /, duration: float = 60.0, *, scans=2, password='***', **more)"
    )
    assert told["main"]["docstring"] == "Scan the source."
    assert [one["kind"] for one in told["main"]["parameters"]] == [
        *("positional", "any", "keyword", "keyword", "kwargs")
    ]
    assert site.get("/scripts/hello_world.py")["main"]["signature"] is None
    whole = site.settings["SCRIPTS_LOCATION"].replace("/", "%2F")
    assert site.get(f"/scripts/{whole}%2Fwait.py")["main"]["signature"] == "main()"


@pytest.mark.parametrize(
    "path", ["no_such.py", "outside.py", "pipe.py", "..%2F..%2Fx.py", "%2Fetc%2Fpasswd", "x%00.py", "night"]
)
def test_what_may_not_be_run_is_not_read(site: Server, path: str) -> None:
    answer = site.request("GET", f"/scripts/{path}")
    assert answer.status_code == 404, answer.text
    assert answer.json()["detail"]


def test_oet_shows_scripts(oet: Terminal) -> None:
    listed = oet("script", "list")
    assert [line.split()[0] for line in listed.splitlines()].count("file://observe.py") == 1
    assert "Observe one source." in listed
    for words in (("file://observe.py",), ("observe.py",)):
        shown = oet("script", "show", *words)
        assert "It takes as long as it takes." in shown
        assert "main(source, /, duration: float = 60.0, *, scans=2, password='***', **more)" in shown
        assert "    Scan the source." in shown
    assert "line 2" in oet("script", "show", "broken.py", status=3)
    assert "No such file" in oet("script", "show", "nothing.py", status=3)
    assert "file://" in oet("script", "show", "git://x.py", status=2)


# -- files -----------------------------------------------------------------------------------------


def test_files_of_any_name_are_listed_and_fetched_and_no_link_is_followed(site: Server) -> None:
    pid = site.run("night/write.py", init={}, big=3 * 2**20)
    site.ended(pid)
    told = site.get(f"/procedures/{pid}/files")
    assert [one["path"] for one in told["files"]] == [
        *("a b\n%.txt", "caf\N{REPLACEMENT CHARACTER}", "data/night/scan.fits", "empty")
    ]
    assert told["more"] is False
    contents = [requests.get(one["uri"], timeout=30).content for one in told["files"]]
    assert contents == [b"with a strange name", b"not UTF-8", bytes(3 * 2**20), b""]
    assert [one["size"] for one in told["files"]] == list(map(len, contents))
    for path in (
        "link",
        "folder/passwd",
        "data/up/empty",
        "pipe",
        "data",
        "%2e%2e/spec.json",
        "x%00",
        "y" * 300,
    ):
        answer = fetch(site, f"/procedures/{pid}/files/{path}")
        assert (answer.status_code, answer.json()["status"]) == (404, 404), path
    assert fetch(site, "/procedures/7000/files/x").status_code == 404


def test_no_name_leads_out_of_the_folder(site: Server) -> None:
    pid = site.run("night/write.py", init={})
    site.ended(pid)
    files = RunFiles(str(site.state / "runs"), pid)
    for path in (
        b"../spec.json",
        b"data/../../spec.json",
        b"/etc/passwd",
        b"./empty",
        b"data//x",
        b"",
        b"x\0",
    ):
        with pytest.raises(NotFound):
            files.open(path)
        with contextlib.closing(http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=30)) as raw:
            way = urlsplit(site.url).path
            raw.request("GET", f"{way}/procedures/{pid}/files/{quote(path).replace('.', '%2e')}")
            answer = raw.getresponse()
            assert answer.status == (404 if path else 200)
            assert b"script_uri" not in answer.read()


def test_a_hard_link_to_what_the_script_does_not_own_is_no_file_of_it(tmp_path: Path) -> None:
    (tmp_path / "1" / "work").mkdir(parents=True)
    (tmp_path / "1" / "work" / "own").write_text("own")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "1" / "work" / "link").hardlink_to(tmp_path / "secret")
    if os.geteuid() == 0:
        for path in ("1/work", "1/work/own"):
            os.chown(tmp_path / path, 54321, 54322)
        files = RunFiles(str(tmp_path), 1)
        assert [file.path for file in files.all()[0]] == [b"own"]
        with pytest.raises(NotFound):
            files.open(b"link")


def test_however_files_are_called_their_list_has_a_bounded_size(tmp_path: Path) -> None:
    work = tmp_path / "1" / "work"
    work.mkdir(parents=True)
    for n in range(4000):
        (work / f"{n:04d}{'é' * 100}").touch()
    files, more = RunFiles(str(tmp_path), 1).all()
    assert more
    assert 2**20 < sum(len(quote(file.path)) for file in files) <= 2**21


def test_what_a_page_shows_of_a_file_runs_nothing(site: Server) -> None:
    pid = site.run("night/write.py", init={})
    site.ended(pid)
    headers = fetch(site, f"/procedures/{pid}/files/empty").headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment")
    assert headers["X-Content-Type-Options"] == "nosniff"
    answer = requests.head(f"{site.url}/procedures/{pid}/files/data/night/scan.fits", timeout=30)
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "0")


def test_files_are_fetched_while_the_script_runs(site: Server, oet: Terminal, tmp_path: Path) -> None:
    pid = site.run("wait.py", init={})
    try:
        while not (found := site.get(f"/procedures/{pid}/files")["files"]) or not found[0]["size"]:
            assert site.procedure(pid)["state"] == "RUNNING"
        assert "log.txt" in oet("procedure", "files", str(pid))
        oet("procedure", "fetch", str(pid), f"--to={tmp_path}")
        assert (tmp_path / "log.txt").read_text() == "first line\n"
    finally:
        site.stop_script(pid)


def test_a_file_that_its_script_has_a_lease_on_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "1" / "work").mkdir(parents=True)
    files = RunFiles(str(tmp_path), 1)
    with open(tmp_path / "1" / "work" / "leased", "wb") as leased:
        before = signal.signal(signal.SIGIO, signal.SIG_IGN)
        try:
            fcntl.fcntl(leased, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            with pytest.raises(Unavailable, match="holds a lease on 'leased'"):
                files.open(b"leased")
        finally:
            fcntl.fcntl(leased, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            signal.signal(signal.SIGIO, before)
    files.open(b"leased")[0].close()


def test_a_script_that_swaps_files_for_links_leads_nobody_out(site: Server) -> None:
    pid = site.run("race.py", init={})
    try:
        for _ in range(150):
            for path in ("here/spec.json", "here/inner/spec.json", "file"):
                answer = fetch(site, f"/procedures/{pid}/files/{path}")
                assert answer.status_code == 404 or answer.content == b"mine", answer.text
            names = {one["path"] for one in site.get(f"/procedures/{pid}/files")["files"]}
            assert not {name for name in names if "events" in name or "work" in name}
    finally:
        site.stop_script(pid)


def test_what_is_fetched_lies_where_it_was_wanted_and_replaces_nothing(
    site: Server, oet: Terminal, tmp_path: Path
) -> None:
    pid = site.run("night/write.py", init={}, big=1000)
    site.ended(pid)
    told = oet("procedure", "fetch", str(pid), f"--to={tmp_path / 'new'}")
    assert "4 files" in told
    assert (tmp_path / "new/data/night/scan.fits").stat().st_size == 1000
    assert Path(os.fsdecode(os.fsencode(tmp_path) + b"/new/caf\xe9")).read_text() == "not UTF-8"
    (tmp_path / "new/empty").write_text("changed")
    refused = oet("procedure", "fetch", str(pid), "empty", f"--to={tmp_path / 'new'}", status=2)
    assert "is there already" in refused
    assert (tmp_path / "new/empty").read_text() == "changed"
    assert "no file" in oet("procedure", "fetch", str(pid), "nothing", f"--to={tmp_path}", status=3)
    oet("procedure", "fetch", str(pid), "data", f"--to={tmp_path / 'some'}")
    assert [path.name for path in (tmp_path / "some").rglob("*") if path.is_file()] == ["scan.fits"]
