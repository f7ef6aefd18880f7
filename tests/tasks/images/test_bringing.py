"""Images brought from upstream by the real skopeo, between two real registries that count what they are asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moor_lab.harbor.loopback import OnLoopback
from tests.harness.commands import Done, moor_here
from tests.harness.hosts import replaced_plugin
from tests.harness.sites import write_site
from tests.lab_harbor.standin import ADMIN_PASSWORD
from tests.tasks.images.registries import (
    OURS,
    PASSWORD,
    THEIRS,
    USER,
    Registries,
    held,
    host_knowing,
    put_image,
    put_list,
    sign,
    two_registries,
)

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("skopeo"), reason="needs root, for a mount of its own, and skopeo"
)
pytestmark = needs_root
AMD, ARM, POWER = "linux/amd64", "linux/arm64/v8", "linux/ppc64le"
# Stands in for cosign, which is no Debian package: takes a signature for valid if the key is the right one.
COSIGN = """\
#!/bin/sh
echo "$*" >> "${0%/*}/cosign.log"
[ -s "$DOCKER_CONFIG/config.json" ] && [ -s "$SSL_CERT_FILE" ] || exit 9
for word; do [ "$before" != --key ] || key=$word; before=$word; done
[ "$(cat "$key")" = right ] || { echo 'Error: no matching signatures' >&2; exit 10; }
"""
# Stands in for regctl, which is no Debian package either: skopeo by another name, with the files that regctl reads.
REGCTL = """\
#!/bin/sh
engine=${0%/*}/engine logins="$DOCKER_CONFIG/config.json"
case "$1 $2" in
"image copy") exec "$engine" copy --all --preserve-digests --authfile "$logins" "docker://$3" "docker://$4" ;;
"image inspect") exec "$engine" inspect --raw --config --authfile "$logins" "docker://$3" ;;
"manifest get") [ "$3 $4" = '--format raw-body' ] && exec "$engine" inspect --raw --authfile "$logins" "docker://$5" ;;
"manifest put")
  d=$(mktemp -d); cat > "$d/manifest.json"; echo 'Directory Transport Version: 1.1' > "$d/version"
  "$engine" copy --multi-arch index-only --preserve-digests --authfile "$logins" "dir:$d" "docker://$5"; exit ;;
esac
echo "regctl: $*" >&2; exit 9
"""


@dataclass
class Bringing:
    """A site whose workstation brings images from one registry to the other."""

    folder: Path
    programs: Path
    registries: Registries

    def write(self, images: dict[str, Any], *, harbor: bool = False, **upstream: Any) -> None:
        """Write the site; ``upstream`` are settings of the registry upstream."""
        ours, theirs = self.registries.ours, self.registries.theirs
        login = {"user": USER, "password": "file:secrets/password"}
        account = {"user": "admin", "password": "file:secrets/admin"}
        ways: dict[str, Any] = {"logins": {"pusher": login}}
        if harbor:
            robots = {"pusher": {"access": ["pull", "push"]}}
            ways = {"harbor": {"managed": False, "account": account}, "projects": {"shop": {"robots": robots}}}
        registry = {"name": OURS, "address": "192.0.2.5", "port": ours.port}
        files: dict[str, Any] = {
            "inventory/hosts.yaml": {"ws1": {"hostname": "192.0.2.30", "groups": ["workstations"]}},
            "inventory/groups.yaml": {"workstations": {}},
            "inventory/defaults.yaml": {
                "data": {
                    "registry": registry if harbor else {**registry, "api": "distribution"},
                    "pki": {"ca": "ca.crt"},
                    **ways,
                    "upstreams": {theirs.place: {"ca": "ca.crt", "login": login, **upstream}},
                    "images": {
                        name: {**({} if harbor else {"login": "pusher"}), **one} for name, one in images.items()
                    },
                }
            },
            "ca.crt": self.registries.authority,
        }
        write_site(self.folder, files, {"secrets/password": PASSWORD, "secrets/admin": ADMIN_PASSWORD})

    def __call__(self, *words: str, code: int = 0) -> Done:
        done = moor_here(self.folder, *words)
        assert done.returncode == code, done.said
        assert PASSWORD not in done.said
        return done

    def planned(self) -> dict[str, str]:
        report = moor_here(self.folder, "plan", "images", "--output", "json").report
        (host,) = report["hosts"].values()
        assert not host.get("error"), host["error"]
        return {one["id"]: one["diff"] for one in host["resources"] if one["status"] == "drift"}

    @property
    def upstream(self) -> Any:
        return self.registries.theirs.client


@pytest.fixture
def bringing(tmp_path: Path) -> Iterator[Bringing]:
    programs = tmp_path / "programs"
    programs.mkdir()
    with (
        two_registries(tmp_path / "registries") as registries,
        replaced_plugin("shell", host_knowing(tmp_path, programs)),
        replaced_plugin("harbor", OnLoopback),
    ):
        yield Bringing(tmp_path / "site", programs, registries)
        assert not list((tmp_path / "run").glob("moor.images.*"))


def test_an_image_of_all_platforms_arrives_with_its_digest_and_is_followed_when_upstream_moves(
    bringing: Bringing,
) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        first = put_list(upstream, "library/redis", "7", [AMD, ARM], "first")
        other = put_image(upstream, "library/redis", "8", AMD, "other")["digest"]
    bringing.write({"shop/redis": {"from": f"{theirs.place}/library/redis", "tags": ["7", "8"]}})
    assert bringing.planned() == {
        "image:shop/redis:7": f"digest: (none) -> {first}",
        "image:shop/redis:8": f"digest: (none) -> {other}",
    }
    bringing("apply", "images", "--yes")
    assert (held(ours, "shop/redis", "7")[0], held(ours, "shop/redis", "8")[0]) == (first, other)

    before, here = len(theirs.asked), len(ours.asked)
    assert bringing.planned() == {}
    # each tag by HEAD, which Docker Hub does not count as a pull; one of them first without a token, then the token
    asked = [one.partition("?")[0] for one in theirs.asked[before:]]
    assert asked[:4] == [
        "HEAD /v2/library/redis/manifests/7",
        "GET /token",
        "HEAD /v2/library/redis/manifests/7",
        "HEAD /v2/library/redis/manifests/8",
    ]
    # what is attached to the list, its two platforms and the other image: five each, and a token for either image
    images = [one for one in asked[4:] if "sha256-" in one or "/referrers/" in one]
    assert (len(set(images)), len(asked[4:]) - len(set(images))) == (4 * 5, 2 * 3)
    assert len(ours.asked) - here <= 6

    with bringing.upstream as upstream:
        moved = put_list(upstream, "library/redis", "7", [AMD, ARM], "moved")
    assert bringing.planned() == {"image:shop/redis:7": f"digest: {first} -> {moved}"}
    assert held(ours, "shop/redis", "7")[0] == first
    bringing("apply", "images", "--yes")
    assert held(ours, "shop/redis", "7")[0] == moved
    assert held(ours, "shop/redis", first)[0] == first  # what it was before is not removed


def test_what_upstream_has_no_more_and_what_nobody_lists_is_told_and_stays(bringing: Bringing) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        put_image(upstream, "base", "1", AMD, "one")
    with ours.client as client:
        put_image(client, "shop/base", "0.9", AMD, "by hand")
        kept = put_image(client, "shop/base", "2", AMD, "brought once")["digest"]
    bringing.write({"shop/base": {"from": f"{theirs.place}/base", "tags": ["1", "2"]}})
    said = bringing("apply", "images", "--yes").said
    assert f"{theirs.place} has no base:2 any more; ours stays" in said
    assert "shop/base has tags that data.images does not list: 0.9" in said
    assert held(ours, "shop/base", "2")[0] == kept
    assert held(ours, "shop/base", "0.9")[0]

    bringing.write({"shop/base": {"from": f"{theirs.place}/base", "tags": ["1", "3", "4"]}})
    said = bringing("plan", "images", code=1).said
    assert f"image:shop/base:3: {theirs.place} has no base:3" in said
    assert f"image:shop/base:4: {theirs.place} has no base:4" in said


def test_chosen_platforms_keep_their_digests_in_a_list_of_ours(bringing: Bringing) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        whole = put_list(upstream, "tools/go", "1", [AMD, ARM, POWER], "go")
        single = put_image(upstream, "tools/c", "1", AMD, "c")["digest"]
    upstream_digests = {
        entry["platform"]["architecture"]: entry["digest"] for entry in held(theirs, "tools/go", "1")[1]["manifests"]
    }
    wanted = ["linux/amd64", "linux/arm64"]
    bringing.write(
        {
            "shop/go:1": {"from": f"{theirs.place}/tools/go:1", "platforms": wanted},
            "shop/c:1": {"from": f"{theirs.place}/tools/c@{single}", "platforms": ["linux/amd64"]},
        }
    )
    bringing("apply", "images", "--yes")
    made = held(ours, "shop/go", "1")[1]
    assert made["annotations"] == {"io.moor.upstream": whole}
    assert [entry["digest"] for entry in made["manifests"]] == [upstream_digests["amd64"], upstream_digests["arm64"]]
    assert held(ours, "shop/go", upstream_digests["arm64"])[0]
    assert not held(ours, "shop/go", upstream_digests["ppc64le"])[0]
    assert held(ours, "shop/c", "1")[1]["annotations"] == {"io.moor.upstream": single}
    before = len(theirs.asked)
    assert bringing.planned() == {}
    # of what is named by its digest, only what is attached to it is asked for
    assert all(
        "/referrers/" in one or f"/{single.replace(':', '-')}" in one for one in theirs.since(before, "/v2/tools/c")
    )

    bringing.write({"shop/go:1": {"from": f"{theirs.place}/tools/go:1", "platforms": ["linux/amd64", "linux/s390x"]}})
    said = bringing("apply", "images", "--yes", code=1).said
    assert "it has no linux/s390x (it has linux/amd64, linux/arm64/v8, linux/ppc64le); correct platforms" in said
    assert held(ours, "shop/go", "1")[1] == made


def test_a_copy_that_was_cut_goes_on_with_what_has_arrived(bringing: Bringing) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        whole = put_list(upstream, "app", "1", [AMD, ARM], "cut")
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1"}})
    ours.cut = True
    assert f"cannot copy {theirs.place}/app:1" in bringing("apply", "images", "--yes", code=1).said
    assert not held(ours, "shop/app", "1")[0]
    arrived, ours.cut, before = len(ours.since(0, "PUT", "blobs/uploads")), False, len(ours.asked)
    assert arrived
    bringing("apply", "images", "--yes")
    assert held(ours, "shop/app", "1")[0] == whole
    blobs = 2 * 3  # of two platforms: configuration and two layers
    assert len(ours.since(before, "PUT", "blobs/uploads")) == blobs - arrived


def test_a_signature_is_checked_before_the_copy_and_copied_along(bringing: Bringing) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        signed = put_image(upstream, "signed", "1", AMD, "signed")["digest"]
        sign(upstream, "signed", signed)
    images = {"shop/signed:1": {"from": f"{theirs.place}/signed:1", "key": "cosign.pub"}}
    bringing.folder.mkdir()
    (bringing.folder / "cosign.pub").write_text("wrong")
    bringing.write(images)
    if not shutil.which("cosign"):
        for words in (("plan", "images"), ("apply", "images", "--yes")):
            assert "cosign is not installed, and shop/signed:1 must be signed" in bringing(*words, code=1).said

    program = bringing.programs / "cosign"
    program.write_text(COSIGN)
    program.chmod(0o755)
    said = bringing("apply", "images", "--yes", code=1).said
    assert "has no valid signature by" in said
    assert "no matching signatures" in said
    assert not held(ours, "shop/signed", "1")[0]

    (bringing.folder / "cosign.pub").write_text("right")
    bringing("apply", "images", "--yes")
    assert held(ours, "shop/signed", "1")[0] == signed
    tag = f"{signed.replace(':', '-')}.sig"
    assert held(ours, "shop/signed", tag) == held(theirs, "signed", tag)
    asked = (bringing.programs / "cosign.log").read_text()
    assert all(line.endswith(f" {theirs.place}/signed@{signed}") for line in asked.splitlines())
    assert PASSWORD not in asked
    assert bringing.planned() == {}


def test_an_upstream_that_does_not_answer_leaves_what_is_here_and_says_that_it_was_not_asked(
    bringing: Bringing,
) -> None:
    theirs = bringing.registries.theirs
    with bringing.upstream as upstream:
        put_image(upstream, "app", "1", AMD, "app")
    images = {"shop/app:1": {"from": f"{theirs.place}/app:1"}}
    bringing.write(images)
    bringing("apply", "images", "--yes")
    nobody = f"{THEIRS}:1"
    bringing.write({"shop/app:1": {"from": f"{nobody}/app:1"}})
    said = bringing("plan", "images").said
    assert f"whether shop/app:1 moved upstream is not known: {nobody} does not answer ws1" in said
    bringing.write({"shop/new:1": {"from": f"{nobody}/app:1"}})
    assert f"image:shop/new:1: {nobody} does not answer ws1: " in bringing("plan", "images", code=1).said


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive", "oci"])
def test_an_archive_is_brought_and_known_again(bringing: Bringing, kind: str) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        whole = put_image(upstream, "app", "1", AMD, "app")["digest"]
    bringing.folder.mkdir()
    target = f"{kind}:{bringing.folder}/app:{'app:1' if kind == 'docker-archive' else '1'}"
    words = ["skopeo", "copy", "-q", "--src-tls-verify=false"]  # the registry behind its front, on loopback
    inner = theirs.inner.partition("://")[2]
    subprocess.run([*words, f"docker://{inner}/app:1", target], check=True, capture_output=True)
    bringing.write({"shop/app:1": {"from": f"{kind}:app"}})
    assert list(bringing.planned()) == ["image:shop/app:1"]
    bringing("apply", "images", "--yes")
    digest, manifest = held(ours, "shop/app", "1")
    config = held(theirs, "app", "1")[1]["config"]["digest"]
    assert manifest["config"]["digest"] == config
    assert digest == whole or kind == "docker-archive"
    assert bringing.planned() == {}
    assert not [one for one in theirs.asked if "manifests" in one]
    kept = bringing.folder.with_name("lib") / "images"
    assert kept.is_dir()
    assert not list(kept.glob("*"))

    bringing.write({"shop/app:1": {"from": f"{kind}:app:other"}})
    assert f"{kind}:app:other: no image other; it has" in bringing("plan", "images", code=1).said


def test_harbor_takes_what_is_brought_from_its_robot_and_gives_up_the_tags_that_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    with (
        two_registries(tmp_path / "registries", harbor=True) as registries,
        replaced_plugin("shell", host_knowing(tmp_path, tmp_path / "programs")),
        replaced_plugin("harbor", OnLoopback),
    ):
        ours, theirs = registries.ours, registries.theirs
        with theirs.client as client:
            first = put_list(client, "library/redis", "7", [AMD, ARM, POWER], "seven")
            other = put_list(client, "library/redis", "8", [AMD, ARM], "eight")
        source = {"from": f"{theirs.place}/library/redis", "tags": ["7", "8"]}
        bringing = Bringing(tmp_path / "site", tmp_path / "programs", registries)
        chosen = {"from": f"{theirs.place}/library/redis:7", "platforms": ["linux/arm64"]}
        bringing.write({"shop/redis": source, "shop/arm:7": chosen}, harbor=True)
        bringing("apply", "registry", "--yes")
        bringing("apply", "images", "--yes")
        assert (held(ours, "shop/redis", "7")[0], held(ours, "shop/redis", "8")[0]) == (first, other)
        assert len(held(ours, "shop/arm", "7")[1]["manifests"]) == 1
        assert bringing.planned() == {}

        bringing.write({"shop/redis": {**source, "tags": ["7"]}}, harbor=True)
        said = bringing("plan", "images").said
        assert "shop/redis has tags that data.images does not list: 8" in said
        bringing.write({"shop/redis": {**source, "tags": ["7"], "prune": True}}, harbor=True)
        assert bringing.planned() == {"unlisted-tags:shop/redis": "tags: 8 -> none"}
        bringing("apply", "images", "--yes")
        assert (held(ours, "shop/redis", "7")[0], held(ours, "shop/redis", "8")[0]) == (first, "")
        assert held(ours, "shop/redis", other)[0] == other
        assert bringing.planned() == {}


def test_regctl_brings_images_where_skopeo_is_not(bringing: Bringing) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    skopeo = shutil.which("skopeo") or ""
    shutil.copy(skopeo, bringing.programs / "engine")
    (bringing.programs / "regctl").write_text(REGCTL)
    (bringing.programs / "regctl").chmod(0o755)
    with bringing.upstream as upstream:
        whole = put_list(upstream, "app", "1", [AMD, ARM], "app")
        single = put_image(upstream, "one", "1", AMD, "one")["digest"]
    origin = {"from": f"{theirs.place}/app:1"}
    one = {"from": f"{theirs.place}/one:1", "platforms": ["linux/amd64"]}
    bringing.write({"shop/app:1": origin, "shop/arm:1": {**origin, "platforms": ["linux/arm64"]}, "shop/one:1": one})
    with replaced_plugin("shell", host_knowing(bringing.folder.parent, bringing.programs, without=skopeo)):
        bringing("apply", "images", "--yes")
        assert bringing.planned() == {}
    assert held(ours, "shop/app", "1")[0] == whole
    assert held(ours, "shop/arm", "1")[1]["annotations"] == {"io.moor.upstream": whole}
    assert held(ours, "shop/one", "1")[1]["manifests"][0]["digest"] == single
