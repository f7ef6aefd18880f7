"""Objects that the tests apply."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def deployment(image: str = "registry.test/demo/web:1", replicas: int = 3, name: str = "web", **spec: Any) -> Object:
    """Return a deployment of one container with one port."""
    container = {"name": "web", "image": image, "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def stateful_set(image: str = "registry.test/demo/web:1", replicas: int = 3, **spec: Any) -> Object:
    """Return a stateful set of one container whose pods have a claim each."""
    template = deployment(image, name="db")["spec"]["template"]
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "demo"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template,
            "volumeClaimTemplates": [claim],
            **spec,
        },
    }


def daemon_set(image: str = "registry.test/demo/web:1", **spec: Any) -> Object:
    """Return a daemon set of one container."""
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "log", "namespace": "demo"},
        "spec": {
            "selector": {"matchLabels": {"app": "log"}},
            "template": deployment(image, name="log")["spec"]["template"],
            **spec,
        },
    }


def job(image: str = "registry.test/demo/web:1", **spec: Any) -> Object:
    """Return a job of one pod."""
    container = {"name": "web", "image": image}
    template = {
        "metadata": {"labels": {"app": "sum"}},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "sum", "namespace": "demo"},
        "spec": {"template": template, **spec},
    }


def cron_job(schedule: str = "*/5 * * * *", **spec: Any) -> Object:
    """Return a cron job of one pod."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tidy", "namespace": "demo"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": job()["spec"]}, **spec},
    }


def secret(kind: str = "Opaque", **data: str) -> Object:
    """Return a secret with plain values."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "regcred", "namespace": "demo"},
        "type": kind,
        "stringData": data,
    }
