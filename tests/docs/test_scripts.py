"""The scripts of docs/nornir-scripts.md run over real SSH, and print what the page shows."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, links
from tests.harness.sites import write_site
from tests.harness.sshd import PASSWORD, Sshd, User

SCRIPTS, PAGE = ROOT / "docs/scripts", ROOT / "docs/nornir-scripts.md"
ADDRESSES = {"node1": "127.0.0.2", "node2": "127.0.0.3"}


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Yield an sshd with an /etc of its own that listens at every address of loopback."""
    settings = {"ListenAddress": "0.0.0.0"}  # noqa: S104  # loopback's addresses
    with Sshd(tmp_path_factory.mktemp("sshd"), (User("ops"),), settings) as running:
        yield running


@pytest.fixture
def site(sshd: Sshd, tmp_path: Path) -> Path:
    """Write a site of two nodes in two racks, which are one machine at two addresses."""
    known = "".join(f"[{address}]:{sshd.port} {sshd.host_key}\n" for address in ADDRESSES.values())
    hosts = {
        name: {"hostname": address, "port": sshd.port, "groups": ["nodes"], "data": {"custom": {"rack": f"r{rack}"}}}
        for rack, (name, address) in enumerate(ADDRESSES.items(), 7)
    }
    hosts["node2"]["groups"] = ["nodes", "harbor"]
    shell = {"extras": {"key_file": str(sshd.key), "known_hosts": "known_hosts"}}
    data = {
        "pki": {"passphrase": "file:passphrase"},
        "registry": {"name": "registry.fleet.example.org", "address": "10.0.0.11"},
    }
    return write_site(
        tmp_path,
        {
            "config.yaml": "inventory: {plugin: FleetInventory}\nrunner: {plugin: threaded}\n",
            "inventory/hosts.yaml": hosts,
            "inventory/groups.yaml": {"nodes": {}, "harbor": {}},
            "inventory/defaults.yaml": {"username": "root", "connection_options": {"shell": shell}, "data": data},
            "known_hosts": known,
        },
        {"passphrase": "correct horse battery"},
    )


def run(site: Path, script: str, *words: str) -> tuple[int, str]:
    """Return the exit code and the output of a script that is run in the site's directory, without colours."""
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *words], cwd=site, capture_output=True, text=True, timeout=60
    )
    printed = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    return done.returncode, printed


def test_the_page_shows_the_scripts_as_they_are() -> None:
    shown = [block.content for block in blocks(PAGE) if block.language == "python"]
    assert sorted(shown) == sorted(script.read_text() for script in SCRIPTS.glob("*.py"))
    assert all(f"scripts/{script.name}" in links(PAGE) for script in SCRIPTS.glob("*.py"))


def test_print_result_shows_what_would_change_on_each_host(site: Path) -> None:
    code, out = run(site, "show_plan.py")
    assert code == 0
    assert out.count("edit:/etc/hosts#names ** changed : True") == 2
    assert out.count("+10.0.0.11 registry.fleet.example.org registry") == 2
    shown = next(block.content for block in blocks(PAGE) if "$ python show_plan.py" in block.content)
    assert [line for line in shown.splitlines()[1:] if line not in out and "hosts:" not in line] == []


def test_a_filter_chooses_hosts_and_the_script_ends_with_moors_exit_codes(site: Path) -> None:
    assert run(site, "choose_hosts.py") == (2, "node1: would change\n")
    (site / "known_hosts").write_text("")
    code, out = run(site, "choose_hosts.py")
    assert code == 1
    assert out.startswith("node1: 127.0.0.2:")
    assert "unknown host key" in out
    (site / "inventory/groups.yaml").write_text("nodes: {}\n")
    assert run(site, "choose_hosts.py") == (
        1,
        "inventory/hosts.yaml:10: node2.groups.1: harbor: no such group; known here: nodes\n",
    )


def test_a_processor_writes_each_hosts_answer(site: Path) -> None:
    code, out = run(site, "write_csv.py")
    assert code == 0
    first, *rest = csv.reader(out.splitlines())
    assert first == ["host", "resource", "state"]
    assert sorted(rest) == [[name, "edit:/etc/hosts#names", "differs"] for name in ADDRESSES]


def test_a_task_runs_moors_tasks_and_its_own_as_steps(site: Path) -> None:
    code, out = run(site, "one_after_the_other.py")
    assert code == 0
    before, _, after = out.partition("---- look_at_load ** changed : False")
    assert "write_hosts ** changed : True" in before
    assert "trust_ca ** changed : True" in after
    assert out.count("\nprepared\n") == 2


def test_a_step_that_fails_is_told_in_one_message(site: Path) -> None:
    script = (SCRIPTS / "one_after_the_other.py").read_text().replace("MOST = 50.0", "MOST = -1.0")
    (site / "strict.py").write_text(script)
    out = run(site, str(site / "strict.py"))[1]
    assert re.search(r"^its load is [\d.]+; try again later$", out, re.MULTILINE)
    assert "Subtask: look_at_load (failed)" in out
    assert "Traceback" not in out
    assert "trust_ca" not in out


def test_a_task_of_ones_own_shows_its_change_makes_it_and_is_done(site: Path) -> None:
    code, shown = run(site, "greet.py")
    assert code == 0
    assert "+node1 pulls from registry.fleet.example.org" in shown
    assert run(site, "greet.py", "--apply")[0] == 0
    # Both names are one machine, which holds what the last one wrote: a run of both still finds one to change.
    assert run(site, "greet.py")[1].count("1 of 1 would change") == 1


@pytest.mark.parametrize("opened", ["open_site(Path.cwd())", 'InitNornir(config_file="config.yaml")'])
def test_nornir_netmiko_logs_in_with_moors_secrets_to_hosts_whose_key_is_known(site: Path, opened: str) -> None:
    script = (SCRIPTS / "show_version.py").read_text()
    (site / "ask.py").write_text(
        "from nornir import InitNornir\n"
        + script.replace("open_site(Path.cwd())", opened).replace("show version", "echo by $SSH_CONNECTION")
    )
    netmiko = "{platform: linux, username: ops, password: 'file:password'}"
    (site / "inventory/groups.yaml").write_text(
        f"nodes: {{connection_options: {{netmiko: {netmiko}}}}}\nharbor: {{}}\n"
    )
    write_site(site, {}, {"password": PASSWORD})
    out = run(site, str(site / "ask.py"))[1]
    assert [out.count(f"{address} ") for address in ADDRESSES.values()] == [1, 1], out
    (site / "known_hosts").write_text("")
    out = run(site, str(site / "ask.py"))[1]
    assert out.count("unknown host key ssh-ed25519") >= 2
    assert "by 127" not in out
    assert PASSWORD not in out
