"""Preparation of a container: its image, pulled by the pod's policy, and all parameters for ctr."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import kinds
from ..kinds import Kind
from ..objects import Object, name_of, namespace_of, now, uid_of
from . import confinement, containerd, environment
from .client import Client, Failure
from .containerd import Image, Launch
from .events import Events, Type
from .images import Reference, credentials
from .pulling import PullError
from .pulls import Puller, must_pull

RecordEvent = Callable[[Type, str, str, bool], None]
"""A function that records an event: type, reason, message, and whether it is about the whole pod."""


class Missing(Exception):
    """A missing image that the policy forbids to pull; the message is the kubelet's."""


@dataclass(frozen=True)
class Tools:
    """The services with which containers are run."""

    client: Client
    events: Events
    puller: Puller
    address: str
    state: Path
    logs: Path

    def read(self, pod: Object, kind: Kind, name: str) -> Object | None:
        """Return an object of the pod's namespace; None if it does not exist."""
        try:
            return self.client.get(kind, namespace_of(pod), name)
        except Failure as failure:
            if failure.code != 404:
                raise
            return None


@dataclass(frozen=True)
class Supply:
    """The image of one container; ``report`` is called before a pull."""

    pod: Object
    spec: Object
    tools: Tools
    tell: RecordEvent
    report: Callable[[], None]
    cancelled: Callable[[], bool]

    def image(self, reference: Reference) -> Image | None:
        """Return the image, pulled if the policy requires it.

        Raises:
            PullError: the pull failed
            Missing: the policy forbids the pull
            Cancelled: the pod is gone
        """
        name = self.spec["image"]
        present, secrets = containerd.image(str(reference)), self._secrets()
        known = credentials(secrets, reference)
        allowed = present is None or self.tools.puller.records.allows(reference, present.id, known)
        if must_pull(self.spec["imagePullPolicy"], present, allowed):
            return self._pulled(reference, secrets)
        if present is None or not allowed:  # in the same words, so that nobody learns what the node has
            raise Missing(f'Container image "{name}" is not present with pull policy of Never')
        here = f'Container image "{name}" already present on machine and can be accessed by the pod'
        self.tell("Normal", "Pulled", here, False)
        return present

    def _pulled(self, reference: Reference, secrets: list[Object]) -> Image | None:
        name, began = self.spec["image"], now()
        self.tell("Normal", "Pulling", f'Pulling image "{name}"', False)
        self.report()
        try:
            image = self.tools.puller.pull(reference, secrets, self.cancelled)
        except PullError as error:
            self.tell("Warning", "Failed", f'Failed to pull image "{name}": {error}', False)
            self.tell("Warning", "Failed", "Error: ErrImagePull", False)
            raise
        took = f"{(now() - began).total_seconds() * 1000:.0f}ms"
        words = f'Successfully pulled image "{name}" in {took} ({took} including waiting).'
        self.tell("Normal", "Pulled", f"{words} Image size: {image.size if image else 0} bytes.", False)
        return image

    def _secrets(self) -> list[Object]:
        """Return the pod's pull secrets that exist; record an event about missing ones."""
        names = [one["name"] for one in self.pod["spec"].get("imagePullSecrets", []) if one.get("name")]
        found = [(name, self.tools.read(self.pod, kinds.SECRET, name)) for name in names]
        missing = [name for name, secret in found if secret is None]
        if missing:
            words = f"Unable to retrieve some image pull secrets ({', '.join(missing)})"
            text = f"{words}; attempting to pull the image may not succeed."
            self.tell("Warning", "FailedToRetrieveImagePullSecret", text, True)
        return [secret for _, secret in found if secret is not None]


def launch_of(
    pod: Object, container: Object, image: Image, reference: str, attempt: int, id: str, tools: Tools
) -> Launch:
    """Write the files of a container to the node and return the parameters for ctr.

    Raises:
        ConfigError: an object that it refers to is missing
    """

    def read(kind: Kind, name: str) -> Object | None:
        return tools.read(pod, kind, name)

    environment.check(pod, container)
    confinement.check_user(pod, container, image)
    known = environment.variables(pod, container, tools.address, read)
    directory = tools.state / "pods" / uid_of(pod)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    context = container.get("securityContext") or {}
    return Launch(
        id=id,
        image=reference,
        args=environment.command(container, image, known),
        env_file=_variables(directory / f"{container['name']}.env", known),
        log=_log(tools.logs, pod, container["name"], attempt),
        mounts=environment.mounts(pod, container, directory / "volumes", read),
        cwd=container.get("workingDir", ""),
        labels=_labels(pod, container["name"]),
        privileged=bool(context.get("privileged")),
        read_only=bool(context.get("readOnlyRootFilesystem")),
        confinement=confinement.options(pod, container),
    )


def _variables(path: Path, known: dict[str, str]) -> Path:
    """Write variables to a file that only root can read, and return its path."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{key}={value}\n" for key, value in known.items()))
    return path


def _labels(pod: Object, container: str) -> tuple[tuple[str, str], ...]:
    known = {"name": name_of(pod), "namespace": namespace_of(pod), "uid": uid_of(pod)}
    labels = {f"io.kubernetes.pod.{key}": value for key, value in known.items()}
    return tuple((labels | {"io.kubernetes.container.name": container}).items())


def _log(logs: Path, pod: Object, container: str, attempt: int) -> Path:
    directory = logs / f"{namespace_of(pod)}_{name_of(pod)}_{uid_of(pod)}" / container
    directory.mkdir(parents=True, exist_ok=True)
    return directory / f"{attempt}.log"
