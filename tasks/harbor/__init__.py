"""Harbor on the registry's host: installation, configuration and health."""

from moor.tasks.harbor.install import HarborSettings as HarborSettings
from moor.tasks.harbor.install import await_health as await_health
from moor.tasks.harbor.install import install_harbor as install_harbor
