"""The description of a script that is loaded and not run: the parameters of ``init`` and ``main``.

Types are JSON Schema, such as ``{"type": "integer", "default": 3}``. What cannot be understood is ``{}``,
which means anything, and never an error. Standard library only; runs under the script's own interpreter.
"""

from __future__ import annotations

import enum
import functools
import inspect
import os
import re
import sys
import types
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from . import calling, script
from .annotations import BY_NAME, is_json, schema_of, takes_none
from .outline import outline
from .pace_report import seconds
from .stopping import ScriptStopped

ESTIMATE = "ESTIMATE"  #: the constant of a script with the seconds its main takes
_LESS_URGENT = 5  #: how much lower the priority of a script is that is only looked at
_MOST = 100  #: parameters
_LONGEST = 2**12  #: characters of a default
_LONGEST_TEXT = 2**14  #: characters of a docstring

_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "any",
    inspect.Parameter.VAR_POSITIONAL: "args",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "kwargs",
}
_BINDS_MAIN = re.compile(r"""\bglobal\b[^\n]*\bmain\b|["']main["']|\.main\s*=""")
_PARAM = re.compile(r":param\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)")

Told = dict[str, Any]


def tell_and_end(say: Callable[..., None], spec: Told, load: bool = True) -> NoReturn:
    """Tell what is known of the script of a spec, with ``uses``, and end this process.

    :param say: tells the supervisor something
    :param load: else the script is read only
    """
    pid = os.getpid()
    os.nice(_LESS_URGENT)
    found = of_file(spec["path"], load)
    if os.getpid() == pid:  # else it is a child that the script has made
        say("inspected", found={**found, "uses": spec.get("uses", [])})
    os._exit(0)


def of_file(path: str, load: bool) -> Told:
    """What is told of the script at ``path``; of one that cannot be loaded, ``problems`` only.

    :param load: else it is read only, see :mod:`.outline`
    """
    try:
        found = inspected(script.load(path)) if load else of_outline(outline(path))
    except ScriptStopped:
        raise
    except BaseException as error:  # noqa: BLE001  of the script
        found = {"problems": [{"where": "script", "what": _why_not_loaded(error, path)}]}
    return {**found, "loaded": load}


def inspected(module: ModuleType) -> Told:
    """``docstring``, ``init``, ``main``, ``estimate`` (seconds) and ``problems`` of a loaded script."""
    problems: list[Told] = []
    found: Told = {"docstring": _text(_or_none(lambda: inspect.getdoc(module))), "init": None, "main": None}
    for name in ("init", "main"):
        function = getattr(module, name, None)
        if not callable(function):
            continue
        try:
            calling.require_callable(function, name)
        except calling.NotCalled as error:
            problems.append({"where": name, "what": str(error)})
        found[name] = described(function)
    made_by_init = found["init"] is not None and _binds_main(module)
    if found["main"] is None and not made_by_init:
        problems.append({"where": "script", "what": f"it {script.NO_MAIN}"})
    if found["main"] is not None and made_by_init:
        found["main"]["exact"] = False
    found["estimate"], wrong = _estimate(module)
    if wrong is not None:
        problems.append({"where": "script", "what": wrong})
    return {**found, "problems": problems}


def described(function: Callable[..., Any]) -> Told:
    """A function: its ``parameters``, none if they are not known, ``docstring``, and whether it is ``exact``.

    An exact one can be called as its parameters say; of all others the call decides.
    """
    exact = type(function) is types.FunctionType and not hasattr(function, "__wrapped__")
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    docstring = _text(_or_none(lambda: inspect.getdoc(inner)))
    signature = _or_none(lambda: _signature(function))
    if signature is None:
        return {"parameters": None, "docstring": docstring, "exact": False}
    texts = texts_of(docstring or "")
    names = _or_none(lambda: inspect.unwrap(inner).__globals__, {})
    parameters = [
        _parameter(one, names, texts.get(one.name)) for one in list(signature.parameters.values())[:_MOST]
    ]
    exact = exact and len(signature.parameters) <= _MOST
    return {"parameters": parameters, "docstring": docstring, "exact": exact}


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):  # it would evaluate annotations, of which some may not be possible
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def _parameter(one: inspect.Parameter, names: dict[str, Any], text: str | None) -> Told:
    annotation, default = one.annotation, one.default
    has_default = default is not one.empty
    written: str | None = None if annotation is one.empty else _written(annotation)
    if isinstance(annotation, str):  # of a module with annotations from __future__, say
        written, annotation = annotation, _or_none(lambda: eval(one.annotation, dict(names)), one.empty)
    schema = _or_none(lambda: schema_of(annotation), {})
    if has_default and is_json(value := default.value if isinstance(default, enum.Enum) else default):
        if value is None and schema and not takes_none(schema):
            schema = {"anyOf": [schema, {"type": "null"}]}
        schema = {**schema, "default": value}
    return {
        "name": one.name,
        "kind": _KINDS[one.kind],
        "annotation": None if written is None else written[:_LONGEST],
        "default": _written(default, repr)[:_LONGEST] if has_default else None,
        "required": not has_default and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD),
        "type": schema,
        "text": text or _or_none(lambda: schema.get("description")),
    }


