"""The proof that a login pulls: from the controller before it is used, from every node before the former is revoked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.connections.apis.harbor_paths import repository_path
from moor.engine.asked_once import ask_once
from moor.errors import HostError
from moor.resources.base import Remote, State
from moor.secrets import private_files
from moor.secrets.secret import Secret
from moor.settings import optional_settings_of
from moor.tasks.harbor.api import harbor_of
from moor.tasks.registry.answers import API, BY_NAME
from moor.tasks.registry.generations import Account
from moor.tasks.registry.projects import project_of, robot_login
from moor.tasks.robot_rotation.rotated import RotatedRobot
from moor.tasks.workload.settings import Workloads

LAYERS = ("login", "rights", "manifest", "pull")
RECENT = {"page_size": "10", "sort": "-update_time"}


class RepositoryAnswer(HarborObject):
    """A repository of a project; its name begins with the project's."""

    name: str
    artifact_count: int = 0


class TagAnswer(HarborObject):
    """A tag of an artifact."""

    name: str


class ArtifactAnswer(HarborObject):
    """An artifact of a repository."""

    digest: str
    tags: list[TagAnswer] | None = None
    type: str = "IMAGE"


REPOSITORIES, ARTIFACTS = Shape(list[RepositoryAnswer] | None), Shape(list[ArtifactAnswer] | None)


def proof_image(task: Task, account: Account) -> str:
    """Return an image that the robot is for: that of a workload of its, else one of its project; empty without one."""
    section = optional_settings_of(task.host, Workloads)
    for workload in section.by_name.values() if section else ():
        image = workload.image
        if image and (workload.robot, project_of(image)) == (account.robot, account.project):
            return image
    return ask_once(task, ("image of", account.project), lambda: _newest_image(harbor_of(task), account.project))


def _newest_image(harbor: Harbor, project: str) -> str:
    """Return the newest image of a project with a tag; empty if there is none."""
    path = f"{API}/projects/{project}/repositories"
    found = harbor.get(path, REPOSITORIES, RECENT, BY_NAME) if project else []
    for repository in found or ():
        below = f"{API}{repository_path(repository['name'])}/artifacts"
        artifacts = harbor.get(below, ARTIFACTS, RECENT, BY_NAME)
        for artifact in artifacts or ():
            if artifact.get("tags") and artifact.get("type", "IMAGE") == "IMAGE":
                return f"{repository['name']}:{artifact['tags'][0]['name']}"
    return ""


def refuse_unable(harbor: Harbor, what: str, image: str, login: tuple[str, Secret]) -> None:
    """Raise HostError if a login does not pull an image that moor's own account sees."""
    repository, _, tag = image.rpartition(":")
    if not image or harbor.manifest(repository, tag) is None:
        return
    if harbor.manifest(repository, tag, (login[0], login[1].reveal())) is None:
        raise HostError(f"{what}: {login[0]} may not pull {image}, so the present login stays; look at its rights")


@dataclass(frozen=True)
class ProvedPull(Remote):
    """A node that has pulled by the present login of a robot since that is in use."""

    robot: RotatedRobot
    node: str

    @property
    def id(self) -> str:
        return f"pull-by:{self.robot.account.present}" + (
            f"@{self.robot.account.project}" if self.robot.account.project else ""
        )

    @property
    def bound_s(self) -> float:
        return 300

    def desired(self, actual: State | None) -> State:
        return {"proved": "yes"}

    def read(self, task: Task) -> State:
        return {"proved": "yes" if self.robot.proof(self.node).exists() else "no"}

    def write(self, task: Task, actual: State | None) -> None:
        account = self.robot.account
        login = robot_login(task, account.project, account.robot)
        if login is None:
            raise HostError(f"{self.id}: Harbor has no such robot; run moor apply registry, then again")
        image = proof_image(task, account)
        pull_on_node(task, image, account, login)
        private_files.write(self.robot.proof(self.node), f"{account.present}\n".encode())


def pull_on_node(task: Task, image: str, account: Account, login: tuple[str, Secret]) -> None:
    """Pull an image on a node by the login of an account; without an image, log in.

    Raises:
        HostError: with the causes, by the rules of the diagnosis
    """
    # Imported late: hardly any run has a pull to prove.
    from moor.tasks.diagnosis.controller_facts import controller_facts_of
    from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts
    from moor.tasks.diagnosis.image_requests import ImageRequest
    from moor.tasks.diagnosis.layer_report import report_layers
    from moor.tasks.diagnosis.node_evidence import read_node
    from moor.tasks.diagnosis.rules import RULES
    from moor.tasks.diagnosis.rules.layers import judge
    from moor.tasks.diagnosis.scope import probe_request_of

    facts = ControllerFacts("answers", "ok")
    if image and account.project:
        facts = ask_once(task, ("facts", image, login[0]), lambda: controller_facts_of(task, image, account.robot)[1])
    request = replace(probe_request_of(task.host, image, login, pull=bool(image)), digest=facts.digest)
    seen = read_node(task, [ImageRequest(request, facts, login)])
    wanted = LAYERS if image else LAYERS[:1]
    evidence = {layer: found for layer, found in seen.evidence.items() if layer in wanted}
    if not evidence and not seen.unreached:
        raise HostError("the node could not be asked to pull")
    report_layers(task, judge(evidence, RULES), seen.unreached)
