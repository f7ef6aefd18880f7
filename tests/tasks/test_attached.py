"""What is attached to images, and signatures of cosign that openssl made, without a registry."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.errors import InputError
from moor.tasks.attached import (
    Attached,
    Attachments,
    digest_of,
    held_of,
    list_with,
    marks_in,
    questions,
    read_answers,
    referring_in,
    shown,
    tag_of,
)
from moor.tasks.cosign_keys import is_signed
from tests.tasks.images.registries import SIGSTORE, SIMPLE, key_of_cosign, signature_of, sigstore_bundle

IMAGE, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
LAYERS = st.frozensets(st.sampled_from("abcd"), min_size=1)


@given(there=LAYERS, here=st.none() | LAYERS)
def test_a_tag_of_cosign_here_is_never_overwritten_where_it_has_what_upstream_has_not(
    there: frozenset[str], here: frozenset[str] | None
) -> None:
    theirs = Attached(IMAGE, digest_of(repr(sorted(there)).encode()), ".sig")
    ours = Attached(IMAGE, digest_of(repr(sorted(here or ())).encode()), ".sig")
    held, own = held_of(Attachments({theirs: there}), Attachments({ours: here} if here else {}))
    assert bool(held) == bool(here and there <= here)
    assert bool(own) == bool(here and not there <= here and not here <= there)


@given(known=st.lists(st.sampled_from("abcdef"), unique=True), added=st.lists(st.sampled_from("abcdef"), unique=True))
def test_a_list_of_references_keeps_what_it_had_and_gets_the_others_once(known: list[str], added: list[str]) -> None:
    entries = [{"digest": digest_of(one.encode())} for one in known]
    made = list_with(
        [json.dumps({"manifests": entries}).encode()], [{"digest": digest_of(one.encode())} for one in added]
    )
    expected = [digest_of(one.encode()) for one in dict.fromkeys([*known, *added])]
    assert referring_in([json.dumps(made).encode()]) == expected


def answers(**given: tuple[int, list[bytes]]) -> dict[str, tuple[int, list[bytes]]]:
    found: dict[str, tuple[int, list[bytes]]] = {path: (404, []) for path in questions(IMAGE)}
    names = {
        "api": f"referrers/{IMAGE}",
        "tag": f"manifests/{tag_of(IMAGE)}",
        "sig": f"manifests/{tag_of(IMAGE, '.sig')}",
    }
    return found | {names[name]: one for name, one in given.items()}


def page(*digests: str) -> bytes:
    return json.dumps({"manifests": [{"digest": digest} for digest in digests]}).encode()


def test_the_tag_of_references_counts_only_where_the_registry_has_no_api_of_them() -> None:
    both = answers(api=(200, [page(IMAGE), page(OTHER)]), tag=(200, [page(OTHER)]))
    assert [one.digest for one in read_answers(IMAGE, both).marks] == [IMAGE, OTHER]
    for status in (404, 405, 400, 401, 403, 501):
        found = read_answers(IMAGE, answers(api=(status, []), tag=(200, [page(OTHER)])))
        assert [one.digest for one in found.marks] == [OTHER]


@pytest.mark.parametrize("content", [b"<html>not here</html>", b'{"errors": []}', b""])
def test_an_answer_of_200_that_is_no_list_is_no_api_of_references(content: bytes) -> None:
    found = read_answers(IMAGE, answers(api=(200, [content]), tag=(200, [page(OTHER)])))
    assert [one.digest for one in found.marks] == [OTHER]
    assert not read_answers(IMAGE, answers(api=(200, [content])))
    assert not read_answers(IMAGE, answers(api=(200, [b'{"manifests": []}']), tag=(200, [page(OTHER)])))


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_a_registry_that_does_not_say_is_not_taken_for_one_that_has_nothing(status: int) -> None:
    for name in ("api", "sig"):
        assert read_answers(IMAGE, answers(**{name: (status, [])})).unknown
    assert not read_answers(IMAGE, answers())


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"manifests": 3}', b'{"manifests": [1, {"digest": "../x"}]}'])
def test_a_list_that_is_none_has_nothing_in_it(content: bytes) -> None:
    assert referring_in([content]) == []
    assert marks_in(content) == frozenset()


def test_a_plan_shows_what_is_attached_and_counts_what_is_too_much() -> None:
    assert shown([]) == "none"
    assert (
        shown([Attached(IMAGE, OTHER, ".sig"), Attached(IMAGE, IMAGE)])
        == "referring:111111111111 signature:222222222222"
    )
    assert shown([Attached(IMAGE, digest_of(bytes([n]))) for n in range(9)]).startswith("9 (")


class Blobs(dict[str, bytes]):
    def put(self, content: bytes | dict[str, Any]) -> str:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self[digest_of(raw)] = raw
        return digest_of(raw)

    def manifest(self, kind: str, content: bytes, mark: str = "") -> str:
        annotations = {"dev.cosignproject.cosign/signature": mark}
        return self.put({"layers": [{"mediaType": kind, "digest": self.put(content), "annotations": annotations}]})


def simple(blobs: Blobs, digest: str, key: Path) -> str:
    payload = json.dumps({"critical": {"image": {"docker-manifest-digest": digest}}}).encode()
    return blobs.manifest(SIMPLE, payload, signature_of(payload, key))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return key_of_cosign(folder, "right"), key_of_cosign(folder, "wrong")


def test_both_kinds_of_cosigns_signatures_count_by_their_own_key_alone(keys: tuple[Path, Path]) -> None:
    right, wrong = keys
    for made in ("simple", "bundle"):
        blobs = Blobs()
        manifest = (
            simple(blobs, IMAGE, right) if made == "simple" else blobs.manifest(SIGSTORE, sigstore_bundle(IMAGE, right))
        )
        assert is_signed(IMAGE, [manifest], blobs.__getitem__, right.read_text())
        assert not is_signed(IMAGE, [manifest], blobs.__getitem__, wrong.read_text())
        assert not is_signed(OTHER, [manifest], blobs.__getitem__, right.read_text())


def test_an_attestation_is_no_signature_of_the_image(keys: tuple[Path, Path]) -> None:
    blobs = Blobs()
    manifest = blobs.manifest(SIGSTORE, sigstore_bundle(IMAGE, keys[0], "https://slsa.dev/provenance/v1"))
    assert not is_signed(IMAGE, [manifest], blobs.__getitem__, keys[0].read_text())


@settings(max_examples=20, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), new=st.booleans())
def test_a_flipped_bit_of_what_was_signed_is_refused(keys: tuple[Path, Path], at: float, bit: int, new: bool) -> None:
    payload = json.dumps({"critical": {"image": {"docker-manifest-digest": IMAGE}}}).encode()
    mark = signature_of(payload, keys[0])
    altered = bytearray(payload)
    altered[int(at * len(altered))] ^= 1 << bit
    blobs = Blobs()
    assert not is_signed(IMAGE, [blobs.manifest(SIMPLE, bytes(altered), mark)], blobs.__getitem__, keys[0].read_text())
    if new:
        content = sigstore_bundle(IMAGE, keys[0]).replace(b"dsseEnvelope", b"other")
        assert not is_signed(IMAGE, [blobs.manifest(SIGSTORE, content)], blobs.__getitem__, keys[0].read_text())


@pytest.mark.parametrize("before", [{"sig": "x"}, {"sig": 1}, {}, {"sig": "MEUC"}])
def test_one_right_signature_of_several_is_enough(keys: tuple[Path, Path], before: dict[str, Any]) -> None:
    blobs, made = Blobs(), json.loads(sigstore_bundle(IMAGE, keys[0]))
    made["dsseEnvelope"]["signatures"].insert(0, before)
    manifest = blobs.manifest(SIGSTORE, json.dumps(made).encode())
    assert is_signed(IMAGE, [manifest], blobs.__getitem__, keys[0].read_text())
    assert not is_signed(IMAGE, [manifest], blobs.__getitem__, keys[1].read_text())


@pytest.mark.parametrize("annotations", ["x", [1], 1, None])
def test_layers_whose_annotations_are_none_are_told_apart_by_their_digests(annotations: Any) -> None:
    layer = {"digest": IMAGE, "annotations": annotations}
    assert marks_in(json.dumps({"layers": [layer]}).encode()) == {f"{IMAGE} "}


def key_of(folder: Path, *algorithm: str) -> str:
    argv = ["openssl", "genpkey", "-algorithm", *algorithm, "-out", str(folder / "key")]
    subprocess.run(argv, check=True, capture_output=True)
    argv = ["openssl", "pkey", "-in", str(folder / "key"), "-pubout"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    for key in ("none", key_of(tmp_path, "EC", "-pkeyopt", "ec_paramgen_curve:prime239v1")):
        with pytest.raises(InputError, match=r"not a public key of cosign's, which cosign public-key prints"):
            is_signed(IMAGE, [], Blobs().__getitem__, key)
