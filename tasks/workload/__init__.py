"""Workloads that run from the registry: pull secret, Deployment, roll-out."""

from moor.tasks.workload.deploy import Workloads as Workloads
from moor.tasks.workload.deploy import deploy_workload as deploy_workload
