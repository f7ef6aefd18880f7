"""What pulls, on real hosts: containerd of four releases by the kubelet's own API, podman, and CRI-O's reload."""

from __future__ import annotations

import base64
import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from moor.output.matrix import matrix
from moor.resources.base import Later
from moor.run.report import HostReport, RunReport
from moor.secrets.secret import Secret
from moor.sites.site import open_site
from moor.tasks.containerd.config import PLUGIN
from moor.tasks.containerd.configure import configure_containerd
from moor.tasks.containerd.settings import CONFIG
from moor.tasks.diagnosis.environment import check_environment
from moor.tasks.diagnosis.evidence.node_answers import pull_evidence
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.pull_script import pull_script
from moor.tasks.diagnosis.mirrors import prove_mirrors
from moor.tasks.diagnosis.podman_user_files import diagnose_podman
from moor.tasks.mirrors.configure import configure_mirrors
from moor.tasks.names.hosts import write_hosts
from moor.tasks.pki.issue import registry_certificate, registry_key
from moor.tasks.podman.configure import DROP_IN, configure_podman
from moor.tasks.trust import trust_ca
from moor_lab.fleet import Host
from moor_lab.images import recipe_of
from moor_lab.lab import Lab
from tests.harness.labs import fleet_of_lab
from tests.lab.cached_registry import CACHE_PORT, Upstream, harbor_with_cache, upstream_registry
from tests.lab.cached_registry import IMAGE as IMAGE_OF_OTHERS
from tests.lab.kubelets import cri_pull
from tests.lab.networked import NETWORK_PACKAGES
from tests.lab.sites import NAME, Site, changed, diffs
from tests.lab.small_image import make_registry

pytestmark = pytest.mark.lab

NODES = ("bullseye", "bookworm", "trixie", "sid")  # containerd 1.4, 1.6, 1.7, 2.1
GROUPS = {"harbor": ("trixie",), "nodes": NODES, "workstations": ("podman",)}
PORT = 8443
IMAGE = f"{NAME}:{PORT}/app/web:1"
CERTS = f"/etc/containerd/certs.d/{NAME}:{PORT}"
WANTED = [f"file:{CERTS}/ca.crt", f"file:{CERTS}/hosts.toml", f"edit:{CONFIG}#registry", "service:containerd"]
VERIFY = (
    f"openssl s_client -connect {NAME}:{PORT} -verify_return_error </dev/null >/dev/null 2>&1 && echo yes || echo no"
)


# The CA taken out; the CRI disabled, as Docker's package does; an old mirror beside config_path; two directories, which
# containerd 2.1 takes for one name.
BENT = {
    "bullseye": f"sed -i '/ca_file/d' {CONFIG}",
    "bookworm": f"sed -i '1i disabled_plugins = [\"{PLUGIN[2]}\"]' {CONFIG}",
    "trixie": f'printf \'[plugins."{PLUGIN[2]}".registry.mirrors."{NAME}"]\\nendpoint = ["https://x"]\\n\' >> {CONFIG}',
    "sid": f"sed -i 's|certs.d\"$|certs.d:/etc/docker/certs.d\"|' {CONFIG}",
}


ASKED = ProbeRequest(RegistryEndpoint(NAME, "", PORT), "app/web:1", ("robot", Secret("right")), pull=True)
IMAGES = "ctr -n k8s.io images ls -q | sort"
KEPT = "/var/lib/moor/verify"
NO_IMAGE = "ctr -n k8s.io images rm --sync $(ctr -n k8s.io images ls -q) >/dev/null"
# crictl is no Debian package: this one has the controller pull by the real CRI, and waits until it has.
CRICTL = """\
#!/bin/sh
[ -p /run/asked ] || mkfifo /run/asked /run/answered
echo "$CRICTL_CREDS $*" > /run/asked
read -r answer < /run/answered
[ ! -e /run/verify.pid ] || kill -9 "$(cat /run/verify.pid)"
echo "$answer"; [ -z "$answer" ]
"""
# A ctr that has another verify begin and end after each pull, before the first one goes on.
OVERTAKEN = """\
#!/bin/sh
/usr/bin/ctr "$@"; code=$?
case $* in *"images pull"*) PATH=/usr/sbin:/usr/bin:/sbin:/bin sh /run/verify > /run/other ;; esac
exit $code
"""
KILLED = "cat > /run/verify; sh -c 'echo $$ > /run/verify.pid; exec sh /run/verify'; rm /run/verify.pid"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Lab]:
    """Yield a node of each release, of which one serves the registry, and a host with podman."""
    base = fleet_of_lab("runtimes")
    first = int(base.network[0])
    hosts = {
        name: Host.model_validate({"name": name, "address": IPv4Address(first + n), "suite": name, "profile": "node"})
        for n, name in enumerate(NODES, 31)
    }
    podman = Host(name="podman", address=IPv4Address(first + 41), packages=NETWORK_PACKAGES)
    lab = Lab(base.model_copy(update={"hosts": {**hosts, "podman": podman}}))
    lab.down(secrets=True)
    try:
        lab.up()
        yield lab
    finally:
        lab.down(secrets=True)


