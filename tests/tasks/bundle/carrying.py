"""A small site whose needs can be carried: archives of images, an installer, a repository of packages."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.harness.sites import write_site

INSTALLER = "harbor-offline-installer-v2.9.1.tgz"


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def docker_archive(path: Path, layers: Sequence[bytes]) -> str:
    """Write an archive of one image, and return the image's id."""
    digests = [hashlib.sha256(layer).hexdigest() for layer in layers]
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    image = hashlib.sha256(config).hexdigest()
    with tarfile.open(path, "w") as tar:
        for digest, layer in zip(digests, layers, strict=True):
            add(tar, f"{digest}.tar", layer)
        add(tar, f"{image}.json", config)
        listed = {"Config": f"{image}.json", "RepoTags": ["a:1"], "Layers": [f"{digest}.tar" for digest in digests]}
        add(tar, "manifest.json", json.dumps([listed]).encode())
    return f"sha256:{image}"


def key_pair(folder: Path, name: str = "key") -> str:
    """Make a key that signs, and return its public half."""
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
    subprocess.run(argv, check=True, capture_output=True)
    return (folder / f"{name}.pub").read_text().strip()


def carrying_site(folder: Path, bundle: Mapping[str, Any], **data: Any) -> Path:
    """Write a site of a registry's host, a workstation and a control plane, with two images that share a layer."""
    folder.mkdir(parents=True, exist_ok=True)
    shared = b"shared" * 20_000
    docker_archive(folder / "a.tar", [shared])
    docker_archive(folder / "b.tar", [shared, b"own" * 9_000])
    with tarfile.open(folder / INSTALLER, "w:gz") as tar:
        add(tar, "harbor/install.sh", b"#!/bin/sh\n")
    images = {"demo/a:1": {"archive": "a.tar"}, "demo/b:1": {"archive": "b.tar"}}
    return write_site(
        folder,
        {
            "inventory/hosts.yaml": {
                "h1": {"hostname": "10.99.0.9", "groups": ["harbor"]},
                "w1": {"hostname": "10.99.0.8", "groups": ["workstations"]},
                "c1": {"hostname": "10.99.0.7", "groups": ["control_plane"]},
            },
            "inventory/groups.yaml": {"harbor": {}, "workstations": {}, "control_plane": {}},
            "inventory/defaults.yaml": {
                "data": {
                    "registry": {"name": "registry.moor.test", "address": "10.99.0.9"},
                    "pki": {"passphrase": "file:passphrase"},
                    "harbor": {"installer": INSTALLER, "admin_password": "file:passphrase"},
                    "images": images,
                    "bundle": dict(bundle),
                    **data,
                }
            },
        },
        {"passphrase": "correct-horse\n"},
    )


def deb(folder: Path, name: str, version: str, depends: str = "") -> Path:
    """Build a package of nothing but its name."""
    tree = folder / f"tree-{name}"
    (tree / "DEBIAN").mkdir(parents=True)
    lines = [f"Package: {name}", f"Version: {version}", "Architecture: all", "Maintainer: Test <test@moor.test>"]
    lines += [f"Depends: {depends}"] if depends else []
    (tree / "DEBIAN" / "control").write_text("\n".join([*lines, "Description: test", ""]))
    (tree / "usr").mkdir()
    path = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
    subprocess.run(["dpkg-deb", "--build", "-Znone", str(tree), str(path)], check=True, capture_output=True)
    return path


def repository(folder: Path, debs: Sequence[Path]) -> Path:
    """Write the index of a flat repository of packages, and return the sources that name it."""
    stanzas = []
    for path in debs:
        fields = subprocess.run(["dpkg-deb", "--field", str(path)], check=True, capture_output=True, text=True).stdout
        name = folder / path.name.replace("%3a", "_")
        path.rename(name)
        digest = hashlib.sha256(name.read_bytes()).hexdigest()
        stanzas.append(f"{fields}Filename: ./{name.name}\nSize: {name.stat().st_size}\nSHA256: {digest}\n")
    (folder / "Packages").write_text("\n".join(stanzas))
    sources = folder / "test.list"
    sources.write_text(f"deb [trusted=yes] file:{folder} ./\n")
    return sources
