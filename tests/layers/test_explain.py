"""What a real cluster says of a pull that fails is explained without asking anybody."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.modules import SHIPPED
from tasks.layers import RULES
from tasks.layers.explain import explained
from tasks.layers.page import PAGE, filled, readable
from tasks.layers.rule import Rule

IMAGE = "registry.moor.test/demo/sqrt:1.0"
HEAD = 'failed to do request: Head "https://registry.moor.test/v2/demo/sqrt/manifests/1.0": '
NEW, OLD = f'failed to pull and unpack image "{IMAGE}": failed to resolve image: ', f'Failed to pull image "{IMAGE}": '
DENIED = "pull access denied, repository does not exist or may require authorization: "
STATUS = "unexpected status from {} request to https://registry.moor.test/v2/demo/sqrt/manifests/1.0: {}"


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (HEAD + "dial tcp 10.77.0.11:443: connect: connection refused", "registry-stopped"),
        (HEAD + "dial tcp 10.77.0.11:443: connect: no route to host", "registry-unreachable"),
        (HEAD + "dial tcp 10.77.0.11:443: connect: network is unreachable", "route-missing"),
        ("rpc error: code = DeadlineExceeded desc = " + HEAD + "dial tcp 10.77.0.11:443: i/o timeout", "registry-silent"),  # noqa: E501
        (HEAD + "dial tcp: lookup registry.moor.test on 10.77.0.2:53: no such host", "name-missing"),
        (HEAD + "tls: failed to verify certificate: x509: certificate signed by unknown authority", "ca-missing"),
        (HEAD + "x509: certificate signed by unknown authority", "ca-missing"),
        (HEAD + "x509: certificate has expired or is not yet valid: current time 2026-11-24T00:00:00Z is after 2026-11-01T00:00:00Z",  # noqa: E501
         "tls-expired"),
        (HEAD + "x509: certificate has expired or is not yet valid: current time 2026-11-24T00:00:00Z is before 2026-12-01T00:00:00Z",  # noqa: E501
         "clock-off"),
        (HEAD + "x509: certificate is valid for other.test, not registry.moor.test", "tls-name"),
        (HEAD + "http: server gave HTTP response to HTTPS client", "tls-plain"),
        (STATUS.format("HEAD", "401 Unauthorized"), "login-wrong"),
        ("pulling from host registry.moor.test failed with status code [manifests 1.0]: 401 Unauthorized", "login-wrong"),  # noqa: E501
        (DENIED + "authorization failed: no basic auth credentials", "login-wrong"),
        ("failed to authorize: failed to fetch oauth token: " + STATUS.format("GET", "401 Unauthorized"), "login-wrong"),  # noqa: E501
        (DENIED + "server message: insufficient_scope: authorization failed", "rights-missing"),
        ('failed to fetch oauth token: Post "https://10.77.0.11/service/token": dial tcp 10.77.0.11:443: connect: connection refused',  # noqa: E501
         "realm-other"),
        ("Unable to retrieve some image pull secrets (harbor); attempting to pull the image may not succeed.", "secret-elsewhere"),  # noqa: E501
        (f'rpc error: code = NotFound desc = failed to pull and unpack image "{IMAGE}": {IMAGE}: not found', "tag-missing"),  # noqa: E501
        (STATUS.format("HEAD", "502 Bad Gateway"), "core-down"),
        ("container runtime is down", "node-runtime"),
        ("unknown service runtime.v1.ImageService", "cri-disabled"),
        ("proxyconnect tcp: dial tcp 10.0.0.1:3128: i/o timeout", "proxy-between"),
        ("exec /usr/bin/python3: exec format error", "platform-wrong"),
        ("ErrImageNeverPull", "pod-never"),
        ("Back-off pulling image", "pod-waiting"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", NEW, OLD + NEW])
def test_a_recorded_message_names_its_cause_first(before: str, message: str, rule: str) -> None:
    found = [known.id for known in explained(before + message, RULES)]
    assert rule in found[:2], found


def test_a_message_that_only_says_that_a_pull_failed_is_known_as_that() -> None:
    assert [rule.id for rule in explained(f'failed to pull and unpack image "{IMAGE}"', RULES)] == ["pull-failed"]


@given(st.text())
def test_any_text_is_taken(message: str) -> None:
    explained(message, RULES)


def test_the_command_line_explains_a_message_without_any_fleet() -> None:
    def diagnose(message: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "moor", "diagnose", "--site", "/nowhere", "--event", message]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

    known = diagnose("lookup registry.moor.test on 10.0.0.2:53: no such host")
    assert (known.returncode, known.stderr) == (0, "")
    assert "mend: moor apply names" in known.stdout
    unknown = diagnose("the dog ate it")
    assert unknown.returncode == 1
    assert "no rule knows" in unknown.stdout


@pytest.mark.parametrize(
    ("rule", "symptom"),
    [pytest.param(rule, symptom, id=f"{rule.id}-{n}") for rule in RULES for n, symptom in enumerate(rule.symptoms)],
)
def test_a_message_as_the_page_shows_it_finds_the_rule_beside_it(rule: Rule, symptom: str) -> None:
    assert rule in explained(readable(symptom), [rule])


def test_the_page_shows_every_rule_as_it_is() -> None:
    page = (SHIPPED / PAGE).read_text()
    assert page == filled(page), f"make it anew: python -m tasks.layers.page writes {PAGE}"
    assert all(f"| `{rule.id}` |" in page for rule in RULES)
