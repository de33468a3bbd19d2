"""Feature flags: every step of the order in which they are looked for, and every slip of the pen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ska_oso_oet.features import BadFlag, Flag, Found, places, read_flags

FASTER = Flag(name="faster", default=False, meaning="be faster")
SAFER = Flag(name="much_safer", default=True, meaning="be safer")
FLAGS = (FASTER, SAFER)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home.ini"


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    return tmp_path / "installation.ini"


def read(home: Path, installation: Path, **environ: str) -> dict[str, Found]:
    return read_flags(environ, FLAGS, [str(home), str(installation)])


def sentence(home: Path, installation: Path, **environ: str) -> str:
    with pytest.raises(BadFlag) as raised:
        read(home, installation, **environ)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_where_nothing_is_said_the_default_in_the_code_holds(home: Path, installation: Path) -> None:
    found = read(home, installation, OET_PORT="5000")
    assert found == {
        "faster": Found(on=False, source="default"),
        "much_safer": Found(on=True, source="default"),
    }


def test_the_file_of_the_installation_goes_before_the_default(home: Path, installation: Path) -> None:
    installation.write_text("[features]\nfaster = yes\n")
    assert read(home, installation)["faster"] == Found(on=True, source=str(installation))
    assert read(home, installation)["much_safer"].source == "default"


def test_the_file_at_home_goes_before_that_of_the_installation(home: Path, installation: Path) -> None:
    installation.write_text("[features]\nfaster = yes\nmuch_safer = no\n")
    home.write_text("[features]\nfaster = no\n")
    found = read(home, installation)
    assert found["faster"] == Found(on=False, source=str(home))
    assert found["much_safer"] == Found(on=False, source=str(installation))


def test_the_environment_goes_before_everything(home: Path, installation: Path) -> None:
    installation.write_text("[features]\nfaster = no\n")
    home.write_text("[features]\nfaster = no\n")
    found = read(home, installation, OET_FEATURE_FASTER="1", OET_FEATURE_MUCH_SAFER="False")
    assert found["faster"] == Found(on=True, source="OET_FEATURE_FASTER")
    assert found["much_safer"] == Found(on=False, source="OET_FEATURE_MUCH_SAFER")


def test_capitals_spaces_and_comments_in_a_file_do_not_matter(home: Path, installation: Path) -> None:
    home.write_text("# ours\n[features]\nFaster:TRUE\n")
    assert read(home, installation)["faster"].on


def test_the_files_are_at_home_and_with_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import ska_oso_oet

    monkeypatch.setenv("HOME", str(tmp_path))
    name = "ska_oso_oet.ini"
    assert places() == (str(tmp_path / name), str(Path(ska_oso_oet.__file__).parent / name))
    (tmp_path / name).write_text("[features]\nfaster = true\n")
    assert read_flags({}, FLAGS)["faster"] == Found(on=True, source=str(tmp_path / name))


def test_a_value_that_is_none_is_told_with_file_and_key(home: Path, installation: Path) -> None:
    home.write_text("[features]\nfaster = perhaps\n")
    told = sentence(home, installation)
    assert told == f"{home}: faster = 'perhaps' cannot be used: must be true or false"


def test_a_value_in_the_environment_that_is_none_is_told_with_the_variable(
    home: Path, installation: Path
) -> None:
    told = sentence(home, installation, OET_FEATURE_FASTER="")
    assert told == "OET_FEATURE_FASTER = '' cannot be used: must be true or false"


def test_a_slip_shows_though_something_else_decides(home: Path, installation: Path) -> None:
    installation.write_text("[features]\nfaster = perhaps\n")
    assert str(installation) in sentence(home, installation, OET_FEATURE_FASTER="yes")


def test_a_misspelt_key_is_told_with_the_file_and_the_right_one(home: Path, installation: Path) -> None:
    installation.write_text("[features]\nmuch_saver = yes\n")
    told = sentence(home, installation)
    assert told == f"{installation}: there is no feature flag 'much_saver'; did you mean 'much_safer'?"


def test_a_key_like_no_other_is_told_with_those_there_are(home: Path, installation: Path) -> None:
    home.write_text("[features]\nx = yes\n")
    assert sentence(home, installation).endswith("'x'; known are: faster, much_safer")


def test_a_misspelt_variable_is_told(home: Path, installation: Path) -> None:
    told = sentence(home, installation, OET_FEATURE_FASTR="yes")
    assert told == "OET_FEATURE_FASTR: there is no feature flag 'fastr'; did you mean 'faster'?"


@pytest.mark.parametrize("section", ["feature", "DEFAULT"])
def test_a_misspelt_section_is_told(home: Path, installation: Path, section: str) -> None:
    home.write_text(f"[{section}]\nfaster = yes\n")
    assert sentence(home, installation) == f"{home}: [{section}] is unknown; flags are set in [features]"


@pytest.mark.parametrize(
    "content",
    [b"faster = yes\n", b"[features]\nfaster\n", b"[features]\nfaster = yes\nfaster = no\n", b"\xff\xfe"],
)
def test_a_file_that_cannot_be_read_as_one_is_told(home: Path, installation: Path, content: bytes) -> None:
    home.write_bytes(content)
    assert sentence(home, installation).startswith(f"{home} cannot be read: ")


def test_a_home_that_is_none_or_somebody_elses_holds_no_flags(
    monkeypatch: pytest.MonkeyPatch, home: Path, installation: Path
) -> None:
    assert not read(Path("/dev/null/x.ini"), installation)["faster"].on
    home.mkdir()
    monkeypatch.setattr(os, "access", lambda *words, **more: False)  # nothing is closed to root
    assert not read(home, installation)["faster"].on


def test_a_file_that_cannot_be_opened_is_told(home: Path, installation: Path) -> None:
    home.mkdir()
    assert sentence(home, installation) == f"{home} cannot be read: Is a directory"


def test_a_byte_order_mark_does_not_matter(home: Path, installation: Path) -> None:
    home.write_bytes(b"\xef\xbb\xbf[features]\r\nfaster = yes\r\n")
    assert read(home, installation)["faster"].on


def test_a_pipe_or_a_device_is_told_and_not_waited_for(home: Path, installation: Path) -> None:
    os.mkfifo(home)
    told = f"{home} cannot be read: it is no file; remove it, or put one in its place"
    assert sentence(home, installation) == told
    home.unlink()
    home.symlink_to("/dev/zero")
    assert sentence(home, installation) == told


def test_a_file_that_is_too_long_is_told(home: Path, installation: Path) -> None:
    flags = "[features]\nfaster = yes\n"
    home.write_text(flags + "#".ljust(64 * 1024 - len(flags), "x"))
    assert read(home, installation)["faster"].on
    home.write_text(flags + "#".ljust(64 * 1024 - len(flags) + 1, "x"))
    told = sentence(home, installation)
    assert told == f"{home} cannot be read: it is longer than 64 KiB; leave only flags in it"
