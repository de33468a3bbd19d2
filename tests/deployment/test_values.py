"""Every key of values.yaml does something, and nothing else is taken for one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from ska_oso_oet.settings.variables import VARIABLES

from .chart import (
    CHART,
    DEFAULTS,
    GUARDED,
    Document,
    container_of,
    helm,
    leaves,
    merged,
    nested,
    of_kind,
    only,
    refusal,
    render,
    template,
    validate,
)

#: Values of every kind that YAML, or a name of Kubernetes, might be taken for something else.
_ODD: Document = {
    "database": {"secret": "123", "key": "1.0"},
    "priorityClassName": "true",
    "git": {"credentials": {"secret": "null"}},
    "packages": {"credentials": {"secret": "12"}},
    "serviceAccount": {"name": "on"},
    "persistence": {"storageClass": "123"},
    "image": {"tag": "1e3", "pullSecrets": ["7"]},
    "ingress": {"host": "*.example.org", "tlsSecret": "0x10", "className": "yes"},
    "podAnnotations": {"prometheus.io/scrape": "false", "checksum/settings": "mine"},
    "subarrays": 16,
}

_PEER = {"podSelector": {"matchLabels": {"app": "x"}}}

#: A value for each key that is not the default.
OTHER: dict[str, Any] = {
    "subarrays": [1, 2],
    "image.repository": "registry.example.org/oet",
    "image.tag": "9.9.9",
    "image.digest": "sha256:" + "0123456789abcdef" * 4,
    "image.pullPolicy": "Always",
    "image.pullSecrets": ["registry"],
    "auth.enabled": False,
    "auth.issuers": ["https://other.example.org"],
    "auth.audiences": ["other"],
    "auth.clientId": "oet-cli",
    "auth.scopes": "openid",
    "auth.read": ["scope:read"],
    "auth.execute": ["role:OPERATOR"],
    "auth.subarrayClaim": "subarrays",
    "telescope.name": "SKA-low",
    "telescope.tangoHost": "databaseds:10000",
    "telescope.subarrayPrefix": "low-tmc/subarray",
    "telescope.centralNode": "low-tmc/central-node/0",
    "telescope.qualityMonitorPrefix": "low-sdp/quality-monitor",
    "telescope.qualityMonitorAttribute": "ready",
    "telescope.interfaces": "2.1/4.1",
    "telescope.observatory": {"fsp_ids": [1, 2]},
    "telescope.waitForQA": False,
    "archive.url": "https://oda.example.org/oda/api/v1",
    "archive.statuses": ["Ready", "In Progress"],
    "archive.token.secret": "other",
    "archive.token.key": "other",
    "archive.client.id": "other",
    "archive.client.tokenUrl": "https://other.example.org:8443/token",
    "archive.client.scope": "odt:read",
    "archive.client.secret": "other",
    "archive.client.key": "other",
    "archive.ca.secret": "other",
    "archive.ca.key": "other",
    "database.secret": "other",
    "database.key": "other",
    "git.repository": "https://git.example.org/scripts.git",
    "git.allowed": ["https://git.example.org/"],
    "git.credentials.secret": "other",
    "git.credentials.key": "other",
    "packages.index": "https://packages.example.org/simple",
    "packages.extraIndexes": ["https://private.example.org/simple"],
    "packages.credentials.secret": "other",
    "packages.credentials.key": "other",
    "scripts.isolation": "uid",
    "scripts.account": "20001:20002",
    "scripts.reads": ["/data/catalogues"],
    "scripts.writes": ["/data/results", "/data/more"],
    "stop.drainSeconds": 60,
    "stop.criticalSeconds": 12,
    "stop.graceSeconds": 6,
    "stop.abortSeconds": 61,
    "settings": {"OET_HISTORY": "20"},
    "extraEnv": [{"name": "A", "value": "b"}],
    "extraEnvFrom": [{"secretRef": {"name": "a"}}],
    "extraVolumes": [{"name": "a", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "a", "mountPath": "/a"}],
    "persistence.enabled": False,
    "persistence.size": "1Gi",
    "persistence.storageClass": "fast",
    "persistence.accessModes": ["ReadWriteOncePod"],
    "tmp.sizeLimit": "1Gi",
    "resources.requests.cpu": "2",
    "resources.requests.memory": "1Gi",
    "resources.limits.memory": "8Gi",
    "probes.startupSeconds": 240,
    "probes.livenessSeconds": 600,
    "service.type": "NodePort",
    "service.annotations": {"a": "b"},
    "ingress.enabled": False,
    "ingress.className": "public",
    "ingress.host": "other.example.org",
    "ingress.tlsSecret": "other",
    "ingress.plainHttp": True,
    "ingress.timeoutSeconds": 60,
    "ingress.trustedProxies": ["192.0.2.1"],
    "ingress.annotations": {"a": "b"},
    "networkPolicy.enabled": False,
    "networkPolicy.from": [_PEER],
    "networkPolicy.egress.enabled": False,
    **{
        f"networkPolicy.egress.{name}.{key}": value
        for name in ("dns", "tango", "git", "packages", "oidc", "archive", "postgresql", "otlp")
        for key, value in (("to", [_PEER]), ("ports", [8, "9-10"]))
    },
    "networkPolicy.egress.others": [{"to": [_PEER]}],
    "metrics.annotations": False,
    "metrics.serviceMonitor.enabled": False,
    "metrics.serviceMonitor.interval": "10s",
    "metrics.serviceMonitor.labels": {"a": "b"},
    "podDisruptionBudget.enabled": False,
    "podDisruptionBudget.maxUnavailable": 1,
    "serviceAccount.create": False,
    "serviceAccount.name": "other",
    "serviceAccount.annotations": {"a": "b"},
    "updateStrategy": "OnDelete",
    "priorityClassName": "observing",
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
}

#: Values in which everything that can be left out is there, so that each key has something to change.
EVERYTHING: dict[str, Any] = merged(
    GUARDED,
    {
        "database": {"secret": "database"},
        "git": {"credentials": {"secret": "git"}},
        "packages": {"credentials": {"secret": "packages"}},
        "scripts": {"isolation": "landlock"},
        "metrics": {"serviceMonitor": {"enabled": True}},
        "telescope": {"tangoHost": "other:10000"},
        "archive": {
            "url": "https://other.example.org/oda/api/v1",
            "token": {"secret": "token"},
            "client": {"secret": "client"},
            "ca": {"secret": "authority"},
        },
        "settings": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
    },
)


def path_of(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


def test_a_value_to_try_is_known_for_every_key() -> None:
    assert sorted(OTHER) == sorted(".".join(leaf) for leaf in leaves(DEFAULTS))


@pytest.fixture(scope="module")
def everything() -> str:
    return template(EVERYTHING).stdout


@pytest.mark.parametrize("name", OTHER)
def test_every_key_changes_what_is_rendered_or_is_refused(name: str, everything: str) -> None:
    first = {"scripts": {"isolation": "uid"}} if name == "scripts.account" else {}
    done = template(merged(merged(EVERYTHING, first), nested(path_of(name), OTHER[name])))
    if done.returncode:
        assert name in ("auth.enabled", "ingress.plainHttp"), (
            done.stderr
        )  # contradict the issuers, the Secret
    else:
        assert done.stdout != everything


def test_a_value_of_the_wrong_type_is_refused_for_every_key() -> None:
    wrong: dict[str, Any] = {}
    for name, other in OTHER.items():
        value = {"a": {"b": 1}} if isinstance(other, str | bool | int) else "text"
        wrong = merged(wrong, nested(path_of(name), value))
    told = refusal(wrong)
    assert [name for name in OTHER if f"at '/{name.replace('.', '/')}': " not in told] == []


def test_a_key_that_is_none_is_refused_at_every_level() -> None:
    levels = {leaf[:n] for leaf in leaves(DEFAULTS) for n in range(len(leaf))}
    misspelt: dict[str, Any] = {}
    for level in levels:
        misspelt = merged(misspelt, nested((*level, "misspelt"), "1"))
    told = refusal(misspelt)
    places = ["".join(f"/{name}" for name in level) for level in levels]
    assert [p for p in places if f"at '{p}': additional properties 'misspelt' not allowed" not in told] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("settings", {"OET_HISTRY": "20"}),
        ("settings", {"OET_HISTORY": 20}),
        ("settings", {"OET_DATABASE_URL": "postgresql+psycopg://user:password@host/oet"}),
        ("settings", {"OET_AUTH": "off"}),
        ("scripts.isolation", "jail"),
        ("scripts.account", "root"),
        ("scripts.account", "0:0"),
        ("scripts.writes", ["data"]),
        ("subarrays", []),
        ("subarrays", [0]),
        ("subarrays", [17]),
        ("subarrays", [1, 1]),
        ("image.digest", "0123"),
        ("telescope.name", "MeerKAT"),
        ("telescope.tangoHost", "databaseds"),
        ("auth.read", ["everybody"]),
        ("extraEnv", [{"name": "A", "valeu": "b"}]),
        ("extraEnv", [{"name": "A", "valueFrom": {"secretRef": {}}}]),
        ("extraEnvFrom", [{"secret": {"name": "a"}}]),
        ("extraVolumeMounts", [{"name": "a", "path": "/a"}]),
        ("resources", {"limits": {"memroy": "1Gi"}}),
        ("tolerations", [{"kye": "a"}]),
        ("affinity", {"nodeAfinity": {}}),
        ("networkPolicy.from", [{"namespace": "a"}]),
        ("networkPolicy.egress.others", [{"from": []}]),
        ("networkPolicy.egress.git.to", [{"namespace": "a"}]),
        ("networkPolicy.egress.git.ports", [0]),
        ("networkPolicy.egress.git.ports", ["https"]),
        ("persistence.size", "much"),
    ],
)
def test_what_could_not_work_is_refused(name: str, value: Any) -> None:
    assert f"'/{name.replace('.', '/')}" in refusal(nested(path_of(name), value))


def test_no_object_of_the_schema_takes_keys_that_it_does_not_describe() -> None:
    def described(schema: Any, path: str) -> None:
        if isinstance(schema, dict):
            if "properties" in schema and not path.endswith("extraVolumes/items"):
                assert schema.get("additionalProperties") is False, path
            for name, part in schema.items():
                described(part, f"{path}/{name}")

    described(json.loads((CHART / "values.schema.json").read_text()), "")


def test_every_setting_can_be_chosen_at_exactly_one_place() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    free = schema["properties"]["settings"]["properties"]
    everything = {**EVERYTHING, "settings": {}}
    for name in OTHER.keys() - {"auth.enabled", "ingress.plainHttp", "settings"}:
        everything = merged(everything, nested(path_of(name), OTHER[name]))
    documents = [*render(everything), *render({"auth": {"enabled": False, "issuers": [], "audiences": []}})]
    chosen = {name for document in of_kind(documents, "ConfigMap") for name in document["data"]}
    chosen |= {variable["name"] for variable in container_of(documents)["env"]}
    settings = {variable.name for variable in VARIABLES.values()}
    assert sorted([*free, *(chosen & settings)]) == sorted(settings)
    assert chosen - settings == {"OET_URL", "A"}


def test_a_setting_reaches_the_server_as_it_is_given() -> None:
    given = {"OET_PRELOAD": "", "OET_HISTORY": "20", "OET_GIT_TIMEOUT": "1 min", "LOG_LEVEL": "yes: no"}
    data = only(render({"settings": given}), "ConfigMap")["data"]
    assert {name: data[name] for name in given} == given


@pytest.mark.parametrize(
    ("release", "namespace", "name"),
    [
        ("oet", "ska", "oet-16"),
        ("2024", "0x10", "oet-2024-oet-16"),
        ("my.oet", "true", "my-oet-16"),
        ("a" * 40 + "-oet-" + "b" * 8, "ska", "a" * 33 + "-e5279e69-16"),
    ],
)
def test_names_and_values_that_look_like_something_else_stay_what_they_are(
    release: str, namespace: str, name: str
) -> None:
    done = helm("template", release, CHART, "--namespace", namespace, values=merged(GUARDED, _ODD))
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.load_all(done.stdout, UniqueKeys) if document]
    for document in documents:
        validate(document)
        assert document["metadata"]["namespace"] == namespace
        assert document["metadata"]["labels"]["app.kubernetes.io/instance"] == release
        assert re.fullmatch(r"[a-z]([-a-z0-9]{,50}[a-z0-9])?", document["metadata"]["name"]) or (
            document["metadata"]["name"] == "on"
        )
    last = of_kind(documents, "StatefulSet")[-1]
    assert (last["metadata"]["name"], len(of_kind(documents, "StatefulSet"))) == (name, 16)
    annotations = last["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "false"
    assert annotations["checksum/settings"] != "mine"
    assert only(documents, "Ingress")["spec"]["rules"][0]["host"] == "*.example.org"


class UniqueKeys(yaml.CSafeLoader):
    """Refuses a key that is there twice, as an API server does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = [self.construct_object(key) for key, _ in node.value]  # type: ignore[no-untyped-call]
        assert len(keys) == len(set(keys)), keys
        return super().construct_mapping(node, deep)


