"""An archive in a folder, and how it fails."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.activities.archive.entities import MOST_VALUES, read_document
from ska_oso_oet.domain.errors import ArchiveAway, Conflict, Invalid, NotFound

from .entities import SBD_ID, InFolder, eb, sbd, sbi


@pytest.fixture
def folder(tmp_path: Path) -> InFolder:
    return InFolder(tmp_path / "oda")


def test_nothing_is_made_by_reading(folder: InFolder) -> None:
    with pytest.raises(NotFound):
        folder.archive.scheduling_block(SBD_ID)
    assert not folder.folder.exists()


def test_only_files_named_by_a_version_are_versions(folder: InFolder) -> None:
    folder.add(sbd(2))
    home = folder.folder / "sbd" / SBD_ID
    for name in (".3.json.0~", "3.json~", "4.json.tmp", "latest.json", "-5.json", "٦.json", "7.JSON"):
        (home / name).write_text("no version")
    (home / "8.json").mkdir()
    os.mkfifo(home / "9.json")
    (home / "10.json").symlink_to("nowhere")
    assert folder.archive.scheduling_block(SBD_ID) == sbd(2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"sbd_id": "sbd-1", "acti',
        "[]",
        "null",
        '{"a": NaN}',
        '{"a": 1, "a": 2}',
        '{"a": 1e999}',
        "[" * 100_000,
    ],
)
def test_a_block_that_is_no_json_object_is_named_by_its_file(folder: InFolder, text: str) -> None:
    folder.add(sbd(1))
    path = folder.folder / "sbd" / SBD_ID / "2.json"
    path.write_text(text)
    with pytest.raises(Invalid) as refused:
        folder.archive.scheduling_block(SBD_ID)
    assert refused.value.detail.startswith(f"{path} in the archive is not a JSON object; repair it")


def test_a_block_of_unreasonable_size_is_not_read(folder: InFolder) -> None:
    folder.add(sbd(1))
    with open(folder.folder / "sbd" / SBD_ID / "2.json", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(Invalid, match="is larger than 10 MiB"):
        folder.archive.scheduling_block(SBD_ID)


def test_a_file_where_a_folder_should_be_makes_the_archive_unavailable(folder: InFolder) -> None:
    folder.folder.write_text("in the way")
    with pytest.raises(ArchiveAway) as refused:
        folder.archive.scheduling_block(SBD_ID)
    assert refused.value.detail.startswith(
        f"the archive {folder.folder} cannot be read: Not a directory; check"
    )
    for store in (
        lambda: folder.archive.store_instance(sbi()),
        lambda: folder.archive.record_status("x", "Failed"),
    ):
        with pytest.raises(
            ArchiveAway, match=f"^the archive {folder.folder} cannot be written: Not a directory; check"
        ):
            store()


def test_a_folder_that_leads_to_itself_makes_the_archive_unavailable(folder: InFolder) -> None:
    folder.folder.symlink_to(folder.folder)
    with pytest.raises(ArchiveAway, match="cannot be read: Too many levels of symbolic links; check"):
        folder.archive.scheduling_block(SBD_ID)


@pytest.mark.parametrize("step", ["mkdir", "write", "fsync", "link"])
def test_a_full_disk_leaves_nothing_half_written(
    folder: InFolder, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        if step == "write":
            patched.setattr("builtins.open", full)
        else:
            patched.setattr(os, step, full)
        with pytest.raises(ArchiveAway) as refused:
            folder.archive.store_instance(sbi())
    assert refused.value.detail.startswith(f"the archive {folder.folder} cannot be written: No space left")
    assert [path for path in folder.folder.rglob("*") if path.is_file()] == []
    folder.archive.store_instance(sbi())
    assert folder.instances() == {"sbi-1": sbi()}


def test_a_file_system_without_links_is_written_all_the_same(
    folder: InFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", unsupported)
    folder.archive.store_instance(sbi())
    folder.archive.store_instance(sbi())
    with pytest.raises(Conflict):
        folder.archive.store_instance(sbi(sbd_ref="sbd-2"))
    assert [path.name for path in folder.folder.rglob("*") if path.is_file()] == ["1.json"]


def test_a_status_that_nothing_can_follow_is_told_instead_of_tried_for_ever(folder: InFolder) -> None:
    (folder.folder / "sbi_status" / "sbi-1" / "1.json").mkdir(parents=True)
    with pytest.raises(ArchiveAway, match="has no free version after 0 in "):
        folder.archive.record_status("sbi-1", "Executing")


def test_what_is_stored_is_as_private_as_the_server_wants(tmp_path: Path) -> None:
    storing = (
        "import os, sys; os.umask(0o077)\n"
        "from ska_oso_oet.activities.archive.folder import FolderArchive\n"
        "FolderArchive(sys.argv[1]).store_instance({'sbi_id': 'sbi-1'})"
    )
    subprocess.run([sys.executable, "-c", storing, str(tmp_path / "oda")], check=True, timeout=60)
    modes = {stat.filemode(path.stat().st_mode) for path in (tmp_path / "oda").rglob("*")}
    assert modes == {"drwx------", "-rw-------"}


def test_a_document_of_very_many_values_is_refused() -> None:
    many = b'{"a": [' + b"{}," * (MOST_VALUES + 1) + b"0]}"
    with pytest.raises(ValueError, match="more than 100000 values"):
        read_document(many)
    assert read_document(b'{"a": [' + b"{}," * 1000 + b"0]}")


def versions(folder: InFolder) -> list[str]:
    return sorted(path.name for path in (folder.folder / "eb" / "eb-1").iterdir())


def test_an_execution_block_that_goes_on_is_one_file_and_its_end_another(folder: InFolder) -> None:
    for commands in range(50):
        folder.archive.record_execution_block(eb(commands))
        assert folder.execution_block() == eb(commands)
        assert versions(folder) == ["1.json"]
    for _ in range(2):
        folder.archive.record_execution_block(eb(50, "Observed"))
        assert folder.execution_block() == eb(50, "Observed")
        assert versions(folder) == ["1.json", "2.json"]


def test_an_execution_block_replaces_nothing_that_this_process_has_not_made(folder: InFolder) -> None:
    folder.archive.record_execution_block(eb(1, sbi_ref="sbi-of-another-run"))
    InFolder(folder.folder).archive.record_execution_block(eb(2))
    folder.archive.record_execution_block(eb(3))
    folder.archive.record_execution_block(eb(4))
    found = [json.loads((folder.folder / "eb" / "eb-1" / name).read_text()) for name in versions(folder)]
    assert found == [eb(1, sbi_ref="sbi-of-another-run"), eb(2), eb(4)]


def test_an_execution_block_is_stored_whatever_is_there_already(folder: InFolder) -> None:
    home = folder.folder / "eb" / "eb-1"
    home.mkdir(parents=True)
    (home / "1.json").write_text("[" * 2**24)
    folder.archive.record_execution_block(eb(1, "Observed"))
    assert folder.execution_block() == eb(1, "Observed")


def test_an_execution_block_is_one_line(folder: InFolder) -> None:
    folder.archive.record_execution_block(eb(3))
    assert "\n" not in (folder.folder / "eb" / "eb-1" / "1.json").read_text()
