"""What looks like a secret in a host's file is not shown in a diff."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.engine.plan import difference
from moor.secrets.redaction import redact

PEM = ["-----BEGIN EC PRIVATE KEY-----", "MHcCAQEEIIy2", "-----END EC PRIVATE KEY-----"]


@pytest.mark.parametrize(
    "line",
    [
        'password = "hunter22"',
        "harbor_admin_password: hunter22",
        "  registry.auth = hunter22",
        '"auth": "hunter22"',
        "AWS_SECRET_ACCESS_KEY=hunter22",
        "export API_KEY=hunter22",
        "proxy = http://me:hunter22@proxy:3128",
        "Authorization: Basic hunter22hunter22",
        "client-secret: 'hunter22'",
        "db.passwd=hunter22",
        "token: hunter22",
    ],
)
def test_a_value_that_looks_like_a_secret_is_struck_out(line: str) -> None:
    (shown,) = redact([line])
    assert "hunter22" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "line",
    [
        'config_path = "/etc/containerd/certs.d"',
        "secret: {secretName: registry-tls, defaultMode: 256}",
        "10.77.0.11 registry.moor.test registry",
        "imagePullSecrets:",
        "author: somebody",
        "compass: north",
        "mode: (none) -> 0644",
        "- name: registry",
        "https://registry.moor.test/v2/",
    ],
)
def test_what_is_no_secret_is_shown(line: str) -> None:
    assert list(redact([line])) == [line]


def test_the_value_of_a_pair_named_like_a_secret_is_struck_out() -> None:
    assert list(redact(["- name: DB_PASSWORD", "  value: hunter22", "- name: PORT", "  value: 80"])) == [
        "- name: DB_PASSWORD",
        "  value: ***",
        "- name: PORT",
        "  value: 80",
    ]


def test_a_private_key_is_struck_out_and_what_follows_is_not() -> None:
    assert list(redact(["a", *PEM, "b"])) == ["a", PEM[0], "***", PEM[2], "b"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))))
def test_as_many_lines_come_out_as_went_in(lines: list[str]) -> None:
    assert len(list(redact(lines))) == len(lines)


def test_a_diff_tells_that_a_secret_changed_and_not_which() -> None:
    diff = difference({"content": "a\npassword: old-one\n"}, {"content": "a\npassword: new-one\nb\n"})
    assert "old-one" not in diff
    assert "new-one" not in diff
    assert diff.splitlines()[2:] == [" a", "-password: ***", "+password: ***", "+b"]


def test_a_line_that_begins_with_hyphens_is_in_the_diff() -> None:
    assert "-----BEGIN X-----" in difference({"content": "a\n-----BEGIN X-----\n"}, {"content": "a\n"})
