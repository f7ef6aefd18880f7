"""Images of a workload that chosen nodes pull before its roll-out, so many at once, as the registry can bear it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import is_missing, untyped_class
from moor.context import context_of
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ApiRefusal, ErrorKind, HostError, MoorError
from moor.resources.base import Remote, State
from moor.tasks.cluster.admission import pod_spec_of
from moor.tasks.cluster.api import Tree, as_dict, ask, lacks_namespace
from moor.tasks.harbor.api import harbor_of
from moor.tasks.workload.prepull.pods import (
    LABEL,
    Wanted,
    chosen_nodes,
    is_in_vain,
    label_of,
    outcome_of,
    pull_pod,
    wanted_of,
)
from moor.tasks.workload.prepull.settings import PrePullSettings

if TYPE_CHECKING:
    from lightkube import Client

PAUSE_S = 1.0
PATIENCE_S = 45.0  # for a pull that fails; kubelet tries again after 10 and 20 s
DONE = "images pulled"  # in the run's answers, with the resource's id
BEFORE = "pulled before the roll-out"


@dataclass(frozen=True)
class PrePull(Remote):
    """Images that nodes have before the objects of a workload are changed; nothing where those run them already.

    Attributes:
        objects: of the workload, as they will be
    """

    workload: str
    namespace: str
    settings: PrePullSettings = field(hash=False)
    objects: tuple[Tree, ...] = field(hash=False)

    @property
    def id(self) -> str:
        return f"pre-pull:{self.namespace}/{self.workload}"

    @property
    def bound_s(self) -> float:
        return self.settings.wait_s

    @property
    def wanted(self) -> list[Wanted]:
        """Return the images that the objects' pods need, each set of logins once."""
        found = (wanted_of(pod_spec_of(one)) for one in self.objects)
        return list(dict.fromkeys(one for one in found if one.images))

    def desired(self, actual: State | None) -> State:
        return {"images": BEFORE}

    def read(self, task: Task) -> State | None:
        answers = context_of(task).answers
        if context_of(task).examining or (DONE, self.id) in answers or not (pending := self._pending(task)):
            return {"images": BEFORE}
        nodes, _ = self._nodes(task)
        images = sorted({image for one in pending for image in one.images})
        shown = f"{len(images)} images" if len(images) > 1 else images[0]
        return {"images": f"{shown} on {len(nodes)} nodes, {self.settings.at_once} at once"}

    def _pending(self, task: Task) -> list[Wanted]:
        """Return what the workload's objects do not run yet."""
        found = list[Wanted]()
        for content in self.objects:
            wanted = wanted_of(pod_spec_of(content))
            if wanted.images and wanted not in found:
                live = self._live(task, content)
                if live is None or not set(wanted.images) <= set(wanted_of(pod_spec_of(live)).images):
                    found.append(wanted)
        return found

    def _live(self, task: Task, content: Mapping[str, Any]) -> Tree | None:
        kind, name = untyped_class(content["apiVersion"], content["kind"]), content["metadata"]["name"]
        try:
            return as_dict(ask(task, self.id, lambda c: c.get(kind, name, namespace=self.namespace)))
        except HostError as error:
            if is_missing(error):
                return None
            raise

    def _nodes(self, task: Task) -> tuple[list[str], list[str]]:
        """Return the nodes that pull, and why others do not.

        Raises:
            ApiRefusal: no node is left
        """
        kind = untyped_class("v1", "Node")
        every = [as_dict(one) for one in ask(task, self.id, lambda c: list(c.list(kind)))]
        found, left_out = chosen_nodes(every, self.settings.nodes, self.settings.labels)
        if not found:
            why = "; ".join(left_out) or "no node has these labels"
            raise ApiRefusal(f"{self.id}: no node to pull on: {why}; correct data.workloads.{self.workload}.prepull")
        return found, left_out

    def write(self, task: Task, actual: State | None) -> None:
        nodes, left_out = self._nodes(task)
        for words in left_out:
            found = Finding(f"{self.id}#{words}", f"{words}: it pulls nothing before the roll-out", host=task.host.name)
            task.results.append(FindingResult(task.host, found))
        turns = [(node, wanted) for node in nodes for wanted in self._pending(task)]
        with self._cleaned(task):
            failed = self._pull(task, turns)
        if failed:
            words = "\n".join(f"{self.id}: {node}: {why}" for node, why in failed.items())
            raise HostError(f"{words}\nnothing was rolled out", ErrorKind.UNHEALTHY)
        context_of(task).answers[(DONE, self.id)] = True

    @contextmanager
    def _cleaned(self, task: Task) -> Iterator[None]:
        """Remove the pods of a run that was killed, and in the end those of this one."""
        self._remove(task, self._pods(task))
        try:
            yield
        finally:
            self._remove(task, self._pods(task))

    def _pull(self, task: Task, turns: Sequence[tuple[str, Wanted]]) -> dict[str, str]:
        """Have the nodes pull, so many at once; return why some could not."""
        began, waiting, running = time.monotonic(), list(turns), dict[str, str]()
        failed, since, busy = dict[str, str](), dict[str, float](), ""
        while waiting or running:
            now = time.monotonic()
            if now - began > self.settings.wait_s:
                late = f"not pulled within {self.settings.wait_s} s{busy}"
                return {**failed, **dict.fromkeys([*running.values(), *(node for node, _ in waiting)], late)}
            while waiting and len(running) < self.settings.at_once and not (busy := self._busy(task)):
                node, wanted = waiting.pop(0)
                pod = pull_pod(self.workload, self.namespace, node, wanted, self.settings.wait_s + 60)
                try:
                    self._create(task, pod)
                    running[pod["metadata"]["name"]] = node
                except MoorError as error:
                    failed[node] = str(error).removeprefix(f"{self.id}: ")
            time.sleep(PAUSE_S if running or waiting else 0)
            self._look(task, running, failed, since)
        return failed

    def _look(self, task: Task, running: dict[str, str], failed: dict[str, str], since: dict[str, float]) -> None:
        """Take the pods off ``running`` that have ended, well or in vain, and remove them."""
        pods, now = {str(pod["metadata"]["name"]): pod for pod in self._pods(task)}, time.monotonic()
        for name, node in list(running.items()):
            done, words = outcome_of(pods[name]) if name in pods else (False, "somebody removed its pod")
            first = since.setdefault(name, now) if words else since.pop(name, now)
            if words and (is_in_vain(words) or name not in pods or now - first >= PATIENCE_S):
                failed[node] = words
            elif not done:
                continue
            del running[name]
            self._remove(task, [pods[name]] if name in pods else [])

    def _busy(self, task: Task) -> str:
        """Return why no further node should pull from the registry now, after a semicolon; empty if it is calm."""
        began = time.monotonic()
        try:
            status = harbor_of(task).ask("GET", "/v2/").status_code
        except MoorError as error:
            return f"; the registry does not answer: {error}"
        if status >= 500:
            return f"; the registry answers {status}"
        calm_s = self.settings.calm_s
        return f"; the registry took longer than {calm_s:g} s to answer" if time.monotonic() - began > calm_s else ""

    def _pods(self, task: Task) -> list[Tree]:
        kind, labels = untyped_class("v1", "Pod"), dict[str, Any]({LABEL: label_of(self.workload)})
        try:
            found = ask(task, self.id, lambda c: list(c.list(kind, namespace=self.namespace, labels=labels)))
        except HostError as error:
            if lacks_namespace(error):
                return []
            raise
        return [as_dict(one) for one in found]

    def _create(self, task: Task, pod: Tree) -> None:
        made = untyped_class("v1", "Pod")(pod)
        ask(task, self.id, lambda c: c.create(made, namespace=self.namespace))

    def _remove(self, task: Task, pods: Sequence[Tree]) -> None:
        kind = untyped_class("v1", "Pod")
        for name in (str(pod["metadata"]["name"]) for pod in pods):

            def delete(cluster: Client, name: str = name) -> None:
                cluster.delete(kind, name, namespace=self.namespace, grace_period=0)

            try:
                ask(task, self.id, delete)
            except HostError as error:
                if not is_missing(error):
                    raise
