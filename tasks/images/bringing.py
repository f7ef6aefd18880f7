"""The desired state of images that others made: what brings them, the images, and tags here that nobody lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.apis.harbor_paths import repository_path
from moor.context import site_of
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ErrorKind, HarborUnreachable, HostError, InputError
from moor.resources.base import Remote, Resource, State
from moor.resources.requirement import Requirement
from moor.settings import prefix_errors, settings_of
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import harbor_of, may_be_created
from moor.tasks.images.brought import BroughtImage
from moor.tasks.images.from_bundle import Carried, carried_image
from moor.tasks.images.layout import Held, image_in
from moor.tasks.images.origin import Origin
from moor.tasks.images.own_login import own_login
from moor.tasks.images.settings import Images, ImageSource, Upstream, brings_signatures
from moor.tasks.images.upstream_answers import origins_of, side_of, upstream_of
from moor.tasks.packages import packages
from moor.tasks.registry.answers import API, BY_NAME
from moor.tasks.registry.projects import project_of

SIGNATURE_TAG = re.compile(r"sha256-[0-9a-f]{64}(\..+)?")
SHOWN = 10  # tags that a finding names
Pusher = Callable[[Host, str, ImageSource], str]


def brought_images(host: Host, pusher: Pusher) -> dict[str, BroughtImage]:
    """Return the images that are brought from others, by name; raise InputError about logins and archives."""
    found, sources = dict[str, BroughtImage](), settings_of(host, Images).by_name
    registry, faults = settings_of(host, Registry), list[str]()
    for name, origin in origins_of(host).items():
        source = sources[name]
        try:
            reference, robot = f"{registry.host_port}/{name}", pusher(host, name, source)
            upstream = Upstream() if origin.is_archive else upstream_of(host, origin.place)
            key, along = source.key or upstream.key, brings_signatures(source, upstream)
            # The list of some platforms is moor's, which nobody signs: what upstream signed was verified before.
            if carried := carried_image(host, name, None if source.platforms else key):
                found[name] = _from_bundle(name, reference, robot, carried, along)
                continue
            archive = _archive(host, name, origin) if origin.is_archive else None
            if not origin.is_archive:
                side_of(host, origin.place)  # raises before anything is changed
            found[name] = BroughtImage(name, reference, origin, robot, source.platforms, key, archive, along)
        except InputError as error:
            faults += [line for line in str(error).splitlines() if line not in faults]
    if faults:
        raise InputError("\n".join(faults))
    return found


def _from_bundle(name: str, reference: str, robot: str, carried: Carried, along: bool) -> BroughtImage:
    archive = (carried.folder, carried.held)
    return BroughtImage(
        name, reference, carried.origin, robot, archive=archive, signatures=along, carried=carried.attached
    )


def _archive(host: Host, name: str, origin: Origin) -> tuple[Path, Held]:
    path = site_of(host).directory / origin.place
    with prefix_errors(f"data.images.{name}.from"):
        return path, image_in(origin, path)


def programs(host: Host, images: Iterable[BroughtImage]) -> list[Resource]:
    """Return what the host needs to bring images: skopeo or regctl, curl, and cosign, which moor cannot install."""
    known = list(images)
    if not known:
        return []
    tools = [*packages(host, ("skopeo",), brings=("skopeo", "regctl")), *packages(host, ("curl",), brings=("curl",))]
    signed = next((image for image in known if image.key), None)
    if signed is None:
        return tools
    words = (
        f"cosign is not installed, and {signed.name} must be signed by {signed.key}; put its one binary at "
        "/usr/local/bin/cosign of this host (it is no package of Debian), or leave key out"
    )
    fragment = "PATH=$PATH:/usr/local/bin; command -v cosign >/dev/null 2>&1 || echo missing"
    return [*tools, Requirement("cosign", fragment, lambda said: words if said.strip() else "")]


def unlisted_tags(host: Host, pusher: Pusher) -> list[Resource]:
    """Return the tags of repositories whose tags the inventory lists, beside those."""
    sources, registry = settings_of(host, Images).by_key, settings_of(host, Registry)
    for name, source in sources.items():
        if source.prune and registry.api != "harbor":
            raise InputError(
                f"data.images.{name}.prune: only Harbor's API removes a tag alone; remove it there yourself"
            )
    listed = {
        name: {one.rpartition(":")[2] for one in settings_of(host, Images).by_name if one.rpartition(":")[0] == name}
        for name, source in sources.items()
        if source.tags
    }
    return [
        UnlistedTags(name, tuple(sorted(tags)), pusher(host, f"{name}:x", sources[name]), sources[name].prune)
        for name, tags in listed.items()
    ]


@dataclass(frozen=True)
class UnlistedTags(Remote):
    """Tags of a repository that the inventory does not list: a finding, or removed where ``prune`` says so.

    A manifest that loses its last tag stays until Harbor collects garbage.
    """

    name: str
    listed: tuple[str, ...]
    robot: str
    prune: bool

    @property
    def id(self) -> str:
        return f"unlisted-tags:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"tags": "none"}

    def read(self, task: Task) -> State | None:
        try:
            found = self._unlisted(task)
        except HarborUnreachable:
            if not may_be_created(task):
                raise
            found = []
        if found and not self.prune:
            self._report(task, found)
        return {"tags": " ".join(found) if found and self.prune else "none"}

    def _unlisted(self, task: Task) -> list[str]:
        login, last, found = own_login(task, project_of(self.name), self.robot), "", list[str]()
        while True:
            path = f"/v2/{self.name}/tags/list?n=1000{f'&last={quote(last)}' if last else ''}"
            answer = harbor_of(task).ask_registry("GET", path, login=login)
            if answer.status_code in (401, 404):
                return []
            try:
                tags = [str(tag) for tag in answer.json().get("tags") or []] if answer.is_success else None
            except (ValueError, AttributeError):
                tags = None
            if tags is None:
                raise HostError(f"{self.id}: GET {path}: {answer.status_code}: no list of tags", ErrorKind.ANSWER)
            found += tags
            if "next" not in answer.headers.get("Link", "") or not tags or tags[-1] == last:
                break
            last = tags[-1]
        return [tag for tag in dict.fromkeys(found) if tag not in self.listed and not SIGNATURE_TAG.fullmatch(tag)]

    def _report(self, task: Task, tags: Sequence[str]) -> None:
        more = f" and {len(tags) - SHOWN} more" if len(tags) > SHOWN else ""
        what = f"{self.name} has tags that data.images does not list: {', '.join(tags[:SHOWN])}{more}"
        mend = f"list them in data.images.{self.name}.tags, or write prune: true there to have them removed"
        found = Finding(self.id, what, mend, task.host.name)
        if found not in [sub.found for sub in task.results if isinstance(sub, FindingResult)]:
            task.results.append(FindingResult(task.host, found))

    def write(self, task: Task, actual: State | None) -> None:
        place = f"{API}{repository_path(self.name)}/artifacts"
        for tag in self._unlisted(task):
            harbor_of(task).change("DELETE", f"{place}/{tag}/tags/{tag}", None, BY_NAME)
