"""The proof that every host gets images of mirrored registries: a real pull of a named image by each runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.probing import probe
from moor.engine.results import Cause, ResourceResult, Status
from moor.errors import ErrorKind, HostError
from moor.settings import optional_settings_of, settings_of
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.diagnosis.evidence.mirror_pulls import NONE, UNTRIED, docker_script, node_script, podman_script
from moor.tasks.diagnosis.evidence.node_answers import pull_evidence
from moor.tasks.diagnosis.evidence.probes import Probe
from moor.tasks.diagnosis.evidence.sandbox import READ_SANDBOX, split_registry
from moor.tasks.facts import Registry
from moor.tasks.mirrors.runtimes import NODES, WORKSTATIONS
from moor.tasks.mirrors.settings import Mirror, mirrors_of, project_of
from moor.tasks.podman.configure import is_crio_node
from moor.tasks.podman.settings import PodmanSettings

SANDBOX = "pause"  # the name of its proof


@dataclass(frozen=True)
class Proof:
    """How one proof ended; one that nothing was tried for, without a reason, is not reported.

    Attributes:
        wrong: what failed, by the runtime that it failed with
        untried: why a runtime could not be asked
    """

    name: str
    wrong: tuple[Cause, ...] = ()
    untried: tuple[str, ...] = ()
    tried: int = 0

    @property
    def status(self) -> Status:
        return "failed" if self.wrong else "ok" if self.tried else "skipped"


def prove_mirrors(task: Task) -> Result:
    """Prove that a host pulls the named image of every mirrored registry; the image is removed again.

    Raises:
        HostError: a pull failed.
    """
    mirrors = mirrors_of(task.host) or {}
    proofs = [prove_mirror(task, name, one, one.prove) for name, one in mirrors.items() if one.prove]
    proofs += list(prove_sandbox(task, mirrors))
    for proof in (one for one in proofs if one.tried or one.untried):
        words = "\n".join([*(f"{one.cause}; {one.mend}" for one in proof.wrong), *proof.untried])
        shown = f"proof:mirror:{proof.name}"
        said = words if proof.status != "ok" else ""
        task.results.append(ResourceResult(task.host, shown, proof.status, "", said, proof.wrong))
    if wrong := [f"mirror:{proof.name}: {one.cause}; {one.mend}" for proof in proofs for one in proof.wrong]:
        raise HostError("\n".join(wrong), ErrorKind.UNMET)
    return Result(host=task.host, result=f"{len(proofs)} mirrors looked at")


def prove_mirror(task: Task, name: str, mirror: Mirror, image: str) -> Proof:
    """Pull the image that the inventory names of one registry, by each runtime of a host."""
    return pull_by_each(task, name, image, scripts_of(task.host, name, mirror, image), mirror)


def pull_by_each(task: Task, name: str, image: str, scripts: Mapping[str, str], mirror: Mirror) -> Proof:
    """Pull an image by each of a host's runtimes, one after the other, since each may take its time."""
    wrong, untried, tried = list[Cause](), list[str](), 0
    for runtime, script in scripts.items():
        said = ask(task, f"mirror-{name}-{runtime}", script)
        if said.startswith(UNTRIED):
            untried.append(said.removeprefix(UNTRIED).splitlines()[0])
            continue
        if said == NONE:
            continue
        tried += 1
        if cause := judge_pull(said, f"{name}/{image}", runtime):
            wrong.append(Cause(f"mirror-{runtime}", cause, remedy(task.host, name, mirror)))
    return Proof(name, tuple(wrong), tuple(dict.fromkeys(untried)), tried)


def ask(task: Task, name: str, script: str) -> str:
    """Return what a script prints on a host."""
    one = Probe(name, script)
    return str((probe(task, [one])[one.id] or {}).get("answer", "")).strip()


def scripts_of(host: Host, name: str, mirror: Mirror, image: str) -> dict[str, str]:
    """Return the script that pulls an image, by runtime of a host."""
    found = dict[str, str]()
    if host.has_parent_group(NODES):
        runtime = settings_of(host, ContainerdSettings).runtime
        found[runtime] = node_script(name, image, "" if runtime == "containerd" else runtime)
    if optional_settings_of(host, PodmanSettings) and not is_crio_node(host):
        found["podman"] = podman_script(name, image)
    if host.has_parent_group(WORKSTATIONS):
        found["docker"] = docker_script(name, image, mirror.front or "")
    return found


def judge_pull(said: str, image: str, runtime: str) -> str:
    """Return what went wrong with a pull; empty if the image, and part of a layer where one was asked for, arrived."""
    found = pull_evidence(said)
    if found.get("pulled") == "yes" and found.get("arrived") != "no":
        return ""
    words = " ".join((found.get("said") or said or "nothing was said").split())[-600:]
    what = "its layers do not arrive" if found.get("pulled") == "yes" else "it is not pulled"
    return f"{image} by {runtime}: {what}: {words}"


def remedy(host: Host, name: str, mirror: Mirror) -> str:
    """Return what to do about a pull that fails."""
    registry, project = settings_of(host, Registry), project_of(name, mirror)
    return (
        f"moor apply mirrors; if that changes nothing, see whether {registry.url}/v2/{project} is a proxy cache whose "
        f"endpoint is healthy (moor apply registry), and whether {name} has the image"
    )


def prove_sandbox(task: Task, mirrors: Mapping[str, Mirror]) -> Iterator[Proof]:
    """Yield the proof of the image of which containerd makes every pod's sandbox, where that is mirrored."""
    if not task.host.has_parent_group(NODES) or settings_of(task.host, ContainerdSettings).runtime != "containerd":
        return
    said = ask(task, "sandbox", READ_SANDBOX).splitlines()
    name, image = split_registry(said[0]) if said else ("", "")
    if name in mirrors:
        found = pull_by_each(task, name, image, {"containerd": node_script(name, image, "")}, mirrors[name])
        yield Proof(SANDBOX, found.wrong, found.untried, found.tried)
