"""Signatures, attestations and SBOMs come along with images that are brought, by the real skopeo between registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moor_lab.harbor.loopback import OnLoopback
from tests.harness.hosts import replaced_plugin
from tests.tasks.images.registries import (
    Front,
    held,
    host_knowing,
    key_of_cosign,
    put_artifact,
    put_image,
    put_list,
    refer,
    sign,
    sigstore_bundle,
    two_registries,
)
from tests.tasks.images.test_bringing import AMD, ARM, Bringing, bringing, needs_root

pytestmark = needs_root
__all__ = ["bringing"]  # the fixture


def tag(digest: str, end: str = "") -> str:
    return digest.replace(":", "-") + end


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return key_of_cosign(tmp_path)


@pytest.fixture
def with_harbor(tmp_path: Path) -> Iterator[Bringing]:
    (tmp_path / "programs").mkdir()
    with (
        two_registries(tmp_path / "registries", harbor=True) as registries,
        replaced_plugin("shell", host_knowing(tmp_path, tmp_path / "programs")),
        replaced_plugin("harbor", OnLoopback),
    ):
        yield Bringing(tmp_path / "site", tmp_path / "programs", registries)


def remove(front: Front, repository: str, reference: str) -> None:
    with front.client as client:
        client.delete(f"/v2/{repository}/manifests/{held(front, repository, reference)[0]}").raise_for_status()


def test_all_that_is_attached_comes_along_and_what_is_missing_here_is_told(bringing: Bringing, key: Path) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        whole = put_list(upstream, "app", "1", [AMD, ARM], "app")
        single = held(theirs, "app", "1")[1]["manifests"][1]["digest"]
        sign(upstream, "app", whole, key)
        put_artifact(upstream, "app", tag(single, ".att"), [("application/vnd.dsse.envelope.v1+json", b"{}", "")])
        put_artifact(upstream, "app", tag(single, ".sbom"), [("text/spdx+json", b'{"SPDXID": 1}', "")])
        referring = refer(upstream, "app", whole, sigstore_bundle(whole, key))["digest"]
        other = refer(upstream, "app", single, sigstore_bundle(single, key))["digest"]
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1"}})
    bringing("apply", "images", "--yes")
    for reference in (tag(whole, ".sig"), tag(single, ".att"), tag(single, ".sbom"), referring, other):
        assert held(ours, "shop/app", reference) == held(theirs, "app", reference) != ("", {}), reference
    for listed in (tag(whole), tag(single)):
        assert held(ours, "shop/app", listed)[1] == held(theirs, "app", listed)[1] != {}
    assert bringing.planned() == {}

    remove(ours, "shop/app", tag(whole, ".sig"))
    (shown,) = bringing.planned().values()
    assert shown.startswith("attached: ")
    assert "signature:" in shown.partition(" -> ")[2]
    assert "signature:" not in shown.partition(" -> ")[0]
    bringing("apply", "images", "--yes")
    assert held(ours, "shop/app", tag(whole, ".sig")) == held(theirs, "app", tag(whole, ".sig"))
    assert bringing.planned() == {}


def test_a_list_of_references_here_keeps_what_others_have_put_in_it(bringing: Bringing, key: Path) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        image = put_image(upstream, "app", "1", AMD, "app")["digest"]
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1"}})
    bringing("apply", "images", "--yes")
    with ours.client as client:
        own = refer(client, "shop/app", image, b'{"own": 1}')["digest"]
    with bringing.upstream as upstream:
        new = refer(upstream, "app", image, sigstore_bundle(image, key))["digest"]
    assert list(bringing.planned()) == ["image:shop/app:1"]
    bringing("apply", "images", "--yes")
    assert [one["digest"] for one in held(ours, "shop/app", tag(image))[1]["manifests"]] == [own, new]
    assert bringing.planned() == {}


def test_a_registry_with_the_api_of_references_needs_no_list(with_harbor: Bringing, key: Path) -> None:
    bringing, ours, theirs = with_harbor, with_harbor.registries.ours, with_harbor.registries.theirs
    with bringing.upstream as upstream:
        image = put_image(upstream, "app", "1", AMD, "app")["digest"]
        entries = [refer(upstream, "app", image, content, listed=False) for content in (b'{"a": 1}', b'{"b": 1}')]
        sign(upstream, "app", image, key)
    pages = [b'{"manifests": [{"digest": "%s"}]}' % str(one["digest"]).encode() for one in entries]
    theirs.lists[f"app/referrers/{image}"] = pages  # each entry on a page of its own
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1"}}, harbor=True)
    bringing("apply", "registry", "--yes")
    bringing("apply", "images", "--yes")
    with ours.client as client:
        listed = client.get(f"/v2/shop/app/referrers/{image}").json()["manifests"]
    assert {one["digest"] for one in listed} == {one["digest"] for one in entries}
    assert held(ours, "shop/app", tag(image)) == ("", {})
    assert held(ours, "shop/app", tag(image, ".sig"))[0]
    assert bringing.planned() == {}


def test_a_signature_that_was_added_comes_along_and_one_of_ours_stays(bringing: Bringing, key: Path) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    mine = key_of_cosign(bringing.folder.parent, "mine")
    second = key_of_cosign(bringing.folder.parent, "second")
    with bringing.upstream as upstream:
        image = put_image(upstream, "app", "1", AMD, "app")["digest"]
        sign(upstream, "app", image, key)
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1"}})
    bringing("apply", "images", "--yes")
    with bringing.upstream as upstream:
        sign(upstream, "app", image, key, second)
    assert list(bringing.planned()) == ["image:shop/app:1"]
    bringing("apply", "images", "--yes")
    assert held(ours, "shop/app", tag(image, ".sig")) == held(theirs, "app", tag(image, ".sig"))

    with ours.client as client:
        own = sign(client, "shop/app", image, mine)
    said = bringing("plan", "images").said
    assert f"shop/app:{tag(image, '.sig')}: not what upstream has, and not made from it; it stays" in said
    bringing("apply", "images", "--yes")
    assert held(ours, "shop/app", tag(image, ".sig"))[0] == own


def test_nobody_asks_for_signatures_where_they_are_not_wanted(bringing: Bringing) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        image = put_image(upstream, "app", "1", AMD, "app")["digest"]
        sign(upstream, "app", image)
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1"}}, signatures=False)
    bringing("apply", "images", "--yes")
    assert not held(ours, "shop/app", tag(image, ".sig"))[0]
    assert not theirs.since(0, tag(image))
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1", "signatures": True}}, signatures=False)
    assert list(bringing.planned()) == ["image:shop/app:1"]


def test_an_image_whose_signatures_are_not_known_is_not_copied_without_them(bringing: Bringing) -> None:
    ours, theirs = bringing.registries.ours, bringing.registries.theirs
    with bringing.upstream as upstream:
        put_image(upstream, "app", "1", AMD, "app")
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1"}})
    theirs.broken = "/referrers/"
    said = bringing("apply", "images", "--yes", code=1).said
    assert (
        f"its signatures are not known: {theirs.place}: it answers 500; run again, or write signatures: false" in said
    )
    assert not held(ours, "shop/app", "1")[0]
    theirs.broken = ""
    bringing("apply", "images", "--yes")
    theirs.broken = "/referrers/"
    assert (
        "whether upstream has signatures of shop/app:1 that are not here is not known"
        in bringing("plan", "images").said
    )


def test_what_upstream_has_not_costs_no_pull(bringing: Bringing, key: Path) -> None:
    theirs = bringing.registries.theirs
    with bringing.upstream as upstream:
        whole = put_list(upstream, "app", "1", [AMD, ARM], "app")
        sign(upstream, "app", whole, key)
    bringing.write({"shop/app:1": {"from": f"{theirs.place}/app:1"}})
    bringing("apply", "images", "--yes")
    asked = len(theirs.asked)
    assert bringing.planned() == {}
    assert theirs.since(asked, "GET", "/manifests/") == [f"GET /v2/app/manifests/{tag(whole, '.sig')}"]
    heads = theirs.since(asked, "HEAD", "/manifests/sha256-")
    assert len({one for one in heads}) == 3 * 4  # three manifests, each with three ends and the list