def texts_of(docstring: str) -> dict[str, str]:
    """What the lines ``:param x:`` of a docstring say of each parameter."""
    texts: dict[str, str] = {}
    name = None
    for line in docstring.splitlines():
        if found := _PARAM.match(line.strip()):
            name = found[1]
            texts[name] = found[2].strip()
        elif name is not None and line[:1].isspace() and line.strip():
            texts[name] = f"{texts[name]} {line.strip()}"
        else:
            name = None
    return texts


def of_outline(read: Told) -> Told:
    """The description of a script that was not loaded, from its outline; see :mod:`.outline`."""
    found: Told = {"docstring": read["docstring"], "estimate": None, "init": None, "main": None}
    for name in ("init", "main"):
        function = read[name]
        if function is not None:
            known = function["parameters"]
            texts = texts_of(function["docstring"] or "")
            for one in known or ():
                one["type"] = BY_NAME.get(one["annotation"], {})
                one["required"] = one["default"] is None and one["kind"] not in ("args", "kwargs")
                one["text"] = texts.get(one["name"])
                if one["default"] == "None":
                    one["type"] = {}
            found[name] = function
    wrong = read["error"]
    problems = [] if wrong is None else [{"where": "script", "what": f"it cannot be read: {wrong}"}]
    return {**found, "problems": problems}


def _estimate(module: ModuleType) -> tuple[float | None, str | None]:
    """The seconds that a script says it takes, and what is wrong with them."""
    if not hasattr(module, ESTIMATE):
        return None, None
    value = getattr(module, ESTIMATE)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and (known := seconds(value)):
        return known, None
    return None, f"{ESTIMATE} must be a number of seconds above 0, not {_written(value, repr)[:100]}"


def _binds_main(module: ModuleType) -> bool:
    """Whether the script may bind another ``main`` while it runs, as far as its text shows."""
    try:
        with open(str(module.__file__), encoding="utf-8", errors="replace") as file:
            return _BINDS_MAIN.search(file.read()) is not None
    except OSError:
        return True


def _why_not_loaded(error: BaseException, path: str) -> str:
    """One sentence, with the line of the script."""
    if isinstance(error, SystemExit):
        status = 0 if error.code is None else error.code
        return f"it exits when it is loaded, with status {script.shown(status)}"
    detail = str(script.describe(error)["detail"])
    if isinstance(error, SyntaxError) and error.filename:
        return f"{detail} ({os.path.basename(error.filename)} line {error.lineno})"
    frame, place = script.own_frames(error), None
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == path:
            place = frame.tb_lineno
        frame = frame.tb_next
    return detail if place is None else f"{detail} ({os.path.basename(path)} line {place})"


def _written(value: Any, write: Callable[[Any], str] = inspect.formatannotation) -> str:
    text = _or_none(lambda: write(value))
    return _text(text) if isinstance(text, str) else f"<{type(value).__name__}>"


def _text(text: str | None) -> Any:
    # UTF-8 cannot carry all that a text of Python may hold.
    return None if text is None else text[:_LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()


def _or_none(work: Callable[[], Any], otherwise: Any = None) -> Any:
    """The result of something that runs code of the script, which may fail in any way."""
    try:
        return work()
    except Exception:  # noqa: BLE001  any mistake may be in it
        return otherwise
