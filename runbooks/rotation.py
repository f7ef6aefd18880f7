"""Rotation: the registry's certificate made anew, or its CA as well, without a pull that fails.

Changes   the CA on the controller; trust on every host; the certificate that the registry shows
Groups    all hosts
Run       moor cert renew [--ca]; the same command again goes on where a run ended
Undo      nothing to undo: until every host trusts the next CA, the present one serves; moor cert renew --ca once more
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
    "The registry's certificate made anew, or its CA as well, without a pull that fails.",
    (
        Stage(make_next_ca, on=HARBOR),
        *TRUST,  # in both
        Stage(promote_ca, on=HARBOR),
        Stage(issue_certificates, on=HARBOR),
        Stage(install_harbor, on=HARBOR),
        Stage(retire_ca, on=HARBOR),
        *TRUST,  # in the new one alone
        Stage(install_harbor, on=HARBOR),
    ),
    looks=True,  # nobody rotates unasked
    command=Renewal(),
)
