"""Things that runs share: made once, by one, whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ska_oso_oet.preparation.cache import ArtifactCache, name_of
from ska_oso_oet.preparation.errors import PreparationError

fork = multiprocessing.get_context("fork")


def fill(path: str) -> None:
    os.mkdir(path)
    (Path(path) / "file").write_text("content")


def never(path: str) -> None:
    raise AssertionError("it is there already")


def refuse(path: str) -> None:
    fill(path)
    raise PreparationError("the installer's last words")


class Taker:
    """A process that takes the entry ``x`` and stays until it is told to end."""

    def __init__(self, folder: Path, make: Callable[[str], None]) -> None:
        self._ours, theirs = fork.Pipe()
        self._process = fork.Process(target=self._run, args=(theirs, folder, make))
        self._process.start()
        theirs.close()

    @staticmethod
    def _run(pipe: object, folder: Path, make: Callable[[str], None]) -> None:
        def said(text: str) -> None:
            pipe.send(text)  # type: ignore[attr-defined]

        def told(path: str) -> None:
            pipe.send("making")  # type: ignore[attr-defined]
            assert pipe.recv() == "go on"  # type: ignore[attr-defined]
            make(path)

        try:
            ArtifactCache(str(folder), said).take("x", told, what="the thing")
            pipe.send("taken")  # type: ignore[attr-defined]
        except PreparationError as error:
            pipe.send(str(error))  # type: ignore[attr-defined]
        pipe.recv()  # type: ignore[attr-defined]

    def hears(self) -> str:
        assert self._ours.poll(20)
        return str(self._ours.recv())

    def go_on(self) -> None:
        self._ours.send("go on")

    def kill(self) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()

    def end(self) -> None:
        self._ours.send("end")
        self._process.join()


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path))
    path = cache.take("x", fill, repository="r")
    assert Path(path, "file").read_text() == "content"
    assert cache.take("x", never) == path
    (entry,) = cache.entries()
    assert (entry.name, entry.about, entry.size) == ("x", {"repository": "r"}, len("content"))


def test_one_that_is_made_anew_is_taken_from_then_on_and_the_old_one_stays_for_who_uses_it(
    tmp_path: Path,
) -> None:
    user = Taker(tmp_path, fill)
    assert user.hears() == "making"
    user.go_on()
    assert user.hears() == "taken"
    cache = ArtifactCache(str(tmp_path))
    first = cache.take("x", fill, fresh=True)
    assert cache.take("x", never) == first != cache.path("x")
    assert cache.has("x")
    second = cache.take("x", fill, fresh=True)
    assert cache.take("x", never) == second > first
    user.end()
    cache.clear_leftovers()
    assert not cache.has("x")
    assert cache.take("x", never) == second


def test_one_that_cannot_be_made_anew_leaves_the_one_there_is(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path))
    path = cache.take("x", fill)
    with pytest.raises(PreparationError):
        cache.take("x", refuse, fresh=True)
    assert cache.take("x", never) == path


def test_names_do_not_depend_on_where_texts_are_divided() -> None:
    assert name_of("ab", "c") != name_of("a", "bc")


def test_two_who_need_the_same_share_one(tmp_path: Path) -> None:
    first = Taker(tmp_path, fill)
    assert first.hears() == "making"
    second = Taker(tmp_path, never)
    assert second.hears() == "Waiting for another procedure that is preparing the thing"
    first.go_on()
    assert first.hears() == second.hears() == "taken"
    first.end()
    second.end()


def test_a_failure_leaves_nothing_and_wakes_who_waits_with_its_reason(tmp_path: Path) -> None:
    first = Taker(tmp_path, refuse)
    assert first.hears() == "making"
    second = Taker(tmp_path, never)
    assert second.hears().startswith("Waiting")
    first.go_on()
    assert first.hears() == second.hears() == "the installer's last words"
    first.end()
    second.end()
    assert not [name for name in os.listdir(tmp_path) if name in ("x", "x.making", "x.json")]
    assert ArtifactCache(str(tmp_path)).take("x", fill)  # the next one tries again


def test_who_waits_for_one_that_is_killed_makes_it(tmp_path: Path) -> None:
    first = Taker(tmp_path, fill)
    assert first.hears() == "making"
    second = Taker(tmp_path, fill)
    assert second.hears().startswith("Waiting")
    first.kill()
    assert second.hears() == "making"
    second.go_on()
    assert second.hears() == "taken"
    second.end()


def test_what_is_in_use_is_not_removed(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path))
    user = Taker(tmp_path, fill)
    assert user.hears() == "making"
    assert not cache.remove("x")
    user.go_on()
    assert user.hears() == "taken"
    assert not cache.remove("x")
    assert cache.has("x")
    user.kill()
    assert cache.remove("x")
    assert os.listdir(tmp_path) == []
    assert cache.remove("x")  # what is not there need not be removed


def test_what_a_killed_maker_left_is_cleared_away(tmp_path: Path) -> None:
    maker = Taker(tmp_path, fill)
    assert maker.hears() == "making"
    fill(str(tmp_path / "x.making"))
    cache = ArtifactCache(str(tmp_path))
    cache.clear_leftovers()
    assert (tmp_path / "x.making").exists()  # it may still be at it
    maker.kill()
    cache.clear_leftovers()
    assert os.listdir(tmp_path) == []


def test_bringing_up_to_date_is_done_once_for_all_who_asked_before(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path))
    cache.take("x", fill)
    with cache.alone("x", since=1.0) as needed:
        assert needed
    with cache.alone("x", since=1.0) as needed:
        assert not needed
    with cache.alone("x", since=1e12) as needed:
        assert needed


def test_a_failed_update_counts_for_nothing(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path))
    cache.take("x", fill)
    with pytest.raises(PreparationError), cache.alone("x", since=1.0):
        raise PreparationError("no answer")
    with cache.alone("x", since=1.0) as needed:
        assert needed


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    def full(path: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(PreparationError, match="the thing cannot be written: No space left on device"):
        ArtifactCache(str(tmp_path)).take("x", full, what="the thing")


def test_threads_of_one_process_do_not_hold_each_other_up(tmp_path: Path) -> None:
    cache = ArtifactCache(str(tmp_path))
    cache.take("x", fill)
    thread = threading.Thread(target=cache.take, args=("x", never))
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
