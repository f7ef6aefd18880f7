"""Images of other registries in a bundle: copied by the real skopeo, then pushed to ours with upstream stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
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
    key_of_cosign,
    put_artifact,
    put_image,
    put_list,
    refer,
    sign,
    two_registries,
)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("skopeo"), reason="needs root, for a mount of its own, and skopeo"
)
PLATFORMS = ["linux/amd64", "linux/arm64/v8", "linux/ppc64le"]


# Stands in for cosign, which is no Debian package: the machine that makes a bundle takes every signature for valid.
COSIGN = "#!/bin/sh\nexit 0\n"


def write(site: Path, registries: Registries, key: str = "", bundle: Any = None, **upstream: Any) -> None:
    """Write a site whose images come from upstream, and whose bundle has them."""
    ours, theirs = registries.ours, registries.theirs
    login = {"user": USER, "password": "file:secrets/password"}
    images: dict[str, dict[str, Any]] = {
        "shop/web:1": {"from": f"{theirs.place}/vendor/web:1"},
        "shop/some:1": {"from": f"{theirs.place}/vendor/all:1", "platforms": PLATFORMS[:2]},
    }
    if key:
        images["shop/web:1"]["key"] = key
    files: dict[str, Any] = {
        "inventory/hosts.yaml": {"ws1": {"hostname": "192.0.2.30", "groups": ["workstations"]}},
        "inventory/groups.yaml": {"workstations": {}},
        "inventory/defaults.yaml": {
            "data": {
                "registry": {"name": OURS, "address": "192.0.2.5", "port": ours.port, "api": "distribution"},
                "pki": {"ca": "ca.crt"},
                "logins": {"pusher": login},
                "upstreams": {theirs.place: {"ca": "ca.crt", "login": login, **upstream}},
                "images": {name: {**one, "login": "pusher"} for name, one in images.items()},
                "bundle": bundle or {"file": "fleet"},
            }
        },
        "ca.crt": registries.authority,
    }
    write_site(site, files, {"secrets/password": PASSWORD})


def create(site: Path, target: str = "fleet") -> Done:
    """Make the bundle where upstream's name is known, and cosign is."""
    enter = f'mount --bind {site}/hosts /etc/hosts && PATH="$PATH:{site}/tools" && exec "$@"'
    words = ("bundle", "create", str(site / target), "--without", "installer,packages,moor")
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
        assert registries.theirs.since(0, "HEAD", "/manifests/sha256-")
        assert registries.theirs.since(0, "GET", "/manifests/sha256-") == []  # which would count as pulls
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


@dataclass
class Signed:
    """A site whose bundle has an image that is signed, attested and referred to.

    Attributes:
        image: its digest
        attached: references of what is attached to it
    """

    site: Path
    registries: Registries
    image: str
    attached: list[str]


@pytest.fixture
def signed(tmp_path: Path) -> Iterator[Signed]:
    site, programs = tmp_path / "site", tmp_path / "programs"
    (site / "tools").mkdir(parents=True)
    programs.mkdir()
    (site / "tools" / "cosign").write_text(COSIGN)
    (site / "tools" / "cosign").chmod(0o755)
    with two_registries(tmp_path / "registries") as registries:
        plugin = host_knowing(site, programs)
        with registries.theirs.client as client:
            web = put_image(client, "vendor/web", "1", PLATFORMS[0], "web")["digest"]
            put_list(client, "vendor/all", "1", PLATFORMS, "all")
            arm = held(registries.theirs, "vendor/all", "1")[1]["manifests"][1]["digest"]
            key = key_of_cosign(site)
            key_of_cosign(site, "other")
            sign(client, "vendor/web", web, key)
            put_artifact(client, "vendor/web", f"{web.replace(':', '-')}.att", [("application/json", b"{}", "")])
            sign(client, "vendor/all", arm, key)
            entries = [refer(client, "vendor/web", web, body, listed=False) for body in (b'{"a": 1}', b'{"b": 1}')]
        # upstream has the API of references, with each entry on a page of its own; ours has not
        pages = [b'{"manifests": [{"digest": "%s"}]}' % str(one["digest"]).encode() for one in entries]
        registries.theirs.lists[f"vendor/web/referrers/{web}"] = pages
        tags = [web.replace(":", "-") + end for end in (".sig", ".att")]
        with replaced_plugin("shell", plugin), replaced_plugin("harbor", OnLoopback):
            yield Signed(site, registries, web, [*tags, *(one["digest"] for one in entries)])


