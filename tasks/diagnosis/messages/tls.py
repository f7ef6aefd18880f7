"""Known messages about certificates and handshakes."""

from __future__ import annotations

from moor.tasks.diagnosis.messages.known_message import KnownMessage

X509 = "Go, package crypto/x509"
TLS = "Go, package crypto/tls"
ANEW = "if moor's CA signs it: moor cert renew; otherwise name the new file in data.pki"
THEIRS = "ask the administrators of {name} to replace its certificate"

CERTIFICATES = (
    KnownMessage(
        "tls-serial", "tls",
        (r"x509: negative serial number", r"x509: serial number too long"),
        "a certificate of {name} has a serial number that Go 1.23 and later, and so containerd and Docker, refuse",
        "have it issued again with a positive serial number; " + ANEW, THEIRS, X509,
    ),
    KnownMessage(
        "tls-constraint", "tls",
        (r"is not permitted by any constraint", r"is excluded by constraint", r"permitted subtree violation",
         r"not authorized to sign for this name", r"excluded subtree violation"),
        "the CA may not sign for {subject}: its name constraints exclude it",
        "have the certificate issued without {subject}, or by a CA whose constraints permit it; moor plan pki checks "
        "it",
        THEIRS, "RFC 5280, 4.2.1.10",
    ),
    KnownMessage(
        "tls-usage", "tls",
        (r"incompatible key usage", r"unsuitable certificate purpose", r"unsupported certificate purpose"),
        "the certificate of {name}, or of a CA above it, is not valid for servers (extended key usage)",
        "have it issued again with serverAuth; " + ANEW, THEIRS, "RFC 5280, 4.2.1.12",
    ),
    KnownMessage(
        "tls-ca", "tls",
        (r"parent certificate cannot sign this kind of certificate", r"invalid CA certificate",
         r"too many intermediates", r"path length constraint exceeded", r"not authorized to sign other certificates"),
        "a certificate in the chain of {name} signed another although it is no CA, or its path length forbids it",
        "have the certificate issued by a CA that may sign it; moor plan pki checks it", THEIRS,
        X509,
    ),
    KnownMessage(
        "tls-weak", "tls",
        (r"insecure algorithm", r"ee key too small", r"ca md too weak", r"unhandled critical extension",
         r"malformed (certificate|extension)|invalid (subject|extension|DER)",
         r"failed to parse certificate from server", r"\d+-bit keys are insecure",
         r"contains an invalid RSA public key", r"rejects RSA keys smaller"),
        "the certificate of {name} breaks a rule that clients enforce (key size, SHA-1, an unknown critical extension)",
        "have it issued again, with RSA 2048 or EC, and SHA-256; " + ANEW, THEIRS, X509,
    ),
    KnownMessage(
        "ca-namesake", "tls",
        (r"signed by unknown authority \(possibly because of", r"certificate signature failure"),
        "{host} trusts a CA of the same name with another key: the CA was replaced, and {host} still has the old one",
        "moor apply trust --limit {host}; then moor apply {runtime} --limit {host}",
        "replace the old CA of {name} on {host} by its current one", X509,
    ),
    KnownMessage(
        "ca-missing", "tls",
        (r"signed by unknown authority", r"unable to get local issuer certificate", r"certificate is not trusted",
         r"self[- ]?signed certificate", r"unable to verify the first certificate"),
        "{host} does not trust the CA of the certificate that {name} serves",
        "moor apply trust --limit {host}; if that changes nothing: moor apply {runtime} --limit {host}",
        "put the CA of {name} on {host}, as ca.crt in the directory of {name} in certs.d of its runtime", X509,
    ),
    KnownMessage(
        "tls-expired", "tls",
        (r"certificate has expired",),
        "the certificate that {name} serves has expired, by the clock of {host}",
        "check date on {host}; then moor cert renew", THEIRS, X509,
    ),
    KnownMessage(
        "tls-name", "tls",
        (r"x509: certificate is (valid for .*, not|not valid for any names)", r"because it doesn't contain",
         r"relies on legacy Common Name", r"Hostname mismatch", r"no alternative certificate subject name matches"),
        "the certificate is for other names than the one that was requested: another server answers, or a name is "
        "missing",
        "moor apply pki; moor apply harbor; if neither changes anything, another server has the address of {name}",
        "have {name} added to its certificate as a subject alternative name, or use a name that is in it", X509,
    ),
    KnownMessage(
        "tls-client", "tls",
        (r"tls: certificate required", r"tls: bad certificate", r"No required SSL certificate was sent",
         r"peer did not return a certificate"),
        "the server requires a client certificate (mutual TLS), and got none, or one that it does not accept",
        "turn off client certificates in the proxy in front of the registry, or set client = [[CERT, KEY]] in "
        "hosts.toml",
        by=TLS,
    ),
    KnownMessage(
        "tls-version", "tls",
        (r"protocol version not supported", r"server selected unsupported protocol version", r"unsupported protocol",
         r"alert protocol version", r"inappropriate fallback"),
        "client and server have no TLS version in common: one of them is old, or allows TLS 1.3 only",
        "have the server, or the proxy in front of it, offer TLS 1.2 and 1.3; update an old client", by=TLS,
    ),
    KnownMessage(
        "tls-handshake", "tls",
        (r"tls: handshake failure", r"handshake failure", r"unrecognized name", r"no cipher suite|no shared cipher",
         r"tls: internal error", r"no application protocol"),
        "the server breaks off the handshake: no cipher in common, or it does not serve the name that was sent",
        "run on {host}: openssl s_client -connect {name}:443 -servername {name}; then correct ciphers or server_name "
        "there",
        by=TLS,
    ),
    KnownMessage(
        "tls-plain", "tls",
        (r"server gave HTTP response to HTTPS client", r"first record does not look like a TLS handshake",
         r"wrong version number", r"packet length too long"),
        "that port of {name} speaks plain HTTP", "moor apply harbor",
        "name the port of {name} that speaks HTTPS, or have it serve HTTPS there", TLS,
    ),
    KnownMessage(
        "tls-unasked", "tls",
        (r"Client sent an HTTP request to an HTTPS server", r"plain HTTP request was sent to HTTPS port",
         r"malformed HTTP (response|status code) .*x1[56]"),
        "{host} speaks plain HTTP to an HTTPS port: a mirror or an insecure entry of its runtime says http://",
        "remove the http:// entry of that registry from hosts.toml, registries.conf or insecure-registries on "
        "{host}", by=TLS,
    ),
    KnownMessage(
        "ca-other", "tls",
        (r"failed to verify certificate", r"certificate verify failed", r"\bx509:"),
        "{host} does not accept the certificate of {name}",
        "run on {host}: openssl s_client -connect {name}:443 -servername {name} -verify_return_error",
        by=X509,
    ),
)  # fmt: skip
