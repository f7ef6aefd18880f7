"""Other registries through this one: what nodes pull of docker.io and others comes from a proxy cache in Harbor."""

from moor.tasks.mirrors.configure import HAS_MIRRORS as HAS_MIRRORS
from moor.tasks.mirrors.configure import configure_mirrors as configure_mirrors
from moor.tasks.mirrors.settings import Mirrors as Mirrors
