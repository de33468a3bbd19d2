"""Start of a runner under the interpreter of a script's own environment.

Loads the engine under a name of its own, so that nothing else of the server can be imported there. Standard
library only; any Python from 3.10 on.
"""

import importlib
import importlib.machinery
import os
import sys
import types

_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGE = "ska_oso_oet"
_LIBRARY = f"{_PACKAGE}.telescope"


class Library:
    """Finds the library for observing scripts, and no other part of the server, unless it is installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]
        """See :class:`importlib.abc.MetaPathFinder`."""
        if name == _PACKAGE:
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        if name == _LIBRARY:
            return importlib.machinery.PathFinder.find_spec(name, [_HOME])
        return None  # modules of the library are found in the library's folder


def main() -> int:
    """Run the script: ``bootstrap.py CONTROL-DESCRIPTOR SPEC-DESCRIPTOR``."""
    del sys.path[0]  # this folder
    package = types.ModuleType("_oet")
    package.__path__ = [_HOME]
    sys.modules["_oet"] = package
    sys.meta_path.append(Library)
    control, told = map(int, sys.argv[1:])
    spec = importlib.import_module("_oet.engine.reexec").received(told)
    importlib.import_module("_oet.kernel.processes").rename("oet-script")
    status: int = importlib.import_module("_oet.engine.runner").Runner(control).run(spec)
    return status


if __name__ == "__main__":
    sys.exit(main())
