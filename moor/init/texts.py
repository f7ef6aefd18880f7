"""The files of a new site as text, with comments for those who go on writing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from moor.init.defaults_text import defaults_yaml
from moor.init.facts import SiteFacts
from moor.init.found import FoundHost
from moor.init.paths import password_path
from moor.init.roles import Cast
from moor.init.yaml_text import scalar
from moor.inventory.joining import add_hosts
from moor.secrets.secret import Secret

ABOUT_GROUPS = {
    "harbor": "the host that serves the registry",
    "control_plane": "where the cluster's API answers; one host",
    "nodes": "every host whose containerd pulls from the registry, the control plane's too",
    "workstations": "where images are built and pushed from; one host",
    "clusters": "clusters of which only the API is reached",
    "dns": "where dnsmasq serves the fleet's names, if other servers do not",
    "devices": "routers and firewalls between nodes and registry",
    "outsiders": "strangers, from which moor verify tries that they do not get in",
}
HOSTS_HEAD = """\
# The hosts of the fleet, by the names you use for them. A host says how it is reached and which groups it is in;
# everything else it inherits: what stands here wins over its groups, these over defaults.yaml. Settings for one host go
# below data: of its own.
"""
NETBOX_HEAD = """\
# Hosts beside those of NetBox, and keys of its own for a host from there, which win over NetBox's.
"""
LEFT_HEAD = """
# {source} has these too; none of them has a role, so moor leaves them alone. To add one, take its # out, and write
# the groups that it is to be in.
"""


def config_yaml(facts: SiteFacts) -> str:
    """Return the text of config.yaml."""
    netbox, ssh = facts.found.netbox, facts.found.ssh_config
    plugin = "NetBoxInventory # the machines in NetBox, and hosts.yaml, which wins" if netbox else "FleetInventory"
    options = "".join(f"    {kind}_file: inventory/{kind}s.yaml\n" for kind in ("host", "group"))
    options += "    defaults_file: inventory/defaults.yaml\n"
    if netbox:
        options += "    netbox:\n" + "".join(f"      {key}: {scalar(value)}\n" for key, value in netbox.items())
    return (
        "# Nornir's own settings, and moor's below user_defined; paths are relative to this file.\n"
        f"inventory:\n  plugin: {plugin}\n  options:\n{options}\n"
        + (
            f"ssh: # HostName, User, Port, IdentityFile, ProxyJump ... of every host\n  config_file: {ssh}\n\n"
            if ssh
            else ""
        )
        + "runner:\n  plugin: loop # finds how many hosts at once; options: {num_workers: 20} sets it\n\n"
        "user_defined:\n  moor:\n    state: .moor # the CA, generated secrets, history; private to you, back it up\n"
    )


def groups_yaml(facts: SiteFacts) -> str:
    """Return the text of groups.yaml: moor's groups, then those of the source that hosts are in."""
    lines = ["# What kind of host it is. moor chooses hosts by these; add groups of your own as you like.\n"]
    lines += [f"{name}: {{}} # {about}\n" for name, about in ABOUT_GROUPS.items()]
    used = _with_parents(facts)
    if used:
        lines.append(f"\n# Of {facts.found.source}.\n")
    for name in used:
        parents = [parent for parent in facts.found.groups.get(name, ()) if parent in used]
        parents += facts.cast.by_group.get(name, ())
        lines.append(f"{name}: {{groups: {scalar(parents)}}}\n" if parents else f"{name}: {{}}\n")
    return "".join(lines)


def _with_parents(facts: SiteFacts) -> list[str]:
    todo = list(dict.fromkeys(group for host in facts.cast.hosts.values() for group in host.groups))
    used = dict[str, None]()
    while todo:
        name = todo.pop(0)
        if name not in ABOUT_GROUPS and name not in used:
            used[name] = None
            todo += facts.found.groups.get(name, ())
    return list(used)


def hosts_yaml(facts: SiteFacts, common: FoundHost) -> str:
    """Return the text of hosts.yaml; what ``common`` says is in defaults.yaml already."""
    if facts.found.netbox:
        return _beside_netbox(facts)
    entries = {name: entry_of(host, common) for name, host in facts.cast.hosts.items()}
    text = add_hosts(HOSTS_HEAD, entries)
    if not facts.cast.left:
        return text
    left = add_hosts("", {host.name: {**entry_of(host, common), "groups": []} for host in facts.cast.left})
    lines = [line for line in left.splitlines() if line]
    return text + LEFT_HEAD.format(source=facts.found.source) + "".join(f"# {line}\n" for line in lines)


def _beside_netbox(facts: SiteFacts) -> str:
    """Return hosts.yaml beside NetBox: the roles of hosts that their groups there do not say."""
    entries = dict[str, dict[str, Any]]()
    for name, host in facts.cast.hosts.items():
        known = {role for group in host.groups for role in facts.cast.by_group.get(group, ())}
        if not known >= set(host.groups) & set(ABOUT_GROUPS):
            at = {} if name in facts.found.hosts else entry_of(host, FoundHost(""))
            entries[name] = {**at, "groups": list(host.groups)}
    return add_hosts(NETBOX_HEAD, entries) if entries else f"{NETBOX_HEAD}{{}}\n"


def entry_of(host: FoundHost, common: FoundHost) -> dict[str, Any]:
    """Return the entry of hosts.yaml for a host."""
    entry: dict[str, Any] = {"hostname": host.hostname} if host.hostname else {}
    if host.port and host.port != common.port:
        entry["port"] = host.port
    if host.username and host.username != common.username:
        entry["username"] = host.username
    extras = {"key_file": host.key_file} if host.key_file and host.key_file != common.key_file else {}
    own = own_passwords(host, common)
    if "login" in own:
        entry["password"] = f"file:{password_path(host.name, 'login')}"
    if "sudo" in own:
        extras["secret"] = f"file:{password_path(host.name, 'sudo')}"
    if host.groups:
        entry["groups"] = list(host.groups)
    if extras:
        entry["connection_options"] = {"shell": {"extras": extras}}
    if host.data:
        entry["data"] = dict(host.data)
    return entry


def own_passwords(host: FoundHost, common: FoundHost) -> dict[str, Secret | None]:
    """Return the passwords of a host that the others do not have; all of them for the common host itself."""
    if host is common:
        return dict(host.passwords)
    return {
        kind: word
        for kind, word in host.passwords.items()
        if kind not in common.passwords or word != common.passwords[kind]
    }


def common_of(cast: Cast) -> FoundHost:
    """Return what most hosts have in common, as a host without a name; nothing that a host would inherit wrongly."""
    hosts = list(cast.hosts.values())

    def shared(key: str) -> Any:
        values = Counter(getattr(host, key) for host in hosts)
        none = type(getattr(FoundHost(""), key))()
        return none if none in values or not values else values.most_common(1)[0][0]

    kinds = [kind for kind in ("login", "sudo") if hosts and all(kind in host.passwords for host in hosts)]
    passwords = {kind: Counter(host.passwords[kind] for host in hosts).most_common(1)[0][0] for kind in kinds}
    return FoundHost("", "", shared("port"), shared("username"), shared("key_file"), passwords=passwords)


def files_of(facts: SiteFacts) -> Mapping[str, str]:
    """Return the text of every file of the inventory, by path."""
    common = common_of(facts.cast)
    return {
        "config.yaml": config_yaml(facts),
        "inventory/hosts.yaml": hosts_yaml(facts, common),
        "inventory/groups.yaml": groups_yaml(facts),
        "inventory/defaults.yaml": defaults_yaml(facts, common),
    }
