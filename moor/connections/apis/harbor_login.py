"""A login of Harbor whose password is being changed: which of both passwords Harbor takes is found out once a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from moor.errors import ErrorKind, HostError
from moor.secrets.secret import Secret

ROUNDS = 3
LOCKED_S = 2.0  # after a wrong password, Harbor refuses the right one too for a second and a half

Login = tuple[str, str]


class ChangingLogin:
    """A user, its new password, and the one before; all connections of a run share it.

    Harbor punishes a wrong password by refusing everybody who logs in by that name for a while. So only one thread
    tries, the others wait; and a refusal of both passwords, which another process may have caused, is tried again.
    """

    def __init__(self, user: str, new: Secret, before: Secret, pause: Callable[[float], object] = time.sleep) -> None:
        self._logins = ((user, new.reveal()), (user, before.reveal()))
        self._pause = pause
        self._lock = threading.Lock()
        self._chosen: Login | None = None

    @property
    def new(self) -> Login:
        """Return the login with the new password."""
        return self._logins[0]

    @property
    def before(self) -> Login:
        """Return the login with the password before."""
        return self._logins[1]

    def current(self, takes: Callable[[Login], bool]) -> Login:
        """Return the login that Harbor takes now.

        Args:
            takes: asks Harbor whether it takes a login

        Raises:
            HostError: Harbor takes neither
        """
        with self._lock:
            if self._chosen is None:
                self._chosen = self._choose(takes)
            return self._chosen

    def _choose(self, takes: Callable[[Login], bool]) -> Login:
        for at in range(ROUNDS):
            if at:
                self._pause(LOCKED_S)
            for login in self._logins:
                if takes(login):
                    return login
        raise HostError(
            f"Harbor takes neither the new password of {self.new[0]} nor the one before; write the present one as the "
            "one before",
            ErrorKind.AUTHENTICATION,
        )

    def use_new(self) -> None:
        """Log in with the new password from now on, since Harbor has it."""
        with self._lock:
            self._chosen = self.new
