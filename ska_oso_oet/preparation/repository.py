"""Repositories: a bare mirror of each, and a work tree of each commit that was run.

Runs in the process that prepares a run, so that a repository which hangs holds up that run only. What it
fetches is data: no hook, filter, submodule or remote helper of a repository is ever run. Credentials are
those of the server's environment.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable

from ..files.shared import files_below
from ..kernel.isolation import show
from .cache import ArtifactCache, name_of
from .errors import PreparationError
from .git_commands import GitCommands

_USUAL = "master"  #: the branch that many name without meaning more than the default one
_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


class Repository:
    """One repository, as its mirror knows it.

    :param url: checked already: allowed, and nothing git could take for an option
    :param home: the folder of mirrors and work trees
    :param named: whether its host is allowed by name, wherever that leads
    :param deadline: seconds one conversation with the repository may take
    :param credentials: a file in the format of git's credential store, if there is one
    :param group: that of scripts with an account of their own, which is to read work trees
    """

    def __init__(
        self,
        url: str,
        home: str,
        *,
        named: bool,
        deadline: float,
        credentials: str | None,
        group: int | None,
        say: Callable[[str], None],
    ) -> None:
        self._url = url
        self._say = say
        self._git = GitCommands(url, named=named, deadline=deadline, credentials=credentials)
        self._group = group
        self._mirrors, self._trees = caches(home, say)
        self._mirror = ""

    def resolve(self, branch: str | None, commit: str | None) -> tuple[str, str | None]:
        """Return the full hash of a commit; without one, of the branch or tag as it is at this moment.

        :param branch: none means the repository's default branch
        :return: the hash, and the branch or tag that led to it
        :raises PreparationError: if there is none, or more than one
        """
        if commit is not None and _FULL.fullmatch(commit) and self._trees.has(self._tree_name(commit)):
            return commit, None  # a full commit needs no look-up
        asked = time.time()
        self._open_mirror()
        if commit is None:
            self._fetch(asked)
            if branch is None:
                branch, commit = self._head()
                self._say(f"Using {branch or commit}, which is the default of {self._url}")
        if commit is None:
            return self._tip(str(branch))
        commits = self._commits(commit)
        if not commits:
            self._fetch(asked)
            commits = self._commits(commit)
        if not commits and _FULL.fullmatch(commit):
            with contextlib.suppress(PreparationError):  # reachable from no branch; some servers give it
                self._git.ask(
                    self._mirror, "fetch", "--quiet", "--no-tags", "--end-of-options", "origin", commit
                )
                commits = self._commits(commit)
        if not commits:
            raise PreparationError(
                f"repository {self._url} has no commit {commit}; check git_commit, and that it was pushed"
            )
        if len(commits) > 1:
            raise PreparationError(
                f"commit {commit} of repository {self._url} is ambiguous; give more digits"
            )
        return commits[0], None

    def work_tree(self, commit: str) -> str:
        """Return the directory with the files of a commit."""
        what = f"commit {commit[:12]} of {self._url}"
        name = self._tree_name(commit)
        path = self._trees.take(
            name, lambda path: self._check_out(path, commit), what=what, repository=self._url, commit=commit
        )
        self._restore(path)
        return path

    def _restore(self, path: str) -> None:
        """Undo changes of scripts to the work tree that they share."""
        status = self._git.run("status", "--porcelain", "--untracked-files=all", "--ignored", at=path)
        if any("__pycache__/" not in line for line in status.splitlines()):
            self._say("Restoring the work tree, which a script has changed")
            with self._trees.alone(os.path.basename(path), time.time()):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(path, ".git", "index.lock"))  # of one that was killed at this
                self._git.run("reset", "--quiet", "--hard", at=path)
                self._git.run("clean", "--quiet", "-ffdx", at=path)
                self._show(path)

    def _show(self, path: str) -> None:
        if self._group is not None:
            show(path, self._group)

    def _tree_name(self, commit: str) -> str:
        return name_of(self._url, commit)

    # -- the mirror --------------------------------------------------------------------------------

    def _open_mirror(self) -> None:
        what = f"the mirror of {self._url}"
        self._mirror = self._mirrors.take(
            name_of(self._url), self._begin_mirror, what=what, repository=self._url, commit=None
        )

    def _begin_mirror(self, path: str) -> None:
        self._git.run("init", "--quiet", "--bare", "--", path, at="/")
        # No remote with a default refspec: each fetch names its refs.
        self._git.run("config", "remote.origin.url", self._url, at=path)

    def _fetch(self, asked: float) -> None:
        """Bring the mirror up to date, unless that was done since."""
        with self._mirrors.alone(os.path.basename(self._mirror), asked) as needed:
            if not needed:
                return
            self._say(f"Fetching {self._url}")
            options = ("--quiet", "--force", "--prune", "--no-tags", "--update-shallow")
            self._clear_remains()
            try:
                self._git.ask(self._mirror, "fetch", *options, "origin", *_REFSPECS)
            except BaseException:
                self._clear_remains()
                raise

    def _clear_remains(self) -> None:
        """Remove locks and half-written objects of a git that was killed; no other one is fetching now."""
        for file in files_below(self._mirror):
            if file.name.endswith(".lock") or file.name.startswith(("tmp_pack_", "tmp_obj_", "tmp_idx_")):
                with contextlib.suppress(OSError):
                    os.unlink(file.path)

    def _tip(self, branch: str) -> tuple[str, str]:
        from git import BadName, Repo

        with Repo(self._mirror) as repository:
            for kind in ("heads", "tags"):
                with contextlib.suppress(BadName, ValueError):
                    return str(repository.commit(f"refs/{kind}/{branch}").hexsha), branch
            if any(reference.path == f"refs/tags/{branch}" for reference in repository.tags):
                raise PreparationError(
                    f"tag {branch} of repository {self._url} does not lead to a commit; name another one"
                )
        if branch == _USUAL and (default := self._head()[0]) not in (None, branch):
            self._say(f"{self._url} has no branch {branch}; using its default branch {default}")
            return self._tip(str(default))
        raise PreparationError(
            f"repository {self._url} has no branch or tag {branch}; check git_branch, and that it was pushed"
        )

    def _head(self) -> tuple[str | None, str | None]:
        """The default branch of the repository, or a commit if its HEAD is detached."""
        refs = self._git.ask(self._mirror, "ls-remote", "--symref", "origin", "HEAD")
        if found := re.match(r"ref: refs/heads/(\S+)\tHEAD", refs):
            return found[1], None
        if found := re.match(r"([0-9a-f]+)\tHEAD", refs):
            return None, found[1]
        raise PreparationError(f"repository {self._url} has no default branch; name one with git_branch")

    def _commits(self, digits: str) -> list[str]:
        """The commits whose hash begins with these digits."""
        with contextlib.suppress(PreparationError):
            named = self._git.run("rev-parse", f"--disambiguate={digits}", at=self._mirror).split()
            kinds = (
                self._git.run("cat-file", "--batch-check", said="\n".join(named), at=self._mirror)
                if named
                else ""
            )
            return [line.split()[0] for line in kinds.splitlines() if line.split()[1:2] == ["commit"]]
        return []

    # -- work trees --------------------------------------------------------------------------------

    def _check_out(self, path: str, commit: str) -> None:
        if not self._mirror:
            self._open_mirror()
        self._say(f"Checking out {commit}")
        # A clone (its objects are hard links), so that tools which ask git for a version find one.
        self._git.run("clone", "--quiet", "--local", "--no-checkout", "--", self._mirror, path, at="/")
        self._git.run("checkout", "--quiet", "--detach", commit, at=path)
        self._show(path)


def caches(home: str, say: Callable[[str], None] = lambda text: None) -> tuple[ArtifactCache, ArtifactCache]:
    """The mirrors and the work trees that are kept in a folder."""
    return ArtifactCache(os.path.join(home, "mirrors"), say), ArtifactCache(os.path.join(home, "trees"), say)
