"""`oet procedure stop` of scripts that do not want to end, or cannot."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from ..conftest import Events, serving, until
from ..support.freezer import Freezer
from ..support.terminals import Terminal

STUBBORN = """
import time
from pubsub import pub

def main():
    while True:
        try:
            pub.sendMessage("user.script.announce", msg="here")
            time.sleep(3600)
        except SystemExit:
            pub.sendMessage("user.script.announce", msg="not yet")
"""


HELPED = """
import subprocess, time

def main():
    helper = subprocess.Popen(["sleep", "1000"])
    print(helper.pid, flush=True)
    time.sleep(1000)
"""


def test_a_process_that_nothing_can_end_is_named_and_the_stop_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "helped.py").write_text(HELPED)
    (tmp_path / "abort.py").write_text("def main(subarray_id):\n    print('aborted')\n")
    freezer = Freezer()
    try:
        with serving(tmp_path / "state", OET_ABORT_SCRIPT=str(tmp_path / "abort.py")) as server:
            oet, pid = Terminal(server), server.run(str(tmp_path / "helped.py"))
            until(lambda: server.output(pid))
            helper = int(server.output(pid))
            freezer.freeze(helper)
            told = oet("procedure", "stop", status=1)
            assert (
                f"NOT EVERYTHING HAS ENDED: process {helper} (sleep 1000) is in kernel state D (disk sleep)"
            ) in told
            assert "The abort of subarray 1 is complete" in told
            assert f"process {helper} (sleep 1000)" in oet("procedure", "describe", f"--pid={pid}")
            freezer.thaw()
            until(lambda: not psutil.pid_exists(helper))
    finally:
        freezer.close()


@pytest.mark.parametrize("run_abort", [True, False])
def test_a_second_stop_while_the_first_is_pending_gets_the_same_answer(
    tmp_path: Path, run_abort: bool
) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    (tmp_path / "abort.py").write_text("def main(subarray_id):\n    print('aborted')\n")
    script = str(tmp_path / "stubborn.py")
    settings = {"OET_ABORT_SCRIPT": str(tmp_path / "abort.py"), "OET_STOP_GRACE": "6 s"}
    with serving(tmp_path / "state", **settings) as server:
        oet, events = Terminal(server), Events(server, topics="user.script.announce")
        server.run(script)
        events.wait(lambda event: event["msg"] == "here")
        words = ("procedure", "stop", f"--run_abort={run_abort}")
        with oet.open(*words) as first:
            events.wait(lambda event: event["msg"] == "not yet")
            with oet.open(*words) as second:
                assert first.stdout is not None
                assert second.stdout is not None
                told = [first.stdout.read(), second.stdout.read()]
        events.close()
        assert told[0].startswith("Successfully stopped script with ID 1")
        assert told[1] == told[0]
        assert (first.returncode, second.returncode) == (0, 0)
        assert len(server.get("/procedures")) == (2 if run_abort else 1)
