"""Pods of the rendered chart as processes of this machine: their command lines, their environments.

Only what belongs to the machine is replaced: the folders of mounts, the address and the port to listen on.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ..conftest import Server
from .chart import Document, container_of, of_kind, render
from .dockerfile import stages

#: The stage of the Dockerfile that becomes the image.
LAST = stages()[-1]
_SECRETS = {("journal", "url"): "sqlite:////var/lib/oet/central.db"}


class Pod(Server):
    """One pod of a rendered chart.

    :param folder: of this machine, in which the pod's mounts are
    """

    def __init__(self, documents: list[Document], number: int, folder: Path) -> None:
        self.container = container_of(documents, number)
        self.documents = documents
        self.number = number
        self.folder = folder
        super().__init__(folder / "state")
        program, *arguments = self.container.get("command", LAST.words("CMD"))
        self.command = (str(Path(sys.executable).with_name(program)), *arguments)
        self.settings = self.here(self.environment())
        self.settings |= {"OET_HOST": "127.0.0.1", "OET_PORT": "0"}
        self.state = Path(self.settings["OET_STATE_DIR"])

    def environment(self) -> dict[str, str]:
        """What the container's environment would be."""
        found = dict(LAST.assignments("ENV"))
        del found["PATH"]
        data = {m["metadata"]["name"]: m["data"] for m in of_kind(self.documents, "ConfigMap")}
        for source in self.container["envFrom"]:
            found |= data[source["configMapRef"]["name"]]
        for variable in self.container.get("env", ()):
            reference = variable["valueFrom"]["secretKeyRef"]
            found[variable["name"]] = _SECRETS[reference["name"], reference["key"]]
        return found

    def here(self, environment: dict[str, str]) -> dict[str, str]:
        """The same, with the folders of this machine."""
        places = {m["mountPath"]: str(self.folder / m["name"]) for m in self.container["volumeMounts"]}
        for place in places.values():
            os.mkdir(place)
        mounted = re.compile("|".join(map(re.escape, places)))
        return {n: mounted.sub(lambda found: places[found[0]], value) for n, value in environment.items()}

    @property
    def root(self) -> str:
        """The address of the server, which the probes ask."""
        return "http://" + urlsplit(self.url).netloc

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in the pod, which knows the server by port 5000."""
        address = self.settings["OET_URL"].replace("127.0.0.1:5000", urlsplit(self.url).netloc)
        program = Path(sys.executable).with_name(words[0])
        environment = {**os.environ, **self.settings, "OET_URL": address}
        environment["OET_PORT"] = str(urlsplit(self.url).port)
        return subprocess.run(
            [program, *words[1:]], env=environment, capture_output=True, text=True, timeout=60, check=False
        )


@contextlib.contextmanager
def running(values: Document, folder: Path) -> Iterator[list[Pod]]:
    """All pods of a release."""
    documents = render(values)
    with contextlib.ExitStack() as stack:
        pods = []
        for number in range(len(of_kind(documents, "StatefulSet"))):
            (folder / str(number)).mkdir()
            pod = Pod(documents, number, folder / str(number))
            pod.start()
            stack.callback(pod.stop)
            pods.append(pod)
        yield pods
    assert [process for pod in pods for process in pod.processes()] == []
