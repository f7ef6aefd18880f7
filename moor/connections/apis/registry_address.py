"""Where a registry is reached, and to which hosts its logins may go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moor.formats.urls import split_url

if TYPE_CHECKING:
    import ssl

# Labels that registries of domains put before a country's, such as co in co.uk: what is below belongs to anybody.
SECOND_LEVEL = ("ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org")


@dataclass(frozen=True)
class RegistryAddress:
    """Where a registry is reached.

    Attributes:
        host: HOST[:PORT], as images name the registry
        url: where it is reached, such as ``https://10.77.0.11:443``
        name: in TLS and in the Host header, if the URL has an address instead; otherwise empty
        trust: the CAs by which its certificate is checked; None for the system's
        by_environment: whether the proxies of the environment lead there
        takes_basic: it takes a login without being asked for one, as Harbor does, which saves a request for a token
    """

    host: str
    url: str
    name: str = ""
    trust: ssl.SSLContext | None = field(default=None, compare=False, repr=False)
    by_environment: bool = False
    takes_basic: bool = False

    def is_at(self, host: str) -> bool:
        """Return whether a host of a URL is this registry itself."""
        return host in (self.name, split_url(self.url).hostname, split_url(f"//{self.host}").hostname)


def public_address(host: str) -> RegistryAddress:
    """Return where the registry of images' names is reached by its own name."""
    reached = "registry-1.docker.io" if host == "docker.io" else host
    return RegistryAddress(host, f"https://{reached}", by_environment=True)


def may_get_login(registry: str, host: str) -> bool:
    """Return whether a token service on ``host`` may get the logins of a registry.

    It may on the registry's own host, on one below (``auth.docker.io`` for ``docker.io``), on one beside
    (``sso.corp.test`` for ``registry.corp.test``), and on the one above (``gitlab.com`` for ``registry.gitlab.com``).
    """
    name = split_url(f"//{registry}").hostname or ""
    if host == name or (host.endswith(f".{name}") and not _is_public(name)):
        return True
    above = name.partition(".")[2]
    return not _is_public(above) and (host == above or host.endswith(f".{above}"))


def _is_public(domain: str) -> bool:
    """Return whether anybody may have a name below a domain, or it is none; numbers are an address's."""
    labels = domain.split(".")
    if len(labels) < 2 or all(label.isdigit() for label in labels):
        return True
    return len(labels) == 2 and len(labels[1]) == 2 and labels[0] in SECOND_LEVEL
