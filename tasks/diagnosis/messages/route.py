"""Known messages about the connection to the registry: proxy, clock, name, route, and connections that are cut."""

from __future__ import annotations

import re

from moor.tasks.diagnosis.messages.fields import FleetRegistry, MessageFields, split_host
from moor.tasks.diagnosis.messages.known_message import KnownMessage

NET = "Go, package net"
NAMES = "moor apply names --limit {host}"
DNS = "check that /etc/resolv.conf on {host} names a nameserver that knows {name}"


def is_ipv6(message: MessageFields, ours: FleetRegistry) -> bool:
    """Return whether the address that was tried is of IPv6."""
    return ":" in message.address


def is_redirected(message: MessageFields, ours: FleetRegistry) -> bool:
    """Return whether a layer was fetched from another host than the image's registry."""
    if not message.registry:
        return bool(message.host) and "/v2/" not in message.words
    return bool(message.host) and split_host(message.registry)[0] != split_host(message.host)[0]


def has_foreign_token_host(message: MessageFields, ours: FleetRegistry) -> bool:
    """Return whether the token was asked for at another host than the registry's."""
    home = split_host(message.registry)[0] or (split_host(ours.host_port)[0] if ours.host_port else "")
    asked = split_host(message.host)[0]
    return asked != home if home else bool(re.fullmatch(r"[0-9.]+|.*:.*", asked))  # a registry is asked by its name


