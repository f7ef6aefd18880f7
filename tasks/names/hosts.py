"""The fleet's names in every host's hosts file, or out of it where DNS alone says them."""

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
from moor.tasks.names import Addresses, Names, full, names_for
from moor.tasks.names.block import with_block, without_block
from moor.tasks.names.dns_query import DNS_SAYS

HOSTS = "/etc/hosts"
# Where cloud-init is told to manage /etc/hosts it writes the file from one of these at every boot.
CLOUD_TEMPLATES = tuple(f"/etc/cloud/templates/hosts.{family}.tmpl" for family in ("debian", "redhat", "suse"))


def desired(host: Host) -> Sequence[Resource]:
    """Return the block in /etc/hosts, and in the file it is made from at boot; no block where only DNS is used."""
    names, alone = names_for(host), settings_of(host, Names).mode == "dns"
    # A short name is never DNS's to say, so nobody's entry of one is taken out.
    edit = partial(without_block, names=full(names)) if alone else partial(with_block, names=names)
    return [
        Edit(HOSTS, "names", lambda content, _: edit(content), validate=answered(full(names)) if alone else ""),
        *(
            Edit(path, "names", partial(_if_there, edit), asks=f"[ ! -e {path} ] || echo there")
            for path in CLOUD_TEMPLATES
        ),
    ]


def write_hosts(task: Task) -> Result:
    """Make the host know the fleet's names, and remove entries that say otherwise."""
    return converge(task, desired)


def _if_there(edit: Callable[[str], str], content: str, facts: str) -> str:
    return edit(content) if facts else content


def answered(names: Mapping[str, Addresses]) -> str:
    """Return sh that fails unless the host's own nameservers give each name its address; it says which they do not.

    The host's resolver leaves out a family that the host has no address of, so that one of two will do.
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
