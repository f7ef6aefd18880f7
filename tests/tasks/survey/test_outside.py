"""What hosts use outside of themselves, and the inventory that says the same: proxies, time servers, static routes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.run.protocols.proposing import SurveyRequest
from moor.tasks.proxies.no_proxy import LOCAL
from moor.tasks.proxy.programs import ENVIRONMENT
from moor.tasks.survey.document import load
from moor.tasks.survey.host_proxy import bare
from moor.tasks.survey.outside import READ_PROXIES
from moor.tasks.survey.proposal import Proposal, propose
from moor.tasks.survey.script import HIDE, HostView, view_of
from moor.tasks.survey.site_files import SiteFiles
from moor.tasks.time.chrony_conf import with_servers
from tests.harness.shells import SHELLS, sh, text

REGISTRY = "registry.corp.example.org"
CERTS = f"/etc/containerd/certs.d/{REGISTRY}/hosts.toml"
FILES = {CERTS: f'server = "https://{REGISTRY}"\n', "/etc/hosts": f"10.0.0.5 {REGISTRY} registry\n"}
URL, AROUND = "http://proxy.corp.example.org:3128", f"localhost,127.0.0.1,{REGISTRY},10.0.0.5,10.96.0.0/12,.svc"
ENV = "/etc/systemd/system/containerd.service.d/http-proxy.conf"
CHRONY, NTP = "/etc/chrony/chrony.conf", "ntp1.corp.example.org"
EVERYWHERE = (
    f"runtimes|containerd|{ENV}||{URL}|{AROUND}",
    f"packages|apt|/etc/apt/apt.conf.d/10proxy||{URL}/|",
    f"environment|logins|/etc/environment||{URL}|localhost",
)


def node(name: str, files: dict[str, str] | None = None, **facts: tuple[str, ...]) -> HostView:
    said = {"process": ("kubelet", "containerd"), "config": ("/etc/containerd/config.toml",)}
    return HostView(name, {**FILES, **(files or {})}, {**said, **facts})


def proposed(*views: HostView, held: dict[str, dict[tuple[str, ...], object]] | None = None) -> Proposal:
    site = SiteFiles("hosts.yaml", "groups.yaml", "defaults.yaml", {}, held=held or {})
    return propose(views, site, SurveyRequest(" ".join))


def data_of(found: Proposal, file: str, name: str = "") -> dict[str, object]:
    tree = load(found.files[f"{file}.yaml"])
    return dict((tree.get(name) or {} if name else tree).get("data") or {})


def test_the_proxy_of_all_hosts_is_a_default_with_where_it_was_read() -> None:
    found = proposed(*(node(name, proxied=EVERYWHERE) for name in ("node1", "node2")))
    assert data_of(found, "defaults")["proxy"] == {"url": URL, "no_proxy": ["10.96.0.0/12", ".svc"]}
    assert f"# node1 node2: {ENV}" in found.files["defaults.yaml"]


def test_a_proxys_login_becomes_a_reference_that_is_to_be_filled_in() -> None:
    with_login = EVERYWHERE[0].replace("||", "|login|")
    found = proposed(*(node(name, proxied=(with_login, *EVERYWHERE[1:])) for name in ("node1", "node2")))
    assert data_of(found, "defaults")["proxy"]["login"] == "file:secrets/proxy-login"  # type: ignore[index]
    assert "data.proxy.login" in found.secrets["file:secrets/proxy-login"]


def test_hosts_that_differ_get_their_own_and_a_group_that_agrees_gets_it_once() -> None:
    ws = {f"/etc/docker/certs.d/{REGISTRY}/ca.crt": "x", "/etc/hosts": FILES["/etc/hosts"]}
    outside = HostView("mail", {}, {"proxied": (EVERYWHERE[2],)})
    views = [node("node1", proxied=EVERYWHERE), node("node2", proxied=EVERYWHERE), HostView("ws1", ws), outside]
    found = proposed(*views)
    assert "proxy" not in data_of(found, "defaults")
    assert data_of(found, "groups", "nodes")["proxy"]["url"] == URL  # type: ignore[index]
    assert "proxy" not in data_of(found, "hosts", "ws1")
    assert "proxy" not in data_of(found, "hosts", "mail")  # moor changes nothing there
    mixed = proposed(node("node1", proxied=EVERYWHERE), node("node2"))
    assert data_of(mixed, "hosts", "node1")["proxy"]["url"] == URL  # type: ignore[index]


def test_programs_that_go_without_the_proxy_stay_without() -> None:
    said = (EVERYWHERE[0], "packages|apt||||", "environment|logins|/etc/environment|||")
    found = proposed(*(node(name, proxied=said) for name in ("node1", "node2")))
    assert data_of(found, "defaults")["proxy"]["programs"] == ["runtimes"]  # type: ignore[index]


def test_another_proxy_of_one_program_and_one_that_cannot_be_said_are_told() -> None:
    odd = ("packages|apt|/etc/apt/apt.conf||http://other:8080|", "environment|logins|/etc/environment||socks5://s:1|")
    found = proposed(node("node1", proxied=(EVERYWHERE[0], *odd)), node("node2"))
    assert data_of(found, "hosts", "node1")["proxy"]["programs"] == ["runtimes"]  # type: ignore[index]
    assert any("/etc/apt/apt.conf: apt has another proxy, http://other:8080" in one for one in found.questions)
    assert any("/etc/environment: the proxy of logins is no http://" in one for one in found.questions)


@pytest.mark.parametrize(
    ("drop_in", "section"), [("# Written by moor from data.proxy.\n", "proxy"), ("[Service]\n", "docker")]
)
def test_a_proxy_that_docker_alone_has_is_dockers_unless_moor_gave_it(drop_in: str, section: str) -> None:
    ws = {
        **{f"/etc/docker/certs.d/{REGISTRY}/ca.crt": "x", "/etc/hosts": FILES["/etc/hosts"]},
        "/etc/systemd/system/docker.service.d/moor-proxy.conf": drop_in,
    }
    said = (f"runtimes|docker|/etc/default/docker|login|{URL}|{AROUND}",)
    found = proposed(HostView("ws1", ws, {"proxied": said}))
    own = data_of(found, "hosts", "ws1")
    proxy = own["proxy"] if section == "proxy" else own["docker"]["proxy"]  # type: ignore[index]
    assert set(own) == {section}
    assert (proxy["url"], proxy["no_proxy"]) == (URL, ["10.96.0.0/12", ".svc"])  # type: ignore[index]
    assert proxy["login"].startswith("file:secrets/")  # type: ignore[index]


def test_what_the_inventory_says_of_a_host_already_stays_and_a_difference_is_told() -> None:
    held = {"node1": {("data", "proxy", "url"): URL}, "node2": {("data", "proxy", "url"): "http://old:1"}}
    found = proposed(*(node(name, proxied=EVERYWHERE) for name in held), held=held)  # type: ignore[arg-type]
    assert "proxy" not in data_of(found, "defaults")
    words = [one for one in found.questions if one.startswith("data.proxy.url")]
    assert words == [f"data.proxy.url: the inventory says http://old:1, and node2 ({ENV}) says {URL}"]


def test_time_servers_that_somebody_chose_are_proposed_and_a_distributions_pool_is_not() -> None:
    theirs = f"pool 2.debian.pool.ntp.org iburst\nserver {NTP} iburst\n"
    more = {"/etc/chrony/sources.d/corp.sources": "server 10.0.0.123\nserver _bad!\n"}
    chosen = [node(name, {CHRONY: theirs, **more}, timekeeper=("chronyd",)) for name in ("node1", "node2")]
    found = proposed(*chosen)
    assert data_of(found, "defaults")["time"] == {"servers": [NTP, "10.0.0.123"]}
    assert f"# node1 node2: {CHRONY}, /etc/chrony/sources.d/corp.sources" in found.files["defaults.yaml"]
    shipped = node("node1", {CHRONY: "pool 2.debian.pool.ntp.org iburst\n"}, timekeeper=("chronyd",))
    stopped = node("node2", {CHRONY: theirs})
    assert "time" not in data_of(proposed(shipped, stopped), "hosts", "node1")
    assert "time" not in data_of(proposed(shipped, stopped), "hosts", "node2")


def test_of_a_file_that_moor_wrote_its_own_servers_are_the_inventorys() -> None:
    text = with_servers("pool 2.debian.pool.ntp.org iburst\nserver by-hand.example.org\n", [NTP])
    found = proposed(node("node1", {CHRONY: text}, timekeeper=("chronyd",)), node("node2"))
    assert data_of(found, "hosts", "node1")["time"] == {"servers": [NTP]}


def test_timesyncd_is_named_where_chrony_is_there_too_and_its_last_servers_count() -> None:
    conf, drop_in = "/etc/systemd/timesyncd.conf", "/etc/systemd/timesyncd.conf.d/moor.conf"
    files = {drop_in: f"[Time]\nNTP=\nNTP={NTP} 10.0.0.1\n", conf: "[Time]\n#NTP=\nNTP=old\nFallbackNTP=fall\n"}
    said = {"timekeeper": ("systemd-timesyn",), "program": ("chronyd",)}
    found = proposed(node("node1", files, **said), node("node2"))
    assert data_of(found, "hosts", "node1")["time"] == {"servers": [NTP, "10.0.0.1"], "service": "timesyncd"}


NETPLAN, HOP = "/etc/netplan/90-moor-routes.yaml", "10.0.9.1"


def test_routes_that_moor_set_are_proposed_as_the_inventory_has_them() -> None:
    file = f"# moor: 10.0.0.5/32 via {HOP} dev eth0\n# moor: 10.7.0.0/16 via 10.0.9.2 dev eth0\n"
    said = (f"10.0.0.5|{HOP}|eth0|{NETPLAN}",)
    found = proposed(*(node(name, {NETPLAN: file}, route=said) for name in ("node1", "node2")))
    assert data_of(found, "defaults")["routes"] == {"via": [HOP], "to": {"10.7.0.0/16": "10.0.9.2"}}
    assert not any("static route" in one for one in found.questions)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"10.0.0.0/24|{HOP}|eth0|/etc/netplan/50.yaml", "/etc/netplan/50.yaml sets it, and moor leaves it so"),
        (f"10.0.0.5|{HOP}|eth0|", "no file that moor knows sets it after a reboot; data.routes: {to: {10.0.0.5/32"),
        (f"10.244.1.0/24|{HOP}|eth0|", ""),
        ("nonsense|x", ""),
    ],
)
def test_a_static_route_of_others_to_the_registry_is_told_and_stays_theirs(said: str, words: str) -> None:
    found = proposed(node("node1", route=(said,)), node("node2"))
    assert "routes" not in data_of(found, "hosts", "node1")
    assert [one for one in found.questions if "static route" in one] == [
        one for one in found.questions if words and words in one
    ]
    assert bool(words) == any("static route" in one for one in found.questions)


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("password", ["hunter2", "hun@ter2", "hun%40ter2"])
def test_no_login_of_a_proxy_leaves_the_host(shell: str, password: str, tmp_path: Path) -> None:
    url = f"http://bob:{password}@proxy:3128"
    _program(tmp_path / "apt-config", f"echo 'Acquire::http::Proxy \"{url}\";'")
    head = f"PATH={tmp_path}:{os.environ['PATH']}\nmoor_fact() {{ :; }}\nmoor_file() {{ :; }}\n"
    done = text(sh(shell, f"{head}{READ_PROXIES}\n").stdout)
    assert "packages|apt|" in done
    assert "|login|http://proxy:3128|" in done
    assert "ter2" not in done
    assert "ter2" not in text(sh(shell, f"{HIDE} <<'MOOR'\nHTTPS_PROXY={url}\nMOOR\n").stdout)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("HTTPS_PROXY='http://bob:hunter2@proxy:3128' # not hunter2", "login|http://proxy:3128|"),
        ("HTTPS_PROXY=http://proxy:3128 # was http://bob:hunter2@old:1", "|http://proxy:3128|"),
        ("HTTPS_PROXY=http://bob:hunter2@proxy:3128/hunter2", "login|?|"),
        ("HTTPS_PROXY=http://bob:hunter2", "|?|"),
        ("  export https_proxy=http://a:1\nHTTPS_PROXY=proxy:3128\r\nno_proxy=bob:hunter2@b", "|proxy:3128|b"),
        ("#HTTPS_PROXY=http://bob:hunter2@proxy:3128", "||"),
    ],
)
def test_comments_and_slips_around_a_proxy_show_no_login(shell: str, lines: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "environment").write_bytes(f"{lines}\n".encode())
    script = READ_PROXIES.replace(ENVIRONMENT, str(tmp_path / "environment"))
    done = text(sh(shell, f"moor_fact() {{ :; }}\nmoor_file() {{ :; }}\n{script}\n").stdout)
    assert done.splitlines()[-1] == f"proxied=environment|logins|{tmp_path}/environment|{said}"
    assert "hunter" not in done


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("word", ["DIRECT", "false"])
def test_a_word_of_apt_for_no_proxy_is_none(shell: str, word: str, tmp_path: Path) -> None:
    _program(tmp_path / "apt-config", f"echo 'Acquire::https::Proxy \"{word}\";'")
    head = f"PATH={tmp_path}:{os.environ['PATH']}\nmoor_fact() {{ :; }}\nmoor_file() {{ :; }}\n"
    found = text(sh(shell, f"{head}{READ_PROXIES}\n").stdout).splitlines()
    assert [line.split("|")[4] for line in found if "|apt|" in line] == [""]


@given(st.text())
def test_any_line_of_a_host_is_read_without_an_error(words: str) -> None:
    view = view_of("node1", f"proxied={words}\nroute={words}\ntimekeeper=chronyd\n")
    proposed(node("node2"), HostView("node1", {**FILES, CHRONY: words}, view.facts))


@given(st.sampled_from(["", "http://", "https://"]), st.from_regex(r"[a-z0-9.]{1,12}:[0-9]{1,4}", fullmatch=True))
def test_an_address_of_a_proxy_gets_a_scheme_and_no_slash(scheme: str, place: str) -> None:
    assert bare(f" {scheme}{place}/ ") == f"{scheme or 'http://'}{place}"
    assert bare("") == ""


def test_moors_own_exclusions_are_left_out() -> None:
    around = ",".join([*LOCAL, REGISTRY, "registry", "10.0.0.5"])
    said = (f"runtimes|containerd|{ENV}||{URL}|{around}", *EVERYWHERE[1:])
    found = proposed(*(node(name, proxied=said) for name in ("node1", "node2")))
    assert data_of(found, "defaults")["proxy"] == {"url": URL}
