"""How long a bundle of images takes, beside skopeo's copies of the same images."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, create_server
from statistics import median
from time import monotonic, sleep

from bench.contenders.contender import ROOT
from bench.fleet import tell
from bench.measure import Client, Command, Run
from moor.errors import MoorError
from moor_lab.kubernetes.certificates import make_certificates

IMAGES, LAYERS = 4, 5
OCI = "application/vnd.oci.image"
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}
PIECE = 8 * 1024 * 1024


@dataclass(frozen=True)
class Bundled:
    """A bundle of images from a registry on this machine, and skopeo's copies of the same.

    Attributes:
        folder_s: of a bundle that is a directory, from the start of Python on
        file_s: of a bundle that is one file
        peak_mb: of moor and what it runs, over both
    """

    megabytes: int
    skopeo_s: float
    folder_s: float
    file_s: float
    peak_mb: float


def measure_bundle(client: Client, directory: Path, megabytes: int, rounds: int) -> Bundled:
    """Fill a registry with images of so many megabytes together, then measure in turn."""
    for program in ("skopeo", "docker-registry"):
        if not shutil.which(program):
            raise MoorError(f"bench: {program} is not installed")
    with serving(directory) as port:
        tell(f"filling a registry with {megabytes} MB")
        names = fill(directory, port, megabytes)
        site = make_site(directory / "site", port, names)
        copies, folders, files = list[Run](), list[Run](), list[Run]()
        for _ in range(rounds):
            copies.append(_must(client.run(_skopeo(directory, port, names)), 0))
            shutil.rmtree(directory / "copied")
            folders.append(_must(client.run(_moor(site, "folder")), 2))
            shutil.rmtree(site / "folder")
            files.append(_must(client.run(_moor(site, "one.bundle")), 2))
            (site / "one.bundle").unlink()
    found = Bundled(
        megabytes,
        median(run.wall_s for run in copies),
        median(run.wall_s for run in folders),
        median(run.wall_s for run in files),
        max(run.peak_mb for run in (*folders, *files)),
    )
    tell(
        f"{megabytes} MB of images: skopeo {found.skopeo_s:.1f} s, bundle {found.folder_s:.1f} s, "
        f"as one file {found.file_s:.1f} s, {found.peak_mb:.0f} MB of memory"
    )
    return found


@contextmanager
def serving(directory: Path) -> Iterator[int]:
    """Run a registry with TLS on this machine until the block ends, and yield its port."""
    with create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    made = make_certificates(["localhost"], ["127.0.0.1"])
    (directory / "certs").mkdir()
    files = {"certs/ca.crt": made.authority, "tls.crt": made.certificate, "tls.key": made.key}
    files["policy.json"] = json.dumps(POLICY)
    files["registry.yml"] = (
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/registry}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', tls: {{certificate: {directory}/tls.crt, key: {directory}/tls.key}}}}\n"
    )
    for name, content in files.items():
        (directory / name).write_text(content)
    with (directory / "registry.log").open("w") as log:
        argv = ["docker-registry", "serve", str(directory / "registry.yml")]
        with subprocess.Popen(argv, stdout=log, stderr=log) as process:
            try:
                _await(port)
                yield port
            finally:
                process.kill()


def _await(port: int) -> None:
    end = monotonic() + 20
    while True:
        try:
            create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if monotonic() > end:
                raise MoorError("bench: the registry does not start") from None
            sleep(0.1)


def fill(directory: Path, port: int, megabytes: int) -> list[str]:
    """Push images of random bytes; each has one layer that all of them have."""
    layout = directory / "made"
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    size = megabytes * 1_000_000 // (IMAGES * (LAYERS - 1) + 1)
    shared, entries, names = _layer(blobs, size), [], []
    for number in range(IMAGES):
        layers = [shared, *(_layer(blobs, size) for _ in range(LAYERS - 1))]
        config = _put(
            blobs, {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}, "config"
        )
        manifest = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": config, "layers": layers}
        names.append(f"big{number}:1")
        annotations = {"org.opencontainers.image.ref.name": names[-1]}
        entries.append({**_put(blobs, manifest, "manifest"), "annotations": annotations})
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    for name in names:
        argv = ["skopeo", "--policy", str(directory / "policy.json"), "copy", "--quiet"]
        argv += ["--preserve-digests", "--dest-cert-dir", str(directory / "certs"), f"oci:{layout}:{name}"]
        subprocess.run([*argv, f"docker://127.0.0.1:{port}/{name}"], check=True)
    shutil.rmtree(layout)
    return names


def _layer(blobs: Path, size: int) -> dict[str, object]:
    digest, draft, left = hashlib.sha256(), blobs / "draft", size
    with draft.open("wb") as out:
        while left:
            piece = os.urandom(min(PIECE, left))
            left -= len(piece)
            digest.update(piece)
            out.write(piece)
    draft.rename(blobs / digest.hexdigest())
    return {"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": f"sha256:{digest.hexdigest()}", "size": size}


def _put(blobs: Path, document: object, kind: str) -> dict[str, object]:
    content = json.dumps(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": f"{OCI}.{kind}.v1+json", "digest": f"sha256:{digest}", "size": len(content)}


def make_site(site: Path, port: int, names: list[str]) -> Path:
    """Write a site whose images come from the registry."""
    images = {f"demo/{name}": {"from": f"127.0.0.1:{port}/{name}"} for name in names}
    data = {
        "registry": {"name": "registry.moor.test", "address": "10.99.0.9", "api": "distribution"},
        "harbor": {"managed": False},
        "images": images,
        "upstreams": {f"127.0.0.1:{port}": {"ca": str(site.parent / "certs" / "ca.crt")}},
    }
    files = {
        "config.yaml": {},
        "inventory/hosts.yaml": {"w1": {"hostname": "10.99.0.8", "groups": ["workstations"]}},
        "inventory/groups.yaml": {"workstations": {}},
        "inventory/defaults.yaml": {"data": data},
    }
    for name, content in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(json.dumps(content))
    return site


def _moor(site: Path, target: str) -> Command:
    words = ("bundle", "create", str(site / target), "--without", "installer,packages,moor", "--quiet")
    return Command((sys.executable, "-m", "moor", *words, "--site", str(site)), ROOT)


def _skopeo(directory: Path, port: int, names: list[str]) -> Command:
    options = f"--quiet --all --preserve-digests --src-cert-dir {directory}/certs"
    copy = f"skopeo --policy {directory}/policy.json copy {options}"
    lines = [f"{copy} docker://127.0.0.1:{port}/{name} oci:{directory}/copied:{name}" for name in names]
    return Command(("sh", "-c", " && ".join(lines)), ROOT)


def _must(run: Run, code: int) -> Run:
    """Return a run; raise MoorError if it ended otherwise."""
    if run.code != code:
        raise MoorError(f"bench: exit code {run.code}: {run.stderr[-500:]}")
    return run
