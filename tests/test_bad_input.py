"""Bad input: one clear message each, exit code 1, nothing on standard output, and no host is reached."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.harness.closed import ARCHIVE, CONFIG, DEFAULTS, HOSTS, INSTALLER, Site, closed_site
from tests.harness.commands import moor, moor_here
from tests.pki.made import CLIENT, LEAF, ROOT, brought, usage

TEMPLATE = "templates/deployment.yaml.j2"
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: sqrt, namespace: demo}
spec:
  template:
    spec:
      imagePullSecrets: [{name: regcred}]
      containers: [{name: sqrt, image: "{{ image }}"}]
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closed_site(tmp_path) as site:
        yield site


@dataclass(frozen=True)
class Case:
    """What is done to a good site, and the words that the message must have."""

    spoil: Callable[[Site], object]
    words: tuple[str, ...]
    command: tuple[str, ...] = ("plan",)


def edited(name: str, former: str, new: str) -> Callable[[Site], None]:
    return lambda site: site.edit(name, former, new)


def nothing(site: Site) -> None:
    """The site is good; the command line is not."""


def gone(name: str) -> Callable[[Site], None]:
    return lambda site: (site.folder / name).unlink()


def holds(name: str, content: bytes) -> Callable[[Site], object]:
    return lambda site: (site.folder / name).write_bytes(content)


CASES = {
    "YAML that is none": Case(edited(DEFAULTS, "  pki:", "  pki: ["), (DEFAULTS, "not YAML")),
    "a key twice": Case(
        edited(DEFAULTS, "  projects:", "  registry: {name: a.moor.test, address: 10.0.0.1}\n  projects:"),
        (DEFAULTS, "data.registry", "twice, first in line"),
    ),
    "an unknown key": Case(
        edited(DEFAULTS, "    replicas", "    replcas"),
        (DEFAULTS, "sqrt.replcas", "no such key; did you mean replicas?"),
    ),
    "an unknown key of config.yaml": Case(
        edited(CONFIG, "plugin: loop", "plugin: loop\n  options: {num_wokers: 3}"),
        (CONFIG, "runner.options.num_wokers", "did you mean num_workers?"),
    ),
    "an unknown section": Case(edited(DEFAULTS, "  harbor:", "  habor:"), (DEFAULTS, "did you mean harbor?")),
    "a value of a wrong type": Case(
        edited(DEFAULTS, "replicas: 3", "replicas: many"), (DEFAULTS, "sqrt.replicas", "must be a valid integer")
    ),
    "a registry without a domain": Case(
        edited(DEFAULTS, "name: registry.moor.test", "name: registry"), (DEFAULTS, "registry.name", "not a full name")
    ),
    "a file where the state should be": Case(
        lambda site: site.write(".moor", ""),
        (CONFIG, "user_defined.moor.state", "/.moor is no directory", "move it away"),
    ),
    "a link to nowhere where the state should be": Case(
        lambda site: (site.folder / ".moor").symlink_to("gone"),
        (CONFIG, "user_defined.moor.state", "a link that leads to no directory", "move it away"),
        ("history",),
    ),
    "no config.yaml": Case(gone(CONFIG), (CONFIG, "not there", "--site DIR")),
    "no hosts.yaml": Case(gone(HOSTS), (CONFIG, "inventory.options.host_file", "no such file", HOSTS)),
    "an unknown group": Case(
        edited(HOSTS, "[workstations]", "[workstation]"), (HOSTS, "ws1.groups", "did you mean workstations?")
    ),
    "two hosts for one Harbor": Case(
        edited(HOSTS, "[workstations]", "[workstations, harbor]"),
        (HOSTS, "ws1.groups", "harbor1 is in group harbor already", "take one out"),
    ),
    "images that nobody pushes": Case(
        edited(HOSTS, "groups: [workstations]", "groups: []"),
        (DEFAULTS, "data.images", "no host is in group workstations", "put one into it, or drop images"),
    ),
    "workloads that nobody deploys": Case(
        edited(HOSTS, "[control_plane, nodes]", "[nodes]"),
        (DEFAULTS, "data.workloads", "no host is in group control_plane or clusters", "or drop workloads"),
    ),
    "a secret itself": Case(
        lambda site: site.edit(DEFAULTS, f"file:{site.folder}/lab/secrets/harbor-admin", "Harbor12345"),
        (DEFAULTS, "harbor.admin_password", "write env:NAME, file:PATH or cmd: "),
    ),
    "no secret file": Case(
        gone("lab/secrets/ca-passphrase"), ("data.pki.passphrase", "no such file; write the secret into it")
    ),
    "a secret that all may read": Case(
        lambda site: (site.folder / "lab/secrets/harbor-admin").chmod(0o644),
        ("data.harbor.admin_password", "mode 0644", "chmod 600"),
    ),
    "no installer": Case(
        gone(f"lab/{INSTALLER}"), ("data.harbor.installer", "no such file", INSTALLER, "download Harbor's")
    ),
    "an installer that is none": Case(
        holds(f"lab/{INSTALLER}", gzip.compress(b"<html>not found</html>" * 99)),
        ("data.harbor.installer", "is not an installer of Harbor"),
    ),
    "an installer of something else": Case(
        lambda site: site.archive(f"lab/{INSTALLER}", "portus/install.sh", "w:gz"),
        ("data.harbor.installer", "is not an installer of Harbor: it unpacks to portus/install.sh"),
    ),
    "no archive": Case(
        gone(f"lab/{ARCHIVE}"), ("data.images.demo/python:3.13.archive", "no such file", "docker save makes one")
    ),
    "an archive that is none": Case(
        holds(f"lab/{ARCHIVE}", b"not a tar"), ("data.images.demo/python:3.13.archive", "not an archive of one image")
    ),
    "no Dockerfile": Case(gone("moor_lab/demo/context/Dockerfile"), (DEFAULTS, "demo/sqrt:1.0", "no Dockerfile in")),
    "no robot that may push": Case(
        edited(DEFAULTS, "[pull, push]", "[pull]"), ("data.projects.demo", "no robot with push among its access")
    ),
    "a workload's robot that is not there": Case(
        edited(DEFAULTS, "robot: puller", "robot: pullr"), ("data.projects has no robot pullr in a project demo",)
    ),
    "a manifest with another pull secret": Case(
        lambda site: site.write(TEMPLATE, MANIFEST),
        (TEMPLATE, "workload sqrt", "imagePullSecrets names regcred, which does not exist", "(there: registry)"),
    ),
    "an unknown host": Case(
        nothing, ("--limit", "no host or group is called nod1; did you mean node1?"), ("plan", "--limit", "nod1")
    ),
    "nobody left": Case(nothing, ("--limit", "no host is left"), ("plan", "--limit", "ws1,!workstations")),
    "an unknown runbook": Case(
        nothing, ("no runbook is called sit; did you mean site?", "there are: "), ("plan", "sit")
    ),
    "an unknown option": Case(nothing, ("--outptu", "--output", "moor plan --help"), ("plan", "--outptu", "json")),
    "an unknown shape": Case(nothing, ("--output", "'yaml'", "json"), ("plan", "--output", "yaml")),
    "an unknown runbook to apply": Case(
        nothing, ("no runbook is called imges; did you mean images?",), ("apply", "imges")
    ),
    "an unknown limit to apply": Case(nothing, ("did you mean node1?",), ("apply", "--limit", "nod1")),
    "a renewal of one host": Case(nothing, ("the registry's host is not",), ("cert", "renew", "--limit", "node1")),
    "no archive to push": Case(
        gone(f"lab/{ARCHIVE}"), ("demo/python:3.13.archive", "no such file"), ("apply", "images")
    ),
    "nothing to renew yet": Case(nothing, ("there is no certificate yet; moor apply makes it",), ("cert", "renew")),
    "nobody to ask": Case(nothing, ("standard input is no terminal; say --yes",), ("apply",)),
    "two hosts at one address": Case(
        lambda site: site.edit(HOSTS, f"port: {site.doors['ws1'].getsockname()[1]}", f"port: {port(site, 'cp1')}"),
        (HOSTS, "ws1.hostname", "is cp1's already"),
    ),
}


def port(site: Site, name: str) -> int:
    return int(site.doors[name].getsockname()[1])


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_bad_input_has_one_clear_error_before_any_host_is_reached(site: Site, case: Case) -> None:
    case.spoil(site)
    done = moor_here(site.folder, *case.command)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert [word for word in case.words if word not in done.stderr] == []
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("moor: ")
    assert "Harbor12345" not in done.stderr
    assert site.called() == []
    assert not (site.folder / ".moor").is_dir()


def test_a_run_that_is_none_is_told_before_anybody_is_asked_whether_to_put_it_back(site: Site) -> None:
    assert "no run is called yesterday" in moor_here(site.folder, "rollback", "yesterday").stderr
    assert site.called() == []


NO_ROBOT = "data.projects has no robot pullr"


def test_everything_that_is_wrong_is_told_at_once(site: Site) -> None:
    (site.folder / "lab" / INSTALLER).unlink()
    (site.folder / "lab" / ARCHIVE).unlink()
    site.edit(DEFAULTS, "robot: puller", "robot: pullr")
    done = moor_here(site.folder, "check")
    lines = done.stderr.splitlines()
    assert lines[0] == "moor:"
    assert [line.split(": ")[:2] for line in lines[1:]] == [
        ["  inventory/defaults.yaml:31", "data.harbor.installer"],
        [
            "  cp1",
            "data.projects has no robot pullr in a project demo, and data.logins has no pullr; write one of them",
        ],
        ["  inventory/defaults.yaml:42", "data.images.demo/python:3.13.archive"],
    ]
    assert site.called() == []


SERVER = 'server: "https://127.0.0.1:9"'
BROKEN = {
    "YAML that is none": (("server: ", "server: ["), "not YAML"),
    "no context": (("current-context: lab", "current-context: prod"), "prod"),
    "a cluster that is not checked": ((SERVER, f"{SERVER}, insecure-skip-tls-verify: true"), "never does; take it out"),
    "a certificate that is none": (
        (SERVER, f"{SERVER}, certificate-authority-data: eHg="),
        "no certificates in PEM",
    ),
    "a server without TLS": (("https://127", "http://127"), "https"),
}


@pytest.mark.parametrize("command", [("plan",), ("apply", "workload", "--yes"), ("check",)])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_a_kubeconfig_that_cannot_be_used_is_told_with_all_else_before_any_host_is_reached(
    site: Site, broken: tuple[tuple[str, str], str], command: tuple[str, ...]
) -> None:
    (former, new), words = broken
    site.edit("lab/kubeconfig", former, new)
    site.edit(DEFAULTS, "robot: puller", "robot: pullr")
    done = moor_here(site.folder, *command)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{site.folder}/lab/kubeconfig: " in done.stderr
    assert words in done.stderr
    assert "data.projects has no robot pullr" in done.stderr
    assert site.called() == []


@pytest.mark.parametrize("spoil", [gone("lab/kubeconfig"), holds("lab/kubeconfig", b"a: [")])
def test_a_run_that_needs_no_cluster_goes_on_whatever_the_kubeconfig_is(
    site: Site, spoil: Callable[[Site], object]
) -> None:
    spoil(site)
    (site.folder / "lab" / "id_ed25519").write_text("no key\n")
    done = moor_here(site.folder, "plan", "names", "--limit", "cp1")
    said = done.said
    assert "kubeconfig" not in said
    assert "private key" in said  # it was begun


@pytest.mark.parametrize(
    "command",
    [("check",), ("plan", "pki"), ("apply", "--yes"), ("plan", "containerd")]
    + [("apply", concern, "--yes") for concern in ("harbor", "trust", "docker")],
)
def test_a_certificate_that_clients_refuse_is_told_with_all_its_faults_and_stops_everything(
    site: Site, command: tuple[str, ...]
) -> None:
    files = brought(replace(LEAF, purposes=(CLIENT,), days=5), replace(ROOT, usage=usage("crl_sign")))
    site.write("own/registry.crt", files.chain_pem)
    site.write("own/ca.crt", files.roots_pem)
    site.write("own/registry.key", files.key_pem).chmod(0o600)
    given = "certificate: own/registry.crt\n    key: file:own/registry.key\n    ca: own/ca.crt"
    site.edit(DEFAULTS, f"passphrase: file:{site.folder}/lab/secrets/ca-passphrase", given)
    done = moor_here(site.folder, *command)
    lines = [line.replace(f"{site.folder}/", "").split(";")[0].strip() for line in done.stderr.splitlines()[1:]]
    assert done.returncode == 1
    assert [line.partition(": it")[0] for line in lines] == [
        *["own/registry.crt: CN=registry.moor.test"] * 2,
        "own/ca.crt: CN=Root",
    ], lines
    assert site.called() == []
    assert not (site.folder / ".moor").is_dir()


def test_hosts_that_are_left_out_may_lack_what_they_need(site: Site) -> None:
    """The installer concerns the registry host alone: whoever limits a run to others is not stopped by it."""
    (site.folder / "lab" / INSTALLER).unlink()
    (site.folder / "lab" / "id_ed25519").write_text("no key\n")
    done = moor_here(site.folder, "plan", "names", "--limit", "node1")
    assert done.returncode == 1
    assert "installer" not in done.said


def test_a_whole_process_ends_with_the_message_and_no_traceback(site: Site) -> None:
    site.edit(DEFAULTS, "replicas: 3", "replicas: many")
    done = moor(site.folder, "apply", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"moor: {DEFAULTS}:")
    assert "Traceback" not in done.stderr
