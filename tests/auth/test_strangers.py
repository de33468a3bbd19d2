"""Pages of strangers command and read nothing, whatever they call this server and browsers send for them."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ska_oso_oet.settings.urls import is_this_machine, named_in
from ska_oso_oet.web.auth.permissions import Permission

from ..conftest import Server, serving
from .test_matrix import ANSWERS, ROUTES

#: Routes that ask or command something, with a body that would have an effect.
GUARDED = [(method, rule) for method, rule, needed in ROUTES if needed is not Permission.OPEN]

#: Host headers: whether they may be those of a stranger's page.
HOSTS: dict[str | None, bool] = {
    "127.0.0.1:{port}": False,
    "localhost:{port}": False,
    "LOCALHOST": False,
    "oet.localhost": False,
    "[::1]:{port}": False,
    "127.1.2.3": False,
    "desk:{port}": False,  # in OET_HOST_NAMES
    "laptop": True,
    "evil.example:{port}": True,
    "evil.example.": True,
    "localhost.evil.example": True,
    "evil.example:x": True,
    "evil.example:99999999": True,
    "evil.example, localhost": True,
    "evil.example/localhost": True,
    "user@localhost": True,
    "10.0.0.1": True,
    "[bad": True,
    ":5000": True,
    "": True,
    None: True,
}


@pytest.fixture(scope="module")
def oet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_HOST_NAMES="desk") as found:
        yield found


def send(oet: Server, method: str, rule: str, headers: dict[str, str | None]) -> tuple[int, str]:
    """What a request is answered that has just these headers, in these very letters."""
    address = urlsplit(oet.url)
    path = re.sub("<int:.*?>", "7000", re.sub("<(string|path):.*?>", "nothing", rule))
    _, body = ANSWERS.get((method, rule), (0, None))
    connection = http.client.HTTPConnection(address.netloc, timeout=20)
    connection.putrequest(method, address.path + path, skip_host=True, skip_accept_encoding=True)
    given = {"Host": address.netloc, "Content-Type": "application/json", "Connection": "close", **headers}
    data = b"" if body is None else json.dumps(body).encode()
    for name, value in {**given, "Content-Length": str(len(data))}.items():
        if value is not None:
            connection.putheader(name, value.format(port=address.port))
    connection.endheaders(data)
    answer = connection.getresponse()
    text = "" if answer.status == 200 and path.startswith("/stream") else answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_may_be_a_stranger_s_is_refused_on_every_route(oet: Server, host: str | None) -> None:
    for method, rule in GUARDED:
        status, text = send(oet, method, rule, {"Host": host})
        refused = status == 403 and "serves this machine only" in text
        # What HTTP itself does not allow is refused before anybody looks at it.
        malformed = status == 400 and not text.startswith("{")
        assert (refused or malformed or (method == "HEAD" and status == 403)) is HOSTS[host], (
            method,
            rule,
            status,
        )
    assert oet.get("/procedures") == [] or HOSTS[host] is False


@pytest.mark.parametrize(
    "headers, foreign",
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://proxied.example"}, False),
        ({"Origin": "http://127.0.0.1:{port}"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "sideways"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:{port}"}, True),
        ({"Origin": "http://127.0.0.1:1"}, True),
        ({"Origin": "http://evil.example"}, True),
        ({"Origin": "https://[bad"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": ""}, True),
    ],
)
def test_a_request_from_a_page_of_another_site_is_refused(
    oet: Server, headers: dict[str, str | None], foreign: bool
) -> None:
    for method, rule in GUARDED:
        status, text = send(oet, method, rule, headers)
        refused = status == 403 and (method == "HEAD" or "asked for this" in text)
        assert refused is foreign, (method, rule, status, text)


def test_a_link_on_another_page_leads_to_the_page_of_this_server(oet: Server) -> None:
    followed: dict[str, str | None] = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for rule in ("/ui", "/openapi.json"):
        assert send(oet, "GET", rule, followed)[0] == 200


def test_where_everybody_is_served_pages_of_other_sites_still_ask_for_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_AUTH="off") as server:
        for method, rule in GUARDED:
            assert send(server, method, rule, {"Host": "oet.example"})[0] != 403
            status, _ = send(server, method, rule, {"Host": "oet.example", "Origin": "http://evil.example"})
            assert status == 403


@pytest.mark.parametrize("path", ["/drain", "/resume", "/abort"])
def test_a_command_without_a_body_must_say_that_it_is_json(oet: Server, path: str) -> None:
    for kind in (None, "text/plain", "application/x-www-form-urlencoded"):
        assert send(oet, "POST", path, {"Content-Type": kind})[0] == 415
    assert send(oet, "POST", path, {})[0] == ANSWERS["POST", path][0]
    assert send(oet, "POST", "/resume", {})[0] == 200


@pytest.mark.parametrize(
    "host, name",
    [
        ("LocalHost:80", "localhost"),
        ("[::1]:80", "::1"),
        ("a.b", "a.b"),
        ("a b", None),
        ("[::1", None),
        ("", None),
    ],
)
def test_a_host_header_is_understood_or_not(host: str, name: str | None) -> None:
    assert named_in(host) == name
    assert named_in(host) is None or is_this_machine(str(name)) is (name != "a.b")


class _Stranger(BaseHTTPRequestHandler):
    """A page that has the browser which shows it command an OET, and says in its title how that went."""

    target = ""

    def do_GET(self) -> None:
        page = f"""<title>waiting</title><script>
        const sent = [
          fetch("{self.target}/drain", {{method: "POST", mode: "no-cors"}}),
          fetch("{self.target}/drain", {{method: "POST", mode: "no-cors", body: "{{}}"}}),
          fetch("{self.target}/drain", {{method: "POST", headers: {{"Content-Type": "application/json"}}}}),
          fetch("{self.target}/procedures", {{mode: "no-cors"}}),
        ];
        Promise.allSettled(sent).then(() => document.title = "done");
        </script>"""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("name", ["oet.evil.example", "evil", "127.0.0.1"])
def test_a_page_in_a_browser_asks_nothing_of_the_server_whose_name_it_has(oet: Server, name: str) -> None:
    address = urlsplit(oet.url)
    reads = oet.get("/status")["reads"]
    _Stranger.target = f"http://{name}:{address.port}{address.path}"
    pages = ThreadingHTTPServer(("127.0.0.1", 0), _Stranger)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    browser = shutil.which("chromium")
    assert browser is not None, "make test installs chromium"
    try:
        shown = subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--virtual-time-budget=5000",
                "--host-resolver-rules=MAP oet.evil.example 127.0.0.1, MAP evil 127.0.0.1",
                "--dump-dom",
                f"http://oet.evil.example:{pages.server_port}/",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    finally:
        pages.shutdown()
        pages.server_close()
    assert "<title>done</title>" in shown
    status = oet.get("/status")
    assert not status["drain"]["drained"]
    assert status["reads"] == reads + 1  # the one before the page was shown
