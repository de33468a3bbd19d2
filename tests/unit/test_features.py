"""Feature flags: the order of their sources, and mistakes in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import ska_oso_oet
from ska_oso_oet.settings import flags
from ska_oso_oet.settings.flags import FILE, FILES, BadFlag, Flag, read_flags

FLAGS = (
    Flag(name="faster", default=False, meaning="be faster"),
    Flag(name="much_safer", default=True, meaning="be safer"),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in the user's home."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home" / FILE


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """The file of the installation."""
    file = tmp_path / FILE
    monkeypatch.setattr(flags, "FILES", (str(file), str(home)))
    return file


def sentence(**environ: str) -> str:
    with pytest.raises(BadFlag) as raised:
        read_flags(environ, FLAGS)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_first_source_that_names_a_flag_decides(home: Path, installation: Path) -> None:
    read = {"faster": (False, "default"), "much_safer": (True, "default")}
    assert read_flags({"OET_PORT": "5000"}, FLAGS) == read
    installation.write_text("# ours\n[features]\nFaster:YES\n")
    read["faster"] = (True, str(installation))
    assert read_flags({}, FLAGS) == read
    home.write_text("[features]\nfaster = no\n")
    read["faster"] = (False, str(home))
    assert read_flags({}, FLAGS) == read
    read["faster"] = (True, "OET_FEATURE_FASTER")
    assert read_flags({"OET_FEATURE_FASTER": "1"}, FLAGS) == read


def test_the_files_are_at_home_and_with_the_package(home: Path) -> None:
    assert FILES[0] == str(Path(ska_oso_oet.__file__).parent / FILE)
    assert os.path.expanduser(FILES[1]) == str(home)


def test_a_value_that_is_none_is_told_with_its_source_though_another_decides(
    home: Path, installation: Path
) -> None:
    assert sentence(OET_FEATURE_FASTER="") == (
        "OET_FEATURE_FASTER: faster = '' cannot be used: must be true or false"
    )
    installation.write_text("[features]\nfaster = perhaps\n")
    assert sentence(OET_FEATURE_FASTER="yes") == (
        f"{installation}: faster = 'perhaps' cannot be used: must be true or false"
    )


def test_an_unknown_flag_is_told_with_its_source_and_those_there_are(home: Path) -> None:
    told = "there is no feature flag 'fastr'; known are: faster, much_safer"
    assert sentence(OET_FEATURE_FASTR="yes") == f"OET_FEATURE_FASTR: {told}"
    home.write_text("[features]\nfastr = yes\n")
    assert sentence() == f"{home}: {told}"


@pytest.mark.parametrize("section", ["feature", "DEFAULT"])
def test_an_unknown_section_is_told(home: Path, section: str) -> None:
    home.write_text(f"[{section}]\nfaster = yes\n")
    assert sentence() == f"{home}: [{section}] is unknown; flags are set in [features]"


@pytest.mark.parametrize("content", [b"faster = yes\n", b"[features]\nfaster\n", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_told(home: Path, content: bytes | None) -> None:
    home.mkdir() if content is None else home.write_bytes(content)
    assert sentence().startswith(f"{home} cannot be read: ")


def test_a_home_that_is_none_holds_no_flags(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", os.devnull)
    assert read_flags({}, FLAGS)["faster"] == (False, "default")
