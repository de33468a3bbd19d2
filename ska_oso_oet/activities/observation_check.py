"""Checks of a scheduling block before anything is stored."""

from __future__ import annotations

import os

from ..domain.errors import Invalid
from ..domain.scripts import FileScript
from ..settings import PACKAGED_SCRIPTS, Settings
from ..telescope.block import Block, BlockError, Surroundings
from .plan import Plan

OBSERVATION = "allocate_and_observe.py"  #: the packaged script that reads the content of blocks
_TELESCOPES = {"SKA-mid": "ska_mid", "SKA-low": "ska_low"}


def require_observable(planned: Plan, settings: Settings) -> None:
    """Refuse a block of another telescope; and if the packaged script observes it, one that it would refuse.

    :raises Invalid: naming the fault
    """
    here = _TELESCOPES[settings.telescope]
    if planned.block.telescope not in (None, here):
        raise Invalid(
            f"scheduling block {planned.block.sbd_id} is for {planned.block.telescope}, and this OET drives "
            f"{settings.telescope}; run it there"
        )
    if not _is_packaged(planned, settings):
        return
    observatory = planned.main.kwargs.get("observatory")
    try:
        surroundings = Surroundings.of(settings.telescope_environment, observatory)
        block = Block(planned.block.document, surroundings, name=planned.block.sbd_id)
    except BlockError as error:
        raise Invalid(str(error)) from None
    if planned.main.kwargs.get("exact") and block.adjusted:
        raise Invalid(f"scheduling block {block.id}: {block.adjusted[0]}; store a new version of it")


def _is_packaged(planned: Plan, settings: Settings) -> bool:
    if not isinstance(planned.script, FileScript):
        return False
    path = os.path.realpath(settings.place_of_script(planned.script.path))
    return path == os.path.realpath(os.path.join(PACKAGED_SCRIPTS, OBSERVATION))
