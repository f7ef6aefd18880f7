"""The task of ``moor harbor export``: it asks Harbor's API for everything that the inventory can say."""

from __future__ import annotations

from nornir.core import Nornir
from nornir.core.task import Result, Task

from moor.context import runs_registry, site_of
from moor.errors import ErrorKind, HostError, InputError, MoorError
from moor.run.runbook import REGISTRY
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import api_login_of
from moor.tasks.registry.answers import answers_of, begin_reading
from moor.tasks.registry.export.document import Notes, texts_in
from moor.tasks.registry.export.inventory import Exported
from moor.tasks.registry.export.projects import projects_of
from moor.tasks.registry.export.source import Source
from moor.tasks.registry.export.system import system_of
from moor.tasks.registry.releases import SYSTEM_INFO, release_in


def read_configuration(task: Task) -> Result:
    """Return the inventory that says what Harbor holds; nothing is changed."""
    if api_login_of(task.host) is None and not runs_registry(task.host):
        raise InputError("data.harbor.account: it is missing; moor reads what Harbor holds as an administrator")
    begin_reading(task)
    answers, site = answers_of(task), site_of(task.host)
    version = str((answers.one(SYSTEM_INFO) or {}).get("harbor_version") or "")
    notes = Notes()
    source = Source(answers, release_in(version), site.directory, site.state, notes)
    sections = {"harbor_system": system_of(source), "projects": projects_of(source)}
    data = {name: section for name, section in sections.items() if section}
    used = frozenset(texts_in(data))
    notes.secrets = {reference: what for reference, what in notes.secrets.items() if reference in used}
    return Result(host=task.host, result=Exported(settings_of(task.host, Registry).name, version, data, notes))


class RegistryExport:
    """What ``moor harbor export`` needs beside the runbook's stages."""

    def exported(self, nr: Nornir) -> Exported:
        """Read a running Harbor.

        Raises:
            MoorError: it does not answer, or there is none
        """  # noqa: DOC501  # InputError is one
        some = nr.filter(filter_func=REGISTRY)
        if not some.inventory.hosts:
            raise InputError("harbor export: no host is left for which the registry is asked; leave --limit out")
        [(host, found)] = some.run(task=read_configuration).items()
        if found.failed:
            raise _as_moors(host, found.exception)
        exported = found[0].result
        assert isinstance(exported, Exported)  # noqa: S101  # the task returns nothing else
        return exported


def _as_moors(host: str, error: BaseException | None) -> MoorError:
    return error if isinstance(error, MoorError) else HostError(f"{host}: {error}", ErrorKind.INTERNAL)
