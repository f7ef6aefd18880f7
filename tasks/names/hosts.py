"""The fleet's names in every host's hosts file, or their removal if only DNS holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.settings import settings_of
from moor.tasks.names import Addresses, Names, full_names, names_for
from moor.tasks.names.block import with_block, without_block
from moor.tasks.names.dns_query import DNS_SAYS

HOSTS = "/etc/hosts"
# If cloud-init manages /etc/hosts, it writes the file from one of these at every boot.
CLOUD_TEMPLATES = tuple(f"/etc/cloud/templates/hosts.{family}.tmpl" for family in ("debian", "redhat", "suse"))


def desired(host: Host) -> Sequence[Resource]:
    """Return the edits of /etc/hosts and of its cloud-init templates; they remove the block in mode ``dns``."""
    names, only_dns = names_for(host), settings_of(host, Names).mode == "dns"
    # DNS holds no short names, so entries of short names stay.
    edit = partial(without_block, names=full_names(names)) if only_dns else partial(with_block, names=names)
    return [
        Edit(
            HOSTS, "names", lambda content, _: edit(content), validate=dns_check(full_names(names)) if only_dns else ""
        ),
        *(_edit_if_there(path, edit) for path in CLOUD_TEMPLATES),
    ]


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the hosts file without moor's block, of a host that leaves; otherwise an apply keeps the block right."""
    if not leaves:
        return []
    edit = partial(without_block, names={})
    return [_edit_if_there(path, edit) for path in (HOSTS, *CLOUD_TEMPLATES)]


def talos(host: Host) -> list[dict[str, object]]:
    """Return the documents of Talos' machine configuration with the fleet's names; none if only DNS holds them."""
    if settings_of(host, Names).mode == "dns":
        return []
    names = names_for(host)
    addresses = dict.fromkeys(address for its in names.values() for address in its)
    return [
        {
            "apiVersion": "v1alpha1",
            "kind": "StaticHostConfig",
            "name": str(address),
            "hostnames": [name for name, its in names.items() if address in its],
        }
        for address in addresses
    ]


def write_hosts(task: Task) -> Result:
    """Make the host resolve the fleet's names, and remove entries that contradict them."""
    return converge(task, desired)


def _edit_if_there(path: str, edit: Callable[[str], str]) -> Edit:
    return Edit(path, "names", lambda content, _: edit(content), missing_stays=True)


def dns_check(names: Mapping[str, Addresses]) -> str:
    """Return sh that fails with a message unless the host's nameservers give each name its address.

    The resolver omits an address family that the host itself lacks, so one address of two is enough.
    """
    wanted = " ".join(quote(f"{name}={' '.join(map(str, its))}") for name, its in names.items())
    return f"""\
{DNS_SAYS}
for w in {wanted}; do
  found=$(moor_dns "${{w%%=*}}")
  right=
  for a in ${{w#*=}}; do case " $found" in *" $a "*) right=yes ;; esac; done
  [ -n "$right" ] || {{
    echo "its nameservers give ${{w%%=*}} as ${{found:-nothing}} instead of ${{w#*=}}; /etc/hosts stays as it is"
    exit 1
  }}
done"""
