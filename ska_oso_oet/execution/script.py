"""Loading a script as ordinary Python, calling it, and telling how it failed.

Standard library only; runs under the script's own interpreter. What only a failure needs is imported then: a
fresh interpreter starts for each run that has an environment of its own.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType, TracebackType
from typing import Any

_ENGINE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class PlainFailure(Exception):  # noqa: N818  a base
    """A failure whose sentence is all there is to tell; a stack trace would only show the engine."""


class NoMain(PlainFailure):
    """The script has no function to start."""


class PreparationError(PlainFailure):
    """A script, or its environment, cannot be had."""


class ScriptMissingError(PreparationError):
    """The repository has no such script."""


def load(path: str) -> ModuleType:
    """Import the script at ``path`` under its own name, with its folder importable.

    :raises BaseException: whatever the script raises while it is imported
    """
    folder, file = os.path.split(path)
    sys.path.insert(0, folder)
    name = os.path.splitext(file)[0]
    if name in sys.modules or name in sys.stdlib_module_names:
        # A script called like a module that is loaded already must not take that module's place.
        name = f"{name}__script"
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def main_of(module: ModuleType) -> Any:
    """The script's ``main`` as it is bound at this moment.

    :raises NoMain: where there is none
    """
    main = getattr(module, "main", None)
    if not callable(main):
        raise NoMain(f"the script {module.__file__} has no function main(); it needs one to be started")
    return main


class Taken:
    """Which keyword arguments a function takes beside positional ones.

    :param args: the positional arguments it is called with
    """

    def __init__(self, function: Any, args: list[Any]) -> None:
        import inspect

        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        filled = {p.name for p in positional[: len(args)]}
        self._names = {
            p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
        } - filled
        self._takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self._filled = filled

    def by_name(self, name: str) -> bool:
        """Whether it has a parameter of this name that is still free."""
        return name in self._names

    def any(self, name: str) -> bool:
        """Whether it can be given a keyword argument of this name."""
        return name in self._names or (self._takes_any and name not in self._filled)


def describe(error: BaseException) -> dict[str, Any]:
    """Tell an exception for the record: one line, and the script's own frames."""
    if isinstance(error, PlainFailure):
        return {"type": type(error).__name__, "detail": _short(str(error)), "stacktrace": None}
    import traceback

    frames = _own_frames(error.__traceback__)
    told = traceback.TracebackException(type(error), error, frames, compact=True)
    line = "".join(traceback.TracebackException(type(error), error, None).format_exception_only())
    # The name of the class tells operators something, that of its module nothing.
    summary = line.strip().removeprefix(f"{type(error).__module__}.").splitlines()
    return {
        "type": type(error).__name__,
        "detail": _short(summary[-1] if isinstance(error, SyntaxError) else "\n".join(summary)),
        "stacktrace": _short("".join(told.format()), 64 * 1024),
    }


def _own_frames(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and _of_engine(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _of_engine(filename: str) -> bool:
    return filename.startswith((_ENGINE, "<frozen importlib"))


def _short(text: str, most: int = 2000) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}\n…\n{text[-most // 2 :]}"
