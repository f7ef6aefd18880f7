"""Decisions about pulls: pull policy, credentials, back-off."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ..objects import Object
from .containerd import Image, RuntimeFailure
from .effect import in_effect
from .images import Credentials, Reference, credentials
from .pulling import PullError, pull

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


@dataclass
class Records:
    """The credentials with which images were pulled; a pod with others must pull again to prove its right.

    References:
        Kubernetes 1.35, "ensure secret pulled images".
    """

    path: Path
    known: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.known = json.loads(self.path.read_text())

    def note(self, reference: str, used: Credentials | None) -> None:
        """Record a successful pull."""
        marks = self.known.setdefault(reference, [])
        if mark(used) not in marks:
            marks.append(mark(used))
            beside = self.path.with_suffix(".new")
            beside.write_text(json.dumps(self.known))
            beside.rename(self.path)

    def allow(self, reference: str, given: list[Credentials]) -> bool:
        """Return whether a pod with these credentials may use the local image; preloaded images are free for all."""
        marks = self.known.get(reference)
        return marks is None or mark(None) in marks or any(mark(one) in marks for one in given)


def mark(used: Credentials | None) -> str:
    """Return a hash that distinguishes credentials without revealing them."""
    return hashlib.sha256(f"{used.user}:{used.password}".encode()).hexdigest() if used else "anonymous"


def must_pull(policy: str, image: Image | None, allowed: bool) -> bool:
    """Return whether the policy requires a pull; ``Never`` forbids it even if the image is missing."""
    return policy == "Always" or (policy == "IfNotPresent" and (image is None or not allowed))


@dataclass
class Puller:
    """The puller of images for this node's pods."""

    state: Path
    records: Records

    def pull(self, reference: Reference, secrets: list[Object], cancelled: Callable[[], bool]) -> None:
        """Pull with each of the matching credentials until one works.

        Raises:
            PullError: none works
            Cancelled: the pod is gone
        """
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
                self.records.note(str(reference), one)
                return
        raise failure
