"""A host that leaves: what is remembered of it until it is proved to be out, and how it is reached meanwhile.

Once it is out of hosts.yaml, nothing of the site knows it any more. The record in the site's state says how it was
reached, so that the proof can be made from the host itself, also by a later run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nornir.core.inventory import Host

from moor.connections.names import OUTSIDERS, SHELL
from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.formats.yaml_text import rewrite
from moor.inventory.joining import add_hosts, remove_host
from moor.secrets import private_files
from moor.settings.access import SiteSettings

FOLDER = "leaving"  # below the site's state


@dataclass(frozen=True)
class LeavingHost:
    """A host that leaves.

    Attributes:
        login: how it is reached, as its entry of hosts.yaml says it; a password is a reference
        robots: the robots whose logins it knew, with the generation of each
        gone: it is not reached any more
    """

    name: str
    login: Mapping[str, Any]
    robots: Mapping[str, int] = field(default_factory=dict)
    gone: bool = False

    @property
    def entry(self) -> dict[str, Any]:
        """Return its entry of hosts.yaml as an outsider, on which nothing is changed."""
        return {**self.login, "groups": [OUTSIDERS]}


def login_of(host: Host) -> dict[str, Any]:
    """Return how a host is reached, whatever of that its groups and the defaults say."""
    shell = host.get_connection_parameters(SHELL)
    known = {
        "hostname": shell.hostname or host.name,
        "port": shell.port,
        "username": shell.username,
        "password": shell.password,
        "platform": host.platform,
    }
    extras = {key: value for key, value in (shell.extras or {}).items() if key != "ssh_host_key"}
    found: dict[str, Any] = {key: value for key, value in known.items() if value}
    if extras:
        found["connection_options"] = {SHELL: {"extras": extras}}
    if keys := (shell.extras or {}).get("ssh_host_key"):
        found["data"] = {"ssh_host_key": list(keys)}
    return found


def read_leaving(site: SiteSettings, name: str) -> LeavingHost | None:
    """Return the record of a host that leaves; None if there is none.

    Raises:
        InputError: the record is damaged
    """
    path = _path(site, name)
    try:
        return LeavingHost(**parse_json(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: it cannot be read: {error}; delete it, and run moor offboard {name} again") from None


def keep_leaving(site: SiteSettings, host: LeavingHost) -> None:
    """Write the record of a host that leaves."""
    private_files.write(_path(site, host.name), json.dumps(asdict(host), sort_keys=True, default=str).encode())


def forget_leaving(site: SiteSettings, name: str) -> None:
    """Delete the record of a host that is out."""
    _path(site, name).unlink(missing_ok=True)


def _path(site: SiteSettings, name: str) -> Path:
    return site.state / FOLDER / f"{name}.json"


@contextmanager
def files_with_outsider(site: SiteSettings, files: Mapping[str, str], host: LeavingHost) -> Iterator[dict[str, str]]:
    """Yield files of the inventory in which the host is an outsider, by their key in config.yaml.

    Args:
        site: the site's settings
        files: the paths of the inventory's files in the site
        host: the one that leaves
    """
    hosts = (site.directory / files["host_file"]).read_text(encoding="utf-8")
    groups = site.directory / files["group_file"]
    text = groups.read_text(encoding="utf-8") if groups.is_file() else ""
    with TemporaryDirectory(prefix="moor-offboard-") as made:
        written = {"host_file": Path(made, "hosts.yaml"), "group_file": Path(made, "groups.yaml")}
        others = remove_host(hosts, host.name)
        written["host_file"].write_text(add_hosts(others, {host.name: host.entry}), encoding="utf-8")
        written["group_file"].write_text(rewrite(text, _with_outsiders), encoding="utf-8")
        yield {key: str(path) for key, path in written.items()}


def _with_outsiders(tree: dict[Any, Any]) -> dict[Any, Any]:
    return tree if tree.get(OUTSIDERS) is not None else {**tree, OUTSIDERS: {}}
