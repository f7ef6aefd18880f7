"""k3s and RKE2: registries.yaml gets the registry's CA, and all other entries stay."""

from __future__ import annotations

import base64
import os
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from moor.errors import HostError
from moor.resources.requirement import Requirement
from moor.resources.service import Service
from moor.tasks.containerd.rancher import edit_registries_yaml, read_generated, resources
from moor.tasks.facts import Registry
from tests.harness.shells import SHELLS, sh, text

REGISTRY = Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11"})
CA = "/etc/rancher/k3s/moor-registry-ca.crt"
PATH = "/etc/rancher/k3s/registries.yaml"
edit = partial(edit_registries_yaml, _="", registry=REGISTRY, ca_file=CA, path=PATH)
OTHERS = """\
# ours since 2024
mirrors:
  docker.io:
    endpoint: ["https://mirror.example.net"] # near
configs:
  "other.example.net":
    auth: {username: me, password: 'x'}
"""


def tree(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_an_absent_file_names_the_ca() -> None:
    assert tree(edit("")) == {"configs": {"registry.moor.test": {"tls": {"ca_file": CA}}}}


def test_other_entries_stay_with_their_comments() -> None:
    after = edit(OTHERS)
    added = f"  registry.moor.test:\n    tls:\n      ca_file: {CA}\n"
    assert after == OTHERS + added
    assert tree(after)["configs"]["registry.moor.test"] == {"tls": {"ca_file": CA}}
    assert edit(after) == after


def test_an_anchor_that_two_registries_share_is_left_to_the_other_one() -> None:
    shared = """\
x-tls: &t {insecure_skip_verify: true}
configs:
    registry.moor.test:
        tls: *t
    other.example.net:
        tls: *t
mirrors:
    docker.io:
        endpoint:
            - "https://mirror.example.net"
"""
    assert edit(shared) == shared.replace("tls: *t", f"tls: {{ca_file: {CA}}}", 1)


def test_a_check_turned_off_by_a_merge_key_is_turned_on_for_this_registry_only() -> None:
    merged = "x: &t {insecure_skip_verify: true}\nconfigs:\n  registry.moor.test:\n    tls:\n      <<: *t\n"
    assert edit(merged) == f"{merged}      ca_file: {CA}\n      insecure_skip_verify: false\n"


def test_insecure_skip_verify_is_removed() -> None:
    insecure = "configs:\n  registry.moor.test:\n    tls: {insecure_skip_verify: true}\n"
    assert tree(edit(insecure)) == {"configs": {"registry.moor.test": {"tls": {"ca_file": CA}}}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("mirrors: {registry.moor.test: {endpoint: ['https://elsewhere.example.net']}}", "sends its images to https://elsewhere"),
        ("mirrors: {registry.moor.test: {endpoint: ['https://me:pw@x.example']}}", "images to https://***@x.example"),
        ("mirrors: {registry.moor.test: {endpoint: https://registry.moor.test}}", "must be a list of addresses: [https://reg"),
        ("mirrors: {registry.moor.test: {endpoint: [3]}}", "registry.moor.test.endpoint must be a list"),
        ('mirrors: {registry.moor.test: {rewrite: {"^(.*)$": "cache/$1"}}}', "by other names (^(.*)$ as cache/$1)"),
        ("configs: {registry.moor.test: {tls: &t {key: x}}, o: {tls: *t}}", "carries the anchor &t, which other"),
        ("configs: {}\nconfigs: {}", "the key configs stands twice"),
        ("configs:\n\t- x", "mend it, or move it away"),
        ("a: 1\n---\nb: 2\n", "mend it, or move it away"),
        ("- a list", "mend it, or move it away"),
        ("configs: 3", "configs is not keys and values"),
        ("configs: [", "mend it, or move it away"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_edited_is_refused_by_its_path(content: str, words: str) -> None:
    with pytest.raises(HostError) as caught:
        edit(content)
    assert words in str(caught.value)
    assert PATH in str(caught.value)


@given(
    st.dictionaries(st.text("abc", min_size=1), st.dictionaries(st.text("abc", min_size=1), st.integers()), max_size=4)
)
def test_it_is_idempotent_and_keeps_every_other_key(others: dict[str, dict[str, int]]) -> None:
    out = StringIO()
    YAML(typ="safe", pure=True).dump({"configs": others, "x": 1}, out)
    once = edit(out.getvalue())
    assert edit(once) == once
    found = tree(once)
    assert {key: value for key, value in found["configs"].items() if key != "registry.moor.test"} == others
    assert found["x"] == 1


@pytest.mark.parametrize(
    ("runtime", "unit", "service"), [("k3s", None, "k3s-agent"), ("k3s", "k3s", "k3s"), ("rke2", None, "rke2-agent")]
)
def test_the_service_that_reads_the_file_is_started_after_it(runtime: str, unit: str, service: str) -> None:
    made = resources(runtime, unit, REGISTRY, "pem", 30)
    assert isinstance(made[-1], Service)
    assert made[-1].name == service
    assert made[-1].newer_than == (f"/etc/rancher/{runtime}/registries.yaml",)


OWN = edit("")
INSECURE = b'server = "https://registry.moor.test/v2"\nskip_verify = true\n[host]\n'


def coded(name: str, content: bytes) -> str:
    return f"{name}={base64.b64encode(content).decode()}\n"


def refused(yaml: str, toml: bytes = INSECURE, more: str = "") -> str:
    judge = resources("k3s", None, REGISTRY, "pem", 30)[0]
    assert isinstance(judge, Requirement)
    return judge.judge(f"toml_file=/x/hosts.toml\n{coded('toml', toml)}{coded('yaml', yaml.encode())}{more}")


@pytest.mark.parametrize(
    ("yaml", "toml", "more"),
    [
        (OWN, INSECURE.replace(b"true", b"false"), ""),
        (OWN, b"", ""),
        (OWN, INSECURE, "pending=yes\n"),  # the service is started after the file
        ("configs: {'*': {tls: {insecure_skip_verify: true}}}\n", INSECURE, ""),  # an own entry is to come
        (OWN + "      insecure_skip_verify: yes\n", INSECURE, ""),  # goes by the edit
        ("configs: [", INSECURE, ""),  # told by the edit
    ],
)
def test_what_an_apply_mends_is_not_refused(yaml: str, toml: bytes, more: str) -> None:
    assert refused(yaml, toml, more) == ""


@pytest.mark.parametrize("yaml", [OWN, OWN + "  '*':\n    tls: {insecure_skip_verify: true}\n"])
def test_a_generated_file_that_skips_the_check_unlike_its_source_is_refused_with_a_remedy(yaml: str) -> None:
    assert refused(yaml) == (
        "/x/hosts.toml: no certificate of registry.moor.test is checked "
        "(skip_verify of https://registry.moor.test/v2); run: systemctl restart k3s-agent, which makes it anew"
    )


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("own", "newer", "said"), [(True, False, "told"), (True, True, ""), (False, False, "told")])
def test_generated_files_are_read_in_every_shell(shell: str, own: bool, newer: bool, said: str, tmp_path: Path) -> None:
    place, file = tmp_path / "certs.d" / ("registry.moor.test" if own else "_default"), tmp_path / "registries.yaml"
    place.mkdir(parents=True)
    (place / "hosts.toml").write_bytes(INSECURE)
    file.write_text(OWN)
    os.utime(file, (9, 9) if not newer else None)
    os.utime(place / "hosts.toml", (99, 99))
    ask = read_generated("k3s", REGISTRY, str(file)).replace("/var/lib/rancher/k3s/agent/etc/containerd", str(tmp_path))
    done = sh(shell, ask)
    judge = resources("k3s", None, REGISTRY, "pem", 30)[0]
    assert isinstance(judge, Requirement)
    assert bool(judge.judge(text(done.stdout))) == bool(said)
    (place / "hosts.toml").unlink()
    assert judge.judge(text(sh(shell, ask).stdout)) == ""
