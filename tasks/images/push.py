"""Images that a workstation pushes to the registry: built, loaded, present in its Docker, or brought from others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import dirname
from shlex import quote
from typing import BinaryIO

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.asking import shell_of
from moor.engine.converge import converge
from moor.errors import ErrorKind, HarborUnreachable, HostError, InputError
from moor.resources.base import Remote, Resource, State
from moor.script_result import ScriptResult
from moor.settings import prefix_errors, settings_of
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import harbor_of, may_be_created
from moor.tasks.images.archive import ImageArchive
from moor.tasks.images.bringing import brought_images, programs, unlisted_tags
from moor.tasks.images.build_context import context_hash, context_tar
from moor.tasks.images.from_bundle import archive_of
from moor.tasks.images.own_login import own_login
from moor.tasks.images.settings import Images, ImageSource
from moor.tasks.images.upstream_answers import origins_of
from moor.tasks.registry.logins import RegistryLogin, docker_auth_entry
from moor.tasks.registry.project.settings import Projects
from moor.tasks.registry.projects import project_of, refuse_unknown_login, robot_login

CONTEXT_LABEL = "io.moor.context"  # label with the hash of the build context
BUILD_S = 1800
UPLOAD_PATH = "/var/lib/moor/context.tar"


def package_sets(host: Host) -> list[tuple[str, ...]]:
    """Return the packages that a host may need, each set installed together; a bundle has them."""
    return [("skopeo",), ("curl",)] if origins_of(host) else []


def desired(host: Host) -> Sequence[Resource]:
    """Return the inventory's images in its order, since an image may be built from one above it.

    Before them comes what brings those of others: the programs, and cosign where an image must be signed.

    Raises:
        InputError: an image has no project, or its archive or login cannot be read
    """
    registry, images = settings_of(host, Registry), settings_of(host, Images).by_name
    for name in images if registry.api == "harbor" else ():
        if not project_of(name):
            raise InputError(f"data.images.{name}: Harbor's images have a project; write PROJECT/REPOSITORY:TAG")
    archives = {name: archive_of(host, name, image.archive) for name, image in images.items() if image.archive}
    brought = brought_images(host, _pusher)
    return [
        *programs(host, brought.values()),
        *(
            brought.get(name)
            or ImageResource(
                name, f"{registry.host_port}/{name}", image, _pusher(host, name, image), archives.get(name)
            )
            for name, image in images.items()
        ),
        *unlisted_tags(host, _pusher),
    ]


def push_images(task: Task) -> Result:
    """Push the images that the registry does not hold yet."""
    return converge(task, desired)


def _pusher(host: Host, name: str, image: ImageSource) -> str:
    """Return the robot or login that pushes an image; raise InputError if there is none."""
    if not image.login:
        return push_robot(host, project_of(name))
    with prefix_errors(f"data.images.{name}.login"):
        refuse_unknown_login(host, project_of(name), image.login)
    return image.login


def push_robot(host: Host, project: str) -> str:
    """Return the name of a project's robot with push access; raise InputError if there is none."""
    found = settings_of(host, Projects).by_name.get(project)
    names = [name for name, robot in found.robots.items() if "push" in robot.access] if found else []
    if not names:
        raise InputError(
            f"{host.name}: data.projects.{project} has no robot with push among its access; images need one, or a "
            "login of data.logins"
        )
    return names[0]


