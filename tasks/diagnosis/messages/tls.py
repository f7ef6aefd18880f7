"""Known messages about certificates and handshakes."""

from __future__ import annotations

from moor.tasks.diagnosis.messages.known_message import KnownMessage

X509 = "Go, package crypto/x509"
TLS = "Go, package crypto/tls"
ANEW = "where moor's CA signs it: moor cert renew; else have it issued anew and name the file in data.pki"
THEIRS = "have whoever runs {name} replace its certificate"

CERTIFICATES = (
    KnownMessage(
        "tls-serial", "tls",
        (r"x509: negative serial number", r"x509: serial number too long"),
        "a certificate of {name} has a serial number that Go 1.23 and later refuse, and with it containerd and Docker",
        "have it issued anew with a positive serial number; " + ANEW, THEIRS, X509,
    ),
    KnownMessage(
        "tls-constraint", "tls",
        (r"is not permitted by any constraint", r"is excluded by constraint", r"permitted subtree violation",
         r"not authorized to sign for this name", r"excluded subtree violation"),
        "the CA may not sign for {subject}: its name constraints leave it out",
        "have the certificate issued without {subject}, or signed by a CA whose constraints permit it; moor plan pki "
        "judges the one that is given",
        THEIRS, "RFC 5280, 4.2.1.10",
    ),
    KnownMessage(
        "tls-usage", "tls",
        (r"incompatible key usage", r"unsuitable certificate purpose", r"unsupported certificate purpose"),
        "the certificate of {name}, or a CA above it, is not made for servers (extended key usage)",
        "have it issued with serverAuth; " + ANEW, THEIRS, "RFC 5280, 4.2.1.12",
    ),
    KnownMessage(
        "tls-ca", "tls",
        (r"parent certificate cannot sign this kind of certificate", r"invalid CA certificate",
         r"too many intermediates", r"path length constraint exceeded", r"not authorized to sign other certificates"),
        "a certificate of the chain of {name} signs though it is no CA, or more deeply than it may",
        "have the certificate issued by a CA that may sign it; moor plan pki judges the one that is given", THEIRS,
        X509,
    ),
    KnownMessage(
        "tls-weak", "tls",
        (r"insecure algorithm", r"ee key too small", r"ca md too weak", r"unhandled critical extension",
         r"malformed (certificate|extension)|invalid (subject|extension|DER)",
         r"failed to parse certificate from server"),
        "the certificate of {name} breaks a rule that clients hold to (key size, SHA-1, an unknown critical extension)",
        "have it issued anew, RSA 2048 or EC, SHA-256; " + ANEW, THEIRS, X509,
    ),
    KnownMessage(
        "ca-namesake", "tls",
        (r"signed by unknown authority \(possibly because of", r"certificate signature failure"),
        "{host} knows a CA of the same name with another key: the CA was made anew, and {host} has the old one",
        "moor apply trust --limit {host}; then moor apply {runtime} --limit {host}",
        "put the present CA of {name} into the place of the old one on {host}", X509,
    ),
    KnownMessage(
        "ca-missing", "tls",
        (r"signed by unknown authority", r"unable to get local issuer certificate", r"certificate is not trusted",
         r"self[- ]?signed certificate", r"unable to verify the first certificate"),
        "{host} does not trust the CA of the certificate that {name} serves",
        "moor apply trust --limit {host}; where that has nothing to do: moor apply {runtime} --limit {host}",
        "give {host} the CA of {name}: a directory of {name} in certs.d of its runtime, with ca.crt", X509,
    ),
    KnownMessage(
        "tls-expired", "tls",
        (r"certificate has expired",),
        "the certificate that {name} serves has expired, by the clock of {host}",
        "moor cert renew, once date on {host} is right", THEIRS, X509,
    ),
    KnownMessage(
        "tls-name", "tls",
        (r"x509: certificate is (valid for .*, not|not valid for any names)", r"because it doesn't contain",
         r"relies on legacy Common Name", r"Hostname mismatch", r"no alternative certificate subject name matches"),
        "the certificate is for other names than the one that was asked: another server answers, or it lacks a name",
        "moor apply pki; moor apply harbor; where both have nothing to do, another server has the address of {name}",
        "have {name} put into its certificate as a subject alternative name, or ask for a name that is in it", X509,
    ),
    KnownMessage(
        "tls-client", "tls",
        (r"tls: certificate required", r"tls: bad certificate", r"No required SSL certificate was sent",
         r"peer did not return a certificate"),
        "the server asks for a client's certificate (mutual TLS), and none, or one that it does not accept, was sent",
        "turn client certificates off for the registry in the proxy before it; else client = [[CERT, KEY]] in "
        "hosts.toml",
        by=TLS,
    ),
    KnownMessage(
        "tls-version", "tls",
        (r"protocol version not supported", r"server selected unsupported protocol version", r"unsupported protocol",
         r"alert protocol version", r"inappropriate fallback"),
        "client and server have no version of TLS in common: one of them is old, or only knows TLS 1.3",
        "have the server, or the proxy before it, offer TLS 1.2 and 1.3; an old client needs an update", by=TLS,
    ),
    KnownMessage(
        "tls-handshake", "tls",
        (r"tls: handshake failure", r"handshake failure", r"unrecognized name", r"no cipher suite|no shared cipher",
         r"tls: internal error", r"no application protocol"),
        "the server breaks the handshake off: no cipher in common, or it serves nothing under the name that was sent",
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
        "{host} speaks plain HTTP to a port that wants HTTPS: a mirror or an insecure entry of its runtime says "
        "http://",
        "take the http:// of that registry out of hosts.toml, registries.conf or insecure-registries on {host}", by=TLS,
    ),
    KnownMessage(
        "ca-other", "tls",
        (r"failed to verify certificate", r"certificate verify failed", r"\bx509:"),
        "{host} does not accept the certificate of {name}",
        "run on {host}: openssl s_client -connect {name}:443 -servername {name} -verify_return_error",
        by=X509,
    ),
)  # fmt: skip
