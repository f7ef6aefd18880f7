"""TLS to a cluster's API as its kubeconfig wants it; the certificate is always checked."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moor.connections.apis.cluster.kubeconfig import Chosen
from moor.connections.apis.cluster.login import Credential, content
from moor.errors import InputError
from moor.lazy_imports import x509


class Named(ssl.SSLContext):
    """A context that expects one name of every server, whatever address it was reached at (``tls-server-name``)."""

    name = ""

    def wrap_socket(self, *args: Any, **known: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*args, **(known | ({"server_hostname": self.name} if self.name else {})))

    def wrap_bio(self, *args: Any, **known: Any) -> ssl.SSLObject:  # TLS through a proxy that speaks TLS itself
        return super().wrap_bio(*args, **(known | ({"server_hostname": self.name} if self.name else {})))


def context_for(chosen: Chosen, credential: Credential) -> ssl.SSLContext:
    """Return the context for a cluster and a login; raises InputError where CA or certificate cannot be used."""
    context = Named(ssl.PROTOCOL_TLS_CLIENT)
    context.name = chosen.cluster.tls_server_name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As Go does: whatever certificate the kubeconfig gives is trusted, an intermediate or the server's own too.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    _trust(context, chosen)
    if credential.certificate:
        _show(context, chosen, credential)
    return context


def _trust(context: ssl.SSLContext, chosen: Chosen) -> None:
    cluster = chosen.cluster
    if not (cluster.authority or cluster.authority_data):
        context.load_default_certs()
        return
    authority = content(chosen, cluster.authority, cluster.authority_data)
    place = f"{chosen.path}: clusters: {chosen.cluster_name}: certificate-authority"
    try:
        x509.load_pem_x509_certificates(authority)
        context.load_verify_locations(cadata=authority.decode("ascii", "ignore"))
    except (ValueError, ssl.SSLError):
        raise InputError(f"{place}: holds no certificates in PEM; copy the cluster's CA anew") from None


def _show(context: ssl.SSLContext, chosen: Chosen, credential: Credential) -> None:
    """Have the context show the client certificate."""
    place = f"{chosen.path}: users: {chosen.user_name}"
    try:
        x509.load_pem_x509_certificates(credential.certificate)
    except ValueError:
        raise InputError(f"{place}: client-certificate is no certificate in PEM; copy it anew") from None
    if b"ENCRYPTED" in credential.key:
        raise InputError(f"{place}: client-key has a passphrase, which kubectl does not take either; give it without")
    try:
        with in_memory(credential.certificate + b"\n" + credential.key) as path:
            context.load_cert_chain(path, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        what = "is not the client certificate's" if "MISMATCH" in str(error) else "is no private key in PEM"
        raise InputError(f"{place}: client-key {what}; copy both anew from one place") from None


@contextmanager
def in_memory(held: bytes) -> Iterator[str]:
    """Return a path to content that is on no disk, since OpenSSL reads keys from files alone."""
    descriptor = os.memfd_create("moor", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(held)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
