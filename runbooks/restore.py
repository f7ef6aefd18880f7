"""Restore: a backup onto a bare host, or onto one where Harbor is installed.

Changes   sets routes, proxy and clock of a bare host, and installs Harbor where it is missing; replaces its database,
          keys and settings, adds its images
Groups    harbor
Run       moor restore [BACKUP]; the same command goes on where a run ended
Undo      moor restore --over, of another backup
"""

from moor.run.runbook import OWN_REGISTRY, Runbook, Stage
from moor.tasks.backup.commands import RestoredBackup
from moor.tasks.backup.restore import prove_restore, refuse_filled_registry, restore_harbor, settle_harbor
from moor.tasks.docker.install import install_docker
from moor.tasks.firewall.hosts import configure_firewall
from moor.tasks.harbor.install import install_harbor
from moor.tasks.names.hosts import write_hosts
from moor.tasks.pki.issue import issue_certificates
from moor.tasks.proxy.runtimes import start_with_proxy
from moor.tasks.proxy.write import write_proxy
from moor.tasks.routes.hosts import set_routes
from moor.tasks.time.keep import keep_time
from moor.tasks.trust import trust_ca

RUNBOOK = Runbook(
    "restore",
    "Put back what a backup holds of the registry.",
    (
        Stage(refuse_filled_registry, on=OWN_REGISTRY),
        # A bare host has no way out yet; what it fetches and whose certificates it reads need way, proxy and time.
        Stage(set_routes, on=OWN_REGISTRY),
        Stage(write_proxy, on=OWN_REGISTRY),
        Stage(keep_time, on=OWN_REGISTRY),
        Stage(issue_certificates, on=OWN_REGISTRY),
        Stage(configure_firewall, on=OWN_REGISTRY),
        Stage(write_hosts, on=OWN_REGISTRY),
        Stage(trust_ca, on=OWN_REGISTRY),
        Stage(install_docker, on=OWN_REGISTRY),
        Stage(start_with_proxy, on=OWN_REGISTRY),
        Stage(install_harbor, on=OWN_REGISTRY),
        Stage(restore_harbor, on=OWN_REGISTRY),
        Stage(settle_harbor, on=OWN_REGISTRY),
        Stage(prove_restore, on=OWN_REGISTRY),
    ),
    proves=True,  # it happens only on request
    command=RestoredBackup(),
)
