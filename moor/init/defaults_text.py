"""defaults.yaml of a new site: registry, certificates, Harbor, the cluster, with comments on what else there is."""

from __future__ import annotations

from moor.init.facts import HTTPS, SiteFacts, absolute, known_file
from moor.init.found import FoundHost
from moor.init.paths import CA_PASSPHRASE, HARBOR_ADMIN, INSTALLER, KUBECONFIG, LOGIN, password_path
from moor.init.roles import CONTROL_PLANE
from moor.init.yaml_text import scalar


def defaults_yaml(facts: SiteFacts, common: FoundHost) -> str:
    """Return the text of defaults.yaml."""
    return "".join(
        (
            "# What holds for every host, unless a group or the host itself says otherwise.\n",
            f"username: {scalar(common.username)} # logs in, and may use sudo\n" if common.username else NO_USER,
            f"port: {common.port}\n" if common.port else "",
            f"password: file:{password_path('', 'login')}\n" if "login" in common.passwords else "",
            "\n",
            _connection(facts, common),
            "data:\n",
            _registry(facts),
            _own(facts) if facts.is_own else _others(facts),
            _cluster(facts),
            MORE,
        )
    )


NO_USER = "# username: ops # who logs in, and may use sudo; without it, ssh's rule: your own login name\n"
MORE = "\n  # Every section and key: docs/write-down-your-fleet.md\n"


def _connection(facts: SiteFacts, common: FoundHost) -> str:
    extras = f"      key_file: {scalar(common.key_file)}\n" if common.key_file else ""
    if "sudo" in common.passwords:
        extras += f"      secret: file:{password_path('', 'sudo')} # sudo's password\n"
    if facts.found.ssh_config is None:
        extras += "      known_hosts: known_hosts # moor check --accept-new-host-keys pins the hosts' keys there\n"
    return f"connection_options:\n  shell:\n    extras:\n{extras}\n" if extras else ""


def _registry(facts: SiteFacts) -> str:
    port = f"    port: {facts.port}\n" if facts.port != HTTPS else ""
    return (
        "  registry: # certificate, names and image references all come from here\n"
        f"    name: {scalar(facts.name)}\n    address: {scalar(facts.address)}\n{port}"
    )


def _own(facts: SiteFacts) -> str:
    """Return the sections of a registry that moor installs."""
    typed = facts.answers.registry
    installer = absolute(typed.installer) if typed.installer else INSTALLER
    harbor = (
        f"  harbor: # how Harbor gets onto its host; docs/harbor.md\n    installer: {scalar(installer)}\n"
        f"    admin_password: file:{HARBOR_ADMIN} # made by moor init\n"
    )
    project = f"    {scalar(typed.project or 'shop')}:\n      robots:\n"
    project += "        puller: {access: [pull]} # for the nodes: it goes into the pull secret\n"
    project += "        pusher: {access: [pull, push]} # for the workstation\n"
    wanted = (
        "" if known_file(installer) else "\n  # Download Harbor's offline installer, then take out each # of this:\n"
    )
    return (
        "\n  pki: # the registry's own CA, kept in .moor/pki; docs/certificates.md\n"
        f"    passphrase: file:{CA_PASSPHRASE} # made by moor init; seals its key\n"
        + (f"\n{harbor}" if not wanted else wanted + commented(harbor))
        + _written(f"  projects: # in Harbor, each with its robots\n{project}", bool(typed.project))
        + commented(ACCESS, "\n")
    )


ACCESS = """\
  access: # who reaches the registry; a host with data: {firewall: {}} lets in nobody else
    groups: [harbor, nodes, workstations]
    managers: [10.0.0.0/28] # from where the hosts are managed
"""


def _others(facts: SiteFacts) -> str:
    """Return the sections of a registry that somebody else runs."""
    typed = facts.answers.registry
    pki = f"  pki: # what hosts must trust\n    ca: {scalar(absolute(typed.ca) if typed.ca else 'registry-ca.crt')}\n"
    login = scalar(typed.login or "robot$shop+puller")
    logins = (
        f"  logins: # of the registry, by names of your own\n    puller: {{user: {login}, password: file:{LOGIN}}}\n"
    )
    return (
        f"    {f'api: {scalar(typed.api)}' if typed.api else '# api: distribution'}"
        " # harbor, or distribution for registry:2, Zot, Quay, Nexus, GitLab; docs/existing-registry.md\n"
        + _written(pki, bool(typed.ca), "  # Unless its certificate is a public one:\n")
        + _written(logins, bool(typed.login))
    )


def _cluster(facts: SiteFacts) -> str:
    cluster = f"  cluster: # its API; docs/rights.md\n    kubeconfig: {scalar(facts.kubeconfig or KUBECONFIG)}\n"
    return _written(cluster, bool(facts.kubeconfig) or facts.cast.first(CONTROL_PLANE) is not None)


def _written(block: str, is_known: bool, otherwise: str = "") -> str:
    return f"\n{block}" if is_known else f"\n{otherwise}{commented(block)}"


def commented(block: str, before: str = "") -> str:
    """Return a block of defaults.yaml as a comment in its place."""
    return before + "".join(f"  # {line[2:]}\n" for line in block.splitlines())
