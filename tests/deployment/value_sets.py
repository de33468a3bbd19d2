"""Installations to try the chart with."""

from __future__ import annotations

from .chart import Document

OPEN: Document = {"auth": {"enabled": False, "issuers": [], "audiences": []}}
VALUE_SETS: dict[str, Document] = {
    "one": {},
    "sixteen": {"subarrays": list(range(1, 17))},
    "open": OPEN,
    "no ingress": {"ingress": {"enabled": False}, "service": {"type": "LoadBalancer"}},
    "plain http": {"ingress": {"host": "", "tlsSecret": "", "plainHttp": True}},
    "no volume": {"persistence": {"enabled": False}},
    "a volume of its own kind": {
        "persistence": {"storageClass": "fast", "accessModes": ["ReadWriteOncePod"]}
    },
    "no network policy": {"networkPolicy": {"enabled": False}},
    "open network": {"networkPolicy": {"egress": {"enabled": False}}},
    "closed network": {
        "telescope": {"tangoHost": "databaseds:10000"},
        "networkPolicy": {
            "from": [],
            "egress": {
                "tango": {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [10000, "30000-32767"]},
                "others": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 2049}]}],
            },
        },
    },
    "secrets": {
        "database": {"secret": "database"},
        "archive": {
            "url": "https://oso.example.org/ns/oso/api/v16",
            "client": {"id": "oet", "tokenUrl": "https://login.example.org/token", "secret": "client"},
            "ca": {"secret": "authority"},
        },
        "git": {"credentials": {"secret": "git"}},
        "packages": {
            "index": "https://packages.example.org/simple",
            "extraIndexes": ["https://private.example.org/simple", "https://other.example.org/simple"],
            "credentials": {"secret": "packages"},
        },
        "image": {"pullSecrets": ["registry"], "digest": "sha256:" + "ab" * 32},
        "extraEnv": [{"name": "OET_TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}],
        "extraEnvFrom": [{"secretRef": {"name": "a"}}, {"configMapRef": {"name": "b", "optional": True}}],
    },
    "scripts with an account of their own": {
        "scripts": {"isolation": "uid", "writes": ["/data"]},
        "git": {"credentials": {"secret": "git"}},
        "packages": {"credentials": {"secret": "packages"}},
    },
    "placed": {
        "nodeSelector": {"telescope": "mid"},
        "tolerations": [{"key": "telescope", "operator": "Equal", "value": "mid", "effect": "NoSchedule"}],
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 1,
                        "podAffinityTerm": {
                            "topologyKey": "kubernetes.io/hostname",
                            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "ska-oso-oet"}},
                        },
                    }
                ]
            }
        },
        "priorityClassName": "observing",
        "extraVolumes": [{"name": "scripts", "configMap": {"name": "scripts"}}],
        "extraVolumeMounts": [{"name": "scripts", "mountPath": "/scripts", "readOnly": True}],
    },
    "watched": {"metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}},
    "bare": {
        **{
            name: {"enabled": False}
            for name in ("ingress", "networkPolicy", "podDisruptionBudget", "persistence")
        },
        "metrics": {"annotations": False},
        "serviceAccount": {"create": False},
        "resources": {"requests": None, "limits": None},
        "updateStrategy": "OnDelete",
    },
}
