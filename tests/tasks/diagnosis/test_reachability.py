"""What a connection's end says of who is kept out, who should not be, and where on the way it was ended."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from nornir.core.filter import F
from nornir.core.inventory import Defaults, Group, Host, ParentGroups

from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Runbook, Stage
from moor.runbooks import site, verify, watch
from moor.tasks.diagnosis.evidence.probes import Probe
from moor.tasks.diagnosis.reachability import desired, judge_access, parse_attempts, prove_access
from moor.tasks.facts import Registry
from tests.harness.hosts import MakeFleet

OPENSSL = "40F7:error:8000006F:system library:BIO_connect:Connection refused:bio_sock2.c:178:calling connect()\n"
MADE = "to 10.77.0.11\n10.77.0.11 dev eth0 src 10.77.0.99 uid 0 \nCONNECTED(00000003)\n"
RESET = f"to 10.77.0.11\n10.77.0.11 dev eth0 src 10.77.0.99 uid 0 \n{OPENSSL}connect:errno=111\n"
ROUTER = "to 10.9.0.11\n10.9.0.11 via 10.77.0.2 dev eth0 src 10.77.0.99 uid 0 \nconnect:errno=113\n"
IPV6 = "to fd00::11\nfd00::11 from :: dev eth0 proto kernel src fd00::99 metric 256 pref medium\nconnect:errno=13\n"
SILENT = "to 10.77.0.11\n10.77.0.11 dev eth0 src 10.77.0.99 uid 0 \n"
UNTRIED = "to 10.77.0.11\n10.77.0.11 dev eth0 src 10.77.0.99 uid 0 \nno openssl\n"


def said(answer: str, outside: bool) -> list[str]:
    return [verdict.cause for verdict in judge_access(list(parse_attempts(answer)), 443, outside)]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (RESET, "10.77.0.11 port 443 is refused (a reset)"),
        (RESET, "the next hop is the registry's host itself"),
        (ROUTER, "10.9.0.11 port 443 is prohibited (by ICMP)"),
        (ROUTER, "the next hop is 10.77.0.2, or what lies behind it"),
        (IPV6, "fd00::11 port 443 is prohibited (by ICMP)"),
        (SILENT, "10.77.0.11 port 443 is dropped: nothing answers"),
        (UNTRIED, "not tried, since openssl is missing"),
    ],
)
def test_a_member_that_cannot_connect_is_told_how_and_where_it_failed(answer: str, words: str) -> None:
    (cause,) = said(answer, outside=False)
    assert words in cause


@pytest.mark.parametrize("answer", [RESET, ROUTER, IPV6, SILENT])
def test_an_outsider_may_be_blocked_in_any_way(answer: str) -> None:
    assert said(answer, outside=True) == []


def test_an_outsider_that_connects_to_one_of_two_addresses_is_a_fault_of_that_address() -> None:
    assert said(MADE + IPV6, outside=True) == ["a host that the firewall should keep out reaches 10.77.0.11 port 443"]
    assert said(MADE, outside=False) == []


def test_a_member_may_lack_one_address_family_if_the_other_connects() -> None:
    lacking = RESET.replace("111", "101")
    assert lacking != RESET
    assert said(lacking + MADE, outside=False) == []
    (cause,) = said(lacking, outside=False)
    assert "without a route" in cause


def test_an_outsider_that_could_not_try_proves_nothing() -> None:
    assert said(UNTRIED, outside=True) == ["10.77.0.11 port 443 was not tried, since openssl is missing"]


def host(*groups: str, address6: str | None = None) -> Host:
    registry = {"name": "registry.moor.test", "address": "10.77.0.11", "address6": address6}
    data = {"registry": Registry.model_validate(registry)}
    return Host("one", groups=ParentGroups([Group(name) for name in groups]), data=data, defaults=Defaults())


def test_nothing_is_changed_on_an_outsider() -> None:
    assert not [stage.name for stage in site.RUNBOOK.stages if stage.runs_on(host("outsiders"))]
    assert [stage.name for stage in site.RUNBOOK.stages if stage.runs_on(host("nodes"))]


@pytest.mark.parametrize("book", [verify.RUNBOOK, watch.RUNBOOK])
def test_outsiders_are_always_tried_and_nodes_if_the_registry_has_two_addresses(book: Runbook) -> None:
    def tries(one: Host) -> bool:
        return any(stage.task is prove_access and stage.runs_on(one) for stage in book.stages)

    assert tries(host("outsiders"))
    assert tries(host("nodes", address6="fd00::11"))
    assert not tries(host("nodes"))
    assert not tries(host("workstations", address6="fd00::11"))


def test_every_address_is_tried_in_one_round_trip() -> None:
    (probe,) = desired(host("nodes", address6="fd00::11"))
    assert isinstance(probe, Probe)
    assert "-connect 10.77.0.11:443 " in probe.probe()
    assert "-connect [fd00::11]:443 " in probe.probe()


@pytest.mark.parametrize("outside", [True, False])
def test_a_closed_port_is_reported_as_one_layer(fleet: MakeFleet, outside: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nr = fleet(dry_run=True).filter(name="alpha")
    one = nr.inventory.hosts["alpha"]
    one.data["registry"] = Registry.model_construct(
        name="registry.moor.test", address=ip_address("127.0.0.1"), port=port
    )
    if outside:
        one.groups.append(Group("outsiders"))
    report = RunReport("run", "verify", {"alpha": HostReport()})
    run_runbook(
        nr.with_processors([Collector(report)]), Runbook("verify", "", (Stage(prove_access, on=F(name="alpha")),))
    )
    found = report.hosts["alpha"]
    assert [(row.id, row.status) for row in found.resources] == [("proof:access", "ok" if outside else "failed")]
    shut = f"access: a member's connection to 127.0.0.1 port {port} is refused (a reset)"
    assert found.error.partition(": nothing")[0] == ("" if outside else shut)
