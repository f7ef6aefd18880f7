"""Random secrets with awkward letters, planted wherever the models have room for one, show nowhere."""

from __future__ import annotations

import base64
import html
import json
import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias
from typing import Any, get_args, get_type_hints
from urllib.parse import quote

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from moor.pki.authority import CertificateNames, issue, make_authority, utc_now
from moor.pki.pem import encrypt_key, pem
from moor.secrets.secret import Secret
from moor.settings.config import SiteConfig
from moor.settings.entries import InventoryEntry
from moor.settings.modules import SHIPPED, load_tasks
from moor.settings.section import SecretRef, collect_sections
from tests.harness.closed import CONFIG, DEFAULTS, Site
from tests.harness.commands import moor, moor_here
from tests.harness.sshd import keypair

AWKWARD = "'\"$`\\&<>%+/=é€ \u00a0#@:!{}*?~|;()[]^"
# what Harbor's own files do not carry, and moor refuses
NOT_IN_HARBOR = {"HarborSettings.admin_password": "'", "HarborSettings.database_password": "'\\ \u00a0"}
NAME = "registry.moor.test"

# Where each secret that the models know is written in a site; what is not here makes a test fail.
PLACES: dict[str, tuple[str, ...]] = {
    "InventoryEntry.password": ("password",),
    "ConnectionEntry.password": ("connection_options", "shell", "password"),
    "ConnectionExtras.password": ("connection_options", "shell", "extras", "password"),
    "ConnectionExtras.passphrase": ("connection_options", "shell", "extras", "passphrase"),
    "ConnectionExtras.secret": ("connection_options", "shell", "extras", "secret"),
    "HarborSettings.admin_password": ("data", "harbor", "admin_password"),
    "HarborSettings.database_password": ("data", "harbor", "database_password"),
    "Login.password": ("data", "logins", "given", "password"),
    "Pki.passphrase": ("data", "pki", "passphrase"),
    "Pki.key": ("data", "pki", "key"),
    "Proxy.login": ("data", "docker", "proxy", "login"),
    "ProxySettings.login": ("data", "proxy", "login"),
    "Robot.secret": ("data", "projects", "demo", "robots", "puller", "secret"),
    "Zone.secret": ("data", "names", "zones", "moor.test", "secret"),
    "SiteSettings.history_url": ("user_defined", "moor", "history_url"),
    "SiteSettings.plan_key": ("user_defined", "moor", "plan_key"),
    "SiteSettings.notify": ("user_defined", "moor", "notify"),
}


# Planted by other tests, on a Harbor that answers: a site that asks NetBox by tests/sites/test_netbox.py, an account of
# a Harbor of others by tests/tasks/test_existing_registry.py, Harbor's configuration by tests/tasks/registry, and
# backups by tests/tasks/backup and tests/lab/test_backup.py, a key that signs bundles by tests/tasks/bundle.
ELSEWHERE = (
    "NetBoxOptions.token",
    "Account.password",
    "Account.password_before",
    "BackupSettings.key",
    "Bundle.sign",
    "Endpoint.password",
    "HarborSettings.admin_password_before",
    "Ldap.search_password",
    "Oidc.client_secret",
    "Scanner.credential",
    "SystemRobot.secret",
    "Uaa.client_secret",
    "User.password",
    "Webhook.auth",
)


def places(model: type[BaseModel]) -> Iterator[str]:
    """Name every place for a secret in a model and in those below it."""
    hints = {name: field.annotation for name, field in model.model_fields.items()}
    hints["(any)"] = get_type_hints(model).get("__pydantic_extra__")
    for name, hint in hints.items():
        for kind in _kinds(hint):
            if kind is SecretRef:
                yield f"{model.__name__}.{name}"
            elif issubclass(kind, BaseModel):
                yield from places(kind)


