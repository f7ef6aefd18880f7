"""The known causes of faults on the way to the registry: route, packet size, TLS; the specific before the general."""

from __future__ import annotations

from moor.tasks.diagnosis.rules.rule import Evidence, Rule

RECORDED = "recorded on Kubernetes 1.36 with containerd 2.3 and 1.6"
CONNECT = "errno(3), connect(2); " + RECORDED
OPENSSL = "openssl-verification-options(1)"
# Source: icmp(7) and RFC 4443, 3.1: what ICMP makes of connect(2), 13 being IPv6's "administratively prohibited".
PROHIBITED = ("113", "101", "13")
# Source: openssl/x509_vfy.h: purpose, path length, no CA, name constraints, unknown critical extension, key or digest
# too weak; 24 is what OpenSSL 1.1 calls its 79.
UNFIT = frozenset({"24", "25", "26", "28", "32", "34", "47", "48", "51", "53", "66", "67", "68", "79"})
CERTS_D = "containerd, docs/hosts.md"


def controller_connects(evidence: Evidence) -> bool:
    """Return whether the controller reaches the registry; if so, the registry runs and the node's route is at fault."""
    return evidence.get("controller") == "answers"


def has_no_route(evidence: Evidence) -> bool:
    """Return whether the host itself has no route; otherwise it was a router that reported an unreachable network."""
    return "unreachable" in evidence.get("way", "").lower()


