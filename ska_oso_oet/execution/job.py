"""What a supervisor and its runner are told to do: the content of ``spec.json``."""

from __future__ import annotations

from typing import Any

from ..domain.errors import Unavailable
from ..domain.scripts import Arguments, GitScript, Script
from ..settings import Settings
from .isolation import Isolation
from .processes import mark_of
from .reach import is_named
from .rundir import RunDirectory


def job_of(
    pid: int,
    script: Script,
    path: str,
    init: Arguments,
    main: Arguments,
    limits: dict[str, float | None],
    offered: dict[str, Any],
    dispensable: tuple[str, ...],
    *,
    run_dir: str,
    isolation: Isolation,
    settings: Settings,
) -> dict[str, Any]:
    """Return the job of one procedure.

    :param path: the script's file; of a script from git, from the root of its repository
    :param main: what ``main`` will be called with, where its start does not say otherwise
    :param limits: seconds each phase may take
    :param offered: keyword arguments for those functions of the script that have them in their signature
    :param isolation: what the script may do
    :param dispensable: names of keyword arguments that a function which does not take them is not given
    """
    job: dict[str, Any] = {
        "id": pid,
        "script": script.to_dict(),
        "path": path,
        "init": init.to_dict(),
        "main": main.to_dict(),
        "offered": offered,
        "dispensable": list(dispensable),
        "limits": limits,
        "grace": settings.stop_grace,
        "end_grace": settings.end_grace,
        "umask": settings.script_umask,
        "subarray_id": settings.subarray_id,
        "output_limit": settings.output_limit,
        "message_rate": settings.message_rate,
        "memory": settings.memory_limit,
        "mark": mark_of(run_dir),
        "isolation": isolation.to_dict(),
        "env": {
            "OET_PROCEDURE_ID": str(pid),
            "OET_SUBARRAY_ID": str(settings.subarray_id),
            **settings.telescope_environment,
        },
    }
    if isinstance(script, GitScript):
        job["git"] = {
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
    return job


def main_of(directory: RunDirectory, remembered: Arguments) -> Arguments:
    """What ``main`` of a procedure is to be called with, as it was given: the journal does not keep secrets.

    :param remembered: of a run whose job does not say
    :raises Unavailable: where its job cannot be read
    """
    job = directory.read("spec.json")
    if job is None:
        raise Unavailable(f"the arguments for main cannot be read from {directory.file('spec.json')}")
    return Arguments.from_dict(job["main"]) if "main" in job else remembered
