"""Reads what a server measures, as Prometheus does."""

from __future__ import annotations

from typing import Any

import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from ..conftest import Server, until


def root(server: Server) -> str:
    return server.url.split("/ska-oso-oet")[0]


def text(server: Server) -> str:
    answer = requests.get(f"{root(server)}/metrics", timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.text


def families(server: Server) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text(server))}


Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def numbers(server: Server) -> Numbers:
    """Every number, by the name of the sample and its labels, without the subarray's."""
    found: Numbers = {}
    for family in families(server).values():
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("subarray") == "1", sample
            key = (sample.name, frozenset(labels.items()))
            assert key not in found, sample
            found[key] = sample.value
    return found


def number(server: Server, name: str, **labels: str) -> float | None:
    return numbers(server).get((name, frozenset(labels.items())))


def until_number(server: Server, value: float, name: str, **labels: str) -> None:
    """Wait until something is measured: some numbers are taken once a second."""
    until(lambda: number(server, name, **labels) == value)


def counts(found: Numbers) -> Numbers:
    """What may never go back."""
    return {
        key: value for key, value in found.items() if key[0].endswith(("_total", "_count", "_bucket", "_sum"))
    }


def series(server: Server, name: str) -> list[dict[str, Any]]:
    return [dict(labels) for sample, labels in numbers(server) if sample == name]
