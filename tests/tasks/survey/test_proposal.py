"""What hosts say, and the inventory that says the same."""

import base64

import pytest

from moor.errors import InputError
from moor.run.protocols.proposing import SurveyRequest
from moor.tasks.survey.document import load
from moor.tasks.survey.proposal import Proposal, propose
from moor.tasks.survey.script import HIDE, SCRIPT, HostView, view_of
from moor.tasks.survey.site_files import SiteFiles
from tests.harness.shells import SHELLS, sh, text

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
OTHER_PEM = PEM.replace("AAAA", "BBBB")
REGISTRY = "registry.corp.example.org"
HOSTS_TOML = f'server = "https://{REGISTRY}"\n[host."https://{REGISTRY}"]\ncapabilities = ["pull"]\n'
CACHE = f'server = "{{last}}"\n[host."https://{REGISTRY}/v2/hub"]\noverride_path = true\n'
CERTS_D = "/etc/containerd/certs.d"


def node(name: str, files: dict[str, str] | None = None, **facts: tuple[str, ...]) -> HostView:
    """Return a node whose containerd knows the registry, by a hosts file."""
    usual = {
        f"{CERTS_D}/{REGISTRY}/hosts.toml": HOSTS_TOML,
        f"{CERTS_D}/{REGISTRY}/ca.crt": PEM,
        "/etc/hosts": f"127.0.0.1 localhost\n10.0.0.5 {REGISTRY} registry hub.corp.example.org\n",
    }
    said = {"process": ("kubelet", "containerd"), "config": ("/etc/containerd/config.toml",)}
    return HostView(name, {**usual, **(files or {})}, {**said, **facts})


def proposed(*views: HostView, present: dict[str, str] | None = None, **request: object) -> Proposal:
    site = SiteFiles("hosts.yaml", "groups.yaml", "defaults.yaml", present or {})
    return propose(views, site, SurveyRequest(" ".join, **request))  # type: ignore[arg-type]


def test_a_registry_is_proposed_with_where_it_was_read() -> None:
    found = proposed(node("node1"), node("node2"))
    defaults = load(found.files["defaults.yaml"])["data"]
    assert defaults["registry"] == {"name": REGISTRY, "address": "10.0.0.5", "aliases": ["hub.corp.example.org"]}
    assert defaults["pki"] == {"ca": f"certificates/{REGISTRY}-ca.crt"}
    assert found.files[f"certificates/{REGISTRY}-ca.crt"].strip() == PEM.strip()
    assert f"# node1 node2: {CERTS_D}/{REGISTRY}/hosts.toml\n    name: {REGISTRY}" in found.files["defaults.yaml"]
    assert load(found.files["hosts.yaml"])["node1"] == {"groups": ["nodes"]}
    assert load(found.files["groups.yaml"]) == {"nodes": {}}


def test_a_host_that_says_something_else_gets_a_setting_or_a_question() -> None:
    config = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/srv/certs.d"\n'
    other = {"/etc/hosts": f"10.0.0.9 {REGISTRY}\n", f"{CERTS_D}/{REGISTRY}/ca.crt": OTHER_PEM}
    odd = node("node3", {"/etc/containerd/config.toml": config, **other})
    found = proposed(node("node1"), node("node2"), odd)
    assert load(found.files["hosts.yaml"])["node3"]["data"] == {"containerd": {"config_path": "/srv/certs.d"}}
    assert any("10.0.0.5 is proposed, and node3 says 10.0.0.9 (/etc/hosts)" in one for one in found.questions)
    assert any("another CA" in one and "node3" in one for one in found.questions)


def test_a_host_that_asks_its_nameservers_is_set_to_dns() -> None:
    served = node("node2", {"/etc/hosts": "127.0.0.1 localhost\n"}, resolves=(f"{REGISTRY} 10.0.0.5",))
    mixed = proposed(node("node1"), served)
    assert load(mixed.files["hosts.yaml"])["node2"]["data"]["names"] == {"mode": "dns"}
    alone = proposed(served)
    assert load(alone.files["defaults.yaml"])["data"]["names"] == {"mode": "dns"}


@pytest.mark.parametrize(
    ("last", "mirror"),
    [
        (f"https://{REGISTRY}/v2/hub", {"project": "hub"}),
        ("https://registry-1.docker.io", {"project": "hub", "fallback": True}),
    ],
)
def test_a_mirror_is_known_by_its_project(last: str, mirror: dict[str, object]) -> None:
    path = f"{CERTS_D}/docker.io/hosts.toml"
    found = proposed(node("node1", {path: CACHE.format(last=last)}), node("node2"))
    assert load(found.files["defaults.yaml"])["data"]["mirrors"] == {"docker.io": mirror}
    assert any("data.mirrors.docker.io: node2 does not have it" in one for one in found.questions)


