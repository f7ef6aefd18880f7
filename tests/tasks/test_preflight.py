"""What stops the job is found before it starts, all of it, with what to do."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest
from nornir.core.inventory import Group, Host, ParentGroups
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.requirement import Clock, Requirement, explain_skew
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Runbook, Stage
from moor.tasks.facts import Registry
from moor.tasks.preflight.hosts import (
    FAMILIES,
    VERSIONS,
    check_disk,
    check_docker,
    check_machine,
    check_runtime,
    check_system,
    desired,
    free_space_fragment,
)
from moor.tasks.preflight.ports import PORTS, check_ports, parse_listeners
from moor.tasks.preflight.settings import Preflight
from tests.harness.hosts import MakeFleet
from tests.harness.shells import SHELLS, sh, text

BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
PROC = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:05EA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9000 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9001 1 0 100 0 0 10 0
   2: 0B004D0A:01BB 0B004D0A:9C40 01 00000000:00000000 00:00000000 00000000     0        0 9002 1 0 100 0 0 10 0
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 0000000000000000FFFF00000100007F:2328 00000000000000000000000000000000:0000 0A 00000000:00000000
"""
SS = 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("apache2",pid=231,fd=4))\n'
PROXY = SS.replace("apache2", "docker-proxy")
HARBOR = ":80->8080/tcp :443->8443/tcp\n\n:1514->10514/tcp\n"
WANTED = ("0.0.0.0:80", "0.0.0.0:443", "127.0.0.1:1514")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOOKWORM, ""),
        ("ID=debian\nVERSION_CODENAME=sid\n", ""),
        ('ID=ubuntu\nVERSION_ID="24.04"\nID_LIKE=debian\n', ""),
        ("ID=raspbian\nID_LIKE=debian\nVERSION_ID=9\n", ""),
        ("ID=debian\nVERSION_ID='10'\n", "it runs debian 10; upgrade it to 11 or later"),
        ('ID=ubuntu\nVERSION_ID="18.04"\n', "it runs ubuntu 18.04; upgrade it to 20.04 or later"),
        # as these systems write it themselves
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n', ""),
        ('ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="7.9"\n', "it runs rhel 7.9; upgrade it to 8 or later"),
        ("ID=fedora\nVERSION_ID=41\n", ""),
        ('ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n', ""),
        ('ID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2"\n', "it runs amzn 2; upgrade it to 2023 or later"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\nVERSION_ID="20260101"\n', ""),
        ('ID="sles"\nID_LIKE="suse"\nVERSION_ID="12.5"\n', "it runs sles 12.5; upgrade it to 15 or later"),
        ("ID=arch\nBUILD_ID=rolling\n", ""),
        ("ID=flatcar\nID_LIKE=coreos\nVERSION_ID=3815.2.5\n", ""),
        ("ID=alpine\nVERSION_ID=3.20.3\n", ""),
        ('PRETTY_NAME="Void"\nID="void"\n', f"it runs Void; moor knows {FAMILIES}"),
        ("", f"it runs an unknown system; moor knows {FAMILIES}"),
    ],
)
def test_the_operating_system_is_checked_by_os_release(content: str, said: str) -> None:
    assert check_system(content) == said


def test_harbor_is_refused_on_machines_other_than_amd64() -> None:
    assert check_machine("x86_64\n", ("x86_64",)) == ""
    assert check_machine("aarch64\n", ("x86_64",)) == "it is aarch64; this part of the fleet needs x86_64"


@pytest.mark.parametrize(
    ("there", "before", "after", "said"),
    [
        (1000, 1000, 1000, ""),
        (1060, 1000, 1000, ""),
        (1061, 1000, 1000, "61 s ahead of"),
        (939, 1000, 1000, "61 s behind"),
        (1000, 1000, 1300, ""),  # the answer took five minutes; the clock may be right
        (1400, 1000, 1300, "100 s ahead of"),
    ],
)
def test_a_clock_is_compared_with_the_time_window_in_which_it_was_read(
    there: int, before: int, after: int, said: str
) -> None:
    found = explain_skew(there, before, after, 60)
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        ({"time": {"servers": ["ntp1"]}}, "moor apply time --limit node1 sets it from data.time"),
        ({}, "write your time servers into data.time and run moor apply time, or run timedatectl set-ntp true"),
    ],
)
def test_the_remedy_for_a_wrong_clock_is_the_concern_that_sets_it_where_there_is_one(
    data: dict[str, object], remedy: str
) -> None:
    registry = Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11"})
    host = Host("node1", data={"registry": registry, **data})
    clock = next(one for one in desired(host) if isinstance(one, Clock))
    assert clock.probe().startswith("date ")
    met = clock.actual("1000:1")
    assert met
    assert remedy in clock.remedy(met)


def test_this_machines_clock_agrees_with_itself() -> None:
    clock = Clock()
    assert clock.actual(text(sh("dash", clock.probe()).stdout)) == {"met": "yes"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/dev/sda1 100 50 9999999 50% /", ""),
        ("/dev/sda1 100 50 1024 50% /", "/data has 1 MB free on /, 4096 MB are needed; make room"),
        ("/dev/sda1 100 50 1048576 50% /\ninstalled", ""),
        ("overlay 100 50 -4 100% /var lib", "/data has -1 MB free on /var lib"),
        ("", "the free space below /data cannot be read"),
    ],
)
def test_free_space_is_checked_by_df(line: str, said: str) -> None:
    found = check_disk(line, "/data", 4096)
    assert found.startswith(said)
    assert bool(said) == bool(found)


