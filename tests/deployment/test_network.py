"""What the chart lets in and out: nobody without a certificate, and nothing to a cloud's metadata."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest
import yaml

from ska_oso_oet.settings import read_settings

from .chart import GUARDED, Document, merged, of_kind, only, pod_of, refusal, render, template
from .dockerfile import ROOT

ALL: Document = {
    "telescope": {"tangoHost": "databaseds:10000"},
    "archive": {"url": "https://oda.example.org/oda/api/v1"},
    "database": {"secret": "database"},
    "settings": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example.org:4318"},
}
OUTSIDE = "192.0.2.7"


def may_reach(documents: list[Document], address: str, port: int, protocol: str = "TCP") -> bool:
    """Whether the policy lets pods connect to a machine outside the cluster."""
    rules = only(documents, "NetworkPolicy")["spec"]["egress"]
    return any(
        any(_is(given, port, protocol) for given in rule["ports"])
        and ("to" not in rule or any(_holds(peer, address) for peer in rule["to"]))
        for rule in rules
    )


def _is(given: Document, port: int, protocol: str) -> bool:
    if given.get("protocol", "TCP") != protocol or not isinstance(given["port"], int):
        return False
    return bool(given["port"] <= port <= given.get("endPort", given["port"]))


def _holds(peer: Document, address: str) -> bool:
    if "ipBlock" not in peer:
        return False
    block, found = peer["ipBlock"], ipaddress.ip_address(address)
    inside = found in ipaddress.ip_network(block["cidr"])
    return inside and not any(found in ipaddress.ip_network(one) for one in block.get("except", ()))


def test_pods_reach_what_they_need_and_nothing_else() -> None:
    documents = render(ALL)
    for port in (53, 443, 5432, 4318, 10000, 45678):
        assert may_reach(documents, OUTSIDE, port), port
    assert may_reach(documents, OUTSIDE, 53, "UDP")
    for port in (22, 25, 80, 111, 445, 631):
        assert not may_reach(documents, OUTSIDE, port), port


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fe80::1", "fd00:ec2::254"]
)
def test_nothing_leads_to_the_metadata_of_a_cloud_or_to_link_local_addresses(address: str) -> None:
    for port in (80, 443, 8080, 4318):
        assert not may_reach(render(ALL), address, port)


def test_what_is_not_used_is_not_let_out() -> None:
    documents = render()
    assert may_reach(documents, OUTSIDE, 443)
    for port in (5432, 4318, 10000, 45678):
        assert not may_reach(documents, OUTSIDE, port), port


def test_ports_follow_from_the_urls_that_are_given() -> None:
    values: Document = {
        "auth": {"issuers": ["https://login.example.org:8443/realms/sky"]},
        "archive": {"url": "http://oda.example.org/oda/api/v1"},
        "git": {
            "repository": "https://git.example.org:3000/a.git",
            "allowed": ["http://[2001:db8::1]:3001/"],
        },
        "packages": {"extraIndexes": ["https://packages.example.org:8081/simple"]},
    }
    for port in (8443, 80, 3000, 3001, 8081):
        assert may_reach(render(values), OUTSIDE, port), port
        assert not may_reach(render(), OUTSIDE, port), port


def test_the_port_of_an_archive_in_a_database_follows_from_its_url() -> None:
    for url, port in (("postgresql://host/oda", 5432), ("postgresql://host:6432/oda", 6432)):
        assert may_reach(render({"archive": {"url": url}}), OUTSIDE, port), url


def test_each_can_be_narrowed_and_none_is_opened_by_leaving_its_ports_out() -> None:
    egress: Document = {"postgresql": {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}, "git": {"ports": []}}
    egress |= {"packages": {"ports": []}, "dns": {"ports": []}}
    documents = render(merged(ALL, {"networkPolicy": {"egress": egress}}))
    assert may_reach(documents, "10.1.2.3", 5432)
    assert not may_reach(render(merged(ALL, {"telescope": {"tangoHost": ""}})), OUTSIDE, 5433)
    assert all(rule.get("ports") for rule in only(documents, "NetworkPolicy")["spec"]["egress"])
    assert not may_reach(documents, OUTSIDE, 53, "UDP")


def test_without_egress_rules_everything_may_be_reached() -> None:
    policy = only(render({"networkPolicy": {"egress": {"enabled": False}}}), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    assert "egress" not in policy


# -- the ingress --------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [{"host": ""}, {"tlsSecret": ""}, {"host": "", "tlsSecret": ""}])
def test_an_ingress_needs_a_name_and_a_certificate(missing: dict[str, str]) -> None:
    told = refusal({"ingress": missing})
    assert "ingress.host and ingress.tlsSecret say at which name" in told
    assert "ingress.plainHttp=true" in told


def test_a_certificate_is_for_the_host_and_plain_http_has_to_be_asked_for() -> None:
    ingress = only(render(), "Ingress")["spec"]
    assert ingress["tls"] == [{"secretName": "certificate", "hosts": ["oet.example.org"]}]
    assert ingress["rules"][0]["host"] == "oet.example.org"
    plain = only(render({"ingress": {"host": "", "tlsSecret": "", "plainHttp": True}}), "Ingress")["spec"]
    assert "tls" not in plain
    assert "host" not in plain["rules"][0]
    assert "contradict" in refusal({"ingress": {"plainHttp": True}})
    assert of_kind(render({"ingress": {"enabled": False, "host": "", "tlsSecret": ""}}), "Ingress") == []


# -- the node -----------------------------------------------------------------------------------------


def test_no_pod_fills_its_node() -> None:
    for values in ({}, {"persistence": {"enabled": False, "size": "7Gi"}}):
        volumes = pod_of(render({"tmp": {"sizeLimit": "3Gi"}, **values}))["spec"]["volumes"]
        limits = {v["name"]: v["emptyDir"]["sizeLimit"] for v in volumes if "emptyDir" in v}
        assert limits == {"tmp": "3Gi", **({"state": "7Gi"} if values else {})}


# -- single sign-on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["keycloak", "entra"])
def test_the_examples_for_single_sign_on_are_settings_that_a_server_takes(name: str) -> None:
    example: dict[str, Any] = yaml.safe_load((ROOT / "helm" / f"{name}.yaml").read_text())
    guide = (ROOT / "docs" / "how-to" / "kubernetes.md").read_text()
    assert example in [yaml.safe_load(block) for block in re.findall(r"(?s)```yaml\n(.*?)```", guide)]
    done = template(merged({"ingress": GUARDED["ingress"]}, example))
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    settings = read_settings(only(documents, "ConfigMap")["data"])
    assert settings.auth_issuers == tuple(example["auth"]["issuers"])
    assert settings.auth_client_id == example["auth"]["clientId"]
    assert set(settings.auth_execute) < set(settings.auth_read)
    assert "offline_access" in settings.auth_scopes.split()
