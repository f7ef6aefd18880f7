"""A certificate of a company's CA: requested, judged as clients will, installed without an outage."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.cli.commands.company_certificate import doubtful_hosts
from moor.engine.findings import expiry_findings
from moor.errors import InputError
from moor.pki.authority import CertificateNames, make_authority, utc_now
from moor.pki.delivered import put_in_order, read_delivered
from moor.pki.keystore import StoredPair
from moor.pki.pem import pem, read_chain
from moor.run.report import HostReport, ResourceReport, RunReport
from moor.secrets import private_files
from moor.secrets.secret import Secret
from moor.sites.site import open_site
from moor.tasks.expiry.certificates import brought_expiries, certificate_findings
from moor.tasks.pki.installation import CompanyCertificates
from tests.harness.commands import Done, moor_here
from tests.harness.sites import write_site
from tests.pki.made import CLIENT, LEAF, MIDDLE, NAME, ROOT, Made, Wish, usage

REGISTRY = {"name": NAME, "address": "10.77.0.11", "aliases": ["hub.moor.test"]}
NAMES = (NAME, "registry", "hub.moor.test")
BROUGHT = {"certificate": "tls/registry.crt", "key": "file:tls/registry.key", "ca": "tls/ca.crt"}
GOOD = replace(LEAF, names=NAMES)


@dataclass(frozen=True)
class Asked:
    """The key of a request, of which a CA knows the public half alone."""

    request: x509.CertificateSigningRequest

    def public_key(self) -> Any:
        return self.request.public_key()


@dataclass(frozen=True)
class Company:
    """A site with a registry of its own, and the CA of the company beside it."""

    site: Path

    @property
    def state(self) -> Path:
        return self.site / ".moor/pki"

    @property
    def pending(self) -> list[str]:
        folder = self.state / "pending"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def moor(self, *words: str, code: int = 0) -> Done:
        done = moor_here(self.site, "cert", *words)
        assert done.returncode == code, done.said
        return done

    def key(self) -> Any:
        """Request a certificate, and return the request's key as a CA knows it."""
        return Asked(x509.load_pem_x509_csr(self.moor("request").stdout.encode()))

    def signed(self, issuer: Made, leaf: Wish = GOOD) -> Made:
        return replace(leaf, key=leaf.key or self.key()).signed(issuer)

    def sent(self, *certificates: Made | x509.Certificate, name: str = "chain.pem") -> str:
        """Write what the CA sent, and return the path."""
        found = [one.certificate if isinstance(one, Made) else one for one in certificates]
        (self.site / name).write_text("".join(map(pem, found)))
        return str(self.site / name)

    def files(self) -> dict[str, bytes]:
        """Return every file of the site, to see that nothing was written."""
        return {str(path): path.read_bytes() for path in self.site.rglob("*") if path.is_file()}


def company(folder: Path, pki: Mapping[str, Any] | None = None) -> Company:
    own = {"harbor": {"installer": "h.tgz", "admin_password": "env:NONE"}}
    place = {"hostname": "127.0.0.1"}  # nothing listens on these ports, so that hosts are refused at once
    files: dict[str, Any] = {
        "inventory/hosts.yaml": {
            "harbor1": {**place, "port": 1, "groups": ["harbor"], "data": own},
            "node1": {**place, "port": 2, "groups": ["nodes"]},
        },
        "inventory/groups.yaml": {name: {} for name in ("harbor", "nodes", "control_plane", "workstations")},
        "inventory/defaults.yaml": {"data": {"registry": REGISTRY, **({"pki": dict(pki)} if pki else {})}},
    }
    return Company(write_site(folder / "site", files, {"passphrase": "correct-horse\n"}))


@pytest.fixture
def bare(tmp_path: Path) -> Company:
    return company(tmp_path)


@pytest.fixture
def brought(tmp_path: Path) -> Company:
    return company(tmp_path, BROUGHT)


