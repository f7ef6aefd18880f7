"""How a host is asked for names, in the shells that hosts have, with a getent that stands for its name service."""

from __future__ import annotations

from pathlib import Path

import pytest
from nornir.core.inventory import Host

from moor.engine.shell_functions import FUNCTIONS
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.probes import probes
from moor.tasks.names.dns_query import DNS_SAYS
from moor.tasks.names.dnsmasq import DnsmasqAnswers, query_addresses
from moor.tasks.names.hosts import dns_check
from moor.tasks.proxies.running import parse_key_values
from tests.harness.shells import SHELLS, sh

every_shell = pytest.mark.parametrize("shell", SHELLS)


@pytest.fixture
def tools(tmp_path: Path) -> str:
    """Return sh that puts a getent, and an unshare without a namespace, before the machine's own."""
    knows = """case $4 in
right.test) echo "10.0.0.1 STREAM"; echo "10.0.0.1 DGRAM" ;;
two.test) echo 10.0.0.2; echo 10.0.0.1 ;;
esac"""
    for name, text in (("getent", knows), ("unshare", "exec getent -s dns ahosts $6"), ("sleep", ":")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return f"PATH={tmp_path}:$PATH\n"


@every_shell
def test_addresses_come_once_each_and_an_unknown_name_has_none(shell: str, tools: str) -> None:
    done = sh(shell, f'{tools}{DNS_SAYS}\nfor n in right.test two.test no.test; do echo "$n=$(moor_dns $n)"; done')
    assert done.stdout.decode().splitlines() == ["right.test=10.0.0.1 ", "two.test=10.0.0.1 10.0.0.2 ", "no.test="]


@every_shell
@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"right.test": ["10.0.0.1"]}, ""),
        ({"right.test": ["10.0.0.1", "fd00::1"]}, ""),  # the host has no address of IPv6, and is given none
        (
            {"right.test": ["10.0.0.1"], "no.test": ["10.0.0.1"]},
            "its nameservers give no.test as nothing instead of 10.0.0.1",
        ),
        ({"right.test": ["0.0.0.1"]}, "its nameservers give right.test as 10.0.0.1  instead of 0.0.0.1"),
    ],
)
def test_an_entry_goes_only_where_dns_gives_the_same(
    shell: str, tools: str, names: dict[str, list[str]], words: str
) -> None:
    done = sh(shell, tools + dns_check(names))  # type: ignore[arg-type]
    assert (done.returncode == 0) == (words == "")
    assert words in done.stdout.decode()


@every_shell
def test_what_dnsmasq_gives_is_read_and_waited_for(shell: str, tools: str) -> None:
    well = DnsmasqAnswers({"right.test": "10.0.0.1 fd00::1", "two.test": "10.0.0.2 10.0.0.1"}, ("127.0.0.1",))
    ill = DnsmasqAnswers({"right.test": "10.0.0.1", "two.test": "10.0.0.1", "no.test": "10.0.0.1"}, ("127.0.0.1",))
    assert well.actual(sh(shell, tools + well.probe()).stdout.decode()) == well.desired(None)
    read = ill.actual(sh(shell, tools + ill.probe()).stdout.decode())
    assert read == {"right.test": "10.0.0.1", "two.test": "10.0.0.1 10.0.0.2", "no.test": "nothing"}
    assert sh(shell, f"{FUNCTIONS}\n{tools}{well.mend(None)}").returncode == 0
    failed = sh(shell, f"{FUNCTIONS}\n{tools}{ill.mend(read)}")
    assert failed.returncode == 1
    assert (
        "dnsmasq gives two.test as 10.0.0.1 10.0.0.2  instead of 10.0.0.1: another line wins" in failed.stderr.decode()
    )


TRUE = "manage_etc_hosts: true\n"


@every_shell
@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({}, ""),
        ({"cloud.cfg": TRUE}, "cloud.cfg"),
        ({"cloud.cfg": "  manage_etc_hosts : 'template' # by hand\n"}, "cloud.cfg"),
        ({"cloud.cfg": 'manage_etc_hosts: "True"\n'}, "cloud.cfg"),
        ({"cloud.cfg": "manage_etc_hosts: localhost\n"}, ""),
        ({"cloud.cfg": "# manage_etc_hosts: true\n"}, ""),
        ({"cloud.cfg": TRUE, "cloud.cfg.d/90.cfg": "manage_etc_hosts: false\n"}, ""),
        ({"cloud.cfg": "manage_etc_hosts: false\n", "cloud.cfg.d/90.cfg": TRUE}, "cloud.cfg.d/90.cfg"),
        ({"cloud.cfg": TRUE, "cloud-init.disabled": ""}, ""),
        ({"cloud.cfg": TRUE, "templates/hosts.suse.tmpl": "10.0.0.1 right.test\n"}, ""),
        ({"cloud.cfg": TRUE, "templates/hosts.suse.tmpl": "10.0.0.1 right.test.old rightxtest\n"}, "cloud.cfg"),
    ],
)
def test_what_cloud_init_will_do_to_the_hosts_file_is_seen(
    shell: str, tools: str, tmp_path: Path, files: dict[str, str], named: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (question,) = (
        probe for probe in probes(ProbeRequest(RegistryEndpoint("right.test", "10.0.0.1"), "")) if probe.name == "name"
    )
    asked = question.probe().replace("/etc/cloud", str(tmp_path)).replace("/var/lib/cloud", str(tmp_path / "none"))
    told = parse_key_values(sh(shell, tools + asked).stdout.decode())["rewritten"]
    assert told.removeprefix(f"{tmp_path}/") == named


@pytest.mark.parametrize(
    ("hostname", "servers"),
    [("10.0.0.53", ("10.0.0.53", "127.0.0.1")), ("dns1.test", ("127.0.0.1",)), (None, ("127.0.0.1",))],
)
def test_dnsmasq_is_asked_where_others_ask_it_first(hostname: str | None, servers: tuple[str, ...]) -> None:
    assert query_addresses(Host("dns1", hostname=hostname)) == servers
