"""Scripts are called as their functions say, and what has not run is never complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..conftest import Events, Server

QA = {"context": {"wait_for_qa_ready": True}}


@pytest.fixture
def script(tmp_path: Path) -> Any:
    def write(text: str) -> str:
        path = tmp_path / "script.py"
        path.write_text(text)
        return str(path)

    return write


def args(found: dict[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = found["script_args"]
    return arguments


def test_main_may_be_made_by_init(server: Server) -> None:
    pid = server.create("made_by_init.py", subarray_id=1)
    server.wait_state(pid, "READY")
    server.start_main(pid, scans=3)
    found = server.ended(pid)
    assert found["state"] == "COMPLETE"
    assert server.output(pid) == "subarray 1 sb False scans 3 ['context']\n"
    assert args(found) == {
        "init": {"args": [], "kwargs": {"subarray_id": 1}},
        "main": {"args": [], "kwargs": {"scans": 3, **QA}},
    }


def test_a_script_whose_init_makes_no_main_is_refused_after_init(server: Server, script: Any) -> None:
    found = server.ended(server.create(script("def init(): print('init ran')\n")))
    assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "load_error")
    assert "has no function main()" in found["outcome"]["detail"]
    assert server.output(found["id"]) == "init ran\n"


def test_the_subarray_that_the_command_line_adds_goes_in_where_init_takes_it(
    server: Server, script: Any
) -> None:
    found = server.procedure(server.create(script("def init(): ...\ndef main(): ...\n"), subarray_id=1))
    found = server.wait_state(found["id"], "READY")
    assert args(found)["init"] == {"args": [], "kwargs": {}}


def test_another_subarray_than_this_one_is_not_dropped_in_silence(server: Server, script: Any) -> None:
    found = server.ended(server.create(script("def init(): ...\ndef main(): ...\n"), subarray_id=2))
    assert "init has no argument subarray_id" in found["outcome"]["detail"]


def test_the_arguments_that_init_got_are_told_where_they_differ(server: Server, script: Any) -> None:
    events = Events(server)
    pid = server.create(script("def init(): raise ValueError('no')\ndef main(): ...\n"), subarray_id=1)
    told = events.wait(lambda e: e["topic"] == "procedure.lifecycle.initialising")
    events.close()
    assert (told["pid"], told["init"]) == (pid, {"args": [], "kwargs": {}})
    assert args(server.ended(pid))["init"] == {"args": [], "kwargs": {}}


def test_the_arguments_survive_the_death_of_the_worker_that_keeps_them(own_server: Server) -> None:
    pid = own_server.create("made_by_init.py", subarray_id=1)
    own_server.wait_state(pid, "READY")
    own_server.start_main(pid)
    before = own_server.ended(pid)["script_args"]
    own_server.kill("ses")
    own_server.ready()
    assert own_server.procedure(pid)["script_args"] == before


def test_coroutines_are_run(server: Server) -> None:
    pid = server.create("coroutines.py", subarray_id=1)
    server.wait_state(pid, "READY")
    server.start_main(pid, "hello")
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid) == "init 1\nmain hello\n"


def test_a_coroutine_that_fails_is_told_with_the_frames_of_the_script_only(server: Server) -> None:
    pid = server.create("coroutines.py", subarray_id=1)
    server.wait_state(pid, "READY")
    server.start_main(pid, "hello", fail=True)
    found = server.ended(pid)
    assert found["outcome"]["detail"] == "ValueError: on purpose"
    trace = found["history"]["stacktrace"]
    assert "in main" in trace
    assert "asyncio" not in trace and "ska_oso_oet" not in trace


@pytest.mark.parametrize(
    "text",
    [
        "def main():\n    yield\n",
        "async def main():\n    yield\n",
        "import functools\ndef _main(n):\n    yield\nmain = functools.partial(_main, 1)\n",
        "class Main:\n    def __call__(self):\n        yield\nmain = Main()\n",
        "def _main():\n    yield\ndef init():\n    global main\n    main = _main\n",
        "def init():\n    yield\ndef main(): ...\n",
    ],
)
def test_a_generator_is_refused_before_it_can_be_started(server: Server, script: Any, text: str) -> None:
    found = server.ended(server.create(script(text)))
    assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "load_error")
    assert "is a generator, and calling it would run nothing of it" in found["outcome"]["detail"]


@pytest.mark.parametrize(
    "text, what",
    [
        ("def main():\n    return (n for n in [1])\n", "a generator"),
        ("import contextlib\n@contextlib.contextmanager\ndef main():\n    yield\n", "a context manager"),
        ("def main():\n    return map(print, [1])\n", "an iterator"),
        ("import itertools\ndef main():\n    return itertools.chain([1])\n", "an iterator"),
        ("def main():\n    def inner(): ...\n    return inner\n", "a function"),
        (
            "class Later:\n    def __await__(self): yield\ndef main():\n    return Later()\n",
            "an awaitable",
        ),
    ],
)
def test_what_returns_work_that_nobody_did_has_failed(
    server: Server, script: Any, text: str, what: str
) -> None:
    found = server.ended(server.run(script(text)))
    assert found["state"] == "FAILED"
    assert f"main() returned {what}, of which nothing has run" in found["outcome"]["detail"]


def test_a_function_that_returns_a_coroutine_has_it_run(server: Server, script: Any) -> None:
    pid = server.run(script("async def work(): print('worked')\nasync def main():\n    return work()\n"))
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid) == "worked\n"


def test_work_of_a_pool_that_main_returns_is_how_it_went(server: Server, script: Any) -> None:
    text = (
        "from concurrent.futures import ThreadPoolExecutor\ndef work(): raise ValueError('no sky')\n"
        "def main():\n    return ThreadPoolExecutor().submit(work)\n"
    )
    assert server.ended(server.run(script(text)))["outcome"]["detail"] == "ValueError: no sky"


def test_what_a_script_exits_with_is_told_whatever_it_is(server: Server, script: Any) -> None:
    pid = server.run(script("import sys\ndef main():\n    sys.exit(RuntimeError('on fire'))\n"))
    assert "on fire" in server.ended(pid)["outcome"]["detail"]
    assert server.output(pid) == "on fire\n"


def test_what_anything_is_made_of_is_not_asked_for_twice(server: Server, script: Any) -> None:
    """A decorator that supplies the subarray itself is not given it as well."""
    pid = server.create(
        script(
            "import functools\n"
            "def supplied(function):\n"
            "    @functools.wraps(function)\n"
            "    def wrapper(*args, **kwargs):\n"
            "        return function(7, *args, **kwargs)\n"
            "    return wrapper\n"
            "@supplied\n"
            "def main(subarray_id, **kwargs):\n"
            "    print(subarray_id, sorted(kwargs))\n"
        )
    )
    server.wait_state(pid, "READY")
    server.start_main(pid)
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid) == "7 ['context']\n"


def test_arguments_that_main_cannot_take_leave_the_procedure_ready(server: Server, script: Any) -> None:
    pid = server.create(script("def main(source, scans=2): print(source, scans)\n"))
    server.wait_state(pid, "READY")
    for main, why in (
        ({"kwargs": {"source": "A", "scnas": 3}}, "main has no argument scnas (did you mean scans?)"),
        ({"args": [1, 2, 3]}, "main takes 2 arguments without a name, not 3"),
        ({}, "source is missing"),
    ):
        answer = server.put(pid, state="RUNNING", script_args={"main": main})
        assert answer.status_code == 422
        assert answer.json()["detail"] == (
            f"Cannot start procedure {pid} with these arguments: {why}; its parameters are "
            "main(source, scans=…)"
        )
    other = server.create("trivial.py")
    server.wait_state(other, "READY")
    server.start_main(other)  # nothing is reserved
    assert server.ended(other)["state"] == "COMPLETE"
    server.start_main(pid, source="A")
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid) == "A 2\n"


@pytest.mark.parametrize(
    "text",
    [
        "def main(**kwargs): print(kwargs['x'])\n",
        "import functools\ndef main(): ...\n@functools.wraps(main)\ndef other(x): print(x)\nmain = other\n",
        "def main(): ...\ndef init():\n    global main\n    main = lambda x: print(x)\n",
        "class Main:\n    def __call__(self, x): print(x)\nmain = Main()\n",
    ],
)
def test_what_python_accepts_is_started(server: Server, script: Any, text: str) -> None:
    pid = server.create(script(text))
    server.wait_state(pid, "READY")
    server.start_main(pid, x=3)
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid) == "3\n"
