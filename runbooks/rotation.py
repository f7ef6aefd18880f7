"""Rotation: renew the registry's certificate, or its CA as well, without a failed pull.

Changes   the CA on the controller; trust on every host; the certificate that the registry presents
Groups    all hosts
Run       moor cert renew [--ca]; the same command continues where a run ended
Undo      moor cert renew --ca once more; the current CA stays in use until every host trusts the next one
"""

from moor.run.runbook import INSIDERS, ONE_BY_ONE, Runbook, Stage, members
from moor.tasks.containerd import configure_containerd
from moor.tasks.docker import install_docker
from moor.tasks.harbor import install_harbor
from moor.tasks.pki import issue_certificates
from moor.tasks.pki.rotation import Renewal, make_next_ca, promote_ca, retire_ca
from moor.tasks.podman import configure_podman
from moor.tasks.trust import trust_ca

HARBOR = members("harbor")
TRUST = (
    Stage(trust_ca, on=INSIDERS, needs="harbor"),
    Stage(install_docker, on=members("harbor", "workstations"), needs="harbor"),
    Stage(configure_podman, on=INSIDERS, needs="harbor"),
    Stage(configure_containerd, on=members("nodes"), rolling=ONE_BY_ONE, needs="harbor"),
)

RUNBOOK = Runbook(
    "rotation",
    "Renew the registry's certificate, or its CA as well, without a failed pull.",
    (
        Stage(make_next_ca, on=HARBOR),
        *TRUST,  # in the current and the next CA
        Stage(promote_ca, on=HARBOR),
        Stage(issue_certificates, on=HARBOR),
        Stage(install_harbor, on=HARBOR),
        Stage(retire_ca, on=HARBOR),
        *TRUST,  # in the new CA only
        Stage(install_harbor, on=HARBOR),
    ),
    looks=True,  # a rotation happens only on request
    command=Renewal(),
)
