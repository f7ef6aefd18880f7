"""Proxies of real hosts: set on a node and a workstation, each restarted once; drift found and mended; taken away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.lab.conftest import Moored
from tests.lab.drifting import drifted
from tests.lab.writing import sections_laid_over

pytestmark = pytest.mark.lab

ON = ("--limit", "node2,ws1")
FILE, DROP_IN = "/etc/moor/containerd-proxy.env", "/etc/systemd/system/containerd.service.d/moor-proxy.conf"
OTHERS = "/etc/systemd/system/containerd.service.d/http-proxy.conf"
LATER = "/etc/systemd/system/containerd.service.d/zz-late.conf"
LOGIN = "bob:p%3a w\"o'rd"
RUNS = "tr '\\0' '\\n' < /proc/$(systemctl show -p MainPID --value containerd)/environ | grep -i _proxy= | sort"
STARTS = "journalctl -q -u containerd -o cat | grep -c '^Started containerd'"


def test_a_proxy_is_set_kept_and_taken_away_and_each_runtime_starts_once(moored: Moored) -> None:
    lab, moor = moored.lab, moored.moor
    secret = moor.site / "proxy-login"
    secret.touch(mode=0o600)
    secret.write_text(LOGIN)
    settings = {
        **{"url": "http://10.99.0.1:3128", "login": f"file:{secret}", "no_proxy": [".example.net"]},
        **{"services": ["10.96.0.0/12"], "pods": ["10.244.0.0/16"]},
    }

    def run(host: str, script: str) -> str:
        return lab.exec(host, ["sh", "-c", script]).strip()

    before = {name: run(name, "cat /etc/environment; ls /etc/apt/apt.conf.d") for name in ("node2", "ws1")}
    run("node2", f"mkdir -p {OTHERS.rpartition('/')[0]}")
    run("node2", f"printf '[Service]\\nEnvironment=HTTPS_PROXY=http://old:3128\\n' > {OTHERS}")
    with sections_laid_over(moored, {"proxy": settings}):
        planned = set(moor.planned("proxy", *ON))
        wanted = {
            f"file:{FILE}",
            f"file:{DROP_IN}",
            "proxy:containerd",
            "proxy:docker",
            "file:/etc/moor/docker-proxy.env",
        }
        assert wanted <= planned
        assert "edit:/etc/environment#proxy" in planned
        began = int(run("node2", STARTS))
        run("node2", "touch /etc/containerd/config.toml")  # containerd has a second reason to start anew
        moor.applied("proxy", "containerd", "docker", *ON)
        assert moor.planned("proxy", "containerd", "docker", *ON) == []
        assert int(run("node2", STARTS)) == began + 1
        assert run("node2", f"stat -c %a {FILE} /etc/apt/apt.conf.d/95moor-proxy") == "600\n600"
        assert run("node2", "apt-config dump Acquire::http::Proxy").count("DIRECT") >= 3
        environment = run("node2", RUNS)
        assert "HTTPS_PROXY=http://bob:p%253a%20w%22o%27rd@10.99.0.1:3128" in environment
        assert "10.96.0.0/12,10.244.0.0/16,.svc,.cluster.local,.example.net" in environment
        assert "registry.moor.test" in run("ws1", "docker info --format '{{.NoProxy}}'").split(",")
        assert moor("verify", *ON, "--quiet").returncode == 0

        found = drifted(moored, *ON)
        assert set(found.open) == {("node2", "proxy:containerd:others")}, found.said
        assert OTHERS in found.said
        run("node2", f"rm {OTHERS}; sed -i s/3128/3129/ {FILE}; systemctl daemon-reload; systemctl restart containerd")
        run("ws1", "sed -i /^http_proxy=/d /etc/environment")
        found = drifted(moored, *ON)
        assert set(found.open) == {
            ("node2", f"file:{FILE}"), ("node2", "proxy:containerd"), ("ws1", "edit:/etc/environment#proxy"),
        }, found.said  # fmt: skip
        moor.applied("proxy", *ON)
        assert moor.planned("proxy", *ON) == []

        run("node2", f"printf '[Service]\\nEnvironmentFile=/run/late\\n' > {LATER}; echo NO_PROXY=x > /run/late")
        run("node2", "systemctl daemon-reload; systemctl restart containerd")
        refused = moor("apply", "proxy", "--yes", *ON)
        assert refused.returncode == 1
        assert "containerd still runs with another proxy" in refused.said
        assert "also set in: /run/late" in refused.said
        run("node2", f"rm {LATER} /run/late")
        moor.applied("proxy", *ON)
        assert moor.planned("proxy", *ON) == []
        assert "NO_PROXY=x" not in run("node2", RUNS).splitlines()
    found = json.loads(moor("import", "--quiet", "--output", "json", *ON).stdout)["files"]
    trees = [YAML(typ="safe").load(found[f"inventory/{name}.yaml"]) for name in ("defaults", "hosts")]
    read = {**trees[0]["data"]["proxy"], **trees[1]["node2"].get("data", {}).get("proxy", {})}
    assert (read["url"], read["login"]) == (settings["url"], "file:secrets/proxy-login")
    assert ".example.net" in read["no_proxy"]
    assert "programs" not in read
    assert moor("remove", "proxy", "--yes", *ON).returncode == 0
    assert run("node2", RUNS + "; :") == ""
    assert {name: run(name, "cat /etc/environment; ls /etc/apt/apt.conf.d") for name in before} == before
    assert drifted(moored, *ON).open == {}
    assert not any("o'rd" in said or "p%253a" in said for said in moor.said)


@pytest.mark.parametrize(
    ("part", "settings", "later", "seen"),
    [
        ("proxy", {"url": "http://10.99.0.1:3128"}, {"url": "http://10.99.0.2:3128"}, f"{RUNS}; cat /etc/environment"),
        ("mtu", {"registry": 1400}, {"registry": 1380}, "ip route show proto 77; systemctl is-enabled moor-mtu"),
    ],
)
def test_a_run_that_is_put_back_leaves_the_host_with_what_it_had_before(
    moored: Moored, part: str, settings: dict[str, Any], later: dict[str, Any], seen: str
) -> None:
    moor, on = moored.moor, ("--limit", "node2")

    def state() -> str:
        return moored.lab.exec("node2", ["sh", "-c", f"{{ {seen}; }} 2>&1; :"]).strip()

    def applied(wanted: dict[str, Any]) -> str:
        with sections_laid_over(moored, {part: wanted}):
            done = moor("apply", part, "--yes", "--output", "json", *on)
            assert done.returncode == 0, done.said
            assert moor.planned(part, *on) == []
        return str(json.loads(done.stdout)["run"])

    states, runs = [state()], list[str]()
    for wanted in (settings, later):
        runs.append(applied(wanted))
        states.append(state())
    assert len(set(states)) == 3
    while runs:
        states.pop()
        done = moor("rollback", runs.pop(), "--yes", *on)
        assert done.returncode == 0, done.said
        assert state() == states[-1]
    assert drifted(moored, *on).open == {}
    assert moor("verify", *on, "--quiet").returncode == 0
