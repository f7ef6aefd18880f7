"""Rotation: renew the registry's certificate, or its CA as well, without a failed pull.

Changes   the CA on the controller; trust on every host; the certificate that the registry presents
Groups    all hosts
Run       moor cert renew [--ca]; the same command continues where a run ended
Undo      moor cert renew --ca once more; the current CA stays in use until every host trusts the next one
"""

from moor.run.runbook import INSIDERS, ONE_BY_ONE, OWN_REGISTRY, SERVING_REGISTRY, Runbook, Stage, either, members
from moor.tasks.containerd.configure import configure_containerd
from moor.tasks.docker.install import install_docker
from moor.tasks.harbor.install import install_harbor
from moor.tasks.pki.issue import issue_certificates
from moor.tasks.pki.rotation import Renewal, make_next_ca, promote_ca, retire_ca
from moor.tasks.podman.configure import configure_podman
from moor.tasks.trust import trust_ca

TRUST = (
    Stage(trust_ca, on=INSIDERS, needs=SERVING_REGISTRY),
    Stage(install_docker, on=either(OWN_REGISTRY, members("workstations")), needs=SERVING_REGISTRY),
    Stage(configure_podman, on=INSIDERS, needs=SERVING_REGISTRY),
    Stage(configure_containerd, on=members("nodes"), rolling=ONE_BY_ONE, needs=SERVING_REGISTRY),
)

RUNBOOK = Runbook(
    "rotation",
    "Renew the registry's certificate, or its CA as well, without a failed pull.",
    (
        Stage(make_next_ca, on=SERVING_REGISTRY),
        *TRUST,  # in the current and the next CA
        Stage(promote_ca, on=SERVING_REGISTRY),
        Stage(issue_certificates, on=SERVING_REGISTRY),
        Stage(install_harbor, on=OWN_REGISTRY),
        Stage(retire_ca, on=SERVING_REGISTRY),
        *TRUST,  # in the new CA only
        Stage(install_harbor, on=OWN_REGISTRY),
    ),
    looks=True,  # a rotation happens only on request
    command=Renewal(),
)
