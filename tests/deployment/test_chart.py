"""What the chart installs: valid objects of Kubernetes that belong together."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ska_oso_oet import __version__
from ska_oso_oet.settings import read_settings
from ska_oso_oet.settings.variables import VARIABLES

from .chart import (
    CHART,
    GUARDED,
    NAMESPACE,
    Document,
    container_of,
    helm,
    merged,
    of_kind,
    only,
    pod_of,
    render,
    template,
    validate,
)
from .dockerfile import stages
from .value_sets import VALUE_SETS

ALL = list(range(1, 17))


@pytest.mark.parametrize("name", VALUE_SETS)
def test_what_is_rendered_is_valid_and_says_nothing_empty(name: str) -> None:
    documents = render(VALUE_SETS[name])
    for document in documents:
        validate(document)
        assert document["metadata"]["namespace"] == NAMESPACE
        assert empty(document) <= {"namespaceSelector"}  # all of them
    names = [(document["kind"], document["metadata"]["name"]) for document in documents]
    assert len(set(names)) == len(names)


def empty(value: Any, name: str = "") -> set[str]:
    """The names of what is there but says nothing."""
    if value in ({}, [], "", None):
        return {name}
    if isinstance(value, dict):
        return {found for key, part in value.items() for found in empty(part, key)}
    if isinstance(value, list):
        return {found for part in value for found in empty(part, name)}
    return set()


@pytest.mark.parametrize("name", ["one", "secrets", "bare"])
def test_helms_own_linter_finds_nothing(name: str) -> None:
    done = helm("lint", "--strict", CHART, values=merged(GUARDED, VALUE_SETS[name]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


def test_objects_of_the_oldest_kubernetes_that_is_allowed_are_valid_too() -> None:
    wanted = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    oldest = re.fullmatch(r">=(\d+\.\d+)\.0-0", wanted)
    assert oldest is not None
    for document in render(VALUE_SETS["secrets"]):
        validate(document, oldest[1])


def test_the_chart_is_of_the_version_of_the_application() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
    image = container_of(render())["image"]
    assert image == f"ska-oso-oet:{__version__}"


# -- one of everything for each subarray --------------------------------------------------------------


def test_each_subarray_has_its_own_server_service_settings_and_volume() -> None:
    documents = render({"subarrays": [2, 11]})
    for kind in ("StatefulSet", "Service", "ConfigMap", "PodDisruptionBudget"):
        assert [d["metadata"]["name"] for d in of_kind(documents, kind)] == ["oet-2", "oet-11"]
    for number, subarray in enumerate((2, 11)):
        stateful = of_kind(documents, "StatefulSet")[number]["spec"]
        assert stateful["replicas"] == 1
        assert stateful["serviceName"] == f"oet-{subarray}"
        assert container_of(documents, number)["envFrom"][0] == {"configMapRef": {"name": f"oet-{subarray}"}}
        (claim,) = stateful["volumeClaimTemplates"]
        assert claim["metadata"] == {"name": "state"}
        assert of_kind(documents, "ConfigMap")[number]["data"]["OET_SUBARRAY_ID"] == str(subarray)


def test_everything_that_selects_pods_selects_those_it_means() -> None:
    documents = render({"subarrays": [1, 2], "metrics": {"serviceMonitor": {"enabled": True}}})
    labels = [pod_of(documents, number)["metadata"]["labels"] for number in (0, 1)]
    labels.append(only(documents, "Pod")["metadata"]["labels"])  # that of `helm test` is no server

    def selected(selector: dict[str, str], among: list[Document]) -> list[int]:
        return [n for n, found in enumerate(among) if selector.items() <= found.items()]

    for number in (0, 1):
        for kind in ("StatefulSet", "PodDisruptionBudget"):
            selector = of_kind(documents, kind)[number]["spec"]["selector"]["matchLabels"]
            assert selected(selector, labels) == [number]
        assert selected(of_kind(documents, "Service")[number]["spec"]["selector"], labels) == [number]
    policy = only(documents, "NetworkPolicy")["spec"]
    assert selected(policy["podSelector"]["matchLabels"], labels) == [0, 1, 2]
    assert selected(policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"], labels) == [0, 1, 2]
    services = [service["metadata"]["labels"] for service in of_kind(documents, "Service")]
    monitor = only(documents, "ServiceMonitor")["spec"]
    assert selected(monitor["selector"]["matchLabels"], services) == [0, 1]


def test_every_named_port_exists() -> None:
    documents = render({"metrics": {"serviceMonitor": {"enabled": True}}})
    container = container_of(documents)
    assert container["ports"] == [{"name": "http", "containerPort": 5000}]
    assert only(documents, "ConfigMap")["data"]["OET_PORT"] == "5000"
    assert stages()[-1].values("EXPOSE") == ["5000"]
    (port,) = only(documents, "Service")["spec"]["ports"]
    assert (port["name"], port["port"], port["targetPort"]) == ("http", 5000, "http")
    backend = only(documents, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "oet-1", "port": {"name": "http"}}
    assert only(documents, "NetworkPolicy")["spec"]["ingress"][0]["ports"] == [{"port": "http"}]
    assert [p["httpGet"]["port"] for name, p in container.items() if name.endswith("Probe")] == ["http"] * 3


def test_the_ingress_leads_each_subarrays_path_to_its_service() -> None:
    documents = render({"subarrays": ALL})
    paths = only(documents, "Ingress")["spec"]["rules"][0]["http"]["paths"]
    major = __version__.split(".")[0]
    assert [path["path"] for path in paths] == [f"/{NAMESPACE}/oet/{n}/api/v{major}" for n in ALL]
    assert [path["backend"]["service"]["name"] for path in paths] == [f"oet-{n}" for n in ALL]
    assert {path["pathType"] for path in paths} == {"Prefix"}


def test_the_ingress_is_fit_for_streams() -> None:
    told = only(render({"ingress": {"annotations": {"a": "b"}}}), "Ingress")["metadata"]["annotations"]
    told = {name.removeprefix("nginx.ingress.kubernetes.io/"): value for name, value in told.items()}
    assert told["proxy-buffering"] == "off"
    assert int(told["proxy-read-timeout"]) == int(told["proxy-send-timeout"]) == 3600
    assert told["a"] == "b"


# -- settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["one", "open", "secrets"])
def test_the_settings_are_ones_that_the_server_takes(name: str) -> None:
    documents = render(VALUE_SETS[name])
    data = only(documents, "ConfigMap")["data"]
    assert data.keys() - {variable.name for variable in VARIABLES.values()} == {"OET_URL"}
    settings = read_settings(data)
    assert settings.host == "0.0.0.0"
    assert bool(settings.auth_issuers) == (name != "open")
    assert settings.auth == ("off" if name == "open" else "")
    mounts = {mount["name"]: mount["mountPath"] for mount in container_of(documents)["volumeMounts"]}
    assert Path(settings.state_dir).is_relative_to(mounts["state"])
    if name == "secrets":
        assert Path(settings.git_credentials).is_relative_to(mounts["git-credentials"])
        assert Path(settings.pip_credentials).is_relative_to(mounts["package-credentials"])
        assert settings.pip_index_url == "https://packages.example.org/simple"
        assert len(settings.pip_extra_index_urls) == 2


def test_the_ingress_is_believed_and_nobody_where_there_is_none() -> None:
    settings = read_settings(only(render(), "ConfigMap")["data"])
    pod = ipaddress.ip_address("10.244.0.7")
    assert any(pod in network for network in settings.trusted_proxies)
    assert not any(ipaddress.ip_address("192.0.2.1") in network for network in settings.trusted_proxies)
    own = render({"ingress": {"trustedProxies": ["192.0.2.0/24"]}})
    assert only(own, "ConfigMap")["data"]["OET_TRUSTED_PROXIES"] == "192.0.2.0/24"
    assert "OET_TRUSTED_PROXIES" not in only(render({"ingress": {"enabled": False}}), "ConfigMap")["data"]
    assert template(merged(GUARDED, {"ingress": {"trustedProxies": ["localhost"]}})).returncode != 0


def test_who_may_command_has_to_be_said() -> None:
    for values in ({}, {"auth": {"issuers": ["https://a.example.org"]}}, {"auth": {"audiences": ["a"]}}):
        done = template(values)
        assert done.returncode != 0
        assert "auth.issuers and auth.audiences say whose tokens are accepted" in done.stderr
    assert "contradict" in template(merged(GUARDED, {"auth": {"enabled": False}})).stderr
    assert "OET_AUTH" not in only(render(), "ConfigMap")["data"]


def test_a_changed_setting_replaces_the_pods() -> None:
    before = pod_of(render())["metadata"]["annotations"]["checksum/settings"]
    after = pod_of(render({"settings": {"OET_HISTORY": "20"}}))["metadata"]["annotations"][
        "checksum/settings"
    ]
    assert before != after


def test_secrets_are_named_and_never_held() -> None:
    documents = render(VALUE_SETS["secrets"])
    assert of_kind(documents, "Secret") == []
    assert "OET_DATABASE_URL" not in only(documents, "ConfigMap")["data"]
    variable = next(v for v in container_of(documents)["env"] if v["name"] == "OET_DATABASE_URL")
    assert variable["valueFrom"] == {"secretKeyRef": {"name": "database", "key": "url"}}
    volume = next(v for v in pod_of(documents)["spec"]["volumes"] if v["name"] == "git-credentials")
    assert volume["secret"]["secretName"] == "git"
    assert volume["secret"]["items"] == [{"key": "credentials", "path": "credentials"}]
    volume = next(v for v in pod_of(documents)["spec"]["volumes"] if v["name"] == "package-credentials")
    assert volume["secret"]["secretName"] == "packages"
    assert volume["secret"]["items"] == [{"key": "netrc", "path": "netrc"}]