ROUTE_RULES = (
    Rule(
        "openssl-missing", "route",
        lambda e: e.get("openssl") == "missing",
        "openssl is not installed on {host}, and moor needs it to test the connection", "run on {host}: apt-get "
        "install openssl",
        "openssl-s_client(1)",
    ),
    Rule(
        "route-astray", "route",
        lambda e: e.get("connected") != "yes" and bool(e.get("hop")) and f" via {e['hop']} " not in f"{e.get('way')} ",
        "{host} has no route to {address} via {hop}, which data.routes names", "moor apply routes --limit {host}",
        CONNECT,
    ),
    Rule(
        "route-missing", "route",
        lambda e: e.get("connected") != "yes" and (has_no_route(e) or (e.get("errno") == "101" and not e.get("way"))),
        "{host} has no route to {address}", "name the next hop in "
        "data.routes.via, and moor sets the route (docs/routes.md); or run on {host}: ip route get {address}",
        CONNECT,
    ),
    Rule(
        "route-refused", "route",
        lambda e: e.get("errno") == "111" and controller_connects(e),
        "a connection to {address} port {port} is refused, although the registry answers the controller: a firewall",
        "run on {host} and on the registry's host: nft list ruleset; allow TCP {port} from {host}",
        CONNECT,
        elsewhere="run on {host}: nft list ruleset; ask the team that runs {name} to let {host} in on TCP {port}",
    ),
    Rule(
        "registry-stopped", "route",
        lambda e: e.get("errno") == "111",
        "a connection to {address} port {port} is refused: the host is up, and nothing listens there",
        "moor apply harbor",
        CONNECT,
        elsewhere="check data.registry.address and port; ask the team that runs {name} whether it runs there",
    ),
    Rule(
        "route-prohibited", "route",
        lambda e: e.get("errno") in PROHIBITED and controller_connects(e),
        "{address} cannot be reached, although the registry answers the controller: a firewall or a router rejects it",
        "run on {host}: ip route get {address}; nft list ruleset",
        CONNECT,
    ),
    Rule(
        "registry-unreachable", "route",
        lambda e: e.get("errno") in PROHIBITED,
        "nothing answers at {address}: the registry's host is down or cut off",
        "start the registry's host; moor apply harbor", CONNECT,
        elsewhere="check data.registry.address; ask the team that runs {name} whether it is up",
    ),
    Rule(
        "route-dropped", "route",
        lambda e: e.get("connected") != "yes" and controller_connects(e),
        "a connection to {address} port {port} times out, although the registry answers the controller: a firewall "
        "drops it",
        "run on {host} and on the registry's host: nft list ruleset; allow TCP {port} from {host}",
        CONNECT,
        elsewhere="run on {host}: nft list ruleset; ask the team that runs {name} to let {host} in on TCP {port}",
    ),
    Rule(
        "registry-silent", "route",
        lambda e: e.get("connected") != "yes",
        "a connection to {address} port {port} times out, here and from the controller: the registry's host is down, "
        "hangs, or is cut off",
        "start the registry's host; moor apply harbor",
        CONNECT,
        elsewhere="check data.registry.address; ask the team that runs {name} whether it is up and admits {host}",
    ),
    Rule(
        "mtu-small", "mtu",
        lambda e: e.get("large") == "stuck",
        "packets of {mtu} bytes, which {host} sends through {device}, are lost on the way to {towards} without an ICMP "
        "error, so that handshakes and large layers hang; packets of {passes} bytes arrive",
        "let ICMP 'fragmentation needed' (IPv6: 'packet too big') through on the way, or clamp the MSS there, or "
        "write data.mtu.registry: {passes} for {host}, then run: moor apply mtu",
        "RFC 1191; RFC 2923, 2.1",
    ),
    Rule(
        "tls-plain", "tls",
        lambda e: e.get("plain") == "yes",
        "port {port} of {name} speaks plain HTTP", "moor apply harbor",
        RECORDED,
        elsewhere="check data.registry.port; moor uses a registry over TLS alone",
    ),
    Rule(
        "tls-cut", "tls",
        lambda e: e.get("served") != "yes",
        "{name} port {port} accepts connections and sends no certificate: its proxy hangs, or large packets are lost",
        "moor apply harbor; if the fault stays, run on {host}: ping -M do -s 1472 {wanted}",
        RECORDED,
        elsewhere="ask the team that runs {name}; run on {host}: ping -M do -s 1472 {wanted}",
    ),
    Rule(
        "tls-expired", "tls",
        lambda e: e.get("ended") == "yes",
        "the certificate that {name} serves expired on {ends}", "moor apply pki; moor apply harbor",
        RECORDED,
        elsewhere="ask the team that runs {name} to renew it",
    ),
    Rule(
        "tls-early", "tls",
        lambda e: e.get("begun") == "no",
        "the certificate that {name} serves is valid only from {begins}",
        "run on {host} and on the registry's host: timedatectl set-ntp true",
        OPENSSL,
        elsewhere="run on {host}: timedatectl set-ntp true; if its clock is right, ask the team that runs {name}",
    ),
    Rule(
        "tls-name", "tls",
        lambda e: e.get("verify") in ("62", "64") or e.get("name", "") not in e.get("names", "").split(),
        "the certificate that {name} serves is for {names}", "moor apply pki; moor apply harbor",
        RECORDED,
        elsewhere="correct data.registry.name and address; or ask the team that runs it for a certificate for {name}",
    ),
    Rule(
        "tls-unfit", "tls",
        lambda e: e.get("verify") in UNFIT and e.get("issued") in (None, "", e.get("fingerprint")),
        "{host} refuses the certificate of {name}: {verify_words}; its container runtime does too",
        "have its CA issue it again without this fault, and put it where data.pki.certificate says; then moor plan "
        "pki, "
        "which checks it as clients do; moor apply harbor",
        OPENSSL,
        elsewhere="ask the team that runs {name} to have it issued again without this fault",
    ),
    Rule(
        "ca-partial", "tls",
        lambda e: e.get("verify") == "2" and bool(e.get("anchor")),
        "{host} trusts the CA that issued the certificate of {name}, but not the root CA above it, which OpenSSL needs",
        "add the root CA's own certificate to the file that data.pki.ca names; moor apply trust",
        OPENSSL,
    ),
    Rule(
        "ca-missing", "tls",
        lambda e: e.get("verify") not in ("", "0") and not e.get("anchor"),
        "{host} does not trust the CA of the registry's certificate ({issuer})", "moor apply trust --limit {host}",
        OPENSSL,
        elsewhere="moor apply trust --limit {host}; where data.pki.ca names no file, name one with the CA {issuer}",
    ),
    Rule(
        "tls-other", "tls",
        lambda e: bool(e.get("issued")) and e.get("issued") != e.get("fingerprint"),
        "{name} serves another certificate (by {issuer}, until {ends}) than the one issued for it",
        "moor apply harbor",
        "Harbor's nginx reads a copy that its prepare makes: goharbor/harbor issues 6295, 18104",
        elsewhere="ask the team that runs {name} which certificate is right",
    ),
    Rule(
        "ca-other", "tls",
        lambda e: e.get("verify") not in ("", "0"),
        "{host} does not accept the certificate of {name}: {verify_words}",
        "moor apply trust --limit {host}; if that changes nothing, run on {host}: "
        "openssl s_client -connect {name}:{port} -servername {name} -showcerts",
        OPENSSL,
        elsewhere="moor apply trust --limit {host}; if that changes nothing, ask the team that runs {name} for the CA "
        "{issuer}, and write it into the file of data.pki.ca",
    ),
)  # fmt: skip
