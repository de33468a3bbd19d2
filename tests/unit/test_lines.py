"""Lines are the same, however they are cut in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.kernel.lines import Lines


@given(st.lists(st.binary(max_size=8) | st.sampled_from([b"\n", b"\n\n", b"a\nb"]), max_size=20))
def test_lines_do_not_depend_on_the_pieces(pieces: list[bytes]) -> None:
    lines = Lines()
    taken = [line for piece in pieces for line in lines.take(piece)]
    *whole, rest = b"".join(pieces).split(b"\n")
    assert taken == whole
    assert lines.unfinished == len(rest)


def test_a_line_that_is_not_wanted_is_forgotten() -> None:
    lines = Lines()
    lines.take(b"x" * 1000)
    lines.spoil()
    assert lines.unfinished < 10
    assert lines.take(b"more\nnext\n") == [b"too longmore", b"next"]
