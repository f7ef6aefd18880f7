"""The kinds of host key to ask a host for, and the check of the one that it shows."""

from __future__ import annotations

from moor.connections.ssh.failures import changed_key_failure, unknown_key_failure
from moor.connections.ssh.host_keys import fingerprint
from moor.formats.public_keys import type_of_key

# By kind of key, the signature algorithms that libraries ask for; RFC 8332 has those of RSA.
ALGORITHMS = {
    "ssh-ed25519": "ssh-ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
    "ssh-rsa": "rsa-sha2-512,rsa-sha2-256",
}


def preferred_algorithms(known: list[str]) -> str:
    """List the algorithms to ask for, separated by commas: those of the host's known keys (in base64) first."""
    kinds = {type_of_key(blob) for blob in known}
    ordered = sorted(ALGORITHMS, key=lambda kind: (kind not in kinds, kind != "ssh-ed25519"))
    return ",".join(ALGORITHMS[kind] for kind in ordered)


def check_host_key(shown: str, known: list[str]) -> None:
    """Raise HostError if the host's key (in base64) is not among the known ones; no setting switches this off."""
    if shown in known:
        return
    kind = type_of_key(shown)
    former = next((blob for blob in known if type_of_key(blob) == kind), None)
    if former is None:
        raise unknown_key_failure(kind, fingerprint(shown)).error()
    raise changed_key_failure(kind, fingerprint(shown), kind, fingerprint(former)).error()
