"""The programs of this machine that render manifests: kustomize, kubectl, helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moor.errors import UnfitInput
from moor.secrets import private_files
from moor.secrets.masking import mask
from moor.tasks.registry.logins import RegistryLogin, docker_auth_entry
from moor.tasks.workload.settings import Chart

RENDER_S = 120
SHOWN = 600  # characters of a program's error
NOT_PASSED = ("KUBECONFIG", "HELM_")  # what would have a program read anything but the manifests


@dataclass(frozen=True)
class ChartAccess:
    """How helm reaches the registry of a chart.

    Attributes:
        host_port: of the registry
        login: None for a public project
        ca: PEM; empty if its certificate is a public one
    """

    host_port: str
    login: RegistryLogin | None = None
    ca: str = ""


def build_kustomization(directory: Path, where: str) -> str:
    """Render a kustomization.

    Args:
        where: the beginning of error messages

    Raises:
        UnfitInput: no program is there that renders it, or it fails
    """
    if program := shutil.which("kustomize"):
        return _printed([program, "build", str(directory)], where)
    if program := shutil.which("kubectl"):
        return _printed([program, "kustomize", str(directory)], where)
    raise UnfitInput(
        f"{where}: it is a kustomization, and neither kustomize nor kubectl is installed on this machine; install one "
        f"of them, or render it elsewhere: kustomize build {directory} > FILE"
    )


def template_chart(chart: Chart, release: str, namespace: str, where: str, access: ChartAccess | None = None) -> str:
    """Render a Helm chart; helm gets directories of its own, so that nothing of the user's configuration counts.

    Args:
        where: the beginning of error messages
        access: to the registry, for a chart that is there

    Raises:
        UnfitInput: helm is not installed, or fails
    """
    program = shutil.which("helm")
    if not program:
        raise UnfitInput(
            f"{where}: it is a Helm chart, and helm is not installed on this machine; install it, or render the chart "
            f"elsewhere: helm template {release} {chart.chart} --namespace {namespace} > FILE"
        )
    with tempfile.TemporaryDirectory(prefix="moor-helm-") as made:
        own = Path(made)
        named = ["--version", chart.version] if chart.version else []
        told = ["--kube-version", chart.kube_version] if chart.kube_version else []
        words = [program, "template", release, chart.chart, "--namespace", namespace, "--include-crds", "--skip-tests"]
        return _printed(
            [*words, *named, *told, *_values(chart, own), *_trust(access, own)], where, _places(own, access)
        )


def _values(chart: Chart, own: Path) -> list[str]:
    """Return the options for a chart's values; values of the inventory go into files of moor's."""
    words: list[str] = []
    for at, value in enumerate(chart.values):
        path = value
        if isinstance(value, Mapping):
            path = own / f"values-{at}.json"
            private_files.write(path, json.dumps(value).encode())
        words += ["--values", str(path)]
    return words


def _trust(access: ChartAccess | None, own: Path) -> list[str]:
    if access is None or not access.ca:
        return []
    path = own / "ca.crt"
    path.write_text(access.ca)
    return ["--ca-file", str(path)]


def _places(own: Path, access: ChartAccess | None) -> dict[str, str]:
    """Return the variables that name helm's directories, and its logins in a file."""
    logins = own / "logins.json"
    auths = {access.host_port: docker_auth_entry(access.login)} if access and access.login else {}
    private_files.write(logins, json.dumps({"auths": auths}).encode())
    names = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    return {**{name: str(own / name.lower()) for name in names}, "HELM_REGISTRY_CONFIG": str(logins)}


def _printed(argv: Sequence[str], where: str, variables: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it prints.

    Raises:
        UnfitInput: it fails, or does not end
    """
    name = f"{Path(argv[0]).name} {argv[1]}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(NOT_PASSED)}
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=RENDER_S,
            check=False,
            env={**kept, **(variables or {})},
        )
    except subprocess.TimeoutExpired:
        raise UnfitInput(f"{where}: {name} did not end within {RENDER_S} s; run it by hand") from None
    except OSError as error:
        raise UnfitInput(f"{where}: {name}: cannot be run: {error.strerror}") from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise UnfitInput(f"{where}: {name} failed: {mask(said)[-SHOWN:] or f'it ended with {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")
