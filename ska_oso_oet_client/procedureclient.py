"""``ProcedureAdapter``: procedures for code that knows them as plain dictionaries.

Test suites and notebooks address an OET by the URL of its procedures and look at a summary's
``script`` and ``history`` as the server sends them. New code is better off with ``OETClient``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .address import base_of
from .client import OETClient
from .decoding import decode
from .model import CallArguments
from .script_source import CreateEnv

Arguments = Mapping[str, Any]
"""``{"args": [...], "kwargs": {...}}``, both optional."""


@dataclass(frozen=True, kw_only=True)
class ProcedureSummary:
    """A procedure with its inner parts as the server's JSON has them."""

    id: int
    uri: str = ""
    script: dict[str, Any]
    script_args: dict[str, Any] = field(default_factory=dict)
    history: dict[str, Any] = field(default_factory=dict)
    state: str
    outcome: dict[str, Any] | None = None


class ProcedureAdapter:
    """The procedures at ``server_url``, which ends in ``/procedures``. Keeps nothing open."""

    def __init__(self, server_url: str) -> None:
        self._base = base_of(server_url, "/procedures")

    def list(self, pid: int | str | None = None, **which: Any) -> list[ProcedureSummary]:
        """The ten newest, or only the one with this id.

        ``which`` are the filters of ``OETClient.procedures``: ``all``, ``limit``, ``state``,
        ``script`` and ``since``.
        """
        with OETClient(self._base) as client:
            found = client.procedures(**which) if pid is None else [client.procedure(int(pid))]
        return [decode(ProcedureSummary, one.document) for one in found]

    def create(
        self,
        script_uri: str,
        init_args: Arguments | None = None,
        git_repo: str | None = None,
        git_branch: str | None = None,
        git_commit: str | None = None,
        create_env: CreateEnv = False,
    ) -> ProcedureSummary:
        """Load a script; ``init`` gets these arguments and, unless they name one, the subarray."""
        init = decode(CallArguments, init_args or {})
        with OETClient(self._base) as client:
            procedure = client.create_procedure(
                script_uri,
                init.args,
                init.kwargs,
                git_repo=git_repo,
                git_branch=git_branch,
                git_commit=git_commit,
                create_env=create_env,
            )
        return decode(ProcedureSummary, procedure.document)

    def start(self, pid: int | str, run_args: Arguments | None = None) -> ProcedureSummary:
        """Call ``main`` of a READY procedure with these arguments."""
        main = decode(CallArguments, run_args or {})
        with OETClient(self._base) as client:
            procedure = client.start_procedure(int(pid), main.args, main.kwargs)
        return decode(ProcedureSummary, procedure.document)

    def stop(self, pid: int | str, run_abort: bool = True) -> str:
        """Stop it; returns the server's sentence about the stop."""
        with OETClient(self._base) as client:
            return client.stop_procedure(int(pid), run_abort).message

    def run(
        self,
        script_uri: str,
        init_args: Arguments | None = None,
        run_args: Arguments | None = None,
        **script_options: Any,
    ) -> ProcedureSummary:
        """Create, start and wait for the end; the options are those of ``create``."""
        main = decode(CallArguments, run_args or {})
        with OETClient(self._base) as client:
            procedure = client.run_procedure(
                script_uri,
                main.args,
                main.kwargs,
                init=decode(CallArguments, init_args or {}),
                **script_options,
            )
        return decode(ProcedureSummary, procedure.document)
