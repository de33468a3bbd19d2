"""Renders the chart with Helm."""

from __future__ import annotations

import copy
import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils
import yaml

from .dockerfile import ROOT

CHART = ROOT / "helm" / "ska-oso-oet"
NAMESPACE = "ska-mid"
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())

_HELM = ROOT / "tests" / "deployment" / "tools" / "helm" / "helm"

#: The least that has to be said: who may command, and where the servers are reached.
GUARDED: dict[str, Any] = {
    "auth": {"issuers": ["https://login.example.org/realms/sky"], "audiences": ["https://oet.example.org"]},
    "ingress": {"host": "oet.example.org", "tlsSecret": "certificate"},
}

#: A render is over before its garbage matters.
_ENVIRONMENT = {**os.environ, "GOGC": "off"}

LATEST = kubernetes_validate.latest_version()
# It would read its schemas, which are of megabytes, and look for its versions again for each object.
for _name in ("schema_contents", "all_versions"):
    setattr(kubernetes_validate.utils, _name, functools.cache(getattr(kubernetes_validate.utils, _name)))

Document = dict[str, Any]


def helm(*words: str | Path, values: Document | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm, with these values for the chart."""
    assert _HELM.exists(), f"The tests need Helm: run make {_HELM.relative_to(ROOT)}"
    given = ("--values", "-") if values is not None else ()
    told = json.dumps(values) if values is not None else None
    return subprocess.run(
        [_HELM, *words, *given], env=_ENVIRONMENT, input=told, capture_output=True, text=True, check=False
    )


def template(values: Document, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
    """What `helm template` says."""
    return helm("template", "oet", chart, "--namespace", NAMESPACE, values=values)


def render(values: Document | None = None, chart: Path = CHART) -> list[Document]:
    """The objects of a release called oet."""
    return [*_rendered(json.dumps(merged(GUARDED, values or {})), chart)]


@functools.cache
def _rendered(values: str, chart: Path) -> list[Document]:
    done = template(json.loads(values), chart)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.load_all(done.stdout, yaml.CSafeLoader) if document]


def validate(document: Document, version: str = LATEST) -> None:
    """Is it an object that Kubernetes knows, with nothing in it that it does not know?"""
    if document["kind"] != "ServiceMonitor":
        kubernetes_validate.validate(document, version, strict=True)


def refusal(values: Document) -> str:
    """What Helm says to values that it refuses."""
    done = template(merged(GUARDED, values))
    assert done.returncode != 0, values
    return done.stderr


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    return [document for document in documents if document["kind"] == kind]


def only(documents: list[Document], kind: str) -> Document:
    (found,) = of_kind(documents, kind)
    return found


def pod_of(documents: list[Document], number: int = 0) -> Document:
    """The pod template of a StatefulSet."""
    found: Document = of_kind(documents, "StatefulSet")[number]["spec"]["template"]
    return found


def container_of(documents: list[Document], number: int = 0) -> Document:
    (found,) = pod_of(documents, number)["spec"]["containers"]
    return dict(found)


def merged(values: Document, more: Document) -> Document:
    """Values as Helm merges them: mapping by mapping."""
    found = copy.deepcopy(values)
    for name, value in more.items():
        both = isinstance(value, dict) and isinstance(found.get(name), dict)
        found[name] = merged(found[name], value) if both else copy.deepcopy(value)
    return found


def nested(path: tuple[str, ...], value: Any) -> Document:
    """A mapping in which there is only this value, at this path."""
    for name in reversed(path):
        value = {name: value}
    found: Document = value
    return found


def leaves(values: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all values that are no mapping with something in it."""
    if isinstance(values, dict) and values:
        return [leaf for name, value in values.items() for leaf in leaves(value, (*path, name))]
    return [path]
