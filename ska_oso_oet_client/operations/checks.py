"""Checks of scripts and activities before they are run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import CallArguments, Check, ScriptSchema
from ..script_args import ScriptArgs, checked
from ..script_source import CreateEnv, script_document
from .connection import Connection


class CheckOperations(Connection):
    """Check what would be run. Nothing is created; importing a script executes its code."""

    def check_procedure(
        self,
        script_uri: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        init: CallArguments | None = None,
        git_repo: str | None = None,
        git_branch: str | None = None,
        git_commit: str | None = None,
        create_env: CreateEnv = False,
    ) -> Check:
        """Whether ``run_procedure`` could begin with the same arguments; what speaks against it.

        ``args`` and ``kwargs`` are for ``main``.
        """
        script = script_document(
            script_uri,
            git_repo=git_repo,
            git_branch=git_branch,
            git_commit=git_commit,
            create_env=create_env,
        )
        init = init or CallArguments()
        init_kwargs = {"subarray_id": self.subarray_id, **init.kwargs}
        main = CallArguments(args=tuple(args), kwargs=dict(kwargs or {}))
        functions = {
            "init": CallArguments(args=init.args, kwargs=init_kwargs).to_json(),
            "main": main.to_json(),
        }
        return self._check({"script": script, "script_args": functions})

    def check_activity(
        self,
        activity_name: str,
        sbd_id: str,
        script_args: ScriptArgs | None = None,
        *,
        create_env: CreateEnv = False,
        sbd_version: int | None = None,
    ) -> Check:
        """The same for ``run_activity``; its scheduling block is checked as well."""
        body = {
            "activity_name": activity_name,
            "sbd_id": sbd_id,
            "create_env": create_env,
            "script_args": checked(script_args or {}),
            "sbd_version": sbd_version,
        }
        return self._check({name: value for name, value in body.items() if value is not None})

    def _check(self, body: Mapping[str, Any]) -> Check:
        return self._change(Check, "POST", "/procedures/check", body)

    def script_schema(
        self,
        script_uri: str,
        *,
        git_repo: str | None = None,
        git_branch: str | None = None,
        git_commit: str | None = None,
        create_env: CreateEnv = False,
    ) -> ScriptSchema:
        """The parameters of a script's ``init`` and ``main``, with their types.

        Raises RefusedError if it cannot be loaded.
        """
        script = script_document(
            script_uri,
            git_repo=git_repo,
            git_branch=git_branch,
            git_commit=git_commit,
            create_env=create_env,
        )
        return self._change(ScriptSchema, "POST", "/procedures/schema", {"script": script})
