"""Preflight: what hosts and cluster need before anything is changed."""

from moor.tasks.preflight.hosts import Preflight as Preflight
from moor.tasks.preflight.hosts import check_host as check_host
