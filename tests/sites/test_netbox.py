"""Hosts out of NetBox: a TLS server on loopback gives answers in the form of NetBox 4's REST API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from moor.errors import InputError
from moor.pki.authority import CertificateNames, make_authority, utc_now
from moor.sites.site import open_site
from tests.harness.netbox import ANSWERS, LISTS, SECOND, TOKEN, NetBox
from tests.harness.servers import Handler, serving
from tests.harness.sites import write_site


def test_machines_are_hosts_in_the_groups_that_the_site_knows(netbox: NetBox) -> None:
    netbox.write()
    hosts = open_site(netbox.site).inventory.hosts
    found = {name: (host.hostname, [*host.groups], host.platform) for name, host in hosts.items()}
    assert {name: (address, [str(group) for group in groups], platform) for name, (address, groups, platform) in
            found.items()} == {
        "node1": ("10.77.0.31", ["device_role__kubernetes-node"], "debian_12"),
        "node2": ("node2", ["device_role__kubernetes-node"], None),
        "edge1": ("10.77.0.2", [], "cisco_xe"),
        "harbor1": ("10.77.0.11", ["device_role__registry"], "debian_12"),
    }  # fmt: skip
    assert hosts["node1"].has_parent_group("nodes")
    assert hosts["harbor1"].has_parent_group("harbor")


def test_settings_come_from_config_contexts_and_facts_stand_below_custom(netbox: NetBox) -> None:
    netbox.write()
    data = open_site(netbox.site).inventory.hosts["node1"].data
    assert data["containerd"].settle_s == 60
    assert data["custom"]["netbox"] == {
        **{"id": 11, "site": "dc1", "role": "kubernetes-node", "platform": "debian-12"},
        **{"status": "active", "tags": ["moor"]},
    }


def test_what_hosts_yaml_says_is_laid_over_it_and_adds_hosts(netbox: NetBox) -> None:
    netbox.write("node1: {port: 2222, data: {containerd: {settle_s: 90}}}\nws1: {hostname: 10.77.0.41}\n")
    hosts = open_site(netbox.site).inventory.hosts
    assert (hosts["node1"].hostname, hosts["node1"].port) == ("10.77.0.31", 2222)
    assert hosts["node1"].data["containerd"].settle_s == 90
    assert hosts["ws1"].hostname == "10.77.0.41"


def test_filters_reach_netbox_and_virtual_machines_may_stay_out(netbox: NetBox) -> None:
    netbox.write("ws1: {}\n", more=", filters: {site: dc1, tag: [moor, prod]}, virtual_machines: false")
    assert [*open_site(netbox.site).inventory.hosts] == ["ws1"]  # node1 has one of the tags, not both
    (query,) = netbox.asked
    assert (query["site"], query["tag"]) == (["dc1"], ["moor", "prod"])


@pytest.mark.parametrize(
    ("former", "new", "said"),
    [
        (
            '"settle_s": 60',
            '"settle": 60',
            r"^NetBox device node1: config_context\.moor\.containerd\.settle: no such key; did",
        ),
        ('{"containerd": {"settle_s": 60}}', '"containerd"', r"node1: config_context\.moor: must be a mapping"),
        (
            '"config_context": {"ntp"',
            '"config_context": 7, "x": {"ntp"',
            r"node1: config_context: must be a mapping",
        ),
        ('"local_context_data": null', '"local_context_data": [7]', r"device node1: local_context_data: must be a map"),
        (
            '"settle_s": 60',
            '"settle_s": {"cmd": ["sh"]}',
            r"containerd\.settle_s\.cmd: a command is not taken",
        ),
        ('"settle_s": 60', '"a": ["cmd:sh"]', r"\.a: a command is not taken from NetBox.*write it into hosts.yaml"),
    ],
)
def test_what_is_wrong_in_a_config_context_is_told_with_its_host(
    netbox: NetBox, former: str, new: str, said: str
) -> None:
    content = (ANSWERS / "devices.json").read_text()
    assert former in content
    content = content.replace(former, new)
    netbox.answer = lambda path: (
        content.encode() if "devices" in path else (ANSWERS / LISTS[urlsplit(path).path]).read_bytes()
    )
    netbox.write()
    with pytest.raises(InputError, match=said):
        open_site(netbox.site)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda box: setattr(box, "answer", lambda _: b"[" * 5000), "gives no list of machines"),
        (lambda box: setattr(box, "answer", lambda _: b'{"results": [{"name": null}]}'), "gives no list of machines"),
        (
            lambda box: (box.site / "ca.crt").write_text(make_authority(CertificateNames(("x.y",)), 9, utc_now()).pem),
            "certificate",
        ),
    ],
)
def test_a_netbox_that_gives_no_list_is_one_clear_error(
    netbox: NetBox, spoil: Callable[[NetBox], object], said: str
) -> None:
    netbox.write()
    spoil(netbox)
    with pytest.raises(InputError) as refused:
        open_site(netbox.site)
    assert str(refused.value).startswith(f"inventory.options.netbox: {netbox.url}")
    assert said in str(refused.value)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("plugin: NetBoxInventory", "the plugin NetBoxInventory and options.netbox go together"),
        ("{plugin: NetBoxInventory, options: {netbox: {url: 'http://x', token: 'env:X'}}}", "http:// would send the"),
        ("{plugin: NetBoxInventory, options: {netbox: {url: 'https://x', token: abc}}}", "not a reference to a secret"),
        ("{options: {netbox: {url: 'https://x', token: 'env:X'}}}", "go together; write both or neither"),
    ],
)
def test_options_that_cannot_work_are_refused_before_anybody_is_asked(tmp_path: Path, options: str, said: str) -> None:
    written = options if options.startswith("{") else f"{{{options}}}"
    write_site(tmp_path, {"config.yaml": f"inventory: {written}\n", "inventory/hosts.yaml": "a: {}\n"})
    with pytest.raises(InputError, match=said):
        open_site(tmp_path)


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    """Start another server, without TLS; returns its address and the requests that it gets."""
    heard: list[str] = []

    class Heard(Handler):
        def do_GET(self) -> None:
            heard.append(f"{self.path} {self.headers['Authorization']}")
            self.reply(200, b'{"results": [], "next": null}')

    with serving(Heard) as port:
        yield f"http://127.0.0.1:{port}", heard


def pages(following: str) -> Callable[[str], bytes]:
    """Answer with the recorded list, whose next page is said to be ``following``; that page itself is the last."""

    def answer(path: str) -> bytes:
        content = json.loads((ANSWERS / LISTS[urlsplit(path).path]).read_text())
        if "offset=" in path:
            return json.dumps({**content, "results": []}).encode()
        return json.dumps({**content, "next": following if "devices" in path else None}).encode()

    return answer


def refused(netbox: NetBox) -> str:
    with pytest.raises(InputError) as error:
        open_site(netbox.site)
    assert TOKEN not in str(error.value)
    return str(error.value)


def test_pages_of_the_same_place_are_followed(netbox: NetBox) -> None:
    netbox.answer = pages(f"{netbox.url}/api/dcim/devices/?limit=50&offset=50")
    netbox.write()
    assert "node1" in open_site(netbox.site).inventory.hosts
    assert [query["offset"] for query in netbox.asked if "offset" in query] == [["50"]]


@pytest.mark.parametrize("way", ["page", "redirect"])
def test_the_token_goes_nowhere_else(netbox: NetBox, stranger: tuple[str, list[str]], way: str) -> None:
    place, heard = stranger
    if way == "page":
        netbox.answer = pages(f"{place}/api/dcim/devices/?limit=50&offset=50")
    else:
        netbox.elsewhere = f"{place}/api/dcim/devices/"
    netbox.write()
    said = refused(netbox)
    assert place in said
    assert "the token" in said
    assert heard == []


def test_a_next_page_without_tls_at_the_same_host_is_refused_with_the_proxys_headers(netbox: NetBox) -> None:
    netbox.answer = pages(f"http://127.0.0.1:{netbox.port}/api/dcim/devices/?limit=50&offset=50")
    netbox.write()
    assert "X-Forwarded-Proto" in refused(netbox)


@pytest.mark.parametrize("way", ["page", "redirect"])
@pytest.mark.parametrize("following", ["http://[::1", "https://netbox:seven/api/"])
def test_a_page_whose_address_is_no_url_is_told(netbox: NetBox, way: str, following: str) -> None:
    if way == "page":
        netbox.answer = pages(following)
    else:
        netbox.elsewhere = following
    netbox.write()
    assert refused(netbox).startswith(f"inventory.options.netbox: {netbox.url}: ")


def test_pages_in_a_circle_end(netbox: NetBox) -> None:
    netbox.answer = lambda _: json.dumps(
        {"results": [], "next": f"{netbox.url}/api/dcim/devices/?limit=1&start=1"}
    ).encode()
    netbox.write()
    assert "lead in a circle" in refused(netbox)


def test_a_token_of_version_2_is_sent_as_bearer(netbox: NetBox) -> None:
    netbox.known = f"Bearer {SECOND}"
    netbox.write(token=SECOND)
    assert "node1" in open_site(netbox.site).inventory.hosts


@pytest.mark.parametrize("token", ["Token 0123", "0123\n4567", "0123\u00e9"])
def test_a_token_with_what_no_token_has_is_refused_unseen(netbox: NetBox, token: str) -> None:
    netbox.write(token=token)
    said = refused(netbox)
    assert "no token has" in said
    assert "0123" not in said
    assert netbox.asked == []


def test_a_login_of_netrc_does_not_take_the_tokens_place(netbox: NetBox, monkeypatch: pytest.MonkeyPatch) -> None:
    (netbox.site / "netrc").write_text("machine 127.0.0.1 login ops password hunter2\n")
    (netbox.site / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(netbox.site / "netrc"))
    netbox.write()
    assert "node1" in open_site(netbox.site).inventory.hosts


@pytest.mark.parametrize("other", ["site", "kind"])
def test_two_machines_of_one_name_are_refused_naming_both(netbox: NetBox, other: str) -> None:
    recorded = {path: json.loads((ANSWERS / file).read_text()) for path, file in LISTS.items()}
    (devices, machines) = (content["results"] for content in recorded.values())
    if other == "site":
        devices.append({**devices[0], "id": 99, "site": {"id": 2, "name": "DC 2", "slug": "dc2"}})
    else:
        machines.append({**machines[0], "id": 99, "name": "node1", "site": None, "cluster": {"id": 1, "name": "vms"}})
    netbox.answer = lambda path: json.dumps(recorded[urlsplit(path).path]).encode()
    netbox.write()
    second = "device 99 of site dc2" if other == "site" else "virtual machine 99 of cluster vms"
    assert f"node1: device 11 of site dc1 and {second} have one name" in refused(netbox)
