"""Decisions about pulls: pull policy, credentials, back-off."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ..objects import Object
from . import containerd
from .containerd import Image, RuntimeFailure
from .effect import in_effect
from .images import Credentials, Reference, credentials
from .pulling import PullError, pull
from .records import Records

FIRST_S, LONGEST_S = 4.0, 10.0
"""Parameters of the back-off between pulls; a kubelet's 10 s to 300 s are too long for a lab."""


@dataclass
class BackOff:
    """An exponential back-off: the wait after each failure is twice the former one."""

    first_s: float = FIRST_S
    longest_s: float = LONGEST_S
    delay_s: float = 0.0
    until: datetime | None = None

    def failed(self, now: datetime) -> None:
        """Record a failure."""
        self.delay_s = min(self.delay_s * 2 or self.first_s, self.longest_s)
        self.until = now + timedelta(seconds=self.delay_s)

    def reset(self) -> None:
        """Forget all failures."""
        self.delay_s, self.until = 0.0, None

    def is_over(self, now: datetime) -> bool:
        """Return whether another try is due."""
        return self.until is None or now >= self.until


def must_pull(policy: str, image: Image | None, allowed: bool) -> bool:
    """Return whether the policy requires a pull; ``Never`` forbids it even if the image is missing."""
    return policy == "Always" or (policy == "IfNotPresent" and (image is None or not allowed))


@dataclass
class Puller:
    """The puller of images for this node's pods."""

    state: Path
    records: Records

    def pull(self, reference: Reference, secrets: list[Object], cancelled: Callable[[], bool]) -> Image | None:
        """Pull with each of the matching credentials until one works, and record with which; return the image.

        Raises:
            PullError: none works
            Cancelled: the pod is gone
        """
        self.records.intend(str(reference))
        try:
            used = self._pull(reference, secrets, cancelled)
            image = containerd.image(str(reference))
            if image:
                self.records.note(reference, image.id, used)
            return image
        finally:
            self.records.end(str(reference))

    def _pull(self, reference: Reference, secrets: list[Object], cancelled: Callable[[], bool]) -> Credentials | None:
        known: list[Credentials | None] = [*credentials(secrets, reference)]
        failure = PullError("no credentials")
        for one in known or [None]:
            try:
                effect = in_effect(self.state)
                pull(str(reference), one, effect.hosts, effect.environment, cancelled)
            except PullError as error:
                failure = error
            except RuntimeFailure as error:
                failure = PullError(str(error))
            else:
                return one
        raise failure
