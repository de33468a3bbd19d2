"""Operations on procedures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ..errors import RefusedError
from ..model import READY, RUNNING, CallArguments, Procedure, StopResult
from ..script_source import CreateEnv, script_document
from .connection import Connection, Notify, log
from .listing import Listing


class ProcedureOperations(Connection):
    """Load, start, watch and stop scripts."""

    def procedures(
        self,
        *,
        all: bool = False,
        limit: int | None = None,
        state: str | Sequence[str] | None = None,
        script: str | None = None,
        since: float | None = None,
    ) -> list[Procedure]:
        """The ten newest, oldest first, or with ``all`` the ``limit`` newest of all stored ones.

        Only those in a state, of a script whose URI contains ``script`` (``*`` is any letters,
        ``?`` is one), and created since then, in seconds since the epoch.
        """
        wanted = Listing(all=all, limit=limit, state=state, script=script, since=since)
        return wanted.read(self._procedures)

    def procedures_of_all_subarrays(
        self,
        limit: int = 50,
        *,
        state: str | Sequence[str] | None = None,
        script: str | None = None,
        since: float | None = None,
    ) -> list[Procedure]:
        """The ``limit`` newest of all subarrays, oldest first; else as ``procedures``.

        Raises RefusedError if the OET has no central history, or cannot reach it.
        """
        wanted = Listing(all=True, limit=limit, state=state, script=script, since=since)
        return wanted.read(self._procedures_everywhere, "position")

    def _procedures_everywhere(self, all: str | None, **parameters: Any) -> list[Procedure]:
        return self._procedures(all_subarrays="true", **parameters)

    def _procedures(self, **parameters: Any) -> list[Procedure]:
        return self._get(list[Procedure], "/procedures", **parameters)

    def procedure(self, pid: int) -> Procedure:
        return self._get(Procedure, f"/procedures/{pid}")

    def last_procedure(self) -> Procedure | None:
        """The one created last, if there is any."""
        return max(self.procedures(), key=lambda procedure: procedure.id, default=None)

    def running_procedure(self) -> Procedure | None:
        """The one whose ``main`` runs; an OET runs one at a time, beside dry runs."""
        running = (found for found in self.procedures() if found.state == RUNNING)
        return next((found for found in running if not found.simulated), None)

    def require_none_running(self) -> None:
        """Raises RefusedError if a script runs: another one could be loaded, and not started."""
        running = self.running_procedure()
        if running is not None:
            raise RefusedError(
                f"Cannot start another script on subarray {self.subarray_id}: "
                f"procedure {running.id} is RUNNING"
            )

    def create_procedure(
        self,
        script_uri: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        git_repo: str | None = None,
        git_branch: str | None = None,
        git_commit: str | None = None,
        create_env: CreateEnv = False,
        simulate: bool = False,
    ) -> Procedure:
        """Load a script; its ``init`` gets the arguments and the subarray.

        With ``simulate`` it is a dry run: the library for scripts sends no commands.

        Returns as soon as the procedure exists, usually before it is READY.
        """
        script = script_document(
            script_uri,
            git_repo=git_repo,
            git_branch=git_branch,
            git_commit=git_commit,
            create_env=create_env,
        )
        init = CallArguments(
            args=tuple(args), kwargs={"subarray_id": self.subarray_id, **(kwargs or {})}
        )
        body = {"script": script, "script_args": {"init": init.to_json()}}
        if simulate:
            return self._change(Procedure, "POST", "/procedures", {**body, "simulate": True})
        return self._change(Procedure, "POST", "/procedures", body)

    def start_procedure(
        self, pid: int, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Procedure:
        """Call ``main`` of a READY procedure; returns after the call, before its end."""
        main = CallArguments(args=tuple(args), kwargs=dict(kwargs or {}))
        body = {"state": RUNNING, "script_args": {"main": main.to_json()}}
        return self._change(Procedure, "PUT", f"/procedures/{pid}", body)

    def run_procedure(
        self,
        script_uri: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        init: CallArguments | None = None,
        **script_options: Any,
    ) -> Procedure:
        """Load a script, start it when it is READY and return when it has ended.

        ``args`` and ``kwargs`` are for ``main``; the options are those of ``create_procedure``.
        Raises RefusedError, and loads nothing, while another script runs.
        """
        if not script_options.get("simulate"):
            self.require_none_running()
        init = init or CallArguments()
        pid = self.create_procedure(script_uri, init.args, init.kwargs, **script_options).id
        prepared = self.wait(pid, until={READY})
        if prepared.is_final:
            return prepared
        self.start_procedure(pid, args, kwargs)
        return self.wait(pid)

    def stop_procedure(
        self,
        pid: int,
        run_abort: bool = True,
        *,
        stop_abort: bool = False,
        force: bool = False,
    ) -> StopResult:
        """Returns when all processes of the script have ended and the requested abort has begun.

        A section of the script that is not to be interrupted delays that, unless ``force``.
        A running abort is stopped with ``stop_abort`` only; RefusedError without.
        """
        body = {"state": "STOPPED", "abort": run_abort}
        body |= {"stop_abort": True} if stop_abort else {}
        body |= {"force": True} if force else {}
        return self._change(StopResult, "PUT", f"/procedures/{pid}", body)

    def abort(self, restart: bool = False) -> Procedure:
        """Run the abort script without a stop; ``wait`` for its procedure.

        With ``restart`` the subarray is restarted next, so that it is EMPTY. Raises RefusedError
        while a script runs.
        """
        return self._change(Procedure, "POST", "/abort", {"restart": restart})

    def wait(
        self,
        pid: int,
        timeout: float | None = None,
        *,
        until: Collection[str] = (),
        notify: Notify = log.warning,
        watch: Callable[[Procedure], None] = lambda procedure: None,
    ) -> Procedure:
        """The procedure once it is final, or in one of the states ``until``.

        ``watch`` is called with it again and again until then.
        Outlasts a restart of the server, if it was there at first. Raises DeadlineError after
        ``timeout`` seconds.
        """

        def ask() -> Procedure:
            found = self.procedure(pid)
            watch(found)
            return found

        return self._wait(f"Procedure {pid}", ask, timeout, until, notify)