def test_a_fallback_that_only_some_nodes_have_is_a_question() -> None:
    path, ends = f"{CERTS_D}/docker.io/hosts.toml", (f"https://{REGISTRY}/v2/hub", "https://registry-1.docker.io")
    views = [node(f"node{at}", {path: CACHE.format(last=ends[at == 3])}) for at in (1, 2, 3)]
    found = proposed(*views)
    assert load(found.files["defaults.yaml"])["data"]["mirrors"] == {"docker.io": {"project": "hub"}}
    words = "data.mirrors.docker.io.fallback: False is proposed, and node3 says True"
    assert any(one.startswith(words) for one in found.questions)


def test_k3s_says_it_in_its_own_file() -> None:
    registries = (
        f"mirrors:\n  quay.io: {{endpoint: ['https://{REGISTRY}:5000/v2/quay']}}\n"
        f'configs:\n  {REGISTRY}:5000:\n    auth: {{username: "x", password: "x"}}\n'
    )
    files = {"/etc/rancher/k3s/registries.yaml": registries, "/etc/hosts": f"10.0.0.5 {REGISTRY}\n"}
    said = {"service": ("k3s-agent",), "no_fallback": ("k3s",)}
    views = [HostView(name, files, said) for name in ("n1", "n2")]
    found = proposed(*views)
    defaults = load(found.files["defaults.yaml"])["data"]
    assert (defaults["registry"]["name"], defaults["registry"]["port"]) == (REGISTRY, 5000)
    assert defaults["mirrors"] == {"quay.io": {"project": "quay"}}
    assert load(found.files["groups.yaml"])["nodes"] == {"data": {"containerd": {"runtime": "k3s"}}}


def test_podman_docker_and_harbor_are_known_by_their_files() -> None:
    conf = f'[[registry]]\nprefix = "{REGISTRY}"\nlocation = "{REGISTRY}"\n'
    names = {"/etc/hosts": f"10.0.0.5 {REGISTRY}\n"}
    ws = {**names, f"/etc/docker/certs.d/{REGISTRY}/ca.crt": PEM, "/etc/containers/registries.conf.d/x.conf": conf}
    packages = ("docker-ce", "docker-ce-cli", "containerd.io")
    ws1 = HostView("ws1", ws, {"program": ("podman",), "package": packages})
    harbor = HostView("h1", names, {"harbor": ("/opt/harbor/harbor.yml",), "harbor_name": (REGISTRY,)})
    found = proposed(ws1, harbor)
    hosts = load(found.files["hosts.yaml"])
    assert hosts["ws1"]["groups"] == ["workstations"]
    assert hosts["ws1"]["data"] == {"podman": {}, "docker": {"packages": sorted(packages)}}
    assert hosts["h1"] == {"groups": ["harbor"]}
    assert load(found.files["defaults.yaml"])["data"]["harbor"] == {"managed": False}


def test_a_present_inventory_keeps_its_values_and_comments() -> None:
    present = {
        "defaults.yaml": f"# ours\ndata:\n  registry: {{name: {REGISTRY}, address: 10.0.0.7}} # moves in March\n",
        "hosts.yaml": "node1: {hostname: 10.1.1.1, groups: [nodes, rack1]}\n",
        "groups.yaml": "nodes: {}\nrack1: {}\n",
    }
    found = proposed(node("node1"), present=present)
    defaults = found.files["defaults.yaml"]
    assert "# ours" in defaults
    assert "# moves in March" in defaults
    assert load(defaults)["data"]["registry"]["address"] == "10.0.0.7"
    assert any("data.registry.address: the inventory says 10.0.0.7, and node1" in one for one in found.questions)
    assert found.files["hosts.yaml"] == present["hosts.yaml"]


def test_nothing_of_a_registry_makes_an_outsider() -> None:
    found = proposed(node("node1"), HostView("mail"))
    assert load(found.files["hosts.yaml"])["mail"] == {"groups": ["outsiders"]}
    assert any(one.startswith("mail: nothing of the registry was found") for one in found.questions)


def test_several_registries_are_a_question_of_the_user() -> None:
    path = f"{CERTS_D}/quay.corp.example.org/hosts.toml"
    text_ = HOSTS_TOML.replace(REGISTRY, "quay.corp.example.org")
    with pytest.raises(InputError, match="name one by --registry NAME"):
        proposed(node("node1", {path: text_}))
    chosen = proposed(node("node1", {path: text_}), registry=REGISTRY)
    assert any("quay.corp.example.org is another private registry" in one for one in chosen.questions)
    with pytest.raises(InputError, match="no host is set up for a private registry"):
        proposed(HostView("mail"))