@dataclass(frozen=True)
class ImageResource(Remote):
    """An image in the registry with the id of its archive or of the workstation's image, or built from its context."""

    name: str
    reference: str
    image: ImageSource
    robot: str
    archive: ImageArchive | None = None

    @property
    def id(self) -> str:
        return f"image:{self.name}"

    @property
    def bound_s(self) -> float:
        return BUILD_S

    def desired(self, actual: State | None) -> State:
        if self.image.context:
            return {"context": context_hash(self.image.context)}
        if self.archive:
            return {"image": self.archive.image_id}
        if not actual or not actual.get("local"):
            raise HostError(
                f"{self.id}: the workstation has no image {self.image.present}; build or load it there first"
            )
        return {"image": actual["local"]}

    def read(self, task: Task) -> State | None:
        local = {"local": self._local(task)} if self.image.present else {}
        try:
            held = self._held(task)
        except HarborUnreachable:
            if not may_be_created(task):
                raise
            held = {"context" if self.image.context else "image": "(not known: Harbor does not answer)"}
        return {**local, **(held or {})} if held or local else None

    def _held(self, task: Task) -> dict[str, str] | None:
        harbor, login = harbor_of(task), own_login(task, project_of(self.name), self.robot)
        repository, _, tag = self.name.rpartition(":")
        found = harbor.manifest(repository, tag, login)
        if found is None:
            return None
        digest, manifest = found
        if not manifest.get("config"):
            return {"image": f"an index of several platforms, {digest}"}
        config = manifest["config"]["digest"]
        labels = (harbor.blob(repository, config, login).get("config") or {}).get("Labels") or {}
        return {"image": config, "digest": digest, "context": labels.get(CONTEXT_LABEL, "not built by moor")}

    def _local(self, task: Task) -> str:
        present = quote(self.image.present or "")
        answer = shell_of(task).run(f"docker image inspect -f '{{{{.Id}}}}' {present} 2>/dev/null || :\n")
        return answer.stdout.decode().strip()

    def write(self, task: Task, actual: State | None) -> None:
        login = robot_login(task, project_of(self.name), self.robot)
        if login is None:
            raise HostError(f"the robot {self.robot}, which pushes, does not exist yet; run moor apply registry first")
        user, secret = login
        config = make_docker_config(self.reference.partition("/")[0], user, secret.reveal())
        self._load(task, config)
        _run(task, f'{config}docker --config "$d" push -q {quote(self.reference)}', "push")
        self._compare(task)

    def _load(self, task: Task, config: str) -> None:
        """Build, load or tag the image in the workstation's Docker under its full reference."""
        reference = quote(self.reference)
        if self.image.context:
            with context_tar(self.image.context) as source:
                _feed(task, f"mkdir -p {dirname(UPLOAD_PATH)} && cat > {UPLOAD_PATH}", source, "build")
            label = quote(f"{CONTEXT_LABEL}={context_hash(self.image.context)}")
            # The build needs the login if its base image is in the registry too.
            build = f'docker --config "$d" build -q -t {reference} --label {label} - < {UPLOAD_PATH} >&2'
            _run(task, f"{config}{build}; rc=$?; rm -f {UPLOAD_PATH}; exit $rc", "build")
        elif self.archive:
            with self.archive.open() as source:
                loaded = _feed(task, "docker load -q", source, "load").split()[-1:]
            _run(task, f"docker tag {quote(''.join(loaded))} {reference}", "tag")
        else:
            _run(task, f"docker tag {quote(self.image.present or '')} {reference}", "tag")

    def _compare(self, task: Task) -> None:
        """Raise HostError unless the registry now holds the workstation's image of that reference."""
        local = _run(task, f"docker image inspect -f '{{{{.Id}}}}' {quote(self.reference)}", "image inspect").strip()
        held = self._held(task) or {}
        # The image id is the configuration's hash in Docker's older image store, the manifest's in the newer one.
        if local not in (held.get("image"), held.get("digest")):
            raise HostError(
                f"pushed {local}, but the registry holds {held.get('image', 'nothing')}", ErrorKind.CONFLICT
            )


def make_docker_config(host_port: str, user: str, password: str) -> str:
    """Return sh that makes ``$d``, a Docker configuration directory with one login, removed when the shell ends."""
    content = json.dumps({"auths": {host_port: docker_auth_entry(RegistryLogin(user, password))}})
    # /run is in memory, so the login does not survive a power loss.
    return f"""\
d=$(mktemp -d /run/moor.XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$d"' EXIT; trap 'exit 1' HUP INT TERM
printf %s {quote(content)} > "$d/config.json" || exit 1
"""


def _run(task: Task, script: str, doing: str) -> str:
    return _accepted(shell_of(task).run(f"umask 077\n{script}\n", BUILD_S), doing)


def _feed(task: Task, command: str, source: BinaryIO, doing: str) -> str:
    return _accepted(shell_of(task).stream(f"umask 077; {command}", source, BUILD_S), doing)


def _accepted(answer: ScriptResult, doing: str) -> str:
    if answer.code:
        raise HostError(
            f"docker {doing} failed: {answer.stderr.decode('utf-8', 'replace').strip()[-2000:]}", ErrorKind.COMMAND
        )
    return answer.stdout.decode("utf-8", "replace")
