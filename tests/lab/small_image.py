"""An image of one program, made from a lab's own root file system: busybox, serving its /usr over HTTP on port 8080."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

from moor_lab.kubernetes.certificates import make_certificates

FILES = (
    "usr/bin/busybox",
    "usr/lib/x86_64-linux-gnu/libc.so.6",
    "usr/lib/x86_64-linux-gnu/libresolv.so.2",
    "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "usr/lib64/ld-linux-x86-64.so.2",
)
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}
ENTRYPOINT = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/usr"]


def make_registry(root: Path, target: Path, name: str) -> str:
    """Puts image and certificate for small_registry.py into ``target``; gives the authority that signed it.

    Args:
        root: a file system that has busybox.
    """
    blobs = target / "blobs"
    blobs.mkdir(parents=True)
    layer = _layer(root)
    packed = gzip.compress(layer, mtime=0)
    settings = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ENTRYPOINT, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    config = json.dumps(settings).encode()
    for blob in (packed, config):
        (blobs / _digest(blob)).write_bytes(blob)
    (blobs / "manifest.json").write_text(json.dumps(_manifest(config, packed)))
    certificates = make_certificates([name], [])
    (target / "tls.crt").write_text(certificates.certificate)
    (target / "tls.key").write_text(certificates.key)
    return certificates.authority


def _layer(root: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for file in FILES:
            archive.add(root / file, file)
        for name, to in LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, to
            archive.addfile(link)
    return out.getvalue()


def _manifest(config: bytes, layer: bytes) -> dict[str, object]:
    kind = "application/vnd.docker"
    return {
        "schemaVersion": 2,
        "mediaType": f"{kind}.distribution.manifest.v2+json",
        "config": {
            "mediaType": f"{kind}.container.image.v1+json",
            "size": len(config),
            "digest": _digest(config),
        },
        "layers": [
            {"mediaType": f"{kind}.image.rootfs.diff.tar.gzip", "size": len(layer), "digest": _digest(layer)},
        ],
    }


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"
