"""Somebody new does what the page of the first hour says, on a machine with Python alone, and their nodes pull."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from moor_lab.lab import Lab
from tests.docs.pages import ROOT, blocks
from tests.lab.central_registry import NAME, PASSWORD, PORT, USER, CentralRegistry
from tests.lab.new_user import HOME, NewMachine
from tests.test_package import built

pytestmark = pytest.mark.lab

NODES = ("node1", "node2", "node3")


@pytest.fixture
def central(lab: Lab, tmp_path: Path) -> Iterator[CentralRegistry]:
    """Yield another team's registry, which serves."""
    (tmp_path / "central").mkdir()
    registry = CentralRegistry(tmp_path / "central", str(lab.fleet.machine))
    registry.certify("Central CA")
    with registry.serving():
        yield registry


@pytest.fixture
def machine(lab: Lab, central: CentralRegistry, tmp_path: Path) -> NewMachine:
    """Return the new machine, with what the other teams gave: a key for the hosts, the registry's CA."""
    made = NewMachine(tmp_path / "machine").build(built(ROOT, tmp_path / "wheel"))
    shutil.copy(lab.key, made.home / ".ssh/fleet")
    shutil.copy(central.ca, made.home / "corp-ca.crt")
    for name in NODES:
        lab.reset(name)
    return made


def script_of_the_page(lab: Lab) -> list[str]:
    """Return the page's script, with the lab's names and addresses in it."""
    (block,) = (one.content for one in blocks(ROOT / "docs/first-hour.md") if "python3 -m venv" in one.content)
    network = str(lab.fleet.network).rsplit(".", 2)[0]
    for former, new in (
        ("registry.corp.example.org", f"{NAME}:{PORT}"),
        ("--login deploy", f"--login {USER}"),
        ("10.0.0.1 ", f"{lab.fleet.machine} "),
        ("10.0.0.[", f"{network}.0.["),
    ):
        assert former in block
        block = block.replace(former, new)
    return block.splitlines()


def test_what_the_page_says_leads_from_an_empty_machine_to_nodes_that_pull(lab: Lab, machine: NewMachine) -> None:
    lines = script_of_the_page(lab)
    done = machine.run(lines, PASSWORD)
    expected = {line: 2 if line == "moor plan" else 0 for line in lines}
    assert done.codes == expected, done.said[-4000:]
    for name in NODES:
        assert f"{name}: shows ssh-ed25519 SHA256:" in done.said
        assert f"{name}  reached" in done.said
    proofs = [line.split() for line in done.said.splitlines() if line.split()[:1] and line.split()[0] in NODES]
    assert all(set(words[1:]) == {"ok"} for words in proofs if "ok" in words)
    assert sum("ok" in words for words in proofs) == len(NODES)
    assert PASSWORD not in done.said
    kept = machine.home / "fleet/secrets/registry-login"
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == (PASSWORD, 0o600)
    assert not (machine.home / "fleet/.moor/pki").exists()  # the CA is another team's
    assert HOME not in (machine.home / "fleet/inventory/hosts.yaml").read_text()