ROUTE = (
    KnownMessage(
        "proxy-wrong", "proxy",
        (r"invalid proxy URL", r"error connecting to proxy", r"proxyconnect tcp: .*(no such host|invalid)",
         r"parse .*proxy.*invalid"),
        "the proxy that is set for the service that pulls cannot be reached, or its address is invalid",
        "correct or remove HTTPS_PROXY of that service on {host}; then systemctl daemon-reload, and restart the "
        "service",
        by=NET,
    ),
    KnownMessage(
        "proxy-down", "proxy",
        (r"proxyconnect tcp: .*(refused|timed? ?out|unreachable|no route|reset|EOF)",),
        "the pull goes through a proxy that does not answer",
        "moor check says which file on {host} to write {name} into, as NO_PROXY of the service that pulls; for other "
        "registries start the proxy, or correct HTTPS_PROXY of the service",
        "start the proxy, or correct HTTPS_PROXY of the service that pulls on {host}", NET,
    ),
    KnownMessage(
        "proxy-between", "proxy",
        (r"proxyconnect tcp", r"Proxy Authentication Required", r"\b407\b.*proxy",
         r"Received HTTP code \d+ from proxy"),
        "the pull goes through a proxy that does not let it through to {name}",
        "moor check says which file on {host} to write {name} into, as NO_PROXY of the service that pulls",
        "have the proxy let {host} through to {name}, or correct HTTPS_PROXY of the service that pulls", NET,
    ),
    KnownMessage(
        "clock-off", "clock",
        (r"x509: certificate has expired or is not yet valid: current time \S+ is before",
         r"token (is )?not (to be used|valid) (before|yet)", r"token used before issued",
         r"certificate is not yet valid"),
        "a clock is wrong: a certificate or token that is valid looks as if its time had not come",
        "run on {host} and on the registry's host: timedatectl set-ntp true",
        by="RFC 5280, 4.1.2.5: a certificate is judged by the clock of who reads it",
    ),
    KnownMessage(
        "storage-redirect", "pull",
        (r"(httpReadSeeker|failed open|copying blob|copying image|downloading|parsing HTTP|reading blob).*"
         r"(no such host|refused|timeout|timed out|unreachable|no route|x509|status)",),
        "the registry redirects clients to {name} for the layers of {image}, and {host} cannot reach it",
        "let {host} reach {name}, or have the registry serve layers itself (Harbor: storage_service.redirect.disable "
        "in harbor.yml)",
        by="distribution, storage redirect", when=is_redirected,
    ),
    KnownMessage(
        "realm-other", "challenge",
        (r"failed to fetch (oauth|anonymous) token: .*(refused|no such host|timeout|no route|unreachable|x509)",
         r"(unable to retrieve auth token|requesting bearer token): .*(refused|no such host|timeout|no route|x509)"),
        "the registry sends its clients to {name} for a token, which is not its own name and cannot be reached",
        "in harbor.yml of the registry set hostname, or external_url, to the registry's own name; then moor apply "
        "harbor",
        "have the registry name itself as its token service (Harbor: hostname and external_url in harbor.yml)",
        "distribution's token specification", when=has_foreign_token_host,
    ),
    KnownMessage(
        "name-failing", "name",
        (r"server misbehaving", r"SERVFAIL", r"REFUSED.*lookup"),
        "{server} cannot resolve {name}: it answers with an error instead of an address",
        NAMES + " where names.mode is hosts or both; in mode dns correct the zone or its forwarder on {server}",
        "correct the zone of {name} on {server}, or its forwarder; dig {name} @{server} shows its answer",
        "Go's words for SERVFAIL",
    ),
    KnownMessage(
        "name-timeout", "name",
        (r"\blookup \S+( on \S+)?: .*(i/o timeout|timed? ?out)", r"Temporary failure in name resolution",
         r"\blookup \S+ on \S+: .*connect(ion)?:? (refused|reset|network is unreachable|no route)",
         r"lookup \S+: (try again|dial udp)", r"Could not resolve host: .*timed out"),
        "{server} does not answer when {host} asks it for {name}",
        NAMES + " where names.mode is hosts or both; in mode dns let UDP and TCP 53 through from {host} to {server}",
        "let UDP and TCP 53 through from {host} to {server}, or name a nameserver that answers in /etc/resolv.conf",
        NET,
    ),
    KnownMessage(
        "name-missing", "name",
        (r"no such host", r"Name or service not known", r"Could not resolve host", r"NXDOMAIN",
         r"No address associated with hostname", r"server can't find"),
        "the name {name} does not resolve on {host}",
        NAMES, DNS, NET,
    ),
    KnownMessage(
        "route-ipv6", "route",
        (r"connect: network is unreachable", r"connect: cannot assign requested address"),
        "the name has the IPv6 address {address}, and {host} has no route to it",
        "take the IPv6 address out of DNS and of registry.address6, or give {host} a route: ip -6 route get {address}",
        "take the IPv6 address of the name out of DNS, or give {host} a route: ip -6 route get {address}",
        NET, when=is_ipv6,
    ),
    KnownMessage(
        "route-missing", "route",
        (r"connect: network is unreachable", r"Network is unreachable"),
        "{host} has no route to {address}",
        "name the next hop in data.routes.via, and moor sets the route (docs/routes.md); see: ip route get {address}",
        "run on {host}: ip route get {address}; then add the missing route",
        by="errno(3), ENETUNREACH",
    ),
    KnownMessage(
        "registry-stopped", "route",
        (r"connect: connection refused", r"Connection refused"),
        "a connection to {name} is refused: its host is up, but nothing listens on that port, or a firewall rejects it",
        "moor apply harbor starts what is down; if other hosts reach it, run on {host}: nft list ruleset",
        "start the server of {name}; if other hosts reach it, have the firewalls let {host} through", "errno(3), "
        "ECONNREFUSED",
    ),
    KnownMessage(
        "registry-unreachable", "route",
        (r"connect: no route to host", r"No route to host", r"connect: host is down"),
        "nothing answers at {address}: the host is down or cut off, or a firewall rejects the connection",
        "start the registry's host; if other hosts reach it, run on {host}: ip route get {address}; nft list ruleset",
        by="errno(3), EHOSTUNREACH",
    ),
    KnownMessage(
        "route-prohibited", "route",
        (r"connect: (operation not permitted|permission denied)",),
        "{host} itself forbids the connection, by a firewall rule for its own traffic or by a security module",
        "run on {host}: nft list ruleset, and allow the connection to {name}", by="errno(3), EPERM",
    ),
    KnownMessage(
        "mtu-small", "mtu",
        (r"TLS handshake timeout",),
        "{name} accepts connections, but its certificate does not arrive: large packets are lost, or the server hangs",
        "run on {host}: ping -M do -s 1472 {name}; if only a smaller size passes, let ICMP through on the way, or "
        "set that MTU on {host}",
        by="RFC 2923, 2.1",
    ),
    KnownMessage(
        "registry-silent", "route",
        (r"dial tcp \S+ i/o timeout", r"connect: connection timed out", r"Connection timed out",
         r"dial tcp .*: i/o timeout"),
        "a connection to {name} times out: a firewall drops it, or the host is down",
        "run on {host} and on the registry's host: nft list ruleset; start the registry's host where it is down",
        "have the firewalls between {host} and {name} let TCP through", NET,
    ),
    KnownMessage(
        "registry-slow", "route",
        (r"context deadline exceeded", r"request canceled while waiting for connection",
         r"Client\.Timeout exceeded while awaiting headers", r"net/http: request canceled", r"i/o timeout",
         r"timeout awaiting response headers"),
        "{name} did not answer in time: a firewall drops packets, or the registry is overloaded",
        "run on {host}: curl --max-time 20 -v https://{name}/v2/ shows where it stops; the answer 401 is normal",
        by=NET,
    ),
    KnownMessage(
        "http2-goaway", "pull",
        (r"server sent GOAWAY", r"http2: client connection lost", r"stream error: stream ID \d+"),
        "a proxy in front of the registry closed a connection in use, as it does after many requests or at a reload",
        "pull again, or wait for kubelet to do so; if it happens often, raise keepalive_requests of that proxy",
        by="Go, package net/http; nginx, keepalive_requests",
    ),
    KnownMessage(
        "layer-cut", "pull",
        (r"unexpected EOF", r"short read", r"server closed connection", r"unexpected commit size",
         r"connection (was )?(reset|closed).*(blob|layer|copy)", r"(copy|blob|layer).*connection reset by peer",
         r"failed size validation", r"body closed", r"incomplete|transfer closed with"),
        "the connection ended in the middle of a layer: a proxy or the network cut it, or the registry lost its "
        "storage",
        "on the registry's host: df -h; docker logs nginx; a proxy in front of it needs long timeouts and no size "
        "limit",
        "ask the administrators of {name} whether a proxy in front of it limits time or size", "Go, package io",
    ),
    KnownMessage(
        "tls-cut", "tls",
        (r"connection reset by peer", r"broken pipe", r"SSL_ERROR_SYSCALL", r": EOF\b", r"tls: unexpected message",
         r"use of closed network connection"),
        "the connection to {name} is cut at its first bytes: by a firewall that inspects TLS, or a proxy that hangs",
        "run on {host}: openssl s_client -connect {name}:443 -servername {name}; if that is cut too, check the "
        "firewalls on the way; on the registry's host: docker logs nginx",
        "check the firewalls on the way, and ask the administrators of {name}", "errno(3), ECONNRESET",
    ),
)  # fmt: skip