def _kinds(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and not isinstance(hint, GenericAlias):
        yield hint
    for part in get_args(hint):
        yield from _kinds(part)


def test_every_place_for_a_secret_is_planted() -> None:
    models: list[type[BaseModel]] = [*collect_sections(load_tasks(SHIPPED)).values(), InventoryEntry, SiteConfig]
    assert {place for model in models for place in places(model)} == {*PLACES, *ELSEWHERE}


class Planted:
    """A site of closed doors with a secret in every place; ``own`` has its own certificate, whose key is a secret.

    A site with ``own`` has them from commands, any other from files.
    """

    def __init__(self, folder: Path, seed: int, own: bool) -> None:
        self.random, self.site, self.values = random.Random(seed), Site(folder).build(), dict[str, str]()  # noqa: S311
        self.by_command = own
        for door in self.site.doors.values():
            door.close()
        trees = {name: YAML(typ="safe").load((folder / name).read_text()) for name in (DEFAULTS, CONFIG)}
        zone = {"server": "127.0.0.1", "port": 1, "key": "moor"}
        trees[DEFAULTS]["data"]["names"] = {"mode": "both", "zones": {"moor.test": zone}}
        trees[DEFAULTS]["data"].setdefault("docker", {})["proxy"] = {"url": "http://proxy.moor.test:3128"}
        trees[DEFAULTS]["data"]["proxy"] = {"url": "http://proxy.moor.test:3128"}
        trees[DEFAULTS]["data"]["logins"] = {"given": {"user": "somebody"}}
        for place, path in PLACES.items():
            if own or place not in ("Pki.key", "SiteSettings.history_url"):  # without a URL it is a file
                self._put(trees[CONFIG if path[0] == "user_defined" else DEFAULTS], path, self._reference(place))
        if own:
            self._certificate(trees[DEFAULTS]["data"]["pki"])
        trees[CONFIG]["user_defined"]["moor"]["metrics"] = "metrics/moor.prom"
        for name, tree in trees.items():
            with (folder / name).open("w") as file:
                YAML(typ="safe").dump(tree, file)
        (folder / "metrics").mkdir(mode=0o755)
        keypair(folder / "lab" / "id_ed25519", passphrase=self.values["ConnectionExtras.passphrase"])

    def _reference(self, place: str) -> str | dict[str, list[str]]:
        word = "".join(self.random.choices("abcdefghkmnpqrstuvwxyzABCDEFGH23456789", k=16))
        awkward = [letter for letter in AWKWARD if letter not in NOT_IN_HARBOR.get(place, "")]
        value = word[:8] + "".join(self.random.sample(awkward, 8)) + word[8:]
        if place in ("Proxy.login", "ProxySettings.login"):
            value = f"{value[:8]}:{value[8:]}"
        if place == "Zone.secret":
            value = base64.b64encode(value.encode()).decode()
        if place.startswith("SiteSettings"):
            scheme = "json" if place.endswith("notify") else "postgresql+psycopg"
            self.site.write(f"secrets/{place}", f"{scheme}://me:{quote(value, safe='')}@127.0.0.1:1/x").chmod(0o600)
        else:
            self.site.write(f"secrets/{place}", value).chmod(0o600)
        self.values[place] = value
        return {"cmd": ["cat", f"secrets/{place}"]} if self.by_command else f"file:secrets/{place}"

    def _put(self, tree: dict[str, Any], path: tuple[str, ...], reference: object) -> None:
        for key in path[:-1]:
            tree = tree.setdefault(key, {})
        tree[path[-1]] = [reference] if path[-1] == "notify" else reference

    def _certificate(self, pki: dict[str, Any]) -> None:
        ca = make_authority(CertificateNames((NAME,)), 99, utc_now())
        leaf = issue(ca, CertificateNames((NAME, "registry")), 60, utc_now())
        key = encrypt_key(leaf.key, Secret(self.values["Pki.passphrase"])).decode()
        self.values["Pki.key"] = key
        self.site.write("secrets/Pki.key", key).chmod(0o600)
        self.site.write("own/registry.crt", leaf.pem)
        self.site.write("own/ca.crt", pem(ca.certificate))
        pki |= {"certificate": "own/registry.crt", "ca": "own/ca.crt"}

    def spellings(self) -> Iterator[tuple[str, str]]:
        """Yield every secret in every spelling by which it could leave."""
        for place, value in self.values.items():
            lines = [line for line in value.splitlines() if not line.startswith("-----")]
            for form in [*lines, value]:
                encoded = base64.b64encode(form.encode()).decode()
                spelled = json.dumps(form)[1:-1], quote(form), quote(form, safe=""), html.escape(form), repr(form)[1:-1]
                yield from ((place, spelling) for spelling in (form, *spelled, encoded))

    def leaks(self, text: str) -> set[str]:
        """Name the secrets that a text shows, even by their plain beginning or end."""
        parts = ((place, part) for place, value in self.values.items() for part in _plain_parts(value))
        return {place for found in (self.spellings(), parts) for place, word in found if word in text}


def _plain_parts(value: str) -> list[str]:
    return [] if "\n" in value else [value[:8], value[-8:]]


COMMANDS = (
    ("check", "--accept-new-host-keys", "--output", "json"),
    ("plan", "--output", "json"),
    ("apply", "--yes", "--output", "junit"),
    ("drift", "--output", "metrics"),
    ("verify",),
    ("rollback", "20260101-000000-abcd"),
    ("history", "--output", "json"),
    ("report",),
    ("schedule", "show"),
)


def everything_said(site: Path) -> str:
    """Run every command in this process, and one that fails as a program that says all it can."""
    said = [moor_here(site, *words).said for words in COMMANDS]
    return "\n".join([*said, moor(site, "drift", "-v", "--output", "json", env={"PYTHONDEVMODE": "1"}).said])


@pytest.mark.parametrize(("umask", "own"), [(0o000, False), (0o077, True)], ids=["umask 0", "umask 077"])
def test_no_secret_is_said_or_kept_and_every_file_is_private_whatever_the_umask(
    tmp_path: Path, umask: int, own: bool
) -> None:
    planted = Planted(tmp_path, seed := random.SystemRandom().randrange(1 << 32), own)
    before, former = set(tmp_path.rglob("*")), os.umask(umask)
    try:
        said = everything_said(tmp_path)
    finally:
        os.umask(former)
    assert "connection refused" in said
    assert planted.leaks(said) == set(), f"seed {seed}"
    written = {path: path.lstat() for path in set(tmp_path.rglob("*")) - before if "__pycache__" not in path.parts}
    names = {str(path.relative_to(tmp_path)) for path in written}
    assert "metrics/moor.prom" in names
    assert own or {".moor/history.db", ".moor/report.html"} <= names
    for path, status in written.items():
        wanted = 0o700 if path.is_dir() else 0o644 if path.name == "moor.prom" else 0o600
        assert stat.S_IMODE(status.st_mode) == wanted, path
        if path.is_file():
            assert planted.leaks(path.read_bytes().decode("utf-8", "replace")) == set(), (path, f"seed {seed}")
