"""Running git for one repository, with complaints that name the repository."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from ..domain.errors import Invalid
from .address_guard import look_up
from .errors import PreparationError
from .git_process import run_git
from .git_settings import TRACING, complaint_of_git, is_redirected, pinned, redirected_to, remedy_for


class GitCommands:
    """Runs git for one repository.

    :param url: checked already: allowed, and nothing git could take for an option
    :param named: whether its host is allowed by name, wherever that leads
    :param deadline: seconds one conversation with the repository may take
    :param credentials: a file in the format of git's credential store, if there is one
    """

    def __init__(self, url: str, *, named: bool, deadline: float, credentials: str | None) -> None:
        self._url = url
        self._named = named
        self._deadline = deadline
        self._credentials = credentials

    def ask(self, at: str, *words: str) -> str:
        """Have git talk to the repository itself, at the addresses that were allowed.

        :param at: the mirror
        :raises PreparationError: if they do not answer, or git complains
        """
        # Between a check of the name and its use DNS could change the answer: git is told the addresses.
        try:
            host = None if self._named else look_up(self._url)
        except Invalid as error:
            raise PreparationError(str(error)) from None
        try:
            return self.run(*words, at=at, settings=pinned(host))
        except PreparationError as error:
            if host is None or host.addresses:
                raise
            raise PreparationError(
                f"{error}; the server cannot resolve the name {host.name}; check git_repo"
            ) from None

    def run(
        self, *words: str, at: str, said: str | None = None, settings: Mapping[str, str] | None = None
    ) -> str:
        """Run git in a folder; returns its output.

        :param said: its standard input
        :raises PreparationError: if git complains, or takes too long
        """
        run = functools.partial(
            run_git,
            words,
            at=at,
            said=said,
            deadline=self._deadline,
            credentials=self._credentials,
            settings=settings or {},
        )
        try:
            status, out, err = run()
            # Only a trace has the address that a redirect leads to.
            trace = run(variables=TRACING).err if status and is_redirected(err) else None
        except TimeoutError as error:
            raise PreparationError(
                f"repository {self._url} {error}; check git_repo, or try again later"
            ) from None
        if trace is not None:
            place = redirected_to(trace) or "another address"
            raise PreparationError(
                f"repository {self._url} redirects to {place}, which is not followed; give that as git_repo"
            )
        if status:
            complaint = complaint_of_git(err)
            remedy = remedy_for(complaint)
            told = complaint.rstrip(".") if remedy else complaint
            raise PreparationError(f"repository {self._url}: {told}{remedy}")
        return out
