"""Access to the Kubernetes cluster: its API, its objects and its nodes."""

from moor.tasks.cluster.node import ClusterNode as ClusterNode
from moor.tasks.cluster.settings import ClusterSettings as ClusterSettings
