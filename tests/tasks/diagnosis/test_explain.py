"""Messages of failed pulls from real clusters are explained without contacting anything."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.settings.modules import SHIPPED
from moor.tasks.diagnosis.messages.explain import KNOWN_MESSAGES, explain, explain_unknown
from moor.tasks.diagnosis.messages.fields import FleetRegistry, parse_message, unquote
from moor.tasks.diagnosis.messages.known_message import KnownMessage
from moor.tasks.diagnosis.page import PAGE, example_of, fill_page
from moor.tasks.diagnosis.rules.layers import BY_NAME
from moor.tasks.diagnosis.rules.rule import changes_registry, makes_robots
from tests.harness.commands import Done, moor
from tests.tasks.diagnosis.messages import (
    COPY,
    HEAD,
    IMAGE,
    MESSAGES,
    NAME,
    SANDBOX,
    TOKEN,
    X509,
    Message,
    quoted,
    wrapped,
)

OURS = FleetRegistry(NAME, frozenset({NAME, "registry"}), frozenset({"10.77.0.11"}))
by_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message.rule}-{message.words[-40:]}")
# What a plan of each concern can change, so that offering it for that cause is no circle.
CHANGES = {
    "names": {"name-missing", "name-failing", "name-timeout"},
    "trust": {"ca-missing", "ca-namesake"},
    "containerd": {"ca-missing", "ca-namesake", "cri-disabled", "containerd-stopped"},
    "pki": {"tls-name"},
    "harbor": {"registry-stopped", "tls-name", "tls-plain", "core-down", "log-missing", "realm-other"},
    "registry": {"login-wrong", "rights-missing", "answer-forbidden", "project-missing"},
    "workload": {"login-wrong", "login-none", "secret-missing"},
    "images": {"rights-push"},
}


@by_message
def test_a_message_gets_its_cause_and_remedy_however_it_is_quoted(message: Message) -> None:
    for words in wrapped(message):
        found = explain(words, OURS)
        assert found, words
        assert (found[0].rule, words) == (message.rule, words)
        assert re.search(message.mend, found[0].mend), found[0].mend
        assert "{" not in found[0].cause + found[0].mend


@by_message
def test_no_message_is_mended_by_changing_a_registry_that_somebody_else_runs(message: Message) -> None:
    for found in explain(message.words, replace(OURS, own=False, makes_robots=False)):
        assert found.mend
        assert "{" not in found.mend
        assert not changes_registry(found.mend)
        assert not makes_robots(found.mend)


@by_message
def test_a_message_is_explained_without_an_inventory_too(message: Message) -> None:
    assert [one.rule for one in explain(message.words)][:1] == [message.rule]


def test_a_failed_pause_image_is_reported_with_the_reason_why_its_pull_fails() -> None:
    (words,) = (message.words for message in MESSAGES if message.rule == "sandbox-image")
    assert [one.rule for one in explain(SANDBOX + words, OURS)] == ["sandbox-image", "name-missing"]


@pytest.mark.parametrize(
    "message",
    [
        'Head "https://ghcr.example/v2/a/b/manifests/1": dial tcp: lookup ghcr.example on 10.0.0.2:53: no such host',
        'Get "https://10.9.9.9:5000/v2/": dial tcp 10.9.9.9:5000: connect: connection refused',
        'Get "https://registry.moor.test:5000/v2/": http: server gave HTTP response to HTTPS client',
        'Head "https://ghcr.example/v2/a/b/manifests/1": x509: certificate signed by unknown authority',
        "dial tcp 10.66.0.1:443: connect: no route to host",
        "failed to resolve reference \"docker.io/library/nginx:1\": unexpected status from HEAD request to "
        "https://registry-1.docker.io/v2/library/nginx/manifests/1: 401 Unauthorized",
    ],
)  # fmt: skip
def test_a_message_about_another_host_says_so_and_names_no_moor_command(message: str) -> None:
    (found, *_) = explain(message, OURS)
    assert "the registry of this inventory, registry.moor.test" in found.cause
    assert "moor apply" not in found.mend


@given(st.sampled_from(MESSAGES), st.sampled_from(["host.elsewhere.example", "harbor.example.net"]))
def test_no_message_about_another_registry_gets_a_moor_command_as_remedy(message: Message, other: str) -> None:
    words = message.words.replace(NAME, other).replace("10.77.0.11", "192.0.2.7")
    if other not in words:
        return
    for found in explain(words, OURS):
        assert "moor apply" not in found.mend or found.layer in ("containerd", "login", "rights", "secret"), found


def test_a_missing_image_of_the_inventory_gets_a_moor_command_and_others_do_not() -> None:
    message = f'rpc error: code = NotFound desc = failed to resolve reference "{IMAGE}": {IMAGE}: not found'
    brought = FleetRegistry(
        NAME, OURS.names, OURS.addresses, frozenset({"shop/basket:2.1"}), {"shop/basket:2.1": "basket"}
    )
    (known,), (foreign,) = explain(message, brought), explain(message, OURS)
    assert "moor apply images" in known.mend
    assert "data.workloads.basket.image" in known.mend
    assert "moor" not in foreign.mend


@pytest.mark.parametrize("saying", KNOWN_MESSAGES, ids=lambda saying: saying.id)
def test_no_remedy_is_the_command_that_was_run_or_an_empty_plan(saying: KnownMessage) -> None:
    assert "moor diagnose" not in saying.mend + saying.elsewhere
    assert "moor apply" not in saying.elsewhere
    offered = set(re.findall(r"moor apply ([a-z]+)", saying.mend))
    assert offered <= {concern for concern, causes in CHANGES.items() if saying.id in causes}
    assert saying.layer in BY_NAME
    if "moor apply" in saying.mend and saying.layer not in ("containerd", "secret"):
        assert saying.elsewhere or saying.id == "log-missing", "what helps if it is about another registry?"


def test_every_known_message_is_tried() -> None:
    assert {saying.id for saying in KNOWN_MESSAGES} - {message.rule for message in MESSAGES} <= {
        "docker-port", "docker-rights", "pod-volume", "pod-evicted", "node-lost", "node-sick", "pod-memory",
        "pod-unready",
        "rollout-unfinished", "sandbox-failed", "pull-failed", "ca-other",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "host", "address", "image", "status", "server"),
    [
        (HEAD + "dial tcp 10.77.0.11:443: i/o timeout", NAME, "10.77.0.11", "", "", ""),
        (f'lookup {NAME} on 10.0.0.2:53: read udp 10.0.0.31:4->10.0.0.2:53: i/o timeout', NAME, "", "", "", "10.0.0.2"),
        (f"unexpected status from GET request to {TOKEN}: 401 Unauthorized", NAME, "", "", "401", ""),
        ('image "a.test:5000/x/y:1@sha256:ab": 502 Bad Gateway', "a.test:5000", "", "a.test:5000/x/y:1@sha256:ab",
         "502", ""),
        ("initializing source docker://a.test/x/y:1: StatusCode: 413, <html>", "a.test", "", "a.test/x/y:1", "413", ""),
        ('Get "https://[fd00::1]:8443/v2/": dial tcp [fd00::1]:8443: connect: refused', "[fd00::1]:8443", "fd00::1", "",
         "", ""),
        ('Get "https://user:word@a.test:443/v2/": EOF', "a.test", "", "", "", ""),
        ("proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused", "", "", "", "", ""),
        ("429: https://www.docker.com/increase-rate-limit", "", "", "", "", ""),
        ("1024-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)", "", "", "", "", ""),
        (f"unexpected status from HEAD request to https://{NAME}/v2/a/manifests/1: 521", NAME, "", "", "521", ""),
        ("the dog ate it", "", "", "", "", ""),
    ],
)  # fmt: skip
def test_what_a_message_names_is_parsed(
    message: str, host: str, address: str, image: str, status: str, server: str
) -> None:
    heard = parse_message(message)
    assert (heard.host, heard.address, heard.image, heard.status, heard.server) == (
        host,
        address,
        image,
        status,
        server,
    )


def test_an_unknown_message_is_answered_with_what_it_names() -> None:
    told = explain_unknown(f'Get "https://{NAME}/v2/": 418 Im a teapot', OURS)
    assert told.cause == f"this message is not known; it names host {NAME}, HTTP status 418"
    assert "a.test is not the registry" in explain_unknown('Get "https://a.test/v2/": what', OURS).cause
    assert explain_unknown("the dog ate it", OURS).cause == "this message is not known, and names nothing"


@given(st.text() | st.lists(st.sampled_from([message.words for message in MESSAGES]) | st.text()).map(" ".join))
def test_any_text_can_be_explained(message: str) -> None:
    for found in explain(message, OURS):
        assert found.cause
        assert found.cause.isprintable()
    assert explain_unknown(message, OURS).cause.isprintable()


@given(st.sampled_from(MESSAGES), st.integers(0, 3))
def test_quoting_changes_nothing(message: Message, times: int) -> None:
    words = message.words
    for _ in range(times):
        words = quoted(words)
    assert explain(words, OURS)[0].rule == message.rule
    assert unquote(words).count("\\") == 0


def told_by(message: str, *words: str, site: str = "/nowhere") -> Done:
    return moor(Path(site), "diagnose", "--event", message, *words)


def test_the_command_line_explains_a_message_without_any_fleet() -> None:
    known = told_by("lookup registry.moor.test on 10.0.0.2:53: no such host")
    assert (known.returncode, known.stderr) == (0, "")
    assert "mend: moor apply names" in known.stdout
    unheard = told_by("the dog ate it")
    assert unheard.returncode == 1
    assert "not known" in unheard.stdout
    nothing = told_by("  ")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "--event: no message is there" in nothing.stderr


def test_the_name_that_a_ca_may_not_sign_is_reported_not_the_requested_one() -> None:
    words = 'a root or intermediate certificate is not authorized to sign for this name: DNS name "b.example" is '
    (found,) = explain(f"{X509}{words}not permitted by any constraint", OURS)
    assert found.cause == "the CA may not sign for b.example: its name constraints exclude it"
    assert found.mend.startswith("have the certificate issued without b.example, or by a CA")


def test_the_command_line_knows_the_registry_of_its_site() -> None:
    site = str(Path(__file__).parents[3])
    other = told_by(X509.replace(NAME, "harbor.corp.test") + "certificate signed by unknown authority", site=site)
    assert (other.returncode, other.stderr) == (0, "")
    assert "harbor.corp.test is not the registry of this inventory, registry.moor.test" in other.stdout
    shown = told_by(COPY + "server closed connection: unexpected EOF", "--output", "json", site=site)
    (known,) = json.loads(shown.stdout)["known"]
    assert known["rule"] == "layer-cut"


@pytest.mark.parametrize(
    ("saying", "symptom"),
    [
        pytest.param(saying, p, id=f"{saying.id}-{n}")
        for saying in KNOWN_MESSAGES
        for n, p in enumerate(saying.patterns)
    ],
)
def test_a_message_copied_from_the_page_finds_its_rule(saying: KnownMessage, symptom: str) -> None:
    assert re.search(symptom, example_of(symptom), re.IGNORECASE), example_of(symptom)


def test_the_page_is_up_to_date() -> None:
    page = (SHIPPED / PAGE).read_text()
    assert page == fill_page(page), f"make it anew: python -m moor.tasks.diagnosis.page writes {PAGE}"
    assert all(f"| `{saying.id}` |" in page for saying in KNOWN_MESSAGES)
