"""podman and CRI-O: the registry's CA, and a registries.conf.d file by which its images come from the registry itself.

Both read /etc/containers. They read certificates at every pull, so a new CA needs no restart. podman reads
registries.conf.d at every pull, CRI-O at its start and at a reload.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import HostError
from moor.formats.toml import parse_toml
from moor.resources.base import Later, Resource
from moor.resources.edit import Edit
from moor.resources.leftover import Leftover
from moor.resources.requirement import Requirement
from moor.resources.service import Service
from moor.settings import optional_settings_of, settings_of
from moor.tasks.certs_d import ca_leftovers, ca_resources
from moor.tasks.facts import Registry
from moor.tasks.packages import packages
from moor.tasks.pki.issue import ca_pem, refuse_unfit_trust
from moor.tasks.podman.registries_conf import READ_REGISTRIES, find_unchecked
from moor.tasks.podman.settings import PodmanSettings
from moor.templates import render

CERTS = "/etc/containers/certs.d"
MAIN = "/etc/containers/registries.conf"
DROP_IN = "/etc/containers/registries.conf.d/99-moor-registry.conf"  # the last file with an entry for a registry counts
MARK = "# Written by moor."  # how the first line of both begins
MIRRORS_DROP_IN = "/etc/containers/registries.conf.d/99-moor-mirrors.conf"


def judge(host: Host) -> None:
    """Raise UnfitInput if clients would refuse the registry's certificate; a run calls this before it starts."""
    refuse_unfit_trust(host)


def package_sets(host: Host) -> list[tuple[str, ...]]:
    """Return the packages that a host may need, each set installed together; a bundle has them."""
    settings = optional_settings_of(host, PodmanSettings)
    return [settings.packages] if settings else []


def desired(host: Host) -> Sequence[Resource]:
    """Return podman and its trust in the registry if the host has the section."""
    settings = optional_settings_of(host, PodmanSettings)
    if settings is None:
        return []
    return [*packages(host, settings.packages), *trust_resources(settings_of(host, Registry), ca_pem(host))]


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of what podman or CRI-O was told of the registry, where neither of them is moor's any more."""
    if not leaves and (optional_settings_of(host, PodmanSettings) or is_crio_node(host)):
        return []
    directory = f"{CERTS}/{settings_of(host, Registry).host_port}"
    return [*ca_leftovers(directory, ca_pem(host)), Leftover(DROP_IN, MARK)]


def is_crio_node(host: Host) -> bool:
    """Return whether a host is a node of CRI-O, which reads the same files as podman."""
    runtime = getattr(host.data.get("containerd"), "runtime", "")  # its concern imports this one
    return host.has_parent_group("nodes") and runtime == "crio"


def configure_podman(task: Task) -> Result:
    """Make podman trust the registry."""
    return converge(task, desired)


def crio_resources(unit: str | None, registry: Registry, ca: str | Later, settle_s: int) -> Sequence[Resource]:
    """Return CRI-O's trust in the registry, and its service reloaded after a change of moor's files."""
    return [*trust_resources(registry, ca), crio_service(unit, settle_s)]


def crio_service(unit: str | None, settle_s: int) -> Service:
    """Return CRI-O's service, reloaded after a change of moor's files in registries.conf.d."""
    return Service(unit or "crio", newer_than=(DROP_IN, MIRRORS_DROP_IN), settle_s=settle_s, reload=True)


def trust_resources(registry: Registry, ca: str | Later) -> Sequence[Resource]:
    """Return the CA alone in the registry's directory, and the file that pins its images to the registry over TLS."""
    directory = f"{CERTS}/{registry.host_port}"
    return [
        registries_requirement(registry),
        *ca_resources(directory, ca),
        Edit(
            DROP_IN,
            "registry",
            partial(render_registries_conf, registry=registry),
            asks=f"cat {MAIN} 2>/dev/null",
            assumes="# not read yet",
        ),
    ]


def registries_requirement(registry: Registry) -> Requirement:
    """Require that no file overrides moor's so that images come unverified or from another registry."""
    return Requirement("registries-conf", READ_REGISTRIES, partial(_judged, name=registry.host_port))


def _judged(output: str, name: str) -> str:
    return "\n".join(f"{fault}; take it out" for fault in find_unchecked(output, name, DROP_IN))


def render_registries_conf(_: str, main: str, registry: Registry) -> str:
    """Return the content of ``DROP_IN``.

    Args:
        main: the content of registries.conf

    Raises:
        HostError: registries.conf is not TOML, or has format version 1, which allows no drop-in files.

    References:
        containers-registries.conf(5) and containers-registries.conf.d(5)
    """
    try:
        tree = parse_toml(main)
    except ValueError as error:
        raise HostError(f"{MAIN}: not TOML: {error}; mend it or move it away") from None
    if isinstance(tree.get("registries"), dict):
        raise HostError(
            f"{MAIN}: [registries.*] is format version 1, which does not allow files in registries.conf.d; "
            "write its registries as [[registry]] and unqualified-search-registries"
        )
    return render("registries.conf.j2", name=registry.host_port)
