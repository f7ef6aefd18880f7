"""A CA outside of the fleet signs what moor requests: nothing unfit is served, and nothing that a client distrusts."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography import x509

from moor.tasks.facts import Registry
from moor.tasks.pki.serving import read_served_certificate
from tests.harness.waiting import after
from tests.lab.conftest import Moored
from tests.lab.diagnosing import NAME, address
from tests.pki.made import CLIENT, LEAF, ROOT, Made, Wish

pytestmark = pytest.mark.lab

TRUST = ("trust", "docker", "podman", "containerd")
EXTENSIONS = "subjectAltName = {names}\nextendedKeyUsage = {purpose}\nkeyUsage = critical,digitalSignature\n"


def served(moored: Moored) -> x509.Certificate:
    registry = Registry.model_validate({"name": NAME, "address": address(moored, "harbor1")})
    return x509.load_der_x509_certificate(read_served_certificate(registry))


def signed(folder: Path, root: Made, request: Path, days: int, purpose: str = "serverAuth") -> str:
    """Have OpenSSL sign a request as a company's CA does, and return the path of what it sends."""
    names = x509.load_pem_x509_csr(request.read_bytes()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    asked = [f"DNS:{one}" for one in names.value.get_values_for_type(x509.DNSName)]
    asked += [f"IP:{one}" for one in names.value.get_values_for_type(x509.IPAddress)]
    for name, text in {
        "ca.pem": root.pem,
        "ca.key": root.key_pem,
        "x.cnf": EXTENSIONS.format(names=",".join(asked), purpose=purpose),
    }.items():
        (folder / name).write_text(text)
    command = f"openssl x509 -req -in {request} -CA ca.pem -CAkey ca.key -extfile x.cnf -days {days} -out leaf.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    chain = folder / f"{purpose}-{days}.pem"
    chain.write_text((folder / "leaf.pem").read_text() + root.pem)
    return str(chain)


@contextmanager
def handshakes(moored: Moored, *roots: str) -> Iterator[list[str]]:
    """Have a client that trusts some CAs greet the registry all the while; yield what it was refused for."""
    trust = ssl.create_default_context(cadata="".join(roots))
    place, over, refused, fine = (address(moored, "harbor1"), 443), Event(), list[str](), list[int]()

    def greet() -> None:
        while not over.wait(0.1):
            try:
                with socket.create_connection(place, 5) as plain, trust.wrap_socket(plain, server_hostname=NAME):
                    fine.append(1)
            except ssl.SSLCertVerificationError as error:
                refused.append(str(error))
            except OSError:
                continue  # while its proxy starts again

    client = Thread(target=greet)
    client.start()
    try:
        yield refused
    finally:
        over.set()
        client.join()
    assert len(fine) > 5


def lines_of(printed: str) -> str:
    """Return the lines for the inventory below data.pki; the passphrase stands there already."""
    lines = printed.split("inventory:\n")[1].splitlines()
    return "".join(f"{line}\n" for line in lines if line.strip().startswith(("certificate:", "key:", "ca:")))


def installing_killed(site: Path, *words: str) -> None:
    argv: list[Any] = [sys.executable, "-m", "moor", "cert", "install", *words, "--site", site]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        after(0.8)
        process.kill()


def test_a_companys_certificate_is_requested_refused_installed_served_and_renewed(
    moored: Moored, tmp_path: Path
) -> None:
    moor, site = moored.moor, moored.moor.site
    defaults = site / "inventory/defaults.yaml"
    kept, first, own = defaults.read_text(), served(moored), (site / ".moor/pki/ca.crt").read_text()
    root, other = ROOT.signed(), Wish("Next root", ca=True, usage=ROOT.usage, days=3000).signed()
    request = tmp_path / "registry.csr"
    done = moor("cert", "request", "--out", str(request))
    assert done.returncode == 0, done.said
    with handshakes(moored, own, root.pem, other.pem) as refused:
        # one that no client accepts
        unfit = moor("cert", "install", signed(tmp_path, root, request, 20, "clientAuth"))
        assert unfit.returncode == 1
        assert "it is not for servers (extendedKeyUsage is clientAuth)" in unfit.stderr
        stranger = replace(LEAF, names=(NAME,), purposes=(CLIENT,)).signed(root)
        (tmp_path / "other.pem").write_text(stranger.pem)
        foreign = moor("cert", "install", str(tmp_path / "other.pem"), "--ca", str(tmp_path / "ca.pem"))
        assert "is for another key than" in foreign.stderr
        assert served(moored) == first

        # one that all accept; the first attempt is killed
        chain = signed(tmp_path, root, request, 20)
        installing_killed(site, chain)
        done = moor("cert", "install", chain)
        assert done.returncode == 0, done.said
        defaults.write_text(kept.replace("  pki:", f"  pki:\n{lines_of(done.stdout)}    # before:", 1))
        try:
            moor.applied(*TRUST)
            assert served(moored) == first
            moor.applied("harbor")
            second = served(moored)
            assert second.public_key() == x509.load_pem_x509_csr(request.read_bytes()).public_key()
            ends = moor("cert", "show")
            assert ends.returncode == 2  # within 30 days, and said
            assert f"{second.not_valid_after_utc:%Y-%m-%d}" in ends.stdout
            assert "moor cert request" in moor("drift", "--runbook", "watch", "--quiet").stdout
            assert moor("verify", "--quiet", "--limit", "node1,node3").returncode == 0

            # the next one is by another CA, which hosts learn of first
            assert moor("cert", "request", "--out", str(request)).returncode == 0
            chain = signed(tmp_path, other, request, 40)
            assert moor("cert", "install", chain).returncode == 2
            early = moor("cert", "install", chain)
            assert early.returncode == 1
            assert "not known to trust CN=Next root" in early.stderr
            assert served(moored) == second
        finally:
            defaults.write_text(kept)
            moor.applied("harbor")
            moor.applied(*TRUST)
            for name in ("own", "pending"):
                shutil.rmtree(site / ".moor/pki" / name)
    assert refused == []
    assert served(moored).issuer == first.issuer
    assert moor.planned() == []
