"""What the user of an example has to bring: each file in its form, made up."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from moor.pki.authority import CertificateNames, make_authority, utc_now
from tests.harness.closed import KUBECONFIG

IMAGE = '{"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}'
SECRET = "Zm9yIG5vYm9keSdzIGV5ZXM=\n"


def bring(folder: Path, name: str) -> None:
    """Write one of the files that the example's page lists."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name == "kubeconfig":
        path.write_text(KUBECONFIG)
    elif path.suffix == ".tgz":
        _archive(path, "w:gz", {"harbor/install.sh": ""})
    elif path.suffix == ".tar":
        _archive(path, "w", {"manifest.json": '[{"Config": "config.json", "Layers": []}]', "config.json": IMAGE})
    elif path.suffix == ".crt":
        path.write_text(make_authority(CertificateNames(("example.org",)), 9, utc_now()).pem)
    else:
        path.touch(0o600)
        path.write_text(SECRET)


def _archive(path: Path, mode: str, members: dict[str, str]) -> None:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