def test_releases_with_a_long_common_beginning_have_names_of_their_own() -> None:
    names = {
        of_kind(
            list(yaml.safe_load_all(helm("template", f"{'a' * 48}-{n}", CHART, values=GUARDED).stdout)),
            "Service",
        )[0]["metadata"]["name"]
        for n in (1, 2)
    }
    assert len(names) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"subarrays": 0},
        {"subarrays": 17},
        {"podLabels": {"app.kubernetes.io/name": "x"}},
        {"metrics": {"serviceMonitor": {"labels": {"helm.sh/chart": "x"}}}},
        {"ingress": {"timeoutSeconds": None}},
        {"ingress": {"host": "a b"}},
        {"ingress": {"host": "a..b"}},
        {"ingress": {"host": "a.-b"}},
        {"ingress": {"className": "a #b"}},
        {"image": {"tag": "a: b"}},
        {"persistence": {"size": None}},
        {"persistence": {"size": "1.5.5"}},
        {"persistence": {"size": -1}},
        {"archive": {"url": None}},
        {"archive": {"url": "oda.example.org"}},
        {"archive": {"statuses": ["Ready,Draft"]}},
        {"archive": {"token": {"secret": "a", "key": None}}},
        {"archive": {"client": {"tokenUrl": "https://me:password@issuer.example.org/token"}}},
        {"database": {"secret": "a", "key": None}},
        {"git": {"credentials": None}},
        {"git": {"credentials": {"secret": "a", "key": None}}},
        {"packages": {"index": None}},
        {"packages": {"index": "packages.example.org/simple"}},
        {"packages": {"index": "https://me:password@packages.example.org/simple"}},
        {"packages": {"extraIndexes": ["https://a.example.org/simple https://b.example.org/simple"]}},
        {"packages": {"credentials": {"secret": "a", "key": None}}},
        {"metrics": {"serviceMonitor": {"enabled": True, "interval": None}}},
        {"stop": None},
        {"extraVolumes": [{"name": "a.b", "emptyDir": {}}]},
        {"extraVolumes": [{"name": "tmp", "emptyDir": {}}]},
    ],
)
def test_what_kubernetes_would_not_take_is_refused(values: Document) -> None:
    refusal(merged(GUARDED, values))


@pytest.mark.parametrize(("seconds", "failures"), [(10, 2), (15, 2), (180, 18), (181, 19)])
def test_one_slow_answer_ends_no_observation_and_a_server_that_hangs_is_not_waited_for(
    seconds: int, failures: int
) -> None:
    container = container_of(render(merged(GUARDED, {"probes": {"livenessSeconds": seconds}})))
    assert container["livenessProbe"]["failureThreshold"] == failures
    for probe in ("livenessProbe", "startupProbe"):
        assert container[probe]["terminationGracePeriodSeconds"] == 5 + 30 + 30
