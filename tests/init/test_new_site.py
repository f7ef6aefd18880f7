"""A new site out of words on the command line: it validates, keeps its secrets, and replaces nothing."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from nornir.core.inventory import Host

from moor.sites.site import open_site
from tests.harness.commands import ended_here, moor_here
from tests.harness.sites import write_site
from tests.init.writing import REGISTRY, init, site, written

OWN = ("--registry", "registry.fleet.test", "--harbor", "10.9.0.11", "--nodes", "node[1-3]=10.9.0.[31-33]")


def groups(host: Host) -> list[str]:
    return [group.name for group in host.groups]


def test_a_fleet_with_a_registry_of_its_own_validates_and_its_secrets_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "new/fleet"
    nr = site(folder, *OWN, "--control-plane", "cp.fleet.test", "--user", "ops", "--project", "shop")
    assert {name: (host.hostname, groups(host)) for name, host in nr.inventory.hosts.items()} == {
        "harbor1": ("10.9.0.11", ["harbor"]),
        "cp": ("cp.fleet.test", ["control_plane", "nodes"]),
        **{f"node{number}": (f"10.9.0.3{number}", ["nodes"]) for number in (1, 2, 3)},
    }
    node = nr.inventory.hosts["node1"]
    assert (node.username, str(node.data["registry"].address)) == ("ops", "10.9.0.11")
    assert list(written(folder, "defaults")["data"]["projects"]) == ["shop"]
    for name in ("ca-passphrase", "harbor-admin"):
        secret = folder / "secrets" / name
        assert secret.stat().st_mode & 0o777 == 0o600
        assert len(secret.read_text().strip()) == 32
        texts = [path.read_text() for path in folder.rglob("*") if path.is_file() and path != secret]
        assert not [text for text in texts if secret.read_text().strip() in text]
    assert node.data["pki"].passphrase.resolve().reveal() == (folder / "secrets/ca-passphrase").read_text().strip()
    assert {"/.moor/", "/secrets/"} <= set((folder / ".gitignore").read_text().splitlines())


def test_the_next_commands_are_said_and_what_is_still_to_bring(tmp_path: Path) -> None:
    done = init(tmp_path / "fleet", *OWN)
    assert done.stdout.endswith(
        f"next:\n  cd {tmp_path}/fleet\n  moor check --accept-new-host-keys\n  moor plan\n  moor apply\n"
    )
    assert "downloads/harbor-offline-installer-v" in done.stdout
    assert "secrets/harbor-admin" in done.stdout


@pytest.mark.parametrize(
    ("words", "host"),
    [(OWN, "node1"), ((*REGISTRY, "--nodes", "n1"), "n1"), ((*REGISTRY, "--nodes", "n1", "--login", "u"), "n1")],
)
def test_what_the_comments_of_a_new_site_offer_is_valid_too(tmp_path: Path, words: tuple[str, ...], host: str) -> None:
    folder = tmp_path / "fleet"
    site(folder, *words)
    file = folder / "inventory/defaults.yaml"
    text = re.sub(r"^( *)# (?= *[a-z]\w*:(?: |$))", r"\1", file.read_text(), flags=re.MULTILINE)
    (folder / "registry-ca.crt").write_text("")
    assert text.count("\n  # ") < file.read_text().count("\n  # ")
    file.write_text(text)
    assert "cluster" in open_site(folder, dry_run=True).inventory.hosts[host].data


def test_check_reads_a_new_site_and_goes_on_to_its_hosts(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    site(folder, *REGISTRY, "--nodes", "127.0.0.1:1")
    done = moor_here(folder, "check", "--quiet")
    assert re.search(r"^node1 +not reached +127.0.0.1:1", done.stdout, re.MULTILINE), done.said


def test_a_host_in_two_roles_is_one_host(tmp_path: Path) -> None:
    nr = site(tmp_path / "f", *REGISTRY, "--control-plane", "10.9.0.21,10.9.0.22", "--nodes", "10.9.0.21 10.9.0.31")
    assert {name: groups(host) for name, host in nr.inventory.hosts.items()} == {
        "cp1": ["control_plane", "nodes"],
        "cp2": ["nodes"],
        "node1": ["nodes"],
    }


def test_what_most_hosts_share_is_written_once_and_others_say_what_differs(tmp_path: Path) -> None:
    nodes = "ops@10.9.0.31,ops@10.9.0.32:2222,root@[2001:db8::33]:22,a.one.test,a.two.test"
    nr = site(tmp_path / "f", *REGISTRY, "--nodes", nodes, "--user", "deploy", "--key", "~/.ssh/fleet")
    hosts = nr.inventory.hosts
    reached = [(host.hostname, host.port or 22, host.username) for host in hosts.values()]
    assert reached == [
        ("10.9.0.31", 22, "ops"),
        ("10.9.0.32", 2222, "ops"),
        ("2001:db8::33", 22, "root"),
        ("a.one.test", 22, "deploy"),
        ("a.two.test", 22, "deploy"),
    ]
    assert list(hosts) == ["node1", "node2", "node3", "a.one.test", "a.two.test"]
    extras = hosts["node1"].get_connection_parameters("shell").extras or {}
    assert extras["key_file"] == str(Path("~/.ssh/fleet").expanduser())


def test_keys_of_hosts_that_the_user_knows_already_need_not_be_accepted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvccMbR0sCRbiFRBNHgmpK9aFIhmg8uqQ/rpYsRGtdF"
    known = f"[10.9.0.31]:2222,other {key} mine\n10.9.0.32 ssh-rsa AAAA\n@revoked 10.9.0.32 ssh-rsa AAAA\n"
    write_site(tmp_path / "home", {".ssh/known_hosts": known})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    site(tmp_path / "f", *REGISTRY, "--nodes", "10.9.0.31:2222,10.9.0.32,10.9.0.33")
    assert (tmp_path / "f/known_hosts").read_text() == f"[10.9.0.31]:2222 {key}\n"


FAULTS = {
    "nothing": ((), ["--registry NAME: ", "--nodes HOSTS: "]),
    "no address": (("--registry", "no.such.test", "--nodes", "n1"), ["--registry-address ADDRESS: no.such.test"]),
    "a name without a domain": (
        ("--registry", "registry", "--registry-address", "10.9.0.5", "--nodes", "n1"),
        ["--registry: not a full name"],
    ),
    "a port of letters": (
        ("--registry", "r.fleet.test:x", "--nodes", "n1"),
        ["--registry: r.fleet.test:x: not a port; write NAME"],
    ),
    "a name with a blank": (
        ("--registry", "my registry", "--nodes", "n1"),
        ["--registry: my registry: not a host name"],
    ),
    "several at once": (
        ("--registry", "r.fleet.test:0", "--nodes", "a@,10.9.0.1:99999", "--harbor", "a,b"),
        ["--harbor: a b: it is one host", "--nodes: a@: not a host", "--nodes: 10.9.0.1:99999: 99999", "--registry: "],
    ),
    "no address of a host": (
        (*REGISTRY, "--nodes", "10.9.0.300"),
        ["--nodes: 10.9.0.300: 10.9.0.300 is not an address"],
    ),
    "ranges of two lengths": ((*REGISTRY, "--nodes", "n[1-2]=10.9.0.[1-3]"), ["2 names, but 3 addresses"]),
    "an address that nobody reaches": (
        ("--registry", "r.fleet.test", "--registry-address", "127.0.0.1", "--nodes", "n1"),
        ["an address that other hosts cannot reach"],
    ),
    "no CA": ((*REGISTRY, "--nodes", "n1", "--ca", "gone.crt"), ["gone.crt: No such file"]),
    "two hosts at one address": ((*REGISTRY, "--nodes", "a=10.9.0.1,b=10.9.0.1"), ["b.hostname", "is a's already"]),
    "options that would count for nothing": (
        (*REGISTRY, "--nodes", "n1", "--project", "p", "--kubeconfig", "k", "--netbox-token", "env:X"),
        [
            "--project: it is for a Harbor that moor installs",
            "--kubeconfig: it is for",
            "--netbox-token, --netbox-ca: ",
        ],
    ),
    "a CA of others for a Harbor of one's own": ((*OWN, "--ca", "x.crt"), ["--ca: it is for a registry that is there"]),
    "no source of that kind": (("--from", "sshconfig"), ["did you mean ssh_config?"]),
    "a source without its file": (("--from", "ansible"), ["write --from ansible INVENTORY"]),
}


@pytest.mark.parametrize(("words", "lines"), FAULTS.values(), ids=list(FAULTS))
def test_faults_are_told_with_their_options_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], lines: list[str]
) -> None:
    done = init(tmp_path / "fleet", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line for line in lines if line not in done.stderr] == [], done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "fleet").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    (folder / "inventory").mkdir(parents=True)
    (folder / "inventory/hosts.yaml").write_text("mine")
    (folder / ".gitignore").write_text("*.swp")
    done = init(folder, *OWN)
    assert done.returncode == 1
    assert "inventory/hosts.yaml: there already" in done.stderr
    assert sorted(path.name for path in folder.rglob("*")) == [".gitignore", "hosts.yaml", "inventory"]
    (folder / "inventory/hosts.yaml").unlink()
    assert init(folder, *OWN).returncode == 0
    assert (folder / ".gitignore").read_text() == "*.swp\n/.moor/\n/secrets/\n/downloads/\n"
    again = init(folder, *OWN)
    assert again.returncode == 1
    assert "there is a site already" in again.stderr


def test_a_file_where_the_site_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "fleet").write_text("")
    assert f"{tmp_path}/fleet: not a directory" in init(tmp_path / "fleet", *OWN).stderr
    below = init(tmp_path / "fleet/below", *OWN)
    assert below.stderr == f"moor: {tmp_path}/fleet/below: not a directory; name another directory: moor init DIR\n"


def test_the_directory_of_what_is_to_bring_is_there_and_private(tmp_path: Path) -> None:
    done = init(tmp_path / "f", *REGISTRY, "--nodes", "n1", "--login", "robot$shop+puller")
    assert "secrets/registry-login: the password of robot$shop+puller" in done.stdout
    assert (tmp_path / "f/secrets").stat().st_mode & 0o777 == 0o700


def test_without_a_terminal_nobody_is_asked(tmp_path: Path) -> None:
    done = ended_here(["init", str(tmp_path / "fleet"), "--nodes", "n1"])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--registry NAME" in done.stderr


def answered(folder: Path, answers: list[str]) -> int:
    """Type ``moor init`` on a terminal of its own, and answer what it asks; return its exit code."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "moor", "init", str(folder), "--user", "ops", "--key", "~/.ssh/fleet"]
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    for answer in answers:
        heard = b""
        while not heard.endswith(b": "):
            heard += os.read(ours, 4096)
        os.write(ours, answer.encode() + b"\n")
    with suppress(OSError):  # the terminal's other end is closed
        while os.read(ours, 4096):
            pass
    return process.wait(20)


def test_on_a_terminal_what_is_missing_is_asked_for_and_a_wrong_answer_again(tmp_path: Path) -> None:
    nodes, again = "node[1-2]=10.9.0.[31-32]", "registry.fleet.test"
    assert answered(tmp_path / "fleet", ["registry", "10.9.0.11", "", "", nodes, "", again]) == 0
    hosts = open_site(tmp_path / "fleet", dry_run=True).inventory.hosts
    assert list(hosts) == ["harbor1", "node1", "node2"]
    assert hosts["node1"].data["registry"].name == "registry.fleet.test"


def test_a_password_is_asked_for_and_kept_in_its_own_file_alone(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    answers = ["registry.fleet.test", "", "10.9.0.5", "distribution", "", "puller", "", "n1", "", "s3cret of puller"]
    assert answered(folder, answers) == 0
    files = [path for path in folder.rglob("*") if path.is_file() and "s3cret" in path.read_text()]
    assert files == [folder / "secrets/registry-login"]
    assert files[0].stat().st_mode & 0o777 == 0o600
    node = open_site(folder, dry_run=True).inventory.hosts["n1"]
    assert node.data["logins"].by_name["puller"].password.resolve().reveal() == "s3cret of puller"
    assert node.data["registry"].api == "distribution"
