"""The registry's name in DNS: on real BIND, Knot and dnsmasq, and as a node sees it beside its hosts file."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from moor.connections.apis.nameserver import ZoneRecords
from moor.errors import StaleUpdate
from moor.run.report import HostReport
from moor.tasks.diagnosis.registry_path import check_registry_path
from moor.tasks.names.dnsmasq import CONFIG, serve_names
from moor.tasks.names.hosts import write_hosts
from moor.tasks.names.records import write_records
from moor.tasks.time.host import DROP_IN
from moor.tasks.time.keep import keep_time
from moor_lab.fleet import Host
from moor_lab.lab import Lab
from tests.harness.commands import moor_here
from tests.harness.labs import fleet_of_lab
from tests.lab.networked import NETWORK_PACKAGES
from tests.lab.serving import KEY, TSIG, WRONG, ZONE, Served, bind_on, knot_on
from tests.lab.sites import NAME, Site, changed
from tests.lab.test_time import SOURCE

pytestmark = pytest.mark.lab

A, AAAA, CLOUD = f"record:{NAME}/A", f"record:{NAME}/AAAA", "/etc/cloud/cloud.cfg.d/90_site.cfg"
REGISTRY = {"name": NAME, "address": "10.1.2.3"}
GROUPS = {"harbor": ("dns1",), "dns": ("dns1",), "nodes": ("node1",)}


@pytest.fixture(scope="module")
def network() -> Iterator[Lab]:
    """Yield a host that serves names, and a node that asks it."""
    fleet = fleet_of_lab("dns")
    first = int(fleet.network[0])
    hosts = {
        name: Host(name=name, address=IPv4Address(first + last), packages=NETWORK_PACKAGES)
        for name, last in (("dns1", 53), ("node1", 31))
    }
    lab = Lab(fleet.model_copy(update={"hosts": hosts}))
    lab.down(secrets=True)
    try:
        lab.up()
        lab.exec("node1", ["sh", "-c", f"echo nameserver {hosts['dns1'].address} > /etc/resolv.conf"])
        yield lab
    finally:
        lab.down(secrets=True)


@pytest.fixture
def site(network: Lab, tmp_path: Path) -> Site:
    return Site(network, tmp_path / "site", GROUPS)


@pytest.fixture(params=[bind_on, knot_on], ids=["bind", "knot"])
def server(request: pytest.FixtureRequest, network: Lab) -> Served:
    """Return a server that holds the zone, and no record of the registry."""
    server: Served = request.param(network)
    server.start()
    return server


def zones(site: Site, server: Served, secret: str = TSIG, **more: Any) -> None:
    """Write a site whose names are in a zone of the server."""
    key = site.folder / "tsig"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.touch(mode=0o600)
    key.write_text(f"{secret}\n")
    zone = {"server": server.address, "port": server.port, "key": KEY, "secret": f"file:{key}", **more}
    site.write(registry=REGISTRY, names={"mode": "both", "zones": {ZONE: zone}})


def differing(report: HostReport) -> dict[str, str]:
    changed(report)
    return {r.id: r.diff for r in report.resources if r.status != "ok"}


def test_a_record_is_added_once_and_whatever_somebody_made_of_it_is_mended(site: Site, server: Served) -> None:
    zones(site, server)

    def plan() -> HostReport:
        return site.plan(write_records, "dns1")["dns1"]

    def apply() -> HostReport:
        return site.apply(write_records, "dns1")["dns1"]

    assert differing(plan()) == {A: "addresses: (none) -> 10.1.2.3\nttl: (none) -> 300"}
    assert server.addresses(NAME) == ()
    assert changed(apply()) == [A]
    assert server.addresses(NAME) == ("10.1.2.3",)
    assert changed(plan()) == changed(apply()) == []
    for records, gone, ids in (
        ([("A", "10.9.9.9")], ["A"], [A]),  # another address
        ([("A", "10.9.9.9"), ("A", "10.1.2.3")], ["A"], [A]),  # a stale one beside the right one, and another ttl
        ([("AAAA", "fd00::9")], [], [AAAA]),  # of a family in which the registry has none
        ([("CNAME", f"ns.{ZONE}.")], ["A"], [A]),  # an alias, at which a server ignores addresses
        ([], ["A"], [A]),
    ):
        server.by_hand(NAME, *records, gone=tuple(gone))
        assert list(differing(plan())) == ids
        assert changed(apply()) == ids
        assert (server.addresses(NAME), server.addresses(NAME, "AAAA")) == (("10.1.2.3",), ())
    assert changed(plan()) == []


def test_what_a_wildcard_answers_is_no_record_and_one_is_added_beside_it(site: Site, server: Served) -> None:
    zones(site, server)
    site.write(
        registry={"name": f"registry.wild.{ZONE}", "address": "10.1.2.3"},
        names={"mode": "dns", "zones": {ZONE: {"server": server.address, "port": server.port, "key": KEY,
                                               "secret": f"file:{site.folder}/tsig"}}},
    )  # fmt: skip
    assert server.addresses(f"registry.wild.{ZONE}") == ("10.9.9.1",)
    assert len(changed(site.apply(write_records, "dns1")["dns1"])) == 1
    assert server.addresses(f"registry.wild.{ZONE}") == ("10.1.2.3",)
    assert server.addresses(f"other.wild.{ZONE}") == ("10.9.9.1",)


def test_what_somebody_changed_after_it_was_read_is_not_overwritten(server: Served) -> None:
    read = server.server().records(NAME, "A")
    server.by_hand(NAME, ("A", "10.9.9.9"))
    with pytest.raises(
        StaleUpdate, match=f"{NAME} A: it changed on .* after it was read, nothing was overwritten; run again"
    ):
        server.server().replace(NAME, "A", read, ("10.1.2.3",), 300)
    with pytest.raises(StaleUpdate):
        server.server().replace(NAME, "A", ZoneRecords(("10.9.9.8",), 60), (), 300)
    assert server.addresses(NAME) == ("10.9.9.9",)


def test_a_refusal_is_one_error_that_names_its_cause_and_shows_no_key(site: Site, server: Served) -> None:
    def error() -> str:
        (report,) = site.plan(write_records, "dns1").values()
        (applied,) = site.apply(write_records, "dns1").values()
        assert report.error in ("", applied.error)  # a server does not say before whether it would take an update
        return applied.error

    place, said = f"{server.address} port {server.port} (zone {ZONE}): ", []
    for more, words in (
        ({"secret": WRONG}, "the secret of the key moor. is not the server's"),
        ({"key": "nobody."}, "no key nobody." if server.unit == "named" else "refuses the key nobody."),
        ({"key": "reader."}, "refuses the key reader."),
        ({"algorithm": "hmac-sha512"}, "moor."),
    ):
        zones(site, server, **{"secret": TSIG, **more})
        said.append(error())
        assert place in said[-1]
        assert words in said[-1]
    site.write(
        registry={"name": "registry.other.test", "address": "10.1.2.3"},
        names={
            "mode": "dns",
            "zones": {"other.test": {"server": server.address, "port": server.port, "manage": False}},
        },
    )
    (finding,) = site.found(write_records, "dns1")  # nobody may change it: that stops nothing
    assert (finding.id, "zone other.test" in finding.what) == ("zone:other.test", True)
    site.lab.exec("dns1", ["systemctl", "stop", server.unit])
    zones(site, server)
    assert "Connection refused; does the server run" in error()
    assert not any(secret in text for text in said for secret in (TSIG, WRONG))


def test_a_server_that_nobody_may_change_is_checked_and_the_difference_told(site: Site, server: Served) -> None:
    zones(site, server, manage=False)
    server.by_hand(NAME, ("A", "10.9.9.9"))
    (finding,) = site.found(write_records, "dns1")
    assert finding.id == A
    assert "addresses: 10.9.9.9 -> 10.1.2.3" in finding.what
    assert finding.remedy == f"ask its owner: set A of {NAME} to 10.1.2.3"
    assert server.addresses(NAME) == ("10.9.9.9",)


def test_dnsmasq_gives_the_names_beside_other_peoples_configuration(site: Site, network: Lab) -> None:
    site.write(registry=REGISTRY, names={"mode": "dns", "hosts": {"mirror.moor.test": "fd00::5"}})
    network.exec("dns1", ["sh", "-c", "echo no-resolv > /etc/dnsmasq.d/site.conf"])
    everything = [f"file:{CONFIG}", "service:dnsmasq", "answers:dnsmasq"]
    assert changed(site.plan(serve_names, "dns1")["dns1"]) == everything
    assert changed(site.apply(serve_names, "dns1")["dns1"]) == everything
    assert looked_up(network, NAME) == "10.1.2.3"
    assert looked_up(network, "mirror.moor.test") == "fd00::5"
    assert changed(site.plan(serve_names, "dns1")["dns1"]) == []

    # Somebody else's line wins: their configuration stays, and it is said.
    network.exec("dns1", ["sh", "-c", f"echo 10.9.9.9 {NAME} >> /etc/hosts; systemctl restart dnsmasq"])
    assert changed(site.plan(serve_names, "dns1")["dns1"]) == ["answers:dnsmasq"]
    error = site.apply(serve_names, "dns1")["dns1"].error
    assert f"dnsmasq gives {NAME} as 10.1.2.3 10.9.9.9  instead of 10.1.2.3: another line wins" in error
    network.exec("dns1", ["sh", "-c", "sed -i /10.9.9.9/d /etc/hosts; systemctl restart dnsmasq"])

    # A move, and a service that was stopped by hand.
    network.exec("dns1", ["systemctl", "stop", "dnsmasq"])
    site.write(registry={**REGISTRY, "address": "10.1.2.4"}, names={"mode": "dns"})
    assert changed(site.apply(serve_names, "dns1")["dns1"]) == everything
    assert (looked_up(network, NAME), looked_up(network, "mirror.moor.test")) == ("10.1.2.4", "")
    assert network.exec("dns1", ["cat", "/etc/dnsmasq.d/site.conf"]) == "no-resolv\n"
    network.exec("dns1", ["sh", "-c", f"systemctl stop dnsmasq; rm {CONFIG}"])


def test_what_was_served_by_dns_is_removed_once_the_inventory_says_hosts_files(site: Site, network: Lab) -> None:
    server, old, theirs = knot_on(network), f"old.{ZONE}", f"theirs.{ZONE}"
    server.start()
    zones(site, server)
    zone = {ZONE: {"server": server.address, "port": server.port, "key": KEY, "secret": f"file:{site.folder}/tsig"}}
    names = {"mode": "both", "zones": zone, "hosts": {old: "10.1.2.9", theirs: "10.1.2.8"}}
    site.write(registry=REGISTRY, names=names)
    dns = ("--only", "file,service,answers,record")  # dnsmasq would read a hosts file too
    done = moor_here(site.folder, "apply", "names", "--limit", "dns1", *dns, "--yes", "--quiet")
    assert done.returncode == 0, done.said
    assert looked_up(network, old) == "10.1.2.9"
    server.by_hand(theirs, ("A", "10.9.9.8"), gone=("A",))  # somebody else has taken this name over

    site.write(registry=REGISTRY, names={"mode": "hosts", "zones": zone})
    gone = [A, f"record:{old}/A", f"leftover:{CONFIG}", "dnsmasq:running"]
    planned = moor_here(site.folder, "remove", "names", "--plan", "--output", "json")
    assert planned.returncode == 2, planned.said
    differing = {
        name: [one["id"] for one in host["resources"] if one["status"] != "ok"]
        for name, host in planned.report["hosts"].items()
    }
    assert differing == {"dns1": gone, "node1": []}
    done = moor_here(site.folder, "remove", "names", "--yes", "--quiet")
    assert done.returncode == 0, done.said
    assert (server.addresses(NAME), server.addresses(old), server.addresses(theirs)) == ((), (), ("10.9.9.8",))
    assert looked_up(network, old) == ""
    again = moor_here(site.folder, "remove", "names", "--plan")
    assert again.returncode == 0, again.said

    # Killed between the removal and the restart: dnsmasq still has the names, and the same command goes on.
    site.write(registry=REGISTRY, names={"mode": "dns"})
    site.apply(serve_names, "dns1")
    network.exec("dns1", ["sh", "-c", f"rm {CONFIG}"])
    site.write(registry=REGISTRY, names={"mode": "hosts", "zones": zone})
    assert looked_up(network, NAME) == "10.1.2.3"
    done = moor_here(site.folder, "remove", "names", "--yes", "--quiet")
    assert "dnsmasq:running" in done.stdout
    assert looked_up(network, NAME) == ""


def looked_up(lab: Lab, name: str) -> str:
    found = lab.exec("node1", ["sh", "-c", 'getent ahosts "$1" | cut -d" " -f1 | sort -u', "sh", name])
    return " ".join(found.split())


def test_a_node_loses_its_entry_once_its_own_servers_know_the_name(site: Site, network: Lab) -> None:
    site.write(registry=REGISTRY, names={"mode": "hosts"})
    site.apply(write_hosts, "node1")
    site.write(registry=REGISTRY, names={"mode": "dns"})
    assert changed(site.plan(write_hosts, "node1")["node1"]) == ["edit:/etc/hosts#names"]
    refused = site.apply(write_hosts, "node1")["node1"].error
    assert f"its nameservers give {NAME} as nothing instead of 10.1.2.3; /etc/hosts stays as it is" in refused
    assert looked_up(network, NAME) == "10.1.2.3"
    site.apply(serve_names, "dns1")
    assert changed(site.apply(write_hosts, "node1")["node1"]) == ["edit:/etc/hosts#names"]
    assert "moor" not in network.exec("node1", ["cat", "/etc/hosts"])
    assert looked_up(network, NAME) == "10.1.2.3"
    assert changed(site.plan(write_hosts, "node1")["node1"]) == []


def test_a_node_tells_where_hosts_file_and_dns_disagree_and_what_will_not_last(site: Site, network: Lab) -> None:
    # An address where a connection is refused at once, so that the layers behind the name take no time.
    address, moved = str(network.machine("dns1").host.address), str(network.machine("node1").host.address)

    def told(mode: str, hosts: str = "", address: str = address) -> list[str]:
        text = f"127.0.0.1 localhost\n{hosts}"
        network.exec("node1", ["sh", "-c", 'printf %s "$1" > /etc/hosts', "sh", text])
        site.write(registry={"name": NAME, "address": address}, names={"mode": mode})
        (report,) = site.plan(check_registry_path, "node1").values()
        causes = {r.id: r.causes for r in report.resources}
        return [cause.rule for name in ("proof:name", "proof:hosts") for cause in causes[name]]

    site.write(registry={"name": NAME, "address": address}, names={"mode": "dns"})
    site.apply(serve_names, "dns1")
    right, stale = f"{address} {NAME}\n", f"10.9.9.9 {NAME}\n"
    assert told("dns") == told("both", right) == []
    assert told("dns", stale) == ["name-stale", "hosts-pinned"]
    assert told("hosts", right * 2) == ["hosts-twice"]
    assert told("dns", address=moved) == ["dns-wrong"]
    assert told("hosts", f"{moved} {NAME}\n", address=moved) == ["name-contradicted"]

    # systemd-resolved's stub would answer from the hosts file: the servers behind it are asked.
    resolver = network.exec("node1", ["cat", "/etc/resolv.conf"])
    behind = 'mkdir -p /run/systemd/resolve; cp /etc/resolv.conf /run/systemd/resolve/; echo "$1" > /etc/resolv.conf'
    network.exec("node1", ["sh", "-c", behind, "sh", "nameserver 127.0.0.53"])
    assert told("both", right) == []
    network.exec("node1", ["sh", "-c", 'rm -r /run/systemd/resolve; echo "$1" > /etc/resolv.conf', "sh", resolver])

    # What cloud-init does at the next boot; its template is mended by apply where there is one.
    network.exec("node1", ["sh", "-c", f"mkdir -p {Path(CLOUD).parent}; echo 'manage_etc_hosts: true' > {CLOUD}"])
    assert told("both", right) == ["hosts-rewritten"]
    network.exec("node1", ["sh", "-c", "mkdir -p /etc/cloud/templates; echo > /etc/cloud/templates/hosts.debian.tmpl"])
    assert "edit:/etc/cloud/templates/hosts.debian.tmpl#names" in changed(site.apply(write_hosts, "node1")["node1"])
    assert told("both", right) == []

    network.exec("dns1", ["systemctl", "stop", "dnsmasq"])
    assert told("dns") == ["name-unserved"]
    assert told("both", right) == ["dns-silent"]


# A lab host is a container and shares this machine's clock, which timesyncd must not set.
TIMESYNCD = """\
rm -f /etc/systemd/system/systemd-timesyncd.service; mkdir -p /etc/systemd/system/systemd-timesyncd.service.d
cat > /etc/systemd/system/systemd-timesyncd.service.d/lab.conf <<END
[Unit]
ConditionVirtualization=
ConditionCapability=
[Service]
AmbientCapabilities=
CapabilityBoundingSet=
END
systemctl daemon-reload"""


def test_timesyncd_takes_the_inventorys_servers_alone(network: Lab, site: Site) -> None:
    network.exec("dns1", ["sh", "-ec", SOURCE], timeout_s=120)
    network.exec("node1", ["sh", "-ec", TIMESYNCD])
    source = str(network.fleet.hosts["dns1"].address)
    site.write(registry=REGISTRY, time={"servers": [source], "service": "timesyncd"})
    drop_in, service, clock = f"edit:{DROP_IN}#time", "service:time", "time:clock"
    assert changed(site.apply(keep_time, "node1")["node1"]) == [drop_in, service, clock]
    assert changed(site.plan(keep_time, "node1")["node1"]) == []
    assert source in network.exec("node1", ["timedatectl", "timesync-status"])
    script = f"echo 'FallbackNTP=' >> {DROP_IN}; systemctl stop systemd-timesyncd"
    network.exec("node1", ["sh", "-c", script])
    assert changed(site.plan(keep_time, "node1")["node1"]) == [drop_in, service, clock]
    assert changed(site.apply(keep_time, "node1")["node1"]) == [drop_in, service, clock]