def test_a_mirror_of_others_is_not_taken_for_the_registry() -> None:
    path = f"{CERTS_D}/docker.io/hosts.toml"
    plain = '[host."https://mirror.corp.example.org"]\n'
    found = proposed(*(node(name, {path: plain}) for name in ("node1", "node2")))
    assert load(found.files["defaults.yaml"])["data"]["registry"]["name"] == REGISTRY
    assert any(one.startswith("mirror.corp.example.org is another private registry") for one in found.questions)


def test_a_registry_without_a_full_name_is_refused_with_its_hosts() -> None:
    files = {f"{CERTS_D}/10.0.0.5:5000/hosts.toml": '[host."http://10.0.0.5:5000"]\n'}
    with pytest.raises(
        InputError, match=r"set up for 10.0.0.5:5000 \(node1: .*hosts.toml\): an address; write the reg"
    ):
        proposed(HostView("node1", files))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{CERTS_D}/{REGISTRY}/hosts.toml", 'host = ["x"]\nserver = 3\n'),
        ("/etc/containerd/config.toml", 'plugins = ["x"]\n'),
        ("/etc/docker/daemon.json", '{"insecure-registries": 5, "registry-mirrors": {"a": 1}}'),
        ("/etc/rancher/k3s/registries.yaml", "mirrors: [x]\nconfigs: 3\n"),
        ("/etc/containers/registries.conf", "registry = 5\n"),
        ("/etc/containers/registries.conf", "[[registry]]\nprefix = 'quay.io'\nlocation = 'x[/y'\n"),
        ("/etc/docker/daemon.json", '{"registry-mirrors": ["https://[x"]}'),
        ("/etc/docker/daemon.json", "[" * 3000),
        ("/etc/rancher/k3s/registries.yaml", "mirrors: {quay.io: {endpoint: ['https://[::1']}}\n"),
    ],
)
def test_a_file_of_another_shape_says_nothing(path: str, text: str) -> None:
    found = proposed(node("node1"), node("node2", {path: text}))
    assert load(found.files["defaults.yaml"])["data"]["registry"]["name"] == REGISTRY


def test_what_keeps_the_registry_from_being_asked_safely_is_a_question() -> None:
    unchecked = HOSTS_TOML + "skip_verify = true\n"
    odd = node("node1", {f"{CERTS_D}/{REGISTRY}/hosts.toml": unchecked}, proxy=("containerd localhost",))
    found = proposed(odd, node("node2", proxy=(f"containerd localhost,{REGISTRY}",)))
    assert any("node1: " in one and "is not checked there" in one for one in found.questions)
    assert any("node1: containerd goes through a proxy" in one for one in found.questions)
    assert not any(one.startswith("node2: ") for one in found.questions)


LOGINS = {
    "registries.yaml": "configs:\n  r:\n    auth:\n      username: bob\n      password: hunter2 # old\n",
    "flow.yaml": "configs: {r: {auth: {username: bob, password: hunter2}, tls: {ca_file: /x}}}\n",
    "config.toml": 'a = 1\n[x.auth]\n  username = "bob"\n  password = "hunter2"\n  auth = "aHVudGVyMg=="\n',
    "daemon.json": '{"proxies": {"https-proxy": "http://bob:hunter2@proxy:3128"}}\n',
    "hosts.toml": '[host."https://r".header]\n  Authorization = ["Basic aHVudGVyMg=="]\n',
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", LOGINS)
def test_no_login_of_a_file_leaves_the_host(shell: str, name: str) -> None:
    shown = text(sh(shell, f"{HIDE} <<'MOOR'\n{LOGINS[name]}MOOR\n").stdout)
    assert "hunter2" not in shown
    assert "aHVudGVyMg" not in shown
    assert len(shown.splitlines()) == len(LOGINS[name].splitlines())


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_reads_this_machine_in_every_shell(shell: str) -> None:
    done = sh(shell, SCRIPT)
    assert done.returncode == 0
    assert not done.stderr
    view = view_of("here", text(done.stdout))
    assert "/etc/hosts" in view.files
    assert view.fact("os")


def test_an_answer_that_is_none_says_nothing() -> None:
    path, wrong = base64.b64encode(b"/etc/hosts").decode(), "%%%"
    assert view_of("x", f"file={path} {wrong}\nnoise\n=\nfile=\n").facts == {}
