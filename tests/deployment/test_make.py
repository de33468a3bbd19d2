"""The command lines of the make targets that build and deploy, seen by programs that only write them down."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ska_oso_oet import __version__

from .chart import helm
from .dockerfile import ROOT

CHART = "helm/ska-oso-oet"
NEEDED = ("make", "sh", "sed", "git", "date", "cat", "grep", "expand")


class Checkout:
    """make in this checkout, on a PATH with next to nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = folder / "written"
        for program in NEEDED:
            found = shutil.which(program)
            assert found is not None, program
            (folder / program).symlink_to(found)

    def install(self, *programs: str) -> None:
        """Put programs there that write down how they are called."""
        for program in programs:
            path = self._folder / program
            path.write_text(f'#!/bin/sh\necho "{program} $*" >> {self._written}\n')
            path.chmod(0o755)

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *words],
            cwd=ROOT,
            env={"PATH": str(self._folder), "HOME": os.environ.get("HOME", "/")},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, *words: str) -> list[str]:
        """The command lines a target leads to."""
        self._written.unlink(missing_ok=True)
        done = self.make(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return self._written.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_the_image_is_built_with_whatever_engine_is_there(checkout: Checkout, engine: str) -> None:
    checkout.install(engine)
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    arguments = f"--build-arg VERSION={__version__} --build-arg REVISION={revision.stdout.strip()}"
    assert checkout.calls("oci-build") == [f"{engine} build {arguments} --tag ska-oso-oet:{__version__} ."]
    (call,) = checkout.calls("oci-build", "IMAGE=registry.example.org/oet", "TAG=x")
    assert call.endswith("--tag registry.example.org/oet:x .")


def test_rest_runs_the_image_for_this_machine_only(checkout: Checkout) -> None:
    checkout.install("docker")
    build, run = checkout.calls("rest")
    assert build.startswith("docker build ")
    assert run.startswith("docker run --rm --read-only --tmpfs /tmp --volume ska-oso-oet:/var/lib/oet ")
    assert "--publish 127.0.0.1:5000:5000 --env OET_AUTH=off " in run
    assert run.endswith(f" ska-oso-oet:{__version__}")


def test_the_chart_is_installed_awaited_and_removed(checkout: Checkout) -> None:
    checkout.install("helm", "kubectl")
    standard = checkout.calls("k8s-chart-install")
    into = "--namespace ska-oso-oet --create-namespace"
    assert standard == [f"helm upgrade --install oet {CHART} {into}"]
    assert checkout.calls("k8s-install-chart") == standard
    chosen = ("KUBE_NAMESPACE=mid", "RELEASE=tonight")
    (call,) = checkout.calls("k8s-chart-install", *chosen, "VALUES=a.yaml b.yaml")
    into = "--namespace mid --create-namespace"
    assert call == f"helm upgrade --install tonight {CHART} {into} --values a.yaml --values b.yaml"
    (call,) = checkout.calls("k8s-wait", *chosen)
    assert call.startswith("kubectl --namespace mid rollout status statefulset ")
    assert "--selector app.kubernetes.io/instance=tonight " in call
    (call,) = checkout.calls("k8s-uninstall-chart", *chosen)
    assert call == "helm uninstall tonight --namespace mid --ignore-not-found"


def test_dev_up_deploys_the_image_it_has_just_built_and_dev_down_removes_it(checkout: Checkout) -> None:
    checkout.install("docker", "helm", "kubectl", "minikube")
    build, load, install, wait = checkout.calls("dev-up", "VALUES=mine.yaml")
    tag = re.search(r"--tag ska-oso-oet:(dev-\d{14}) \.$", build)
    assert tag is not None
    assert load == f"minikube image load ska-oso-oet:{tag[1]}"
    assert " --values helm/dev.yaml --values mine.yaml " in install
    assert install.endswith(f" --set image.repository=ska-oso-oet,image.tag={tag[1]}")
    assert wait.startswith("kubectl ")
    assert checkout.calls("dev-down")[0].startswith("helm uninstall oet ")


def test_the_values_for_development_are_good_ones() -> None:
    values = yaml.safe_load((ROOT / "helm" / "dev.yaml").read_text())
    done = helm("template", "oet", ROOT / CHART, values=values)
    assert done.returncode == 0, done.stderr
    assert "kind: Ingress" in done.stdout


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("oci-build", "make oci-build needs docker or podman: install one of them or name it in OCI_ENGINE"),
        ("rest", "make oci-build needs docker or podman: install one of them or name it in OCI_ENGINE"),
        ("dev-up", "make oci-build needs docker or podman: install one of them or name it in OCI_ENGINE"),
        ("k8s-chart-install", "make k8s-chart-install needs helm: install Helm 3 or 4"),
        ("k8s-uninstall-chart", "make k8s-uninstall-chart needs helm: install Helm 3 or 4"),
        ("k8s-wait", "make k8s-wait needs kubectl: install kubectl"),
    ],
)
def test_a_program_that_is_missing_is_one_sentence(checkout: Checkout, target: str, sentence: str) -> None:
    done = checkout.make(target)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if "***" not in line] == [sentence]


def test_help_names_every_target(checkout: Checkout) -> None:
    told = checkout.make("help").stdout
    for line in re.findall(r"(?m)^\.PHONY: (.*)", (ROOT / "Makefile").read_text()):
        for target in line.split():
            assert re.search(rf"(?m)^{target} +\S", told), target
