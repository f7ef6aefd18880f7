"""What is still asked after an answer, what is wrong with an image, and in which words."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.connections.apis.registry_api import INDEX_TYPES, RegistryAnswer
from moor.engine.images_in_use import ImageInUse
from moor.tasks.image_reference import parse_image
from moor.tasks.images_in_use.answers import Asked, ImageAnswers, Wanted, classify, wanted_of
from moor.tasks.images_in_use.judge import ClusterFacts, KnownImage, judge
from moor.tasks.images_in_use.logins import LoginChoice, LoginChoices
from moor.tasks.images_in_use.overview import registry_findings
from moor.tasks.images_in_use.usage import Usage, Use
from moor.tasks.images_in_use.words import listed
from tests.tasks.images_in_use.cluster_content import pull_secret

OLD, NEW, CHILD = (f"sha256:{digit * 64}" for digit in "123")
NODES = {"a1": ("linux", "amd64"), "a2": ("linux", "amd64"), "m1": ("linux", "arm64"), "w1": ("windows", "amd64")}
WEB = Use("shop", "Deployment", "web", ("registry",))
LOGIN = ("robot", "passw0rd")
digests = st.sampled_from(["", OLD, NEW, CHILD])
machines = st.frozensets(st.sampled_from(["amd64", "arm64", "s390x"]))

keys = st.sampled_from(["manifests", "platform", "digest", "os", "architecture"])
trees = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def usage(running: dict[str, str], uses: dict[Use, int] | None = None) -> Usage:
    """Return a usage with a digest that each node runs; by default, one pod of a Deployment does on each."""
    proven: dict[str, set[str]] = {}
    for node, digest in running.items():
        proven.setdefault(digest, set()).add(node)
    counted = Counter(uses if uses is not None else {WEB: len(running)})
    return Usage(counted, Counter(running.values()), set(running), proven, pulled=True)


def row(asked: Asked, used: Usage, name: str = "r.test/web:1", choice: LoginChoice | None = None) -> ImageInUse:
    image, chosen = parse_image(name), choice or LoginChoice((LOGIN,), ("registry",))
    answers = ImageAnswers({chosen.tries[0]: asked})
    wanted = wanted_of(used, NODES, by_tag=not image.digest)
    return judge(KnownImage(image, used, "own", answers, wanted, dict.fromkeys(used.uses, chosen)), ClusterFacts(NODES))


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "there"), (404, "missing"), (401, "denied"), (403, "denied"), (429, "unknown"), (500, "unknown")],
)
def test_only_a_registry_that_says_so_makes_an_image_missing(status: int, state: str) -> None:
    assert classify(RegistryAnswer(status, {})).state == state


@given(st.binary(max_size=60) | trees.map(lambda tree: json.dumps(tree).encode()))
def test_any_body_is_read_without_an_error(body: bytes) -> None:
    found = classify(RegistryAnswer(200, {"content-type": INDEX_TYPES[0]}, body))
    assert found.state == "there"


@given(machines, st.dictionaries(digests, machines), st.booleans(), digests, st.booleans())
def test_the_manifest_is_read_only_for_what_no_running_pod_proves(
    wanted: frozenset[str], proven: dict[str, frozenset[str]], by_tag: bool, digest: str, is_index: bool
) -> None:
    known = Wanted(wanted, proven, by_tag)
    asked = Asked("there", digest, is_index)
    if known.lacks_manifest(asked):
        unproven = not wanted <= proven.get(digest, frozenset())
        assert unproven or (is_index and by_tag and proven.keys() - {"", digest})
        assert not known.lacks_manifest(Asked("there", digest, is_index, architectures=frozenset({"amd64"})))
    if not by_tag and wanted <= proven.get(digest, frozenset()):
        assert not known.lacks_manifest(asked)


@given(st.dictionaries(st.sampled_from(["a1", "a2", "m1"]), digests, min_size=1))
def test_a_tag_has_moved_exactly_if_pods_run_something_else_than_it_names(running: dict[str, str]) -> None:
    everything = frozenset({"amd64", "arm64"})
    found = row(Asked("there", NEW, True, architectures=everything, children=frozenset({CHILD})), usage(running))
    moved = [fault for fault in found.faults if fault.kind == "moved"]
    assert bool(moved) == (OLD in running.values())
    by_digest = f"r.test/web@{OLD}"
    assert row(Asked("there", OLD, False, architectures=everything), usage(running), by_digest).faults == ()


def test_a_moved_index_that_could_not_be_read_is_no_fault() -> None:
    assert row(Asked("there", NEW, is_index=True), usage({"a1": OLD})).faults == ()


def test_an_image_is_wanted_for_the_nodes_on_which_its_pods_may_be() -> None:
    pinned = Use("shop", "DaemonSet", "agent", architectures=frozenset({"amd64"}))
    assert wanted_of(usage({}, {pinned: 0}), NODES, by_tag=True).architectures == {"amd64"}
    assert wanted_of(usage({}, {pinned: 0, WEB: 0}), NODES, by_tag=True).architectures == {"amd64", "arm64"}
    assert wanted_of(usage({}, {WEB: 0}), {}, by_tag=True).architectures == frozenset()


def test_only_an_image_with_running_pods_lives_on_caches() -> None:
    gone = row(Asked("missing"), usage({"a1": OLD, "a2": OLD}))
    assert (gone.only_cached, gone.faults[0].kind) == (True, "missing")
    assert (
        "2 pods of Deployment shop/web in shop run only because a1 and a2 still have it cached" in gone.faults[0].what
    )
    idle = row(Asked("missing"), usage({}, {WEB: 0}))
    assert not idle.only_cached
    assert "pods of Deployment shop/web in shop cannot start" in idle.faults[0].what


def test_a_cloud_registry_that_refuses_nobodys_login_is_not_examined() -> None:
    name, nobody = "123.dkr.ecr.eu-central-1.amazonaws.com/web:1", LoginChoice()
    assert row(Asked("denied"), usage({"a1": OLD}), name, nobody).state == "unexamined"
    assert row(Asked("denied"), usage({"a1": OLD}), "r.test/web:1", nobody).state == "denied"
    with_login = row(Asked("denied"), usage({"a1": OLD}), name)
    assert (with_login.state, with_login.only_cached) == ("denied", True)


def test_a_secret_that_may_not_be_read_leaves_a_refusal_unexplained() -> None:
    found = row(Asked("denied"), usage({"a1": OLD}), choice=LoginChoice(unknown="secrets is forbidden"))
    assert (found.state, found.why, found.faults) == ("unexamined", "secrets is forbidden", ())


def test_the_login_of_docker_hub_is_found_under_the_name_that_docker_login_writes() -> None:
    secrets = {("shop", "registry"): pull_secret("https://index.docker.io/v1/", *LOGIN)}
    choices = LoginChoices(secrets, {}, {})
    assert choices.of(WEB, parse_image("nginx")).logins == (LOGIN,)
    assert choices.of(WEB, parse_image("quay.io/org/nginx")).logins == ()


def test_a_registry_is_named_once_for_all_that_is_not_known_of_it() -> None:
    rows = [ImageInUse(f"r.test/{n}:1", "r.test", "unexamined", why="no answer") for n in range(9)]
    (finding,) = registry_findings(rows, mirrored=False)
    assert (finding.id, finding.state) == ("images-unexamined:r.test", "unexamined")
    assert "9 images (r.test/0:1, r.test/1:1, r.test/2:1, r.test/3:1 and 5 more): no answer" in finding.what
    assert [one.id for one in registry_findings(rows, mirrored=True)][1:] == ["image-past-mirrors:r.test"]


@given(st.lists(st.text("abc", min_size=1, max_size=3)), st.integers(1, 5))
def test_a_list_in_a_sentence_has_so_many_names_and_the_number_of_the_others(names: list[str], shown: int) -> None:
    known = list(dict.fromkeys(names))
    found = listed(names, shown)
    assert all(name in found for name in known[:shown])
    assert (f" and {len(known) - shown} more" in found) == (len(known) > shown)
