"""Quality is ready when told, or by itself a while after Configure."""

from __future__ import annotations

from collections.abc import Callable

from ska_oso_oet.telescope.states import ObsState

from ..support.simulator import Simulator, Watch


def ready(watch: Watch) -> list[bool]:
    return [bool(value) for attribute, value in watch.seen if attribute == "qaReady"]


def test_by_hand_it_is_not_ready_until_told(simulator: Simulator) -> None:
    with simulator.watching((simulator.quality, "qaReady")) as watch:
        assert not simulator.quality.read_attribute("qaReady").value
        simulator.bring_to(ObsState.SCANNING)
        for command in ("SetReady", "SetReady", "SetNotReady"):
            simulator.quality.command_inout(command)
        watch.until(lambda watch: len(ready(watch)) == 2)
        assert ready(watch) == [True, False]


def test_by_itself_it_is_ready_after_configure_until_a_scan(
    make_simulator: Callable[..., Simulator],
) -> None:
    simulator = make_simulator("--qa-after", "0.1")
    with simulator.watching((simulator.quality, "qaReady"), (simulator.subarray, "obsState")) as watch:
        simulator.bring_to(ObsState.READY)
        watch.until(lambda watch: ready(watch) == [True])
        simulator.send("Scan")
        watch.until(lambda watch: ready(watch) == [True, False])


def test_a_scan_that_starts_first_is_not_made_ready_afterwards(
    make_simulator: Callable[..., Simulator],
) -> None:
    simulator = make_simulator("--qa-after", "0.1")
    with simulator.watching((simulator.quality, "qaReady")) as watch:
        simulator.bring_to(ObsState.SCANNING, scan_duration=60)
        simulator.delays(EndScan=0)
        simulator.send("EndScan")
        simulator.send("Configure")  # the next Configure is what makes it ready
        watch.until(lambda watch: ready(watch) == [True])
