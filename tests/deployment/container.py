"""Builds the image without an engine, and runs it: the steps of the Dockerfile in fresh Debian roots.

``build`` does what `docker build` does with RUN, COPY, ENV, ARG, USER and WORKDIR. ``Container`` is `docker
run --read-only`: namespaces of its own (processes, mounts, network), no capabilities, no new privileges,
and only the volume and /tmp to write to. Needs root, debootstrap and util-linux.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .dockerfile import ROOT, Stage, expanded, sent_to_the_engine, sources, stages

#: How this machine reaches package registries: what a Docker engine hands to builds, too.
_NETWORK = (
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_CERT",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def build(folder: Path, **arguments: str) -> tuple[Path, dict[str, str]]:
    """Build the image; return its root and its environment.

    :param arguments: build arguments
    """
    debian = folder / "debian"
    built: dict[str, Path] = {}
    found = stages()
    for number, stage in enumerate(found):
        if not debian.exists():
            _debootstrap(stage.base, debian)
        root = folder / (stage.name or str(number))
        _run("cp", "-a", debian, root)
        environment = _execute(stage, root, built, arguments)
        built[stage.name or str(number)] = root
    return root, environment


def _debootstrap(base: str, root: Path) -> None:
    name, _, tag = base.partition(":")
    assert name == "debian" and tag.endswith("-slim"), base
    _run("debootstrap", "--variant=minbase", tag.removesuffix("-slim"), root)


def _execute(stage: Stage, root: Path, built: dict[str, Path], arguments: dict[str, str]) -> dict[str, str]:
    environment, known, user, folder = {"PATH": _PATH}, dict[str, str](), "0:0", "/"
    for instruction, value in stage.steps:
        if instruction in ("ENV", "ARG"):
            for word in shlex.split(value):
                name, _, default = word.partition("=")
                told = expanded(default, environment)
                if instruction == "ENV":
                    environment[name] = told
                else:
                    known[name] = arguments.get(name, told)
        elif instruction == "COPY":
            _copy(value, root, built)
        elif instruction == "RUN":
            _step(root, value, {**known, **environment}, user, folder)
        elif instruction == "USER":
            user = value
        elif instruction == "WORKDIR":
            folder = value
            (root / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
    return environment


def _copy(value: str, root: Path, built: dict[str, Path]) -> None:
    stage, paths, destination = sources(value)
    target = root / destination.lstrip("/")
    for path in paths:
        if stage is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            _run("cp", "-a", "-T", built[stage] / path.lstrip("/"), target)
        else:
            for file in _sent(ROOT / path):
                relative = file.relative_to(ROOT / path) if (ROOT / path).is_dir() else Path(path)
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target / relative)


def _sent(path: Path) -> Iterator[Path]:
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file() and sent_to_the_engine(file.relative_to(ROOT)):
            yield file


def _step(root: Path, command: str, environment: dict[str, str], user: str, folder: str) -> None:
    """One RUN: with the network of this machine, whose files appear below /run for as long as it takes."""
    script = [f"mount -t proc proc {root}/proc", f"mount -t tmpfs run {root}/run"]
    given = {name: os.environ[name] for name in _NETWORK if name in os.environ}
    for name, value in given.items():
        if os.path.isfile(value):
            given[name] = f"/run/{name}"
            script.append(f"cp -L {value} {root}/run/{name}")
    if os.path.exists("/etc/resolv.conf"):
        script.append(f"touch {root}/etc/resolv.conf && mount --bind /etc/resolv.conf {root}/etc/resolv.conf")
    variables = [f"{name}={value}" for name, value in {**given, **environment}.items()]
    inside = ["env", "-i", *variables, "/bin/sh", "-c", f"cd {folder} && {command}"]
    script.append(shlex.join(["exec", "chroot", f"--userspec={user}", str(root), *inside]))
    _run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", "\n".join(script))


def _run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


class Container:
    """The image as a running container; process 1 is its start command.

    :param environment: what is added to the image's
    :param volume: an empty folder of this machine
    """

    def __init__(self, root: Path, image: dict[str, str], volume: Path, **environment: str) -> None:
        last = stages()[-1]
        self.environment = {**image, **environment}
        (self._user,) = last.values("USER")
        (self._folder,) = last.values("WORKDIR")
        (mounted,) = last.values("VOLUME")
        uid, gid = map(int, self._user.split(":"))
        os.chown(volume, uid, gid)
        script = [
            f"mount --bind {root} {root}",
            f"mount -o remount,bind,ro {root}",
            f"mount -t proc proc {root}/proc",
            f"mount -t tmpfs -o mode=1777 tmp {root}/tmp",
            f"mount -t tmpfs -o mode=1777 shm {root}/dev/shm",
            f"mount --bind {volume} {root}{mounted}",
            "ip link set lo up",
            f"exec chroot {root} {shlex.join(self._as_user(*last.words('CMD')))}",
        ]
        unshare = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        self._unshare = subprocess.Popen(
            [*unshare, "sh", "-ec", "\n".join(script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._unshare.stdout is not None
        self.output = self._unshare.stdout

    def _as_user(self, *words: str) -> list[str]:
        uid, gid = self._user.split(":")
        bare = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", *bare, "env", "-i", "-C", self._folder]
        return [*become, *variables, *words]

    @property
    def first(self) -> int:
        """What this machine calls process 1 of the container."""
        with open(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children") as file:
            return int(file.read())

    def execute(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`docker exec`."""
        enter = ["nsenter", f"--target={self.first}", "--mount", "--pid", "--net", "--ipc", "--root"]
        given = [f"{name}={value}" for name, value in environment.items()]
        command = [*enter, *self._as_user(*given, *words)]
        return subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False
        )

    def stop(self) -> int:
        """SIGTERM to process 1; return its exit status."""
        if self._unshare.poll() is None:
            os.kill(self.first, signal.SIGTERM)
        try:
            return self._unshare.wait(60)
        finally:
            self._unshare.kill()  # and with it, everything in the container
            self.output.close()
