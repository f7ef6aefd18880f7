"""What concerns take away that the inventory no longer says, and of a host that leaves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.engine.plan import plan
from moor.formats.yaml_text import parse_yaml
from moor.resources.base import State
from moor.tasks.containerd.rancher import edit_registries_yaml, without_registry
from moor.tasks.docker.stored_logins import no_stored_login
from moor.tasks.facts import Registry
from moor.tasks.mirrors.hosts_toml import CacheHost
from moor.tasks.mirrors.rancher import edit_mirrors
from moor.tasks.mirrors.retired import without_mirrors
from moor.tasks.names.dnsmasq import STALE, DnsmasqForgets
from moor.tasks.proxies.unset import UnsetProxy
from tests.harness.commands import moor_here
from tests.harness.hosts import local_shells
from tests.harness.shells import SHELLS, sh
from tests.harness.sites import Content, write_site

REGISTRY = Registry.model_validate({"name": "registry.moor.test", "address": "10.0.0.5"})
CA, FILE = "/etc/rancher/k3s/moor-registry-ca.crt", "/etc/rancher/k3s/registries.yaml"
OTHERS = [
    "",
    "# ours\nmirrors:\n  quay.example.org: {endpoint: [https://quay.example.org]} # theirs\n",
    "configs:\n  other.example.org:\n    tls: {ca_file: /x} # theirs\n",
    "configs:\n  registry.moor.test:\n    auth: {username: a, password: b}\n",
]


@pytest.mark.parametrize("content", OTHERS)
def test_registries_yaml_says_after_all_what_it_said_before_moor(content: str) -> None:
    caches = [CacheHost(name, f"{REGISTRY.url}/v2/{name}", server="https://x") for name in ("docker.io", "ghcr.io")]
    ours = edit_registries_yaml(content, "", REGISTRY, CA, FILE)
    ours = edit_mirrors(ours, "", caches, FILE)
    assert parse_yaml(ours) != parse_yaml(content)
    back = without_registry(without_mirrors(ours, "", REGISTRY.url, (), FILE), "", REGISTRY.host_port, CA, FILE)
    assert (parse_yaml(back) or {}) == (parse_yaml(content) or {})
    assert all(line in back for line in content.splitlines() if "theirs" in line)


@given(st.sets(st.sampled_from(["docker.io", "quay.io", "ghcr.io"])))
def test_a_mirror_that_is_listed_stays(listed: set[str]) -> None:
    every = ("docker.io", "quay.io", "ghcr.io")
    content = edit_mirrors("", "", [CacheHost(n, f"{REGISTRY.url}/v2/{n}", server="x") for n in every], FILE)
    left = without_mirrors(content, "", REGISTRY.url, listed, FILE)
    assert set((parse_yaml(left) or {}).get("mirrors", {})) == listed


def test_a_mirror_that_somebody_else_wrote_stays() -> None:
    content = f"mirrors:\n  docker.io:\n    endpoint: [{REGISTRY.url}/v2/hub, https://other.example.org]\n"
    assert without_mirrors(content, "", REGISTRY.url, (), FILE) == content


def test_a_concern_without_leftovers_is_refused_with_those_that_have_some(tmp_path: Path) -> None:
    site = write_site(tmp_path, {"inventory/hosts.yaml": {"node1": {"hostname": "127.0.0.1"}}})
    done = moor_here(site, "remove", "harbor,mirors", "--yes")
    assert done.returncode == 1
    assert "remove: harbor, mirors: nothing of it is removed on hosts; known: devices, routes, " in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_a_login_that_somebody_stored_keeps_a_host_from_leaving(shell: str) -> None:
    home = Path("/run/containers/moor-leaving-test")
    requirement = no_stored_login("registry.leaving.test")
    home.mkdir(parents=True)
    try:
        (home / "auth.json").write_text('{"auths": {"registry.leaving.test": {"auth": "c2VjcmV0"}}}')
        found = requirement.actual(sh(shell, requirement.probe()).stdout.decode())
        words = requirement.remedy(found)
        assert words.startswith(f"{home}/auth.json: logs in to registry.leaving.test")
        assert "c2VjcmV0" not in words
        (home / "auth.json").write_text('{"auths": {"other.test": {}}}')
        found = requirement.actual(sh(shell, requirement.probe()).stdout.decode())
        assert requirement.desired(found) == found
    finally:
        (home / "auth.json").unlink()
        home.rmdir()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_host_without_docker_has_no_proxy_of_its_to_unset(shell: str) -> None:
    done = sh(shell, f"systemctl() {{ :; }}\n{UnsetProxy().probe()}")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_docker_that_still_runs_with_a_proxy_is_started_anew(shell: str) -> None:
    set_ = "HTTPS_PROXY=http://proxy.example.org:3128"
    running = f"env {set_} sleep 30 & moor_pid=$!\nsystemctl() {{ case $* in *MainPID*) echo $moor_pid ;; esac; }}\n"
    wait = "until grep -qz HTTPS_PROXY /proc/$moor_pid/environ 2>/dev/null; do :; done\n"
    stale = sh(shell, f"{running}{wait}( {UnsetProxy().probe()} )\nkill $moor_pid")
    assert UnsetProxy().actual(stale.stdout.decode()) == {"proxy": "of its last start"}
    still = f"{running.replace('esac', f'*Environment*) echo Environment={set_} ;; esac')}{wait}"
    kept = sh(shell, f"{still}( {UnsetProxy().probe()} )\nkill $moor_pid")
    assert UnsetProxy().actual(kept.stdout.decode()) is None


@pytest.mark.parametrize("shell", SHELLS)
def test_only_a_dnsmasq_that_runs_with_moors_removed_file_is_started_anew(shell: str, tmp_path: Path) -> None:
    config, kept = tmp_path / "dnsmasq.d/moor.conf", tmp_path / "runs/1/files"
    config.parent.mkdir()
    forgets = DnsmasqForgets(str(tmp_path / "runs"), str(config))

    def found(started: str = "0") -> State | None:
        systemctl = f"systemctl() {{ case $1 in is-active) [ -n '{started}' ] ;; show) echo {started or 0} ;; esac; }}"
        done = sh(shell, f"{systemctl}\n( {forgets.probe()} )")
        assert (done.returncode, done.stderr) == (0, b"")
        return forgets.actual(done.stdout.decode())

    now = str(int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6) + 60_000_000)
    assert found("") is None  # it does not run, or is not there
    assert found() == {"stale": "no"}  # somebody else has changed the directory since its start
    keeps = kept / str(config).lstrip("/")
    keeps.parent.mkdir(parents=True)
    keeps.touch()
    assert found() == STALE
    assert found(now) == {"stale": "no"}  # started after the removal
    config.touch()
    assert found() == {"stale": "no"}
    assert plan([forgets], {forgets.id: {"stale": "no"}}, [str(config)])[0].desired == {"stale": "no"}


TASK = """\
from moor.api import Absent, converge

def desired(host):
    return []

def retired(host, leaves):
    return [Absent("/nowhere/moor-retired-test")] if leaves or not host.data.get("custom") else []

def keep_time(task):
    return converge(task, desired)
"""
BOOK = """\
from moor.api import Runbook, Stage
from tasks.clock import keep_time

RUNBOOK = Runbook("clock", "A site's own.", (Stage(keep_time),))
"""


def test_a_sites_own_concern_is_retired_by_its_own_words(tmp_path: Path) -> None:
    hosts = {"node1": {}, "node2": {"hostname": "127.0.0.2", "data": {"custom": {"clock": True}}}}
    files: dict[str, Content] = {"tasks/clock.py": TASK, "runbooks/clock.py": BOOK, "inventory/hosts.yaml": hosts}
    site = write_site(tmp_path, files)
    with local_shells():
        done = moor_here(site, "remove", "clock", "--plan", "--output", "json")
    assert done.returncode == 0, done.said
    found = {name: [one["id"] for one in host["resources"]] for name, host in done.report["hosts"].items()}
    assert found == {"node1": ["absent:/nowhere/moor-retired-test"], "node2": []}
