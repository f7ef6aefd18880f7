"""Images and the installer of a fleet that runs come from a bundle, while what the inventory names is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moor_lab.oci import Files, Image, docker_archive, files_layer
from tests.harness.commands import moor_here
from tests.lab.conftest import Moored
from tests.lab.diagnosing import administrator
from tests.lab.writing import run, sections_laid_over

pytestmark = pytest.mark.lab

NAME = "demo/carried:1"


def test_an_image_is_pushed_from_the_bundle_though_its_archive_is_not_here(moored: Moored, tmp_path: Path) -> None:
    layer = files_layer(Files({"carried": "in a bundle"}), tmp_path)
    archive, bundle = tmp_path / "carried.tar", tmp_path / "fleet.bundle"
    docker_archive([Image("carried:1", (layer,), ("/carried",))], archive)
    data: dict[str, dict[str, Any]] = {
        "images": {NAME: {"archive": str(archive)}},
        "bundle": {"file": str(bundle)},
    }
    harbor = administrator(moored)
    try:
        with sections_laid_over(moored, data):
            made = moor_here(moored.moor.site, "bundle", "create", "--without", "installer,packages,moor")
            assert made.returncode == 2, made.said
            archive.unlink()
            assert moored.moor.planned("images") == [f"image:{NAME}"]
            moored.moor.applied("images")
            assert moored.moor.planned("images") == []
        assert harbor.manifest("demo/carried", "1") is not None
    finally:
        harbor.ask("DELETE", "/api/v2.0/projects/demo/repositories/carried")
        harbor.close()
    assert "carried" not in run(moored, "ls /var/lib/moor")
    assert moored.moor.planned() == []
