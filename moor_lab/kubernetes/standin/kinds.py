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
        return f"io.k8s.api.{self.group or 'core'}.{self.version}.{self.kind}"


CONFIG_MAP = Kind("", "ConfigMap", "configmaps", short_names=("cm",))
EVENT = Kind("", "Event", "events", short_names=("ev",))
NAMESPACE = Kind("", "Namespace", "namespaces", namespaced=False, short_names=("ns",), status=True)
NODE = Kind("", "Node", "nodes", namespaced=False, short_names=("no",), status=True)
POD = Kind("", "Pod", "pods", short_names=("po",), status=True)
SECRET = Kind("", "Secret", "secrets")
SERVICE_ACCOUNT = Kind("", "ServiceAccount", "serviceaccounts", short_names=("sa",))
SERVICE = Kind("", "Service", "services", short_names=("svc",), status=True)
DEPLOYMENT = Kind("apps", "Deployment", "deployments", short_names=("deploy",), status=True)
REPLICA_SET = Kind("apps", "ReplicaSet", "replicasets", short_names=("rs",), status=True)
RESOURCE_QUOTA = Kind("", "ResourceQuota", "resourcequotas", short_names=("quota",), status=True)
AUTOSCALER = Kind(
    "autoscaling",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    short_names=("hpa",),
    status=True,
    version="v2",
)

# Kinds of rights, which api/rbac.py reads.
RBAC = "rbac.authorization.k8s.io"
ROLE = Kind(RBAC, "Role", "roles")
ROLE_BINDING = Kind(RBAC, "RoleBinding", "rolebindings")
CLUSTER_ROLE = Kind(RBAC, "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(RBAC, "ClusterRoleBinding", "clusterrolebindings", namespaced=False)

KINDS = (
    *(CONFIG_MAP, EVENT, NAMESPACE, NODE, POD, RESOURCE_QUOTA, SECRET, SERVICE_ACCOUNT, SERVICE),
    *(DEPLOYMENT, REPLICA_SET, AUTOSCALER, ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING),
)


def find(group: str, version: str, plural: str) -> Kind | None:
    """Return the kind of a group, version and plural name."""
    return next((kind for kind in KINDS if (kind.group, kind.version, kind.plural) == (group, version, plural)), None)


def of_group(group: str) -> Iterator[Kind]:
    """Return the kinds of one API group."""
    return (kind for kind in KINDS if kind.group == group)
