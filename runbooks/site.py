"""Site: set up everything from bare hosts to a workload that runs from the private registry.

Changes   access lists, proxies, clocks, routes, MTU, firewalls, names, trust, containerd, Docker, Harbor, projects,
          robots, images, workloads
Groups    devices, dns, harbor, nodes, workstations, control_plane, clusters
Run       moor plan; moor apply
Undo      moor rollback; former contents of files are kept on each host below /var/lib/moor/runs
"""

from dataclasses import replace

from moor.run.runbook import (
    EVERY_REGISTRY,
    INSIDERS,
    ONE_BY_ONE,
    OWN_REGISTRY,
    REGISTRY,
    SERVING_REGISTRY,
    Runbook,
    Stage,
    either,
    members,
)
from moor.tasks.containerd.configure import configure_containerd
from moor.tasks.devices.access_lists import write_access_lists
from moor.tasks.docker.install import install_docker
from moor.tasks.firewall.hosts import configure_firewall
from moor.tasks.harbor.install import await_health, install_harbor
from moor.tasks.images.push import push_images
from moor.tasks.mirrors.configure import HAS_MIRRORS, configure_mirrors
from moor.tasks.mtu.keep import HAS_MTU, keep_mtu
from moor.tasks.names.dnsmasq import serve_names
from moor.tasks.names.hosts import write_hosts
from moor.tasks.names.records import write_records
from moor.tasks.pki.issue import issue_certificates
from moor.tasks.podman.configure import configure_podman
from moor.tasks.preflight.hosts import check_host
from moor.tasks.proxy.runtimes import start_with_proxy
from moor.tasks.proxy.write import HAS_PROXY, write_proxy
from moor.tasks.pull_secrets.place import write_pull_secrets
from moor.tasks.registry.configure import configure_registry
from moor.tasks.registry.mirror import replicate_to_standby
from moor.tasks.registry.replication.fence import fence_registries
from moor.tasks.registry.replication.pair import HAS_STANDBY, PAIRED
from moor.tasks.routes.devices import set_device_routes
from moor.tasks.routes.hosts import set_routes
from moor.tasks.time.keep import HAS_TIME, keep_time
from moor.tasks.trust import trust_ca
from moor.tasks.upgrade.proofs import PULLING_NODES, prove_pulls
from moor.tasks.upgrade.stage import upgrade_harbor
from moor.tasks.workload.deploy import deploy_workload

DEVICES = members("devices")
NODES = members("nodes")
WORKSTATIONS = members("workstations")
CLUSTER = members("control_plane", "clusters")

RUNBOOK = Runbook(
    "site",
    "Everything from bare hosts to a workload that runs from the private registry.",
    (
        Stage(write_access_lists, on=DEVICES, ahead=True),
        Stage(set_device_routes, on=DEVICES, ahead=True),
        Stage(check_host, on=INSIDERS),
        Stage(set_routes, on=INSIDERS),
        # Packages come through the proxy.
        Stage(write_proxy, on=HAS_PROXY),
        # Certificates and tokens are judged by clocks.
        Stage(keep_time, on=HAS_TIME),
        Stage(keep_mtu, on=HAS_MTU),
        Stage(issue_certificates, on=SERVING_REGISTRY),
        Stage(configure_firewall, on=INSIDERS),
        # DNS serves a name before hosts are made to query it.
        Stage(serve_names, on=members("dns"), ahead=True),
        Stage(write_records, on=REGISTRY),
        Stage(write_hosts, on=INSIDERS),
        Stage(trust_ca, on=INSIDERS, needs=SERVING_REGISTRY),
        Stage(install_docker, on=either(OWN_REGISTRY, WORKSTATIONS), needs=SERVING_REGISTRY),
        Stage(configure_podman, on=INSIDERS, needs=SERVING_REGISTRY),
        Stage(upgrade_harbor, on=OWN_REGISTRY, rolling=ONE_BY_ONE, concern="harbor"),
        Stage(install_harbor, on=OWN_REGISTRY, ahead=True),
        # Nodes must not point at a registry that does not run yet; containerd restarts on one node at a time.
        Stage(configure_containerd, on=NODES, rolling=replace(ONE_BY_ONE, health=await_health), needs=SERVING_REGISTRY),
        # What was started above for another reason has its proxy by now.
        Stage(start_with_proxy, on=HAS_PROXY, rolling=replace(ONE_BY_ONE, health=await_health)),
        Stage(fence_registries, on=PAIRED),
        Stage(configure_registry, on=EVERY_REGISTRY),
        Stage(replicate_to_standby, on=HAS_STANDBY),
        # A node must not look for images in a cache that is not there yet.
        Stage(configure_mirrors, on=HAS_MIRRORS, needs=SERVING_REGISTRY),
        Stage(push_images, on=members("workstations"), needs=SERVING_REGISTRY),
        Stage(write_pull_secrets, on=CLUSTER, needs=SERVING_REGISTRY, by_api=True),
        Stage(deploy_workload, on=CLUSTER, needs=SERVING_REGISTRY, by_api=True),
        Stage(prove_pulls, on=PULLING_NODES, needs=SERVING_REGISTRY, concern="harbor", looks=True),
    ),
)
