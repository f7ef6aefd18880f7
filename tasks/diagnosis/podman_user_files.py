"""Users' own registries.conf, which podman reads instead of the one that moor writes."""

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
from moor.tasks.podman.registries_conf import READ_REGISTRIES, find_user_overrides
from moor.tasks.podman.settings import PodmanSettings

REGISTRIES_PROBE = Probe("registries", READ_REGISTRIES)


class HasPodman(F):
    """A filter for hosts whose podman moor configures."""

    def __call__(self, host: Host) -> bool:
        return INSIDERS(host) and optional_settings_of(host, PodmanSettings) is not None


def user_file_causes(answer: str, host: Host) -> Iterator[Cause]:
    """Yield a cause for each user whose podman ignores what moor writes into /etc/containers."""
    name = settings_of(host, Registry).host_port
    mend = f'write into it [[registry]] with prefix = "{name}", location = "{name}", insecure = false, or remove it'
    for said in find_user_overrides(answer, name):
        yield Cause(f"registries-conf:{said.partition(' ')[0]}", said, mend)


def diagnose_podman(task: Task) -> Result:
    """Find the users whose own files hide moor's from their podman; skipped when only pods are examined."""
    scope = context_of(task).diagnosis
    if scope.deployment or scope.namespaces:
        return Result(host=task.host, result="only pods were asked about")
    try:
        answer = probe(task, [REGISTRIES_PROBE])[REGISTRIES_PROBE.id] or {}
    except HostError:
        if not task.host.has_parent_group("nodes"):
            raise
        return Result(host=task.host, result="not reached; diagnose_node reports that")
    causes = list(user_file_causes(str(answer.get("answer", "")), task.host))
    words = "\n".join(f"{one.cause}; {one.mend}" for one in causes)
    # Pods do not depend on it: it is reported beside the layers of a pull, and fails none of them.
    task.results.append(ResourceResult(task.host, "proof:podman", "drift" if causes else "ok", words, "", causes))
    return Result(host=task.host, result="users' files checked")
