"""The command as a process of its own: start-up, signals, pipes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ska_oso_oet_client

from ..support.fake_oet import FakeOET, chunk_json, printed

PACKAGE = Path(ska_oso_oet_client.__file__).parent
MAIN = "import sys; from ska_oso_oet_client.cli import main; sys.exit(main())"
HEAVY = ("requests", "tabulate", "sseclient", "urllib3", "logging", "ska_oso_oet")


def command(*words: str, code: str = MAIN) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PACKAGE.parent,
    )


def test_help_does_not_load_what_it_does_not_need() -> None:
    code = (
        "import sys\nfrom ska_oso_oet_client.cli import main\n"
        f"main(['--help'])\nprint('LOADED', [n for n in {HEAVY} if n in sys.modules])"
    )
    out, _ = command(code=code).communicate(timeout=30)
    assert out.splitlines()[-1] == "LOADED []"


def test_the_client_never_loads_the_backend() -> None:
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    assert not [s for s in sources if re.search(r"(import|from) ska_oso_oet\b(?!_client)", s)]


def test_ctrl_c_ends_listening_and_says_that_the_script_goes_on(oet: FakeOET) -> None:
    oet.add(2)
    oet.plan_stream(b": hello\n\n", oet.started, printed(2, 1, "begun\n"), oet.closing)
    process = command("procedure", "start", "--pid=2")
    assert process.stdout is not None
    while process.stdout.readline() != "begun\n":
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == (
        "\nStopped listening; procedure 2 goes on. To stop it: oet procedure stop --pid=2; "
        "to rejoin: oet procedure logs --follow --pid=2\n"
    )
    assert oet.asked("PUT")[0].body["state"] == "RUNNING"
    assert len(oet.asked("PUT")) == 1


def test_ctrl_c_ends_listening_to_an_activity_and_says_how_to_stop_it(oet: FakeOET) -> None:
    oet.plan_stream(b": hello\n\n", oet.requested, printed(1, 1, "begun\n"), oet.closing)
    process = command("activity", "run", "observe", "sbd-123")
    assert process.stdout is not None
    while process.stdout.readline() != "begun\n":
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == (
        "\nStopped listening; activity 1 goes on. To stop it: oet activity stop --aid=1; "
        "to rejoin: oet activity describe --aid=1\n"
    )
    assert not oet.asked("PUT")


def test_a_reader_that_has_seen_enough_is_no_error(oet: FakeOET) -> None:
    oet.add(1)
    oet.output[1] = [chunk_json(n, "x" * 50_000 + "\n") for n in range(1, 9)]
    process = command("procedure", "logs", "1")
    assert process.stdout is not None
    with process, process.stdout as out:
        out.read(1)
        out.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_output_that_the_terminal_cannot_show_is_escaped(
    oet: FakeOET, monkeypatch: pytest.MonkeyPatch
) -> None:
    oet.add(1)
    oet.output[1] = [chunk_json(1, "\u2603\n")]
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    assert command("procedure", "logs", "1").communicate(timeout=30) == ("\\u2603\n", "")


def test_the_version_is_the_same_everywhere() -> None:
    out, _ = command("--version").communicate(timeout=30)
    declared = re.search(r'^version = "(.+)"$', (PACKAGE / "pyproject.toml").read_text(), re.M)
    assert declared is not None
    assert declared[1] == ska_oso_oet_client.__version__
    assert out == f"oet, version {declared[1]}\n"


def test_every_package_is_in_the_distribution() -> None:
    declared = (PACKAGE / "pyproject.toml").read_text()
    for folder in {path.parent for path in PACKAGE.rglob("__init__.py")}:
        name = ".".join(("ska_oso_oet_client", *folder.relative_to(PACKAGE).parts))
        assert f'"{name}",' in declared
