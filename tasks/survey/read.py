"""The task of ``moor import``: one script a host, and what the answers together say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import site_of
from moor.engine.asking import Asking, Question, asks, refuse_failed_shell
from moor.errors import InputError
from moor.run.protocols.proposing import ProposedInventory, SurveyRequest
from moor.run.runbook import INSIDERS
from moor.settings.config import InventoryOptions, read_config
from moor.tasks.survey.script import SCRIPT, HostView, view_of

if TYPE_CHECKING:
    from moor.tasks.survey.site_files import SiteFiles

ASK_S = 60


@asks
def read_host(task: Task) -> Asking[Result]:
    """Read what a host says of its registry; nothing is changed."""
    answer = yield Question(SCRIPT, ASK_S)
    refuse_failed_shell(answer)
    return Result(host=task.host, result=view_of(task.host.name, answer.stdout.decode("utf-8", "replace")))


class FleetSurvey:
    """What ``moor import`` needs beside the runbook's stages."""

    def proposed(self, nr: Nornir, request: SurveyRequest) -> ProposedInventory:
        """Read the hosts, and return the inventory that says what they are.

        Raises:
            InputError: no host could be read, or it is not clear which registry they pull from
        """
        from moor.tasks.survey.proposal import propose  # other commands load every runbook, and need none of this

        some = nr.filter(filter_func=lambda host: INSIDERS(host) or host.has_parent_group("outsiders"))
        if not some.inventory.hosts:
            raise InputError("import: no host is left that has a shell; leave --limit out")
        found = some.with_processors([]).run(task=read_host, on_failed=True)
        nr.data.reset_failed_hosts()
        unread = {name: str(result[0].exception) for name, result in found.items() if result.failed}
        views: list[HostView] = [result[0].result for result in found.values() if not result.failed]
        if not views:
            raise InputError("import: no host could be read\n" + "\n".join(f"{n}: {w}" for n, w in unread.items()))
        proposal = propose(views, _files_of(nr), request)
        return ProposedInventory(proposal.files, proposal.questions, proposal.secrets, unread)

    def extended(
        self,
        proposed: ProposedInventory,
        defaults: str,
        sections: Mapping[str, Mapping[str, object]],
        source: str,
        request: SurveyRequest,
    ) -> ProposedInventory:
        """Return the inventory with sections that the registry says of itself."""
        from moor.tasks.survey.proposal import Proposal, with_sections

        whole = Proposal(dict(proposed.files), list(proposed.questions), dict(proposed.secrets))
        with_sections(whole, defaults, sections, source, request)
        return ProposedInventory(whole.files, whole.questions, whole.secrets, proposed.unread)


def _files_of(nr: Nornir) -> SiteFiles:
    from moor.tasks.survey.site_files import SiteFiles

    site = site_of(nr).directory
    options: InventoryOptions = read_config(site).inventory.options
    paths = (options.host_file, options.group_file, options.defaults_file)
    texts = {path: (site / path).read_text(encoding="utf-8") for path in paths if (site / path).is_file()}
    sections = frozenset(key for host in nr.inventory.hosts.values() for key, value in host.data.items() if value)
    grouped = frozenset(name for name, host in nr.inventory.hosts.items() if host.groups)
    held = {host.name: found for host in nr.inventory.hosts.values() if (found := _held(host))}
    return SiteFiles(*paths, texts, sections, grouped, held)


def _held(host: Host) -> dict[tuple[str, ...], object]:
    """Return what the inventory says of a host's proxy, time servers and routes."""
    found = dict[tuple[str, ...], object]()
    if (proxy := host.data.get("proxy")) is not None:
        found["data", "proxy", "url"] = proxy.address
    if (time := host.data.get("time")) is not None:
        found["data", "time", "servers"] = list(time.servers)
    if host.data.get("routes") is not None:
        found["data", "routes", ""] = None
    return found
