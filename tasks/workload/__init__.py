"""Workloads that run from the registry: manifests or moor's template, pull secret, roll-out."""

from moor.tasks.workload.deploy import deploy_workload as deploy_workload
from moor.tasks.workload.settings import Workloads as Workloads
