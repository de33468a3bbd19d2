from __future__ import annotations

from pathlib import Path

import pytest

from ska_oso_oet.files.fixed_file import FixedFile


def test_a_memo_holds_what_was_written_last_and_at_first_nothing(tmp_path: Path) -> None:
    file = FixedFile(str(tmp_path / "file"))
    assert file.read() is None
    file.write({"a": "é" * 1000})
    file.write({"a": 1})
    assert FixedFile(str(tmp_path / "file")).read() == {"a": 1}
    file.write(None)
    assert file.read() is None


def test_its_file_keeps_its_size_and_is_for_its_owner(tmp_path: Path) -> None:
    file, path = FixedFile(str(tmp_path / "file")), tmp_path / "file"
    sizes = set()
    for document in (None, {"a": "x" * 3000}, []):
        file.write(document)
        sizes.add(path.stat().st_size)
    assert sizes == {4096}
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_too_large_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    file = FixedFile(str(tmp_path / "file"))
    file.write(1)
    with pytest.raises(ValueError, match="4096"):
        file.write("x" * 5000)
    assert file.read() == 1
