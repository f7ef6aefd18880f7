"""An image of another registry, brought by skopeo on a host of the lab's, and followed when its tag moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.cached_registry import BEFORE_CORE, FRONT_PORT, IMAGE, nginx, upstream_registry
from tests.lab.central_registry import REPOSITORY, openssl, push_image
from tests.lab.conftest import Moored
from tests.lab.diagnosing import administrator
from tests.lab.writing import sections_laid_over

pytestmark = pytest.mark.lab

BROUGHT, API = "demo/brought:1", "/api/v2.0/projects/demo/repositories/brought"


def digest_of(moored: Moored) -> str:
    """Return the digest that the fleet's registry has under the tag."""
    harbor = administrator(moored)
    try:
        digest, _ = harbor.manifest("demo/brought", "1") or ("", {})
    finally:
        harbor.close()
    return digest


def certify(folder: Path, address: str) -> Path:
    """Make a certificate for an address, signed by itself."""
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=upstream"]
    pair = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")]
    openssl("req", "-x509", *new, *pair, "-addext", f"subjectAltName=IP:{address}")
    return folder / "server.crt"


def test_an_image_comes_from_another_registry_as_it_is_and_follows_its_tag(moored: Moored, tmp_path: Path) -> None:
    machine = str(moored.lab.fleet.machine)
    ca, host = certify(tmp_path, machine), f"{machine}:{FRONT_PORT}"
    with upstream_registry(tmp_path / "upstream", machine) as upstream:
        words = {"address": machine, "port": FRONT_PORT, "folder": tmp_path, "core": upstream.url}
        sections = {"images": {BROUGHT: {"from": f"{host}/{IMAGE}"}}, "upstreams": {host: {"ca": str(ca)}}}
        with nginx(tmp_path, BEFORE_CORE.format(**words)), sections_laid_over(moored, sections):
            assert f"image:{BROUGHT}" in moored.moor.planned("images")
            moored.moor.applied("images")
            assert moored.moor.planned("images") == []
            first = digest_of(moored)
            moved = push_image(upstream.url, b"moved\n")
            assert moved != first
            assert moored.moor.planned("images") == [f"image:{BROUGHT}"]
            moored.moor.applied("images")
            assert digest_of(moored) == moved
            upstream.stop()
            said = moored.moor("drift", "--runbook", "images", "--quiet").said
            assert f"upstream:{BROUGHT}" in said, said
    harbor = administrator(moored)
    harbor.ask("DELETE", API)
    harbor.close()
    assert REPOSITORY not in str(moored.moor.planned("images"))
