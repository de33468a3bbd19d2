"""The content of ``spec.json``: the orders of a supervisor and its runner."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..domain.activity import GIVEN
from ..domain.errors import Unavailable
from ..domain.origin import Origin
from ..domain.scripts import Arguments, GitScript, Script
from ..kernel.isolation import Isolation
from ..kernel.processes import mark_of
from ..preparation.address_guard import is_named
from ..runs.directory import RunDirectory
from ..settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewProcedure:
    """A procedure that is to be prepared.

    :param path: the script's file; of a script from git, from the root of its repository
    :param main: the arguments of ``main``, unless its start gives others
    :param limits: seconds each phase may take
    :param aborts: the procedure after whose end this one aborts the subarray
    :param aborting: whether it is the abort script, after whichever end
    :param urgent: whether it is an abort that begins by itself, and is not refused because the list is full
    """

    script: Script
    path: str
    init: Arguments = Arguments()
    main: Arguments = Arguments()
    limits: dict[str, float | None]
    activity_id: int | None = None
    aborts: int | None = None
    aborting: bool = False
    urgent: bool = False
    origin: Origin = Origin()


def limits_of(settings: Settings) -> dict[str, float | None]:
    """The seconds that each phase of a procedure may take."""
    return {
        "environment": settings.environment_timeout,
        "load": settings.load_timeout,
        "init": settings.init_timeout,
        "main": settings.main_timeout,
    }


def completed(script: Script, settings: Settings) -> Script:
    """A script as it was asked for, with the repository that is meant if none is named."""
    if not isinstance(script, GitScript):
        return script
    repository = script.git_repo or settings.git_repo
    return dataclasses.replace(script, git_repo=repository, resolved_commit=None, resolved_branch=None)


def spec_of(
    pid: int, new: NewProcedure, run_dir: str, isolation: Isolation, settings: Settings
) -> dict[str, Any]:
    """Return the spec of one procedure.

    :param isolation: the rights of the script
    """
    spec: dict[str, Any] = {
        "id": pid,
        "script": new.script.to_dict(),
        "path": new.path,
        "init": new.init.to_dict(),
        "main": new.main.to_dict(),
        # The scheduling block of an activity: functions that do not take it are not given it.
        "dispensable": list(GIVEN if new.activity_id is not None else ()),
        "limits": new.limits,
        "grace": settings.stop_grace,
        "end_grace": settings.end_grace,
        "critical_limit": settings.critical_limit,
        "pause_reminder": settings.pause_reminder,
        "umask": settings.script_umask,
        "subarray_id": settings.subarray_id,
        "output_limit": settings.output_limit,
        "message_rate": settings.message_rate,
        "memory": settings.memory_limit,
        "log_level": settings.script_log_level,
        "supervisor_log": {"level": settings.log_level, "style": settings.log_format},
        "mark": mark_of(run_dir),
        "isolation": isolation.to_dict(),
        "aborting": new.aborting,
        "simulated": new.origin.simulated,
        "begins": new.urgent,
        "env": {
            "OET_PROCEDURE_ID": str(pid),
            "OET_SUBARRAY_ID": str(settings.subarray_id),
            **settings.telescope_environment,
            **({"OET_SIMULATED": "1"} if new.origin.simulated else {}),
        },
    }
    if isinstance(new.script, GitScript):
        spec["git"] = _git_of(new.script, settings)
    return spec


def _git_of(script: GitScript, settings: Settings) -> dict[str, Any]:
    return {
        "repository": script.git_repo,
        "branch": script.git_branch,
        "commit": script.git_commit,
        "create_env": script.create_env,
        "home": settings.state_dir,
        "named": is_named(script.git_repo or "", settings.git_allowed),
        "deadline": settings.git_timeout,
        "credentials": settings.git_credentials,
        "packages": {
            "first": settings.pip_extra_index_urls,
            "default": settings.pip_index_url,
            "credentials": settings.pip_credentials,
        },
    }


def main_of(directory: RunDirectory, remembered: Arguments) -> Arguments:
    """The arguments of ``main``, as they were given: the journal does not keep secrets.

    :param remembered: the arguments in the journal, for a run whose spec has none
    :raises Unavailable: if its spec cannot be read
    """
    spec = directory.read("spec.json")
    if spec is None:
        raise Unavailable(
            f"the arguments for main cannot be read from {directory.file('spec.json')}; create a procedure "
            "of its script again"
        )
    return Arguments.from_dict(spec["main"]) if "main" in spec else remembered
