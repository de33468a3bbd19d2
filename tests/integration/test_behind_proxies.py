"""Behind nginx at a path of its own, all addresses are those that the client used; strangers change none."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from ..conftest import Server, serving, until

SCRIPT = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}
BASE = "/ska-oso-oet/oet/1/api/v1"
OUTSIDE = f"https://oet.example.org/telescope{BASE}"

#: Two in a row, and one that only keeps the Host header.
_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{plain};
    location / {{ proxy_pass http://{oet};
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https; }}
  }}
  server {{ listen 127.0.0.1:{prefixed};
    location /telescope/ {{ proxy_pass http://{oet}/; proxy_set_header X-Forwarded-Prefix /telescope;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host oet.example.org; }}
  }}
  server {{ listen 127.0.0.1:{inner};
    location /b/ {{ proxy_pass http://{oet}/; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Prefix "$http_x_forwarded_prefix, /b"; }}
  }}
  server {{ listen 127.0.0.1:{outer};
    location /a/ {{ proxy_pass http://127.0.0.1:{inner}/; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Prefix /a; proxy_set_header X-Forwarded-Host $http_host; }}
  }}
}}
"""


class Nginx:
    """nginx in front of a server; ``urls`` by the name of each of its servers."""

    def __init__(self, folder: Path, server: Server) -> None:
        ports = {}
        for name in ("plain", "prefixed", "inner", "outer"):
            with socket.create_server(("127.0.0.1", 0)) as free:
                ports[name] = free.getsockname()[1]
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        (folder / "nginx.conf").write_text(
            _NGINX.format(folder=folder, oet=urlsplit(server.url).netloc, **ports)
        )
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([nginx, "-e", "stderr", "-c", folder / "nginx.conf"])
        until(lambda: all(requests.get(url, timeout=5).status_code for url in self.urls.values()))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_TRUSTED_PROXIES="127.0.0.1") as found:
        yield found


@pytest.fixture(scope="module")
def nginx(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    found = Nginx(tmp_path_factory.mktemp("nginx"), server)
    yield found
    found.stop()


def _everything(url: str, **headers: str) -> dict[str, Any]:
    """What is said about addresses, by a server that is found at this URL."""
    created = requests.post(f"{url}/procedures", json=SCRIPT, headers=headers, timeout=20)
    assert created.status_code == 201, created.text
    listed = requests.get(f"{url}/procedures", headers=headers, timeout=20).json()
    document = requests.get(f"{url}/openapi.json", headers=headers, timeout=20).json()
    page = requests.get(f"{url}/ui", headers=headers, timeout=20).text
    start = requests.get(f"{url}/ui/start.js", headers=headers, timeout=20).text
    assert created.headers["Location"] == created.json()["uri"]
    assert created.json()["uri"] in [procedure["uri"] for procedure in listed]
    return {
        "uri": created.json()["uri"].rpartition("/procedures/")[0],
        "servers": [server["url"] for server in document["servers"]],
        "links": {link.partition("/ui/")[0] for link in re.findall(r'(?:src|href)="([^"]+)"', page)},
        "start": set(re.findall(r'"([^"]*)/(?:openapi\.json|ui/oauth2-redirect\.html)"', start)),
    }


def test_below_a_prefix_all_addresses_are_those_of_the_outside(nginx: Nginx) -> None:
    assert _everything(f"{nginx.urls['prefixed']}/telescope{BASE}") == {
        "uri": OUTSIDE,
        "servers": [OUTSIDE],
        "links": {f"/telescope{BASE}"},
        "start": {f"/telescope{BASE}"},
    }


def test_links_of_the_page_lead_back_through_the_proxy(nginx: Nginx) -> None:
    url = nginx.urls["prefixed"]
    page = requests.get(f"{url}/telescope{BASE}/ui", timeout=20).text
    for link in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert requests.get(f"{url}{link}", timeout=20).status_code == 200, link


def test_without_a_prefix_host_and_scheme_follow(nginx: Nginx) -> None:
    seen = _everything(f"{nginx.urls['plain']}{BASE}")
    assert seen["uri"] == f"{nginx.urls['plain'].replace('http:', 'https:')}{BASE}"
    assert seen["servers"] == [seen["uri"]]
    assert seen["links"] == {BASE}


def test_through_two_proxies_the_prefixes_follow_one_another(nginx: Nginx) -> None:
    seen = _everything(f"{nginx.urls['outer']}/a/b{BASE}")
    assert seen["uri"] == f"{nginx.urls['outer']}/a/b{BASE}"
    assert seen["links"] == {f"/a/b{BASE}"}


def test_activities_and_what_all_subarrays_did_are_addressed_likewise(nginx: Nginx, server: Server) -> None:
    without_number = f"{nginx.urls['prefixed']}/telescope{BASE.replace('/oet/1/', '/oet/')}"
    created = requests.post(f"{without_number}/procedures", json=SCRIPT, timeout=20).json()
    assert created["uri"].startswith(f"{OUTSIDE.replace('/oet/1/', '/oet/')}/procedures/")


def test_the_record_names_the_client_and_not_the_proxy(nginx: Nginx, server: Server) -> None:
    headers = {"X-Forwarded-For": "192.0.2.7"}
    url = f"{nginx.urls['prefixed']}/telescope{BASE}/procedures/7000"
    assert requests.put(url, json={"state": "STOPPED"}, headers=headers, timeout=20).status_code == 404
    until(lambda: server.get("/audit")[0]["address"] == "192.0.2.7")


@pytest.mark.parametrize(
    "rubbish",
    [
        {"X-Forwarded-Host": 'x"><script>', "X-Forwarded-Prefix": '/"><script>'},
        {"X-Forwarded-Host": "a:99999", "X-Forwarded-Prefix": "/../..", "X-Forwarded-Proto": "javascript"},
        {"X-Forwarded-Port": "-1", "X-Forwarded-For": "?"},
        {"Forwarded": 'for=192.0.2.7;host="evil.example.org";proto=https', "X-Forwarded-Server": "evil"},
        {"X_Forwarded_Host": "evil.example.org", "X-Script-Name": "/evil", "Script-Name": "/evil"},
    ],
)
def test_rubbish_changes_nothing(server: Server, rubbish: dict[str, str]) -> None:
    assert _everything(server.url, **rubbish) == {
        "uri": server.url,
        "servers": [BASE],
        "links": {BASE},
        "start": {BASE},
    }


def test_from_somebody_who_is_not_trusted_the_headers_are_ignored(tmp_path: Path) -> None:
    told = {
        "X-Forwarded-Host": "evil.example.org",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "1",
        "X-Forwarded-For": "192.0.2.7",
    }
    with serving(tmp_path / "state", OET_TRUSTED_PROXIES="192.0.2.0/24") as server:
        seen = _everything(server.url, **told)
        assert (seen["uri"], seen["servers"], seen["links"]) == (server.url, [BASE], {BASE})
        until(lambda: bool(server.get("/audit")))
        assert server.get("/audit")[0]["address"] == "127.0.0.1"


def test_a_page_from_elsewhere_cannot_pass_for_one_of_this_machine_by_a_header(server: Server) -> None:
    stranger = {"Host": "evil.example.org", "X-Forwarded-Host": "localhost", "X-Forwarded-For": "127.0.0.1"}
    answer = requests.get(f"{server.url}/procedures", headers=stranger, timeout=20)
    assert answer.status_code == 403
    assert "this server serves this machine only" in answer.json()["detail"]
