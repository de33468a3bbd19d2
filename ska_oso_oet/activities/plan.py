"""From a request for an activity to the script and arguments of its procedure."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from typing import Any

from ..domain.activity import GIVEN
from ..domain.activity_commands import RunActivity
from ..domain.errors import DiskFull, Invalid
from ..domain.reruns import RerunProcedure
from ..domain.scheduling import InlineScript, SchedulingBlock, merged
from ..domain.scripts import FILE_PREFIX, Arguments, FileScript, Script

_MOST_ARGUMENTS = 256 * 1024  #: characters; they are told with every event of the activity and its procedure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The result of checking a request."""

    command: RunActivity
    block: SchedulingBlock
    script: Script
    content: str | None  #: of an inline script, for its file
    init: Arguments
    main: Arguments  #: of the block and the user, without those the OET adds
    sbi_id: str
    folder: str  #: of the files that are handed to the script
    rerun: RerunProcedure | None = None  #: the procedure it is to repeat

    @property
    def given(self) -> Arguments:
        """The arguments of ``main`` that the OET adds."""
        paths = (os.path.join(self.folder, "sbd.json"), self.sbi_id)
        return Arguments(kwargs=dict(zip(GIVEN, paths, strict=True)))

    @property
    def handed_over(self) -> Arguments:
        """The arguments of ``main`` with those the OET adds."""
        return self.main.overridden_by(self.given)

    def procedure_again(self, aid: int) -> RerunProcedure:
        """The request to repeat the procedure for activity ``aid``."""
        assert self.rerun is not None
        main = self.rerun.main.overridden_by(self.given)
        return dataclasses.replace(self.rerun, script=self.script, main=main, activity_id=aid)

    def write(self) -> None:
        """Write the files that are handed to the script; again is harmless.

        :raises DiskFull: if they cannot be written
        """
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            _write(os.path.join(self.folder, "sbd.json"), json.dumps(self.block.document, indent=1))
            if self.content is not None:
                _write(os.path.join(self.folder, "script.py"), self.content)
        except OSError as error:
            raise DiskFull(
                f"the scheduling block cannot be written for the script: {error.strerror}"
            ) from None

    def discard(self) -> None:
        """Remove the files: nothing came of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def plan(command: RunActivity, document: dict[str, Any], *, sbi_id: str, home: str, subarray_id: int) -> Plan:
    """Check a request against the scheduling block it is about.

    :param document: the scheduling block definition
    :param sbi_id: the id for its instance; the same request must come with the same
    :param home: the folder of the files that activities hand to their scripts
    :raises Invalid: naming the fault
    """
    block = SchedulingBlock.from_dict(document, command.sbd_id)
    if command.sbd_version is not None:  # the archive knows what it gave, the block may not tell
        block = dataclasses.replace(block, version=command.sbd_version)
    definition = block.activity(command.activity_name, command.create_env)
    arguments = merged(definition.arguments, command.script_args)
    size = sum(len(json.dumps(given.to_dict())) for given in arguments.values())
    if size > _MOST_ARGUMENTS:
        raise Invalid(
            f"the arguments of activity {command.activity_name!r} of scheduling block {command.sbd_id} are "
            f"larger than {_MOST_ARGUMENTS // 1024} KiB; scripts find all of the block in the file sb_json"
        )
    _require_subarray(arguments, command.sbd_id, subarray_id)
    folder = os.path.join(home, sbi_id)
    script, content = definition.script, None
    if isinstance(script, InlineScript):
        content = script.content
        script = FileScript(script_uri=f"{FILE_PREFIX}{os.path.join(folder, 'script.py')}")
    return Plan(
        command=command,
        block=block,
        script=script,
        content=content,
        init=arguments["init"],
        main=arguments["main"],
        sbi_id=sbi_id,
        folder=folder,
    )


def _require_subarray(arguments: dict[str, Arguments], sbd_id: str, subarray_id: int) -> None:
    for function, given in arguments.items():
        named = given.kwargs.get("subarray_id", subarray_id)
        if named != subarray_id:
            raise Invalid(
                f"scheduling block {sbd_id} gives {function} subarray_id {named!r}, but this OET drives "
                f"subarray {subarray_id}; run it there, or give {function} subarray_id={subarray_id}"
            )


def _write(path: str, text: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)
