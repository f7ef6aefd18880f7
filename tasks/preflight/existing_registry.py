"""The check of a registry that somebody else runs: its certificate, and what moor's account of it may do."""

from __future__ import annotations

from collections.abc import Iterator

from nornir.core.task import Result, Task

from moor.connections.apis.harbor_answers import ROBOTS
from moor.context import runs_registry
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ErrorKind, HostError
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import api_login_of, harbor_of
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
    if not shown.trouble:
        task.results.extend(FindingResult(task.host, found) for found in _account_findings(task))
    if shown.trouble:
        words = f"the controller does not reach {name}: {shown.trouble}"
        mend = "moor verify proves that the nodes do"
        task.results.append(FindingResult(task.host, Finding("registry:unreached", words, mend)))
        return Result(host=task.host, result=words)
    return Result(host=task.host, result=f"{name} shows a certificate that clients accept")


def _account_findings(task: Task) -> Iterator[Finding]:
    """Yield a finding if the account of a Harbor may not see what only an administrator of it may.

    Raises:
        HostError: Harbor refuses the account's login
    """
    login = api_login_of(task.host)
    if login is None:
        return
    try:
        harbor_of(task).get("/api/v2.0/robots", ROBOTS, {"page_size": "1"})
    except HostError as error:
        if error.kind is not ErrorKind.PRIVILEGE:
            raise
        words = f"the account {login[0]} may not list the robots of the whole registry: those outside of data.projects"
        yield Finding("registry:account", f"{words} are not watched", "nothing has to be done; an administrator may")
