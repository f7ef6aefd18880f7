"""The probes of a node run in every shell, and their answers become evidence without logins."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from moor.secrets.secret import Secret
from moor.tasks.diagnosis.environment import unchecked_findings
from moor.tasks.diagnosis.evidence.distributions import DISTRIBUTION_FRAGMENT as ASKED_WHICH
from moor.tasks.diagnosis.evidence.node_answers import evidence_of
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts, ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.probes import Probe, probes
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import judge
from tests.harness.shells import SHELLS, sh

DOOR = RegistryEndpoint("registry.moor.test", "10.77.0.11", 443)
PASSWORD = "Pu11erSecret"
ASKED = ProbeRequest(DOOR, "demo/sqrt:1.0", ("robot$demo+puller", Secret(PASSWORD)), pull=True)
DIGEST = "sha256:" + "a" * 64
KNOWN = ControllerFacts("answers", "ok", DIGEST, "there", "there", "there", "amd64", "")
PROBES: dict[str, Probe] = {probe.name: probe for probe in probes(ASKED)}
NOW = 1_780_000_000.0


def served(name: str = DOOR.name, ends: datetime | None = None) -> str:
    """Return what openssl shows of a certificate that it accepts."""
    key = ec.generate_private_key(ec.SECP256R1())
    end = ends or datetime.fromtimestamp(NOW, UTC) + timedelta(days=30)
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(end - timedelta(days=60)).not_valid_after(end)
    cert = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(key, hashes.SHA256())
    pem = cert.public_bytes(serialization.Encoding.PEM).decode()
    return f"CONNECTED(00000003)\n{pem}\nVerify return code: 0 (ok)\n"


def token(*actions: str) -> str:
    claims = {"access": [{"type": "repository", "name": "demo/sqrt", "actions": list(actions)}]}
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


TOML = base64.b64encode(
    b'server = "https://registry.moor.test"\n[host."https://registry.moor.test"]\nca = "/x"\n'
).decode()
CHALLENGE = 'Bearer realm="https://registry.moor.test/service/token",service="harbor-registry"'
WELL = {
    "clock": f"before={int(NOW)}\nthere={int(NOW)}\n",
    "name": "found=10.77.0.11 \ndns=\nfiles=10.77.0.11 \n",
    "wire": "address=10.77.0.11\nway=10.77.0.11 dev eth0\nanchor=/usr/x.crt\n" + served(),
    "registry": f"v2=401\nchallenge={CHALLENGE}\nrealm_found=10.77.0.11\nlogin=200\nscoped=200\ntoken={token('pull')}\n"
    f"manifest=200\ndigest={DIGEST}\n",
    "containerd": "machine=x86_64\nactive=active\nconfig_path=/etc/containerd/certs.d\ndisabled=[]\n"
    f"socket=answers\nplugin_cri=ok\nelsewhere=\ntoml={TOML}\nstarted=10\ntrusted=5\n",
    "mtu": "towards=10.77.0.11\ndevice=eth0\nmtu=1500\nlarge=told\n",
    "proxy": "",
    "pull": "moor: pulled\n",
}  # fmt: skip


def causes(**answers: str) -> list[str]:
    evidence = evidence_of({**WELL, **answers}, ASKED, KNOWN, "node1", NOW)
    return [verdict.rule for result in judge(evidence, RULES) for verdict in result.verdicts]


def test_the_answers_of_a_healthy_node_match_no_rule() -> None:
    assert causes() == []


@pytest.mark.parametrize(
    ("probe", "answer", "rule"),
    [
        ("clock", f"before={int(NOW)}\nthere={int(NOW) + 86400}\n", "clock-off"),
        ("clock", "there=soon\n", "clock-off"),
        ("name", "found=\ndns=\nfiles=\n", "name-missing"),
        ("name", "found=\ndns=10.77.0.11 \nfiles=\nnsswitch=files mdns4_minimal\n", "name-nsswitch"),
        ("name", "found=10.0.0.9 \ndns=10.77.0.11 \nfiles=10.0.0.9 \n", "name-stale"),
        ("wire", "address=10.77.0.11\nconnect:errno=111\n", "route-refused"),
        ("wire", "address=10.77.0.11\nconnect:errno=113\n", "route-prohibited"),
        ("wire", "address=10.77.0.11\nconnect:errno=101\n", "route-missing"),
        ("wire", "address=x\nway=x via 10.77.0.2 dev eth0\nconnect:errno=101\n", "route-prohibited"),
        ("wire", "address=fd00::11\nway=x dev eth0\nconnect:errno=13\n", "route-prohibited"),
        ("wire", "address=10.77.0.11\n", "route-dropped"),
        ("wire", "openssl=missing\n", "openssl-missing"),
        ("wire", "address=x\nCONNECTED(3)\nerror:0A00010B:SSL routines::wrong version number\n", "tls-plain"),
        ("wire", "address=x\nCONNECTED(3)\nno peer certificate available\n", "tls-cut"),
        ("wire", "anchor=/x\n" + served("other.test"), "tls-name"),
        ("wire", "anchor=/x\n" + served(ends=datetime.fromtimestamp(NOW, UTC) - timedelta(days=1)), "tls-expired"),
        ("wire", served().replace("CONN", "verify error:num=20:unable to get local issuer\nCONN"), "ca-missing"),
        ("mtu", "towards=10.77.0.11\ndevice=wg0\nmtu=1500\nlarge=stuck\npasses=1400\n", "mtu-small"),
        ("registry", "v2=502\nchallenge=\n", "core-down"),
        ("registry", "v2=401\nchallenge=Bearer realm=\"http://x/token\"\n", "realm-plain"),
        ("registry", WELL["registry"].replace("login=200", "login=401"), "login-wrong"),
        ("registry", WELL["registry"].replace(token("pull"), token("push")), "rights-missing"),
        ("registry", WELL["registry"].replace("manifest=200", "manifest=404"), "tag-missing"),
        ("containerd", "machine=x86_64\ncontainerd=missing\n", "containerd-missing"),
        ("containerd", WELL["containerd"].replace("plugin_cri=ok", "plugin_cri=error"), "cri-broken"),
        ("proxy", "proxy=set\nno_proxy=10.0.0.0/8\n", "proxy-between"),
        ("containerd", WELL["containerd"].replace("x86_64", "aarch64"), "platform-wrong"),
        ("containerd", WELL["containerd"].replace(TOML, base64.b64encode(b"[host").decode()), "hosts-toml-malformed"),
        ("pull", "ctr: x509: certificate signed by unknown authority\n", "pull-failed"),
        ("registry", WELL["registry"].replace("manifest=200", "manifest=412"), "manifest-refused"),
    ],
)  # fmt: skip
def test_an_answer_matches_the_rule_of_its_cause(probe: str, answer: str, rule: str) -> None:
    assert causes(**{probe: answer}) == [rule]


def test_a_failed_pull_is_explained_by_its_message() -> None:
    answer = "ctr: failed to copy: httpReadSeeker: failed open: server closed connection: unexpected EOF\n"
    evidence = evidence_of({**WELL, "pull": answer}, ASKED, KNOWN, "node1", NOW)
    (verdict,) = [verdict for result in judge(evidence, RULES) for verdict in result.verdicts]
    assert "in the middle of a layer" in verdict.cause
    assert "df -h" in verdict.mend


def test_further_images_are_judged_apart_from_the_first() -> None:
    evidence = evidence_of(WELL, ASKED, KNOWN, "node1", NOW)
    other = replace(ASKED, image="demo/other:2")
    lacking = replace(KNOWN, repository="absent")
    answers = {
        **WELL,
        "registry": WELL["registry"].replace("manifest=200", "manifest=404").replace("demo/sqrt", "demo/other"),
    }
    scoped = token("pull").replace("demo/sqrt", "demo/other")
    found = evidence_of(
        {**answers, "registry": answers["registry"].replace(token("pull"), scoped)}, other, lacking, "node1", NOW
    )
    beside = {layer: {**found[layer], "actions": "pull"} for layer in ("login", "rights", "manifest")}
    refused = {**beside, "login": {**beside["login"], "status": "401"}}
    results = {one.layer: one for one in judge(evidence, RULES, [beside, refused])}
    assert [verdict.rule for verdict in results["manifest"].verdicts] == ["image-missing"]
    assert [verdict.rule for verdict in results["login"].verdicts] == ["login-wrong"]
    assert results["pull"].status == "unknown"


def test_an_address_family_without_a_route_is_no_fault_if_the_other_connects() -> None:
    way = (
        WELL["wire"].replace("CONNECTED", "connect:errno=101\nCONNECTED").replace("way=10", "way=RTNETLINK unreachable")
    )
    assert "errno=101" in way
    assert causes(wire=way) == []


def test_a_missing_project_is_distinguished_from_missing_rights() -> None:
    answers = {**WELL, "registry": WELL["registry"].replace(token("pull"), token())}
    for state, rule in (("there", "rights-missing"), ("absent", "project-missing")):
        evidence = evidence_of(answers, ASKED, replace(KNOWN, project=state), "node1", NOW)
        told = [verdict.rule for result in judge(evidence, RULES) for verdict in result.verdicts]
        assert told == [rule]


@given(st.dictionaries(st.sampled_from(sorted(WELL)), st.text(max_size=200)))
def test_any_answer_of_a_node_becomes_printable_one_line_evidence(answers: dict[str, str]) -> None:
    found = evidence_of(answers, ASKED, KNOWN, "node1", NOW)
    for evidence in found.values():
        assert all(value.isprintable() and PASSWORD not in value for value in evidence.values())
    judge(found, RULES)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", [name for name in PROBES if name != "pull"])
def test_every_probe_works_on_a_bare_host(shell: str, name: str) -> None:
    done = sh(shell, f"(\nPATH=/nowhere\n{PROBES[name].probe()}\n)")
    assert done.returncode in (0, 127)
    judge(evidence_of({name: done.stdout.decode()}, ASKED, KNOWN, "node1", time.time()), RULES)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ["clock", "name", "containerd", "proxy"])
def test_every_probe_works_on_this_machine_without_an_error(shell: str, name: str) -> None:
    done = sh(shell, f"(\n{PROBES[name].probe()}\n) </dev/null")
    assert (done.returncode, done.stderr) == (0, b"")
    assert PASSWORD.encode() not in done.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("place", "name", "mend"),
    [
        ("var/lib/k0s", "k0s", "k0sworker"), ("var/snap/microk8s", "microk8s", "snap restart microk8s"),
        ("var/lib/rancher/k3s", "k3s", "data.containerd.runtime: k3s"),
        ("var/lib/rancher/rke2", "rke2", "data.containerd.runtime: rke2"), ("kind", "kind", "certs.d"),
        ("var/lib/minikube", "minikube", "--embed-certs"), ("", "", "apt-get install containerd"),
    ],
)  # fmt: skip
def test_a_node_of_a_distribution_gets_the_remedies_of_that_distribution(
    shell: str, place: str, name: str, mend: str, tmp_path: Path
) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    done = sh(shell, ASKED_WHICH.replace(":/", f":{tmp_path}/"))
    answer = f"machine=x86_64\ncontainerd=missing\n{done.stdout.decode()}"
    assert done.stdout.decode() == (f"distribution={name}\n" if name else "")
    evidence = evidence_of({**WELL, "containerd": answer}, ASKED, KNOWN, "node1", NOW)
    (verdict,) = [verdict for result in judge(evidence, RULES) for verdict in result.verdicts]
    assert mend in verdict.mend
    assert ("apt-get" in verdict.mend) is (name == "")


@pytest.mark.parametrize(("free", "told"), [("free_k=20\nfree_i=5000\n", "0 MB"), ("free_k=9999999\nfree_i=7\n",
"7 inodes"),
                                            ("free_k=9999999\nfree_i=0\n", ""), ("free_k=-\n", "")])  # fmt: skip
def test_a_full_disk_is_reported(free: str, told: str) -> None:
    evidence = evidence_of({**WELL, "containerd": WELL["containerd"] + free}, ASKED, KNOWN, "node1", NOW)
    found = [verdict for result in judge(evidence, RULES) for verdict in result.verdicts]
    assert [verdict.rule for verdict in found] == (["disk-full"] if told else [])
    assert all(told in verdict.cause for verdict in found)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_symbolic_link_does_not_count_as_a_trust_anchor(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor, link = tmp_path / "moor-registry-ca.crt", tmp_path / "moor-registry-ca.pem"
    anchor.touch()
    link.symlink_to(anchor)
    monkeypatch.setattr("moor.tasks.diagnosis.evidence.probes.ANCHORS", [str(link), str(anchor)])
    nowhere = replace(ASKED, endpoint=RegistryEndpoint("registry.invalid", "10.77.0.11", 443))
    (wire,) = (probe for probe in probes(nowhere) if probe.name == "wire")
    told = sh(shell, wire.probe()).stdout.decode().splitlines()
    assert [line for line in told if line.startswith("anchor=")] == [f"anchor={anchor}"]


def test_no_probe_shows_its_login_when_printed() -> None:
    assert PASSWORD not in repr(PROBES)
    assert base64.b64encode(f"robot$demo+puller:{PASSWORD}".encode()).decode() not in repr(PROBES)


SKIPPED = base64.b64encode(b'skip_verify = true\n[host."https://registry.moor.test"]\nca = "/x"\n').decode()


@pytest.mark.parametrize(
    ("answer", "rules"),
    [
        (WELL["containerd"].replace(TOML, SKIPPED), ["certificate-unchecked"]),
        (WELL["containerd"].replace(TOML, SKIPPED) + "default=/etc/containerd/certs.d/_default\n",
         ["hosts-toml-missing", "certificate-unchecked"]),
        (WELL["containerd"] + "hidden=/etc/containerd/certs.d/registry.moor.test_8443_\n", ["hosts-toml-hidden"]),
        (WELL["containerd"].replace("trusted=5", "trusted=50").replace(TOML, base64.b64encode(b"[host.x]\n").decode()),
         ["ca-unread"]),
    ],
)  # fmt: skip
def test_faults_of_containerds_registry_configuration_match_their_rules(answer: str, rules: list[str]) -> None:
    assert causes(containerd=answer.replace("trusted=5\n", "trusted=50\n") if "default=" in answer else answer) == rules


def test_k3s_or_crio_without_certificate_checks_is_reported() -> None:
    answer = f"toml_file=/var/lib/rancher/k3s/agent/etc/containerd/certs.d/r/hosts.toml\ntoml={SKIPPED}\n"
    for own, said, rules in (("k3s", answer, ["certificate-unchecked-own"]), ("rke2", "", []), ("crio", "", [])):
        evidence = evidence_of({**WELL, "containerd": said}, replace(ASKED, own=own), KNOWN, "node1", NOW)
        assert [v.rule for result in judge(evidence, RULES) for v in result.verdicts] == rules
        assert [one.id for one in unchecked_findings(evidence["containerd"], "n")] == [f"runtime:{r}" for r in rules]
