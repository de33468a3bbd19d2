"""Going on in this process as the interpreter of the script's own environment. Standard library only."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

from .process_setup import engine_descriptors, out_of_reach


def reexec(python: str, spec: dict[str, Any], control: int) -> NoReturn:
    """Replace this program by another interpreter, which has the same process id, descriptors and mark.

    :param python: the interpreter, in an environment
    :param control: descriptor of the socket shared with the supervisor
    """
    binaries = os.path.dirname(python)
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    environment["VIRTUAL_ENV"] = os.path.dirname(binaries)
    environment["PATH"] = f"{binaries}:{os.environ.get('PATH', os.defpath)}"
    for descriptor in engine_descriptors():
        os.set_inheritable(descriptor, True)
    bootstrap = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.py")
    # In memory: arguments may hold secrets, which neither a file nor the command line may show.
    memory_file = out_of_reach(os.memfd_create("spec"))
    os.write(memory_file, json.dumps(spec).encode())
    os.set_inheritable(memory_file, True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.execve(python, [python, bootstrap, str(control), str(memory_file)], environment)


def received(told: int) -> dict[str, Any]:
    """The spec that the interpreter before this one has left.

    :param told: its descriptor
    """
    spec: dict[str, Any] = json.loads(os.pread(told, os.fstat(told).st_size, 0))
    os.close(told)
    for descriptor in engine_descriptors():
        os.set_inheritable(descriptor, False)
    return spec
