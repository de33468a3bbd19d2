"""Start of a runner under the interpreter of a script's own environment.

Loads the engine under a name of its own, so that nothing else of the server can be imported there. Standard
library only; any Python from 3.10 on.
"""

import importlib
import os
import sys
import types


def main() -> None:
    """Run the script: ``bootstrap.py CONTROL-DESCRIPTOR RUN-DIRECTORY SCRIPT``."""
    del sys.path[0]  # this folder
    package = types.ModuleType("_oet")
    package.__path__ = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    sys.modules["_oet"] = package
    runner = importlib.import_module("_oet.execution.runner")
    runner.go_on(int(sys.argv[1]), sys.argv[2], sys.argv[3])


if __name__ == "__main__":
    main()
