"""What NetBox, or a proxy before it, answers in place of machines; and what of it is asked at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.cli import main
from moor.errors import InputError
from moor.inventory.netbox_answers import Answer, fault_of
from moor.sites.site import open_site
from tests.harness.netbox import ANSWERS, HTML, JSON, LISTS, SECOND, TOKEN, NetBox, Reply, handler_of, said
from tests.harness.servers import serving
from tests.harness.sites import write_site

DEVICES, MACHINES = LISTS
FORBIDDEN = (403, said("You do not have permission to perform this action."), JSON)
LOGIN = (200, b"<!doctype html><html><head><title>Sign in</title>", HTML)


def refused(netbox: NetBox) -> list[str]:
    """Return the lines of the error, without the part that all of them begin with."""
    with pytest.raises(InputError) as error:
        open_site(netbox.site)
    assert TOKEN not in str(error.value)
    assert SECOND not in str(error.value)
    start = f"inventory.options.netbox: {netbox.url}: "
    lines = str(error.value).splitlines()
    assert all(line.startswith(start) for line in lines)
    return [line.removeprefix(start) for line in lines]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((401, said("Token expired"), JSON), "it refuses the token (401: Token expired)"),
        (FORBIDDEN, "its token may not read /api/dcim/devices/ (403: You do not have permission"),
        ((404, b"<html>", HTML), "it has no /api/dcim/devices/ (404: Not Found); is the path of NetBox missing"),
        (
            (400, b'{"tag": ["Select a valid choice. x is not one."]}', JSON),
            "(400: tag: Select a valid choice. x is not",
        ),
        ((429, b"", {"Retry-After": "30"}), "it was asked too often (429: Too Many Requests); try again in 30 s"),
        ((429, b"", {"Retry-After": "Sun, 29 Nov 2026 01:00:00 GMT"}), "try again later"),
        ((502, b"<html>Bad Gateway</html>", HTML), "the proxy before NetBox gets no answer from it (502: Bad Gateway)"),
        ((500, b'{"error": "no relation", "exception": "E"}', JSON), "(500: no relation); look at NetBox's log"),
        (LOGIN, "it answers with a web page (Sign in) and status 200, not with JSON"),
        ((401, b"<html><title>Authorization Required</title>", HTML), "a web page (Authorization Required) and status"),
        ((200, b"<html>", {}), "it answers with a web page and status 200"),
        ((204, b"", {}), "it answers /api/dcim/devices/ with an unexpected status (204: No Content)"),
        ((400, b"a \x1b[2J", {"Content-Type": "text/plain"}), "(400: a [2J)"),
    ],
)
def test_an_answer_that_is_no_list_is_told_with_its_remedy(netbox: NetBox, reply: Reply, told: str) -> None:
    netbox.replies = {DEVICES: reply}
    netbox.write()
    (line,) = refused(netbox)
    assert told in line


def test_every_list_that_is_refused_is_told_at_once(netbox: NetBox) -> None:
    netbox.replies = {DEVICES: FORBIDDEN, MACHINES: (500, b"{}", JSON)}
    netbox.write()
    devices, machines = refused(netbox)
    assert DEVICES in devices
    assert MACHINES in machines
    netbox.replies = {DEVICES: LOGIN, MACHINES: LOGIN}
    assert len(refused(netbox)) == 1


def test_a_list_that_is_none_does_not_hide_another_that_is_refused(netbox: NetBox) -> None:
    netbox.replies = {DEVICES: FORBIDDEN, MACHINES: (200, b"[[[", JSON)}
    netbox.write()
    devices, machines = refused(netbox)
    assert DEVICES in devices
    assert machines.startswith("it gives no list of machines: ")


@pytest.mark.parametrize(
    ("version", "token", "known", "told"),
    [
        ("3.7", TOKEN, f"Token {TOKEN}", "it is NetBox 3.7, and moor reads NetBox 4.0 and later; upgrade it"),
        ("4.3", SECOND, "Token x", "NetBox 4.3 takes tokens of version 1 alone, and this one (nbt_) is of version 2"),
        ("4.7", TOKEN, f"Bearer {SECOND}", "NetBox 4.7 and later take tokens of version 2 (nbt_), and this one is"),
        ("", TOKEN, f"Bearer {SECOND}", "NetBox 4.7 and later take tokens of version 2 (nbt_), and this one is"),
    ],
)
def test_a_token_of_the_wrong_kind_and_an_old_netbox_are_told(
    netbox: NetBox, version: str, token: str, known: str, told: str
) -> None:
    netbox.version, netbox.known = version, known
    netbox.write(token=token)
    (line,) = refused(netbox)
    assert told in line


def test_a_wrong_token_of_the_right_kind_is_not_said_to_be_of_another(netbox: NetBox) -> None:
    netbox.write(token="of-somebody-else")
    assert refused(netbox) == ["it refuses the token (403: Invalid v1 token)"]


@pytest.mark.parametrize("token", ["nbt_4F9DAouzURLb", "nbt_.zjebx", "nbt_4F9DAouzURLb."])
def test_half_a_token_of_version_2_is_refused_before_it_is_sent(netbox: NetBox, token: str) -> None:
    netbox.write(token=token)
    (line,) = refused(netbox)
    assert "nbt_KEY.TOKEN, and a part of it is missing" in line
    assert token not in line
    assert netbox.asked == []


@given(st.integers(100, 599), st.binary(max_size=60), st.sampled_from(["text/html", "application/json", "", "x;"]))
def test_no_answer_but_success_passes_and_no_fault_breaks_the_line(status: int, content: bytes, kind: str) -> None:
    fault = fault_of(Answer("/api/", status, {"Content-Type": kind}, content), second=True)
    assert fault is not None or status == 200
    assert fault is None or fault.isprintable()


def test_filters_are_asked_as_netbox_understands_them_on_every_page(netbox: NetBox) -> None:
    netbox.page = 1
    netbox.write(more=", filters: {status: [active, staged], role: [kubernetes-node, registry], has_primary_ip: true}")
    assert [*open_site(netbox.site).inventory.hosts] == ["node1", "node2", "harbor1"]
    assert all(set(query["status"]) == {"active", "staged"} for query in netbox.asked)
    assert all(set(query["has_primary_ip"]) == {"true"} for query in netbox.asked)


def test_all_pages_are_read(netbox: NetBox) -> None:
    netbox.page = 1
    netbox.write()
    assert [*open_site(netbox.site).inventory.hosts] == ["node1", "node2", "edge1", "harbor1"]
    assert len(netbox.asked) == 4


@pytest.mark.parametrize("branch", ["spring works", "td5smq0f"])
def test_a_branch_is_read_by_name_or_schema_id_in_place_of_main(netbox: NetBox, branch: str) -> None:
    netbox.branches = {"aaaaaaaa": ("other", "merged"), "td5smq0f": ("spring works", "ready")}
    netbox.renamed, netbox.page = {"node1": "node1-new"}, 1
    netbox.write(more=f", branch: {branch}")
    assert [*open_site(netbox.site).inventory.hosts] == ["node1-new", "node2", "edge1", "harbor1"]
    netbox.write()
    assert "node1" in open_site(netbox.site).inventory.hosts


@pytest.mark.parametrize(
    ("branches", "told"),
    [
        (None, "branch: this NetBox lacks the plug-in netbox-branching and would answer from main"),
        ({}, "branch: spring: NetBox has no such branch, or its token may not see it"),
        ({"td5smq0f": ("sprint", "ready")}, "did you mean sprint?"),
        ({"td5smq0f": ("spring", "merged")}, "branch: spring: is merged, and only one that is ready can be read"),
    ],
)
def test_a_branch_that_cannot_be_read_never_gives_main(
    netbox: NetBox, branches: dict[str, tuple[str, str]] | None, told: str
) -> None:
    netbox.branches = branches
    netbox.write(more=", branch: spring")
    (line,) = refused(netbox)
    assert told in line


def test_plain_http_is_read_on_loopback_and_pages_stay_there(plain_netbox: NetBox) -> None:
    plain_netbox.page = 1
    plain_netbox.write()
    assert "edge1" in open_site(plain_netbox.site).inventory.hosts


def test_the_token_of_a_netbox_on_loopback_goes_to_no_proxy_of_the_environment(
    plain_netbox: NetBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxy = NetBox(tmp_path)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(handler_of(proxy)) as port:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        plain_netbox.write()
        assert "edge1" in open_site(plain_netbox.site).inventory.hosts
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("url: 'http://netbox'", "http:// would send the token readable"),
        ("url: 'ftp://netbox'", "options.netbox.url"),
        ("url: 'https://[netbox'", "url: must be a URL, such as https://netbox.corp.test"),
        ("url: 'https://netbox:seven'", "url: must be a URL"),
        ("url: 'https://a:b@netbox'", "url: must be without a login"),
        ("url: 'https://netbox?site=a'", "write what stands behind the . into filters"),
        ("url: 'https://netbox/api/'", "must be without /api, which moor adds"),
        ("url: 'https://netbox', filters: {tags: moor}", "filters: tags: NetBox knows no such filter .* write tag"),
        ("url: 'https://netbox', filters: {sites: a, rolle: b}", "sites: .*did you mean site.*; rolle: .*mean role"),
        ("url: 'https://netbox', filters: {tag: []}", "tag: is empty, and NetBox would give every machine"),
        ("url: 'https://netbox', filters: {site: ''}", "site: is empty"),
        ("url: 'https://netbox', filters: {limit: 5}", "limit: is no filter"),
        ("url: 'https://netbox', filters: {_branch: x}", "_branch: write the key branch"),
        ("url: 'https://netbox', filters: {rack_id: 3}", "rack_id: virtual machines have no such filter"),
        ("url: 'http://netbox', filters: {rack: 3, vcpus: 2}", "http:// .*; filters.rack: .*; filters.vcpus: devices"),
    ],
)
def test_options_that_would_leak_the_token_or_widen_the_fleet_are_refused(
    tmp_path: Path, options: str, told: str
) -> None:
    written = f"{{plugin: NetBoxInventory, options: {{netbox: {{{options}, token: 'file:token'}}}}}}"
    write_site(tmp_path, {"config.yaml": f"inventory: {written}\n"}, {"token": TOKEN})
    with pytest.raises(InputError, match=told):
        open_site(tmp_path)


def test_filters_that_netbox_has_pass(netbox: NetBox) -> None:
    filters = "cf_rack: a, site_id: [1, 2], name__ic: node, status__n: offline, rack: r1, has_primary_ip: true"
    netbox.write(more=f", plain_http: true, virtual_machines: false, filters: {{{filters}}}")
    assert "node1" in open_site(netbox.site).inventory.hosts


def test_settings_are_shown_and_faults_told_by_the_field_of_netbox(
    netbox: NetBox, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = json.loads((ANSWERS / "devices.json").read_text())
    one, two = devices["results"][:2]
    one["local_context_data"] = {"moor": {"containerd": {"settle_s": 60}}}
    netbox.replies = {DEVICES: (200, json.dumps(devices).encode(), JSON)}
    netbox.write()
    with pytest.raises(SystemExit, match="0"):
        main(["show", "node1", "--site", str(netbox.site)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "settle_s" in line]
    assert rows == [["data.containerd.settle_s", "NetBox", "device", "node1", "60"]]
    one["config_context"]["moor"] = one["local_context_data"]["moor"] = {"containerd": {"settle_s": "soon"}}
    two["config_context"] = {"moor": {"containerdd": {}}}
    netbox.replies = {DEVICES: (200, json.dumps(devices).encode(), JSON)}
    with pytest.raises(InputError) as error:
        open_site(netbox.site)
    first, second = str(error.value).splitlines()
    assert first.startswith("NetBox device node1: local_context_data.moor.containerd.settle_s: ")
    assert second.startswith("NetBox device node2: config_context.moor.containerdd: ")
