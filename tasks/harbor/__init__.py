"""Harbor on the registry's host: installation, configuration and health."""

from moor.tasks.harbor.install import await_health as await_health
from moor.tasks.harbor.install import install_harbor as install_harbor
from moor.tasks.harbor.settings import HarborSettings as HarborSettings
