"""Names of images upstream, platforms of a list, answers of registries: text in, values out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moor.errors import HostError, InputError
from moor.secrets.secret import Secret
from moor.tasks.images.ask_script import Side, prepare
from moor.tasks.images.layout import image_in
from moor.tasks.images.origin import Origin, parse_origin
from moor.tasks.images.platforms import made_from, own_list, platforms_in
from moor.tasks.images.settings import Images
from moor.tasks.images.upstream_answers import Answer, parse_answers
from tests.harness.shells import SHELLS, sh, text

DIGEST = f"sha256:{'0' * 64}"
PARTS = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,5})?", fullmatch=True)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("docker.io/redis:7", Origin("docker", "docker.io", "library/redis", "7")),
        ("docker://docker.io/library/redis:7", Origin("docker", "docker.io", "library/redis", "7")),
        ("registry-1.docker.io/shop/web:1", Origin("docker", "docker.io", "shop/web", "1")),
        (f"ghcr.io/a/b@{DIGEST}", Origin("docker", "ghcr.io", "a/b", "", DIGEST)),
        ("registry.corp:5000/x:1", Origin("docker", "registry.corp:5000", "x", "1")),
        ("localhost/x:1", Origin("docker", "localhost", "x", "1")),
        ("quay.io/a/b", Origin("docker", "quay.io", "a/b")),
        ("docker-archive:images/a.tar:redis:7", Origin("docker-archive", "images/a.tar", tag="redis:7")),
        ("oci:layout", Origin("oci", "layout")),
    ],
)
def test_an_image_upstream_is_named_as_its_clients_name_it(written: str, wanted: Origin) -> None:
    assert parse_origin(written) == wanted


@given(st.lists(PARTS, min_size=1, max_size=3), TAGS, st.sampled_from(["ghcr.io", "r.corp.test:5000", "localhost"]))
def test_a_name_that_is_printed_is_read_again(parts: list[str], tag: str, place: str) -> None:
    origin = Origin("docker", place, "/".join(parts), tag)
    assert parse_origin(str(origin)) == origin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("redis:7", "begin with the registry's name, such as docker.io/library/redis:7"),
        ("library/redis:7", "begin with the registry's name"),
        ("ghcr.io/A/b:1", "'A/b' is no repository"),
        ("ghcr.io/a:1:2", "'1:2' is no tag"),
        ("ghcr.io/a@sha256:12", "'sha256:12' is no digest"),
        (f"ghcr.io/a:1@{DIGEST}", "a tag and a digest; write one of them"),
        ("containers-storage://x", "moor copies from a registry"),
        ("oci-archive:", "no path; write oci-archive:PATH"),
    ],
)
def test_what_is_no_image_upstream_is_refused_with_the_remedy(written: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_origin(written)


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("a/b", {"from": "ghcr.io/a/b"}, "no tag; write ghcr.io/a/b:TAG"),
        ("a/b:1", {"from": "ghcr.io/a/b:1", "tags": ["1"]}, "from has a tag or a digest already"),
        ("a/b:1", {"from": "ghcr.io/a/b", "tags": ["1"]}, "not the name of a repository"),
        ("a/b", {"from": "ghcr.io/a/b:1"}, "not an image name; write PROJECT/REPOSITORY:TAG"),
        ("a/b:1", {"present": "x:1", "platforms": ["linux/amd64"]}, "counts with from alone"),
        ("a/b:1", {"from": "oci:x", "platforms": ["linux/amd64"]}, "an archive is copied whole"),
        ("a/b:1", {"from": "ghcr.io/a/b:1", "prune": True}, "counts with tags alone"),
        ("a/b:1", {"from": "ghcr.io/a/b:1", "platforms": ["amd64"]}, "write OS/ARCHITECTURE"),
        ("a/b:1", {"from": "ghcr.io/a/b:1", "key": "none.pub"}, "no such file"),
        ("a/b:1", {"from": "ghcr.io/a/b:1", "present": "x:1"}, "exactly one of context, archive, present and from"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(name: str, source: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as error:
        Images.model_validate({name: source})
    assert words in str(error.value)


def test_an_image_that_is_named_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="named twice: a/b:1"):
        Images.model_validate({"a/b": {"from": "ghcr.io/a", "tags": ["1"]}, "a/b:1": {"present": "x"}})


def entry(platform: str, digest: str, **annotations: str) -> dict[str, Any]:
    names = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
    found = {"mediaType": "m", "digest": digest, "size": 1, "platform": names}
    return {**found, "annotations": annotations} if annotations else found


def test_a_list_of_ours_has_the_wanted_platforms_with_what_attests_them() -> None:
    about = {"vnd.docker.reference.digest": "sha256:a", "vnd.docker.reference.type": "attestation-manifest"}
    other = {"vnd.docker.reference.digest": "sha256:p"}
    entries = [
        entry("linux/amd64", "sha256:a"),
        entry("linux/arm/v6", "sha256:6"),
        entry("linux/arm/v7", "sha256:7"),
        entry("linux/ppc64le", "sha256:p"),
        entry("unknown/unknown", "sha256:x", **about),
        entry("unknown/unknown", "sha256:y", **other),
    ]
    made = own_list(json.dumps({"manifests": entries}), DIGEST, ["linux/amd64", "linux/arm/v7"])
    assert made.digests == ("sha256:a", "sha256:7", "sha256:x")
    tree = json.loads(made.content)
    assert made_from(tree) == DIGEST
    assert platforms_in(tree, ["linux/amd64", "linux/arm/v7"]) == "linux/amd64 linux/arm/v7"
    assert platforms_in(tree, ["linux/ppc64le"]) == ""
    assert own_list(json.dumps({"manifests": entries}), DIGEST, ["linux/arm"]).digests == ("sha256:6", "sha256:7")
    with pytest.raises(HostError, match=r"it has no windows/amd64 \(it has linux/amd64, linux/arm/v6, "):
        own_list(json.dumps({"manifests": entries}), DIGEST, ["windows/amd64"])


json_of_any_kind = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["manifests", "platform", "os", "digest", "mediaType"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(json_of_any_kind, json_of_any_kind)
def test_any_malformed_manifest_is_one_clear_error(manifest: object, config: object) -> None:
    with pytest.raises(HostError, match=r"cannot read the manifest|it has no linux/amd64"):
        own_list(json.dumps(manifest), DIGEST, ["linux/amd64"], json.dumps(config))


ORIGINS = [Origin("docker", "ghcr.io", f"a{n}", "1") for n in range(5)]


def test_answers_are_told_apart() -> None:
    said = (
        f"moor: 0 200 {DIGEST}\nmoor: 1 404 \nmoor: 2 000 curl: (6) Could not resolve host\nmoor: 3 200 x\nmoor: 99 200"
    )
    found = parse_answers(said, ORIGINS)
    assert found[ORIGINS[0]] == Answer(200, DIGEST)
    assert found[ORIGINS[1]].is_gone
    assert "ghcr.io does not answer ws1: curl: (6)" in found[ORIGINS[2]].trouble(ORIGINS[2], "ws1")[0]
    assert found[ORIGINS[3]].trouble(ORIGINS[3], "ws1")[0]  # a digest that is none
    assert not found[ORIGINS[4]].was_asked


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "is data.upstreams.ghcr.io.login right"), (429, "answers no more for now"), (502, "answers 502")],
)
def test_why_a_digest_is_not_known_is_told_with_the_remedy(status: int, words: str) -> None:
    assert words in Answer(status).trouble(ORIGINS[0], "ws1")[0]


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive", "oci"])
def test_an_archive_that_is_missing_or_none_is_refused_by_its_name(tmp_path: Path, kind: str) -> None:
    origin = Origin(kind, "app.tar")
    with pytest.raises(InputError, match=r"app\.tar: no such file"):
        image_in(origin, tmp_path / "app.tar")
    (tmp_path / "app.tar").write_bytes(b"x" * 600)
    with pytest.raises(InputError, match=r"app\.tar: (not such an archive|no such file)"):
        image_in(origin, tmp_path / "app.tar")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("password", ["it's", 'a"b\\c', "$HOME `id`", "%s%d", "é €"])
def test_a_login_is_in_files_of_the_shells_own_alone_and_gone_with_it(shell: str, password: str) -> None:
    script = prepare({"theirs": Side("docker.io", ("me", Secret(password)), "CA\n")}, ["HTTPS_PROXY=http://u:p@x"])
    shown = 'stat -c %a "$w"; cat "$w/theirs/login" "$w/theirs/config.json"; echo; echo "$HTTPS_PROXY"; echo "$w"'
    done = sh(shell, f"{script}\n{shown}\n")
    mode, curl, logins, proxy, place = text(done.stdout).splitlines()
    assert mode == "700", done.stderr
    escaped = password.replace("\\", "\\\\").replace('"', '\\"')
    assert curl == f'user = "me:{escaped}"'
    assert json.loads(logins)["auths"]["docker.io"]["password"] == password
    assert proxy == "http://u:p@x"
    assert not Path(place).exists()