@pytest.mark.parametrize("target", ["fleet", "fleet.bundle"])
def test_what_is_attached_is_carried_and_the_signature_is_verified_again_without_cosign(
    signed: Signed, target: str
) -> None:
    site, ours, theirs = signed.site, signed.registries.ours, signed.registries.theirs
    write(site, signed.registries, "cosign.pub", bundle={"file": target})
    done = create(site, target)
    assert done.returncode == 2, done.said
    done = moor_here(site, "bundle", "check")
    assert "3 things are missing" in done.stdout, done.said  # what was left out
    asked = len(theirs.asked)
    applied = moor_here(site, "apply", "images", "--yes")
    assert applied.returncode == 0, applied.said
    for reference in signed.attached:
        assert held(ours, "shop/web", reference) == held(theirs, "vendor/web", reference) != ("", {}), reference
    listed = held(ours, "shop/web", signed.image.replace(":", "-"))[1]["manifests"]
    assert {one["digest"] for one in listed} == set(signed.attached[2:])
    arm = held(ours, "shop/some", "1")[1]["manifests"][1]["digest"]
    assert held(ours, "shop/some", f"{arm.replace(':', '-')}.sig")[0]
    assert moor_here(site, "plan", "images").returncode == 0
    assert theirs.asked[asked:] == []

    with ours.client as client:
        client.delete(f"/v2/shop/web/manifests/{held(ours, 'shop/web', signed.attached[1])[0]}").raise_for_status()
    planned = moor_here(site, "plan", "images")
    assert planned.returncode == 2
    assert "attached: " in planned.stdout
    assert moor_here(site, "apply", "images", "--yes").returncode == 0
    assert held(ours, "shop/web", signed.attached[1])[0]


def test_a_bundle_whose_image_is_not_signed_by_the_key_is_refused_on_either_side(signed: Signed) -> None:
    site, ours = signed.site, signed.registries.ours
    write(site, signed.registries, "other.pub")
    done = create(site)
    assert done.returncode == 1
    assert "data.images.shop/web:1.key: " in done.stderr
    assert f"({signed.image[:19]}...) has no valid signature by {site}/other.pub in it" in done.stderr

    write(site, signed.registries)
    assert create(site).returncode == 2
    write(site, signed.registries, "other.pub")
    for words in (("bundle", "check"), ("plan", "images"), ("apply", "images", "--yes")):
        done = moor_here(site, *words)
        assert done.returncode == 1, done.said
        assert f"({signed.image[:19]}...) has no valid signature by {site}/other.pub in it" in done.said
    assert not held(ours, "shop/web", "1")[0]
    write(site, signed.registries, "cosign.pub")
    assert moor_here(site, "apply", "images", "--yes").returncode == 0


def test_a_bundle_for_which_nobody_asked_for_signatures_says_so(signed: Signed) -> None:
    site, ours = signed.site, signed.registries.ours
    write(site, signed.registries, signatures=False)
    assert create(site).returncode == 2
    assert not signed.registries.theirs.since(0, "referrers")
    assert "signatures" not in moor_here(site, "bundle", "check").stdout
    write(site, signed.registries)
    lines = moor_here(site, "bundle", "check").stdout
    assert "data.images.shop/web:1: nobody asked for its signatures when the bundle was made; make it again" in lines
    assert moor_here(site, "apply", "images", "--yes").returncode == 0
    assert not held(ours, "shop/web", signed.attached[0])[0]


def test_a_bundle_is_not_made_while_upstream_does_not_say_what_is_signed(signed: Signed) -> None:
    write(signed.site, signed.registries)
    signed.registries.theirs.broken = "/referrers/"
    done = create(signed.site)
    assert done.returncode == 1
    assert "data.images.shop/some:1: whether it has signatures is not known: " in done.stderr
    assert "it answers 500; run again, or write signatures: false" in done.stderr
    signed.registries.theirs.broken = ""
    assert create(signed.site).returncode == 2