@pytest.mark.parametrize("shell", SHELLS)
def test_free_space_is_that_of_the_nearest_existing_directory(shell: str, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    done = sh(shell, free_space_fragment(str(tmp_path / "it's" / "not" / "there"), str(tmp_path / "there")))
    assert check_disk(text(done.stdout), "/x", 1) == ""
    assert text(done.stdout).endswith("installed\n")


def test_listening_sockets_are_read_from_the_kernels_tables() -> None:
    found = [(one.address, one.port) for one in parse_listeners(PROC)]
    assert found == [("127.0.0.1", 1514), ("0.0.0.0", 80), ("::", 8080), ("127.0.0.1", 9000)]  # noqa: S104


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (f"--\n--\n{HARBOR}", ""),
        (f"{PROC}--\n{PROXY}--\n{HARBOR}", ""),
        (f"{PROC}--\n--\n{HARBOR}", ""),
        (
            f"{PROC}--\n{SS}--\n{HARBOR}",
            "port 80 is taken by apache2 (pid 231); Harbor needs it: stop what holds it, or let it listen elsewhere",
        ),
        (
            f"{PROC}--\n{SS}--\n",
            "port 80 is taken by apache2 (pid 231), port 1514 is taken by something; "
            "Harbor needs it: stop what holds it, or let it listen elsewhere",
        ),
        ("", ""),
    ],
)
def test_ports_are_free_or_harbors_own(output: str, said: str) -> None:
    assert check_ports(output, WANTED) == said


@pytest.mark.parametrize("shell", SHELLS)
def test_a_port_in_use_is_found(shell: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        assert f"port {port} is taken" in check_ports(text(sh(shell, PORTS).stdout), (f"0.0.0.0:{port}",))
    assert check_ports(text(sh(shell, PORTS).stdout), (f"0.0.0.0:{port}",)) == ""


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", ""),
        ("Docker version 26.1.5+dfsg1, build a72d7cd\nServer 26.1.5+dfsg1\nCompose 2.26.1-4\n", ""),
        ("Docker version 26.1.5+dfsg1, build a72d7cd\n", ""),
        ("Docker version 20.10.24, build 2\nServer 20.10.24\nCompose 2.2.3\n", "Compose 2.2.3 is older than 2.3"),
        ("Docker version 19.03.15, build 9\n", "Docker 19.03.15 is older than 20.10"),
        (
            "Docker version 26.0.0, build 9\nServer 18.09.1\nCompose 2.1.0\n",
            "Docker 18.09.1 is older than 20.10, Compose 2.1.0 is older than 2.3",
        ),
        ("podman version 4.3.1\n", "the command docker is something else (podman version 4.3.1)"),
        ("unknown\n", "the command docker is something else"),
    ],
)
def test_docker_is_absent_or_new_enough(output: str, said: str) -> None:
    found = check_docker(output)
    assert found.startswith(said)
    assert bool(said) == bool(found)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_host_without_docker_is_no_error(shell: str) -> None:
    done = sh(shell, f"PATH=/nowhere; {VERSIONS}")
    assert (done.returncode, check_docker(text(done.stdout))) == (0, "")


def test_a_distribution_with_its_own_containerd_is_refused() -> None:
    assert check_runtime("", "containerd") == ""
    assert check_runtime("/var/lib/rancher/k3s\n", "k3s") == ""
    assert "say data.containerd.runtime: k3s" in check_runtime("/var/lib/rancher/k3s\n", "containerd")
    assert "install rke2" in check_runtime("", "rke2")
    assert "say data.containerd.runtime: crio" in check_runtime("/run/crio/crio.sock\n", "containerd")
    assert check_runtime("/run/crio/crio.sock\n", "crio") == check_runtime("", "crio") == ""


@pytest.mark.parametrize(
    ("group", "names"),
    [
        (
            "harbor",
            {
                "root",
                "system",
                "machine",
                "clock",
                "disk:/var/lib/docker",
                "disk:/data",
                "ports",
                "docker",
                "docker-verifies",
            },
        ),
        (
            "nodes",
            {
                "root",
                "system",
                "machine",
                "clock",
                "disk:/var/lib/containerd",
                "containerd",
                "proxy:containerd",
                "containerd-reads",
            },
        ),
        ("workstations", {"root", "system", "machine", "clock", "proxy:docker", "docker-verifies"}),
    ],
)
def test_each_part_of_the_fleet_has_its_own_requirements(group: str, names: set[str]) -> None:
    registry = Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11"})
    host = Host("x", groups=ParentGroups([Group(group)]), data={"registry": registry})
    assert {found.id for found in desired(host)} == {f"requirement:{name}" for name in names}
    host.data["preflight"] = Preflight(through_proxy=True)
    assert {found.id for found in desired(host)} == {f"requirement:{n}" for n in names if not n.startswith("proxy")}


@pytest.mark.parametrize("dry_run", [True, False])
def test_all_unmet_requirements_are_reported_at_once(fleet: MakeFleet, dry_run: bool) -> None:
    def check_two(task: Task) -> Result:
        met = Requirement("met", "echo fine", lambda output: "" if output == "fine\n" else "broken")
        one = Requirement("one", "echo bad", lambda output: f"it is {output.strip()}; mend it")
        return converge(task, [one, met, Requirement("two", ":", lambda output: "nothing is there; bring it")])

    report = RunReport("run", "check", {"alpha": HostReport()})
    nr = fleet(dry_run=dry_run).filter(name="alpha").with_processors([Collector(report)])
    run_runbook(nr, Runbook("check", "", (Stage(check_two),)))
    assert report.hosts["alpha"].error == (
        "requirement:one: it is bad; mend it\nrequirement:two: nothing is there; bring it"
    )
    assert [found.status for found in report.hosts["alpha"].resources] == ["failed", "ok", "failed"]
