"""Scheduling block definitions (SBDefinition): their activities, version and telescope.

The observing content passes through unread and unchanged.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Union

from .activity import GIVEN
from .errors import Invalid
from .nesting import DEEPEST, too_deep
from .scripts import FILE_PREFIX, GIT_PREFIX, Arguments, CreateEnv, Script, script_from_dict
from .texts import encodable

FUNCTIONS = ("init", "main")  #: the functions that an activity may give arguments to
_OLDER_NAME_OF_MAIN = "run"
_OLDER_NAME_OF_ARGUMENTS = "default_args"
_OLDER_KINDS = {"filesystemscript": "filesystem", "gitscript": "git"}  #: of PDM 8 and 9

#: Characters that may end or hide a line of a log: controls, odd spaces, marks of direction.
_UNSEEN = (
    r"\u0000-\u001f\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    r"\ue000-\uf8ff\ufeff\ufff0-\ufffb\ufffe\uffff"
)
#: The id of a scheduling block, as a pattern of ECMA 262.
SBD_ID = rf"^[^./\\{_UNSEEN}][^/\\{_UNSEEN}]*$"


@dataclasses.dataclass(frozen=True, kw_only=True)
class InlineScript:
    """A script that the scheduling block holds itself."""

    content: str


ActivityScript = Union[Script, InlineScript]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActivityDefinition:
    """One activity of a scheduling block, checked."""

    name: str
    script: ActivityScript
    arguments: dict[str, Arguments]  #: by function, for each of FUNCTIONS


@dataclasses.dataclass(frozen=True, kw_only=True)
class SchedulingBlock:
    """One version of a scheduling block definition; its activities are checked when they are asked for."""

    sbd_id: str  #: the id it was asked for by; its own text may hold another
    version: int
    telescope: str | None
    document: dict[str, Any]  #: all of it, as the archive has it

    @classmethod
    def from_dict(cls, document: Any, sbd_id: str) -> SchedulingBlock:
        """Read an SBDefinition.

        :raises Invalid: naming the block and the field that is wrong
        """
        what = f"scheduling block {sbd_id}"
        if not isinstance(document, dict):
            raise Invalid(f"{what} must be an object")
        if too_deep(document):
            raise Invalid(f"{what} must not be nested more than {DEEPEST} levels deep")
        _object(document.get("activities"), f"activities of {what}")
        version = _object(document.get("metadata"), f"metadata of {what}").get("version")
        if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
            raise Invalid(f"metadata.version of {what} must be a whole number, not {_short(version)}")
        if version is not None and version < 1:
            raise Invalid(f"metadata.version of {what} must be at least 1, not {version}")
        telescope = document.get("telescope")
        if telescope is not None and not isinstance(telescope, str):
            raise Invalid(f"telescope of {what} must be text, not {_short(telescope)}")
        return cls(
            sbd_id=sbd_id,
            version=1 if version is None else version,
            telescope=telescope,
            document=document,
        )

    def activity(self, name: str, create_env: CreateEnv = False) -> ActivityDefinition:
        """Return an activity by its name.

        :param create_env: whether its script runs in an environment of its own; for scripts in git only
        :raises Invalid: if no activity has this name, or naming its fault
        """
        activities = self.document.get("activities") or {}
        if name not in activities:
            names = _cut(", ".join(sorted(activities)) or "none")
            raise Invalid(f"scheduling block {self.sbd_id} has no activity {name!r}; it has: {names}")
        try:
            data = _object(activities[name], "it")
            older = data.get(_OLDER_NAME_OF_ARGUMENTS)
            given = _arguments(data.get("function_args", older))
            return ActivityDefinition(name=name, script=_script(data, create_env), arguments=given)
        except Invalid as error:
            raise Invalid(
                f"activity {name!r} of scheduling block {self.sbd_id}: {_cut(str(error))}"
            ) from None


def checked_sbd_id(text: Any) -> str:
    """Check the id of a scheduling block: any style of id, as long as it is safe in a path and in a log.

    :raises Invalid: with the correct form
    """
    if (
        not isinstance(text, str)
        or len(text) > 200
        or not encodable(text)
        or re.fullmatch(SBD_ID, text) is None
    ):
        raise Invalid(
            f"{repr(text)[:100]} cannot be the id of a scheduling block, which has 1 to 200 printable "
            "characters, no '/' or '\\', and does not start with '.'"
        )
    return text


def merged(stored: Mapping[str, Arguments], given: Any) -> dict[str, Arguments]:
    """Put the arguments the user gives over those of the block, for each of FUNCTIONS.

    Keyword arguments are replaced one by one, positional ones all at once.

    :param given: the JSON form, ``{"init": {"args": [...], "kwargs": {...}}, "main": ...}``;
        any of it may be absent
    :raises Invalid: naming the argument that may not be given
    """
    given = _object(given, "script_args")
    for function in given:
        if function not in FUNCTIONS:
            raise Invalid(f"script_args may hold arguments for init and main, not for {function!r}")
    result = {}
    for function in FUNCTIONS:
        below, above = stored.get(function, Arguments()), _function_arguments(given, function)
        if function == "main":
            _refuse_what_the_oet_gives(above)
        result[function] = below.overridden_by(above)
    return result


def _short(value: Any) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"


def _object(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"{what} must be an object")
    return value


def _script(data: dict[str, Any], create_env: CreateEnv) -> ActivityScript:
    kind = data.get("kind") or data.get("procedure_type")
    kind = _OLDER_KINDS.get(kind, kind) if isinstance(kind, str) else kind
    if kind == "inline":
        return _inline(data.get("content"), create_env)
    if kind == "filesystem":
        uri = _uri(data.get("path"), FILE_PREFIX)
        return script_from_dict({"script_type": kind, "script_uri": uri, "create_env": create_env})
    if kind == "git":
        git_args = {f"git_{field}": data.get(field) for field in ("repo", "branch", "commit")}
        path = data.get("path")
        uri = _uri(path.lstrip("/") if isinstance(path, str) else path, GIT_PREFIX)
        return script_from_dict(
            {"script_type": kind, "script_uri": uri, "create_env": create_env, "git_args": git_args}
        )
    raise Invalid(f"unknown kind {_short(kind)}; use 'filesystem', 'git' or 'inline'")


def _inline(content: Any, create_env: CreateEnv) -> InlineScript:
    if not isinstance(content, str) or not content.strip():
        raise Invalid("content must be the text of a script")
    if not encodable(content):
        raise Invalid("content must be text that UTF-8 can carry")
    if create_env:
        raise Invalid("create_env is for scripts of type 'git' only")
    return InlineScript(content=content)


def _uri(path: Any, prefix: str) -> str:
    if not isinstance(path, str) or not path:
        raise Invalid("path must name a script")
    return path if "://" in path else prefix + path


def _arguments(data: Any) -> dict[str, Arguments]:
    functions = _object(data, "function_args")
    if functions.get("main") is None:
        functions = functions | {"main": functions.get(_OLDER_NAME_OF_MAIN)}
    return {function: _function_arguments(functions, function) for function in FUNCTIONS}


def _function_arguments(functions: dict[str, Any], function: str) -> Arguments:
    try:
        found = Arguments.from_dict(functions.get(function))
    except Invalid as error:
        raise Invalid(f"{function}: {error}") from None
    subarray_id = found.kwargs.get("subarray_id")
    if isinstance(subarray_id, str) and re.fullmatch(r"[0-9]{1,9}", subarray_id):
        found.kwargs["subarray_id"] = int(subarray_id)
    return found


def _refuse_what_the_oet_gives(arguments: Arguments) -> None:
    for name in GIVEN:
        if name in arguments.kwargs:
            raise Invalid(f"main must not be given {name}: the OET gives it itself")
