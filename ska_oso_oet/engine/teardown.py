"""A quick end of the script's interpreter.

Python's end dismantles every module. With PyTango loaded that touches, and copies, thousands of pages that
are shared with the forkserver, and takes longer than many scripts. Modules that were loaded before the script
are spared; those of the script, and all objects in them, end as in any program. If the script has stored an
object in a library's module, its ``__del__`` is not called, which Python never promises.
"""

from __future__ import annotations

import sys
from types import ModuleType

#: Modules that Python itself looks up until its very end.
_NEEDED = frozenset(
    {
        "__main__",
        "_io",
        "_thread",
        "abc",
        "atexit",
        "builtins",
        "codecs",
        "io",
        "linecache",
        "os",
        "sys",
        "threading",
        "traceback",
        "tracemalloc",
        "warnings",
        "weakref",
    }
)

_loaded: frozenset[str] = frozenset()
#: Refers to this module as well; frozen by the forkserver, the circle is not collected.
_spared: list[ModuleType] = []


def begin() -> None:
    """Note which modules are loaded before the script."""
    global _loaded
    _loaded = frozenset(sys.modules)


def spare() -> None:
    """Spare them the teardown; nothing may be imported afterwards."""
    for name in _loaded - _NEEDED:
        module = sys.modules.get(name)
        if type(module) is ModuleType and not name.startswith(("encodings", "_frozen_importlib")):
            _spared.append(sys.modules.pop(name))
