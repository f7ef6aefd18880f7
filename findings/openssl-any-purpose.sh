#!/bin/sh
# OpenSSL (here the one in cryptography's wheel, spoken to by pyOpenSSL): a certificate whose extendedKeyUsage is
# anyExtendedKeyUsage is no server's. RFC 5280, 4.2.1.12, lets a CA include it so that a key is not restricted, and Go and
# GnuTLS take it so; OpenSSL's purpose check wants serverAuth by name, in the certificate and in every CA above it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$folder" \
    pyOpenSSL==26.4.0

PYTHONPATH=$folder python3 - <<'PYTHON'
import datetime
import sys

import cryptography
import OpenSSL
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

NAME = "registry.example.org"
NOW = datetime.datetime.now(datetime.timezone.utc)


def made(common, purposes, issuer=None):
    """Make a CA, or a server's certificate below ``issuer``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def refusal(root, leaf):
    """Shake hands in memory and return what the client finds wrong."""
    served, asking = SSL.Context(SSL.TLS_SERVER_METHOD), SSL.Context(SSL.TLS_CLIENT_METHOD)
    served.use_certificate(leaf[0])
    served.use_privatekey(leaf[1])
    asking.get_cert_store().add_cert(OpenSSL.crypto.X509.from_cryptography(root[0]))
    codes = []
    asking.set_verify(SSL.VERIFY_PEER, lambda _c, _x, code, _d, good: (codes.append(code) if not good else None) or good)
    client, server = SSL.Connection(asking), SSL.Connection(served)
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(9):
        for one, other in ((client, server), (server, client)):
            try:
                one.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error:
                return codes[0] if codes else -1
            try:
                other.bio_write(one.bio_read(65536))
            except SSL.WantReadError:
                pass
    return 0


root = made("Root", None)
limited = made("Root for anything", [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
cases = {
    "no extendedKeyUsage": refusal(root, made(NAME, None, root)),
    "serverAuth": refusal(root, made(NAME, [ExtendedKeyUsageOID.SERVER_AUTH], root)),
    "anyExtendedKeyUsage": refusal(root, made(NAME, [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], root)),
    "serverAuth below a CA for any": refusal(limited, made(NAME, [ExtendedKeyUsageOID.SERVER_AUTH], limited)),
}
print("pyOpenSSL", OpenSSL.__version__, "cryptography", cryptography.__version__, SSL.SSLeay_version(0).decode())
for words, code in cases.items():
    print(f"{words}: {'accepted' if code == 0 else f'refused, X509_V_ERR {code}'}")
seen = list(cases.values())
sys.exit(0 if seen == [0, 0, 26, 26] else "behaviour changed: 26 is X509_V_ERR_INVALID_PURPOSE")
PYTHON
