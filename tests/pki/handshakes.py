"""Real TLS handshakes over an in-memory pipe and over loopback."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from moor.pki.authority import CertificateWithKey
from moor.pki.pem import pem, plain_key


@dataclass(frozen=True)
class Files:
    """A server's certificate and key, and what a client trusts."""

    certificate: Path
    key: Path
    ca: Path


def written(folder: Path, ca: x509.Certificate, server: CertificateWithKey) -> Files:
    """Write what OpenSSL reads."""
    files = Files(folder / "server.crt", folder / "server.key", folder / "ca.crt")
    files.certificate.write_text(server.pem)
    files.key.write_text(plain_key(server.key).reveal())
    files.ca.write_text(pem(ca))
    return files


def refusal(files: Files, name: str) -> str:
    """Shake hands as a client that asks for ``name``; empty where the certificate was accepted."""
    server_side, client_side = socket.socketpair()
    trust = ssl.create_default_context(cafile=str(files.ca))
    trust.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does by default
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(files.certificate, files.key)
    thread = threading.Thread(target=_serve, args=(served, server_side))
    thread.start()
    try:
        with client_side, trust.wrap_socket(client_side, server_hostname=name):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message or str(error)
    finally:
        thread.join()


def _serve(context: ssl.SSLContext, end: socket.socket) -> None:
    try:
        with end, context.wrap_socket(end, server_side=True):
            pass
    except (ssl.SSLError, OSError):
        pass  # the client says what it found


def openssl_refusal(files: Files, *expected: str) -> str:
    """Ask `openssl verify`, such as with -verify_hostname NAME; empty where it says OK."""
    argv = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(files.ca), *expected]
    done = subprocess.run([*argv, str(files.certificate)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
