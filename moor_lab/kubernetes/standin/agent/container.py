"""One container of a pod: pulls its image, starts it, watches it, restarts it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from .. import kinds
from ..objects import Object, dig, name_of, namespace_of, now, parse_time, timestamp, uid_of
from . import containerd
from .client import Failure
from .confinement import ConfigError
from .containerd import Image, Launch, RuntimeFailure
from .events import Type
from .images import InvalidName, Reference, parse
from .pulling import PullError
from .pulls import BackOff
from .recovery import container_id, ended, recovered
from .status import running, terminated, waiting
from .supply import Missing, Supply, Tools, launch_of
from .watched import watched

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often to check a container that does not run."""

SHOWN_S = 2.0
"""How long a failed pull is shown as ErrImagePull before it is shown as ImagePullBackOff."""

CRASH_FIRST_S, CRASH_LONGEST_S, CRASH_FORGOTTEN = 2.0, 30.0, timedelta(seconds=60)
"""Parameters of the back-off between restarts; a kubelet's are 10 s, 300 s and 10 minutes."""


class Container:
    """One container of one pod, as a state machine that ``step`` advances; ``report`` is called before slow steps."""

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
        found = recovered(pod, name)
        self.state, self._process = found.state, found.process
        if self.state.running:
            self._watch(self.state.id, parse_time(self.state.state["running"]["startedAt"]))

    @property
    def spec(self) -> Object:
        """Return the entry for this container in the pod's spec."""
        found: Object = next(one for one in self.pod["spec"]["containers"] if one["name"] == self.name)
        return found

    @property
    def _full_name(self) -> str:
        return f"{name_of(self.pod)}_{namespace_of(self.pod)}({uid_of(self.pod)})"

    def id(self, attempt: int) -> str:
        """Return the container's id of an attempt."""
        return container_id(self.pod, self.name, attempt)

    def step(self) -> None:
        """Take the next step, which may be as slow as a pull."""
        if self.state.running:
            self._look()
        elif self._is_wanted():
            self._bring_up()

    def _is_wanted(self) -> bool:
        """Return whether it should run, or run again."""
        code = dig(self.state.state, "terminated", "exitCode")
        policy = self.pod["spec"]["restartPolicy"]
        return code is None or policy == "Always" or (policy == "OnFailure" and code != 0)

    def _look(self) -> None:
        """Notice the end of the process; run its probes until then."""
        if not Path(f"/proc/{self._process}").exists():
            self._note_end(ended(self.state.id, self.state.state["running"]["startedAt"]))
            return
        if self._watched.ask(now, self._tell):
            self._kill()
        self.state = replace(self.state, ready=self._watched.ready)

    def _note_end(self, over: Object) -> None:
        ran = now() - parse_time(over["terminated"]["startedAt"])
        if ran > CRASH_FORGOTTEN:
            self._crashes.reset()
        self._crashes.failed(now())
        self.state = replace(self.state, state=over, last=over, ready=False)
        self._process = 0

    @property
    def process(self) -> int:
        """Return the PID of its process; 0 if none runs."""
        return self._process if self.state.running else 0

    def rest_s(self) -> float:
        """Return the seconds until the next step is due, unless its process ends earlier."""
        if not self.state.running:
            return LOOK_S
        return self._watched.due_in_s(now())

    def _watch(self, id: str, since: datetime) -> None:
        self._watched = watched(id, self.spec, self._tools.address, since)

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
        """Replace ErrImagePull by ImagePullBackOff, which includes the cause too."""
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
            attempt = self._attempt()
            launch = launch_of(self.pod, self.spec, image, str(reference), attempt, self.id(attempt), self._tools)
        except (ConfigError, Failure) as error:
            self._refuse("CreateContainerConfigError", str(error), "Failed", f"Error: {error}")
            return
        self._run(launch, f"{reference.name}@{image.digest}")

    def _refuse(self, reason: str, message: str, event: str, text: str = "") -> None:
        """Record that the container cannot be created now, and schedule another attempt."""
        self._tell("Warning", event, text or message)
        if event != "Failed":
            self._tell("Warning", "Failed", f"Error: {reason}")
        self.state = replace(self.state, state=waiting(reason, message))
        self._pulls.failed(now())

    def _image(self, reference: Reference) -> Image | None:
        """Return the image, pulled if the policy requires it; None if that failed."""
        supply = Supply(self.pod, self.spec, self._tools, self._tell, self._report, self._ended.is_set)
        try:
            image = supply.image(reference)
        except Missing as error:
            self._refuse("ErrImageNeverPull", str(error), "ErrImageNeverPull")
            return None
        except PullError as error:
            self.state = replace(self.state, state=waiting("ErrImagePull", str(error)))
            self._failed = now()
            self._pulls.failed(now())
            return None
        self._pulls.reset()
        return image

    def _attempt(self) -> int:
        return self.state.restarts + (1 if self.state.id else 0)

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
        self._watch(launch.id, now())
        self.state = replace(before, state=running(now()))
        self._look()

    def _tell(self, type: Type, reason: str, message: str, whole_pod: bool = False) -> None:
        field = "" if whole_pod else f"spec.containers{{{self.name}}}"
        self._tools.events.tell(kinds.POD, self.pod, type, reason, message, field)

    def _kill(self) -> None:
        containerd.signal(self.state.id, "SIGKILL")

    def ask_to_end(self) -> None:
        """Send the process SIGTERM."""
        if self.state.running:
            self._tell("Normal", "Killing", f"Stopping container {self.name}")
            containerd.signal(self.state.id, "SIGTERM")

    def has_ended(self) -> bool:
        """Return whether no process is left."""
        return not self._process or not Path(f"/proc/{self._process}").exists()

    def remove(self) -> None:
        """End the process for good and remove the container."""
        if self.state.id:
            containerd.remove(self.state.id)
            self.state = replace(self.state, state=terminated(137, self.state.id, timestamp(now()), now()))
