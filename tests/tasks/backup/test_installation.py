"""Where a Harbor keeps its data is read from its own harbor.yml."""

from __future__ import annotations

from typing import Any

import pytest

from moor.tasks.backup.installation import Installation, minor_of


@pytest.mark.parametrize(
    ("tree", "images", "has_files"),
    [
        ({"data_volume": "/data"}, "/data/registry/docker/registry/v2", True),
        ({"data_volume": "/srv", "storage_service": {"filesystem": {"rootdirectory": "/storage/sub"}}},
         "/srv/registry/sub/docker/registry/v2", True),
        ({"data_volume": "/data", "storage_service": {"s3": {"bucket": "b", "region": "x"}}}, None, False),
    ],
)  # fmt: skip
def test_images_are_where_harbor_yml_says(tree: dict[str, Any], images: str | None, has_files: bool) -> None:
    harbor = Installation("/opt/harbor", "v2.8.3", tree)
    assert harbor.has_files is has_files
    assert images is None or harbor.images == images


@pytest.mark.parametrize(
    ("text", "minor"),
    [("v2.8.3", (2, 8)), ("harbor-offline-installer-v2.15.2.tgz", (2, 15)), ("", None), ("by hand", None)],
)
def test_a_release_is_read_from_an_installers_name(text: str, minor: tuple[int, int] | None) -> None:
    assert minor_of(text) == minor