def test_a_request_has_every_name_and_a_servers_extensions_and_its_key_is_private(bare: Company) -> None:
    done = bare.moor("request")
    request = x509.load_pem_x509_csr(done.stdout.encode())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == set(NAMES)
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.77.0.11"]
    assert [one.dotted_string for one in request.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == [
        "1.3.6.1.5.5.7.3.1"
    ]
    assert request.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert x509.oid.AttributeOID.CHALLENGE_PASSWORD not in [one.oid for one in request.attributes]
    assert request.is_signature_valid
    key = bare.state / "pending/request.key"
    assert key.stat().st_mode & 0o777 == 0o600
    body = key.read_text().splitlines()[1]
    assert body not in done.said
    assert "moor cert install" in done.stderr


def test_a_second_request_is_the_same_until_a_name_is_added_and_then_it_has_the_same_key(bare: Company) -> None:
    first = bare.moor("request").stdout
    again = bare.moor("request", "--out", str(bare.site / "a.csr"))
    assert (bare.site / "a.csr").read_text().strip() == first.strip()
    assert "the request that waits" in again.stderr
    write_site(bare.site, {"inventory/defaults.yaml": {"data": {"registry": {**REGISTRY, "aliases": ["x.moor.test"]}}}})
    other = bare.moor("request").stdout
    assert other != first
    assert x509.load_pem_x509_csr(other.encode()).public_key() == x509.load_pem_x509_csr(first.encode()).public_key()


def test_a_killed_request_goes_on_with_its_key(bare: Company) -> None:
    first = x509.load_pem_x509_csr(bare.moor("request").stdout.encode())
    (bare.state / "pending/request.csr").unlink()  # killed between the key and the request
    assert x509.load_pem_x509_csr(bare.moor("request").stdout.encode()).public_key() == first.public_key()


def test_a_key_of_rsa_is_made_where_the_ca_wants_one_and_never_replaces_a_pending_one(bare: Company) -> None:
    request = x509.load_pem_x509_csr(bare.moor("request", "--key", "rsa").stdout.encode())
    assert isinstance(request.public_key(), rsa.RSAPublicKey)
    assert request.extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment
    assert "request.key away" in bare.moor("request", "--key", "ec", code=1).stderr


def test_a_request_signed_by_openssl_is_installed_and_its_end_is_watched(bare: Company, tmp_path: Path) -> None:
    root = ROOT.signed()
    (tmp_path / "ca.pem").write_text(root.pem)
    (tmp_path / "ca.key").write_text(root.key_pem)
    bare.moor("request", "--out", str(tmp_path / "a.csr"))
    sign = "openssl x509 -req -in a.csr -CA ca.pem -CAkey ca.key -copy_extensions copyall -days 9 -out leaf.pem"
    subprocess.run(sign.split(), cwd=tmp_path, check=True, capture_output=True)
    done = bare.moor("install", str(tmp_path / "leaf.pem"), "--ca", str(tmp_path / "ca.pem"))
    assert "not for" not in done.said
    lines = done.stdout.split("inventory:\n")[1].split("next:")[0]
    assert "certificate: .moor/pki/own/registry.crt" in lines
    assert bare.pending == []
    assert (bare.state / "own/registry.key").stat().st_mode & 0o777 == 0o600
    (bare.site / "inventory/defaults.yaml").write_text(
        f"{(bare.site / 'inventory/defaults.yaml').read_text()}\n{lines.replace('data:', '')}"
    )
    host = open_site(bare.site, dry_run=True).inventory.hosts["harbor1"]
    assert [one.id for one in certificate_findings(host) if one.id == "certificate:refused"] == []
    (finding,) = expiry_findings(brought_expiries(host), within_days=30)
    assert (finding.id, finding.remedy) == ("certificate:registry", "moor cert request")


FAULTS: dict[str, tuple[Callable[[Company], tuple[Made, ...]], str]] = {}


def fault(name: str, words: str, leaf: Wish = GOOD, root: Wish = ROOT, middle: Wish | None = None) -> None:
    """Add a fault: the CA's files with it, its root last, and the words for it."""

    def made(at: Company) -> tuple[Made, ...]:
        top = root.signed()
        between = (middle.signed(top),) if middle else ()
        return (at.signed((*between, top)[0], leaf), *between, top)

    FAULTS[name] = (made, words)


def permitted(name: str) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints([x509.DNSName(name)], None), True


fault("clientAuth only", "extendedKeyUsage is clientAuth", replace(GOOD, purposes=(CLIENT,)))
fault("a CA as the server's", "it is a CA itself (CA:TRUE)", replace(GOOD, ca=True))
fault("expired", "it expired on", replace(GOOD, days=9))
fault("not yet valid", "it is not valid before", replace(GOOD, began=utc_now() + timedelta(days=3)))
fault("an alias is missing", "it is not for hub.moor.test", replace(GOOD, names=NAMES[:2]))
fault("no names", "it has no subject alternative names", replace(GOOD, names=()))
fault("name constraints", "name constraints do not permit", root=replace(ROOT, further=(permitted("other.test"),)))
fault("path length", "its path length is 0", root=replace(ROOT, path_length=0), middle=MIDDLE)
fault("RSA 1024", "RSA key has 1024 bits", middle=replace(MIDDLE, key=rsa.generate_private_key(65537, 1024)))  # noqa: S505
fault("issuer that is no CA", "it is no CA", middle=replace(MIDDLE, ca=False))
fault("keyUsage", "lacks digitalSignature", replace(GOOD, usage=usage("key_cert_sign")))
fault("another key", "is for another key than", replace(GOOD, key=rsa.generate_private_key(65537, 2048)))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_by_its_name_and_nothing_is_written(bare: Company, name: str) -> None:
    made, words = FAULTS[name]
    bare.key()
    *chain, root = made(bare)
    arguments = bare.sent(*chain), "--ca", bare.sent(root, name="ca.pem")
    before = bare.files()
    done = bare.moor("install", *arguments, code=1)
    assert words in done.stderr
    assert "chain.pem" in done.stderr or "ca.pem" in done.stderr
    assert bare.files() == before


def test_a_sha1_signature_is_told(bare: Company, tmp_path: Path) -> None:
    root = ROOT.signed()
    (tmp_path / "ca.pem").write_text(root.pem)
    (tmp_path / "ca.key").write_text(root.key_pem)
    bare.moor("request", "--out", str(tmp_path / "a.csr"))
    sign = "openssl x509 -req -sha1 -in a.csr -CA ca.pem -CAkey ca.key -copy_extensions copyall -days 9 -out leaf.pem"
    subprocess.run(sign.split(), cwd=tmp_path, check=True, capture_output=True)
    done = bare.moor("install", str(tmp_path / "leaf.pem"), "--ca", str(tmp_path / "ca.pem"), code=1)
    assert "it is signed by SHA1" in done.stderr


def test_a_missing_intermediate_is_told_with_its_name(bare: Company) -> None:
    root = ROOT.signed()
    leaf = bare.signed(MIDDLE.signed(root))
    done = bare.moor("install", bare.sent(leaf), "--ca", bare.sent(root, name="ca.pem"), code=1)
    assert "whose issuer is CN=Issuing" in done.stderr


def test_all_faults_are_told_at_once(bare: Company) -> None:
    top = replace(ROOT, path_length=0).signed()
    middle = MIDDLE.signed(top)
    leaf = bare.signed(middle, replace(GOOD, purposes=(CLIENT,), names=NAMES[:1], days=9))
    said = bare.moor("install", bare.sent(leaf, middle, top), code=1).stderr
    for words in ("clientAuth", "it expired on", "it is not for hub.moor.test", "its path length is 0"):
        assert words in said


@pytest.mark.parametrize("form", ["PEM", "PKCS7 PEM", "PKCS7 DER", "UTF-16"])
def test_every_form_is_read_and_the_order_is_put_right(bare: Company, form: str) -> None:
    root = ROOT.signed()
    middle = MIDDLE.signed(root)
    leaf = bare.signed(middle)
    mixed = [one.certificate for one in (root, middle, leaf)]
    path = Path(bare.sent(*mixed))
    if form == "UTF-16":
        path.write_text(path.read_text(), "utf-16")
    elif form.startswith("PKCS7"):
        encoding = Encoding.PEM if form.endswith("PEM") else Encoding.DER
        path.write_bytes(pkcs7.serialize_certificates(mixed, encoding))
    done = bare.moor("install", str(path))
    assert "CN=Root is the CA itself" in done.stderr
    written = read_chain((bare.state / "own/registry.crt").read_bytes(), "")
    assert list(written) == [leaf.certificate, middle.certificate]
    assert list(read_chain((bare.state / "own/ca.crt").read_bytes(), "")) == [root.certificate]


def test_a_single_certificate_in_der_form_is_read(bare: Company) -> None:
    root = ROOT.signed()
    leaf = bare.signed(root)
    (bare.site / "leaf.der").write_bytes(leaf.certificate.public_bytes(Encoding.DER))
    bare.moor("install", str(bare.site / "leaf.der"), "--ca", bare.sent(root, name="ca.pem"))


@pytest.mark.parametrize("content", [b"", b"hello", b"0\x82\x01\x00", b"-----BEGIN CERTIFICATE-----\nxx\n"])
def test_a_file_without_certificates_is_one_error(bare: Company, content: bytes) -> None:
    bare.key()
    (bare.site / "x").write_bytes(content)
    assert bare.moor("install", str(bare.site / "x"), code=1).stderr.count("\n") == 1


def test_without_a_request_there_is_nothing_to_install(bare: Company) -> None:
    root = ROOT.signed()
    said = bare.moor("install", bare.sent(GOOD.signed(root), root), code=1).stderr
    assert "moor cert request makes key and request" in said


ORDERED = [ROOT.signed(), ROOT.signed()]
MIDDLE_MADE = MIDDLE.signed(ORDERED[0])
CHAIN = (GOOD.signed(MIDDLE_MADE), MIDDLE_MADE, ORDERED[0], ORDERED[1])


@settings(max_examples=24)
@given(st.sampled_from(list(permutations(CHAIN))))
def test_whatever_the_order_the_server_sends_the_same_chain(mixed: tuple[Made, ...]) -> None:
    found = [one.certificate for one in mixed]
    server = put_in_order(found, CHAIN[0].key, (), with_roots=True).server
    assert server.chain == (CHAIN[0].certificate, CHAIN[1].certificate)
    assert server.roots == (CHAIN[2].certificate,)
    assert server.faults(CertificateNames(NAMES), utc_now()) == []


@given(st.binary(max_size=200))
def test_what_only_begins_like_der_is_bad_input(content: bytes) -> None:
    with pytest.raises(InputError, match=r"^x: "):
        read_delivered(b"0" + content, "x")


def installed(at: Company, root: Made) -> None:
    at.moor("install", at.sent(at.signed(root), root))


def test_the_inventorys_own_files_are_written_and_pass_its_own_judgement(brought: Company) -> None:
    root = ROOT.signed()
    done = brought.moor("request")
    assert done.returncode == 0
    installed(brought, root)
    assert brought.pending == []
    key = load_pem_private_key((brought.site / "tls/registry.key").read_bytes(), None)
    assert read_chain((brought.site / "tls/registry.crt").read_bytes(), "")[0].public_key() == key.public_key()
    assert (brought.site / "tls/registry.key").stat().st_mode & 0o777 == 0o600
    again = brought.moor("install", str(brought.site / "chain.pem"))
    assert "installed: " in again.stdout


def test_a_renewal_by_the_same_ca_needs_no_overlap(brought: Company) -> None:
    root = ROOT.signed()
    installed(brought, root)
    before = (brought.site / "tls/registry.key").read_bytes()
    brought.moor("install", brought.sent(brought.signed(root)))
    assert (brought.site / "tls/registry.key").read_bytes() != before


def test_a_new_ca_is_trusted_by_every_host_before_its_certificate_is_installed(brought: Company) -> None:
    root, other = ROOT.signed(), replace(ROOT, subject="Next root").signed()
    installed(brought, root)
    chain = brought.sent(brought.signed(other), other)
    before = brought.files()
    done = brought.moor("install", chain, code=2)
    assert "next: moor apply" in done.stdout
    after = brought.files()
    assert {name for name, content in after.items() if before[name] != content} == {str(brought.site / "tls/ca.crt")}
    both = [root.certificate, other.certificate]
    assert list(read_chain((brought.site / "tls/ca.crt").read_bytes(), "")) == both
    refused = brought.moor("install", chain, code=1)  # no host can be asked
    assert "harbor1, node1: not known to trust CN=Next root" in refused.stderr
    assert brought.files() == after
    host = open_site(brought.site, dry_run=True).inventory.hosts["harbor1"]
    judged = CompanyCertificates().judge(host, Path(chain), None)
    assert judged.lacking == "trust"
    judged.install()  # as when every host trusts it
    assert brought.pending == []
    assert list(read_chain((brought.site / "tls/ca.crt").read_bytes(), "")) == both


def test_hosts_that_differ_or_could_not_be_asked_are_doubtful() -> None:
    fine = HostReport(reached=True, resources=[ResourceReport("trust-bundle:x", "ok", "trust_ca")])
    differs = HostReport(reached=True, resources=[ResourceReport("trust-bundle:x", "drift", "trust_ca")])
    hosts = {"a": fine, "b": differs, "c": HostReport(error="no route"), "d": HostReport()}
    assert doubtful_hosts(RunReport("run", "x", hosts)) == ["b", "c"]


def test_a_killed_install_is_finished_by_the_next(brought: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    root = ROOT.signed()
    installed(brought, root)
    chain, write = brought.sent(brought.signed(root)), private_files.write
    for survived in range(2):
        left = [survived]

        def killed(path: Path, content: bytes, mode: int = 0o600, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            write(path, content, mode)

        host = open_site(brought.site, dry_run=True).inventory.hosts["harbor1"]
        judged = CompanyCertificates().judge(host, Path(chain), None)
        with monkeypatch.context() as patched:
            patched.setattr(private_files, "write", killed)
            with pytest.raises(KeyboardInterrupt):
                judged.install()
        assert "request.key" in brought.pending
    brought.moor("install", chain)
    assert brought.pending == []


def killed_at(at: Company, number: int, *words: str) -> bool:
    """Run moor cert in a process that SIGKILL ends before it puts or removes the file of that number.

    Returns:
        Whether it was killed; otherwise it succeeded before.
    """
    pid = os.fork()
    if not pid:
        left, unlink = [number], os.unlink

        def dying(call: Callable[..., None]) -> Callable[..., None]:
            def called(*given: Any, **named: Any) -> None:
                # What is left of a file that was put in place is no moment of its own.
                left[0] -= not (call is unlink and Path(given[0]).name.startswith("."))
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                call(*given, **named)

            return called

        os.replace, os.unlink = dying(os.replace), dying(os.unlink)
        os._exit(moor_here(at.site, "cert", *words).returncode)
    status = os.waitpid(pid, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def test_a_kill_at_any_moment_loses_no_key_and_the_same_command_goes_on(brought: Company) -> None:
    root = ROOT.signed()
    installed(brought, root)
    kept = {name: (brought.site / "tls" / name).read_bytes() for name in ("registry.crt", "registry.key")}

    moments = 0
    while killed_at(brought, moments, "request"):
        moments += 1
    assert moments >= 2  # its key, and itself
    assert {name: (brought.site / "tls" / name).read_bytes() for name in kept} == kept
    asked = brought.key().public_key()
    chain = brought.sent(brought.signed(root))

    moments = 0
    while killed_at(brought, moments, "install", chain):
        moments += 1
        keys = [brought.state / "pending/request.key", brought.site / "tls/registry.key"]
        held = [load_pem_private_key(path.read_bytes(), None).public_key() for path in keys if path.exists()]
        assert asked in held, moments
        (leaf,) = read_chain((brought.site / "tls/registry.crt").read_bytes(), "")  # one or the other, never half
        assert leaf.public_key() in (asked, load_pem_x509_key(kept["registry.crt"]))
    assert moments >= 4  # key, certificate, and the end of the request
    (leaf,) = read_chain((brought.site / "tls/registry.crt").read_bytes(), "")
    assert leaf.public_key() == asked
    assert brought.pending == []
    assert sorted(path.name for path in (brought.site / "tls").iterdir()) == ["ca.crt", "registry.crt", "registry.key"]


def load_pem_x509_key(content: bytes) -> Any:
    return read_chain(content, "")[0].public_key()


def test_a_passphrase_seals_the_key_and_moors_own_ca_stays_trusted(tmp_path: Path) -> None:
    at = company(tmp_path, {"passphrase": "file:passphrase"})
    own = make_authority(CertificateNames((NAME,)), 99, utc_now())
    StoredPair(at.state, "ca").save(own, Secret("correct-horse"))
    root = ROOT.signed()
    done = at.moor("install", at.sent(at.signed(root), root))
    assert b"ENCRYPTED" in (at.state / "own/registry.key").read_bytes()
    assert list(read_chain((at.state / "own/ca.crt").read_bytes(), "")) == [own.certificate, root.certificate]
    assert "every host trusts the new CA beside moor's own" in done.stdout
    assert "correct-horse" not in done.said


def test_a_place_that_cannot_be_written_is_one_error_and_the_request_stays(brought: Company) -> None:
    assert f"--out {brought.site}: " in brought.moor("request", "--out", str(brought.site), code=1).stderr
    root = ROOT.signed()
    chain = brought.sent(brought.signed(root), root)
    (brought.site / "tls/registry.crt").mkdir(parents=True)
    done = brought.moor("install", chain, code=1)
    assert "tls/registry.crt: Is a directory" in done.stderr
    (brought.site / "tls/registry.crt").rmdir()
    brought.moor("install", chain)


def test_a_key_that_is_no_file_is_refused(tmp_path: Path) -> None:
    at = company(tmp_path, {**BROUGHT, "key": "env:REGISTRY_KEY"})
    assert "write file:PATH" in at.moor("request", code=1).stderr
