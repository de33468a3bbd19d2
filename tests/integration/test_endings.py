"""The state is true: every way a script can end gives the right final state and outcome."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from ..conftest import Server, serving


@pytest.mark.parametrize(
    "way, args, state, reason, exit_code, number",
    [
        ("return", [], "COMPLETE", "completed", 0, None),
        ("raise", [], "FAILED", "script_error", 1, None),
        ("sys_exit", [0], "COMPLETE", "completed", 0, None),
        ("sys_exit", [], "COMPLETE", "completed", 0, None),
        ("sys_exit", [3], "FAILED", "script_error", 3, None),
        ("sys_exit", ["no sky"], "FAILED", "script_error", 1, None),
        ("os_exit", [0], "COMPLETE", "completed", 0, None),
        ("os_exit", [3], "FAILED", "script_error", 3, None),
        ("sigkill", [], "FAILED", "killed", None, signal.SIGKILL),
        ("signal", [signal.SIGTERM], "FAILED", "killed", None, signal.SIGTERM),
        ("signal", [signal.SIGUSR1], "FAILED", "killed", None, signal.SIGUSR1),
        ("segfault", [], "FAILED", "killed", None, signal.SIGSEGV),
    ],
)
def test_how_a_script_ends_is_told_and_the_next_start_works(
    server: Server,
    way: str,
    args: list[Any],
    state: str,
    reason: str,
    exit_code: int | None,
    number: int | None,
) -> None:
    pid = server.run("endings.py", way, *args)
    found = server.ended(pid)
    assert found["state"] == state
    outcome = found["outcome"]
    assert (outcome["reason"], outcome["exit_code"], outcome["signal"]) == (reason, exit_code, number)
    assert found["pid"] is None
    assert server.output(pid).startswith(f"ending by {way}\n")
    assert server.ended(server.run("trivial.py"))["state"] == "COMPLETE"


def test_an_exception_is_told_with_the_frames_of_the_script_only(server: Server) -> None:
    found = server.ended(server.run("endings.py", "raise", "no sky"))
    assert found["outcome"]["detail"] == "ValueError: no sky"
    trace = found["history"]["stacktrace"]
    assert "in main" in trace
    assert trace.endswith("ValueError: no sky\n")
    assert "ska_oso_oet" not in trace


def test_a_segmentation_fault_leaves_its_traceback_in_the_output(server: Server) -> None:
    pid = server.run("endings.py", "segfault")
    server.ended(pid)
    assert "Segmentation fault" in server.output(pid, stream="stderr")


def test_words_given_to_sys_exit_are_told(server: Server) -> None:
    pid = server.run("endings.py", "sys_exit", "the sky is falling")
    assert "the sky is falling" in server.ended(pid)["outcome"]["detail"]
    assert server.output(pid, stream="stderr") == "the sky is falling\n"


@pytest.mark.parametrize(
    "script, reason, detail",
    [
        ("no_main.py", "load_error", "has no function main()"),
        ("syntax_error.py", "load_error", "SyntaxError"),
        ("import_error.py", "load_error", "No module named 'no_such_module_anywhere'"),
        ("exits_early.py", "script_error", "init() exited with status 0"),
    ],
)
def test_a_script_that_cannot_be_prepared_says_why(
    server: Server, script: str, reason: str, detail: str
) -> None:
    found = server.ended(server.create(script))
    assert found["state"] == "FAILED"
    assert found["outcome"]["reason"] == reason
    assert detail in found["outcome"]["detail"]


def test_a_ready_procedure_whose_process_is_killed_has_failed(server: Server) -> None:
    import os

    pid = server.create("trivial.py")
    os.kill(server.wait_state(pid, "READY")["pid"], signal.SIGKILL)
    found = server.ended(pid)
    assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "killed")


def test_passing_the_memory_limit_is_told_as_such(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_MEMORY_LIMIT="200 MiB") as server:
        found = server.ended(server.run("endings.py", "memory"))
        assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "out_of_memory")
        assert server.ended(server.run("trivial.py"))["state"] == "COMPLETE"


def test_every_phase_has_a_time_limit(tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = {f"OET_{phase}_TIMEOUT": "0.3 s" for phase in ("LOAD", "INIT", "MAIN")}
    with serving(tmp_path_factory.mktemp("oet") / "state", **limits) as server:
        loading = server.create("hung_import.py")
        starting = server.create("hung_init.py")
        for pid, phase in ((loading, "loading the script"), (starting, "init()")):
            found = server.ended(pid)
            assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "timeout")
            assert found["outcome"]["detail"] == f"{phase} took longer than its limit of 0.3 s"
        found = server.ended(server.run("diehard.py", "ignores_sigterm"))
        assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "timeout")
        assert found["outcome"]["detail"] == "main() took longer than its limit of 0.3 s"
        assert "kill" in [name for name, _ in found["outcome"]["stages"]]
