"""Harbor's configuration as data: its projects with everything in them, and its system."""

from moor.tasks.registry.configure import configure_registry as configure_registry
from moor.tasks.registry.given_logins import Logins as Logins
from moor.tasks.registry.projects import Projects as Projects
