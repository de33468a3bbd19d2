"""The shapes of scripts and their arguments in the REST contract.

What a request may say is checked by the domain, in its own words; the patterns say the same to whoever reads
the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ..domain import repositories, scripts
from ..domain.errors import Invalid
from .strict import Asked

T = TypeVar("T")

_LONGEST_URI = 4096

_FILE = r"[^/\u0000]*[^./\u0000][^/\u0000]*\.py"  #: a dot at its beginning begins no ending
#: The path of a file below a folder, or below where a server looks for scripts.
FILE_URI = rf"^file://([^\u0000]*/)?{_FILE}$"
#: The path of a file from the root of a repository.
GIT_URI = (
    r"^git://(?!(.*/)?(\.\.|\.git)/)([^\u0000-\u001f\u007f]*/)?"
    r"[^/\u0000-\u001f\u007f]*[^./\u0000-\u001f\u007f][^/\u0000-\u001f\u007f]*\.py$"
)
_ANY = r"[^\u0000-\u0020\u007f?#]"
_HOST = r"[^-/@:?#\u0000-\u0020\u007f][^/@:?#\u0000-\u0020\u007f]*"
#: What git takes for the address of a repository, without a password.
REPOSITORY = (
    r"^(?!.*(/|%2[fF])(\.|%2[eE]){2}(/|%2[fF]|$))"
    rf"(https?://{_HOST}(:[0-9]+)?/{_ANY}+|(ssh|git)://({_HOST}@)?{_HOST}(:[0-9]+)?/{_ANY}+|"
    rf"file:///{_ANY}+|\w[\w.-]*@\w[\w.-]*:(?![:-]){_ANY}+)?$"
)
_BRANCH = r"\u0000-\u0020\u007f~^:?*\[\\"
#: What git takes for the name of a branch or tag.
BRANCH = rf"^(?![-/.]|@$)(?!.*(\.\.|@\{{|//|/\.|\.lock(/|$)))([^{_BRANCH}]*[^/.{_BRANCH}])?$"
COMMIT = "^([0-9a-fA-F]{4,64})?$"


CreateEnv = StrictBool | Literal["fresh"]


def _text(pattern: str, longest: int) -> Any:
    return Annotated[str, WithJsonSchema({"type": "string", "pattern": pattern, "maxLength": longest})]


class Arguments(Asked):
    """Arguments of one function of a script; any keyword name is allowed."""

    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None


class ScriptArguments(Asked):
    """Arguments by function; each may be absent."""

    init: Arguments | None = None
    main: Arguments | None = None

    @model_validator(mode="before")
    @classmethod
    def _named_as_before(cls, given: Any) -> Any:
        """Earlier clients call the arguments of `main` those of `run`."""
        if isinstance(given, dict) and "run" in given and given.get("main") is None:
            return {
                "main" if name == "run" else name: value for name, value in given.items() if name != "main"
            }
        return given


def checked(check: Callable[..., T], *values: Any) -> T:
    """Have the domain check a field, in the words of the validation library."""
    try:
        return check(*values)
    except Invalid as error:
        raise ValueError(str(error)) from None


class GitArguments(Asked):
    """Which commit of which repository."""

    git_repo: _text(REPOSITORY, 2000) | None = Field(  # type: ignore[valid-type]
        None, description="URL; by default OET_GIT_REPO of the server"
    )
    git_branch: _text(BRANCH, 250) | None = Field(  # type: ignore[valid-type]
        None, description="branch or tag; by default the repository's default one"
    )
    git_commit: _text(COMMIT, 64) | None = Field(  # type: ignore[valid-type]
        None, description="commit, or its first digits; goes before git_branch"
    )

    @field_validator("git_repo")
    @classmethod
    def _repository(cls, url: str | None) -> str | None:
        return checked(repositories.checked_repository, url)

    @field_validator("git_branch")
    @classmethod
    def _branch(cls, name: str | None) -> str | None:
        return checked(repositories.checked_branch, name)

    @field_validator("git_commit")
    @classmethod
    def _commit(cls, digits: str | None) -> str | None:
        return checked(repositories.checked_commit, digits)


class FileScript(Asked):
    """A script in the file system of the server."""

    script_type: Literal["filesystem"]
    script_uri: _text(FILE_URI, _LONGEST_URI) = Field(  # type: ignore[valid-type]
        description="`file://` and a path; a relative one is looked up where the server has its scripts"
    )
    git_args: None = None
    create_env: Literal[False] | None = None


class GitScript(Asked):
    """A script in a git repository."""

    script_type: Literal["git"]
    script_uri: _text(GIT_URI, _LONGEST_URI) = Field(  # type: ignore[valid-type]
        description="`git://` and a path from the root of the repository"
    )
    git_args: GitArguments | None = Field(None, description="for scripts of type git")
    create_env: CreateEnv | None = Field(
        None,
        description="for scripts of type git: run in an environment with the project's dependencies; "
        "`fresh` makes it anew though there is one",
    )


class Script(Asked):
    """Which script to run."""

    script_type: Literal["filesystem", "git"]
    script_uri: str = Field(max_length=_LONGEST_URI)
    git_args: GitArguments | None = None
    create_env: CreateEnv | None = None

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # Validated as one, so that a mistake is told where it is and not once for each of the two.
        either = handler(TypeAdapter(FileScript | GitScript).core_schema)
        return {"oneOf": either["anyOf"], "title": cls.__name__, "description": cls.__doc__}

    @field_validator("script_uri")
    @classmethod
    def _possible(cls, uri: str, info: ValidationInfo) -> str:
        kind = info.data.get("script_type")
        return uri if kind is None else checked(scripts.checked_uri, uri, kind)

    @field_validator("git_args", "create_env")
    @classmethod
    def _of_git(cls, given: Any, info: ValidationInfo) -> Any:
        if given and info.data.get("script_type") == "filesystem":
            raise ValueError(f"{info.field_name} is for scripts of type 'git' only")
        return given


# -- answers -----------------------------------------------------------------------------------------


class ShownGitArguments(BaseModel):
    """Which commit of which repository a procedure runs."""

    git_repo: str | None
    git_branch: str | None
    git_commit: str | None
    resolved_commit: str | None = Field(description="the commit that runs, once it is known")
    resolved_branch: str | None = Field(
        None, description="the branch or tag it was taken from, where no commit was given"
    )


class ShownScript(BaseModel):
    """The script of a procedure."""

    script_type: Literal["filesystem", "git"]
    script_uri: str
    create_env: CreateEnv | None = Field(None, description="of scripts of type git")
    git_args: ShownGitArguments | None = Field(None, description="of scripts of type git")


class ShownArguments(BaseModel):
    """Arguments of one function; `***` stands for what may be secret."""

    args: list[Any]
    kwargs: dict[str, Any]


class ShownScriptArguments(BaseModel):
    """Arguments by function."""

    init: ShownArguments
    main: ShownArguments
