"""Projects of the registry and their robot accounts."""

from moor.tasks.registry.given_logins import Logins as Logins
from moor.tasks.registry.projects import Projects as Projects
from moor.tasks.registry.projects import configure_registry as configure_registry