@pytest.fixture(scope="module")
def site(fleet: Lab, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site whose registry is up, and whose name every host knows."""
    made = new_site(fleet, tmp_path_factory.mktemp("runtimes") / "site")
    reports = made.apply(write_hosts, *NODES, "podman")
    assert all(not report.error for report in reports.values())
    return made


def new_site(lab: Lab, folder: Path) -> Site:
    """Make a site with a CA of its own, and serve the image with a certificate of that CA."""
    site = write(Site(lab, folder, GROUPS))
    site.certify()
    host = open_site(site.folder).inventory.hosts["trixie"]
    chain, key = registry_certificate(host), registry_key(host)
    assert isinstance(chain, str)
    assert not isinstance(key, Later)
    content = folder / "registry"
    make_registry(lab.cache / "images" / recipe_of(lab.fleet.hosts["trixie"]).key, content, NAME)
    (content / "tls.crt").write_text(chain)
    (content / "tls.key").write_text(key.reveal())
    serve(lab, content)
    return site


def write(site: Site, **sections: object) -> Site:
    address = str(site.lab.fleet.hosts["trixie"].address)
    return site.write(registry={"name": NAME, "address": address, "port": PORT}, **sections)


def serve(lab: Lab, content: Path) -> None:
    script, packed = Path(__file__).with_name("small_registry.py"), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(content, ".")
        archive.add(script, script.name)
    unpack = "rm -rf /opt/small; mkdir /opt/small; cd /opt/small; base64 -d | tar x; systemctl stop small 2>/dev/null"
    begin = f"systemd-run -q --unit=small python3 /opt/small/{script.name} /opt/small basic {PORT}"
    wait = f"for n in $(seq 100); do ss -Hltn | grep -q :{PORT} && break; sleep 0.1; done"
    lab.exec("trixie", ["sh", "-c", f"{unpack}; {begin}; {wait}"], base64.b64encode(packed.getvalue()).decode())


def shell(lab: Lab, name: str, script: str) -> str:
    return lab.exec(name, ["sh", "-c", script], timeout_s=120).strip()


def everywhere(reports: dict[str, HostReport]) -> dict[str, list[str]]:
    return {name: changed(report) for name, report in reports.items()}


def pulls(lab: Lab) -> dict[str, str]:
    """Say of each node how a pull ended: well, in x509, without anybody to ask, or otherwise."""
    said = {name: cri_pull(lab, name, IMAGE, "robot", "right") for name in NODES}
    known = {"x509": "x509", "unknown service": "no CRI"}
    return {n: next((short for part, short in known.items() if part in words), words) for n, words in said.items()}


def proves(lab: Lab, name: str, asked: ProbeRequest) -> str:
    """Pull as moor verify does."""
    return lab.exec(name, ["sh", "-s"], pull_script(asked), timeout_s=120).strip()


def all_nodes(what: object) -> dict[str, object]:
    return dict.fromkeys(NODES, what)


def test_every_containerd_comes_to_pull_and_stays_so_and_what_is_bent_is_straightened(fleet: Lab, site: Site) -> None:
    assert pulls(fleet) == all_nodes("x509")
    assert everywhere(site.plan(configure_containerd, *NODES)) == all_nodes(WANTED)
    assert everywhere(site.apply(configure_containerd, *NODES)) == all_nodes(WANTED)
    assert pulls(fleet) == all_nodes("")
    assert everywhere(site.apply(configure_containerd, *NODES)) == all_nodes([])
    said = {name: proves(fleet, name, ASKED).splitlines() for name in NODES}
    assert {name: lines[:1] for name, lines in said.items()} == all_nodes(["moor: pulled"])
    assert all(re.fullmatch(r"moor: arrived 1048576 of \d{7} from sha256:\S+", lines[-1]) for lines in said.values())

    for name, script in BENT.items():
        shell(fleet, name, f"{script}; systemctl restart containerd")
    assert pulls(fleet) == {"bullseye": "x509", "bookworm": "no CRI", "trixie": "no CRI", "sid": "x509"}
    assert everywhere(site.apply(configure_containerd, *NODES)) == all_nodes(WANTED[2:])
    assert pulls(fleet) == all_nodes("")


@contextmanager
def crictl(lab: Lab, name: str) -> Iterator[list[str]]:
    """Have a crictl on a node; gives what it was told, by and by."""
    lab.exec(name, ["sh", "-c", "cat > /usr/local/bin/crictl; chmod +x /usr/local/bin/crictl"], CRICTL)
    told: list[str] = []

    def serve_one() -> None:
        told.append(shell(lab, name, "until [ -p /run/asked ]; do sleep 0.1; done; cat /run/asked"))
        said = cri_pull(lab, name, told[0].split()[-1], "robot", "right")
        lab.exec(name, ["sh", "-c", "cat > /run/answered"], f"{said}\n")

    thread = Thread(target=serve_one)
    thread.start()
    try:
        yield told
    finally:
        thread.join(60)
        shell(lab, name, "rm -f /usr/local/bin/crictl /run/asked /run/answered")


def test_a_pull_by_the_cri_leaves_no_image_behind_and_takes_none_away(fleet: Lab, site: Site) -> None:
    site.apply(configure_containerd, *NODES)
    known = shell(fleet, "trixie", "sha256sum < /opt/small/blobs/manifest.json").split()[0]
    by_digest = replace(ASKED, digest=f"sha256:{known}")
    for name in NODES:
        shell(fleet, name, NO_IMAGE)
        with crictl(fleet, name) as told:
            assert proves(fleet, name, ASKED).startswith("moor: pulled\nmoor: arrived "), name
        assert told[0].startswith("robot:right --runtime-endpoint unix:///run/containerd/containerd.sock")
        assert shell(fleet, name, IMAGES) == "", name
        with crictl(fleet, name) as told:
            assert proves(fleet, name, by_digest).startswith("moor: pulled\nmoor: arrived "), name
        assert told[0].endswith(f"/app/web@{by_digest.digest}")
        assert shell(fleet, name, IMAGES) == "", name

        assert cri_pull(fleet, name, IMAGE, "robot", "right") == ""
        there = shell(fleet, name, IMAGES)
        for asked in (ASKED, by_digest):
            with crictl(fleet, name):
                proves(fleet, name, asked)
            assert shell(fleet, name, IMAGES) == there
        assert IMAGE in there.splitlines()


def test_what_a_killed_verify_left_behind_goes_with_the_next_one_unless_a_container_has_it(
    fleet: Lab, site: Site
) -> None:
    site.apply(configure_containerd, "bookworm")
    shell(fleet, "bookworm", NO_IMAGE)
    with crictl(fleet, "bookworm"):
        fleet.exec("bookworm", ["sh", "-c", KILLED], pull_script(ASKED))
    assert IMAGE in shell(fleet, "bookworm", IMAGES).splitlines()
    shell(fleet, "bookworm", f"ctr -n k8s.io containers create {IMAGE} uses >/dev/null")
    with crictl(fleet, "bookworm"):
        proves(fleet, "bookworm", ASKED)
    assert IMAGE in shell(fleet, "bookworm", IMAGES).splitlines()
    assert shell(fleet, "bookworm", "ls -d /run/moor.v* 2>/dev/null || :") == ""

    shell(fleet, "bookworm", "ctr -n k8s.io containers rm uses; ctr -n k8s.io snapshots rm uses || :")
    with crictl(fleet, "bookworm"):
        proves(fleet, "bookworm", ASKED)
    assert shell(fleet, "bookworm", f"{IMAGES}; ls {KEPT}") == ""

    with crictl(fleet, "bookworm"):
        fleet.exec("bookworm", ["sh", "-c", KILLED], pull_script(ASKED))
    with crictl(fleet, "bookworm"):
        proves(fleet, "bookworm", ASKED)
    assert shell(fleet, "bookworm", f"{IMAGES}; ls {KEPT}; ls -d /run/moor.v* 2>/dev/null || :") == ""


def test_two_verifies_of_a_node_at_one_time_both_prove_their_pull(fleet: Lab, site: Site) -> None:
    site.apply(configure_containerd, *NODES)
    for name in NODES:
        fleet.exec(name, ["sh", "-c", "cat > /run/verify"], pull_script(ASKED))
        fleet.exec(name, ["sh", "-c", "cat > /usr/local/bin/ctr; chmod +x /usr/local/bin/ctr"], OVERTAKEN)
        try:
            said = [proves(fleet, name, ASKED), shell(fleet, name, "cat /run/other")]
        finally:
            shell(fleet, name, "rm -f /usr/local/bin/ctr /run/verify /run/other")
        assert [words.splitlines()[:1] for words in said] == [["moor: pulled"]] * 2, (name, said)
        assert shell(fleet, name, f"ctr namespaces ls -q; ls {KEPT}") == "k8s.io"


def test_a_node_that_has_the_image_does_not_pull_well_from_a_registry_that_lost_it(fleet: Lab, site: Site) -> None:
    site.apply(configure_containerd, *NODES)
    blobs = "/opt/small/blobs"
    shell(fleet, "trixie", f"mkdir -p /opt/lost; mv {blobs}/sha256* /opt/lost/")
    try:
        for name in NODES:
            shell(fleet, "trixie", f"mv /opt/lost/sha256* {blobs}/")
            assert cri_pull(fleet, name, IMAGE, "robot", "right") == ""
            shell(fleet, "trixie", f"mv {blobs}/sha256* /opt/lost/")
            there = shell(fleet, name, IMAGES)
            found = pull_evidence(proves(fleet, name, ASKED))
            assert (found["pulled"], found["arrived"], found["bytes"]) == ("yes", "no", "0"), (name, found)
            assert "not found" in found["said"].lower(), (name, found)
            assert shell(fleet, name, f"{IMAGES}; ctr namespaces ls -q") == f"{there}\nk8s.io"
    finally:
        shell(fleet, "trixie", f"mv /opt/lost/sha256* {blobs}/")


GPU = f'[plugins."{PLUGIN[2]}".containerd.runtimes.gpu]\\n  runtime_type = "io.containerd.runc.v2"\\n'
CONF_D = "/etc/containerd/conf.d"
OWN = f"{CONF_D}/zz-moor.toml"
RUNTIMES = "containerd config dump | grep -o 'runtimes[.][a-z]*]' | sort -u | tr '\\n' ' '"


@contextmanager
def kept(lab: Lab, *paths: str) -> Iterator[None]:
    """Give paths of every node their former content at the end, and start containerd anew."""
    shell_everywhere(lab, f"rm -rf /run/kept; mkdir /run/kept; for p in {' '.join(paths)}; do "
                          'cp -a --parents "$p" /run/kept/ 2>/dev/null || :; done')  # fmt: skip
    try:
        yield
    finally:
        shell_everywhere(lab, f"rm -rf {' '.join(paths)}; cp -a /run/kept/. /; systemctl daemon-reload; "
                              "systemctl reset-failed containerd; systemctl restart containerd")  # fmt: skip


def shell_everywhere(lab: Lab, script: str) -> dict[str, str]:
    return {name: shell(lab, name, script) for name in NODES}


def test_a_drop_in_that_takes_the_registry_out_of_effect_is_named_and_moors_own_brings_it_back(
    fleet: Lab, site: Site
) -> None:
    site.apply(configure_containerd, *NODES)
    with kept(fleet, CONFIG, CONF_D):
        shell_everywhere(fleet, f"mkdir -p {CONF_D}; sed -i '1i imports = [\"{CONF_D}/*.toml\"]' {CONFIG}; "
                                f"printf 'version = 2\\n{GPU}' > {CONF_D}/99-gpu.toml")  # fmt: skip
        config = shell_everywhere(fleet, f"cat {CONFIG}")
        for act in (site.plan, site.apply):
            told = {name: report.error for name, report in act(configure_containerd, *NODES).items()}
            assert told.pop("sid") == ""  # 2.0 and later merge the tables
            assert all(f"{CONF_D}/99-gpu.toml replaces the whole table" in words for words in told.values()), told
        try:
            write(site, containerd={"drop_in": OWN})
            wanted = [f"edit:{OWN}#registry", "service:containerd"]
            assert everywhere(site.apply(configure_containerd, *NODES)) == all_nodes(wanted)
            assert everywhere(site.plan(configure_containerd, *NODES)) == all_nodes([])
        finally:
            write(site)
        assert pulls(fleet) == all_nodes("")
        assert shell_everywhere(fleet, RUNTIMES) == all_nodes("runtimes.gpu] runtimes.runc]")
        assert shell_everywhere(fleet, f"cat {CONFIG}") == config


def test_what_would_keep_containerd_from_its_next_start_is_refused_before(fleet: Lab, site: Site) -> None:
    site.apply(configure_containerd, *NODES)
    unit = "/etc/systemd/system/containerd.service.d"
    with kept(fleet, CONFIG, unit):
        pids = shell_everywhere(fleet, "systemctl show -p MainPID --value containerd")
        shell_everywhere(fleet, f"sed -i '1i imports = [\"none.toml\"]' {CONFIG}")
        for report in site.apply(configure_containerd, *NODES).values():
            assert (
                "/etc/containerd/none.toml is imported and not there, with which containerd does not start"
                in report.error
            )
        assert shell_everywhere(fleet, "systemctl show -p MainPID --value containerd") == pids

        start = "[Service]\\nExecStart=\\nExecStart=/usr/bin/containerd --config /etc/containerd/other.toml\\n"
        shell_everywhere(
            fleet,
            f"sed -i 1d {CONFIG}; mkdir -p {unit}; cp {CONFIG} /etc/containerd/other.toml; "
            f"printf '{start}' > {unit}/other.conf; systemctl daemon-reload; systemctl restart containerd",
        )
        for report in site.plan(configure_containerd, *NODES).values():
            assert "started with --config /etc/containerd/other.toml, so that nothing in" in report.error
        try:
            write(site, containerd={"config": "/etc/containerd/other.toml"})
            assert everywhere(site.plan(configure_containerd, *NODES)) == all_nodes([])
        finally:
            write(site)


def by_directory(of_nodes: Mapping[str, object]) -> dict[str, object]:
    """Leave out the containerd that knows no directory of registries."""
    return {name: what for name, what in of_nodes.items() if name != "bullseye"}


def test_containerd_gives_a_hosts_toml_up_whole_where_a_capability_is_misspelt_and_an_empty_directory_hides_it(
    fleet: Lab, site: Site
) -> None:
    site.apply(configure_containerd, *NODES)
    with kept(fleet, "/etc/containerd/certs.d"):
        shell_everywhere(fleet, NO_IMAGE)
        shell_everywhere(
            fleet, f"mv {CERTS}/ca.crt {CERTS}/ours.pem; sed -i 's|{CERTS}/ca.crt|ours.pem|' {CERTS}/hosts.toml"
        )
        assert by_directory(pulls(fleet)) == by_directory(all_nodes(""))
        shell_everywhere(fleet, f'{NO_IMAGE}; sed -i \'s|"resolve"|"resolv"|\' {CERTS}/hosts.toml')
        assert by_directory(pulls(fleet)) == by_directory(all_nodes("x509"))

    hidden = CERTS.replace(f":{PORT}", f"_{PORT}_")
    shell_everywhere(fleet, f"{NO_IMAGE}; mkdir {hidden}")
    assert by_directory(pulls(fleet)) == by_directory(all_nodes("x509"))
    assert everywhere(site.apply(configure_containerd, *NODES)) == all_nodes([f"hiding:{hidden}"])
    assert pulls(fleet) == all_nodes("")


def test_a_new_ca_reaches_every_containerd_without_a_restart(fleet: Lab, site: Site, tmp_path: Path) -> None:
    site.apply(configure_containerd, *NODES)
    pid = "systemctl show -p MainPID --value containerd"
    before = {name: shell(fleet, name, pid) for name in NODES}
    renewed = new_site(fleet, tmp_path / "renewed")
    try:
        assert pulls(fleet) == all_nodes("x509")
        assert everywhere(renewed.apply(configure_containerd, *NODES)) == all_nodes(WANTED[:1])
        assert pulls(fleet) == all_nodes("")
        assert {name: shell(fleet, name, pid) for name in NODES} == before
    finally:
        serve(fleet, site.folder / "registry")


def test_the_system_of_every_release_trusts_the_registry(fleet: Lab, site: Site) -> None:
    assert {name: shell(fleet, name, VERIFY) for name in NODES} == all_nodes("no")
    assert everywhere(site.apply(trust_ca, *NODES)) == all_nodes(["trust-bundle:moor-registry-ca"])
    assert {name: shell(fleet, name, VERIFY) for name in NODES} == all_nodes("yes")
    assert everywhere(site.plan(trust_ca, *NODES)) == all_nodes([])


PLACE = f"/etc/containers/certs.d/{NAME}:{PORT}"
FILES = [f"file:{PLACE}/ca.crt", f"edit:{DROP_IN}#registry"]
ALONE = f"ca-alone:{PLACE}"
# its storage stands on a disk that is no overlay
PODMAN = f"podman --root /var/lib/docker/podman pull -q --creds robot:right {IMAGE} 2>&1 || :"
BLOCKED = f"""\
cat > /etc/containers/registries.conf.d/50-old.conf << END
[[registry]]
location = "{NAME}:{PORT}"
blocked = true
END
"""


def test_podman_comes_to_pull_and_a_key_beside_its_ca_is_named_and_removed(fleet: Lab, site: Site) -> None:
    write(site, podman={})
    assert "x509" in shell(fleet, "podman", PODMAN)
    shell(fleet, "podman", BLOCKED)
    assert "is blocked" in shell(fleet, "podman", PODMAN)
    assert changed(site.plan(configure_podman, "podman")["podman"]) == FILES
    assert changed(site.apply(configure_podman, "podman")["podman"]) == FILES
    assert shell(fleet, "podman", PODMAN).isalnum()
    assert changed(site.apply(configure_podman, "podman")["podman"]) == []

    shell(fleet, "podman", f"openssl ecparam -genkey -name prime256v1 -out {PLACE}/{NAME}.key; rm {PLACE}/ca.crt")
    assert "missing client certificate" in shell(fleet, "podman", PODMAN)
    report = site.apply(configure_podman, "podman")["podman"]
    assert changed(report) == [FILES[0], ALONE]
    assert f"beside ca.crt: {NAME}.key (a private key) -> nothing" in diffs(report)
    assert shell(fleet, "podman", PODMAN).isalnum()


# CRI-O is no Debian package: a service that reads nothing, and reloads as it does.
CRIO = """\
[Service]
ExecStart=/bin/sh -c 'trap "echo >> /run/reloaded" HUP; while :; do sleep 1 & wait; done'
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target
"""


def test_crio_is_reloaded_once_when_its_list_of_registries_is_newer(fleet: Lab, site: Site) -> None:
    write(site, containerd={"runtime": "crio"})
    fleet.exec("podman", ["sh", "-c", "cat > /etc/systemd/system/crio.service"], CRIO)
    site.apply(configure_containerd, "podman")
    assert changed(site.plan(configure_containerd, "podman")["podman"]) == []
    pid = shell(fleet, "podman", "rm -f /run/reloaded; systemctl show -p MainPID --value crio")

    shell(fleet, "podman", f"echo '# by hand' >> {DROP_IN}")
    assert changed(site.apply(configure_containerd, "podman")["podman"]) == [FILES[1], "service:crio"]
    assert shell(fleet, "podman", "systemctl show -p MainPID --value crio; wc -l < /run/reloaded").split() == [pid, "1"]
    assert changed(site.plan(configure_containerd, "podman")["podman"]) == []


def test_podman_that_is_told_not_to_check_is_refused_and_a_users_own_file_is_told(fleet: Lab, site: Site) -> None:
    write(site, podman={})
    site.apply(configure_podman, "podman")
    shell(fleet, "podman", f"{PODMAN}; systemctl stop crio 2>/dev/null; mv {PLACE}/ca.crt /run/ca.crt")
    assert "x509" in shell(fleet, "podman", PODMAN)
    later, own = "/etc/containers/registries.conf.d/99-z.conf", "/root/.config/containers/registries.conf"
    text = f'[[registry]]\\nlocation = "{NAME}:{PORT}"\\ninsecure = true\\n'
    try:
        shell(fleet, "podman", f"printf '{text}' > {later}")
        assert shell(fleet, "podman", PODMAN).isalnum()  # nothing was checked
        assert f"{later}: insecure = true for {NAME}:{PORT}; take it out" in (
            site.plan(configure_podman, "podman")["podman"].error
        )
        shell(fleet, "podman", f"rm {later}; mkdir -p {own.rpartition('/')[0]}; printf '{text}' > {own}")
        assert shell(fleet, "podman", PODMAN).isalnum()  # /etc/containers is not read at all
        (found,) = [one for one in site.found(check_environment, "podman") if one.id == f"registries-conf:{own}"]
        assert "is read instead of /etc/containers by that user's podman" in found.what
        (said,) = site.plan(diagnose_podman, "podman")["podman"].resources
        (cause,) = said.causes
        shown = matrix(RunReport("run", "diagnose", {"podman": HostReport(True, resources=[said])}))
        assert (said.status, cause.rule, cause.mend) == ("drift", found.id, found.remedy)
        assert "FAULT" in shown
        assert f"mend: {found.remedy}" in shown
        shell(fleet, "podman", f"printf '{text}' | sed s/true/false/ > {own}")  # as the mend says
        (said,) = site.plan(diagnose_podman, "podman")["podman"].resources
        assert (said.id, said.status) == ("proof:podman", "ok")
    finally:
        shell(fleet, "podman", f"rm -f {later} {own}; mv /run/ca.crt {PLACE}/ca.crt")


CACHED = "cache.moor.test"
HUB_IMAGE = f"docker.io/{IMAGE_OF_OTHERS}"
K3S = "/run/k3s/containerd/containerd.sock"
OF_K3S = "/var/lib/rancher/k3s/agent/etc/containerd"
SANDBOX = f"docker.io/{IMAGE_OF_OTHERS}"


def mirrored(site: Site, **sections: Any) -> Site:
    registry = {"name": CACHED, "address": str(site.lab.fleet.machine), "port": CACHE_PORT}
    return site.write(registry=registry, **sections)


@contextmanager
def cache_of_another_registry(lab: Lab, folder: Path) -> Iterator[tuple[Site, Upstream]]:
    """Yield a site whose registry caches another one, and that one."""
    site, machine = Site(lab, folder / "site", GROUPS), str(lab.fleet.machine)
    mirrored(site).certify()
    host = open_site(site.folder).inventory.hosts["trixie"]
    chain, key = registry_certificate(host), registry_key(host)
    assert isinstance(chain, str)
    assert not isinstance(key, Later)
    (folder / "server.crt").write_text(chain)
    (folder / "server.key").write_text(key.reveal())
    with (
        upstream_registry(folder / "upstream", machine) as upstream,
        harbor_with_cache(folder, CACHED, machine, upstream.url),
    ):
        yield site, upstream


def test_every_runtime_pulls_through_a_cache_and_goes_on_when_the_other_registry_is_down(
    fleet: Lab, site: Site, tmp_path: Path
) -> None:
    hub: dict[str, Any] = {"prove": IMAGE_OF_OTHERS}
    with (
        kept(fleet, "/etc/containerd", "/etc/hosts", "/etc/rancher", "/var/lib/rancher"),
        cache_of_another_registry(fleet, tmp_path) as (made, upstream),
    ):
        mirrored(made, mirrors={"docker.io": hub}, containerd={"sandbox_image": SANDBOX})
        for task in (write_hosts, configure_containerd):
            assert all(not one.error for one in made.apply(task, *NODES).values())
        planned = made.plan(configure_mirrors, *NODES)
        assert "containerd 1.4 asks docker.io itself" in planned.pop("bullseye").error
        assert everywhere(planned) == by_directory(all_nodes([f"edit:{HUB_FILE}#mirror"]))
        made.apply(configure_mirrors, "bookworm", "trixie", "sid")
        mirrored(made, mirrors={"docker.io": {**hub, "fallback": True}}, containerd={"sandbox_image": SANDBOX})
        assert f"edit:{CONFIG}#mirrors" in changed(made.apply(configure_mirrors, "bullseye")["bullseye"])
        mirrored(made, mirrors={"docker.io": hub}, containerd={"sandbox_image": SANDBOX})
        of_k3s(made, hub)
        mirrored(made, mirrors={"docker.io": hub}, podman={})
        for task in (write_hosts, configure_podman, configure_mirrors):
            assert not made.apply(task, "podman")["podman"].error

        for is_up in (True, False):
            shell_everywhere(fleet, f"{NO_IMAGE} 2>/dev/null || :")
            assert {name: cri_pull(fleet, name, HUB_IMAGE) for name in NODES} == all_nodes("")
            asked = ProbeRequest(
                RegistryEndpoint("docker.io", ""), IMAGE_OF_OTHERS, pull=True, anonymous=True, own="k3s"
            )
            assert proves(fleet, "bookworm", asked).startswith("moor: pulled\nmoor: arrived ")
            mirrored(made, mirrors={"docker.io": hub}, podman={})
            reports = made.apply(prove_mirrors, "podman")
            mirrored(made, mirrors={"docker.io": hub})
            reports |= made.apply(prove_mirrors, "bookworm", "trixie", "sid")
            shown = {name: {one.id: one.status for one in report.resources} for name, report in reports.items()}
            proved = {"proof:mirror:docker.io": "ok", "proof:mirror:pause": "ok"}
            assert shown.pop("podman") == {"proof:mirror:docker.io": "ok"}
            assert shown == by_directory(all_nodes(proved)), [report.error for report in reports.values()]
            if is_up:
                upstream.stop()
        untried = made.apply(prove_mirrors, "bullseye")["bullseye"].resources[0]
        assert (untried.status, untried.error) == ("skipped", "containerd 1.4 can be asked by crictl alone")


HUB_FILE = "/etc/containerd/certs.d/docker.io/hosts.toml"


def of_k3s(site: Site, hub: dict[str, Any]) -> None:
    """Have a node mirror as one of k3s, whose containerd is the system's here; nothing starts anew for it."""
    lab = site.lab
    ca = shell(lab, "bookworm", f"cat /etc/containerd/certs.d/{CACHED}:{CACHE_PORT}/ca.crt")
    script = f"""\
mkdir -p {OF_K3S} {K3S.rpartition("/")[0]} /etc/rancher/k3s; ln -sf /run/containerd/containerd.sock {K3S}
echo '  config_path = "{OF_K3S}/certs.d"' > {OF_K3S}/config.toml; cat > /etc/rancher/k3s/moor-registry-ca.crt
echo '# ours' > /etc/rancher/k3s/registries.yaml; touch -d 2024-01-01 /etc/rancher/k3s/registries.yaml"""
    lab.exec("bookworm", ["sh", "-c", script], ca)
    mirrored(site, mirrors={"docker.io": hub}, containerd={"runtime": "k3s"})
    files = ["/etc/rancher/k3s/registries.yaml", f"{OF_K3S}/certs.d/docker.io/hosts.toml"]
    wanted = [
        f"edit:{files[0]}#mirrors",
        f"edit:{files[1]}#mirror",
        "file:/etc/rancher/k3s/config.yaml.d/90-moor-mirrors.yaml",
    ]
    assert changed(site.apply(configure_mirrors, "bookworm")["bookworm"]) == wanted
    assert changed(site.plan(configure_mirrors, "bookworm")["bookworm"]) == []
    assert shell(lab, "bookworm", f"head -n 1 {files[0]}; date -r {files[0]} +%Y") == "# ours\n2024"
    mirrored(site, mirrors={"docker.io": hub}, containerd={"sandbox_image": SANDBOX})
