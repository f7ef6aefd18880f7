"""The new site as a draft: the files of the inventory, the secrets that moor makes, and what is to be done next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from moor.connections.ssh.host_keys import SYSTEM, known_hosts_name, known_lines
from moor.errors import InputError
from moor.init import paths, texts
from moor.init.facts import SiteFacts, known_file
from moor.init.found import SSH_PORT, FoundHost
from moor.init.placing import Draft
from moor.init.roles import CONTROL_PLANE
from moor.secrets.secret import generate

KNOWN_HOSTS, SSH_CONFIG = "known_hosts", "ssh_config"


def draft_of(facts: SiteFacts) -> Draft:
    """Return the files of a new site, its secrets among them."""
    files = dict(texts.files_of(facts))
    if keys := "".join(_known_keys(facts)):
        files[KNOWN_HOSTS] = keys
    if facts.found.ssh_config_text:
        files[SSH_CONFIG] = facts.found.ssh_config_text
    made = (paths.CA_PASSPHRASE, paths.HARBOR_ADMIN) if facts.is_own else ()
    private = {name: f"{generate().reveal()}\n" for name in made}
    return Draft(files, {**private, **_passwords(facts)}, paths.GITIGNORE)


def _known_keys(facts: SiteFacts) -> Iterator[str]:
    """Yield the lines of known_hosts for the hosts whose keys this user or this machine knows already."""
    if facts.found.ssh_config:
        return
    for host in facts.cast.hosts.values():
        name = known_hosts_name(host.address, host.port or SSH_PORT)
        try:
            yield from (f"{name} {line.kind} {line.blob}\n" for line in known_lines(SYSTEM, name))
        except InputError:  # of no use then
            return


def _passwords(facts: SiteFacts) -> Mapping[str, str]:
    """Return the files of the passwords that the source has in plain text."""
    common = texts.common_of(facts.cast)
    owners = [common, *facts.cast.hosts.values()]
    return {
        paths.password_path(owner.name, kind): f"{word.reveal()}\n"
        for owner in owners
        for kind, word in texts.own_passwords(owner, common).items()
        if word is not None
    }


def to_bring(facts: SiteFacts) -> dict[str, str]:
    """Return the files that the user has to bring, with what goes into each."""
    typed = facts.answers.registry
    wanted = dict[str, str]()
    if facts.is_own and not known_file(typed.installer):
        wanted[paths.INSTALLER] = "Harbor's offline installer; then take out the # of harbor in inventory/defaults.yaml"
    if facts.cast.first(CONTROL_PLANE) and not facts.kubeconfig:
        wanted[paths.KUBECONFIG] = "the cluster's kubeconfig, of a user that may apply what runs there"
    if typed.login and not facts.is_own:
        wanted[paths.LOGIN] = f"the password of {typed.login} (chmod 600)"
    common = texts.common_of(facts.cast)
    for host in (common, *facts.cast.hosts.values()):
        for kind, word in texts.own_passwords(host, common).items():
            if word is None:
                wanted[paths.password_path(host.name, kind)] = f"{_whose(host)} {kind} password (chmod 600)"
    return wanted


def is_password(path: str) -> bool:
    """Return whether a file that the user has to bring holds a password."""
    return path.startswith("secrets/") and path != paths.KUBECONFIG


def _whose(host: FoundHost) -> str:
    return f"{host.name}'s" if host.name else "the hosts'"


def next_commands(folder: Path, is_here: bool) -> list[str]:
    """Return the commands that come next."""
    return [*([] if is_here else [f"cd {folder}"]), "moor check --accept-new-host-keys", "moor plan", "moor apply"]
