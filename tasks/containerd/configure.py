"""containerd on the nodes: the registry's directory in certs.d, the configuration that names it, and the service.

containerd reads certs.d at every pull, and its own configuration only at its start. The registry's CA is in certs.d,
where it is used for the registry's token service too, so a new CA needs no restart. The system's bundle, which a
running containerd does not read again, plays no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.file import File
from moor.resources.leftover import Leftover
from moor.resources.requirement import Requirement
from moor.resources.service import Service
from moor.settings import settings_of
from moor.tasks.certs_d import HidingDirectory
from moor.tasks.containerd import rancher
from moor.tasks.containerd.config import RegistryLookup, edit_config
from moor.tasks.containerd.config_faults import ExpectedConfig, find_faults
from moor.tasks.containerd.drop_in import build_drop_in
from moor.tasks.containerd.loaded_config import LIST_FILES, parse_loaded_config, read_loaded_config
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.facts import Registry
from moor.tasks.maintenance.drain import converge_drained, drain_of, with_cordon
from moor.tasks.maintenance.node import cluster_settings_of
from moor.tasks.pki.issue import ca_pem, refuse_unfit_trust
from moor.tasks.podman import configure as podman
from moor.templates import render

OLDEST_USUAL = "1.6"  # what it is told, later releases read too
# The files that packages bring: Debian's, and Docker's, which is of comments but for one line.
SHIPPED = (
    """\
