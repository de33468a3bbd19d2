"""nginx in front of real servers, told what the rendered Ingress tells the ingress controller.

What the controller adds by itself (connections kept open, headers about the client) is added here, too.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from ..conftest import until
from .chart import Document

_PREFIX = "nginx.ingress.kubernetes.io/"

#: What annotations become in a location.
_DIRECTIVES = {
    "proxy-buffering": "proxy_buffering {}",
    "proxy-read-timeout": "proxy_read_timeout {}s",
    "proxy-send-timeout": "proxy_send_timeout {}s",
    "proxy-body-size": "client_max_body_size {}",
}

_LOCATION = """
    proxy_pass http://{service};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    {annotations}
"""


class Proxy:
    """One nginx.

    :param ingress: a rendered Ingress
    :param services: the address of the server behind each service
    """

    def __init__(self, folder: Path, ingress: Document, services: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._folder = folder
        (folder / "nginx.conf").write_text(self._configuration(ingress, services))
        self._process: subprocess.Popen[bytes] | None = None

    def _configuration(self, ingress: Document, services: dict[str, str]) -> str:
        (rule,) = ingress["spec"]["rules"]
        annotations = "\n    ".join(
            _DIRECTIVES[name.removeprefix(_PREFIX)].format(value) + ";"
            for name, value in ingress["metadata"]["annotations"].items()
        )
        locations, upstreams = [], []
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]["name"]
            upstreams.append(f"upstream {service} {{ server {services[service]}; keepalive 320; }}")
            body = _LOCATION.format(service=service, annotations=annotations)
            assert path["pathType"] == "Prefix"
            locations += [f"location {path['path']}/ {{{body}}}", f"location = {path['path']} {{{body}}}"]
        folders = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = [f"{name}_temp_path {self._folder}/{name};" for name in folders]
        server = ["server {", f"listen {self.address};", *locations, "}"]
        http = ["http {", "access_log off;", *paths, *upstreams, *server, "}"]
        alone = ["daemon off;", "master_process off;", f"pid {self._folder}/pid;", "error_log stderr;"]
        return "\n".join([*alone, "events {}", *http])

    def start(self) -> Proxy:
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        assert Path(nginx).exists(), "The tests need nginx: run make test, or install nginx-light"
        self._process = subprocess.Popen([nginx, "-e", "stderr", "-c", self._folder / "nginx.conf"])
        until(self._listens)
        return self

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "nginx has ended"
        host, _, port = self.address.partition(":")
        with socket.socket() as attempt:
            return attempt.connect_ex((host, int(port))) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
