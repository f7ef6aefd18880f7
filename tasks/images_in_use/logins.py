"""The logins that kubelet tries for an image, from the pull secrets of those who name it; pure.

Source  Kubernetes, pkg/credentialprovider (keyring.go) as of 1.36
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moor.errors import UnreadableSecret
from moor.secrets.secret import Secret
from moor.tasks.image_reference import DOCKER_HUB, ImageReference
from moor.tasks.images_in_use.usage import Use
from moor.tasks.registry.logins import RegistryLogin, logins_for

Login = tuple[str, str]
Key = tuple[str, str]  # namespace and name
HUB_KEY = "index.docker.io"  # under which docker login keeps the login of Docker Hub


@dataclass(frozen=True)
class LoginChoice:
    """The logins for an image, in the order in which kubelet tries them.

    Attributes:
        logins: empty: kubelet pulls without one
        secrets: the names of the pull secrets
        missing: those of them that do not exist
        unreadable: why kubelet pulls nothing at all, such as a secret that holds no JSON
        unknown: why the logins are not known
    """

    logins: tuple[Login, ...] = ()
    secrets: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unreadable: str = ""
    unknown: str = ""

    @property
    def tries(self) -> tuple[Login | None, ...]:
        """Return the logins to try; None is a pull without one."""
        return self.logins or (None,)


class LoginChoices:
    """The choices for all images of a cluster; secrets are parsed once for a registry's repository."""

    def __init__(
        self, secrets: Mapping[Key, Mapping[str, Any]], unread: Mapping[Key, str], accounts: Mapping[Key, str]
    ) -> None:
        """Take what was read.

        Args:
            unread: why a secret could not be read
            accounts: why a ServiceAccount could not be read
        """
        self._secrets, self._unread, self._accounts = secrets, unread, accounts
        self._known: dict[tuple[str, str, tuple[str, ...], str], LoginChoice] = {}

    def of(self, use: Use, image: ImageReference) -> LoginChoice:
        """Return the logins with which a use pulls an image."""
        key = (use.namespace, use.account, use.secrets, image.place)
        if key not in self._known:
            self._known[key] = self._choose(use, image)
        return self._known[key]

    def _choose(self, use: Use, image: ImageReference) -> LoginChoice:
        keys = [(use.namespace, name) for name in use.secrets]
        unknown = next((self._unread[key] for key in keys if key in self._unread), "")
        if not use.secrets:
            unknown = self._accounts.get((use.namespace, use.account), "")
        held = [self._secrets[key] for key in keys if key in self._secrets]
        missing = tuple(key[1] for key in keys if key not in self._secrets and key not in self._unread)
        try:
            found = logins_for(held, image.place)
            if not found and image.registry == DOCKER_HUB:
                found = logins_for(held, HUB_KEY)
        except UnreadableSecret as error:
            return LoginChoice((), use.secrets, missing, str(error), unknown)
        return LoginChoice(
            tuple(dict.fromkeys(map(_login, filter(_is_whole, found)))), use.secrets, missing, "", unknown
        )


def _is_whole(login: RegistryLogin) -> bool:
    return bool(login.user and login.password)


def _login(login: RegistryLogin) -> Login:
    """Return a login whose password is masked in all output from now on."""
    return login.user, Secret(login.password).reveal()
