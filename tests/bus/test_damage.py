"""A damaged journal: nothing is lost in silence, nothing is tried for ever, and the way out is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.journal import Journal, Unusable, file_damage
from ska_oso_oet.workers import bus

from ..conftest import Events, Server, serving, until
from ..support import sample


def oet_server(state: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`oet-server` with these words, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ska_oso_oet.server", *words],
        env={**os.environ, "OET_STATE_DIR": str(state), "OET_PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def overwrite(file: Path) -> None:
    """Let a disk go bad: all but the first page, where SQLite looks first."""
    with open(file, "r+b") as damaged:
        size = damaged.seek(0, os.SEEK_END)
        damaged.seek(4096)
        damaged.write(b"\xa5" * (size - 4096))


def overwrite_history(file: Path) -> None:
    """Let the page go bad that has a message of long ago, which nobody reads at a start."""
    content, leaf = file.read_bytes(), b"\x0d"
    (page,) = (
        place
        for place in range(4096, len(content), 4096)
        if content.startswith(leaf, place) and b"m500" in content[place : place + 4096]
    )
    with open(file, "r+b") as damaged:
        damaged.seek(page)
        damaged.write(b"\xa5" * 4096)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A journal in a state directory of its own, with more history than one page of a database can hold."""
    found = sample.make(tmp_path / "state" / "journal.db")
    journal = Journal(f"sqlite:///{found}")
    known = {"topic": "user.script.announce", "msg_src": "1", "time": 0.0, "payload": {"text": "x" * 100}}
    journal.append([Envelope(id=f"m{n}", seq=n, **known) for n in range(86, 1000)])
    journal.close()
    return found


def test_a_whole_journal_and_one_that_is_not_there_yet_are_not_damaged(file: Path, tmp_path: Path) -> None:
    assert file_damage.damage(str(file)) is None
    assert file_damage.damage(str(tmp_path / "none.db"), seconds=1) is None
    assert not (tmp_path / "none.db").exists()
    assert file_damage.require_whole(str(file), seconds=60)


def test_a_server_whose_journal_is_a_folder_ends_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    refused = oet_server(tmp_path)
    assert refused.returncode == 1
    assert f"{tmp_path / 'journal.db'} is no ordinary file; move it away" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_is_wrong_is_told_in_one_line(file: Path) -> None:
    overwrite(file)
    found = file_damage.damage(str(file))
    assert found
    assert "\n" not in found


def test_the_newest_backup_and_the_command_are_named(file: Path) -> None:
    for n, name in enumerate(("journal-1.bak", "journal-2.bak", "journal.0002.bak", "other.bak")):
        file.with_name(name).touch()
        os.utime(file.with_name(name), (n, n))
    os.utime(file.with_name("journal-2.bak"), (9, 9))
    overwrite(file)
    with pytest.raises(Unusable, match=rf"oet-server restore {file.with_name('journal-2.bak')}$"):
        file_damage.require_whole(str(file), seconds=60)


def test_one_that_was_found_damaged_is_looked_at_however_long_it_takes(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float | None] = []

    def never_done(_file: str, seconds: float | None = None) -> None:
        asked.append(seconds)
        if seconds is not None:
            raise file_damage.Unfinished

    monkeypatch.setattr(file_damage, "damage", never_done)
    assert not file_damage.require_whole(str(file), seconds=1)
    file_damage.note(str(file), "as if")
    assert file_damage.require_whole(str(file), seconds=1)
    assert asked == [1, None]
    assert not file_damage.is_noted(str(file))


def test_what_a_look_in_the_background_finds_is_noted_for_every_later_start(file: Path) -> None:
    journal = Journal(f"sqlite:///{file}")
    overwrite(file)
    bus._check_all(journal)
    journal._writing.invalidate()
    journal.engine.dispose()
    assert journal.damage
    assert file_damage.is_noted(str(file))


def test_a_server_does_not_start_on_a_damaged_journal_until_a_backup_is_restored(file: Path) -> None:
    saved = oet_server(file.parent, "backup")
    assert saved.returncode == 0, saved.stderr
    (backup,) = file.parent.glob("journal-*.bak")
    overwrite(file)
    damaged = file.read_bytes()
    refused = oet_server(file.parent)
    assert refused.returncode == 1
    assert f"oet-server: the journal {file} is damaged (" in refused.stderr
    assert f"oet-server restore {backup}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert file.read_bytes() == damaged
    restored = oet_server(file.parent, "restore", str(backup))
    assert restored.returncode == 0, restored.stderr
    (kept,) = file.parent.glob("journal.replaced-*")
    assert kept.read_bytes() == damaged
    with serving(file.parent, OET_RETENTION_DAYS="36500") as server:
        assert server.procedure(1)["state"] == "COMPLETE"
        assert server.create("trivial.py") == sample.LAST_PROCEDURE + 1
        overwrite_history(file)
        server.kill("bus")
        server.ready()
        assert server.create("trivial.py") == sample.LAST_PROCEDURE + 2
        # It was only the process that was killed: the file is not looked at again.
        assert not file_damage.is_noted(str(file))
    assert oet_server(file.parent).returncode == 1


def test_damage_found_later_lets_no_new_work_begin_and_every_stop_succeed(file: Path) -> None:
    with serving(file.parent, OET_RETENTION_DAYS="36500", OET_DATABASE_URL="") as server:
        pid, other = server.run("diehard.py", "sleeping"), server.create("diehard.py")
        overwrite(file)
        reader = Events(server, after=0)  # somebody notices it
        until(lambda: file_damage.is_noted(str(file)))
        reader.close()
        body = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}
        refused = server.request("POST", "/procedures", json=body)
        assert refused.status_code == 503
        assert refused.json()["detail"] == (
            "the journal is damaged; restore a backup of it, as the server's log says"
        )
        everything = server.request("GET", "/procedures", params={"all": "true"})
        assert everything.status_code in (200, 503), everything.text  # it may not need what is damaged
        assert server.stop_script(pid)["survivors"] == 0
        assert server.procedure(pid)["state"] == "STOPPED"
        assert "No new work is taken: the journal" in server.log.read_text()
        _ends_when_the_bus_does(server, other)
    assert oet_server(file.parent).returncode == 1


def _ends_when_the_bus_does(server: Server, pid: int) -> None:
    """It is not started for ever, nor are scripts left that nobody can stop."""
    script = server.procedure(pid)["pid"]
    server.kill("bus")
    assert server.process is not None
    assert server.process.wait(60) == 1
    assert server.log.read_text().count("oet-server: the journal") == 1
    assert not Path(f"/proc/{script}").exists()
    result = json.loads((server.state / "runs" / str(pid) / "result.json").read_text())
    assert result["state"] == "STOPPED"
