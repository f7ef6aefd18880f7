"""The names for a site's own tasks, runbooks and scripts; docs/compatibility.md promises them.

The modules behind them may move at any time.
"""

from moor.context import site_of
from moor.engine.converge import converge
from moor.engine.findings import Expiry, Finding
from moor.engine.measurements import Counted, Filling, Lasting
from moor.engine.results import FindingResult
from moor.errors import HostError, InputError, MoorError
from moor.resources.archive import Archive
from moor.resources.base import Later, Probed, Remote, Required, Resource, Scripted, State, literal
from moor.resources.edit import Edit
from moor.resources.file import Absent, Directory, File
from moor.resources.healthy import Healthy
from moor.resources.package import Package
from moor.resources.requirement import Requirement
from moor.resources.service import Service
from moor.run.runbook import (
    INSIDERS,
    ONE_BY_ONE,
    OWN_REGISTRY,
    REGISTRY,
    Rolling,
    Runbook,
    Stage,
    either,
    members,
)
from moor.secrets.secret import Secret
from moor.settings import SecretRef, Section, SitePath, optional_settings_of, settings_of
from moor.sites.site import open_site
from moor.templates import render

__all__ = [
    "INSIDERS",
    "ONE_BY_ONE",
    "OWN_REGISTRY",
    "REGISTRY",
    "Absent",
    "Archive",
    "Counted",
    "Directory",
    "Edit",
    "Expiry",
    "File",
    "Filling",
    "Finding",
    "FindingResult",
    "Healthy",
    "HostError",
    "InputError",
    "Lasting",
    "Later",
    "MoorError",
    "Package",
    "Probed",
    "Remote",
    "Required",
    "Requirement",
    "Resource",
    "Rolling",
    "Runbook",
    "Scripted",
    "Secret",
    "SecretRef",
    "Section",
    "Service",
    "SitePath",
    "Stage",
    "State",
    "converge",
    "either",
    "literal",
    "members",
    "open_site",
    "optional_settings_of",
    "render",
    "settings_of",
    "site_of",
]
