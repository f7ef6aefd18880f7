"""Kubelet's records of pulls on a node: read in every shell, and told to who waits for an image that is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.diagnosis.evidence.pull_records import (
    CachedImage,
    cached_fields,
    parse_pull_records,
    pull_records_fragment,
)
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.rule import Verdict, first_match
from moor_lab.kubernetes.standin.agent.images import Credentials, Source, parse
from moor_lab.kubernetes.standin.agent.records import Records
from tests.harness.shells import SHELLS, sh
from tests.tasks.diagnosis.samples import HEALTHY

HOST = "registry.moor.test"
IMAGE, OTHER = f"{HOST}/demo/sqrt:1.0", f"{HOST}/shop/sqrt:1.0"
ID, SECOND = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32
PASSWORD = "Pu11erSecret"
REGCRED = Credentials("robot", PASSWORD, Source("shop", "regcred", "uid-1"))
CI = Credentials("ci", "other", Source("ci", "pull", "uid-2"))


class Node:
    """A node with kubelet's directory, and a client of its runtime that knows one image."""

    def __init__(self, directory: Path, client: str = "crictl", image: str = IMAGE, shell: str = "dash") -> None:
        self.home = directory / "kubelet"
        self.records = Records(self.home)
        self._programs, self._shell = directory / "bin", shell
        self._programs.mkdir()
        said = ID if client == "crictl" else image  # ctr lists names
        (self._programs / client).write_text(f'#!/bin/sh\ncase "$*" in *{image}) echo {said} ;; esac\n')
        (self._programs / client).chmod(0o755)

    def answer(self) -> str:
        script = pull_records_fragment([IMAGE, OTHER], "").replace("/var/lib/kubelet", str(self.home))
        done = sh(self._shell, f"PATH={self._programs}:$PATH\n(\n{script}\n)")
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    def read(self) -> CachedImage:
        return parse_pull_records(self.answer())[IMAGE]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("client", ["crictl", "ctr"])
def test_the_records_of_a_kubelet_name_whose_login_brought_an_image(tmp_path: Path, shell: str, client: str) -> None:
    node = Node(tmp_path, client, shell=shell)
    node.records.note(parse(IMAGE), ID, REGCRED)
    node.records.note(parse(IMAGE), ID, CI)
    answer = node.answer()
    found = parse_pull_records(answer)
    assert found[IMAGE].secrets == ("ci/pull", "shop/regcred")
    assert found[IMAGE].is_guarded
    assert found[IMAGE].brought_by == "that of the pull secret ci/pull or the pull secret shop/regcred"
    assert not found[OTHER].here
    assert "credentialHash" not in answer


def test_nothing_is_read_where_kubelet_keeps_no_records(tmp_path: Path) -> None:
    assert Node(tmp_path).answer() == ""


def test_what_kubelet_did_not_pull_is_free_unless_its_policy_says_otherwise(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.records.note(parse(OTHER), SECOND, REGCRED)
    assert not node.read().is_guarded
    (node.home / "config.yaml").write_text("imagePullCredentialsVerificationPolicy: AlwaysVerify\n")
    assert node.read().is_guarded
    assert node.read().brought_by == "none, since it was put there without kubelet, whose policy is AlwaysVerify"
    node.records.note(parse(IMAGE), ID, REGCRED)
    (node.home / "config.yaml").write_text("imagePullCredentialsVerificationPolicy: NeverVerify\n")
    assert not node.read().is_guarded


def test_a_pull_without_a_login_makes_it_free(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.records.note(parse(IMAGE), ID, None)
    assert not node.read().is_guarded


def test_the_same_image_under_another_name_takes_a_preloaded_one_away(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.records.note(parse(OTHER), ID, REGCRED)
    assert node.read().is_guarded
    words = "none for this name, since kubelet pulled the same image as registry.moor.test/shop/sqrt"
    assert node.read().brought_by == words


def test_a_pull_that_was_cut_off_is_told(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.records.note(parse(OTHER), SECOND, REGCRED)
    node.records.intend(IMAGE)
    assert node.read().brought_by == "none is known, since its pull was cut off"


def verdict(cached: CachedImage, **pod: str) -> Verdict | None:
    evidence = {**HEALTHY["pod"], "asked": "demo/sqrt:1.0", "image": "demo/sqrt:1.0", **pod}
    return first_match(RULES, "pod", {**evidence, **cached_fields(evidence, {IMAGE: cached}, HOST)})


GUARDED = CachedImage(here=True, recorded=True, secrets=("shop/regcred",))


def test_a_pod_is_told_why_it_may_not_use_the_image_of_its_node() -> None:
    never = verdict(GUARDED, reason="ErrImageNeverPull", message="is not present", policy="Never")
    assert never
    assert never.rule == "pod-never-unproven"
    assert "Its node has demo/sqrt:1.0" in never.cause
    assert "the pull secret shop/regcred" in never.cause
    waits = verdict(GUARDED, reason="ImagePullBackOff", message="connection refused", policy="IfNotPresent")
    assert waits
    assert waits.rule == "pod-unproven"
    assert "connection refused" in waits.cause


@pytest.mark.parametrize(
    ("cached", "policy"),
    [
        (CachedImage(), "IfNotPresent"),
        (CachedImage(here=True), "IfNotPresent"),
        (CachedImage(here=True, recorded=True, free=True), "IfNotPresent"),
        (GUARDED, "Always"),
    ],
)
def test_records_explain_nothing_where_kubelet_would_have_pulled_anyway(cached: CachedImage, policy: str) -> None:
    found = verdict(cached, reason="ErrImagePull", message="no such host", policy=policy)
    assert found
    assert found.rule == "pod-waiting"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_odd_records_are_no_error(text: str) -> None:
    lines = text.replace("\n", " ")
    for answer in (text, f"policy=\nimage={IMAGE}\nhere=x\nrecord={lines}", f"record={lines}"):
        parse_pull_records(answer)


@pytest.mark.parametrize(
    "record",
    ["[]", "1", '{"credentialMapping": 1}', '{"credentialMapping": {"registry.moor.test/demo/sqrt": 1}}',
     '{"credentialMapping": {"registry.moor.test/demo/sqrt": {"kubernetesSecrets": [1, {}]}}}'],
)  # fmt: skip
def test_a_record_of_another_shape_is_no_error(record: str) -> None:
    parse_pull_records(f"policy=\nimage={IMAGE}\nhere=x\nrecord={record}")
