"""The TLS settings of a kubeconfig's context; the server's certificate is always checked."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moor.connections.apis.cluster.kubeconfig import KubeconfigContext
from moor.connections.apis.cluster.login import Credential, read_content
from moor.errors import InputError
from moor.lazy_imports import x509


class ServerNameContext(ssl.SSLContext):
    """A TLS context that expects a certificate for ``name``, whatever address the server has (``tls-server-name``)."""

    name = ""

    def wrap_socket(self, *args: Any, **known: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*args, **(known | ({"server_hostname": self.name} if self.name else {})))

    def wrap_bio(self, *args: Any, **known: Any) -> ssl.SSLObject:  # TLS through a proxy that speaks TLS itself
        return super().wrap_bio(*args, **(known | ({"server_hostname": self.name} if self.name else {})))


def make_context(chosen: KubeconfigContext, credential: Credential) -> ssl.SSLContext:
    """Build the TLS context for a cluster and a login; raises InputError if a certificate cannot be used."""
    context = ServerNameContext(ssl.PROTOCOL_TLS_CLIENT)
    context.name = chosen.cluster.tls_server_name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As in Go, any certificate in the kubeconfig is trusted, also an intermediate one or the server's own.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    _trust(context, chosen)
    if credential.certificate:
        _show(context, chosen, credential)
    return context


def _trust(context: ssl.SSLContext, chosen: KubeconfigContext) -> None:
    cluster = chosen.cluster
    if not (cluster.authority or cluster.authority_data):
        context.load_default_certs()
        return
    authority = read_content(chosen, cluster.authority, cluster.authority_data)
    place = f"{chosen.path}: clusters: {chosen.cluster_name}: certificate-authority"
    try:
        x509.load_pem_x509_certificates(authority)
        context.load_verify_locations(cadata=authority.decode("ascii", "ignore"))
    except (ValueError, ssl.SSLError):
        raise InputError(f"{place}: holds no certificates in PEM; copy the cluster's CA anew") from None


def _show(context: ssl.SSLContext, chosen: KubeconfigContext, credential: Credential) -> None:
    """Load the client certificate into the context."""
    place = f"{chosen.path}: users: {chosen.user_name}"
    try:
        x509.load_pem_x509_certificates(credential.certificate)
    except ValueError:
        raise InputError(f"{place}: client-certificate is no certificate in PEM; copy it anew") from None
    if b"ENCRYPTED" in credential.key:
        raise InputError(f"{place}: client-key has a passphrase, which kubectl does not take either; give it without")
    try:
        with memory_file(credential.certificate + b"\n" + credential.key) as path:
            context.load_cert_chain(path, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        what = "is not the client certificate's" if "MISMATCH" in str(error) else "is no private key in PEM"
        raise InputError(f"{place}: client-key {what}; copy both anew from one place") from None


@contextmanager
def memory_file(content: bytes) -> Iterator[str]:
    """Yield the path of a file in memory, since OpenSSL reads keys from files alone and a key must not reach a disk."""
    descriptor = os.memfd_create("moor", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
