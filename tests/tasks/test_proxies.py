"""The proxy of a host's programs: the form that each of them reads, by the programs themselves; and no login shows."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import Host
from pydantic import ValidationError

from moor.engine.plan import plan
from moor.errors import HostError
from moor.formats.marked_block import without_block
from moor.resources.edit import Edit
from moor.settings.section import SecretRef
from moor.tasks.access import Access
from moor.tasks.facts import Registry
from moor.tasks.proxies.no_proxy import exclusions_of, for_environment, for_go, for_suffixes, whole_names
from moor.tasks.proxies.running import is_bypassed
from moor.tasks.proxies.runtimes import ProxiedUnit, RunningProxy, environment_lines
from moor.tasks.proxies.settings import Proxy, ProxySettings
from moor.tasks.proxy import programs
from moor.tasks.proxy.programs import apt_conf, environment_resource, package_resources
from moor.tasks.proxy.runtimes import findings_of
from moor.tasks.proxy.secret_edit import SecretEdit
from tests.harness.shells import SHELLS, sh

URL = "http://proxy.moor.test:3128"
REGISTRY = Registry.model_validate({"name": "registry.moor.test", "address": "10.0.0.5", "port": 8443})
NAMES = st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){1,2}", fullmatch=True)
WORDS = st.lists(
    NAMES | NAMES.map(".{}".format) | NAMES.map("*.{}".format) | NAMES.map("{}:8443".format)
    | st.ip_addresses(v=4).map(str) | st.sampled_from(["10.0.0.0/8", "fd00::/8", "::1", "*"]),
    max_size=6,
)  # fmt: skip
by_shell = pytest.mark.parametrize("shell", SHELLS)


def host(**data: Any) -> Host:
    return Host("node1", data={"registry": REGISTRY, **data})


def settings(**more: Any) -> ProxySettings:
    return ProxySettings.model_validate({"url": URL, **more})


def test_the_registry_its_networks_and_the_clusters_ranges_are_reached_without_the_proxy() -> None:
    access = Access.model_validate({"members": ["10.0.0.0/16"], "managers": ["10.9.0.0/24"]})
    proxy = settings(services=["10.96.0.0/12"], pods=["10.244.0.0/16", "fd01::/48"], no_proxy=[".example.net"])
    found = exclusions_of(host(access=access), proxy)
    assert for_go(found) == (
        "localhost,127.0.0.1,::1,registry.moor.test,registry,10.0.0.5,10.0.0.0/16,10.9.0.0/24,"
        "10.96.0.0/12,10.244.0.0/16,fd01::/48,.svc,.cluster.local,.example.net"
    )
    assert is_bypassed(REGISTRY.name, REGISTRY.port, for_go(found))


class Through:
    through_proxy = True


def test_where_the_proxy_is_the_way_to_the_registry_it_is_not_left_out() -> None:
    access = Access.model_validate({"members": ["10.0.0.0/16"]})
    found = exclusions_of(host(access=access, preflight=Through()), settings(no_proxy=["a.test"]))
    assert found == ("localhost", "127.0.0.1", "::1", "a.test")


@given(WORDS, NAMES)
def test_what_go_leaves_out_by_name_other_programs_leave_out_too(words: list[str], name: str) -> None:
    plain = for_environment(words)
    if is_bypassed(name, 8443, for_go(words)):
        assert is_bypassed(name, 8443, plain)
    assert not any(set("*") & set(word) and word != "*" for word in plain.split(","))
    assert not any("/" in word for word in for_suffixes(words).split(","))
    assert set(whole_names(words)) <= set(plain.split(","))


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a proxy that wants a login and has nothing, and what it was asked for, with which login."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = self.headers.get("Proxy-Authorization", "-")
            asked.append(f"{self.path} {login}")
            self.send_response(407 if login == "-" else 404)
            self.send_header("Proxy-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_curl_by_the_environment_of_logins_asks_the_proxy_for_what_is_outside_alone(
    proxy: tuple[str, list[str]],
) -> None:
    url, asked = proxy
    words = ["registry.invalid", "*.inside.invalid", "with-port.invalid:8443", "127.0.0.2"]
    resource = environment_resource(Proxy(url=url), words)
    assert isinstance(resource, Edit)
    lines = without_marks(resource.edit("LANG=C\n", "there"))
    environment = dict(line.split("=", 1) for line in lines)
    for name in ("outside", "registry", "a.inside", "with-port"):
        argv = ["curl", "-qs", "-o", "/dev/null", f"http://{name}.invalid/"]
        subprocess.run(argv, env={"PATH": os.environ["PATH"], **environment}, check=False, timeout=30)
    assert asked == ["http://outside.invalid/ -"]


def without_marks(content: str) -> list[str]:
    return [line for line in content.splitlines() if not line.startswith("#")]


def apt(folder: Path, conf: str, *argv: str) -> str:
    """Run apt with a configuration that has nothing of this machine's but its programs."""
    (folder / "parts").mkdir()
    (folder / "parts" / "95moor-proxy").write_text(conf)
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = "".join(f"deb [trusted=yes] http://{name}.invalid/debian x main\n" for name in ("outside", "registry"))
    (folder / "sources").write_text(sources)
    pairs = {
        **{"Dir::Etc::parts": folder / "parts", "Dir::Etc::sourcelist": folder / "sources"},
        **{"Dir::Etc::sourceparts": "-", "Dir::State::lists": folder / "lists", "Dir::Cache": folder / "cache"},
        **{"APT::Sandbox::User": "root", "Acquire::Retries": 0, "Acquire::Languages": "none"},
    }
    (folder / "conf").write_text("".join(f'{key} "{value}";\n' for key, value in pairs.items()))
    environment = {**os.environ, "APT_CONFIG": str(folder / "conf")}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def test_apt_logs_in_to_the_proxy_and_reaches_the_registry_without_it(
    proxy: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, asked = proxy
    (tmp_path / "login").touch(mode=0o600)
    (tmp_path / "login").write_text('bob:s3c@:"t')
    whole = Proxy(url=url, login=SecretRef(f"file:{tmp_path}/login")).whole_url()
    conf = apt_conf(whole.reveal() if not isinstance(whole, str) else whole, ["registry.invalid", ".x", "10.0.0.0/8"])
    apt(tmp_path, conf, "apt-get", "update")
    assert asked
    assert all("outside.invalid" in one and one.endswith(" Basic Ym9iOnMzY0A6InQ=") for one in asked)


def test_dnf_reads_the_proxy_in_its_section_and_a_proxy_of_somebody_else_is_told_without_its_value() -> None:
    (own,) = [one for one in package_resources(Proxy(url=URL), []) if one.id == f"edit:{programs.DNF}#proxy"]
    assert isinstance(own, Edit)
    content = own.edit("[main]\ngpgcheck=1\n[extra]\nproxy=http://other\n", "there")
    assert content.splitlines()[2] == f"proxy={URL}"
    assert own.edit("[main]\nproxy=x\n", "") == "[main]\nproxy=x\n"  # a host without dnf
    with pytest.raises(HostError, match=r"dnf.conf: proxy is set by somebody else; take the line out, or take") as told:
        own.edit("[main]\nproxy = http://me:hunter2@other\n", "there")
    assert "hunter2" not in str(told.value)
    assert without_block(content, "proxy") == "[main]\ngpgcheck=1\n[extra]\nproxy=http://other\n"


def test_dnf_logs_in_to_the_proxy_of_moors_lines(proxy: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = proxy
    known = with_login(tmp_path).model_copy(update={"url": url})
    (own,) = [one for one in package_resources(known, []) if one.id == f"edit:{programs.DNF}#proxy"]
    assert isinstance(own, SecretEdit)
    (tmp_path / "dnf.conf").write_text(
        own.edit("[main]\nretries=1\n[x]\nname=x\nbaseurl=http://outside.invalid/x\n", "there")
    )
    argv = ["dnf", "-qc", str(tmp_path / "dnf.conf"), "--setopt=reposdir=/none", f"--setopt=cachedir={tmp_path}/cache"]
    subprocess.run([*argv, "makecache"], capture_output=True, check=False, timeout=60)
    login = base64.b64encode(b"bob:hunter2hunter2").decode()
    assert f"http://outside.invalid/x/repodata/repomd.xml Basic {login}" in asked


def with_login(folder: Path, login: str = "bob:hunter2hunter2") -> Proxy:
    (folder / "login").touch(mode=0o600)
    (folder / "login").write_text(login)
    return Proxy(url=URL, login=SecretRef(f"file:{folder}/login"))


@by_shell
def test_a_file_with_the_login_is_for_root_alone_and_no_plan_shows_it(
    shell: str, tmp_path: Path, host_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "it's dnf.conf"
    target.write_text("[main]\ngpgcheck=1\nproxy_password_of=old-secret\n")
    (found,) = [one for one in package_resources(with_login(tmp_path), []) if one.id.startswith("edit:/etc/dnf")]
    assert isinstance(found, SecretEdit)
    own = replace(found, path=str(target), asks="echo there")

    def changes() -> list[str]:
        done = sh(shell, f"( {own.probe()}\n)")
        assert done.returncode == 0, done.stderr
        return [one.diff for one in plan([own], {own.id: own.actual(done.stdout.decode())})]

    first = sh(shell, f"( {own.probe()}\n)").stdout.decode()
    assert changes() == ["moor's lines: missing or others -> right\nmode: 0644 -> 0600"]
    assert mended(shell, own, own.actual(first)) == b""
    assert changes() == []
    assert target.read_text().splitlines()[2:5] == [
        f"proxy={URL}", "proxy_username=bob", "proxy_password=hunter2hunter2",
    ]  # fmt: skip
    assert target.stat().st_mode & 0o777 == 0o600


def mended(shell: str, resource: Any, actual: Any) -> bytes:
    from moor.engine.script import apply_script, require_all, split_answers

    done = sh(shell, apply_script([resource.mend(actual)], "moor-0", "run"))
    (piece,) = require_all(split_answers(done.stdout, done.stderr, "moor-0"), 1, done.stderr)
    assert piece.code == 0, piece.stderr
    return piece.stdout if isinstance(piece.stdout, bytes) else piece.stdout.encode()


@pytest.mark.parametrize(
    "bad",
    [
        {"url": "proxy:3128"}, {"url": "http://me:pw@proxy:3128"}, {"url": URL, "services": ["10.96.0.0/99"]},
        {"url": URL, "programs": ["apt"]}, {"url": URL, "no_proxy": ["a b"]}, {"url": URL, "no_proxy": ["a;b"]},
    ],
)  # fmt: skip
def test_what_no_program_would_understand_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProxySettings.model_validate(bad)


UNIT = ProxiedUnit("containerd", "", Proxy(url=URL), "localhost,registry.moor.test", "data.proxy")


@by_shell
@pytest.mark.parametrize(
    ("environment", "found"),
    [
        (f"HTTPS_PROXY={URL} NO_PROXY=localhost,registry.moor.test", []),
        (f"HTTPS_PROXY={URL} NO_PROXY=localhost", ["NO_PROXY: localhost -> localhost,registry.moor.test"]),
        ("A=b", [f"HTTPS_PROXY: none -> {URL}\nNO_PROXY: (empty) -> localhost,registry.moor.test"]),
        (
            "HTTPS_PROXY=http://me:hunter2@x:1 NO_PROXY=localhost,registry.moor.test",
            [f"HTTPS_PROXY: http://x:1 -> {URL}"],
        ),
    ],
)
def test_a_runtime_that_runs_with_another_proxy_differs_and_no_login_shows(
    shell: str, environment: str, found: list[str]
) -> None:
    # A drop-in that is gone and that systemd has not noticed yet makes cat fail; the unit is there all the same.
    cases = "cat*) return 1 ;; *LoadState*) echo loaded ;; *MainPID*) echo $moor_pid ;;"
    own, fake = RunningProxy(UNIT), f"systemctl() {{ case $* in {cases} esac; }}"
    first = environment.partition("=")[0]
    wait = f"until grep -qz ^{first}= /proc/$moor_pid/environ 2>/dev/null; do :; done"
    done = sh(shell, f"env {environment} sleep 30 & moor_pid=$!\n{fake}\n{wait}\n( {own.probe()}\n)\nkill $moor_pid")
    assert b"hunter2" not in done.stdout
    assert [one.diff for one in plan([own], {own.id: own.actual(done.stdout.decode())})] == found


def test_k3s_gives_its_containerd_alone_the_proxy() -> None:
    lines = str(environment_lines(Proxy(url=URL), "a.test", "k3s")).splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "CONTAINERD_HTTP_PROXY", "CONTAINERD_HTTPS_PROXY", "CONTAINERD_NO_PROXY",
    ]  # fmt: skip


@by_shell
def test_a_runtime_that_is_not_installed_yet_is_not_waited_for(shell: str) -> None:
    own = RunningProxy(UNIT)
    done = sh(shell, f"systemctl() {{ return 1; }}\n( {own.probe()}\n)")
    assert plan([own], {own.id: own.actual(done.stdout.decode())}) == []


@pytest.mark.parametrize(
    ("no_proxy", "left"),
    [
        ("localhost,10.96.0.0/12,10.244.0.0/16,fd00::/8", []),
        ("10.96.0.0/16,10.244.3.0/24", ["10.244.0.0/16", "fd01::a"]),
        ("10.96.0.10,.svc,0.0.0.0/0", ["fd01::a"]),
        ("", ["10.96.0.10", "10.244.0.0/16", "fd01::a"]),
    ],
)
def test_a_range_of_the_cluster_that_goes_through_the_proxy_is_told(no_proxy: str, left: list[str]) -> None:
    own = RunningProxy(replace(UNIT, no_proxy=no_proxy))
    said = "range=10.96.0.10\nrange=10.244.0.0/16\nrange=fd01::a\nrange=nonsense\n"
    state = own.actual(said)
    assert state is not None
    found = list(findings_of(own, state, "node1"))
    assert [one.what.partition(" of the cluster")[0].split(", ") for one in found] == ([left] if left else [])
    assert all(one.id == "proxy:containerd:ranges" and "data.proxy.services" in one.remedy for one in found)


@by_shell
def test_the_clusters_ranges_are_read_where_its_parts_have_them(shell: str, tmp_path: Path) -> None:
    contents = {
        "/var/lib/kubelet/config.yaml": "clusterDNS:\n- 10.96.0.10\n- fd01::a\nclusterDomain: a\nx:\n- 1.2.3.4\n",
        "/run/flannel/subnet.env": "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n",
        "/etc/kubernetes/manifests/kube-apiserver.yaml": "    - --service-cluster-ip-range=10.96.0.0/12,fd01::/112\n",
    }
    fragment = RunningProxy(UNIT).probe()
    for path, content in contents.items():
        (tmp_path / path[1:].replace("/", "_")).write_text(content)
        fragment = fragment.replace(path, str(tmp_path / path[1:].replace("/", "_")))
    state = RunningProxy(UNIT).actual(sh(shell, f"( {fragment}\n)").stdout.decode())
    assert state is not None
    assert set(str(state["ranges"]).split()) == {"10.96.0.10", "fd01::a", "10.244.0.0/16", "10.96.0.0/12", "fd01::/112"}
