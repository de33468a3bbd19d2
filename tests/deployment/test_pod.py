"""A rendered pod, executed: its probes, its address, what can be done in it, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from ..conftest import until
from ..support.issuer import AUDIENCE, Issuer
from .chart import only
from .pod import LAST, Pod, running
from .value_sets import OPEN


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Pod]]:
    with running({**OPEN, "subarrays": [1, 7]}, tmp_path_factory.mktemp("pods")) as found:
        yield found


def test_every_probe_answers(pods: list[Pod]) -> None:
    for pod in pods:
        probes = {name: probe for name, probe in pod.container.items() if name.endswith("Probe")}
        assert probes.keys() == {"startupProbe", "livenessProbe", "readinessProbe"}
        for probe in probes.values():
            answer = requests.get(pod.root + probe["httpGet"]["path"], timeout=10)
            assert 200 <= answer.status_code < 400


def test_the_health_check_of_the_image_answers(pods: list[Pod]) -> None:
    done = pods[0].inside(*LAST.words("HEALTHCHECK"))
    assert done.returncode == 0, done.stderr


def test_the_path_of_the_ingress_is_the_one_the_server_answers(pods: list[Pod]) -> None:
    paths = only(pods[0].documents, "Ingress")["spec"]["rules"][0]["http"]["paths"]
    for pod, path in zip(pods, paths, strict=True):
        assert urlsplit(pod.url).path == path["path"]
        status = requests.get(f"{pod.root}{path['path']}/status", timeout=10).json()
        assert path["backend"]["service"]["name"] == f"oet-{status['subarray_id']}"


def test_the_command_line_in_the_pod_finds_its_own_server_and_runs_a_script(pods: list[Pod]) -> None:
    done = pods[1].inside("oet", "procedure", "run", "file://hello_world.py", "everybody")
    assert done.returncode == 0, done.stderr
    assert "execution complete on subarray 7" in done.stdout


def test_the_servers_keep_what_they_keep_on_their_own_volumes(pods: list[Pod]) -> None:
    for pod in pods:
        assert (pod.folder / "state" / "state" / "journal.db").exists()


def test_a_pod_that_is_to_end_is_drained_and_its_metrics_tell(pods: list[Pod]) -> None:
    pod = pods[1]
    command = pod.container["lifecycle"]["preStop"]["exec"]["command"]
    done = pod.inside(*command)
    assert (done.returncode, "Nothing runs" in done.stdout) == (0, True), done.stderr
    assert requests.get(f"{pod.root}/readyz", timeout=10).status_code == 503
    assert requests.get(f"{pod.root}/livez", timeout=10).status_code == 200
    until(lambda: 'oet_drained{subarray="7"} 1' in requests.get(f"{pod.root}/metrics", timeout=10).text)
    resumed = pod.inside("oet", "resume")
    assert resumed.returncode == 0, resumed.stderr
    assert requests.get(f"{pod.root}/readyz", timeout=10).status_code == 200


def test_the_test_of_the_release_asks_every_server(pods: list[Pod]) -> None:
    (container,) = only(pods[0].documents, "Pod")["spec"]["containers"]
    program, option, code, *urls = container["command"]
    assert urls == ["http://oet-1:5000/readyz", "http://oet-7:5000/readyz"]
    here = [
        url.replace(f"http://oet-{n}:5000", pod.root) for n, url, pod in zip((1, 7), urls, pods, strict=True)
    ]
    done = pods[0].inside(program, option, code, *here)
    assert done.stdout.count('"ready"') == 2, done.stderr
    assert pods[0].inside(program, option, code, pods[0].root + "/nowhere").returncode != 0


def test_a_pod_with_an_issuer_asks_who_is_calling_and_keeps_its_journal_where_the_secret_says(
    tmp_path: Path,
) -> None:
    issuer = Issuer().start()
    values = {"auth": {"issuers": [issuer.url], "audiences": [AUDIENCE]}, "database": {"secret": "journal"}}
    try:
        with running(values, tmp_path) as (pod,):
            assert requests.get(f"{pod.root}/readyz", timeout=10).status_code == 200
            assert requests.get(f"{pod.url}/procedures", timeout=10).status_code == 401
            headers = {"Authorization": f"Bearer {issuer.token(scope='oet:read')}"}
            assert requests.get(f"{pod.url}/procedures", headers=headers, timeout=10).status_code == 200
            assert (pod.folder / "state" / "central.db").exists()
            command = pod.container["lifecycle"]["preStop"]["exec"]["command"]
            assert pod.inside(*command).returncode == 0  # without a login
    finally:
        issuer.stop()
