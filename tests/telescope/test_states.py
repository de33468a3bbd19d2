"""The numbers on the wire are those of the SKA control model."""

from __future__ import annotations

import subprocess
import sys

from ska_oso_oet.telescope.states import ObsState, ResultCode


def test_observing_states_have_the_numbers_of_the_telescope() -> None:
    names = "EMPTY RESOURCING IDLE CONFIGURING READY SCANNING ABORTING ABORTED RESETTING FAULT RESTARTING"
    assert [state.name for state in ObsState] == names.split()
    assert [state.value for state in ObsState] == list(range(11))


def test_results_have_the_numbers_of_the_telescope() -> None:
    names = "OK STARTED QUEUED FAILED UNKNOWN REJECTED NOT_ALLOWED ABORTED"
    assert [code.name for code in ResultCode] == names.split()
    assert [code.value for code in ResultCode] == list(range(8))


def test_the_states_can_be_imported_without_tango() -> None:
    code = "import sys, ska_oso_oet.telescope.states; print({'tango', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
