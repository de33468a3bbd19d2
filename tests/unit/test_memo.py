from __future__ import annotations

from pathlib import Path

import pytest

from ska_oso_oet.memo import Memo


def test_a_memo_holds_what_was_written_last_and_at_first_nothing(tmp_path: Path) -> None:
    memo = Memo(str(tmp_path / "memo"))
    assert memo.read() is None
    memo.write({"a": "é" * 1000})
    memo.write({"a": 1})
    assert Memo(str(tmp_path / "memo")).read() == {"a": 1}
    memo.write(None)
    assert memo.read() is None


def test_its_file_keeps_its_size_and_is_for_its_owner(tmp_path: Path) -> None:
    memo, path = Memo(str(tmp_path / "memo")), tmp_path / "memo"
    sizes = set()
    for document in (None, {"a": "x" * 3000}, []):
        memo.write(document)
        sizes.add(path.stat().st_size)
    assert sizes == {4096}
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_too_large_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    memo = Memo(str(tmp_path / "memo"))
    memo.write(1)
    with pytest.raises(ValueError, match="4096"):
        memo.write("x" * 5000)
    assert memo.read() == 1
