"""Docker on hosts that run Harbor or build images: installed, and trusting the registry."""

from moor.tasks.docker.install import DockerSettings as DockerSettings
from moor.tasks.docker.install import install_docker as install_docker
