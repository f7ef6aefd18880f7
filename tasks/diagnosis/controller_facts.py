"""What the controller knows of an image, its robot and the registry's certificate, without any node."""

from __future__ import annotations

import time
from typing import Any

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import PROJECT
from moor.errors import HarborUnreachable, HostError, MoorError
from moor.lazy_imports import hashes, x509
from moor.secrets.secret import Secret
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts, split_image
from moor.tasks.harbor.api import api_login_of, harbor_of
from moor.tasks.pki.issue import registry_certificate
from moor.tasks.registry.answers import BY_NAME
from moor.tasks.registry.projects import account_of, find_account, given_login, project_of

Login = tuple[str, Secret]
NOT_FOUND = 404
PREFIX = "robot$"  # Harbor's default, which its setting robot_name_prefix changes


def controller_facts_of(task: Task, image: str, robot: str) -> tuple[Login | None, ControllerFacts]:
    """Return the login of a project's robot, and what Harbor reports about the robot and the image.

    Args:
        robot: empty if the inventory does not name one
    """
    issued = issued_fingerprint(task.host)
    project = project_of(image)
    if api_login_of(task.host) is None or given_login(task.host, project, robot):
        return _facts_by_login(task, image, robot)
    try:
        harbor = harbor_of(task)
        found = _find_robot(task, harbor, project, robot) if robot else None
        known = ControllerFacts(
            "answers", robot_state(found) if robot else "", fingerprint=issued, **_image(harbor, image)
        )
    except HostError as error:
        return _login(task, project, robot, None), ControllerFacts(str(error), fingerprint=issued)
    return _login(task, project, robot, found), known


def _facts_by_login(task: Task, image: str, robot: str) -> tuple[Login | None, ControllerFacts]:
    """Return a given login, and what the registry shows it of the image: moor has no account of it."""
    try:
        given = given_login(task.host, project_of(image), robot) if robot else None
        login = (given.user, given.password.resolve()) if given else None
    except MoorError:
        login = None
    known = (login[0], login[1].reveal()) if login else None
    repository, tag = split_image(image)
    try:
        registry = harbor_of(task)
        found = registry.manifest(repository, tag, known)
        if found is None:
            listed = registry.ask_registry("GET", f"/v2/{repository}/tags/list", login=known).status_code
            return login, ControllerFacts("answers", repository="absent" if listed == NOT_FOUND else "")
        machines = " ".join(_architectures(registry, repository, found[1], known))
    except HostError as error:
        return login, ControllerFacts(str(error) if isinstance(error, HarborUnreachable) else "answers")
    return login, ControllerFacts("answers", digest=found[0], repository="there", tag="there", architectures=machines)


def _login(task: Task, project: str, robot: str, found: dict[str, Any] | None) -> Login | None:
    """Return the robot's login; if Harbor does not answer, with the name that Harbor gives robots by default."""
    try:
        account = account_of(task.host, project, robot)
        secret = account.secret.existing()
    except MoorError:
        return None
    return (str(found["name"]) if found else f"{PREFIX}{project}+{account.present}", secret) if secret else None


def _find_robot(task: Task, harbor: Harbor, project: str, robot: str) -> dict[str, Any] | None:
    """Return Harbor's description of the robot whose login is used; None for one that is not in the inventory."""
    try:
        account = account_of(task.host, project, robot)
        generation = account.generations.present
    except MoorError:
        return None
    return find_account(harbor, account, generation)


def robot_state(found: dict[str, Any] | None, now: float | None = None) -> str:
    """Return ``ok`` for a robot that may log in, else why it may not: ``absent``, ``disabled`` or ``expired``."""
    if found is None:
        return "absent"
    ends = int(found.get("expires_at") or -1)
    expired = 0 < ends <= (time.time() if now is None else now)
    return "disabled" if found.get("disable") else "expired" if expired else "ok"


def _image(harbor: Harbor, image: str) -> dict[str, str]:
    repository, tag = split_image(image)
    project = repository.partition("/")[0]
    if harbor.get(f"/api/v2.0/projects/{project}", PROJECT, headers=BY_NAME) is None:
        return {"project": "absent"}
    if harbor.ask("GET", f"/v2/{repository}/tags/list").status_code == 404:
        return {"project": "there", "repository": "absent"}
    found = harbor.manifest(repository, tag)
    if found is None:
        return {"project": "there", "repository": "there", "tag": "absent"}
    about = {"project": "there", "repository": "there", "tag": "there", "digest": found[0]}
    return {**about, "architectures": " ".join(_architectures(harbor, repository, found[1]))}


def _architectures(
    harbor: Harbor, repository: str, manifest: dict[str, Any], login: tuple[str, str] | None = None
) -> list[str]:
    if manifest.get("manifests"):
        platforms = [entry.get("platform") or {} for entry in manifest["manifests"]]
        return [str(p["architecture"]) for p in platforms if p.get("architecture") not in (None, "unknown")]
    if not manifest.get("config"):
        return []  # schema 1 has no config
    config = harbor.blob(repository, manifest["config"]["digest"], login)
    return [str(config["architecture"])] if config.get("architecture") else []


def issued_fingerprint(host: Host) -> str:
    """Return the fingerprint of the certificate that the registry should serve; empty if it cannot be read."""
    try:
        pem = registry_certificate(host)
        return x509.load_pem_x509_certificate(str(pem).encode()).fingerprint(hashes.SHA256()).hex()
    except (MoorError, ValueError):
        return ""
