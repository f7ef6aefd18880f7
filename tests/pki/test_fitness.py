"""What clients refuse of a certificate is said before it is served, and what they take is not refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from moor.pki.authority import CertificateNames, issue, make_authority, utc_now
from moor.pki.fitness import ServerCertificate
from moor.pki.handshakes import handshake_error
from moor.secrets.secret import Secret
from tests.pki.made import (
    ANY,
    CLIENT,
    LEAF,
    MIDDLE,
    NAME,
    ROOT,
    SERVER,
    Brought,
    Made,
    Wish,
    brought,
    by_openssl,
    usage,
)

OPENSSL, GNUTLS = "openssl", "gnutls"
NAMES = CertificateNames((NAME,))
UNKNOWN = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), True)


def constraints(*trees: x509.GeneralName, critical: bool = True) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints(list(trees), None), critical


DIRECTORY = x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]))


@dataclass(frozen=True)
class Case:
    """What is brought, the words for it, and which of the clients at hand refuse it; the others go without a word."""

    made: Callable[[Path], Brought]
    words: str
    clients: tuple[str, ...] = ()
    name: str = NAME


def case(
    words: str, *clients: str, leaf: Wish = LEAF, root: Wish = ROOT, middle: Wish | None = None, name: str = NAME
) -> Case:
    return Case(lambda _: brought(leaf, root, middle), words, clients, name)


def rearranged(change: Callable[[Brought], Brought], words: str, *clients: str) -> Case:
    return Case(lambda _: change(brought(middle=MIDDLE)), words, clients)


WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505
EACH = {
    "for clients only": case("it is not for servers (extendedKeyUsage is clientAuth)", OPENSSL, GNUTLS,
                             leaf=replace(LEAF, purposes=(CLIENT,))),
    "for any purpose": case("which OpenSSL does not take", OPENSSL,
                            leaf=replace(LEAF, purposes=(ANY,))),
    "CA that may not sign": case("its keyUsage lacks keyCertSign", OPENSSL, GNUTLS,
                                 root=replace(ROOT, usage=usage("crl_sign"))),
    "CA for another purpose": case("CN=Root: it is not for servers", OPENSSL,
                                   root=replace(ROOT, purposes=(CLIENT,))),
    "issuing CA for another purpose": case("CN=Issuing: it is not for servers", OPENSSL,
                                           middle=replace(MIDDLE, purposes=(CLIENT,))),
    "CA for other names": case(f"its name constraints do not permit {NAME}", OPENSSL, GNUTLS,
                               root=replace(ROOT, further=(constraints(x509.DNSName("other.test")),))),
    "another name is outside": case(
        "do not permit hub.other.test", OPENSSL, GNUTLS, leaf=replace(LEAF, names=(NAME, "hub.other.test")),
        root=replace(ROOT, further=(constraints(x509.DNSName("moor.test")),)),
    ),
    "path too long": case("its path length is 0, and 1 CA stands between", OPENSSL, GNUTLS,
                          root=replace(ROOT, path_length=0), middle=MIDDLE),
    "leaf that is a CA": case("it is a CA itself", leaf=replace(LEAF, ca=True)),
    "leaf that only signs": case("its keyUsage lacks digitalSignature", OPENSSL,
                                 leaf=replace(LEAF, usage=usage("key_cert_sign"))),
    "no CA": case("it is no CA", OPENSSL, GNUTLS, root=replace(ROOT, ca=False)),
    "unknown critical extension": case("is critical, and clients refuse what they do not know", OPENSSL, GNUTLS,
                                       leaf=replace(LEAF, further=(UNKNOWN,))),
    "weak key": case("its RSA key has 1024 bits", OPENSSL, GNUTLS, leaf=replace(LEAF, key=WEAK)),
    "weak key of the CA": case("CN=Root: its RSA key has 1024 bits", OPENSSL, GNUTLS, root=replace(ROOT, key=WEAK)),
    "curve of Bitcoin": case("on the curve secp256k1, which Go does not know",
                             leaf=replace(LEAF, key=ec.generate_private_key(ec.SECP256K1()))),
    "critical directory name": case("name a directory", root=replace(ROOT, further=(constraints(DIRECTORY),))),
    "pattern of a top-level domain": case("*.lan is too broad", OPENSSL, GNUTLS, name="registry.lan",
                                          leaf=replace(LEAF, names=("*.lan",))),
    "another name": case(f"it is not for {NAME};", OPENSSL, GNUTLS, leaf=replace(LEAF, names=("hub.moor.test",))),
    "no names": case("it has no subject alternative names", leaf=replace(LEAF, names=())),
    "expired": case("it expired on", OPENSSL, GNUTLS, leaf=replace(LEAF, days=9)),
    "not yet": case("it is not valid before", OPENSSL, GNUTLS,
                    leaf=replace(LEAF, began=utc_now() + timedelta(days=3))),
    "SHA-1": Case(lambda folder: by_openssl(folder, "-sha1"), "it is signed by SHA1", (OPENSSL, GNUTLS)),
    "SHA-224": Case(lambda folder: by_openssl(folder, "-sha224"), "it is signed by SHA224"),
    "negative serial": Case(lambda folder: by_openssl(folder, "-set_serial", "-77"), "its serial number is negative"),
    "no root": rearranged(lambda good: Brought(good.chain, good.chain[1:]),
                          "CN=Issuing is signed by CN=Root, which is not in the file", OPENSSL),
    "no issuing CA": rearranged(lambda good: Brought(good.chain[:1], good.roots),
                                "add what stands between them", OPENSSL, GNUTLS),
    "another CA": rearranged(lambda good: replace(good, roots=(ROOT.signed(),)), "the CA did not sign CN=", OPENSSL),
    "another key": rearranged(lambda good: replace(good, key=ec.generate_private_key(ec.SECP256R1())),
                              "not the key of the first certificate"),
}  # fmt: skip


def presented(files: Brought) -> ServerCertificate:
    return ServerCertificate(
        tuple(one.certificate for one in files.chain),
        tuple(one.certificate for one in files.roots),
        files.key or files.chain[0].key,
    )


def faults(files: Brought, names: CertificateNames = NAMES) -> list[str]:
    return [fault.words for fault in presented(files).faults(names, utc_now())]


@pytest.mark.parametrize("one", EACH.values(), ids=list(EACH))
def test_what_clients_refuse_is_named_and_the_clients_refuse_it(tmp_path: Path, one: Case) -> None:
    files = one.made(tmp_path)
    said = faults(files, CertificateNames((one.name,)))
    assert any(one.words in line for line in said), said
    assert "signed by SHA" not in one.words or len(said) == 1, said
    asked = {OPENSSL: openssl_refuses, GNUTLS: gnutls_refuses}
    assert {client: asked[client](tmp_path, files, one.name) for client in one.clients} == dict.fromkeys(
        one.clients, True
    )


GOOD = {
    "two": brought(),
    "three": brought(middle=MIDDLE),
    "RSA": brought(
        replace(LEAF, key=rsa.generate_private_key(65537, 2048), usage=usage("digital_signature", "key_encipherment"))
    ),
    "clients too": brought(replace(LEAF, purposes=(CLIENT, SERVER))),
    "pattern": brought(replace(LEAF, names=("*.moor.test",))),
    "constraints that permit": brought(
        root=replace(ROOT, further=(constraints(x509.DNSName("moor.test"), x509.DNSName("lan")),)),
        leaf=replace(LEAF, names=(NAME, "registry.lan")),
    ),
    "path long enough": brought(root=replace(ROOT, path_length=1), middle=replace(MIDDLE, path_length=0)),
}


@pytest.mark.parametrize("files", GOOD.values(), ids=list(GOOD))
def test_what_clients_take_has_no_fault(tmp_path: Path, files: Brought) -> None:
    assert faults(files) == []
    assert [fault.words for fault in presented(files).strictness(NAMES, utc_now())] == []
    assert not openssl_refuses(tmp_path, files, NAME)
    assert not gnutls_refuses(tmp_path, files, NAME)


def test_a_certificate_that_clients_trust_itself_may_be_a_ca(tmp_path: Path) -> None:
    """As ``openssl req -x509`` makes it."""
    own = replace(LEAF, ca=True, usage=None, purposes=()).signed()
    files = Brought((own,), (own,))
    assert faults(files) == []
    assert not openssl_refuses(tmp_path, files, NAME)


def test_a_ca_that_takes_anothers_place_may_stand_beside_it() -> None:
    good = brought()
    assert faults(replace(good, roots=(ROOT.signed(), *good.roots))) == []
    ended = replace(ROOT, subject="Former", days=9).signed()
    both = replace(good, roots=(*good.roots, ended))
    assert faults(both) == []
    assert "CN=Former: it expired on" in presented(both).strictness(NAMES, utc_now())[0].words


def test_all_faults_are_told_at_once() -> None:
    files = brought(replace(LEAF, purposes=(CLIENT,), key=WEAK, days=5), replace(ROOT, usage=usage("crl_sign")))
    assert len(faults(files)) == 4


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (brought(replace(LEAF, identified=False)), f"CN={NAME}: it has no authorityKeyIdentifier"),
        (brought(root=replace(ROOT, usage=None)), "CN=Root: it has no keyUsage"),
    ],
)
def test_what_python_3_13_alone_refuses_is_told_apart(files: Brought, words: str) -> None:
    assert faults(files) == []
    assert words in next(fault.words for fault in presented(files).strictness(NAMES, utc_now()))
    assert handshake_error(files.chain_pem, Secret(files.key_pem), files.roots_pem, NAME, strict=True) != ""


def misordered(good: Brought) -> Brought:
    further = replace(MIDDLE, subject="Upper").signed(good.roots[0])
    lower = replace(MIDDLE, subject="Lower").signed(further)
    return Brought((LEAF.signed(lower), further, lower), good.roots)


THREE = GOOD["three"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (misordered(THREE), "CN=Upper stands in the wrong place"),
        (replace(THREE, chain=(*THREE.chain, THREE.chain[1])), "CN=Issuing stands in the file twice"),
        (replace(THREE, chain=(THREE.chain[0], ROOT.signed(), THREE.chain[1])), "CN=Root stands in the wrong place"),
        (replace(THREE, chain=(*THREE.chain, ROOT.signed())), "CN=Root did not sign the certificate before it"),
    ],
)
def test_an_order_that_todays_clients_take_is_told_and_stops_nothing(
    tmp_path: Path, files: Brought, words: str
) -> None:
    assert faults(files) == []
    assert not gnutls_refuses(tmp_path, files, NAME)
    assert words in next(fault.words for fault in presented(files).strictness(NAMES, utc_now()))


names = st.lists(st.from_regex(r"[a-z]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True), min_size=2, max_size=3)


@given(names.map(".".join), st.ip_addresses())
def test_what_moor_issues_has_no_fault(name: str, address: object) -> None:
    wanted = CertificateNames((name,), (ip_address(str(address)),))
    authority = make_authority(wanted, 100, utc_now())
    own = issue(authority, wanted, 50, utc_now())
    made = ServerCertificate((own.certificate,), (authority.certificate,), own.key)
    assert made.faults(wanted, utc_now()) == []
    assert made.strictness(wanted, utc_now()) == []


@given(st.sampled_from(["moor.test", ".moor.test", "registry.moor.test", "test", "oor.test", "x.registry.moor.test"]))
def test_name_constraints_are_judged_as_openssl_judges_them(tree: str) -> None:
    files = brought(root=replace(ROOT, further=(constraints(x509.DNSName(tree)),)))
    key = Secret(files.key_pem)
    assert bool(faults(files)) == bool(handshake_error(files.chain_pem, key, files.roots_pem, NAME))


@given(st.sampled_from(["10.77.0.0/16", "10.77.0.11/32", "10.78.0.0/16", "::/0"]))
def test_constraints_of_addresses_are_judged_as_openssl_judges_them(network: str) -> None:
    wanted = CertificateNames((NAME,), (ip_address("10.77.0.11"),))
    tree = x509.IPAddress(ip_network(network))
    top = replace(ROOT, further=(constraints(tree),)).signed()
    own = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(wanted.addresses[0])])
    files = Brought((replace(LEAF, names=(), further=((own, False),)).signed(top),), (top,))
    refused = handshake_error(files.chain_pem, Secret(files.key_pem), files.roots_pem, "10.77.0.11")
    assert bool(faults(files, wanted)) == bool(refused)


def openssl_refuses(folder: Path, files: Brought, name: str) -> bool:
    """Ask OpenSSL's own tool, with the rules of a client of today's Debian."""
    write(folder, files)
    argv = ["openssl", "verify", "-purpose", "sslserver", "-auth_level", "2", "-CAfile", "roots.pem"]
    argv += ["-untrusted", "chain.pem", "-verify_hostname", name, "chain.pem"]
    return subprocess.run(argv, cwd=folder, capture_output=True, check=False).returncode != 0


def gnutls_refuses(folder: Path, files: Brought, name: str) -> bool:
    """Ask GnuTLS's own tool."""
    write(folder, files)
    argv = ["certtool", "--verify", "--load-ca-certificate", "roots.pem", "--infile", "chain.pem"]
    argv += ["--verify-hostname", name, "--verify-purpose", "1.3.6.1.5.5.7.3.1", "--verify-profile", "medium"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    return "Chain verification output: Verified." not in done.stdout


def write(folder: Path, files: Brought) -> None:
    (folder / "roots.pem").write_text(files.roots_pem)
    (folder / "chain.pem").write_text(files.chain_pem)


def test_a_made_key_is_never_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    good = brought()
    assert handshake_error(good.chain_pem, Secret(good.key_pem), good.roots_pem, NAME) == ""
    assert list(tmp_path.iterdir()) == []
    assert isinstance(good.chain[0], Made)
