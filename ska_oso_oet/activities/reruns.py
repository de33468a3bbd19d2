"""From an earlier activity to the requests that carry it out once more."""

from __future__ import annotations

from ..domain.activity import Activity
from ..domain.activity_commands import RunActivity
from ..domain.reruns import FUNCTIONS, RerunActivity, RerunProcedure
from ..domain.scripts import Arguments


def activity_again(original: Activity, asked: RerunActivity) -> RunActivity:
    """The same activity, of the same version of its block.

    Its arguments are for the record: secrets are masked, and the script gets those of the earlier run.
    """
    before = {"init": original.init, "main": original.main}
    over = _overrides(asked)
    return RunActivity(
        activity_name=original.activity_name,
        sbd_id=original.sbd_id,
        sbd_version=original.sbd_version,
        prepare_only=original.prepare_only,
        create_env=original.create_env,
        simulate=original.simulated,
        script_args={name: before[name].overridden_by(over[name]).to_dict() for name in FUNCTIONS},
    )


def procedure_again(original: Activity, asked: RerunActivity) -> RerunProcedure:
    """The same procedure; its script and the number of the new activity are still to be filled in."""
    over = _overrides(asked)
    return RerunProcedure(
        pid=original.procedure_id,
        init=over["init"],
        main=over["main"],
        newest=asked.newest,
        accept_changes=asked.accept_changes,
        aid=original.id,
    )


def _overrides(asked: RerunActivity) -> dict[str, Arguments]:
    return {name: Arguments.from_dict(asked.script_args.get(name)) for name in FUNCTIONS}
