"""Kubernetes' stand-in: an API server, its controllers and a node agent, on Python's standard library alone.

It runs on the lab's hosts under Debian's Python (3.11 and 3.13) from /opt/moor-lab, so nothing here may import what
only moor's own virtual environment holds. It is no Kubernetes: what it leaves out, it refuses with an error that
names it.
"""

RELEASE = "v1.36.2"
BUILD = "moor-lab-standin"
VERSION = f"{RELEASE}+{BUILD}"
