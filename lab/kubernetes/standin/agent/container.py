"""One container of a pod: got, started, watched, restarted."""

import hashlib
import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from .. import kinds
from ..kinds import Kind
from ..objects import Object, dig, name_of, namespace_of, now, parse_time, timestamp, uid_of
from . import containerd, environment, probes
from .client import Client, Failure
from .containerd import Image, Launch, PullError, RuntimeFailure
from .environment import ConfigError
from .events import Events, Type
from .images import InvalidName, Reference, credentials, parse
from .pulls import BackOff, Puller, must_pull
from .status import CREATING, ContainerState, running, terminated, waiting

log = logging.getLogger(__name__)

SHOWN_S = 2.0
"""How long the cause of a failed pull stands as ErrImagePull, before it stands as ImagePullBackOff."""

CRASH_FIRST_S, CRASH_LONGEST_S, CRASH_FORGOTTEN = 2.0, 30.0, timedelta(seconds=60)
"""Of the back-off between restarts; a kubelet's are 10 s, 300 s and 10 minutes."""


@dataclass(frozen=True)
class Tools:
    """What containers are run with."""

    client: Client
    events: Events
    puller: Puller
    address: str
    state: Path
    logs: Path


class Container:
    """One container of one pod, moved on by ``step``; ``report`` is called before anything slow."""

    def __init__(
        self, pod: Object, name: str, tools: Tools, report: Callable[[], None], ended: threading.Event
    ) -> None:
        self.pod = pod
        self.name = name
        self._tools = tools
        self._report = report
        self._ended = ended
        self._pulls = BackOff()
        self._crashes = BackOff(CRASH_FIRST_S, CRASH_LONGEST_S)
        self._failed: datetime | None = None
        self._process = 0
        self._numbers = itertools.count(1)
        self.state = self._recovered()

    @property
    def spec(self) -> Object:
        """What the pod says of this container."""
        found: Object = next(one for one in self.pod["spec"]["containers"] if one["name"] == self.name)
        return found

    @property
    def _full_name(self) -> str:
        return f"{name_of(self.pod)}_{namespace_of(self.pod)}({uid_of(self.pod)})"

    def id(self, attempt: int) -> str:
        """The container's id: always the same for the same attempt, so that a restarted agent finds it."""
        return hashlib.sha256(f"{uid_of(self.pod)}/{self.name}/{attempt}".encode()).hexdigest()

    def _recovered(self) -> ContainerState:
        """The state as the API server and containerd remember it."""
        statuses: list[Object] = dig(self.pod, "status", "containerStatuses") or []
        told = next((one for one in statuses if one["name"] == self.name), None)
        restarts = told["restartCount"] if told else 0
        for attempt in (restarts + 1, restarts):
            process = containerd.process_of(self.id(attempt))
            if process:
                return self._adopted(told or {}, attempt, process)
        if not told:
            return CREATING
        state, last = told["state"], told.get("lastState", {})
        if "running" in state:  # it died while nobody looked
            last = self._over(self.id(restarts), state["running"]["startedAt"])
        past = bool(last) or "terminated" in state
        return ContainerState(
            last if "running" in state else state, last, self.id(restarts) if past else "", told["imageID"], restarts
        )

    def _adopted(self, told: Object, attempt: int, process: int) -> ContainerState:
        self._process = process
        started = dig(told, "state", "running", "startedAt")
        since = parse_time(started) if started else now()
        self._watch(since)
        return ContainerState(
            running(since),
            told.get("lastState", {}),
            self.id(attempt),
            told.get("imageID", ""),
            attempt,
            bool(told.get("ready")),
        )

    def step(self) -> None:
        """Does what is next for the container; may take as long as a pull."""
        if self.state.running:
            self._look()
        elif self._is_wanted():
            self._bring_up()

    def _is_wanted(self) -> bool:
        """Whether it should run, or run again."""
        code = dig(self.state.state, "terminated", "exitCode")
        policy = self.pod["spec"]["restartPolicy"]
        return code is None or policy == "Always" or (policy == "OnFailure" and code != 0)

    def _look(self) -> None:
        """Notices the end of the process, and probes it while it lives."""
        if not Path(f"/proc/{self._process}").exists():
            over = self._over(self.state.id, self.state.state["running"]["startedAt"])
            self._note_end(over)
            return
        for name, probe in self._probes.items():
            if probe.spec and probe.is_due(now()):
                self._probe(name, probe, probe.spec)
        self.state = replace(self.state, ready=self._probes["Readiness"].passing and self._probes["Startup"].passing)

    def _over(self, id: str, started: str) -> Object:
        code = containerd.collect(id)
        unknown = {"reason": "ContainerStatusUnknown", "message": "The container could not be located"}
        return terminated(137 if code is None else code, id, started, now(), **(unknown if code is None else {}))

    def _note_end(self, over: Object) -> None:
        ran = now() - parse_time(over["terminated"]["startedAt"])
        if ran > CRASH_FORGOTTEN:
            self._crashes.reset()
        self._crashes.failed(now())
        self.state = replace(self.state, state=over, last=over, ready=False)
        self._process = 0

    def _probe(self, name: str, probe: probes.Probe, spec: Object) -> None:
        if name != "Startup" and not self._probes["Startup"].passing:
            return
        error = probes.ask(spec, self.spec, self._tools.address, self._exec)
        probe.note(now(), error)
        if error:
            self._tell("Warning", "Unhealthy", f"{name} probe failed: {error}")
        if name != "Readiness" and not probe.passing and probe.bad >= spec["failureThreshold"]:
            message = f"Container {self.name} failed {name.lower()} probe, will be restarted"
            self._tell("Normal", "Killing", message)
            self._kill()

    def _exec(self, argv: list[str], timeout_s: float) -> str | None:
        return containerd.run_in(self.state.id, f"probe-{next(self._numbers)}", argv, timeout_s)

    def _watch(self, since: datetime) -> None:
        spec = self.spec
        self._probes = {
            "Startup": probes.Probe(spec.get("startupProbe"), since, initial=False),
            "Readiness": probes.Probe(spec.get("readinessProbe"), since, initial=False),
            "Liveness": probes.Probe(spec.get("livenessProbe"), since, initial=True),
        }

    def _bring_up(self) -> None:
        if not self._crashes.is_over(now()):
            self._wait_after_crash()
        elif not self._pulls.is_over(now()):
            self._wait_after_pull()
        else:
            self._start()

    def _wait_after_crash(self) -> None:
        if dig(self.state.state, "waiting", "reason") in ("CrashLoopBackOff", "RunContainerError"):
            return
        delay = f"{self._crashes.delay_s:.0f}s"
        message = f"back-off {delay} restarting failed container={self.name} pod={self._full_name}"
        self.state = replace(self.state, state=waiting("CrashLoopBackOff", message))
        pod = f"{name_of(self.pod)}_{namespace_of(self.pod)}({uid_of(self.pod)})"
        self._tell("Warning", "BackOff", f"Back-off restarting failed container {self.name} in pod {pod}")

    def _wait_after_pull(self) -> None:
        """Turns ErrImagePull into ImagePullBackOff, which names the cause as well."""
        state = self.state.state.get("waiting", {})
        shown = self._failed and now() - self._failed > timedelta(seconds=SHOWN_S)
        if state.get("reason") != "ErrImagePull" or not shown:
            return
        text = f'Back-off pulling image "{self.spec["image"]}"'
        self.state = replace(self.state, state=waiting("ImagePullBackOff", f"{text}: ErrImagePull: {state['message']}"))
        self._tell("Normal", "BackOff", text)
        self._tell("Warning", "Failed", "Error: ImagePullBackOff")

    def _start(self) -> None:
        try:
            reference = parse(self.spec["image"])
        except InvalidName as error:
            self._refuse("InvalidImageName", str(error), "InspectFailed")
            return
        image = self._image(reference)
        if image is None:
            return
        try:
            launch = self._launch(reference, image)
        except (ConfigError, Failure) as error:
            self._refuse("CreateContainerConfigError", str(error), "Failed", f"Error: {error}")
            return
        self._run(launch, f"{reference.name}@{image.digest}")

    def _refuse(self, reason: str, message: str, event: str, text: str = "") -> None:
        """The container cannot be made now; it is tried again later."""
        self._tell("Warning", event, text or message)
        if event != "Failed":
            self._tell("Warning", "Failed", f"Error: {reason}")
        self.state = replace(self.state, state=waiting(reason, message))
        self._pulls.failed(now())

    def _image(self, reference: Reference) -> Image | None:
        """The image, pulled where the policy says so; None where that failed."""
        policy, name = self.spec["imagePullPolicy"], self.spec["image"]
        present = containerd.image(str(reference))
        secrets = self._secrets()
        allowed = self._tools.puller.records.allow(str(reference), credentials(secrets, reference))
        if must_pull(policy, present, allowed):
            return self._pulled(reference, secrets)
        if present is None:
            message = f'Container image "{name}" is not present with pull policy of Never'
            self._refuse("ErrImageNeverPull", message, "ErrImageNeverPull")
            return None
        here = f'Container image "{name}" already present on machine and can be accessed by the pod'
        self._tell("Normal", "Pulled", here)
        return present

    def _pulled(self, reference: Reference, secrets: list[Object]) -> Image | None:
        name, began = self.spec["image"], now()
        self._tell("Normal", "Pulling", f'Pulling image "{name}"')
        self._report()
        try:
            self._tools.puller.pull(reference, secrets, self._ended.is_set)
        except PullError as error:
            self._tell("Warning", "Failed", f'Failed to pull image "{name}": {error}')
            self._tell("Warning", "Failed", "Error: ErrImagePull")
            self.state = replace(self.state, state=waiting("ErrImagePull", str(error)))
            self._failed = now()
            self._pulls.failed(now())
            return None
        image = containerd.image(str(reference))
        took = f"{(now() - began).total_seconds() * 1000:.0f}ms"
        size = f"Image size: {image.size if image else 0} bytes."
        self._tell(
            "Normal", "Pulled", f'Successfully pulled image "{name}" in {took} ({took} including waiting). {size}'
        )
        self._pulls.reset()
        return image

    def _secrets(self) -> list[Object]:
        """The pod's pull secrets that exist; about the others there is an event."""
        names = [one["name"] for one in self.pod["spec"].get("imagePullSecrets", []) if one.get("name")]
        found = [(name, self._read(kinds.SECRET, name)) for name in names]
        missing = [name for name, secret in found if secret is None]
        if missing:
            words = f"Unable to retrieve some image pull secrets ({', '.join(missing)})"
            text = f"{words}; attempting to pull the image may not succeed."
            self._tell("Warning", "FailedToRetrieveImagePullSecret", text, whole_pod=True)
        return [secret for _, secret in found if secret is not None]

    def _read(self, kind: Kind, name: str) -> Object | None:
        try:
            return self._tools.client.get(kind, namespace_of(self.pod), name)
        except Failure as failure:
            if failure.code != 404:
                raise
            return None

    def _launch(self, reference: Reference, image: Image) -> Launch:
        """Everything that ctr needs. Raises ConfigError."""
        environment.check(self.pod, self.spec)
        known = environment.variables(self.pod, self.spec, self._tools.address, self._read)
        directory = self._tools.state / "pods" / uid_of(self.pod)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        variables = directory / f"{self.name}.env"
        variables.touch(mode=0o600)
        variables.write_text("".join(f"{key}={value}\n" for key, value in known.items()))
        context = self.spec.get("securityContext") or {}
        return Launch(
            id=self.id(self._attempt()),
            image=str(reference),
            args=environment.command(self.spec, image, known),
            env_file=variables,
            log=self._log(),
            mounts=environment.mounts(self.pod, self.spec, directory / "volumes", self._read),
            cwd=self.spec.get("workingDir", ""),
            labels=self._labels(),
            privileged=bool(context.get("privileged")),
            read_only=bool(context.get("readOnlyRootFilesystem")),
        )

    def _attempt(self) -> int:
        return self.state.restarts + (1 if self.state.id else 0)

    def _labels(self) -> tuple[tuple[str, str], ...]:
        prefix = "io.kubernetes"
        pod = {"name": name_of(self.pod), "namespace": namespace_of(self.pod), "uid": uid_of(self.pod)}
        labels = {f"{prefix}.pod.{key}": value for key, value in pod.items()} | {f"{prefix}.container.name": self.name}
        return tuple(labels.items())

    def _log(self) -> Path:
        pod = f"{namespace_of(self.pod)}_{name_of(self.pod)}_{uid_of(self.pod)}"
        directory = self._tools.logs / pod / self.name
        directory.mkdir(parents=True, exist_ok=True)
        return directory / f"{self._attempt()}.log"

    def _run(self, launch: Launch, image_id: str) -> None:
        attempt = self._attempt()
        if self.state.id:
            containerd.remove(self.state.id)
        self._tell("Normal", "Created", "Container created")
        before = replace(self.state, id=launch.id, image_id=image_id, restarts=attempt)
        try:
            self._process = containerd.start(launch)
        except RuntimeFailure as error:
            message = f"failed to create containerd task: {str(error).removesuffix(': unknown')}"
            self._tell("Warning", "Failed", f"Error: {message}")
            never = "1970-01-01T00:00:00Z"
            over = terminated(128, launch.id, never, now(), "StartError", message)
            self.state = replace(before, state=waiting("RunContainerError", message), last=over)
            self._crashes.failed(now())
            return
        self._tell("Normal", "Started", "Container started")
        self._watch(now())
        self.state = replace(before, state=running(now()))
        self._look()

    def _tell(self, type: Type, reason: str, message: str, whole_pod: bool = False) -> None:
        field = "" if whole_pod else f"spec.containers{{{self.name}}}"
        self._tools.events.tell(kinds.POD, self.pod, type, reason, message, field)

    def _kill(self) -> None:
        containerd.signal(self.state.id, "SIGKILL")

    def ask_to_end(self) -> None:
        """Asks the process to end."""
        if self.state.running:
            self._tell("Normal", "Killing", f"Stopping container {self.name}")
            containerd.signal(self.state.id, "SIGTERM")

    def has_ended(self) -> bool:
        """Whether no process is left."""
        return not self._process or not Path(f"/proc/{self._process}").exists()

    def remove(self) -> None:
        """Ends the process for good and removes the container."""
        if self.state.id:
            containerd.remove(self.state.id)
            self.state = replace(self.state, state=terminated(137, self.state.id, timestamp(now()), now()))
