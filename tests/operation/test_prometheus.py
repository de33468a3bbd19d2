"""A real Prometheus reads a real server, and answers what the dashboard and the alerts ask."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ska_oso_oet.telemetry.metrics.catalogue import CATALOGUE
from ska_oso_oet.telemetry.metrics.instruments import Histogram

from ..conftest import Server, until
from ..support.scraping import root, text

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "helm/ska-oso-oet/dashboards/oet.json").read_text())
MONITORING = (ROOT / "docs/how-to/monitoring.md").read_text()


def binary(name: str) -> str:
    """One of Prometheus' programs, as the Makefile provides them."""
    return shutil.which(name) or str(Path(__file__).parent / "prometheus/usr/bin" / name)


class Prometheus:
    """A Prometheus that scrapes one server, often."""

    def __init__(self, server: Server, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        target = root(server).removeprefix("http://")
        configuration = folder / "prometheus.yml"
        configuration.write_text(
            "global: {scrape_interval: 250ms}\n"
            "scrape_configs:\n"
            f"  - {{job_name: oet, static_configs: [{{targets: ['{target}']}}]}}\n"
        )
        self._process = subprocess.Popen(
            [
                binary("prometheus"),
                f"--config.file={configuration}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self._address}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: requests.get(f"http://{self._address}/-/ready", timeout=10).status_code == 200, 60)

    def ask(self, query: str) -> list[dict[str, Any]]:
        """What it answers now."""
        answer = requests.get(f"http://{self._address}/api/v1/query", params={"query": query}, timeout=20)
        found = answer.json()
        assert found["status"] == "success", f"{query}: {found}"
        result: list[dict[str, Any]] = found["data"]["result"]
        return result

    def value(self, query: str) -> float | None:
        """The only number it answers; None where there is none yet."""
        found = self.ask(query)
        return float(found[0]["value"][1]) if found else None

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="module")
def prometheus(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    found = Prometheus(server, tmp_path_factory.mktemp("prometheus"))
    yield found
    found.close()


def queries() -> list[str]:
    """What the dashboard asks, of every subarray."""
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    known = {"$__rate_interval": "1m", "$__range": "1h", "$subarray": ".*"}
    for name, value in known.items():
        asked = [query.replace(name, value) for query in asked]
    return asked


def alerts() -> str:
    (block,) = re.findall(r"```yaml\n(groups:.*?)```", MONITORING, re.DOTALL)
    return str(block)


def samples() -> set[str]:
    """The names of everything that is shown."""
    found = {"oet_build_info"}
    for name, metric in CATALOGUE.items():
        ends = ("_bucket", "_count", "_sum") if isinstance(metric, Histogram) else ("",)
        found |= {name + end for end in ends}
    return found


def test_promtool_finds_nothing_wrong_with_what_is_shown(server: Server) -> None:
    server.stop_script(server.run("diehard.py", "sleeping"))
    done = subprocess.run(
        [binary("promtool"), "check", "metrics"],
        input=text(server),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_prometheus_answers_how_long_stops_take(server: Server, prometheus: Prometheus) -> None:
    until(lambda: prometheus.value("oet_stop_seconds_count") is not None)
    before = prometheus.value("oet_stop_seconds_count") or 0
    for _ in range(3):
        server.stop_script(server.run("diehard.py", "sleeping"))
    until(lambda: prometheus.value("oet_stop_seconds_count") == before + 3)
    query = "histogram_quantile(0.95, sum by (le, subarray) (rate(oet_stop_seconds_bucket[1m])))"
    until(lambda: (prometheus.value(query) or 0) > 0)
    (found,) = prometheus.ask(query)
    assert found["metric"] == {"subarray": "1"}
    assert 0 < float(found["value"][1]) < 60


def test_prometheus_sees_a_restart_as_one_and_no_count_reset(server: Server, prometheus: Prometheus) -> None:
    until(lambda: prometheus.value("oet_journal_written_total") is not None)
    server.kill("ses")
    server.ready()
    until(lambda: prometheus.value('oet_worker_restarts_total{worker="SESWorker"}') == 1)
    assert prometheus.value('resets(oet_procedures_finished_total{reason="stopped"}[5m])') == 0
    assert prometheus.value("resets(oet_stop_seconds_count[5m])") == 0


@pytest.mark.parametrize("query", queries())
def test_every_query_of_the_dashboard_is_about_metrics_there_are(prometheus: Prometheus, query: str) -> None:
    named = set(re.findall(r"\boet_\w+", query))
    assert named
    assert named <= samples()
    prometheus.ask(query)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_metric_is_on_the_dashboard(name: str) -> None:
    assert any(re.search(rf"\b{name}(_bucket|_count)?\b", query) for query in queries())


def test_the_panels_of_the_dashboard_do_not_overlap_and_say_what_they_show() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"].endswith(".")
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_the_alerts_of_the_documentation_are_alerts(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text(alerts())
    done = subprocess.run(
        [binary("promtool"), "check", "rules", str(tmp_path / "alerts.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"\boet_\w+", alerts())) <= samples()


def test_the_metrics_the_documentation_names_exist() -> None:
    known = {*samples(), *CATALOGUE}
    assert set(re.findall(r"\boet_\w+", MONITORING)) <= known
