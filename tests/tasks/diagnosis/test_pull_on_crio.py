"""The pull that proves a node of CRI-O: real bytes from a real registry by openssl, and no image left behind.

crictl and CRI-O are no Debian packages: a script with a store of its own stands in for both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from moor.secrets.secret import Secret
from moor.tasks.diagnosis.evidence.node_answers import pull_evidence
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.pull_script import pull_script
from tests.harness.shells import SHELLS
from tests.tasks.images.registries import PASSWORD, USER, Front, Registries, put_list, two_registries

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for mounts of its own")

# The store has a line an image: its name and its id. A file ``kill`` has the verify killed once the image is there.
CRICTL = """\
#!/bin/sh
store=/run/store
touch "$store"
while :; do case $1 in --*-endpoint) shift 2 ;; *) break ;; esac; done
case "$1 $2" in
"images -o")
  echo '{"images":['
  while read -r name id; do printf '{"id":"%s",\\n"repoDigests":["%s"]},\\n' "$id" "$name"; done < "$store"
  echo ']}' ;;
"images --no-trunc") while read -r name id; do [ "$name" != "$4" ] || echo "$id"; done < "$store" ;;
"ps -a") cat /run/used 2>/dev/null ;;
"pull "*)
  [ "$CRICTL_CREDS" = "$(cat /run/right)" ] || { echo 'unauthorized'; exit 1; }
  grep -q "^$2 " "$store" || echo "$2 id-of-it" >> "$store"
  [ ! -e /run/kill ] || { rm /run/kill; kill -9 "$(cat /run/pid)"; } ;;
"rmi "*) grep -v "^$2 " "$store" > "$store.new"; mv "$store.new" "$store" ;;
*) echo "crictl: $*" >&2; exit 9 ;;
esac
"""


@dataclass
class Node:
    """A node of CRI-O: this machine, with some directories of its own."""

    folder: Path
    registries: Registries

    def verify(self, front: Front, digest: str = "", shell: str = "dash") -> str:
        """Pull as moor verify does; what it fetches is under the tag 1 of app."""
        login = (USER, Secret(PASSWORD))
        endpoint = RegistryEndpoint(front.name, "", front.port)
        request = ProbeRequest(endpoint, "app:1", login, pull=True, own="crio", digest=digest)
        certs = f"/etc/containers/certs.d/{front.place}"
        mounts = {"run": "/run", "lib": "/var/lib/moor", "hosts": "/etc/hosts", "containers": "/etc/containers"}
        each = " && ".join(f"mount --bind {self.folder / name} {place}" for name, place in mounts.items())
        enter = (
            f"{each} && mkdir -p {certs} && cp {self.folder}/ca.crt {certs}/ca.crt && echo $$ > /run/pid && "
            f"PATH={self.folder}/programs:$PATH exec {' '.join(SHELLS[shell])} {self.folder}/script"
        )
        (self.folder / "script").write_text(pull_script(request))
        argv = ["unshare", "--mount", "sh", "-c", enter]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        assert PASSWORD not in done.stdout + done.stderr
        return done.stdout

    @property
    def images(self) -> list[str]:
        store = self.folder / "run/store"
        return [line.split()[0] for line in store.read_text().splitlines()] if store.exists() else []

    @property
    def left(self) -> list[str]:
        """Return what a verify should not leave."""
        return [str(path) for path in (*self.folder.glob("run/moor.*"), *self.folder.glob("lib/verify/*"))]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    for name in ("run", "lib", "containers", "programs"):
        (tmp_path / name).mkdir()
    for place in ("/var/lib/moor", "/etc/containers"):
        Path(place).mkdir(exist_ok=True)
    with two_registries(tmp_path / "registries") as registries:
        (tmp_path / "ca.crt").write_text(registries.authority)
        names = f"{registries.ours.name} {registries.theirs.name}"
        (tmp_path / "hosts").write_text(f"127.0.0.1 localhost {names}\n")
        (tmp_path / "run/right").write_text(f"{USER}:{PASSWORD}")
        program = tmp_path / "programs/crictl"
        program.write_text(CRICTL)
        program.chmod(0o755)
        yield Node(tmp_path, registries)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_largest_layer_arrives_whether_the_registry_wants_a_login_or_a_token(node: Node, shell: str) -> None:
    for front in (node.registries.ours, node.registries.theirs):
        with front.client as client:
            whole = put_list(client, "app", "1", ["linux/arm64", "linux/amd64"], "app")
        said = node.verify(front, whole, shell)
        found = pull_evidence(said)
        assert (found["pulled"], found["arrived"]) == ("yes", "yes"), said
        assert int(found["bytes"]) > 500_000
        assert front.since(0, "GET", f"/blobs/{found['blob']}")
        assert (node.images, node.left) == ([], [])


def test_a_warm_node_does_not_pull_well_from_a_registry_that_lost_the_layer(node: Node) -> None:
    front = node.registries.ours
    with front.client as client:
        whole = put_list(client, "app", "1", ["linux/amd64"], "app")
    (node.folder / "run/store").write_text(f"{front.place}/app@{whole} id-of-it\n{front.place}/app:1 id-of-it\n")
    blobs = node.folder / f"registries/{front.name}/registry/docker/registry/v2/blobs/sha256"
    for blob in blobs.glob("*/*/data"):
        if blob.stat().st_size > 100_000:
            blob.unlink()
    found = pull_evidence(node.verify(front, whole))
    assert (found["pulled"], found["arrived"]) == ("yes", "no")
    assert "answers 404 to GET /v2/app/blobs/" in found["said"]
    assert node.images == [f"{front.place}/app@{whole}", f"{front.place}/app:1"]  # kubelet's, which stay


def test_what_a_killed_verify_pulled_is_removed_by_the_next_one_unless_a_pod_runs_it(node: Node) -> None:
    front = node.registries.ours
    with front.client as client:
        whole = put_list(client, "app", "1", ["linux/amd64"], "app")
    reference = f"{front.place}/app@{whole}"
    (node.folder / "run/kill").touch()
    assert node.verify(front, whole) == ""
    assert node.images == [reference]
    assert node.left

    (node.folder / "run/used").write_text("a-container\n")
    node.verify(front, whole)
    assert node.images == [reference]
    (node.folder / "run/used").unlink()
    # the node was started anew, so that nothing in memory tells of it
    for path in node.folder.glob("run/moor.*"):
        shutil.rmtree(path)
    node.verify(front, whole)
    assert (node.images, node.left) == ([], [])


def test_a_tag_on_the_node_is_not_led_to_what_verify_pulled(node: Node) -> None:
    front = node.registries.ours
    with front.client as client:
        whole = put_list(client, "app", "1", ["linux/amd64"], "moved")
    (node.folder / "run/store").write_text(f"{front.place}/app:1 id-of-kubelets\n")
    node.verify(front, whole)
    assert (node.folder / "run/store").read_text() == f"{front.place}/app:1 id-of-kubelets\n"
