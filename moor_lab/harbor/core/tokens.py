"""Tokens for /v2: RS256 JWTs that a client gets at /service/token, and that docker-registry verifies.

Source  distribution's token authentication specification; kid is the libtrust fingerprint of the public key.
"""

import base64
import hashlib
import time
import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

ISSUER = "harbor-token-issuer"
SERVICE = "harbor-registry"

Access = dict[str, Any]  # {"type": "repository", "name": "project/repo", "actions": ["pull"]}


@cache
def loaded(pem: bytes) -> RSAPrivateKey:
    """Return a private key, whose numbers take a while to check."""
    key = load_pem_private_key(pem, None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the key that signs tokens must be an RSA key")
    return key


class Tokens:
    """Issuer and verifier of tokens with one private key."""

    def __init__(self, pem: bytes, minutes: int = 30) -> None:
        self._key = key = loaded(pem)
        self.minutes = minutes
        self._kid = fingerprint(key)

    def issue(self, subject: str, access: Sequence[Access]) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "exp": now + self.minutes * 60,
            "nbf": now,
            "iat": now,
            "jti": uuid.uuid4().hex,
            "access": list(access),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._kid})

    def read(self, token: str) -> tuple[str, list[Access]] | None:
        """Return subject and access of a token; None if it is not valid."""
        try:
            public = self._key.public_key()
            claims = jwt.decode(token, public, algorithms=["RS256"], audience=SERVICE, issuer=ISSUER)
        except jwt.InvalidTokenError:
            return None
        return str(claims["sub"]), list(claims.get("access") or [])


def fingerprint(key: RSAPrivateKey) -> str:
    """Return libtrust's id of a key: 240 bits of SHA-256 of the public key, base32, in groups of four."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))
