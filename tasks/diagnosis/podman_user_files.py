"""Users whose podman reads a file of their own instead of moor's, which no file of moor's mends."""

from __future__ import annotations

from collections.abc import Iterator

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import context_of
from moor.engine.probing import probe
from moor.engine.results import Cause, ResourceResult
from moor.errors import HostError
from moor.run.runbook import INSIDERS
from moor.settings import optional_settings_of, settings_of
from moor.tasks.diagnosis.evidence.probes import Probe
from moor.tasks.facts import Registry
from moor.tasks.podman import PodmanSettings
from moor.tasks.podman.registries_conf import READ_REGISTRIES, find_user_overrides

REGISTRIES_PROBE = Probe("registries", READ_REGISTRIES)


class HasPodman(F):
    """A filter that holds for hosts whose podman moor keeps."""

    def __call__(self, host: Host) -> bool:
        return INSIDERS(host) and optional_settings_of(host, PodmanSettings) is not None


def user_file_causes(answer: str, host: Host) -> Iterator[Cause]:
    """Yield a cause for each user whose podman reads nothing of what moor writes into /etc/containers."""
    name = settings_of(host, Registry).host_port
    mend = f'write into it [[registry]] with prefix = "{name}", location = "{name}", insecure = false, or remove it'
    for said in find_user_overrides(answer, name):
        yield Cause(f"registries-conf:{said.partition(' ')[0]}", said, mend)


def diagnose_podman(task: Task) -> Result:
    """Find the users whose own files hide moor's from their podman; a question about pods leaves that out."""
    scope = context_of(task).diagnosis
    if scope.deployment or scope.namespaces:
        return Result(host=task.host, result="only pods were asked about")
    try:
        answer = probe(task, [REGISTRIES_PROBE])[REGISTRIES_PROBE.id] or {}
    except HostError:
        if not task.host.has_parent_group("nodes"):
            raise
        return Result(host=task.host, result="not reached, which the look at its layers tells")
    causes = list(user_file_causes(str(answer.get("answer", "")), task.host))
    words = "\n".join(f"{one.cause}; {one.mend}" for one in causes)
    # Its pods may be well all the same: it is told beside the layers of a pull, and fails none of them.
    task.results.append(ResourceResult(task.host, "proof:podman", "drift" if causes else "ok", words, "", causes))
    return Result(host=task.host, result="files of users looked at")
