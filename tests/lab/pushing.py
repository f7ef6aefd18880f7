"""Images made of the workload's own, put into Harbor by its API: one for another machine, one that weighs nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import ssl
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from moor.connections.apis.harbor import Harbor

NAME = "registry.moor.test"
REPOSITORY = "demo/sqrt"


@dataclass(frozen=True)
class Pusher:
    """The administrator of a Harbor, which is reached by its address.

    Attributes:
        certificate: the CA's
    """

    address: str
    password: str
    certificate: Path

    def for_arm(self) -> str:
        """Push the workload's image with a configuration that says arm64, and return that one's digest."""
        manifest, config = self._present()
        body = json.dumps({**config, "architecture": "arm64"}).encode()
        manifest["config"] = {**manifest["config"], **describe(body)}
        self._put([body], manifest, "arm")
        return digest_of(body)

    def small(self) -> str:
        """Push an image of one empty file, so that a pull costs next to nothing; return its name."""
        manifest, config = self._present()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("small"))
        layer = gzip.compress(packed.getvalue(), mtime=0)
        found = {"type": "layers", "diff_ids": [digest_of(packed.getvalue())]}
        body = json.dumps({**config, "rootfs": found, "history": []}).encode()
        manifest["config"] = {**manifest["config"], **describe(body)}
        manifest["layers"] = [{**manifest["layers"][0], **describe(layer)}]
        self._put([layer, body], manifest, "small")
        return f"{NAME}/{REPOSITORY}:small"

    @property
    def _login(self) -> tuple[str, str]:
        return "admin", self.password

    @property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def _present(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the manifest and the configuration of the workload's image."""
        harbor = Harbor(NAME, self.address, 443, self._login, self._trust)
        try:
            _, manifest = harbor.manifest(REPOSITORY, "1.0") or ("", {})
            return manifest, harbor.blob(REPOSITORY, manifest["config"]["digest"])
        finally:
            harbor.close()

    def _put(self, blobs: list[bytes], manifest: dict[str, Any], tag: str) -> None:
        base, named = f"https://{self.address}", {"sni_hostname": NAME}
        headers = {"Host": NAME}
        with httpx.Client(auth=self._login, verify=self._trust, headers=headers, trust_env=False) as client:
            for blob in blobs:
                begun = client.post(f"{base}/v2/{REPOSITORY}/blobs/uploads/", extensions=named)
                place = httpx.URL(base).join(httpx.URL(begun.headers["Location"]).raw_path.decode())
                put = client.put(place.copy_merge_params({"digest": digest_of(blob)}), content=blob, extensions=named)
                assert put.status_code == 201, put.text
            kind = {"Content-Type": manifest["mediaType"]}
            place = httpx.URL(f"{base}/v2/{REPOSITORY}/manifests/{tag}")
            put = client.put(place, content=json.dumps(manifest), headers=kind, extensions=named)
            assert put.status_code == 201, put.text


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def describe(content: bytes) -> dict[str, Any]:
    """Return what a manifest says of a blob beside its type."""
    return {"digest": digest_of(content), "size": len(content)}
