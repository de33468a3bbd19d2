"""Operations that run something once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import Activity, CallArguments, Procedure
from ..script_args import ScriptArgs, checked
from .connection import Connection


class RerunOperations(Connection):
    """Repeat procedures and activities."""

    def rerun_procedure(
        self,
        pid: int,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        init: CallArguments | None = None,
        newest: bool = False,
        accept_changes: bool = False,
    ) -> Procedure:
        """Load the script of a procedure once more: the same commit or file, and arguments.

        ``args`` and ``kwargs`` go over the arguments of ``main``, ``init`` over those of ``init``.
        With ``newest`` it is the newest commit of the branch; a file that has changed is run with
        ``accept_changes`` only, RefusedError without. ``differs`` of the procedure says what is
        not as it was. Returns as soon as the procedure exists, usually before it is READY.
        """
        main = CallArguments(args=tuple(args), kwargs=dict(kwargs or {}))
        functions = {"init": init or CallArguments(), "main": main}
        given = {name: call.to_json() for name, call in functions.items() if call}
        body = {"script_args": given, "newest": newest, "accept_changes": accept_changes}
        return self._change(Procedure, "POST", f"/procedures/{pid}/rerun", body)

    def rerun_activity(
        self,
        aid: int,
        script_args: ScriptArgs | None = None,
        *,
        newest: bool = False,
        accept_changes: bool = False,
    ) -> Activity:
        """Do an activity once more, of the same version of its scheduling block.

        ``script_args`` go over the arguments it had; for the rest see ``rerun_procedure``.
        """
        body = {
            "script_args": checked(script_args or {}),
            "newest": newest,
            "accept_changes": accept_changes,
        }
        return self._change(Activity, "POST", f"/activities/{aid}/rerun", body)
