"""A site's own task and runbook, as its author's type checker sees them: every promised name is used, and typed.

Where a comment says that a line is wrong, ``mypy --strict`` has to find it so; a type that became Any would not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, assert_type

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.api import (
    INSIDERS,
    ONE_BY_ONE,
    OWN_REGISTRY,
    REGISTRY,
    Absent,
    Archive,
    Counted,
    Directory,
    Edit,
    Expiry,
    File,
    Filling,
    Finding,
    FindingResult,
    Healthy,
    HostError,
    InputError,
    Lasting,
    Later,
    MoorError,
    Package,
    Probed,
    Remote,
    Required,
    Requirement,
    Resource,
    Rolling,
    Runbook,
    Scripted,
    Secret,
    SecretRef,
    Section,
    Service,
    SitePath,
    Stage,
    State,
    converge,
    either,
    literal,
    members,
    open_site,
    optional_settings_of,
    render,
    settings_of,
    site_of,
)

CONFIG = "/etc/agent/agent.conf"


class Agent(Section):
    """The settings below ``data.agent``."""

    section: ClassVar[str] = "agent"

    servers: tuple[str, ...] = ()
    token: SecretRef | None = None
    bundle: SitePath | None = None


@dataclass(frozen=True)
class Limit(Scripted):
    """A kernel setting: a resource of the site's own."""

    name: str
    value: str

    @property
    def id(self) -> str:
        return f"limit:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"value": self.value}

    def probe(self) -> str:
        return f"sysctl -n {self.name} 2>/dev/null || :"

    def actual(self, output: str) -> State | None:
        return {"value": output.strip()} if output.strip() else None

    def mend(self, actual: State | None) -> str:
        return f"sysctl -w {self.name}={self.value}; {literal(self.value)} > /proc/agent"


def token_of(settings: Agent) -> Secret | Later:
    """Return the agent's token, or say that it is made later in the run."""
    return settings.token.resolve() if settings.token else Later("the agent's token", secret=True)


def desired(host: Host) -> Sequence[Resource]:
    """Return what the host should hold."""
    settings = settings_of(host, Agent)
    assert_type(settings, Agent)
    assert_type(optional_settings_of(host, Agent), Agent | None)
    if not settings.servers:
        raise InputError("data.agent.servers: names no server")
    text = render("agent.conf.j2", site_of(host).directory, servers=settings.servers)
    return [
        Requirement("agent-cpu", "uname -m", lambda output: "" if output.strip() == "x86_64" else "not for this CPU"),
        Package(("agent",)),
        Directory("/etc/agent"),
        File(CONFIG, text, mode="0640"),
        File("/etc/agent/token", token_of(settings), mode="0600"),
        Edit("/etc/services", "agent", lambda content, facts: content),
        Archive("/opt/agent.tgz", settings.bundle or Path("agent.tgz")),
        Absent("/etc/agent/old.conf"),
        Limit("net.core.somaxconn", "1024"),
        Service("agent", newer_than=(CONFIG,)),
        Healthy("https://agent.example.org/", lambda status, body: {} if status == 200 else {"agent": "down"}),
        File(CONFIG, 1),  # type: ignore[arg-type]  # wrong: a content is text
        Stage,  # type: ignore[list-item]  # wrong: no resource
    ]


def run_agent(task: Task) -> Result:
    """Have the agent run on the host."""
    task.results.append(FindingResult(task.host, Finding("agent:age", "the agent is old", "upgrade it")))
    task.results.append(FindingResult(task.host, Expiry("agent:licence", "2027-01-01T00:00:00+00:00", "the licence")))
    spool = Filling(id="agent:spool", what="the spool", value=3, size=10, percent=90, within_days=7)
    paused = Lasting(id="agent:paused", what="the agent is paused", value=1, minutes=60)
    crashes = Counted(id="agent:crashes", what="its crashes", value=0, checks=3, hours=24)
    task.results.extend(FindingResult(task.host, one) for one in (spool, paused, crashes))
    try:
        return converge(task, desired(task.host))
    except HostError as error:
        assert_type(str(error), str)
        raise


def abstract(resource: Resource) -> str:
    """Return how a resource is read and changed."""
    if isinstance(resource, Probed | Required):
        return resource.probe()
    return "by calls" if isinstance(resource, Remote) else ""


RUNBOOK = Runbook(
    "agent",
    "The agent runs on every host.",
    (
        Stage(run_agent, on=members("nodes"), rolling=Rolling(batch=2, max_failures=1)),
        Stage(run_agent, on=INSIDERS, rolling=ONE_BY_ONE, needs=OWN_REGISTRY),
        Stage(run_agent, on=either(REGISTRY, members("workstations"))),
        Stage("run_agent"),  # type: ignore[arg-type]  # wrong: a task is a function
    ),
)


def names(directory: Path) -> list[str]:
    """List the hosts of a site, in a script."""
    try:
        nr = open_site(directory, dry_run=True)
    except MoorError:
        return []
    assert_type(nr, Nornir)
    return list(nr.inventory.hosts)
