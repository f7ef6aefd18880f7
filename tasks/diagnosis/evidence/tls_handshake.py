"""Evidence about a TLS connection and the served certificate, from the output of ``openssl s_client``; pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from moor.lazy_imports import hashes, x509
from moor.pki.pem import certificates_in
from moor.tasks.diagnosis.evidence.registry_answers import yes_no


def parse_transcript(answer: str, now: float) -> dict[str, str]:
    """Return how far the connection got, and the served certificate, from the output of openssl s_client."""
    number = re.search(r"errno ?= ?(\d+)", answer)
    code = re.search(r"Verify return code: (\d+) \(([^)]*)", answer)
    errors = re.findall(r"verify error:num=(\d+):([^\r\n]*)", answer)
    found = {
        "connected": yes_no("CONNECTED" in answer),
        "errno": number[1]
        if number and "CONNECTED" not in answer
        else "",  # an error counts only if no address connected
        "verify": code[1] if code and not errors else errors[0][0] if errors else "",
        "verify_words": errors[0][1] if errors else code[2] if code else "",
        "plain": yes_no("wrong version number" in answer or "packet length too long" in answer),
    }
    served = certificates_in(answer)
    return {**found, **describe_certificate(served[0], now)} if served else {**found, "served": "no"}


def describe_certificate(pem: str, now: float) -> dict[str, str]:
    """Return names, issuer, validity and fingerprint of a certificate."""
    try:
        cert = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return {"served": "no"}
    ends, begins = cert.not_valid_after_utc, cert.not_valid_before_utc
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "served": "yes",
        "names": " ".join(_names(cert)),
        "issuer": cert.issuer.rfc4514_string(),
        "begins": f"{begins:%Y-%m-%d %H:%M} UTC",
        "ends": f"{ends:%Y-%m-%d %H:%M} UTC",
        "ended": yes_no(ends < moment),
        "begun": yes_no(begins <= moment),
        "fingerprint": cert.fingerprint(hashes.SHA256()).hex(),
    }


def _names(cert: x509.Certificate) -> list[str]:
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name.value) for name in names]
