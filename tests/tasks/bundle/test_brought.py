"""Images of other registries in a bundle: copied by the real skopeo, then pushed to ours with upstream stopped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from moor.tasks.bundle.manifest import BLOBS
from moor_lab.harbor.loopback import OnLoopback
from tests.harness.commands import Done, moor, moor_here
from tests.harness.hosts import replaced_plugin
from tests.harness.sites import write_site
from tests.tasks.images.registries import (
    OURS,
    PASSWORD,
    USER,
    Registries,
    held,
    host_knowing,
    put_image,
    put_list,
    two_registries,
)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("skopeo"), reason="needs root, for a mount of its own, and skopeo"
)
PLATFORMS = ["linux/amd64", "linux/arm64/v8", "linux/ppc64le"]


def write(site: Path, registries: Registries) -> None:
    """Write a site whose images come from upstream, and whose bundle has them."""
    ours, theirs = registries.ours, registries.theirs
    login = {"user": USER, "password": "file:secrets/password"}
    images: dict[str, dict[str, Any]] = {
        "shop/web:1": {"from": f"{theirs.place}/vendor/web:1"},
        "shop/some:1": {"from": f"{theirs.place}/vendor/all:1", "platforms": PLATFORMS[:2]},
    }
    files: dict[str, Any] = {
        "inventory/hosts.yaml": {"ws1": {"hostname": "192.0.2.30", "groups": ["workstations"]}},
        "inventory/groups.yaml": {"workstations": {}},
        "inventory/defaults.yaml": {
            "data": {
                "registry": {"name": OURS, "address": "192.0.2.5", "port": ours.port, "api": "distribution"},
                "pki": {"ca": "ca.crt"},
                "logins": {"pusher": login},
                "upstreams": {theirs.place: {"ca": "ca.crt", "login": login}},
                "images": {name: {**one, "login": "pusher"} for name, one in images.items()},
                "bundle": {"file": "fleet"},
            }
        },
        "ca.crt": registries.authority,
    }
    write_site(site, files, {"secrets/password": PASSWORD})


def create(site: Path) -> Done:
    """Make the bundle where upstream's name is known."""
    enter = f'mount --bind {site}/hosts /etc/hosts && exec "$@"'
    words = ("bundle", "create", "--without", "installer,packages,moor")
    return moor(site, *words, under=("unshare", "--mount", "sh", "-c", enter, "sh"))


def test_images_of_others_arrive_with_their_digests_and_upstream_is_not_asked(tmp_path: Path) -> None:
    site, programs = tmp_path / "site", tmp_path / "programs"
    programs.mkdir()
    with two_registries(tmp_path / "registries") as registries:
        write(site, registries)
        plugin = host_knowing(site, programs)
        with registries.theirs.client as client:
            web = put_image(client, "vendor/web", "1", PLATFORMS[0], "web")["digest"]
            put_list(client, "vendor/all", "1", PLATFORMS, "all")
        done = create(site)
        assert done.returncode == 2, done.said
        assert PASSWORD not in done.said
        fetched = registries.theirs.since(0, "GET", "/blobs/")
        blobs = sorted(path.stat().st_ino for path in (site / "fleet" / BLOBS).iterdir())

        (site / "fleet" / "bundle.json").unlink()  # as if it had been killed near its end
        (site / "fleet" / ".making").mkdir()
        done = create(site)
        assert done.returncode == 2, done.said
        again = registries.theirs.since(0, "GET", "/blobs/")[len(fetched) :]
        sizes = [(site / "fleet" / BLOBS / one.rpartition(":")[2]).stat().st_size for one in again]
        assert max(sizes, default=0) < 1000  # skopeo reads configurations always; no layer is fetched twice
        assert len(blobs) == len(list((site / "fleet" / BLOBS).iterdir()))

        asked = len(registries.theirs.asked)
        with replaced_plugin("shell", plugin), replaced_plugin("harbor", OnLoopback):
            applied = moor_here(site, "apply", "images", "--yes")
            assert applied.returncode == 0, applied.said
            assert moor_here(site, "plan", "images").returncode == 0
        assert registries.theirs.asked[asked:] == []
        assert held(registries.ours, "shop/web", "1")[0] == web
        some = held(registries.ours, "shop/some", "1")[1]
        assert [one["platform"]["architecture"] for one in some["manifests"]] == ["amd64", "arm64"]
