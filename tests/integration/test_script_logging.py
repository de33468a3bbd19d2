"""What scripts log is seen, with time and level; and what configures logging works as under plain Python."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ..conftest import Server, serving
from ..support.repositories import Repository

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")
PROJECT = (
    '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "observing"\nversion = "1.0"\n[tool.setuptools]\npackages = ["ska_ser_logging"]\n'
)
# As ska_ser_logging does it: dictConfig at the time of a call, existing loggers stay.
LIBRARY = (
    "import logging.config\n"
    "def configure_logging(level=logging.INFO):\n"
    "    logging.config.dictConfig({\n"
    "        'version': 1, 'disable_existing_loggers': False,\n"
    "        'formatters': {'default': {'format': '1|%(levelname)s|%(message)s'}},\n"
    "        'handlers': {'console': {'class': 'logging.StreamHandler', 'formatter': 'default'}},\n"
    "        'root': {'handlers': ['console'], 'level': level}})\n"
)
LEVELS = "for n in (10, 20, 25, 30, 40, 50): log.log(n, 'at %d', n); child.log(n, 'child at %d', n)\n"
DICT_CONFIG = (
    "import logging.config as c\n"
    "c.dictConfig({'version': 1, 'handlers': {'h': {'class': 'logging.StreamHandler'}}"
)


def script(body: str) -> str:
    """A script that does this in main, and is a program as well."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    head = "import logging, sys\nlog, child = logging.getLogger(), logging.getLogger('a.b')\n"
    return f"{head}def main():\n{lines}\nif __name__ == '__main__': main()\n"


def logged(server: Server, pid: int) -> str:
    assert server.ended(pid)["state"] == "COMPLETE", server.procedure(pid)["outcome"]
    return server.output(pid, stream="stderr")


def run(server: Server, folder: Path, body: str) -> str:
    file = folder / "logs.py"
    file.write_text(script(body))
    return logged(server, server.run(str(file)))


def without_time(text: str) -> list[str]:
    lines = text.splitlines()
    assert all(LINE.match(line) for line in lines), text
    return [LINE.sub("", line) for line in lines]


