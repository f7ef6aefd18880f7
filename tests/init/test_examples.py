"""Every example is copied by its name, misses only what its page says, and plans."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from moor.connections.ssh.ssh_config import options_of_host
from moor.init.example import example_names, to_bring_for
from tests.docs.pages import ROOT
from tests.harness.commands import ended_here, moor_here
from tests.init.bringing import bring
from tests.init.writing import init

NAMED = ("small", "k3s", "bastion", "dns", "air-gap")
# What a host lacks that is none of the example's, or an API that does not answer.
OF_THE_HOST = {"unmet", "unreachable", "skipped", "name"}


def copied(folder: Path, name: str) -> Path:
    """Copy an example, and bring what its page asks for."""
    assert init(folder / name, "--example", name).returncode == 0
    for path in to_bring_for(name):
        if not path.endswith(".bundle"):
            bring(folder / name, path)
    if name == "air-gap":
        made = moor_here(folder / name, "bundle", "create", "--without", "packages,moor", "--quiet")
        assert made.returncode == 2, made.said  # what is left out is missing
    return folder / name


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a plan of each example says."""
    folder = tmp_path_factory.mktemp("examples")
    sites = {name: copied(folder, name) for name in example_names()}
    argv = ["unshare", "--map-root-user", "--net", sys.executable, "-m", "tests.init.planning"]
    done = subprocess.run([*argv, *sites.values()], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(zip(sites, map(json.loads, done.stdout.splitlines()), strict=True))


def test_every_example_of_the_page_is_there() -> None:
    assert set(NAMED) <= set(example_names())


@pytest.mark.parametrize("name", example_names())
def test_an_example_plans_once_its_files_are_there(name: str, reports: dict[str, Any]) -> None:
    found = reports[name]
    assert found["report"], found["said"]
    hosts = found["report"]["hosts"]
    assert {host["error_kind"] for host in hosts.values() if host["error"]} <= OF_THE_HOST, hosts
    planned = [
        resource["id"] for host in hosts.values() for resource in host["resources"] if resource["status"] == "drift"
    ]
    assert planned or name == "managed-cluster"  # which needs its API for anything


def test_the_hosts_behind_the_bastion_are_reached_through_it_and_the_bastion_itself_directly() -> None:
    config = ROOT / "examples/bastion/ssh_config"
    assert options_of_host(config, "10.20.0.31")["proxyjump"] == "ops@gate.fleet.example.org"
    assert "proxyjump" not in options_of_host(config, "gate.fleet.example.org")


def test_an_example_says_what_is_to_be_brought_and_check_misses_nothing_else(tmp_path: Path) -> None:
    done = init(tmp_path / "f", "--example", "small")
    said = done.stdout.partition("to bring:\n")[2].partition("\n\n")[0]
    assert {line.split(":")[0].strip() for line in said.splitlines()} == set(to_bring_for("small"))
    checked = moor_here(tmp_path / "f", "check", "--quiet")
    named = re.findall(r"no such file: \S*?/f/([^ ;]+)", checked.stderr)
    assert set(named) == set(to_bring_for("small")) - {"secrets/kubeconfig"}, checked.said
    assert "](" not in (tmp_path / "f/README.md").read_text()  # no link that leads nowhere


def test_examples_that_do_not_exist_and_answers_beside_one_are_told(tmp_path: Path) -> None:
    assert "did you mean bastion?" in init(tmp_path / "f", "--example", "bastoin").stderr
    assert "--example: it goes with a directory alone" in init(tmp_path / "f", "--example", "k3s", "--user", "x").stderr
    assert not (tmp_path / "f").exists()


def test_a_readme_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    done = ended_here(["init", str(tmp_path), "--example", "dns"])
    assert "README.md stays as it was" in done.stdout
    assert (tmp_path / "README.md").read_text() == "mine"
