"""`oet-simulator`: what it prints, how it ends, and what it is called."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable

import psutil
import pytest
import tango

from ska_oso_oet.telescope.states import ObsState, ResultCode

from ..support.simulator import COMMAND, Simulator

S = ObsState
Make = Callable[..., Simulator]


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *words], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), ("SKA-mid", "mid-tmc/subarray", "mid-tmc/central-node/0", "mid-sdp/quality-monitor")),
        (
            ("--old-names",),
            (
                "SKA-mid",
                "ska_mid/tm_subarray_node",
                "ska_mid/tm_central/central_node",
                "mid-sdp/quality-monitor",
            ),
        ),
        (
            ("--telescope", "low"),
            ("SKA-low", "low-tmc/subarray", "low-tmc/central-node/0", "low-sdp/quality-monitor"),
        ),
        (
            ("--telescope", "low", "--old-names"),
            (
                "SKA-low",
                "ska_low/tm_subarray_node",
                "ska_low/tm_central/central_node",
                "low-sdp/quality-monitor",
            ),
        ),
    ],
)
def test_devices_answer_to_the_names_of_the_telescope(
    make_simulator: Make, options: tuple[str, ...], names: tuple[str, ...]
) -> None:
    simulator = make_simulator(*options, "--delay", "AssignResources=0")
    port = simulator.central.get_dev_port()
    telescope, subarray, central, quality = names
    observatory = json.loads(simulator.environment.pop("OET_OBSERVATORY"))
    assert observatory["fsp_ids"]
    assert simulator.environment == {
        "SKA_TELESCOPE": telescope,
        "SUBARRAYNODE_TRL_PREFIX": f"tango://127.0.0.1:{port}/{subarray}#dbase=no",
        "CENTRALNODE_TRL": f"tango://127.0.0.1:{port}/{central}#dbase=no",
        "QUALITYMONITOR_TRL_PREFIX": f"tango://127.0.0.1:{port}/{quality}#dbase=no",
        "QUALITYMONITOR_ATTRIBUTE": "qaReady",
    }
    assert simulator.send("AssignResources")[0] is ResultCode.QUEUED
    assert simulator.obs_state() is S.IDLE
    assert simulator.quality.info().dev_class == "QualityMonitor"
    if telescope == "SKA-low":
        simulator.reset()
        code, message = simulator.send("AssignResources", {"subarray_id": 1, "dish": {"receptor_ids": []}})
        assert (code, "mccs" in message) == (ResultCode.REJECTED, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_whatever_is_going_on(make_simulator: Make, number: int) -> None:
    simulator = make_simulator("--subarrays", "3", "--qa-after", "60")
    simulator.bring_to(S.SCANNING)
    with simulator.watching() as watch:
        assert simulator.stop(number) == 0
        assert watch.obs_states() == []
    assert "Traceback" not in simulator.log()


def test_a_crash_ends_the_process_in_the_middle(make_simulator: Make) -> None:
    simulator = make_simulator()
    simulator.delays(Configure=0.2, AssignResources=0)
    simulator.inject("Configure", "crash")
    simulator.send("AssignResources")
    with simulator.watching((simulator.subarray, "obsState")) as watch:
        simulator.send("Configure")
        watch.until(lambda watch: watch.obs_states() == ["CONFIGURING"])
        assert simulator.wait() == 70
    with pytest.raises(tango.DevFailed):
        simulator.obs_state()


def listening(simulator: Simulator) -> set[str]:
    """The addresses it listens on, for commands and for events."""
    assert simulator.process is not None
    return {
        connection.laddr.ip
        for connection in psutil.Process(simulator.process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    }


def test_it_listens_where_told_and_only_there(make_simulator: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    simulator = make_simulator("--port", str(port))
    assert simulator.environment["CENTRALNODE_TRL"].startswith(f"tango://127.0.0.1:{port}/")
    assert listening(simulator) == {"127.0.0.1"}


def test_a_client_of_two_telescopes_hears_each_of_its_own(make_simulator: Make) -> None:
    one, other = make_simulator(), make_simulator()
    with one.watching() as watch, other.watching() as other_watch:
        command_id = one.send("AssignResources")[1]
        assert watch.result(command_id)[0] == ResultCode.OK
        command_id = other.send("AssignResources")[1]
        assert other_watch.result(command_id)[0] == ResultCode.OK
        assert watch.obs_states() == other_watch.obs_states() == ["RESOURCING", "IDLE"]


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = ran("--port", str(taken.getsockname()[1]))
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.splitlines()[-1].startswith("Error: cannot serve on 127.0.0.1:")
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--delay", "Scan=1"), "'Scan' has no delay"),
        (("--delay", "Configure"), "COMMAND=SECONDS"),
        (("--delay", "Configure=soon"), "COMMAND=SECONDS"),
        (("--delay", "Configure=-1"), "the delay of Configure must be"),
        (("--tango-host", "nowhere"), "HOST:PORT"),
    ],
)
def test_an_option_that_makes_no_sense_is_explained(words: tuple[str, ...], message: str) -> None:
    found = ran(*words)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr


def test_the_help_explains_every_option_and_the_defaults() -> None:
    found = ran("--help")
    assert found.returncode == 0
    for word in (
        "--telescope",
        "--subarrays",
        "--old-names",
        "--host",
        "--port",
        "--delay",
        "--qa-after",
        "--interfaces",
    ):
        assert word in found.stdout
    assert "Abort=0.3" in found.stdout
    assert "until SetReady" in " ".join(found.stdout.split())


def test_a_shell_can_evaluate_what_it_prints(make_simulator: Make) -> None:
    simulator = make_simulator()
    asked = ["sh", "-c", f"{simulator.exported}echo $CENTRALNODE_TRL"]
    shell = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert shell.stdout.strip() == simulator.environment["CENTRALNODE_TRL"]
    assert shell.stdout.strip().endswith("#dbase=no")


def test_with_a_tango_database_its_devices_are_found_by_plain_names(
    make_simulator: Make, tango_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_simulator("--tango-host", tango_database, "--subarrays", "2").stop()
    simulator = make_simulator("--tango-host", tango_database, "--delay", "AssignResources=0")
    assert listening(simulator) == {"127.0.0.1"}
    assert simulator.environment.pop("OET_OBSERVATORY")
    assert simulator.environment == {
        "TANGO_HOST": tango_database,
        "SKA_TELESCOPE": "SKA-mid",
        "SUBARRAYNODE_TRL_PREFIX": "mid-tmc/subarray",
        "CENTRALNODE_TRL": "mid-tmc/central-node/0",
        "QUALITYMONITOR_TRL_PREFIX": "mid-sdp/quality-monitor",
        "QUALITYMONITOR_ATTRIBUTE": "qaReady",
    }
    monkeypatch.setenv("TANGO_HOST", tango_database)
    with simulator.watching() as watch:
        command_id = simulator.send("AssignResources")[1]
        assert watch.result(command_id)[0] == ResultCode.OK
        assert watch.obs_states() == ["RESOURCING", "IDLE"]
    with pytest.raises(tango.DevFailed, match="not defined"):
        simulator.obs_state(2)  # only the first telescope had it
    assert simulator.stop() == 0
    assert "Traceback" not in simulator.log()


def test_no_tango_database_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    found = ran("--tango-host", address)
    assert (found.returncode, found.stdout) == (1, "")
    assert f"Error: cannot register devices in the Tango database {address}" in found.stderr
    assert "Traceback" not in found.stderr