version = 2
[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    [plugins."io.containerd.grpc.v1.cri".cni]
      bin_dir = "/usr/lib/cni"
      conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.internal.v1.opt"]
    path = "/var/lib/containerd/opt"
""",
    'disabled_plugins = ["cri"]\n',
)
MARK = "# Written by moor. containerd reads"  # how the first line of the registry's own hosts.toml begins
# A running containerd may lack the CRI plugin, by which kubelet pulls: one wrong table stops the plugin from loading.
CRI_CHECK = """\
ctr version >/dev/null || exit 1
cri=$(ctr plugins ls | grep -E '^io[.]containerd[.](grpc[.]v1 +cri|cri[.]v1) ')
[ -n "$cri" ] || { echo 'it runs without the plugin cri'; exit 1; }
! printf '%s\\n' "$cri" | grep -v ' ok *$' || { ctr plugins ls -d id==cri | grep -A 2 '^Error'; exit 1; }"""


def judge(host: Host) -> None:
    """Raise InputError for what would fail later: a certificate that clients refuse, a drain without a cluster."""
    refuse_unfit_trust(host)
    if drain_of(host):
        cluster_settings_of(host)


def desired(host: Host) -> Sequence[Resource]:
    """Return what the node's runtime needs, and that no run that died has left the node cordoned."""
    return with_cordon(host, _runtime(host))


def _runtime(host: Host) -> Sequence[Resource]:
    """Return the registry's directory, the configuration that names it, and a service started after both."""
    registry, settings = settings_of(host, Registry), settings_of(host, ContainerdSettings)
    if settings.runtime == "crio":
        return podman.crio_resources(settings.unit, registry, ca_pem(host), settings.settle_s)
    if settings.runtime != "containerd":
        return rancher.resources(settings.runtime, settings.unit, registry, ca_pem(host), settings.settle_s)
    ca = ca_pem(host)
    expected = expected_config(settings, registry)
    directory = expected.lookup.directory
    return [
        loaded_config_requirement(expected),
        *((File(f"{directory}/ca.crt", ca),) if ca else ()),
        File(f"{directory}/hosts.toml", render_hosts_toml(registry, f"{directory}/ca.crt" if ca else "")),
        *([HidingDirectory(hiding_directory(registry, settings.config_path))] if registry.port != 443 else ()),
        _configuration(expected, settings.release),
        containerd_service(expected, settings.settle_s),
    ]


def containerd_service(expected: ExpectedConfig, settle_s: int) -> Service:
    """Return containerd's service, started after its configuration."""
    return Service(
        "containerd",
        newer_than=tuple(dict.fromkeys((expected.config, expected.target))),
        reads=f'{LIST_FILES}; moor_files "$c"',
        check=CRI_CHECK,
        settle_s=settle_s,
        put_back=True,
    )


def expected_config(settings: ContainerdSettings, registry: Registry) -> ExpectedConfig:
    """Return the desired configuration of a node's containerd."""
    image = settings.sandbox_image or ""
    lookup = RegistryLookup(registry, settings.config_path, settings.extra, settings.config, image)
    return ExpectedConfig(lookup, settings.drop_in or "")


def loaded_config_requirement(expected: ExpectedConfig) -> Requirement:
    """Require that no other file that containerd reads overrides the registry's directory."""
    return Requirement("containerd-reads", read_loaded_config(logins=False), partial(_judged, expected=expected))


def _judged(output: str, expected: ExpectedConfig) -> str:
    return "\n".join(map(str, find_faults(parse_loaded_config(output), expected)))


def _configuration(expected: ExpectedConfig, release: str | None) -> Edit:
    """Return the edit of the file that containerd is started with, or of moor's own among what that imports.

    Args:
        release: of a machine that is yet to boot
    """
    lookup = expected.lookup
    if expected.drop_in:
        own = partial(_edit_drop_in, expected=expected)
        return Edit(expected.target, "registry", own, asks=read_loaded_config(logins=True), validate=READABLE_CHECK)
    return Edit(
        expected.config,
        "registry",
        partial(edit_config, lookup=lookup),
        asks="containerd --version 2>/dev/null",
        validate=in_effect_check(lookup.config_path, lookup.ca),
        assumes=version_printed(release),
        shipped=SHIPPED,
    )


def _edit_drop_in(_: str, output: str, expected: ExpectedConfig) -> str:
    reads = parse_loaded_config(output)
    return build_drop_in(replace(reads, path=expected.config), expected.lookup, expected.target)


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of the registry's directory on a host that is no node any more, and of a former registry's.

    ``config_path`` stays, since other registries are looked up by it too.
    """
    registry, settings = settings_of(host, Registry), settings_of(host, ContainerdSettings)
    stays = host.has_parent_group("nodes") and not leaves
    kept = (f"{settings.config_path}/{registry.host_port}",) if stays else ()
    former = Leftover(f"{settings.config_path}/*/hosts.toml", MARK, kept=kept, beside=("ca.crt",))
    own_way = not stays and settings.runtime in rancher.DIRECTORY
    return [former, *(rancher.leftovers(settings.runtime, registry) if own_way else ())]


def talos(host: Host) -> list[dict[str, object]]:
    """Return the document of Talos' machine configuration by which its containerd checks the registry's certificate."""
    ca, registry = ca_pem(host), settings_of(host, Registry)
    if not ca:
        return []
    return [{"apiVersion": "v1alpha1", "kind": "RegistryTLSConfig", "name": registry.host_port, "ca": str(ca)}]


def configure_containerd(task: Task) -> Result:
    """Make the node's containerd pull from the registry."""
    return converge_drained(task, desired)


def version_printed(release: str | None) -> str:
    """Return what ``containerd --version`` prints on a machine that is yet to boot."""
    return f"containerd containerd.io {release or OLDEST_USUAL}"


def render_hosts_toml(registry: Registry, ca: str) -> str:
    """Return the content of hosts.toml.

    Args:
        ca: the path of the CA; empty where containerd trusts the registry's certificate by the system's CAs
    """
    return render("hosts.toml.j2", url=registry.url, ca=ca)


def hiding_directory(registry: Registry, config_path: str) -> str:
    """Return the directory that containerd prefers to the registry's own, even if it is empty.

    References:
        containerd, core/remotes/docker/config, hostPaths: HOST_PORT_ comes before HOST:PORT
    """
    name, _, port = registry.host_port.partition(":")
    return f"{config_path}/{name}_{port}_"


READABLE_CHECK = 'containerd --config "$t" config dump >/dev/null'


def in_effect_check(config_path: str, ca: str) -> str:
    """Return sh that succeeds if the file ``$t``, together with its imports, sets this ``config_path``.

    Args:
        ca: the CA that the file must name instead for a containerd without ``config_path``
    """
    return f"""\
{LIST_FILES}
for i in $(moor_files "$t"); do
  [ "$i" = "$t" ] || [ -e "$i" ] || {{ echo "$i, which it imports, is not there: containerd would not start"; exit 1; }}
done
dump=$(containerd --config "$t" config dump) || exit 1
key=config_path
printf '%s\\n' "$dump" | grep -q '^ *config_path =' || key=ca_file
printf '%s\\n' "$dump" | grep -qE "^ *(config_path = [\\"']{config_path}|ca_file = [\\"']{ca})[\\"']$" ||
  {{ echo "$key is not in effect: a file that it imports has a table of the same plugin;" \\
    'bring both together in one file'; exit 1; }}"""
