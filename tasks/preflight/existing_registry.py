"""The check of a registry that somebody else runs: whether clients accept the certificate that it shows."""

from __future__ import annotations

from nornir.core.task import Result, Task

from moor.context import runs_registry
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ErrorKind, HostError
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.pki.shown_certificate import shown_certificate_of


def check_registry(task: Task) -> Result:
    """Check that clients accept the registry's certificate; report if the controller cannot find that out.

    Raises:
        HostError: they refuse it
    """
    if runs_registry(task.host):
        return Result(host=task.host, result="moor runs the registry")
    name, shown = settings_of(task.host, Registry).host_port, shown_certificate_of(task)
    if shown.refusal:
        raise HostError(shown.refusal, ErrorKind.CERTIFICATE)
    if shown.trouble:
        words = f"the controller does not reach {name}: {shown.trouble}"
        mend = "moor verify proves that the nodes do"
        task.results.append(FindingResult(task.host, Finding("registry:unreached", words, mend)))
        return Result(host=task.host, result=words)
    return Result(host=task.host, result=f"{name} shows a certificate that clients accept")
