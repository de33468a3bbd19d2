"""The pods of the chart: restricted, made for long observations, and watched."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ska_oso_oet.procedures.isolation_policy import NEEDED, account_of
from ska_oso_oet.settings import read_settings
from ska_oso_oet_client.address import resolve

from .chart import (
    CHART,
    DEFAULTS,
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
)
from .dockerfile import ROOT, stages
from .value_sets import VALUE_SETS

# -- security -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["one", "secrets", "bare"])
def test_every_pod_is_restricted_and_has_no_token_of_the_api(name: str) -> None:
    documents = render(VALUE_SETS[name])
    for pod in (pod_of(documents)["spec"], only(documents, "Pod")["spec"]):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert stages()[-1].values("USER") == [f"{context['runAsUser']}:{context['runAsGroup']}"]
        assert context["fsGroup"] == context["runAsGroup"]
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        assert not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC", "initContainers"))
        assert not [volume for volume in pod.get("volumes", ()) if "hostPath" in volume]
    for account in of_kind(documents, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_only_root_gives_scripts_another_account_and_with_six_capabilities() -> None:
    documents = render(VALUE_SETS["scripts with an account of their own"])
    pod = pod_of(documents)["spec"]
    assert pod["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container_of(documents)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": [*NEEDED]},
    }
    secrets = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert [secret["defaultMode"] for secret in secrets] == [0o400] * 2
    data = only(documents, "ConfigMap")["data"]
    settings = read_settings(data)
    assert account_of(settings) == (10001, 10001)
    assert settings.script_writes == ("/data",)


def test_only_the_volume_and_tmp_can_be_written_to() -> None:
    mounts = container_of(render(VALUE_SETS["secrets"]))["volumeMounts"]
    (volume,) = stages()[-1].values("VOLUME")
    writable = [mount["mountPath"] for mount in mounts if not mount.get("readOnly")]
    assert writable == [volume, "/tmp"]


def test_the_image_can_be_named_by_its_digest() -> None:
    digest = "sha256:" + "ab" * 32
    documents = render({"image": {"digest": digest, "tag": "1"}})
    assert container_of(documents)["image"] == f"ska-oso-oet@{digest}"
    assert only(documents, "Pod")["spec"]["containers"][0]["image"] == f"ska-oso-oet@{digest}"


# -- long observations --------------------------------------------------------------------------------


def test_a_pod_that_is_told_to_end_drains_first_and_has_time_for_all_that_follows() -> None:
    documents = render({"stop": {"drainSeconds": 1000, "graceSeconds": 20, "abortSeconds": 300}})
    command = container_of(documents)["lifecycle"]["preStop"]["exec"]["command"]
    assert command == ["oet-server", "drain", "--wait", "1000"]
    settings = read_settings(only(documents, "ConfigMap")["data"])
    assert (settings.stop_grace, settings.abort_timeout) == (20.0, 300.0)
    # The server itself takes the grace period and at most 20 seconds: workers/arbiter.py.
    grace = pod_of(documents)["spec"]["terminationGracePeriodSeconds"]
    assert grace > 1000 + settings.abort_timeout + settings.stop_grace + 20


def test_a_server_that_drains_can_still_be_reached() -> None:
    assert only(render(), "Service")["spec"]["publishNotReadyAddresses"] is True


def test_only_a_long_silence_ends_a_server() -> None:
    probe = container_of(render())["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= DEFAULTS["probes"]["livenessSeconds"] == 180
    assert only(render(), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 0


def test_an_upgrade_changes_nothing_that_a_statefulset_cannot_change(tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(CHART, newer)
    described = (newer / "Chart.yaml").read_text()
    (newer / "Chart.yaml").write_text(re.sub(r"(?m)^(version|appVersion): .*", r"\1: 2.3.4", described))
    fixed = ("selector", "serviceName", "volumeClaimTemplates")
    before, after = render(), render(chart=newer)
    assert [only(before, "StatefulSet")["spec"][name] for name in fixed] == [
        only(after, "StatefulSet")["spec"][name] for name in fixed
    ]
    (path,) = only(after, "Ingress")["spec"]["rules"][0]["http"]["paths"]
    assert path["path"].endswith("/api/v2")


# -- monitoring, notes, use by other charts -----------------------------------------------------------


def test_prometheus_finds_the_metrics() -> None:
    documents = render({"metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "p"}}}})
    annotations = pod_of(documents)["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == "/metrics"
    assert annotations["prometheus.io/port"] == "5000"
    monitor = only(documents, "ServiceMonitor")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["labels"]["release"] == "p"
    assert monitor["spec"].keys() == {"selector", "podTargetLabels", "endpoints"}
    assert monitor["spec"]["endpoints"] == [{"port": "http", "path": "/metrics", "interval": "30s"}]


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ({"ingress": {"host": "oet.example.org", "tlsSecret": "a"}}, "https://oet.example.org/"),
        ({"ingress": {"tlsSecret": "", "plainHttp": True}}, "http://oet.example.org/"),
        ({"ingress": {"enabled": False}}, "http://127.0.0.1:5000/"),
    ],
)
def test_the_notes_say_what_to_export(values: Document, start: str) -> None:
    values = merged(GUARDED, {"subarrays": [3, 4], **values})
    done = helm("install", "oet", CHART, "--namespace", NAMESPACE, "--dry-run=client", values=values)
    found = re.search(r"export OET_URL='(.*)'", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert found[1].startswith(start)
    address = resolve(None, 4, {"OET_URL": found[1]})
    assert address.url.endswith(f"/{NAMESPACE}/oet/4/api/v1")
    assert "oet status --subarray_id=3" in done.stdout
    assert "oet login" in done.stdout


def test_another_chart_can_bring_it_along(tmp_path: Path) -> None:
    shutil.copytree(CHART, tmp_path / "charts" / "ska-oso-oet")
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: telescope\nversion: 1.0.0\n")
    values = {"global": {"telescope": "mid"}, "ska-oso-oet": GUARDED}
    done = helm("template", "telescope", tmp_path, values=values)
    assert done.returncode == 0, done.stderr
    assert "name: telescope-oet-1" in done.stdout


def test_the_documentation_names_every_key() -> None:
    text = (ROOT / "docs/how-to/kubernetes.md").read_text()
    missing = [name for name in DEFAULTS if f"`{name}" not in text]
    assert missing == []
