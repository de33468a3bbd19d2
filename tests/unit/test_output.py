"""Captured output: nothing lost below the limit, the first and last part kept above it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.runs.output import OutputLog, OutputReader

BOTH = ("stdout", "stderr", "oet")


def _text(page: dict[str, Any]) -> str:
    return "".join(piece["text"] for piece in page["chunks"])


def _all_pages(
    reader: OutputReader, limit: int, streams: tuple[str, ...] = BOTH, after: int = 0
) -> list[dict[str, Any]]:
    pieces: list[dict[str, Any]] = []
    while True:
        page = reader.page(after, limit, streams)
        pieces += page["chunks"]
        if page["next"] == after:
            return pieces
        after = page["next"]


writes = st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=40)), max_size=30)


@given(writes, st.integers(1, 200))
def test_the_pages_joined_are_what_was_written(written: list[tuple[str, bytes]], limit: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        log = OutputLog(directory, 2**20)
        for n, (stream, data) in enumerate(written):
            if data:
                log.write(stream, data, float(n))
        for stream in ("stdout", "stderr"):
            log.write(stream, b"", 0.0)
        for stream in ("stdout", "stderr"):
            whole = b"".join(data for name, data in written if name == stream).decode(errors="replace")
            for reader in (OutputReader(directory), OutputReader(directory)):
                pieces = _all_pages(reader, limit, (stream,))
                assert "".join(piece["text"] for piece in pieces) == whole
        numbers = [piece["n"] for piece in _all_pages(OutputReader(directory), limit)]
        assert numbers == list(range(1, log.last + 1))


@given(writes, st.integers(0, 5), st.integers(1, 50))
def test_the_tail_is_the_last_lines_of_what_was_written_on_as_many_pages_as_it_takes(
    written: list[tuple[str, bytes]], lines: int, limit: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        log = OutputLog(directory, 2**20)
        for stream, data in written:
            # Lines end with a line feed; what else splits lines is not the subject here.
            log.write(stream, re.sub(rb"[^a-z\n]", b"x", data) or b"\n", 0.0)
        whole = _text(OutputReader(directory).page(0, 2**20, BOTH))
        wanted = "".join(whole.splitlines(keepends=True)[-lines:]) if lines else ""
        page = OutputReader(directory).tail(lines, BOTH)
        assert _text(page) == wanted
        assert page["next"] == log.last
        reader = OutputReader(directory)
        page = reader.tail(lines, BOTH, limit)
        pieces = page["chunks"] + _all_pages(reader, limit, after=page["next"])
        assert "".join(piece["text"] for piece in pieces) == wanted


def test_a_tail_can_be_of_what_comes_after_a_piece_only(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 2**20)
    for n in range(1, 6):
        log.write("stdout", f"{n}\n".encode(), 1.0)
    reader = OutputReader(str(tmp_path))
    assert _text(reader.tail(4, BOTH, after=3)) == "4\n5\n"
    assert _text(reader.tail(1, BOTH, after=3)) == "5\n"
    assert reader.tail(4, BOTH, after=5) == {"chunks": [], "next": 5}


def test_a_tail_of_one_stream_counts_its_lines_only_and_moves_over_the_other(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 2**20)
    for n, stream in enumerate(("stderr", "stderr", "stdout", "stderr", "stdout"), 1):
        log.write(stream, f"{n}\n".encode(), 1.0)
    page = OutputReader(str(tmp_path)).tail(2, ("stderr",))
    assert (_text(page), page["next"]) == ("2\n4\n", 5)


def test_a_character_written_in_two_parts_is_one_character(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 2**20)
    first, second = "é".encode()[:1], "é".encode()[1:]
    assert log.write("stdout", first, 1.0) is None
    log.write("stderr", b"between", 2.0)
    piece = log.write("stdout", second, 3.0)
    assert piece is not None
    assert piece["text"] == "é"


def test_half_a_character_at_the_end_of_a_stream_is_shown_as_broken(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 2**20)
    log.write("stdout", b"\xc3", 1.0)
    log.write("stdout", b"", 2.0)
    assert _text(OutputReader(str(tmp_path)).page(0, 100, BOTH)) == "\ufffd"


def test_a_page_holds_about_as_much_as_was_asked_for_and_the_next_begins_behind_it(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 2**20)
    for n in range(10):
        log.write("stdout", f"line {n}\n".encode(), float(n))
    reader = OutputReader(str(tmp_path))
    first = reader.page(0, 14, BOTH)
    assert _text(first) == "line 0\nline 1\n"
    assert first["next"] == 2
    assert reader.page(2, 1, BOTH)["chunks"] == [
        {"n": 3, "time": 2.0, "stream": "stdout", "text": "line 2\n"}
    ]
    assert reader.page(10, 100, BOTH) == {"chunks": [], "next": 10}


def test_a_page_can_be_of_one_stream_only_and_still_moves_over_the_other(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 2**20)
    for stream in ("stdout", "stderr", "stdout", "stderr"):
        log.write(stream, stream.encode(), 1.0)
    page = OutputReader(str(tmp_path)).page(0, 1000, ("stderr",))
    assert [piece["n"] for piece in page["chunks"]] == [2, 4]
    assert page["next"] == 4


def test_output_that_comes_later_is_read_later(tmp_path: Path) -> None:
    log, reader = OutputLog(str(tmp_path), 2**20), OutputReader(str(tmp_path))
    assert reader.page(0, 100, BOTH) == {"chunks": [], "next": 0}
    log.write("stdout", b"one", 1.0)
    assert _text(reader.page(0, 100, BOTH)) == "one"
    log.write("stdout", b"two", 2.0)
    assert _text(reader.page(1, 100, BOTH)) == "two"


def test_without_any_output_there_is_an_empty_page_and_an_empty_tail(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "nothing here"):
        reader = OutputReader(str(directory))
        assert reader.page(0, 100, BOTH) == {"chunks": [], "next": 0}
        assert reader.tail(5, BOTH) == {"chunks": [], "next": 0}


def test_a_torn_last_line_is_left_out_until_it_is_whole(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 2**20)
    log.write("stdout", b"one\n", 1.0)
    log.write("stdout", b"two\n", 2.0)
    whole = (tmp_path / "output").read_bytes()
    (tmp_path / "output").write_bytes(whole[:-5])
    reader = OutputReader(str(tmp_path))
    assert _text(reader.page(0, 100, BOTH)) == "one\n"
    (tmp_path / "output").write_bytes(whole)
    assert _text(reader.page(1, 100, BOTH)) == "two\n"


def test_a_damaged_line_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 2**20)
    for n in range(3):
        log.write("stdout", f"{n}\n".encode(), 1.0)
    lines = (tmp_path / "output").read_bytes().splitlines(keepends=True)
    (tmp_path / "output").write_bytes(lines[0] + b"rub\xffbish\n" + lines[2])
    pieces = OutputReader(str(tmp_path)).page(0, 100, BOTH)["chunks"]
    assert [p["text"] for p in pieces if p["stream"] == "stdout"] == ["0\n", "2\n"]
    assert OutputReader(str(tmp_path)).tail(5, BOTH)["chunks"] == pieces


# -- above the limit -------------------------------------------------------------------------------

LIMIT = 64 * 1024
LINE = "x" * 99 + "\n"
COUNT = 5000


@pytest.fixture
def flooded(tmp_path: Path) -> Path:
    log = OutputLog(str(tmp_path), LIMIT)
    for n in range(COUNT):
        log.write("stdout", f"{n:06d} {LINE}".encode(), 1.0)
    return tmp_path


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())


def test_no_more_than_the_limit_is_kept_on_the_disk(flooded: Path) -> None:
    assert _size(flooded) <= LIMIT + 4096


def test_the_first_and_the_last_part_are_kept_with_a_marker_between_that_counts_the_bytes(
    flooded: Path,
) -> None:
    pieces = _all_pages(OutputReader(str(flooded)), 1000)
    markers = [piece for piece in pieces if piece["stream"] == "oet"]
    assert len(markers) == 1
    kept = [int(piece["text"][:6]) for piece in pieces if piece["stream"] == "stdout"]
    place = pieces.index(markers[0])
    assert kept[:place] == list(range(place))
    assert kept[place:] == list(range(COUNT - len(kept) + place, COUNT))
    dropped = (COUNT - len(kept)) * (7 + len(LINE))
    assert markers[0]["text"] == f"\n[... {dropped} bytes dropped ...]\n"
    assert min(place, len(kept) - place) * len(LINE) > LIMIT // 8


def test_one_big_page_and_many_small_ones_show_the_same(flooded: Path) -> None:
    whole = OutputReader(str(flooded)).page(0, 2**30, BOTH)["chunks"]
    assert _all_pages(OutputReader(str(flooded)), 1) == whole


def test_the_tail_of_a_flood_is_its_end(flooded: Path) -> None:
    page = OutputReader(str(flooded)).tail(3, BOTH)
    assert _text(page) == "".join(f"{n:06d} {LINE}" for n in range(COUNT - 3, COUNT))
    assert page["next"] == COUNT


def test_a_tail_longer_than_what_there_is_is_all_of_it(flooded: Path) -> None:
    whole = OutputReader(str(flooded)).page(0, 2**30, BOTH)
    assert OutputReader(str(flooded)).tail(10**9, BOTH, 2**30) == whole


def test_bytes_are_counted_as_bytes_also_where_a_character_has_several(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path), 4096)
    for n in range(500):
        log.write("stdout", f"{n:03d}é\n".encode(), 1.0)
    pieces = _all_pages(OutputReader(str(tmp_path)), 100)
    kept = sum(piece["stream"] == "stdout" for piece in pieces)
    (marker,) = (piece["text"] for piece in pieces if piece["stream"] == "oet")
    assert marker == f"\n[... {(500 - kept) * 6} bytes dropped ...]\n"


def test_a_full_disk_never_fails_the_writer(tmp_path: Path) -> None:
    (tmp_path / "output").symlink_to("/dev/full")
    log = OutputLog(str(tmp_path), 2**20)
    assert log.write("stdout", b"lost", 1.0) is not None
