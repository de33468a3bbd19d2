"""Folders of another account are taken and removed while it changes them; nothing outside is touched."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.files.expiry import remove
from ska_oso_oet.files.shared import size_of
from ska_oso_oet.kernel.isolation import show

CALLS = (
    "open",
    "chown",
    "chmod",
    "listdir",
    "scandir",
    "stat",
    "lstat",
    "fstat",
    "unlink",
    "rename",
    "rmdir",
)


def _make(room: Path) -> Path:
    inner = room / "tree" / "inner"
    (inner / "deep").mkdir(parents=True)
    (inner / "file").touch(0o600)
    return inner


class Swap:
    """Exchanges a folder for a link that leads out, just before a certain call of the system."""

    def __init__(self, folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._outside = folder, outside
        self.before = self._calls = 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._swapping(getattr(os, name)))

    def _swapping(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def swap_and_call(*args: Any, **more: Any) -> Any:
            self._calls += 1
            if self._calls == self.before:
                self._folder.rename(self._folder.parent / "kept")
                self._folder.symlink_to(self._outside)
            return call(*args, **more)

        return swap_and_call


@pytest.mark.parametrize("work", [lambda tree: show(tree, os.getegid()), remove], ids=["show", "remove"])
def test_no_race_leads_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[str], None]
) -> None:
    outside = _make(tmp_path / "outside")
    outside.chmod(0o710)
    before = {path: path.stat().st_mode for path in (outside, *outside.rglob("*"))}
    for moment in range(1, 31):
        inner = _make(tmp_path / str(moment))
        with monkeypatch.context() as patch:
            swap = Swap(inner, outside, patch)
            swap.before = moment
            with contextlib.suppress(OSError):
                work(str(inner.parent))
    assert {path: path.stat().st_mode for path in (outside, *outside.rglob("*"))} == before


def test_a_group_may_read_what_was_made(tmp_path: Path) -> None:
    inner = _make(tmp_path)
    (inner / "file").chmod(0o700)
    (inner / "leads").symlink_to("file")
    show(str(tmp_path / "tree"), os.getegid(), maker=os.geteuid())
    assert [path.stat().st_mode & 0o777 for path in (inner, inner / "deep", inner / "file")] == [0o750] * 3


def test_what_a_build_holds_of_another_account_is_refused(tmp_path: Path) -> None:
    _make(tmp_path)
    with pytest.raises(PermissionError, match="another account"):
        show(str(tmp_path / "tree"), os.getegid(), maker=os.geteuid() + 1)


def test_what_a_build_has_closed_is_removed(tmp_path: Path) -> None:
    inner = _make(tmp_path)
    inner.chmod(0)
    remove(str(tmp_path / "tree"))
    assert not (tmp_path / "tree").exists()


def test_nothing_is_nested_too_deeply_to_be_removed(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_PATH)
    try:
        os.chdir(tmp_path)
        for n in range(3000):
            os.mkdir("nested")
            os.chdir("nested")
            if n % 7 == 0:
                Path("file").touch()
    finally:
        os.fchdir(here)
        os.close(here)
        os.chdir(Path(__file__).parent)
    assert size_of(str(tmp_path)) == 0
    with pytest.raises(OSError, match="nested deeper than 100"):
        show(str(tmp_path / "nested"), os.getegid())
    remove(str(tmp_path / "nested"))
    assert not list(tmp_path.iterdir())
