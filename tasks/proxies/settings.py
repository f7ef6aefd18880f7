"""What the inventory says of the proxy through which hosts reach the outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field, IPvAnyNetwork

from moor.errors import InputError
from moor.secrets.secret import Secret
from moor.settings import SecretRef, Section
from moor.settings.section import StrictModel

Url = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9._\[\]:-]+/?$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9._*:/-]+$")]
Program = Literal["runtimes", "packages", "environment"]


class Proxy(StrictModel):
    """The HTTP proxy through which Docker pulls images of other registries, where it is not the one of ``data.proxy``.

    It goes into a file that systemd reads for Docker (``/etc/moor/docker-proxy.env``, for root alone). Once the key is
    taken out, ``moor remove docker`` removes that file, and restarts Docker.

    Attributes:
        url: ``http://NAME:PORT``, without a login
        login: ``USER:PASSWORD``, where the proxy wants one
        no_proxy: more names that Docker reaches without it; the registry's own are among them already
    """

    url: Url
    login: SecretRef | None = None
    no_proxy: tuple[Word, ...] = ()

    @property
    def address(self) -> str:
        """Return the proxy's URL without a login, and without a slash at its end."""
        return self.url.rstrip("/")

    def credentials(self) -> tuple[str, str] | None:
        """Return user and password, None where the proxy wants none; raise InputError if they cannot be read."""
        if self.login is None:
            return None
        user, colon, password = self.login.resolve().reveal().partition(":")
        if not colon or not user:
            raise InputError("it is not USER:PASSWORD")
        return user, Secret(password).reveal()  # some files have it without the user

    def whole_url(self) -> str | Secret:
        """Return the proxy's URL with the login in it, a secret where there is one; raise InputError as above."""
        known = self.credentials()
        if known is None:
            return self.address
        scheme, _, place = self.address.partition("://")
        return Secret(f"{scheme}://{':'.join(quote(word, '') for word in known)}@{place}")


class ProxySettings(Proxy, Section):
    """The HTTP proxy through which a host's programs reach what is outside: docs/proxies.md.

    Attributes:
        url: ``http://NAME:PORT``, without a login
        login: ``USER:PASSWORD``, where the proxy wants one; it goes into files that root alone reads
        no_proxy: what is reached without it: names, ``.example.net`` for all below, addresses, networks; the registry
            and ``access.members`` are among them already
        services: the cluster's ranges of services, such as ``10.96.0.0/12``, which are reached without it
        pods: the cluster's ranges of pods, likewise
        domain: the cluster's domain; its services' names are reached without the proxy
        programs: what gets the proxy: ``runtimes`` (containerd, CRI-O, k3s, RKE2, Docker), ``packages`` (apt, dnf,
            zypper), ``environment`` (``/etc/environment``, without the login)
    """

    section: ClassVar[str] = "proxy"

    services: tuple[IPvAnyNetwork, ...] = ()
    pods: tuple[IPvAnyNetwork, ...] = ()
    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")] = "cluster.local"
    programs: tuple[Program, ...] = ("runtimes", "packages", "environment")

    @property
    def ranges(self) -> Sequence[str]:
        """Return the cluster's ranges and the names of its services, as NO_PROXY has them; none outside of clusters."""
        found = [str(network) for network in (*self.services, *self.pods)]
        return [*found, ".svc", f".{self.domain.strip('.')}"] if found else []
