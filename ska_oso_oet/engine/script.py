"""Loading a script as ordinary Python, calling it, and telling how it failed.

Standard library only; runs under the script's own interpreter. Modules for failures are imported then: a
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


NO_MAIN = "has no function main(); it needs one to be started"


class PlainFailure(Exception):  # noqa: N818  a base
    """A failure whose sentence is all there is to tell; a stack trace would only show the engine."""


class NoMain(PlainFailure):
    """The script has no function to start."""


def load(path: str) -> ModuleType:
    """Import the script at ``path`` under its own name, with its folder importable.

    :raises BaseException: any exception of the script while it is imported
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


def sha256_of(path: str) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    :raises OSError: if it cannot be read
    """
    import hashlib

    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def main_of(module: ModuleType) -> Any:
    """The script's ``main`` as it is bound at this moment.

    :raises NoMain: if there is none
    """
    main = getattr(module, "main", None)
    if not callable(main):
        raise NoMain(f"the script {module.__file__} {NO_MAIN}")
    return main


def describe(error: BaseException) -> dict[str, Any]:
    """Tell an exception for the record: one line, and the script's own frames."""
    if isinstance(error, PlainFailure):
        return {"type": type(error).__name__, "detail": _short(str(error)), "stacktrace": None}
    import traceback

    frames = own_frames(error)
    trace = traceback.TracebackException(type(error), error, frames, compact=True)
    line = "".join(traceback.TracebackException(type(error), error, None).format_exception_only())
    # The name of the class tells operators something, that of its module nothing.
    summary = line.strip().removeprefix(f"{type(error).__module__}.").splitlines()
    return {
        "type": type(error).__name__,
        "detail": _short(summary[-1] if isinstance(error, SyntaxError) else "\n".join(summary)),
        "stacktrace": _short("".join(trace.format()), 64 * 1024),
    }


def known_of(spec: dict[str, Any]) -> dict[str, str | None]:
    """The field ``sha256``, if the script is a file of its own."""
    from_file = spec["script"]["script_type"] == "filesystem"
    return {"sha256": sha256_of(spec["path"])} if from_file else {}


def exit_of(error: SystemExit) -> tuple[int, str | None]:
    """The exit status that Python would end with, and what it would print."""
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF, None
    return 1, shown(error.code)


def shown(value: Any) -> str:
    """A value as Python would print it, shortened, even if its own method raises."""
    try:
        return _short(str(value))
    except Exception:  # noqa: BLE001  a value of any type may come, with any mistake in it
        return f"<{type(value).__name__}>"


def own_frames(error: BaseException) -> TracebackType | None:
    """The script's frames in a traceback: from the first that is neither ours nor of the loop we have run."""
    asyncio = sys.modules.get("asyncio")
    loop = os.path.dirname(asyncio.__file__ or "") + os.sep if asyncio is not None else _ENGINE
    not_of_script = (_ENGINE, "<frozen importlib", loop)
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(not_of_script):
        trace = trace.tb_next
    return trace


def _short(text: str, most: int = 2000) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}\n…\n{text[-most // 2 :]}"
