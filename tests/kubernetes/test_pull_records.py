"""The kubelet's records of pulls in the stand-in's agent: files and decisions of a real one of Kubernetes 1.36."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from moor_lab.kubernetes.standin.agent.images import Credentials, Source, parse
from moor_lab.kubernetes.standin.agent.records import ALWAYS, LISTED, NEVER, PRELOADED, Policy, Records, read_policy

IMAGE, OTHER = parse("r.test/team/a:1"), parse("r.test/else/a:1")
ID = "sha256:" + "ab" * 32
RIGHT = "s3cret"
DEFAULT = Policy()


def login(password: str = RIGHT, name: str = "regcred", namespace: str = "demo") -> Credentials:
    return Credentials("robot", password, Source(namespace, name, f"uid-of-{namespace}-{name}"))


def records(home: Path, policy: Policy = DEFAULT) -> Records:
    return Records(home, policy, lambda: datetime(2026, 1, 1, tzinfo=UTC))


def file_of(home: Path, kind: str, text: str) -> Path:
    return home / "image_manager" / kind / f"sha256-{hashlib.sha256(text.encode()).hexdigest()}"


def pulled(home: Path) -> Any:
    return json.loads(file_of(home, "pulled", ID).read_text())


def test_a_record_is_a_file_as_a_real_kubelet_writes_it(tmp_path: Path) -> None:
    records(tmp_path).note(IMAGE, ID, login())
    document = pulled(tmp_path)
    secret = document["credentialMapping"]["r.test/team/a"]["kubernetesSecrets"][0]
    assert len(secret.pop("credentialHash")) == 64
    assert document == {
        "kind": "ImagePulledRecord",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "lastUpdatedTime": "2026-01-01T00:00:00Z",
        "imageRef": ID,
        "credentialMapping": {
            "r.test/team/a": {
                "kubernetesSecrets": [{"uid": "uid-of-demo-regcred", "namespace": "demo", "name": "regcred"}]
            }
        },
    }
    assert "s3cret" not in file_of(tmp_path, "pulled", ID).read_text()
    assert file_of(tmp_path, "pulled", ID).stat().st_mode & 0o777 == 0o600


def test_only_who_has_the_login_or_the_secret_may_use_the_image(tmp_path: Path) -> None:
    records(tmp_path).note(IMAGE, ID, login())
    kept = records(tmp_path)  # another run of the agent
    assert kept.allows(IMAGE, ID, [login()])
    assert not kept.allows(IMAGE, ID, [])
    assert not kept.allows(IMAGE, ID, [login("wrong", "other")])
    assert not kept.allows(OTHER, ID, [login()])


def test_a_copied_secret_counts_and_a_changed_one_stays_valid_and_both_are_remembered(tmp_path: Path) -> None:
    kept = records(tmp_path)
    kept.note(IMAGE, ID, login())
    assert kept.allows(IMAGE, ID, [login(namespace="copy")])
    assert kept.allows(IMAGE, ID, [login("changed")])
    secrets = pulled(tmp_path)["credentialMapping"]["r.test/team/a"]["kubernetesSecrets"]
    assert [one["namespace"] for one in secrets] == ["copy", "demo"]
    assert kept.allows(IMAGE, ID, [login("changed", "third")])


def test_a_pull_without_a_login_makes_the_image_free_on_the_node(tmp_path: Path) -> None:
    kept = records(tmp_path)
    kept.note(IMAGE, ID, login())
    kept.note(IMAGE, ID, None)
    assert kept.allows(IMAGE, ID, [])
    assert pulled(tmp_path)["credentialMapping"] == {"r.test/team/a": {"nodePodsAccessible": True}}
    assert not kept.allows(OTHER, ID, [])


def test_a_record_of_one_name_takes_a_preloaded_other_name_of_the_same_image_away(tmp_path: Path) -> None:
    """As with a real kubelet (kubernetes/kubernetes issue 138175): the record is of the image, whatever its name."""
    kept = records(tmp_path)
    assert kept.allows(OTHER, ID, [])
    kept.note(IMAGE, ID, login())
    assert not kept.allows(OTHER, ID, [])


def test_a_pull_that_was_cut_off_leaves_an_image_that_everybody_has_to_prove(tmp_path: Path) -> None:
    kept = records(tmp_path)
    kept.intend(str(IMAGE))
    intent = json.loads(file_of(tmp_path, "pulling", "r.test/team/a:1").read_text())
    assert (intent["kind"], intent["image"]) == ("ImagePullIntent", "r.test/team/a:1")
    assert not kept.allows(IMAGE, ID, [login()])
    kept.recover(lambda image: ID if image == "r.test/team/a:1" else "")
    assert not file_of(tmp_path, "pulling", "r.test/team/a:1").exists()
    assert "credentialMapping" not in pulled(tmp_path)
    assert not kept.allows(IMAGE, ID, [login()])
    kept.note(IMAGE, ID, login())
    assert kept.allows(IMAGE, ID, [login()])


@pytest.mark.parametrize(
    ("policy", "by_kubelet", "preloaded"),
    [
        (Policy(PRELOADED), False, True),
        (Policy(NEVER), True, True),
        (Policy(ALWAYS), False, False),
        (Policy(LISTED, ("r.test/team/*",)), True, True),
        (Policy(LISTED, ("r.test/team/a",)), True, True),
        (Policy(LISTED, ("r.test/tea/*",)), False, False),
    ],
)
def test_the_policy_decides_who_proves_what(tmp_path: Path, policy: Policy, by_kubelet: bool, preloaded: bool) -> None:
    kept = records(tmp_path, policy)
    assert kept.allows(IMAGE, ID, []) is preloaded
    kept.note(IMAGE, ID, login())
    assert kept.allows(IMAGE, ID, []) is by_kubelet


def test_the_policy_is_read_from_the_kubelets_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    assert read_policy(file) == Policy(PRELOADED)
    file.write_text("kind: KubeletConfiguration\n")
    assert read_policy(file) == Policy(PRELOADED)
    lines = (
        "imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages",
        "preloadedImagesVerificationAllowlist:",
        "- registry.k8s.io/*",
        '- "r.test/team/a"',
        "port: 10250",
    )
    file.write_text("\n".join(lines))
    assert read_policy(file) == Policy(LISTED, ("registry.k8s.io/*", "r.test/team/a"))
