"""The kinds that the stand-in serves."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of object; ``status`` is whether it has a status subresource, and the core group is the empty string."""

    group: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    status: bool = False
    version: str = "v1"

    @property
    def api_version(self) -> str:
        """Return the apiVersion of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Return its name in errors: ``secrets``, ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self) -> str:
        """Return its name in validation errors: ``Secret``, ``Deployment.apps``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def definition(self) -> str:
        """Return its name in the OpenAPI document."""
        return f"io.k8s.api.{self.group.partition('.')[0] or 'core'}.{self.version}.{self.kind}"


CLAIM = Kind("", "PersistentVolumeClaim", "persistentvolumeclaims", short_names=("pvc",), status=True)
CONFIG_MAP = Kind("", "ConfigMap", "configmaps", short_names=("cm",))
EVENT = Kind("", "Event", "events", short_names=("ev",))
LIMIT_RANGE = Kind("", "LimitRange", "limitranges", short_names=("limits",))
NAMESPACE = Kind("", "Namespace", "namespaces", namespaced=False, short_names=("ns",), status=True)
NODE = Kind("", "Node", "nodes", namespaced=False, short_names=("no",), status=True)
POD = Kind("", "Pod", "pods", short_names=("po",), status=True)
RESOURCE_QUOTA = Kind("", "ResourceQuota", "resourcequotas", short_names=("quota",), status=True)
SECRET = Kind("", "Secret", "secrets")
SERVICE = Kind("", "Service", "services", short_names=("svc",), status=True)
SERVICE_ACCOUNT = Kind("", "ServiceAccount", "serviceaccounts", short_names=("sa",))

CONTROLLER_REVISION = Kind("apps", "ControllerRevision", "controllerrevisions")
DAEMON_SET = Kind("apps", "DaemonSet", "daemonsets", short_names=("ds",), status=True)
DEPLOYMENT = Kind("apps", "Deployment", "deployments", short_names=("deploy",), status=True)
REPLICA_SET = Kind("apps", "ReplicaSet", "replicasets", short_names=("rs",), status=True)
STATEFUL_SET = Kind("apps", "StatefulSet", "statefulsets", short_names=("sts",), status=True)

CRON_JOB = Kind("batch", "CronJob", "cronjobs", short_names=("cj",), status=True)
JOB = Kind("batch", "Job", "jobs", status=True)

AUTOSCALER = Kind(
    "autoscaling",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    short_names=("hpa",),
    status=True,
    version="v2",
)
DISRUPTION_BUDGET = Kind("policy", "PodDisruptionBudget", "poddisruptionbudgets", short_names=("pdb",), status=True)
INGRESS = Kind("networking.k8s.io", "Ingress", "ingresses", short_names=("ing",), status=True)
NETWORK_POLICY = Kind("networking.k8s.io", "NetworkPolicy", "networkpolicies", short_names=("netpol",))

# Kinds of rights, which api/rbac.py reads.
RBAC = "rbac.authorization.k8s.io"
ROLE = Kind(RBAC, "Role", "roles")
ROLE_BINDING = Kind(RBAC, "RoleBinding", "rolebindings")
CLUSTER_ROLE = Kind(RBAC, "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(RBAC, "ClusterRoleBinding", "clusterrolebindings", namespaced=False)

KINDS = (
    *(CLAIM, CONFIG_MAP, EVENT, LIMIT_RANGE, NAMESPACE, NODE, POD, RESOURCE_QUOTA, SECRET, SERVICE, SERVICE_ACCOUNT),
    *(CONTROLLER_REVISION, DAEMON_SET, DEPLOYMENT, REPLICA_SET, STATEFUL_SET, CRON_JOB, JOB),
    *(AUTOSCALER, DISRUPTION_BUDGET, INGRESS, NETWORK_POLICY),
    *(ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING),
)

WITH_TEMPLATE = (DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET, JOB)
"""Kinds whose ``spec.template`` describes pods."""


def find(group: str, version: str, plural: str) -> Kind | None:
    """Return the kind of a group, version and plural name."""
    return next((kind for kind in KINDS if (kind.group, kind.version, kind.plural) == (group, version, plural)), None)


def of_group(group: str) -> Iterator[Kind]:
    """Return the kinds of one API group."""
    return (kind for kind in KINDS if kind.group == group)


def named(api_version: str, kind: str) -> Kind | None:
    """Return the kind that an apiVersion and a kind name, as in owner references."""
    return next((one for one in KINDS if (one.api_version, one.kind) == (api_version, kind)), None)