def test_a_script_that_configures_nothing_shows_info_with_utc_time_and_level(
    server: Server, tmp_path: Path
) -> None:
    told = run(server, tmp_path, LEVELS)
    assert without_time(told) == [
        "INFO root: at 20",
        "INFO a.b: child at 20",
        "Level 25 root: at 25",
        "Level 25 a.b: child at 25",
        "WARNING root: at 30",
        "WARNING a.b: child at 30",
        "ERROR root: at 40",
        "ERROR a.b: child at 40",
        "CRITICAL root: at 50",
        "CRITICAL a.b: child at 50",
    ]
    when = datetime.strptime(told.split()[0], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs((datetime.now(timezone.utc) - when).total_seconds()) < 60


def test_functions_of_logging_show_the_same_and_leave_the_handler_that_python_makes(
    server: Server, tmp_path: Path
) -> None:
    body = "logging.debug('no'); logging.info('one'); logging.warning('two'); child.info('three')\n"
    told = run(server, tmp_path, f"{body}print(len(log.handlers), log.level)\n")
    assert without_time(told) == ["INFO root: one", "WARNING root: two", "INFO a.b: three"]


def test_an_exception_is_shown_with_its_trace_and_a_library_that_has_a_null_handler_is_heard(
    server: Server, tmp_path: Path
) -> None:
    body = "child.addHandler(logging.NullHandler())\nchild.info('heard')\n"
    body += "try: 1 / 0\nexcept ZeroDivisionError: child.exception('divided')\n"
    first, second, *trace = run(server, tmp_path, body).splitlines()
    assert first.endswith("Z INFO a.b: heard")
    assert second.endswith("Z ERROR a.b: divided")
    assert (trace[0], trace[-1]) == (
        "Traceback (most recent call last):",
        "ZeroDivisionError: division by zero",
    )


@pytest.mark.parametrize(
    "configure",
    [
        "logging.basicConfig()",
        "logging.basicConfig(level='DEBUG', format='%(levelname)s-%(message)s')",
        "logging.basicConfig(stream=sys.stdout, level=logging.ERROR)",
        "logging.basicConfig(filename='log.txt', level=logging.INFO)",
        "log.info('before')\nlogging.basicConfig(level='INFO')",
        "log.addHandler(logging.StreamHandler(sys.stdout))",
        "child.addHandler(logging.StreamHandler()); child.propagate = False; logging.lastResort = None",
        "child.addHandler(logging.StreamHandler()); child.setLevel(25); logging.basicConfig(level=50)",
        "logging.lastResort = logging.StreamHandler(sys.stdout)",
        f"{DICT_CONFIG}, 'root': {{'handlers': ['h']}}}})",
        f"{DICT_CONFIG}, 'root': {{'handlers': ['h'], 'level': 10}}}})\nlogging.getLogger('new').info('new')",
        "logging.basicConfig(force=True, level=10)\nlogging.disable(30)",
        "import io\nlog.handlers[:] = [logging.StreamHandler(io.StringIO())]",
    ],
)
def test_what_a_script_configures_has_the_effect_that_it_has_under_plain_python(
    server: Server, tmp_path: Path, configure: str
) -> None:
    state = (
        "print([type(h).__name__ for h in log.handlers], log.level, log.getEffectiveLevel(), child.level)\n"
    )
    state += "print(log.isEnabledFor(20), child.isEnabledFor(20), child.getEffectiveLevel())\n"
    body = f"print(log.handlers, log.level, logging.lastResort.level)\n{configure}\n{LEVELS}{state}"
    told = run(server, tmp_path, body)
    if "before" in configure:  # nobody had configured anything then
        first, told = told.split("\n", 1)
        assert without_time(first) == ["INFO root: before"]
    plain = subprocess.run(
        [sys.executable, tmp_path / "logs.py"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert told == plain.stderr
    pid = server.get("/procedures")[-1]["id"]
    assert server.output(pid, stream="stdout") == plain.stdout


def test_a_level_that_the_script_sets_holds_without_a_handler_of_its_own(
    server: Server, tmp_path: Path
) -> None:
    body = f"log.setLevel(logging.WARNING); child.setLevel(logging.DEBUG)\n{LEVELS}"
    told = without_time(run(server, tmp_path, body))
    assert told[:4] == [
        "DEBUG a.b: child at 10",
        "INFO a.b: child at 20",
        "Level 25 a.b: child at 25",
        "WARNING root: at 30",
    ]
    assert run(server, tmp_path, f"logging.disable(logging.INFO)\n{LEVELS}").count("at 20") == 0


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_SCRIPT_LOG_LEVEL="error") as found:
        yield found


def test_the_server_may_say_from_which_level_on(quiet: Server, tmp_path: Path) -> None:
    assert [line.split()[-1] for line in without_time(run(quiet, tmp_path, LEVELS))] == [
        "40",
        "40",
        "50",
        "50",
    ]
    assert "INFO:root:at 20" in run(quiet, tmp_path, f"logging.basicConfig(level=20)\n{LEVELS}")


def test_a_script_with_an_environment_of_its_own_logs_alike(server: Server, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    files = {"pyproject.toml": PROJECT, "ska_ser_logging/__init__.py": LIBRARY, "plain.py": script(LEVELS)}
    configured = script(f"import ska_ser_logging\nska_ser_logging.configure_logging(20)\n{LEVELS}")
    repository.commit({**files, "configured.py": configured})

    def told(name: str) -> str:
        pid = server.create_from_git(name, repository.url, create_env=True)
        server.wait_state(pid, "READY", timeout=100)
        server.start_main(pid)
        return logged(server, pid)

    assert without_time("\n".join(told("plain.py").splitlines()[-10:]))[0] == "INFO root: at 20"
    assert told("configured.py").splitlines()[-10:][:2] == ["1|INFO|at 20", "1|INFO|child at 20"]
