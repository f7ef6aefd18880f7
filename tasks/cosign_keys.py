"""Signatures of cosign by a public key, checked here, without cosign and without a network; pure.

Source  cosign's specs/SIGNATURE_SPEC.md; DSSE's protocol.md; Sigstore's bundle of version 0.3
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from moor.errors import InputError
from moor.formats.nesting import objects_in, parse_json, parse_object
from moor.tasks.attached import SIGNATURE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle"
SIGNED = "https://sigstore.dev/cosign/sign/v1"  # what an in-toto statement of cosign sign says; attestations say others
Read = Callable[[str], bytes]


def is_signed(digest: str, manifests: Iterable[str], read: Read, key: str) -> bool:
    """Return whether one of the manifests that are attached to a digest has a valid signature of it.

    Args:
        manifests: their digests
        read: the content of a blob, by its digest
        key: PEM

    Raises:
        InputError: the key is none
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(key.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"not a public key of cosign's, which cosign public-key prints: {error}") from None
    return any(_verified(public, *one) for manifest in manifests for one in _signatures(digest, manifest, read))


def _signatures(digest: str, manifest: str, read: Read) -> Iterator[tuple[bytes, bytes]]:
    """Yield the signatures of a manifest that are about the digest, each with what is signed."""
    for layer in objects_in(parse_object(read(manifest)).get("layers")):
        kind = str(layer.get("mediaType", ""))
        try:
            if kind == SIMPLE:
                payload = read(str(layer["digest"]))
                if parse_json(payload)["critical"]["image"]["docker-manifest-digest"] == digest:
                    yield b64decode(layer["annotations"][SIGNATURE]), payload
            elif kind.startswith(BUNDLE):
                yield from _of_envelope(digest, parse_json(read(str(layer["digest"])))["dsseEnvelope"])
        except (ValueError, LookupError, TypeError, AttributeError, binascii.Error):
            continue  # another kind of signature, or none


def _of_envelope(digest: str, envelope: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    payload, kind = b64decode(envelope["payload"]), str(envelope["payloadType"])
    statement = parse_json(payload)
    hashes = [one["digest"].get("sha256") for one in objects_in(statement.get("subject"))]
    if statement.get("predicateType") == SIGNED and digest.removeprefix("sha256:") in hashes:
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        for one in objects_in(envelope.get("signatures")):
            with suppress(ValueError, LookupError, TypeError):  # what is none takes nothing from the others
                yield b64decode(one["sig"]), signed


def _verified(key: PublicKeyTypes, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

    of_curve = {384: (SHA256, SHA384), 521: (SHA256, SHA512)}
    for hashed in of_curve.get(key.key_size, (SHA256,)) if isinstance(key, ec.EllipticCurvePublicKey) else (SHA256,):
        try:
            if isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, signed, ec.ECDSA(hashed()))
            elif isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, signed, padding.PKCS1v15(), hashed())
            elif isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, signed)
            else:
                return False
        except InvalidSignature:
            continue
        return True
    return False
